"""A small reader of the reference cases for the second prover: no code of the planner or of its own reader is used."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from types import SimpleNamespace as Row
from typing import Any, ClassVar, NamedTuple

import yaml

from surveillance.prover import schedule as prover

TOP = Path(__file__).parents[2]
DEFAULTS: dict[str, Any] = {
    "studies": [],
    "holds": [],
    "bookings": [],
    "extras": [],
    "moves": [],
    "skips": [],
    "changes": [],
}


class Case(NamedTuple):
    id: str
    given: dict[str, Any]  # with "afterwards" in its place
    before: dict[str, Any]
    then: dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Plain YAML 1.2: "off" and days are text."""

    yaml_implicit_resolvers: ClassVar = {
        letter: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":int", ":null", ":float"))]
        for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def load(file: Path) -> Any:
    return yaml.load(file.read_text(encoding="utf-8"), _Loader)  # a safe loader, with fewer tags


def cases() -> Iterator[Case]:
    for file in sorted((TOP / "tests" / "cases").glob("*.yaml")):
        group = load(file)
        for case in group["cases"]:
            before = DEFAULTS | group["given"] | case.get("given", {})
            yield Case(case["id"], before | case.get("afterwards", {}), before, case["then"])


def day(text: Any) -> date:
    return date.fromisoformat(str(text))


def document(protocol: Any) -> Mapping[str, Any]:
    """A shipped protocol, or a small one that a case writes out, in the form in which a version is stored."""
    if isinstance(protocol, str):
        read = _shipped()[protocol]
    else:
        read = protocol | {"items": [{"code": code, "phases": phases} for code, phases in protocol["items"].items()]}
    items = [part | {"phases": [_ranged(phase) for phase in part["phases"]]} for part in read["items"]]
    return read | {"items": items}


@cache
def _shipped() -> Mapping[str, Mapping[str, Any]]:
    files = [load(file) for file in (TOP / "config" / "protocols").rglob("*.yaml")]
    return {f"{file['id']}@{file['version']}": file for file in files}


def _ranged(phase: Mapping[str, Any]) -> dict[str, Any]:
    interval = phase["interval"]
    if isinstance(interval, int):
        interval = {"min": interval, "max": interval, "default": interval}
    return {**phase, "interval": interval}


def facts(given: Mapping[str, Any], as_booked: Mapping[str, Any]) -> prover.PlanFacts:
    """The facts of a case as rows of the tables; a booking has the target that it had when it was made."""
    only = next(iter(given["items"])) if given["items"] and len(given["items"]) == 1 else None
    extras = [
        Row(id=entry["id"], item=entry.get("item", only), tolerance=entry["tolerance"], **_days(entry))
        for entry in given["extras"]
    ]
    return prover.PlanFacts(
        Row(
            anchor=day(given["anchor"]),
            enrolled_on=day(given.get("enrolled") or given["anchor"]),
            ended_on=day(given["ended"]) if given.get("ended") else None,
        ),
        _terms(given),
        [study for entry in given["studies"] for study in _studies(entry, only)],
        [Row(item=entry.get("item"), **_days(entry)) for entry in given["holds"]],
        list(_overrides(given, only)),
        extras,
        list(_bookings(given, as_booked, only)),
    )


COLUMNS = {"target": "target", "requested": "requested_on", "from": "start", "resumed": "resumed_on"}


def _days(entry: Mapping[str, Any]) -> dict[str, date]:
    return {"resumed_on": None} | {COLUMNS[word]: day(entry[word]) for word in COLUMNS if word in entry}  # type: ignore[dict-item]


def _override(kind: str, item: str | None, **values: Any) -> Row:
    return Row(**{"kind": kind, "item": item, "month": None, "extra_id": None, "study_id": None, "day": None} | values)


def _overrides(given: Mapping[str, Any], only: str | None) -> Iterator[Row]:
    for word, kind, until in (("moves", "move", "to"), ("skips", "skip", "review")):
        for entry in given[word]:
            about = {"month": entry.get("month"), "extra_id": entry.get("extra"), "day": day(entry[until])}
            yield _override(kind, entry.get("item", only), **about)
    for item in given.get("known_blank", ()):
        yield _override("known_blank", item)
    for entry in given["studies"]:
        rulings = entry.get("ruling", {})
        for item, ruling in (rulings if isinstance(rulings, dict) else {only: rulings}).items():
            yield _override({"extra": "extra_evidence"}.get(ruling, ruling), item, study_id=entry["id"])


def _bookings(given: Mapping[str, Any], as_booked: Mapping[str, Any], only: str | None) -> Iterator[Row]:
    targets = {entry["id"]: day(entry["target"]) for entry in given["extras"]}
    for entry in given["bookings"]:
        month, extra = entry.get("month"), entry.get("extra")
        target = targets[extra] if extra else prover.add_months(day(as_booked["anchor"]), month)
        about = {"item": entry.get("item", only), "month": month, "extra_id": extra, "target": target}
        yield Row(id=entry["id"], day=day(entry["day"]), **about)


def _terms(given: Mapping[str, Any]) -> list[prover.Term]:
    protocol, chosen = given["protocol"], _chosen(given["items"] or {})
    if given["items"] is not None:
        chosen = dict.fromkeys((part["code"] for part in document(protocol)["items"]), None) | chosen
    terms = [_term(date.min, protocol, chosen)]
    for change in given["changes"]:
        protocol, chosen = change.get("protocol", protocol), chosen | _chosen(change.get("items", {}))
        terms.append(_term(day(change["from"]), protocol, chosen))
    return terms


def _term(since: date, protocol: Any, chosen: dict[str, int | None]) -> prover.Term:
    return prover.term(since, json.dumps(document(protocol)), tuple(chosen.items()))


def _chosen(items: Mapping[str, Any]) -> dict[str, int | None]:
    return {item: {"default": 0, "off": None}.get(value, value) for item, value in items.items()}  # type: ignore[call-overload]


def _studies(entry: Mapping[str, Any], only: str | None) -> Iterator[Row]:
    for item in entry.get("items", [entry.get("item", only)]):
        booked = entry.get("booked_for")
        month = booked.get(item) if isinstance(booked, dict) else booked
        repeat_by = day(entry["repeat_by"]) if "repeat_by" in entry else None
        made = {"performed_on": day(entry["day"]), "repeat_by": repeat_by, "modality": "", "modality_stated": False}
        yield Row(id=entry["id"], item=item, month=month, extra_id=None, **made)
