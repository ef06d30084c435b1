"""Reads the cases of tests/cases/ and turns what they give into the core's values; README.md there tells the form."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from surveillance.catalogue import protocols, yaml_lines
from surveillance.core.dates import add_months
from surveillance.core.protocols.faults import faults
from surveillance.core.protocols.protocol import After, Item, Phase, Protocol, ProtocolEnd
from surveillance.core.protocols.sources import Evidence, Source
from surveillance.core.schedule.examinations import Booking, Hold, Key, PlanFacts
from surveillance.core.schedule.matching import Extra, Ruling, Study
from surveillance.core.schedule.slots import Terms, terms
from surveillance.core.schedule.status import Reading
from surveillance.core.schedule.trips import SiteCalendar
from surveillance.paths import config_folder

FOLDER = Path(__file__).parent / "cases"
Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One case with the group's defaults filled in. ``afterwards`` holds what is different after a change."""

    id: str
    title: str
    rules: tuple[int, ...]
    source: str
    because: str
    given: Data
    afterwards: Data | None
    then: Data

    @property
    def now_given(self) -> Data:
        """The facts that ``then`` speaks about."""
        return {**self.given, **(self.afterwards or {})}

    @property
    def item(self) -> str | None:
        """The item that an entry without one means: the only one that the case follows."""
        items = self.given.get("items") or {}
        return next(iter(items)) if len(items) == 1 else None


@dataclass(frozen=True, slots=True)
class Group:
    """One file: cases about one theme. ``given`` are the facts that hold where a case says nothing else."""

    name: str
    title: str
    about: str
    source: str
    given: Data
    cases: tuple[Case, ...]
    own: Mapping[str, Data]  # by case id: what the case itself gives, for readers


def files() -> list[Path]:
    return sorted(FOLDER.glob("*.yaml"))


@cache
def groups() -> tuple[Group, ...]:
    return tuple(map(_group, files()))


def cases() -> list[Case]:
    return [case for group in groups() for case in group.cases]


def _group(path: Path) -> Group:
    data = yaml_lines.read(path).data
    found = tuple(_case(entry, data) for entry in data["cases"])
    own = {entry["id"]: entry.get("given", {}) for entry in data["cases"]}
    return Group(path.stem, data["title"], data["about"], data["source"], data["given"], found, own)


def _case(entry: Data, group: Data) -> Case:
    return Case(
        entry["id"],
        entry["title"],
        tuple(entry["rules"]),
        entry.get("source", group["source"]),
        entry["because"],
        {**group["given"], **entry.get("given", {})},
        entry.get("afterwards"),
        entry["then"],
    )


# -- protocols -------------------------------------------------------------------------------------------------


@cache
def _shipped() -> dict[str, Protocol]:
    return protocols.load_all(config_folder() / "protocols")


def protocol_of(named: str | Data) -> Protocol:
    """A shipped protocol by ``id@version``, or the short form that a case writes out."""
    return protocols.find(_shipped(), named) if isinstance(named, str) else _short(named)


def _short(data: Data) -> Protocol:
    items = tuple(
        Item(code, code, (), "", tuple(map(_phase, phases)), after=None) for code, phases in data["items"].items()
    )
    endless = all(item.phases[-1].end is None for item in items)
    return Protocol(
        "case",
        "1",
        "Made for a case",
        "",
        items,
        dict(data["tolerance"]),
        data.get("lead_days", 56),
        (Source("case", "made for a case"),),
        ProtocolEnd.NEVER if endless else ProtocolEnd.DECIDE,
    )


def _phase(data: Data) -> Phase:
    interval = data["interval"]
    return Phase(data["from"], data.get("to"), interval, interval, interval, "case", Evidence.PROPOSED)


def refusals(given: Data) -> list[str]:
    """The reasons for which the protocol of a case is refused."""
    return [fault.reason for fault in faults(protocol_of(given["protocol"]))]


def followers(given: Data) -> dict[str, After]:
    """Items that follow another one, such as the visit in clinic."""
    return {item.code: item.after for item in protocol_of(given["protocol"]).items if item.after is not None}


def succession(given: Data) -> tuple[Terms, ...]:
    """The terms of a case. Raises InvalidInputError for an interval that the protocol does not allow."""
    protocol = protocol_of(given["protocol"])
    chosen: Data | None = given.get("items")
    result = [terms(protocol, _intervals(protocol, chosen))]
    for change in given.get("changes", []):
        protocol = protocol_of(change["protocol"]) if "protocol" in change else protocol
        chosen = {**(chosen or {}), **change["items"]} if "items" in change else chosen
        result.append(terms(protocol, _intervals(protocol, chosen), day(change["from"])))
    return tuple(result)


def _intervals(protocol: Protocol, chosen: Data | None) -> dict[str, int | None]:
    """What a case chooses: items that it does not name are off; without any choice the protocol's own defaults."""
    if chosen is None:
        return {}
    words = {item.code: chosen.get(item.code, "off") for item in protocol.items}
    words |= {code: word for code, word in chosen.items() if code not in words and word != "off"}
    return {code: None if word == "off" else int(word) for code, word in words.items() if word != "default"}


# -- facts -----------------------------------------------------------------------------------------------------


def day(text: str) -> date:
    return date.fromisoformat(text)


def horizon(case: Case, given: Data) -> date:
    """The last day a target may have: as the case says, else 24 months after the last day that it names."""
    if "until" in given:
        return day(given["until"])
    written = json.dumps([given, case.then])
    return add_months(max(map(day, re.findall(r"\d{4}-\d{2}-\d{2}", written))), 24)


def facts(case: Case, given: Data) -> PlanFacts:
    """``given``, which is the case's own or what holds after its change, as the facts of a plan."""
    reader = _Reader(case.item, day(case.given["anchor"]))
    extras = tuple(map(reader.extra, given.get("extras", [])))
    ended = given.get("ended")
    return PlanFacts(
        anchor=day(given["anchor"]),
        enrolled_on=day(given.get("enrolled", given["anchor"])),
        terms=succession(given),
        holds=tuple(map(reader.hold, given.get("holds", []))),
        studies=tuple(map(reader.study, given.get("studies", []))),
        bookings=tuple(reader.booking(entry, extras) for entry in given.get("bookings", [])),
        extras=extras,
        moves={(reader.item(entry), entry["month"]): day(entry["to"]) for entry in given.get("moves", [])},
        skips={reader.key(entry): day(entry["review"]) for entry in given.get("skips", [])},
        known_blank=frozenset(given.get("known_blank", [])),
        ended_on=day(ended) if ended else None,
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    only: str | None
    anchor: date

    def item(self, entry: Data) -> str:
        named = entry.get("item", self.only)
        if named is None:
            raise ValueError(f"name the item in {dict(entry)}: the case follows several")
        return str(named)

    def key(self, entry: Data) -> Key:
        return Key(self.item(entry), entry.get("month"), entry.get("extra"))

    def study(self, entry: Data) -> Study:
        items = entry.get("items") or [self.item(entry)]
        return Study(
            entry["id"],
            frozenset(items),
            day(entry["day"]),
            frozenset(self.by_item(entry.get("booked_for")).items()),
            {code: Ruling(word) for code, word in self.by_item(entry.get("ruling")).items()},
            day(entry["repeat_by"]) if "repeat_by" in entry else None,
        )

    def by_item(self, value: Any) -> dict[str, Any]:
        if value is None:
            return {}
        return dict(value) if isinstance(value, Mapping) else {self.item({}): value}

    def hold(self, entry: Data) -> Hold:
        resumed = entry.get("resumed")
        return Hold(entry.get("item"), day(entry["from"]), day(resumed) if resumed else None, day(entry["review"]))

    def extra(self, entry: Data) -> Extra:
        return Extra(entry["id"], self.item(entry), day(entry["target"]), entry["tolerance"], day(entry["requested"]))

    def booking(self, entry: Data, extras: Sequence[Extra]) -> Booking:
        month = entry.get("month")
        own = [extra.target for extra in extras if extra.id == entry.get("extra")]
        target = own[0] if own else add_months(self.anchor, month or 0)
        return Booking(entry["id"], self.item(entry), day(entry["day"]), month, target, entry.get("extra"))


def readings(given: Data) -> dict[str, Reading]:
    """By study id: when it was reported, reviewed, told."""
    names = ("reported", "reviewed", "told")
    return {
        entry["id"]: Reading(*(day(entry[name]) if name in entry else None for name in names))
        for entry in given.get("studies", [])
    }


def site(given: Data) -> SiteCalendar:
    """The site's calendar; Monday to Friday without holidays where a case names none."""
    data = given.get("site", {})
    holidays = frozenset(map(day, data.get("holidays", []))) | frozenset(_closed(data))
    return SiteCalendar(frozenset(data.get("working_days", range(1, 6))), holidays)


def _closed(data: Data) -> Iterator[date]:
    for first, last in data.get("closed", []):
        for number in range((day(last) - day(first)).days + 1):
            yield day(first) + timedelta(days=number)
