"""Which messages a patient should get (design section 4 rules 1, 2 and 5).

What is wanted is a function of facts alone, not of the clock: planning anew at any later moment wants the same,
until a fact changes. At sending time the same function says whether a message is still true.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time

from surveillance.core.dates import DAY, local_day, to_utc
from surveillance.core.messages.caps import apply_caps, call_instead
from surveillance.core.messages.notices import knows, notices
from surveillance.core.messages.planned import Due, Planned, Recipient, Told, Visit, first_visits, reminder_key
from surveillance.core.messages.policy import COUNTDOWN, Policy, StepRule, next_permitted
from surveillance.core.words import Step


def plan_messages(
    policy: Policy,
    recipient: Recipient,
    visits: Sequence[Visit],
    dues: Iterable[Due],
    told: Sequence[Told],
    sent: Mapping[str, datetime],
    now: datetime,
) -> list[Planned]:
    """What is wanted, with what the caps drop, ready to be reconciled; ``sent`` as for ``apply_caps``.

    A visit whose messages are all dropped, so that the patient would never hear of it, is a call.
    """
    wanted = wanted_reminders(policy, recipient, visits, dues, told)
    unknown = {day for day, visit in first_visits(visits).items() if not knows(told, visit)}
    return call_instead(apply_caps(wanted, sent, policy, recipient.zone, now), unknown, now)


def wanted_reminders(
    policy: Policy,
    recipient: Recipient,
    visits: Sequence[Visit],
    dues: Iterable[Due],
    told: Sequence[Told],
) -> list[Planned]:
    """Every message that the facts call for, each on its step's first channel, before any cap.

    ``visits`` are all appointments that the patient has or was told of, the cancelled ones too; ``told`` is the
    whole history. Nothing is wanted for the dead, and nothing before the site's ``messages_from``.
    """
    if not recipient.alive or recipient.messages_from is None:
        return []
    planned = notices(policy, recipient, visits, told)
    if recipient.active:
        announced = {message.day for message in told} | {notice.subject_day for notice in planned}
        planned += _of_visits(policy, recipient, visits, announced)
        planned += _of_windows(policy, recipient, dues)
    start = to_utc(recipient.messages_from, time(0), recipient.site_zone)
    return sorted((p for p in planned if p.due_at >= start), key=lambda p: (p.due_at, p.key))


def _of_visits(
    policy: Policy, recipient: Recipient, visits: Iterable[Visit], announced: set[date]
) -> Iterator[Planned]:
    for visit in first_visits(visits).values():
        if visit.day not in announced:
            yield from _on_booking(policy, recipient, visit)
        for step in COUNTDOWN:
            yield from _countdown(policy, recipient, visit, policy.steps[step])


def _on_booking(policy: Policy, recipient: Recipient, visit: Visit) -> Iterator[Planned]:
    """A short while after the last edit, so that three edits of a new booking make one message."""
    rule = policy.steps[Step.ON_BOOKING]
    due = next_permitted(policy, visit.known_at + policy.notice_delay, recipient.zone)
    yield from _reminder(recipient, rule, visit.day, due, local_day(due, recipient.zone), visit)


def _countdown(policy: Policy, recipient: Recipient, visit: Visit, rule: StepRule) -> Iterator[Planned]:
    """Calendar days before the visit. What was past when the visit was booked or moved is not planned."""
    day = visit.day - (rule.days_before or 0) * DAY
    due = _at(policy, rule, day, recipient.zone)
    if due > visit.known_at:
        yield from _reminder(recipient, rule, visit.day, due, day, visit)


def _of_windows(policy: Policy, recipient: Recipient, dues: Iterable[Due]) -> Iterator[Planned]:
    """One message a step and window, however many examinations share it.

    A day that was past when the examination became known is for the board, not for a message; a day that had
    only begun is not skipped.
    """
    first: dict[date, Due] = {}
    for due in sorted(dues, key=lambda due: (due.overdue_from, due.known_at)):
        if not due.booked:
            first.setdefault(due.window_start, due)
    before = (policy.steps[Step.BOOK_NOW].days_before or 0) * DAY
    for due in first.values():
        yield from _of_window(policy, recipient, due, Step.OVERDUE, due.overdue_from)
        yield from _of_window(policy, recipient, due, Step.BOOK_NOW, due.window_start - before)


def _of_window(policy: Policy, recipient: Recipient, due: Due, step: Step, day: date) -> Iterator[Planned]:
    if local_day(due.known_at, recipient.zone) > day:
        return
    rule = policy.steps[step]
    moment = max(_at(policy, rule, day, recipient.zone), due.known_at + policy.notice_delay)
    moment = next_permitted(policy, moment, recipient.zone)
    yield from _reminder(recipient, rule, due.window_start, moment, day, None)


def _at(policy: Policy, rule: StepRule, day: date, zone: str) -> datetime:
    return next_permitted(policy, to_utc(day, rule.send_at or policy.send_from, zone), zone)


def _reminder(
    recipient: Recipient, rule: StepRule, subject: date, due: datetime, planned_day: date, visit: Visit | None
) -> Iterator[Planned]:
    """The message, unless the step is off or its useful time ends before it begins."""
    if not rule.enabled or rule.latest is None:
        return
    expires = to_utc(planned_day + rule.latest.days_after * DAY, rule.latest.at, recipient.zone)
    expires = min(expires, visit.moment) if visit else expires
    if due < expires:
        yield Planned(
            key=reminder_key(recipient.patient_id, rule.step, subject, rule.channels[0]),
            step=rule.step,
            channel=rule.channels[0],
            subject_day=subject,
            appointment_id=visit.appointment_id if visit else None,
            sequence=visit.sequence if visit else None,
            due_at=due,
            expires_at=expires,
        )


def told_otherwise(planned: Planned, others: Iterable[Planned], visits: Sequence[Visit], told: Sequence[Told]) -> bool:
    """Whether the patient learns what ``planned`` says although it does not go out.

    Either the patient's last word on that day is the truth, or one of ``others``, those still to be sent, tells
    of the same day and is useful for longer.
    """
    first = first_visits(visits).get(planned.subject_day)
    if first is not None and knows(told, first):
        return True
    return any(
        other.subject_day == planned.subject_day
        and other.appointment_id is not None
        and other.dropped is None
        and other.expires_at > planned.expires_at
        for other in others
    )
