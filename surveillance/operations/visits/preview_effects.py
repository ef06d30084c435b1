"""What booking, moving or cancelling would bring, known before it is done: it is done, looked at and taken back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from surveillance.core.errors import ForbiddenError, SurveillanceError, UnavailableError
from surveillance.core.schedule.examinations import Key
from surveillance.core.schedule.status import status
from surveillance.core.words import AppointmentState, ReminderState, Status, Step
from surveillance.operations.messages import channel_choice, lists
from surveillance.operations.messages.channel_choice import ChannelChoice
from surveillance.operations.messages.patient_context import PatientContext, patient_context
from surveillance.operations.work import Work
from surveillance.store.messages import reminders as store
from surveillance.store.planning import plans
from surveillance.store.tables import Appointment, Patient, Reminder
from surveillance.store.visits import appointments

_WAITING: Final = (ReminderState.PLANNED, ReminderState.CLAIMED)
_AHEAD: Final = (*_WAITING, ReminderState.TASK, ReminderState.DROPPED)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message: when in the patient's own time, by which way, what it says. ``dropped``: why it is not sent."""

    step: Step
    at: datetime
    zone: str
    choice: ChannelChoice
    text: str
    dropped: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """``fault`` says why it cannot be done. ``goes_out`` are messages about these visits, ``voided`` those that will
    not be sent any more; ``standing`` is where the examinations stand then, and ``slots`` what each item counts for.
    """

    fault: str = ""
    goes_out: Sequence[Outgoing] = ()
    voided: Sequence[Outgoing] = ()
    standing: Sequence[tuple[Key, Status]] = ()
    slots: Sequence[tuple[Key, Key]] = ()


def preview(work: Work, patient: Patient, change: Callable[[], Sequence[Appointment]]) -> Preview:
    """What ``change`` would bring; nothing of it stays. It returns the visits that it is about."""
    with work.session.begin_nested() as trial:
        try:
            found = _tried(work, patient, change)
        except (ForbiddenError, UnavailableError):
            raise
        except SurveillanceError as error:
            found = Preview(fault=str(error))
        trial.rollback()
    return found


def _tried(work: Work, patient: Patient, change: Callable[[], Sequence[Appointment]]) -> Preview:
    session = work.session
    before = {row.key: (row.state, row.due_at) for row in store.of_patient(session, patient.id)}
    keys = _keys(work, patient)
    visits = change()
    session.flush()
    now = patient_context(work, patient)
    ids = {visit.id for visit in visits}
    rows = now.rows
    changed = [row for row in rows if before.get(row.key) != (row.state, row.due_at)]
    ahead = [row for row in rows if row.state in _WAITING and row.appointment_id in ids]
    ahead += [row for row in changed if row.state in _AHEAD and row not in ahead]
    voided = [row for row in changed if row.key in before and before[row.key][0] in _WAITING and row not in ahead]
    covered = [line for visit in visits for line in appointments.lines(session, visit.id)]
    return Preview(
        goes_out=[_outgoing(work, now, row) for row in sorted(ahead, key=lambda row: row.due_at)],
        voided=[_outgoing(work, now, row, text=False) for row in sorted(voided, key=lambda row: row.due_at)],
        standing=_standing(work, visits, [appointments.key(line) for line in covered]),
        slots=[
            (keys[line.appointment_id, line.item], appointments.key(line))
            for line in covered
            if (line.appointment_id, line.item) in keys
        ],
    )


def _keys(work: Work, patient: Patient) -> Mapping[tuple[UUID, str], Key]:
    """What each line of the patient's booked visits counts for."""
    booked = appointments.of_patient(work.session, patient.id, AppointmentState.BOOKED)
    lines = appointments.lines_of(work.session, [visit.id for visit in booked])
    return {(line.appointment_id, line.item): appointments.key(line) for own in lines.values() for line in own}


def _standing(work: Work, visits: Sequence[Appointment], keys: Sequence[Key]) -> list[tuple[Key, Status]]:
    """Where the examinations of the visits stand in their plan."""
    rows = plans.projected(work.session, visits[0].plan_id) if visits else {}
    today = work.today(work.site(visits[0].site_id)) if visits else None
    return [(key, status(plans.examination(rows[key]), today)) for key in keys if key in rows and today is not None]


def _outgoing(work: Work, now: PatientContext, row: Reminder, *, text: bool = True) -> Outgoing:
    zone = now.recipient.zone
    moment = max(row.due_at, row.not_before or row.due_at)
    return Outgoing(
        row.step,
        moment.astimezone(ZoneInfo(zone)),
        zone,
        channel_choice.choose(work, now, row.step),
        lists.text_of(work, row, now.patient) if text else "",
        row.reason if row.state in (ReminderState.DROPPED, ReminderState.TASK) else "",
    )


def waiting(work: Work, visit: Appointment) -> int:
    """How many messages about a visit are still to go out."""
    rows = store.of_patient(work.session, visit.patient_id)
    return sum(row.appointment_id == visit.id and row.state in _WAITING for row in rows)
