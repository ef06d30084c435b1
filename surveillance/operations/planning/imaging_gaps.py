"""The longest time without imaging, as it is and as a change makes it (schedule rule 3).

Every difference that a person looks at states it. What a change makes longer than the protocol's longest interval and
its tolerance takes a clinician, through whichever door it comes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from surveillance.core.dates import add_months
from surveillance.core.errors import BeyondLimitError
from surveillance.core.schedule.examinations import Key, PlanFacts, derive
from surveillance.core.schedule.gaps import Gap, Limit, Mark, exceeds, gaps, limit, longest_gap, made_longer
from surveillance.core.words import Role
from surveillance.operations.planning import replanning
from surveillance.operations.work import Work
from surveillance.store.tables import Plan


@dataclass(frozen=True, slots=True)
class GapLine:
    """The longest gap of one item before and after a change; ``item`` None: of all imaging of the plan together."""

    plan: int
    item: str | None
    before: Gap | None
    after: Gap | None

    @property
    def name(self) -> str:
        return self.item or "any imaging"


@dataclass(frozen=True, slots=True)
class TooLong:
    """A gap that a change makes, and the longest that the protocol admits at that time."""

    item: str
    gap: Gap
    limit: Limit

    @property
    def picture(self) -> dict[str, Any]:
        """What the audit trail keeps of it."""
        end = self.gap.end
        return {
            "item": self.item,
            "from": str(self.gap.start.day),
            "to": str(end.day) if end else None,
            "days": self.gap.days,
            "longest_interval": self.limit.months,
            "tolerance": self.limit.tolerance,
        }


def compare(work: Work, plan: Plan, before: PlanFacts | None, after: PlanFacts) -> list[GapLine]:
    """The longest gap of each imaging item, and of all of them; ``before`` is None for a plan that is new."""
    today, items = work.today(work.site(plan.site_id)), imaging(work, after)
    until = _until(today, plan, before, after)
    old = derive(before, until).examinations if before else ()
    new = derive(after, until).examinations

    def line(item: str | None, own: set[str]) -> GapLine:
        was = longest_gap(before, old, own, today) if before else None
        return GapLine(plan.number, item, was, longest_gap(after, new, own, today))

    lines = [line(item, {item}) for item in items]
    return [*lines, line(None, set(items))] if len(items) > 1 else lines


def longest(lines: Sequence[GapLine]) -> GapLine:
    """The line whose gap is the longest after the change; of equal ones the first."""
    found = lines[0]
    for line in lines[1:]:
        if line.after and (found.after is None or line.after.longer_than(found.after)):
            found = line
    return found


def imaging(work: Work, facts: PlanFacts) -> list[str]:
    """The items of a plan, on or off, that are imaging: a modality counts as evidence for them."""
    protocols = [work.protocol(terms.protocol) for terms in facts.terms]
    with_modality = {item.code for protocol in protocols for item in protocol.items if item.modalities}
    return [item for item in facts.items if item in with_modality]


def _until(today: date, plan: Plan, *known: PlanFacts | None) -> date:
    """As far as rows exist, and as far again behind the last change that is set for a later day."""
    turns = [terms.since for facts in known if facts for terms in facts.terms if terms.since]
    return max(plan.horizon, add_months(max([today, *turns]), replanning.HORIZON_MONTHS))


# -- what takes a clinician ----------------------------------------------------------------------------------------


def guard(work: Work, plan: Plan, before: PlanFacts, after: PlanFacts) -> list[TooLong]:
    """The gaps that a change makes too long, for whoever keeps the reason.

    Raises:
        BeyondLimitError: there are some, and the actor is not a clinician at the site.
    """
    found = list(_too_long(work, plan, before, after))
    if found and not work.signs(plan.site_id, Role.CLINICIAN):
        titles = {item.code: item.title for terms in after.terms for item in work.protocol(terms.protocol).items}
        raise BeyondLimitError("; ".join(_refusal(each, titles) for each in found) + "; let a clinician decide it")
    return found


def pictured(found: Sequence[TooLong]) -> dict[str, Any]:
    """What the audit trail keeps of gaps that a clinician signed; nothing where there are none."""
    return {"gaps_over_the_longest_interval": [each.picture for each in found]} if found else {}


def _refusal(each: TooLong, titles: Mapping[str, str]) -> str:
    longest = f"{each.limit.months} months and {each.limit.tolerance} days"
    title = titles.get(each.item, each.item)
    if each.gap.end is None:
        return (
            f"{title} would be asked for no more after {each.gap.start.day}, where the protocol's longest is {longest}"
        )
    span = f"from {each.gap.start.day} to {each.gap.end.day}"
    return f"{title} would be {length(each.gap)} apart, {span}, where the protocol's longest is {longest}"


def _too_long(work: Work, plan: Plan, before: PlanFacts, after: PlanFacts) -> Iterator[TooLong]:
    """The longest one of each item; an item that the protocol repeats and that is off has its own bound (rule 11)."""
    today = work.today(work.site(plan.site_id))
    until = _until(today, plan, before, after)
    old, new = derive(before, until).examinations, derive(after, until).examinations
    for item in imaging(work, after):
        made = made_longer(gaps(after, new, {item}, today), gaps(before, old, {item}, today))
        found = [TooLong(item, gap, limit(after, item, gap, work.protocol)) for gap in made]
        found = [each for each in found if exceeds(each.gap, each.limit) and not _is_put_off(work, after, each)]
        if found:
            yield max(found, key=lambda each: (each.gap.days is None, each.gap.days or 0))


def _is_put_off(work: Work, facts: PlanFacts, each: TooLong) -> bool:
    if each.gap.end is not None:
        return False
    protocol = work.protocol(facts.terms[-1].protocol)
    return any(item.enabled for item in protocol.items if item.code == each.item)


# -- in words ------------------------------------------------------------------------------------------------------


def spelled(gap: Gap | None, day: Callable[[date], str] = str) -> str:
    """``184 days (6.0 months), from 15 Jul 2025 (month 18) to 15 Jan 2026 (month 24)``"""
    if gap is None:
        return "nothing is expected"
    start = _spelled_mark(gap.start, day)
    if gap.end is None:
        return f"without an end, from {start} on"
    return f"{length(gap)}, from {start} to {_spelled_mark(gap.end, day)}"


def data(gap: Gap | None) -> dict[str, Any] | None:
    """A gap for machines; without ``end`` and ``days`` nothing is asked for any more."""
    if gap is None:
        return None
    end = gap.end
    return {
        "days": gap.days,
        "months": gap.months,
        "start": str(gap.start.day),
        "start_month": gap.start.key.month if gap.start.key else None,
        "done": gap.start.done,
        "end": str(end.day) if end else None,
        "end_month": end.key.month if end and end.key else None,
    }


def length(gap: Gap) -> str:
    """``267 days (8.8 months)``"""
    return f"{gap.days} {'day' if gap.days == 1 else 'days'} ({gap.months} months)"


def _spelled_mark(mark: Mark, day: Callable[[date], str]) -> str:
    if mark.done:
        return f"{day(mark.day)} (done)"
    place = "the end of treatment" if mark.key is None else _place(mark.key)
    return f"{day(mark.day)} ({place})"


def _place(key: Key) -> str:
    return "extra" if key.month is None else f"month {key.month}"
