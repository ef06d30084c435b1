"""How many reminders a patient may get (design section 4 rule 4): so many a day, so many in any seven days.

Caps bind reminders. Notices are neither bound nor counted: a notice of a change must never cost the patient
tomorrow's reminder, nor wait for one. Days are local days of the patient.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime

from surveillance.core.dates import DAY, local_day
from surveillance.core.messages.planned import CAPPED, Planned, on_channel, stem
from surveillance.core.messages.policy import NOTICES, WEIGHT, Policy
from surveillance.core.words import Channel

_WEEK = 7  # days


def apply_caps(
    planned: Iterable[Planned], sent: Mapping[str, datetime], policy: Policy, zone: str, now: datetime
) -> list[Planned]:
    """The same messages, with the reason on each that a cap drops; heavier steps first, then the earlier.

    ``sent`` maps the key of each reminder that went out, or may have, to the UTC moment it did. What is already
    out, expired or a notice passes as it is. A message that should have gone out counts on the day it can.
    """
    gone = {stem(key) for key in sent}
    days = Counter(local_day(moment, zone) for moment in sent.values())
    reasons: dict[str, str] = {}
    messages = list(planned)
    for message in sorted(messages, key=_weight):
        if message.step in NOTICES or stem(message.key) in gone or message.expires_at <= now:
            continue
        day = local_day(max(message.due_at, now), zone)
        if reason := cap_reason(policy, day, days):
            reasons[message.key] = reason
        else:
            days[day] += 1
    return [replace(message, dropped=reasons.get(message.key)) for message in messages]


def call_instead(capped: Iterable[Planned], unknown_days: Collection[date], now: datetime) -> list[Planned]:
    """The same messages, but a visit of ``unknown_days`` that the caps would hide altogether is told by a call.

    Too many messages in one week must not cost the patient a visit: the last of the dropped ones becomes a call.
    """
    messages = list(capped)
    for day in unknown_days:
        of_day = [
            each for each in messages if each.subject_day == day and each.appointment_id and each.expires_at > now
        ]
        if of_day and all(each.dropped for each in of_day):
            last = max(of_day, key=lambda each: (each.expires_at, each.due_at, each.key))
            key = on_channel(last.key, Channel.CALL)
            messages[messages.index(last)] = replace(last, key=key, channel=Channel.CALL, dropped=None)
    return messages


def cap_reason(policy: Policy, day: date, sent_on: Mapping[date, int]) -> str | None:
    """Why no further reminder may go out on local ``day``; None if one may. ``sent_on`` counts them by local day."""
    if sent_on.get(day, 0) >= policy.per_day:
        return f"{CAPPED}{policy.per_day} a day is reached on {day.isoformat()}"
    for start in (day - back * DAY for back in range(_WEEK)):
        if sum(sent_on.get(start + ahead * DAY, 0) for ahead in range(_WEEK)) >= policy.per_week:
            return f"{CAPPED}{policy.per_week} in 7 days are reached around {day.isoformat()}"
    return None


def _weight(message: Planned) -> tuple[int, datetime, str]:
    return WEIGHT.index(message.step), message.due_at, message.key
