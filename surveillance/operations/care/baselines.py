"""The baseline of an item that is added later: now, on a day, or not, and why (schedule rule 3).

Brain MRI that is switched on for a headache would else come with the rhythm's first target, months ahead.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, Literal

from surveillance.core.errors import InvalidInputError
from surveillance.core.schedule.examinations import Examination, PlanFacts, derive
from surveillance.core.schedule.rhythms import Terms
from surveillance.operations.care import overrides
from surveillance.operations.care.overrides import NewExtra
from surveillance.operations.planning import imaging_gaps, replanning
from surveillance.operations.planning.gathered import Gathered
from surveillance.operations.work import Work
from surveillance.store.tables import Plan

NOW: Final = "now"
NONE: Final = "none"
Choice = date | Literal["now"] | None


@dataclass(frozen=True, slots=True)
class Baselines:
    """What was chosen for items that are added: item → now, the day of the baseline, or None for none; and why."""

    choices: Mapping[str, Choice] = field(default_factory=dict)
    reason: str = ""

    def among(self, items: Iterable[str]) -> "Baselines":
        """What of it is about some items; for a choice that was made once for many plans."""
        return replace(self, choices={item: self.choices[item] for item in items if item in self.choices})

    def days(self, start: date) -> dict[str, date | None]:
        """Item → the day of its baseline; "now" is ``start``, the first day on which the new terms hold."""
        return {item: start if choice == NOW else choice for item, choice in self.choices.items()}


def added(work: Work, plan: Plan, after: PlanFacts, since: date) -> dict[str, Examination]:
    """Imaging items that are on from ``since`` and were not before, with the first examination that is not due yet.

    Without those that are due, or done, when the terms take effect: they ask for themselves.
    """
    start = first_day(work, plan, since)
    rows = derive(after, replanning.beyond(after, start)).examinations
    found = {item: _first(rows, item, start) for item in _switched_on(after.terms, since)}
    imaging = imaging_gaps.imaging(work, after)
    return {
        item: row
        for item, row in found.items()
        if item in imaging and row is not None and row.study is None and start < row.window_start
    }


def first_day(work: Work, plan: Plan, since: date) -> date:
    """What "now" means: the day on which the terms take effect, or today if that is past."""
    return max(since, work.today(work.site(plan.site_id)))


def _switched_on(succession: tuple[Terms, ...], since: date) -> Iterator[str]:
    before, now = ([terms for terms in succession if _holds(terms, since, later)][-1] for later in (False, True))
    return (item for item in now.rhythms if item not in before.rhythms)


def _holds(terms: Terms, since: date, later: bool) -> bool:
    return terms.since is None or terms.since < since or (later and terms.since == since)


def _first(rows: tuple[Examination, ...], item: str, start: date) -> Examination | None:
    own = (row for row in rows if row.item == item and row.month is not None and row.cell_end > start)
    return min(own, key=lambda row: row.target, default=None)


def check(asked: Mapping[str, Examination], given: Baselines, start: date, titles: Mapping[str, str]) -> None:
    """Raises InvalidInputError where a choice is missing, speaks of an item that is not added, or cannot be."""
    if missing := [item for item in asked if item not in given.choices]:
        named = ", ".join(f"{titles.get(item, item)} (first on {asked[item].target})" for item in missing)
        raise InvalidInputError(f"{named}: added later; say whether a baseline is wanted now, on a day, or not")
    if unasked := [item for item in given.choices if item not in asked]:
        raise InvalidInputError(f"no baseline is asked for {', '.join(unasked)}: it is not added, or due by itself")
    days = given.days(start)
    if None in days.values() and not given.reason.strip():
        raise InvalidInputError("say why no baseline is wanted")
    if late := [item for item, day in days.items() if day is not None and day > asked[item].target]:
        raise InvalidInputError(f"a baseline lies before the first target: {late[0]} has it on {asked[late[0]].target}")


def pictured(given: Baselines, start: date) -> dict[str, Any]:
    """What the audit trail keeps of the choices; nothing where none was asked for."""
    if not given.choices:
        return {}
    days = {item: str(day) if day else None for item, day in given.days(start).items()}
    return {"baselines": days, "baseline_reason": given.reason.strip()}


def ask_for(work: Work, now: Gathered, given: Baselines, start: date, reason: str) -> None:
    """The baselines that are wanted become extra examinations; ``reason`` is that of the change.

    Raises InvalidInputError as ``overrides.extra``.
    """
    for item, day in given.days(start).items():
        if day is not None:
            why = given.reason.strip() or reason.strip()
            overrides.record_extra(work, now, NewExtra(item, day, f"baseline: {why}"))
