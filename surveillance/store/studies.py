"""Studies: the evidence, and how far each has come."""

from uuid import UUID

from sqlmodel import Session, col, select

from surveillance.store.tables import Study, StudyItem


def of_patient(session: Session, patient_id: UUID) -> list[Study]:
    """The studies of a patient that are not retracted, by day."""
    statement = select(Study).where(Study.patient_id == patient_id, col(Study.retracted_at).is_(None))
    return list(session.exec(statement.order_by(col(Study.performed_on), col(Study.id))))


def items(session: Session, study_id: UUID) -> list[str]:
    return list(session.exec(select(col(StudyItem.item)).where(StudyItem.study_id == study_id)))


def by_accession(session: Session, site_id: UUID, accession: str) -> Study | None:
    statement = select(Study).where(
        Study.site_id == site_id, Study.accession == accession, col(Study.retracted_at).is_(None)
    )
    return session.exec(statement).first()
