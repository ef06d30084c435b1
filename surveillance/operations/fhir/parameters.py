"""Reads a FHIR Parameters resource that holds the facts about one patient; ``applying`` tells what it is for.

Each parameter has one value of one type, or parts that have. What is not known is refused, never passed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from surveillance.core.errors import InvalidInputError
from surveillance.operations.cases.form import YEARS

# Parameter → its value[x], for those of one value.
_SINGLE: Final = MappingProxyType(
    {"anchor": "valueDate", "enrolled": "valueDate", "today": "valueDate", "until": "valueDate", "ended": "valueDate"}
)
# Parameter → its parts: part → value[x] and where it stands in the facts.
_PARTS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = MappingProxyType(
    {
        "interval": {
            "item": ("valueCode", "item"),
            "months": ("valueInteger", "months"),
            "off": ("valueBoolean", "off"),
            "from": ("valueDate", "from"),
        },
        "study": {
            "id": ("valueId", "id"),
            "performed": ("valueDate", "day"),
            "item": ("valueCode", "items"),
            "reported": ("valueDate", "reported"),
            "reviewed": ("valueDate", "reviewed"),
            "told": ("valueDate", "told"),
            "repeatBy": ("valueDate", "repeat_by"),
            "bookedFor": ("part", "booked_for"),
            "ruling": ("part", "rulings"),
        },
        "hold": {
            "item": ("valueCode", "item"),
            "from": ("valueDate", "from"),
            "resumed": ("valueDate", "resumed"),
            "review": ("valueDate", "review"),
        },
        "booking": {
            "id": ("valueId", "id"),
            "item": ("valueCode", "item"),
            "day": ("valueDate", "day"),
            "month": ("valueInteger", "month"),
            "extra": ("valueId", "extra"),
            "target": ("valueDate", "target"),
        },
        "extra": {
            "id": ("valueId", "id"),
            "item": ("valueCode", "item"),
            "target": ("valueDate", "target"),
            "tolerance": ("valueInteger", "tolerance"),
            "requested": ("valueDate", "requested"),
        },
        "move": {
            "item": ("valueCode", "item"),
            "month": ("valueInteger", "month"),
            "to": ("valueDate", "to"),
        },
        "skip": {
            "item": ("valueCode", "item"),
            "month": ("valueInteger", "month"),
            "extra": ("valueId", "extra"),
            "review": ("valueDate", "review"),
        },
    }
)
_NESTED: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = MappingProxyType(
    {
        "bookedFor": {"item": ("valueCode", "item"), "month": ("valueInteger", "month")},
        "ruling": {"item": ("valueCode", "item"), "word": ("valueCode", "word")},
    }
)
_LISTS: Final = frozenset({"items", "booked_for", "rulings"})
_PLURAL: Final = MappingProxyType(
    {name: f"{name}s" for name in ("hold", "booking", "extra", "move", "skip")} | {"study": "studies"}
)


@dataclass
class ParametersError(InvalidInputError):
    """The parameters cannot be used; ``expression`` says where (FHIRPath), ``why`` what is wrong."""

    expression: str
    why: str

    def __str__(self) -> str:
        return f"{self.expression}: {self.why}"


@dataclass
class Given:
    """The parameters as they were read: plain values, by their places in the form of facts."""

    subject: str = ""
    today: date | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    intervals: list[dict[str, Any]] = field(default_factory=list)


def read(parameters: Any) -> Given:
    """Raises ParametersError for the first thing that is wrong, with its place."""
    if not isinstance(parameters, dict) or parameters.get("resourceType") != "Parameters":
        raise ParametersError("Parameters", "send a resource of type Parameters")
    entries = parameters.get("parameter", [])
    if not isinstance(entries, list):
        raise ParametersError("Parameters.parameter", "is a list")
    found = Given()
    for number, entry in enumerate(entries):
        _take(found, entry, f"Parameters.parameter[{number}]")
    for name, value in (("subject", found.subject), ("anchor", found.facts.get("anchor"))):
        if not value:
            raise ParametersError("Parameters.parameter", f"{name} is missing")
    return found


def _take(found: Given, entry: Any, place: str) -> None:
    name = _name(entry)
    if name == "subject":
        found.subject = _subject(entry, place)
    elif name == "knownBlank":
        found.facts.setdefault("known_blank", []).append(_value(entry, "valueCode", place))
    elif name in _SINGLE:
        _single(found, name, _value(entry, _SINGLE[name], place), place)
    elif name == "interval":
        found.intervals.append(_parts(entry, _PARTS[name], place))
    elif name in _PARTS:
        found.facts.setdefault(_PLURAL[name], []).append(_parts(entry, _PARTS[name], place))
    else:
        raise ParametersError(place, f"there is no parameter {name!r}")


def _name(given: Any) -> str:
    return str(given.get("name", "")) if isinstance(given, dict) else ""


def _single(found: Given, name: str, value: Any, place: str) -> None:
    if name in found.facts or (name == "today" and found.today is not None):
        raise ParametersError(place, f"{name} stands twice")
    if name == "today":
        found.today = _day(value, place)
    else:
        found.facts[name] = value


def _day(value: str, place: str) -> date:
    try:
        day = date.fromisoformat(value)
        if day.year not in YEARS:
            raise ValueError
    except ValueError:
        raise ParametersError(place, f"write a day like 2026-12-01, between {YEARS[0]} and {YEARS[-1]}") from None
    return day


def _subject(entry: Mapping[str, Any], place: str) -> str:
    """The patient as the caller knows it: a reference or a text; nobody here is looked up."""
    reference = entry.get("valueReference")
    value = reference.get("reference") if isinstance(reference, dict) else entry.get("valueString")
    if not isinstance(value, str) or not value.strip() or len(value) > 200:
        raise ParametersError(place, "subject is a valueString or a valueReference with a reference")
    return value


def _parts(given: Mapping[str, Any], known: Mapping[str, tuple[str, str]], place: str) -> dict[str, Any]:
    parts = given.get("part")
    if not isinstance(parts, list):
        raise ParametersError(place, "has parts")
    found: dict[str, Any] = {}
    for number, part in enumerate(parts):
        here = f"{place}.part[{number}]"
        name = _name(part)
        if name not in known:
            raise ParametersError(here, f"there is no part {name!r}; there are {', '.join(known)}")
        kind, member = known[name]
        value = _parts(part, _NESTED[name], here) if kind == "part" else _value(part, kind, here)
        if member in _LISTS:
            found.setdefault(member, []).append(value)
        elif member in found:
            raise ParametersError(here, f"{name} stands twice")
        else:
            found[member] = value
    return found


_TYPES: Final = MappingProxyType({"valueInteger": int, "valueBoolean": bool})


def _value(given: Mapping[str, Any], kind: str, place: str) -> Any:
    value = given.get(kind)
    if type(value) is not _TYPES.get(kind, str):
        raise ParametersError(place, f"needs {kind}")
    return value
