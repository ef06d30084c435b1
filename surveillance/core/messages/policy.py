"""When and how patients are reminded, as data (config/reminders.yaml; design section 4 rules 1, 4 and 5).

Send hours hold in the patient's own zone, the first hour included and the last excluded. They must lie inside the
quiet-hours rule for calls and texts, 47 CFR 64.1200(c)(1): 8 am to 9 pm at the called party's location.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from surveillance.core.dates import DAY, local_day, to_utc
from surveillance.core.protocols.faults import Fault
from surveillance.core.words import Channel, Step

# Who wins where a cap allows only some; notices stand first but are not bound by caps (rule 4).
WEIGHT: tuple[Step, ...] = (
    Step.CANCEL,
    Step.CHANGE,
    Step.DAYS_1,
    Step.DAYS_3,
    Step.ON_BOOKING,
    Step.DAYS_7,
    Step.OVERDUE,
    Step.BOOK_NOW,
)
# What the facts call for, by the policy.
PLANNED_STEPS: tuple[Step, ...] = tuple(step for step in Step if step is not Step.ANSWER)
NOTICES = frozenset({Step.CHANGE, Step.CANCEL})
UNCAPPED = NOTICES | {Step.ANSWER}
COUNTDOWN = (Step.DAYS_7, Step.DAYS_3, Step.DAYS_1)
AT_ONCE = frozenset({Step.ON_BOOKING, *NOTICES})  # due a short while after an edit, not at an hour of the day
COUNTED_BACK = frozenset({*COUNTDOWN, Step.BOOK_NOW})
BY_PERSON = frozenset({Channel.CALL, Channel.LETTER})
_EARLIEST, _LATEST = time(8), time(21)


@dataclass(frozen=True, slots=True)
class Latest:
    """Until when a message is still useful: a local time, some days after the day it was planned for."""

    days_after: int
    at: time


@dataclass(frozen=True, slots=True)
class StepRule:
    """One step: its channels in order, and when it is due.

    ``days_before`` counts calendar days back from the visit (``7d``, ``3d``, ``1d``) or from the window's first
    day (``book_now``). ``send_at`` is local time of the patient. ``latest`` is absent for notices, which stay
    useful until the visit. ``template`` names the step whose texts are used, normally its own.
    """

    step: Step
    enabled: bool
    channels: tuple[Channel, ...]
    days_before: int | None
    send_at: time | None
    latest: Latest | None
    template: Step


@dataclass(frozen=True, slots=True)
class Policy:
    """All steps and what binds them together.

    ``notice_delay`` runs from the last edit, so that several edits make one message. A notice that cannot go out
    ``notice_margin`` before the visit is work for a person. Handsets that do not answer are tried again after
    ``retry_slowly``, busy providers after ``retry_first``; each further wait is twice as long.
    """

    steps: Mapping[Step, StepRule]
    send_from: time = time(9)
    send_until: time = time(20)
    per_day: int = 1
    per_week: int = 3  # in any 7 days
    notice_delay: timedelta = timedelta(minutes=10)
    notice_margin: timedelta = timedelta(hours=1)
    retries: int = 4
    retry_first: timedelta = timedelta(minutes=5)
    retry_slowly: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", MappingProxyType(dict(self.steps)))


def permitted(policy: Policy, moment: datetime, zone: str) -> bool:
    """Whether ``moment`` lies inside the send hours of ``zone``."""
    return policy.send_from <= moment.astimezone(ZoneInfo(zone)).time() < policy.send_until


def next_permitted(policy: Policy, moment: datetime, zone: str) -> datetime:
    """``moment`` itself inside the send hours of ``zone``, else the next opening; in UTC.

    Some zones have left out a whole day, whose opening would fall into the next night; so a few days are tried.
    """
    if permitted(policy, moment, zone):
        return moment.astimezone(UTC)
    today = local_day(moment, zone)
    openings = (to_utc(today + ahead * DAY, policy.send_from, zone) for ahead in range(4))
    return next(opening for opening in openings if opening > moment and permitted(policy, opening, zone))


def closing(policy: Policy, moment: datetime, zone: str) -> datetime:
    """The end, in UTC, of the send hours that ``moment`` lies in."""
    return to_utc(local_day(moment, zone), policy.send_until, zone)


def faults(policy: Policy) -> Iterator[Fault]:
    """Every rule that the policy breaks, with the path of keys in its file."""
    yield from _limit_faults(policy)
    for step in PLANNED_STEPS:
        if step not in policy.steps:
            yield Fault(("steps",), f"step {step} is missing; to switch it off write 'enabled: false'")
    if Step.ANSWER in policy.steps:
        yield Fault(("steps", Step.ANSWER.value), "answer cannot be planned: it is said when somebody wrote")
    for step, rule in policy.steps.items():
        path = ("steps", step.value)
        yield from _channel_faults(rule, path)
        yield from _time_faults(policy, rule, path)
        if step in NOTICES and not rule.enabled:
            yield Fault((*path, "enabled"), f"{step} cannot be switched off: patients would come for nothing")
        if _kind(rule.template) != _kind(step):
            yield Fault((*path, "template"), f"the text of {rule.template} does not fit {step}")


def _limit_faults(policy: Policy) -> Iterator[Fault]:
    if not _EARLIEST <= policy.send_from < policy.send_until <= _LATEST:
        hours = f"{policy.send_from:%H:%M}–{policy.send_until:%H:%M}"
        yield Fault(("send_hours",), f"{hours} must rise and lie inside {_EARLIEST:%H:%M}–{_LATEST:%H:%M}")
    if not 1 <= policy.per_day <= policy.per_week:
        yield Fault(("caps",), f"per_day {policy.per_day} and per_week {policy.per_week} must rise from 1")


def _channel_faults(rule: StepRule, path: tuple[str, ...]) -> Iterator[Fault]:
    if not rule.channels:
        yield Fault((*path, "channels"), "name at least one channel, such as [sms, email, call]")
    if len(set(rule.channels)) < len(rule.channels):
        yield Fault((*path, "channels"), "a channel stands twice")
    if any(channel in BY_PERSON for channel in rule.channels[:-1]):
        yield Fault((*path, "channels"), "a call or a letter ends the list: nothing is tried after it")


def _time_faults(policy: Policy, rule: StepRule, path: tuple[str, ...]) -> Iterator[Fault]:
    if (rule.days_before is not None) != (rule.step in COUNTED_BACK):
        need = "needs" if rule.step in COUNTED_BACK else "cannot have"
        yield Fault((*path, "days_before"), f"{rule.step} {need} days_before")
    if rule.days_before is not None and rule.days_before < 1:
        yield Fault((*path, "days_before"), f"days_before {rule.days_before} must be at least 1")
    if (rule.send_at is None) != (rule.step in AT_ONCE):
        need = "cannot have" if rule.step in AT_ONCE else "needs"
        yield Fault((*path, "send_at"), f"{rule.step} {need} send_at")
    if rule.send_at is not None and not policy.send_from <= rule.send_at < policy.send_until:
        hours = f"{policy.send_from:%H:%M}–{policy.send_until:%H:%M}"
        yield Fault((*path, "send_at"), f"{rule.send_at:%H:%M} lies outside the send hours {hours}")
    yield from _latest_faults(policy, rule, path)


def _latest_faults(policy: Policy, rule: StepRule, path: tuple[str, ...]) -> Iterator[Fault]:
    if (rule.latest is None) != (rule.step in NOTICES):
        need = "cannot have" if rule.step in NOTICES else "needs"
        yield Fault((*path, "latest"), f"{rule.step} {need} latest")
    if rule.latest is None:
        return
    if rule.latest.days_after < 0:
        yield Fault((*path, "latest", "days_after"), "days_after counts up from 0")
    if rule.latest.days_after == 0 and rule.latest.at <= (rule.send_at or policy.send_from):
        yield Fault((*path, "latest", "at"), f"{rule.latest.at:%H:%M} is not after the time it is sent")
    if rule.step in COUNTDOWN and rule.days_before is not None and rule.latest.days_after > rule.days_before:
        yield Fault((*path, "latest", "days_after"), "would end after the visit")


def _kind(step: Step) -> str:
    """Steps of one kind tell the same facts, so that one may borrow the other's text."""
    if step in NOTICES:
        return step.value
    return "due" if step in (Step.OVERDUE, Step.BOOK_NOW) else "visit"
