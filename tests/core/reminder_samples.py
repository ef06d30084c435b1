"""The shipped policy and a small cast for the tests of reminders: one patient in New York and her visits."""

from datetime import UTC, date, datetime, time, timedelta

from surveillance.catalogue.policy import load_policy
from surveillance.core.dates import to_utc
from surveillance.core.messages.changes import ReminderChanges, Stored
from surveillance.core.messages.planned import Due, Planned, Recipient, Told, Visit
from surveillance.core.words import ReminderState, Step
from surveillance.paths import config_folder

POLICY = load_policy(config_folder() / "reminders.yaml")
NEW_YORK = "America/New_York"
JUNE_1 = datetime(2026, 6, 1, 15, 0, tzinfo=UTC)  # 11:00 in New York
VISIT_DAY = date(2026, 6, 24)


def patient(**changes) -> Recipient:
    return Recipient(
        **{"patient_id": "p1", "zone": NEW_YORK, "site_zone": NEW_YORK, "messages_from": date(2026, 1, 1), **changes}
    )


def visit(
    day=VISIT_DAY, at=time(9, 30), *, id="a1", sequence=0, booked=JUNE_1, edited=None, place="Room 2", cancelled=False
) -> Visit:
    return Visit(id, day, at, NEW_YORK, place, sequence, booked, edited or booked, cancelled)


def told(about: Visit, at=JUNE_1 + timedelta(minutes=10), *, cancelled=False) -> Told:
    """What a message sent at ``at`` said of ``about``."""
    return Told(about.appointment_id, about.sequence, about.day, about.at, about.zone, about.place, at, cancelled)


def due(window_start=date(2026, 6, 10), overdue_from=date(2026, 7, 9), *, booked=False, known_at=JUNE_1) -> Due:
    return Due(window_start, overdue_from, booked, known_at)


def new_york(day: date, at: str) -> datetime:
    return to_utc(day, time.fromisoformat(at), NEW_YORK)


def steps(planned: list[Planned]) -> list[Step]:
    return [message.step for message in planned]


def of_step(planned: list[Planned], step: Step) -> Planned:
    (found,) = [message for message in planned if message.step is step]
    return found


def stored(planned: Planned, state=ReminderState.PLANNED, reason="") -> Stored:
    return Stored(
        planned.key, state, planned.due_at, planned.expires_at, planned.appointment_id, planned.sequence, reason
    )


def apply(changes: ReminderChanges, rows: list[Stored]) -> list[Stored]:
    """What the store does with changes."""
    after = {row.key: row for row in rows}
    for message in [*changes.add, *changes.reopen, *changes.move]:
        after[message.key] = stored(
            message, ReminderState.DROPPED if message.dropped else ReminderState.PLANNED, message.dropped or ""
        )
    for message in changes.drop:
        after[message.key] = stored(message, ReminderState.DROPPED, message.dropped or "")
    for key, reason in changes.void:
        row = after[key]
        after[key] = Stored(
            key, ReminderState.VOIDED, row.due_at, row.expires_at, row.appointment_id, row.sequence, reason
        )
    return list(after.values())
