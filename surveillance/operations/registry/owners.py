"""Whose patients are whose: handing over what somebody looked after, all at once or one by one."""

from uuid import UUID

from sqlmodel import col, select

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.words import Role
from surveillance.operations.registry.consents import WRITERS
from surveillance.operations.work import Note, Work
from surveillance.store.audit.events import picture
from surveillance.store.tables import Membership, Patient, ResultTask, Site, User

OWNERS = (Role.COORDINATOR, Role.CLINICIAN)  # who may look after patients


def hand_over(work: Work, site: Site, of: User, to: User) -> int:
    """Give all patients of a site that are somebody's to somebody else, and the tasks that came of results.

    Returns how many patients and tasks.

    Raises:
        InvalidInputError: whoever takes over does not act at the site, or is the same person.
        ConflictError: there is nothing to hand over.
    """
    work.require(site.id, *WRITERS)
    if of.id == to.id:
        raise InvalidInputError(f"{of.name} cannot hand over to {to.name}: name somebody else")
    check_owner(work, site.id, to.id)
    notes = [*_patients(work, site, of, to), *_tasks(work, site, of, to)]
    if not notes:
        raise ConflictError(f"{of.name} looks after nobody at {site.code}")
    work.session.flush()
    work.audit_all(notes)
    return len(notes)


def hand_over_one(work: Work, patient: Patient, to: UUID) -> None:
    """Give one patient to somebody. Raises InvalidInputError where that one does not act at the site."""
    work.require(patient.site_id, *WRITERS)
    check_owner(work, patient.site_id, to)
    before = picture(patient, ("owner_id",))
    patient.owner_id = to
    work.session.flush()
    work.audit("patient.owner", patient, patient_id=patient.id, before=before, after=picture(patient, before))


def hand_over_task(work: Work, task: ResultTask, to: UUID) -> None:
    """Give one task that came of a result to somebody. Raises as ``hand_over_one``."""
    work.require(task.site_id, *WRITERS)
    check_owner(work, task.site_id, to)
    before = picture(task, ("owner_id",))
    task.owner_id = to
    work.session.flush()
    work.audit("result_task.owner", task, before=before, after=picture(task, before))


def check_owner(work: Work, site_id: UUID, user_id: UUID) -> None:
    """Raises InvalidInputError unless somebody acts at the site as one who looks after patients."""
    user, row = work.session.get(User, user_id), work.session.get(Membership, (user_id, site_id))
    if user is None or user.disabled_at is not None or row is None or row.role not in OWNERS:
        who = user.name if user is not None else "that user"
        code = work.site(site_id).code
        raise InvalidInputError(f"{who} is no coordinator or clinician who acts at {code}; name one who is")


def owned(work: Work, site: Site, user: User) -> int:
    """How many living patients and open tasks of a site are somebody's."""
    return len(_rows(work, site, user)) + len(_open_tasks(work, site, user))


def _rows(work: Work, site: Site, user: User) -> list[Patient]:
    statement = select(Patient).where(
        Patient.site_id == site.id, Patient.owner_id == user.id, col(Patient.died_on).is_(None)
    )
    return list(work.session.exec(statement.order_by(col(Patient.id))))


def _open_tasks(work: Work, site: Site, user: User) -> list[ResultTask]:
    statement = select(ResultTask).where(
        ResultTask.site_id == site.id,
        ResultTask.owner_id == user.id,
        col(ResultTask.done_on).is_(None),
        col(ResultTask.retracted_at).is_(None),
    )
    return list(work.session.exec(statement.order_by(col(ResultTask.id))))


def _patients(work: Work, site: Site, of: User, to: User) -> list[Note]:
    rows = _rows(work, site, of)
    for row in rows:
        row.owner_id = to.id
    before, after = {"owner_id": of.id}, {"owner_id": to.id}
    return [Note("patient.owner", row, patient_id=row.id, before=before, after=after) for row in rows]


def _tasks(work: Work, site: Site, of: User, to: User) -> list[Note]:
    rows = _open_tasks(work, site, of)
    for row in rows:
        row.owner_id = to.id
    before, after = {"owner_id": of.id}, {"owner_id": to.id}
    return [Note("result_task.owner", row, before=before, after=after) for row in rows]
