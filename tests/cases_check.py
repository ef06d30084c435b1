"""Compares what a case expects with what the core derives; every disagreement is one line that names its place."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

from cases_read import Case, Data, day, facts, followers, horizon, readings, refusals, site, succession
from reconciled import applied

from surveillance.core import dates
from surveillance.core.errors import InvalidInputError
from surveillance.core.schedule import status, trips
from surveillance.core.schedule.examinations import Examination, Finding, Key, PlanFacts, derive
from surveillance.core.schedule.gaps import longest_gap
from surveillance.core.schedule.reconcile import reconcile
from surveillance.core.words import Status

DONE = {Status.PERFORMED, Status.REPORTED, Status.REVIEWED}
WORK = {Status.TO_ORDER, Status.DUE, Status.OVERDUE}
REFUSALS = {
    "gap": "gap:",
    "overlap": "overlap:",
    "does_not_divide": "does not divide",
    "windows_overlap": "windows could overlap",
}


def disagreements(case: Case) -> list[str]:
    """Where the core and the case differ; empty if they agree."""
    if "refused" in case.then:
        return [f"{case.id} · protocol: {line}" for line in _refused(case)]
    return [f"{case.id} · {line}" for line in _Check(case).lines()]


def _refused(case: Case) -> Iterator[str]:
    expected = case.then["refused"]
    reasons = refusals(case.given)
    if expected == "interval_not_allowed":
        try:
            succession(case.given)
        except InvalidInputError:
            return
        yield "expected the interval to be refused, found it accepted"
    elif not any(REFUSALS[expected] in reason for reason in reasons):
        yield f"expected a refusal because of {expected}, found {reasons or 'it accepted'}"


class _Check:
    """One case while it is compared."""

    def __init__(self, case: Case) -> None:
        self.case, self.then = case, case.then
        self.given = case.now_given
        self.until = horizon(case, self.given)
        self.facts = facts(case, self.given)
        self.derived = derive(self.facts, self.until)
        self.rows = {row.key: row for row in self.derived.examinations}
        self.readings = readings(self.given)
        self.is_working = site(self.given).is_working
        self.performed = {study.id: study.performed_on for study in self.facts.studies}

    def lines(self) -> Iterator[str]:
        if isinstance(self.given["protocol"], Mapping):
            yield from (f"the protocol of the case is refused: {reason}" for reason in refusals(self.given))
        for expected in self.then.get("examinations", []):
            yield from self._examination(expected)
        yield from self._months()
        yield from self._findings()
        yield from self._trips()
        yield from self._rates()
        yield from self._gaps()
        yield from self._changes()
        yield from self._times()
        yield from self._invariants()

    # -- examinations ----------------------------------------------------------------------------------------

    def _item(self, expected: Data) -> str:
        return str(expected.get("item", self.case.item))

    def _examination(self, expected: Data) -> Iterator[str]:
        key = Key(self._item(expected), expected.get("month"), expected.get("extra"))
        place = f"{key.item} {f'month {key.month}' if key.month is not None else f'extra {key.extra}'}"
        row = self.rows.get(key)
        if row is None:
            yield f"{place}: expected an examination, found none up to {self.until}"
            return
        found = self._facts_of(row)
        for name, wanted in expected.items():
            if name in found:
                yield from _differ(f"{place} · {name}", wanted, found[name]())
        yield from self._by_day(place, "status", expected, lambda on: str(self._status(row, on)))
        yield from self._by_day(place, "late", expected, lambda on: status.late(row, on))

    def _facts_of(self, row: Examination) -> dict[str, Callable[[], Any]]:
        return {
            "target": lambda: str(row.target),
            "interval": lambda: row.interval,
            "window": lambda: [str(row.window_start), str(row.window_end)],
            "cell": lambda: [str(row.cell_start), str(row.cell_end - dates.DAY)],
            "order_from": lambda: str(row.order_from),
            "due_from": lambda: str(row.due_from),
            "overdue_from": lambda: str(row.overdue_from),
            "overdue_since": lambda: str(row.overdue_since),
            "fulfilled_by": lambda: row.study or "none",
            "booked": lambda: row.booking or "none",
            "moved": lambda: row.moved,
            "timing": lambda: status.timing(row, self.performed[row.study]) if row.study else "none",
            "proposed": lambda: str(self._proposed(row)[0]),
            "proposed_outside_window": lambda: self._proposed(row)[1],
        }

    def _by_day(self, place: str, name: str, expected: Data, found: Callable[[date], Any]) -> Iterator[str]:
        wanted = expected.get(name)
        if wanted is None:
            return
        by_day = wanted if isinstance(wanted, Mapping) else {self.then["on_day"]: wanted}
        for on, word in by_day.items():
            yield from _differ(f"{place} · {name} on {on}", word, found(day(on)))

    def _status(self, row: Examination, today: date) -> Status:
        return status.status(row, today, self.readings.get(row.study or ""))

    def _proposed(self, row: Examination) -> tuple[date, bool]:
        return trips.propose(row, day(self.then["on_day"]), self.is_working)

    # -- the plan as a whole -----------------------------------------------------------------------------------

    def _by_item(self, value: Any) -> dict[str, list[int]]:
        return dict(value) if isinstance(value, Mapping) else {str(self.case.item): value or []}

    def _months(self) -> Iterator[str]:
        present = _months_of(self.rows)
        if "months" in self.then:
            wanted = self._by_item(self.then["months"])
            for item in sorted({*wanted, *present}):
                yield from _differ(f"{item} · months", wanted.get(item, []), present.get(item, []))
        for item, months in self._by_item(self.then.get("absent")).items():
            for month in months:
                if month in present.get(item, []):
                    yield f"{item} month {month}: expected no examination, found one"

    def _findings(self) -> Iterator[str]:
        found = Counter(map(_words_of, self.derived.findings))
        wanted = Counter(
            (
                entry["kind"],
                self._item(entry),
                entry.get("month"),
                entry.get("about", ""),
                entry["since"],
            )
            for entry in self.then.get("findings", [])
        )
        for missing in wanted - found:
            others = sorted(map(str, found)) or "none"
            yield f"{missing[1]} month {missing[2]}: expected finding {missing}, found {others}"
        for surplus in found - wanted:
            yield f"{surplus[1]} month {surplus[2]}: expected no such finding, found {surplus}"

    def _trips(self) -> Iterator[str]:
        if "trips" in self.then:
            today = day(self.then["on_day"])
            after = followers(self.given)
            work = [row for row in self.rows.values() if self._status(row, today) in WORK]
            imaging = trips.trips((row for row in work if row.item not in after), today, self.is_working)
            visits = [row for row in work if row.item in after]
            found = trips.with_visits(imaging, visits, after, today, self.is_working)
            wanted = [
                (entry["day"], dict(entry["examinations"]), entry.get("outside_window", False))
                for entry in self.then["trips"]
            ]
            shown = [(str(trip.day), {k.item: k.month for k in trip.examinations}, trip.outside) for trip in found]
            yield from _differ(f"trips on {today}", wanted, shown)
        for year, wanted_trips in self.then.get("trips_a_year", {}).items():
            rows = [row for row in self.rows.values() if row.month is not None]
            number = trips.trips_a_year(rows, self.facts.anchor, int(year), self.is_working)
            yield from _differ(f"trips in year {year}", wanted_trips, number)

    def _rates(self) -> Iterator[str]:
        if "rate" in self.then:
            wanted = {"early": 0, "late": 0, "skipped": 0, **self.then["rate"]}
            yield from _differ("rate", wanted, self._rate(day(self.then["on_day"])))
        for on, wanted_word in self.then.get("up_to_date", {}).items():
            yield from _differ(f"up to date on {on}", wanted_word, self._up_to_date(day(on)))

    def _gaps(self) -> Iterator[str]:
        for item, wanted in self.then.get("longest_gap", {}).items():
            found = longest_gap(self.facts, self.derived.examinations, {item}, day(self.then["on_day"]))
            shown = found and {"days": found.days, "from": str(found.start.day), "to": found.end and str(found.end.day)}
            yield from _differ(f"longest gap of {item}", {"days": None, "to": None, **wanted}, shown)

    def _rate(self, today: date) -> dict[str, int]:
        """Rule 14: in window ÷ (performed + missed); held and pre-enrolment examinations are left out."""
        count: Counter[str] = Counter()
        for row in self.rows.values():
            now = self._status(row, today)
            if now in DONE and row.study and self.performed[row.study] >= self.facts.enrolled_on:
                count[status.timing(row, self.performed[row.study])] += 1
            elif now in (Status.MISSED, Status.SKIPPED):
                count[now] += 1
        of = count["on_time"] + count["early"] + count["late"] + count["missed"]
        return {name: count[name] for name in ("on_time", "early", "late", "skipped")} | {"of": of}

    def _up_to_date(self, today: date) -> bool:
        row = min((row for row in self.rows.values() if today < row.cell_end), key=lambda row: row.target)
        tolerance = next(
            beat.tolerance
            for terms in self.facts.terms
            if row.item in terms.rhythms
            for beat in terms.rhythms[row.item].beats
            if beat.interval == row.interval
        )
        last = max((on for on in self.performed.values() if on <= today), default=None)
        return status.up_to_date(last, row.interval, tolerance, today)

    # -- what a change changes ---------------------------------------------------------------------------------

    def _changes(self) -> Iterator[str]:
        if "changes" not in self.then:
            return
        before = derive(facts(self.case, self.case.given), horizon(self.case, self.case.given))
        changes = reconcile(self.derived, before.examinations)
        found = {
            "add": _months_of(row.key for row in changes.add),
            "move": _months_of(change.after.key for change in changes.move),
            "cancel": _months_of(row.key for row in changes.cancel),
            "keep": _months_of(row.key for row in changes.keep),
        }
        for name, months in found.items():
            if name != "keep" or "keep" in self.then["changes"]:
                wanted = {k: v for k, v in self._by_item(self.then["changes"].get(name)).items() if v}
                yield from _differ(f"changes · {name}", wanted, months)
        if applied(changes, before.examinations) != self.rows:
            yield "changes: applied to what was stored they do not give what is wanted"

    # -- time --------------------------------------------------------------------------------------------------

    def _times(self) -> Iterator[str]:
        for entry in self.then.get("moments", []):
            on, at = entry["local"].split(" ")
            moment = dates.to_utc(day(on), time.fromisoformat(at), entry["zone"])
            yield from _differ(f"{entry['local']} in {entry['zone']}", _moment(entry["utc"]), moment)
        for entry in self.then.get("local_days", []):
            found = dates.local_day(_moment(entry["utc"]), entry["zone"])
            yield from _differ(f"the day of {entry['utc']} in {entry['zone']}", day(entry["day"]), found)
        for entry in self.then.get("at", []):
            row = self.rows[Key(self._item(entry), entry["month"])]
            today = dates.local_day(_moment(entry["utc"]), entry["zone"])
            place = f"{row.item} month {row.month} · status at {entry['utc']} in {entry['zone']}"
            yield from _differ(place, entry["status"], str(self._status(row, today)))

    # -- what holds in every case --------------------------------------------------------------------------------

    def _invariants(self) -> Iterator[str]:
        if derive(_reversed(self.facts), self.until) != self.derived:
            yield "the same facts in another order of arrival give another plan"
        if not reconcile(self.derived, self.derived.examinations).empty:
            yield "planning a second time changes something"
        for row in self.derived.examinations:
            inside = row.cell_start <= row.window_start <= row.target <= row.window_end < row.cell_end
            if row.month is not None and not inside:
                yield f"{row.item} month {row.month}: the window does not lie inside the cell"


def _reversed(given: PlanFacts) -> PlanFacts:
    return replace(
        given,
        holds=given.holds[::-1],
        studies=given.studies[::-1],
        bookings=given.bookings[::-1],
    )


def _differ(place: str, expected: Any, found: Any) -> Iterator[str]:
    if expected != found:
        yield f"{place}: expected {expected}, found {found}"


def _months_of(keys: Iterable[Key]) -> dict[str, list[int]]:
    result: dict[str, list[int]] = {}
    for key in keys:
        if key.month is not None:
            result.setdefault(key.item, []).append(key.month)
    return {item: sorted(months) for item, months in result.items()}


def _words_of(finding: Finding) -> tuple[str, str, int | None, str, str]:
    return finding.kind.value, finding.item, finding.month, finding.subject, str(finding.since)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
