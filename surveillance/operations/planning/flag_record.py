"""What is known of the safety flags of visits, in words: for the visit, the list of the day and the order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from surveillance.core.protocols.protocol import Item, Substitute
from surveillance.core.protocols.safety import REDUCED, with_contrast
from surveillance.core.schedule.examinations import FindingKind
from surveillance.core.words import AppointmentState
from surveillance.operations.planning import flags
from surveillance.operations.planning.flags import Asked
from surveillance.operations.work import Work
from surveillance.store.planning import plans
from surveillance.store.tables import Appointment, AppointmentItem, FindingRow, Patient, PlanTerms, User
from surveillance.store.visits import appointments


@dataclass(frozen=True, slots=True)
class FlagLine:
    """One examination of a visit: what is done, what speaks against it, and who confirmed it with which reason.

    ``open``: something speaks against it that nobody has confirmed.
    """

    line: AppointmentItem
    item: Item
    substitute: Substitute | None
    asked: Asked | None
    by: str

    @property
    def title(self) -> str:
        """What is done, as people call it."""
        return f"{self.substitute.title}, instead of {self.item.title}" if self.substitute else self.item.title

    @property
    def contrast(self) -> bool:
        return with_contrast(self.item, self.substitute)

    @property
    def why(self) -> str:
        """What speaks against it; empty where nothing does."""
        return flags.why(self.asked.concerns) if self.asked else ""

    @property
    def open(self) -> str:
        """What of it nobody confirmed; empty where all is."""
        return flags.why(self.asked.open) if self.asked else ""

    @property
    def confirmed_at(self) -> datetime | None:
        return self.line.flags_confirmed_at

    @property
    def reason(self) -> str:
        return self.line.flags_reason

    @property
    def said(self) -> str:
        """One sentence for a list; empty where there is nothing to say."""
        if self.open:
            return f"{self.item.title}: NOT CONFIRMED: {self.open}"
        if self.why:
            return f"{self.item.title}: {self.why}; confirmed by {self.by}: {self.reason}"
        return self.title if self.substitute else ""


Wanted = Iterable[tuple[Appointment, Patient, Sequence[AppointmentItem]]]


def of_visits(work: Work, wanted: Wanted) -> dict[UUID, list[FlagLine]]:
    """The examinations of visits that are or were booked, in a number of queries that does not grow with them."""
    visits = [each for each in wanted if each[0].state is not AppointmentState.PROPOSED]
    terms = plans.all_terms_in_force(work.session, [row.plan_id for row, *_ in visits])
    names = _names(work, (line.flags_confirmed_by for *_, lines in visits for line in lines))
    return {
        row.id: list(_lines(work, row, patient, lines, terms[row.plan_id], names)) for row, patient, lines in visits
    }


def _lines(
    work: Work,
    row: Appointment,
    patient: Patient,
    lines: Sequence[AppointmentItem],
    terms: Sequence[PlanTerms],
    names: Mapping[UUID | None, str],
) -> Iterable[FlagLine]:
    asked = {each.line.id: each for each in flags.asked(work, patient, terms, row, lines)}
    for line in lines:
        item = flags.item_of(work, terms, line.item)
        if item is not None:
            substitute = next((each for each in item.substitutes if each.code == line.substitute), None)
            yield FlagLine(line, item, substitute, asked.get(line.id), names.get(line.flags_confirmed_by, ""))


def _names(work: Work, user_ids: Iterable[UUID | None]) -> dict[UUID | None, str]:
    ids = {each for each in user_ids if each is not None}
    if not ids:
        return {}
    return dict(work.session.exec(select(col(User.id), col(User.name)).where(col(User.id).in_(ids))).all())


def plans_to_mend(work: Work, site_id: UUID, today: date) -> list[UUID]:
    """Plans whose booked visits ahead wait for an answer otherwise than the board says, whoever changed a flag."""
    rows = _flagged_visits(work, site_id, today)
    lines = appointments.lines_of(work.session, [row.id for row, _ in rows])
    known = of_visits(work, [(row, patient, lines.get(row.id, [])) for row, patient in rows])
    plan_of = {row.id: row.plan_id for row, _ in rows}
    waiting = {
        (plan_of[visit], str(visit), each.line.item) for visit, own in known.items() for each in own if each.open
    }
    statement = select(FindingRow).where(
        FindingRow.site_id == site_id,
        FindingRow.kind == FindingKind.FLAG_UNCONFIRMED,
        col(FindingRow.since) >= today,
    )
    stored = {(row.plan_id, row.subject, row.item) for row in work.session.exec(statement)}
    return sorted({plan_id for plan_id, *_ in waiting ^ stored})


def _flagged_visits(work: Work, site_id: UUID, today: date) -> list[tuple[Appointment, Patient]]:
    """Booked visits ahead of patients with a flag."""
    flagged = sa.or_(col(Patient.mri_unsafe), col(Patient.contrast_allergy), col(Patient.egfr) < REDUCED)
    statement = (
        select(Appointment, Patient)
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .where(
            Appointment.site_id == site_id,
            Appointment.state == AppointmentState.BOOKED,
            col(Appointment.day) >= today,
            flagged,
        )
    )
    return list(work.session.exec(statement))
