"""Compares what a case expects with what an engine answers; every disagreement is one line that names its place."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from surveillance.catalogue.cases import Case, Data
from surveillance.operations.cases.form import Answer, ExaminationAnswer, FindingAnswer, PlaceAnswer

Found = Callable[[ExaminationAnswer], Any]
Place = tuple[str, int | None, str | None]

_FOUND: dict[str, Found] = {
    "target": lambda row: str(row.target),
    "interval": lambda row: row.interval,
    "window": lambda row: list(map(str, row.window)),
    "cell": lambda row: [str(row.cell[0]), str(row.cell[1])],
    "order_from": lambda row: str(row.order_from),
    "due_from": lambda row: str(row.due_from),
    "overdue_from": lambda row: str(row.overdue_from),
    "overdue_since": lambda row: str(row.overdue_since),
    "fulfilled_by": lambda row: row.fulfilled_by or "none",
    "booked": lambda row: row.booked or "none",
    "moved": lambda row: row.moved,
    "timing": lambda row: row.timing or "none",
    "proposed": lambda row: str(row.proposed),
    "proposed_outside_window": lambda row: row.proposed_outside_window,
}


def disagreements(case: Case, answer: Answer) -> list[str]:
    """Where the engine and the case differ; empty if they agree."""
    lines = _refused(case, answer) if "refused" in case.then else _Comparison(case, answer).lines()
    return [f"{case.id} · {line}" for line in lines]


def _refused(case: Case, answer: Answer) -> Iterator[str]:
    expected = case.then["refused"]
    if expected not in answer.refused:
        found = ", ".join(answer.refused) or "it accepted"
        yield f"protocol: expected a refusal because of {expected}, found {found}"


class _Comparison:
    """One case while it is compared."""

    def __init__(self, case: Case, answer: Answer) -> None:
        self.case, self.then, self.answer = case, case.then, answer
        self.rows = {_place(row): row for row in answer.examinations}

    def lines(self) -> Iterator[str]:
        if self.answer.refused:
            yield f"the protocol of the case is refused: {', '.join(self.answer.refused)}"
            return
        for expected in self.then.get("examinations", []):
            yield from self._examination(expected)
        yield from self._months()
        yield from self._findings()
        yield from self._trips()
        yield from self._rates()
        yield from self._gaps()
        yield from self._changes()
        yield from self._times()

    # -- examinations --------------------------------------------------------------------------------------------

    def _item(self, expected: Data) -> str:
        return str(expected.get("item", self.case.item))

    def _examination(self, expected: Data) -> Iterator[str]:
        item, month, extra = self._item(expected), expected.get("month"), expected.get("extra")
        place = f"{item} {f'month {month}' if month is not None else f'extra {extra}'}"
        row = self.rows.get((item, month, extra))
        if row is None:
            yield f"{place}: expected an examination, found none"
            return
        for name, wanted in expected.items():
            if name in _FOUND:
                yield from _differ(f"{place} · {name}", wanted, _FOUND[name](row))
        told = {str(each.day): each for each in row.statuses}
        words = {day: each.status for day, each in told.items()}
        yield from self._by_day(f"{place} · status", expected.get("status"), words)
        late = {day: each.late for day, each in told.items()}
        yield from self._by_day(f"{place} · late", expected.get("late"), late)

    def _by_day(self, place: str, wanted: Any, found: Mapping[str, Any]) -> Iterator[str]:
        if wanted is None:
            return
        by_day = wanted if isinstance(wanted, Mapping) else {self.then["on_day"]: wanted}
        for on, word in by_day.items():
            yield from _differ(f"{place} on {on}", word, found.get(str(on)))

    # -- the plan as a whole -------------------------------------------------------------------------------------

    def _by_item(self, value: Any) -> dict[str, list[int]]:
        return dict(value) if isinstance(value, Mapping) else {str(self.case.item): value or []}

    def _months(self) -> Iterator[str]:
        present = _months_of(self.answer.examinations)
        if "months" in self.then:
            wanted = self._by_item(self.then["months"])
            for item in sorted({*wanted, *present}):
                yield from _differ(f"{item} · months", wanted.get(item, []), present.get(item, []))
        for item, months in self._by_item(self.then.get("absent")).items():
            for month in months:
                if month in present.get(item, []):
                    yield f"{item} month {month}: expected no examination, found one"

    def _findings(self) -> Iterator[str]:
        found = Counter(map(_words_of, self.answer.findings))
        wanted = Counter(
            (entry["kind"], self._item(entry), entry.get("month"), entry.get("about", ""), entry["since"])
            for entry in self.then.get("findings", [])
        )
        for missing in wanted - found:
            others = sorted(map(str, found)) or "none"
            yield f"{missing[1]} month {missing[2]}: expected finding {missing}, found {others}"
        for surplus in found - wanted:
            yield f"{surplus[1]} month {surplus[2]}: expected no such finding, found {surplus}"

    def _trips(self) -> Iterator[str]:
        if "trips" in self.then:
            wanted = [
                (entry["day"], dict(entry["examinations"]), entry.get("outside_window", False))
                for entry in self.then["trips"]
            ]
            shown = [
                (str(trip.day), {each.item: each.month for each in trip.examinations}, trip.outside_window)
                for trip in self.answer.trips
            ]
            yield from _differ(f"trips on {self.then['on_day']}", wanted, shown)
        years = {each.year: each.trips for each in self.answer.trips_a_year}
        for year, wanted_trips in self.then.get("trips_a_year", {}).items():
            yield from _differ(f"trips in year {year}", wanted_trips, years.get(int(year)))

    def _rates(self) -> Iterator[str]:
        if "rate" in self.then:
            wanted = {"early": 0, "late": 0, "skipped": 0, **self.then["rate"]}
            found = self.answer.rate.model_dump() if self.answer.rate else None
            yield from _differ("rate", wanted, found)
        days = {str(each.day): each.up_to_date for each in self.answer.up_to_date}
        for on, wanted_word in self.then.get("up_to_date", {}).items():
            yield from _differ(f"up to date on {on}", wanted_word, days.get(on))

    def _gaps(self) -> Iterator[str]:
        found = {gap.item: gap for gap in self.answer.gaps}
        for item, wanted in self.then.get("longest_gap", {}).items():
            gap = found.get(item)
            shown = gap and {"days": gap.days, "from": str(gap.start), "to": _day(gap.end)}
            yield from _differ(f"longest gap of {item}", {"days": None, "to": None, **wanted}, shown)

    def _changes(self) -> Iterator[str]:
        if "changes" not in self.then:
            return
        changes = self.answer.changes
        if changes is None:
            yield "changes: expected a difference, found none"
            return
        found = {"add": changes.add, "move": changes.move, "cancel": changes.cancel, "keep": changes.keep}
        for name, places in found.items():
            if name != "keep" or "keep" in self.then["changes"]:
                wanted = {k: v for k, v in self._by_item(self.then["changes"].get(name)).items() if v}
                yield from _differ(f"changes · {name}", wanted, _months_of(places))

    # -- time ----------------------------------------------------------------------------------------------------

    def _times(self) -> Iterator[str]:
        for number, entry in enumerate(self.then.get("moments", [])):
            found = _nth(self.answer.moments, number)
            yield from _differ(f"{entry['local']} in {entry['zone']}", entry["utc"], found)
        for number, entry in enumerate(self.then.get("local_days", [])):
            on = _day(_nth(self.answer.local_days, number))
            yield from _differ(f"the day of {entry['utc']} in {entry['zone']}", entry["day"], on)
        yield from self._at()

    def _at(self) -> Iterator[str]:
        asked: list[tuple[str, str]] = []
        for entry in self.then.get("at", []):
            moment = (entry["utc"], entry["zone"])
            if moment not in asked:
                asked.append(moment)
            item, month = self._item(entry), entry["month"]
            rows = _nth(self.answer.at, asked.index(moment)) or []
            word = next((row.status for row in rows if (row.item, row.month) == (item, month)), None)
            place = f"{item} month {month} · status at {entry['utc']} in {entry['zone']}"
            yield from _differ(place, entry["status"], word)


def _differ(place: str, expected: Any, found: Any) -> Iterator[str]:
    if expected != found:
        yield f"{place}: expected {expected}, found {found}"


def _place(row: ExaminationAnswer | PlaceAnswer) -> Place:
    return row.item, row.month, row.extra


def _months_of(rows: Iterable[ExaminationAnswer | PlaceAnswer]) -> dict[str, list[int]]:
    result: dict[str, list[int]] = {}
    for row in rows:
        if row.month is not None:
            result.setdefault(row.item, []).append(row.month)
    return {item: sorted(months) for item, months in result.items()}


def _words_of(finding: FindingAnswer) -> tuple[str, str, int | None, str, str]:
    return finding.kind, finding.item, finding.month, finding.about or "", str(finding.since)


def _nth(found: list[Any], number: int) -> Any:
    return found[number] if number < len(found) else None


def _day(value: date | None) -> str | None:
    return None if value is None else str(value)
