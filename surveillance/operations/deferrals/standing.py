"""Who is put off at the moment: listed, and counted for the proof."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.deferrals import LONG
from surveillance.core.words import DeferralKind
from surveillance.operations.work import Work, found
from surveillance.store.tables import Deferral, Patient, Site, User


@dataclass(frozen=True, slots=True)
class Standing:
    """One deferral that stands: whom it puts off, and who granted it."""

    row: Deferral
    patient: Patient
    by: User

    @property
    def is_long(self) -> bool:
        """Whether it puts off for more than a year in all."""
        return (self.row.until - self.row.since).days >= LONG


@dataclass(frozen=True, slots=True)
class Summary:
    """How many are put off by what; ``long`` for a year or more, with the names of who signed that."""

    by_kind: Mapping[DeferralKind, int]
    patients: int
    long: int
    signed_by: Sequence[str]


def of_sites(work: Work, sites: Sequence[Site]) -> list[Standing]:
    """The standing deferrals of sites, those that are looked at first first."""
    statement = (
        select(Deferral, Patient, User)
        .join(Patient, col(Patient.id) == col(Deferral.patient_id))
        .join(User, col(User.id) == col(Deferral.recorded_by))
        .where(col(Deferral.site_id).in_([site.id for site in sites]), col(Deferral.settled_at).is_(None))
        .order_by(col(Deferral.until), col(Deferral.id))
    )
    return [Standing(*row) for row in work.session.exec(statement)]


def of_patient(work: Work, patient: Patient) -> list[Standing]:
    return [each for each in of_sites(work, [work.site(patient.site_id)]) if each.patient.id == patient.id]


def summary(work: Work, sites: Sequence[Site]) -> Summary:
    """What the proof says of who is put off: only what reaches beyond today counts."""
    rows = [each for each in of_sites(work, sites) if each.row.until > work.today(work.site(each.row.site_id))]
    long = [each for each in rows if each.is_long]
    return Summary(
        by_kind=Counter(each.row.kind for each in rows),
        patients=len({each.patient.id for each in rows}),
        long=len(long),
        signed_by=sorted({each.by.name for each in long}),
    )


def by_id(work: Work, deferral_id: UUID) -> Deferral:
    return found(work.session.get(Deferral, deferral_id), "deferral", str(deferral_id))
