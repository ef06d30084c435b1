"""The list of a day, to take along on paper: who comes today, and who is to be called."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.words import AppointmentState
from surveillance.operations.board import worklist
from surveillance.operations.board.worklist import Filter, Worklist, WorklistRow
from surveillance.operations.planning import flag_record
from surveillance.operations.planning.flag_record import FlagLine
from surveillance.operations.record.patient_record import flags_of
from surveillance.operations.work import Work
from surveillance.store.registry import patients
from surveillance.store.tables import Appointment, Contact, Patient, Place, Site
from surveillance.store.visits import appointments

TO_CALL: Final = (Worklist.OVERDUE, Worklist.RESCHEDULE, Worklist.DUE, Worklist.OUTCOME_UNKNOWN, Worklist.TO_ORDER)
MOST: Final = 60  # calls of each list: more is no list of a day


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who comes today."""

    row: Appointment
    patient: Patient
    place: str
    items: Sequence[str]
    contacts: Sequence[Contact]
    zone: str
    flags: Sequence[str]  # the patient's
    examined: Sequence[FlagLine]  # what is done, and what flags say to it

    @property
    def said(self) -> list[str]:
        """What has to be known of single examinations: done instead, confirmed, or not confirmed yet."""
        return [each.said for each in self.examined if each.said]


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody to call, with all that is to be said on one call."""

    rows: Sequence[WorklistRow]
    contacts: Sequence[Contact]


def visits(work: Work, sites: Sequence[Site], day: date) -> list[Visit]:
    """The booked visits of a day, by time."""
    statement = (
        select(Appointment, Patient, Place)
        .join(Patient, col(Patient.id) == col(Appointment.patient_id))
        .outerjoin(Place, col(Place.id) == col(Appointment.place_id))
        .where(
            col(Appointment.site_id).in_([site.id for site in sites]),
            col(Appointment.day) == day,
            col(Appointment.state) == AppointmentState.BOOKED,
        )
        .order_by(col(Appointment.starts_at), col(Patient.folded))
    )
    found = list(work.session.exec(statement))
    lines = appointments.lines_of(work.session, [row.id for row, _, _ in found])
    open_lines = {row.id: [each for each in lines.get(row.id, []) if each.outcome is None] for row, *_ in found}
    contacts = patients.contacts_of(work.session, [patient.id for _, patient, _ in found])
    examined = flag_record.of_visits(work, [(row, patient, open_lines[row.id]) for row, patient, _ in found])
    return [
        Visit(
            row,
            patient,
            place.name if place else "",
            [line.item for line in open_lines[row.id]],
            contacts.get(patient.id, []),
            work.site(row.site_id).time_zone,
            list(flags_of(patient)),
            examined.get(row.id, ()),
        )
        for row, patient, place in found
    ]


def calls(work: Work, sites: Sequence[Site], wanted: Filter) -> list[Call]:
    """The patients to call, whoever has waited longest first; what one of them is called about stands together."""
    site_ids = [site.id for site in sites]
    by_patient: dict[UUID, list[WorklistRow]] = {}
    for name in TO_CALL:
        for row in worklist.rows(work, site_ids, name, wanted, limit=MOST):
            if row.patient_id is not None:
                by_patient.setdefault(row.patient_id, []).append(row)
    contacts = patients.contacts_of(work.session, by_patient)
    return [Call(rows, contacts.get(patient_id, [])) for patient_id, rows in by_patient.items()]
