"""Makes the question of a case: its facts written out in full, and what is wanted of them."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from surveillance.catalogue import protocols
from surveillance.catalogue.cases import Case, Data
from surveillance.core.dates import add_months
from surveillance.core.protocols.protocol import Item, Phase, Protocol
from surveillance.operations.cases.form import FORM, Question

Shipped = Mapping[str, Protocol]
Json = dict[str, Any]


def question(case: Case, shipped: Shipped) -> Question:
    """What an engine is asked. ``shipped`` are the protocols that cases may name by id and version."""
    writer = _Writer(case, shipped)
    asked: Json = {"form": FORM, "case": case.id, "facts": writer.facts(case.now_given)}
    asked |= {"site": _site(case.now_given.get("site", {})), **writer.wanted()}
    if "changes" in case.then:
        asked["before"] = writer.facts(case.given)
    return Question.model_validate(asked | {"protocols": list(writer.protocols.values())})


class _Writer:
    def __init__(self, case: Case, shipped: Shipped) -> None:
        self.case, self.shipped = case, shipped
        self.protocols: dict[str, Json] = {}

    # -- what is wanted ------------------------------------------------------------------------------------------

    def wanted(self) -> Json:
        then = self.case.then
        return {
            "on_day": then.get("on_day"),
            "days": sorted(set(_status_days(then))),
            "years": sorted(map(int, then.get("trips_a_year", {}))),
            "up_to_date": list(then.get("up_to_date", {})),
            "gaps_of": list(then.get("longest_gap", {})),
            "at": _without_repeats({"utc": entry["utc"], "zone": entry["zone"]} for entry in then.get("at", [])),
            "moments": [{"local": entry["local"], "zone": entry["zone"]} for entry in then.get("moments", [])],
            "local_days": [{"utc": entry["utc"], "zone": entry["zone"]} for entry in then.get("local_days", [])],
        }

    # -- facts ---------------------------------------------------------------------------------------------------

    def facts(self, given: Data) -> Json:
        extras = [self._extra(entry) for entry in given.get("extras", [])]
        return {
            "anchor": given["anchor"],
            "enrolled": given.get("enrolled", given["anchor"]),
            "until": str(_horizon(given, self.case.then)),
            "terms": list(self._terms(given)),
            "studies": [self._study(entry) for entry in given.get("studies", [])],
            "holds": given.get("holds", []),
            "bookings": [self._booking(entry, extras) for entry in given.get("bookings", [])],
            "extras": extras,
            "moves": [{"item": self._item(entry), **_but(entry, "item")} for entry in given.get("moves", [])],
            "skips": [{"item": self._item(entry), **_but(entry, "item")} for entry in given.get("skips", [])],
            "known_blank": given.get("known_blank", []),
            "ended": given.get("ended"),
        }

    def _item(self, entry: Data) -> str:
        named = entry.get("item", self.case.item)
        if named is None:
            raise ValueError(f"{self.case.id}: name the item in {dict(entry)}, as the case follows several")
        return str(named)

    def _study(self, entry: Data) -> Json:
        made = _but(entry, "item", "items", "booked_for", "ruling")
        booked, ruled = self._by_item(entry.get("booked_for")), self._by_item(entry.get("ruling"))
        return made | {
            "items": entry.get("items") or [self._item(entry)],
            "booked_for": [{"item": item, "month": month} for item, month in booked.items()],
            "rulings": [{"item": item, "word": word} for item, word in ruled.items()],
        }

    def _by_item(self, value: Any) -> Json:
        if value is None:
            return {}
        return dict(value) if isinstance(value, Mapping) else {self._item({}): value}

    def _extra(self, entry: Data) -> Json:
        return {"item": self._item(entry), **_but(entry, "item")}

    def _booking(self, entry: Data, extras: list[Json]) -> Json:
        own = [extra["target"] for extra in extras if extra["id"] == entry.get("extra")]
        anchor = date.fromisoformat(self.case.given["anchor"])
        target = own[0] if own else str(add_months(anchor, entry.get("month", 0)))
        return {"item": self._item(entry), "target": target, **_but(entry, "item")}

    # -- protocols and choices -----------------------------------------------------------------------------------

    def _terms(self, given: Data) -> Iterator[Json]:
        protocol, chosen = given["protocol"], given.get("items")
        yield self._term(protocol, chosen)
        for change in given.get("changes", []):
            protocol = change.get("protocol", protocol)
            chosen = {**(chosen or {}), **change["items"]} if "items" in change else chosen
            yield {"since": change["from"], **self._term(protocol, chosen)}

    def _term(self, named: Any, chosen: Data | None) -> Json:
        protocol = self._protocol(named)
        codes = [item["code"] for item in protocol["items"]]
        return {"protocol": protocol["key"], "choices": list(_choices(codes, chosen))}

    def _protocol(self, named: Any) -> Json:
        """A shipped protocol by ``id@version``, or the short form that a case writes out."""
        if isinstance(named, str):
            found = _shipped_form(protocols.find(self.shipped, named))
            return self.protocols.setdefault(found["key"], found)
        made = _short_form(named)
        for known in self.protocols.values():
            if {**known, "key": ""} == made:
                return known
        made["key"] = f"case@{len(self.protocols) + 1}"
        return self.protocols.setdefault(made["key"], made)


def _choices(codes: list[str], chosen: Data | None) -> Iterator[Json]:
    """Items that a case does not name are off; without any choice the protocol's own defaults hold."""
    if chosen is None:
        return
    words = {code: chosen.get(code, "off") for code in codes}
    words |= {code: word for code, word in chosen.items() if code not in words and word != "off"}
    for code, word in words.items():
        if word != "default":
            yield {"item": code, "months": None if word == "off" else int(word)}


def _shipped_form(protocol: Protocol) -> Json:
    tolerance = [{"interval": months, "days": days} for months, days in sorted(protocol.tolerance.items())]
    items = [_item_form(item) for item in protocol.items]
    return {"key": protocol.key, "lead_days": protocol.lead_days, "tolerance": tolerance, "items": items}


def _item_form(item: Item) -> Json:
    made: Json = {"code": item.code, "enabled": item.enabled, "phases": [_phase_form(phase) for phase in item.phases]}
    if item.after is not None:
        after = item.after
        made["after"] = {"item": after.item, "min_days": after.min_days, "max_days": after.max_days}
    return made


def _phase_form(phase: Phase) -> Json:
    return {"from": phase.start, "to": phase.end, "min": phase.min, "max": phase.max, "default": phase.default}


def _short_form(data: Data) -> Json:
    tolerance = [{"interval": int(months), "days": days} for months, days in data["tolerance"].items()]
    items = [
        {"code": code, "enabled": True, "phases": [_short_phase(phase) for phase in phases]}
        for code, phases in data["items"].items()
    ]
    return {"key": "", "lead_days": data.get("lead_days", 56), "tolerance": tolerance, "items": items}


def _short_phase(data: Data) -> Json:
    interval = data["interval"]
    return {"from": data["from"], "to": data.get("to"), "min": interval, "max": interval, "default": interval}


# -- days --------------------------------------------------------------------------------------------------------


def _horizon(given: Data, then: Data) -> date:
    """The last day a target may have: as the case says, else 24 months after the last day that it names."""
    if "until" in given:
        return date.fromisoformat(given["until"])
    written = json.dumps([given, then])
    return add_months(max(map(date.fromisoformat, re.findall(r"\d{4}-\d{2}-\d{2}", written))), 24)


def _status_days(then: Data) -> Iterator[str]:
    """Every day on which ``then`` says how an examination stands."""
    if "on_day" in then:
        yield then["on_day"]
    for row in then.get("examinations", []):
        for name in ("status", "late"):
            if isinstance(row.get(name), Mapping):
                yield from row[name]


def _site(data: Data) -> Json:
    """The site's calendar; Monday to Friday without holidays where a case names none."""
    closed = {date.fromisoformat(day) for day in data.get("holidays", [])} | set(_closed(data))
    return {"working_days": data.get("working_days", [1, 2, 3, 4, 5]), "closed": sorted(map(str, closed))}


def _closed(data: Data) -> Iterator[date]:
    for first, last in data.get("closed", []):
        start, end = date.fromisoformat(first), date.fromisoformat(last)
        for number in range((end - start).days + 1):
            yield start + timedelta(days=number)


def _but(entry: Data, *names: str) -> Json:
    return {key: value for key, value in entry.items() if key not in names}


def _without_repeats(entries: Iterator[Json]) -> list[Json]:
    found: list[Json] = []
    for entry in entries:
        if entry not in found:
            found.append(entry)
    return found
