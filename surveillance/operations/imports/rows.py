"""Checking every cell: what a row says, or each thing that is wrong with it, by line and column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from surveillance.core.errors import InvalidInputError, SurveillanceError
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.words import DeferralKind
from surveillance.operations.care import enrolment
from surveillance.operations.deferrals import granting
from surveillance.operations.deferrals.granting import NewDeferral
from surveillance.operations.deferrals.off_items import off_items
from surveillance.operations.imports.columns import COLUMNS, REQUIRED
from surveillance.operations.imports.sheets import Sheet
from surveillance.operations.registry.phones import Phone, read_phone
from surveillance.operations.work import Work
from surveillance.store.tables import Site

_UNREADABLE = "saved as given and on the board, unless a good number is on record"


@dataclass(frozen=True, slots=True)
class CellError:
    """One thing wrong with a file: line, column, reason."""

    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.reason}"


@dataclass(frozen=True, slots=True)
class ImportedPatient:
    """A row whose cells can all be read. ``values`` holds only the cells that were not blank."""

    line: int
    mrn: str
    values: Mapping[str, Any]
    phone: Phone | None
    protocol: Protocol | None = None
    warnings: Sequence[str] = field(default=())

    def get(self, column: str, default: Any = None) -> Any:
        return self.values.get(column, default)


@dataclass
class Parsed:
    rows: list[ImportedPatient] = field(default_factory=list)
    errors: list[CellError] = field(default_factory=list)


def parse(work: Work, site: Site, sheet: Sheet) -> Parsed:
    """Read every row; the errors of all rows are found, not only the first."""
    result = Parsed()
    seen: dict[str, int] = {}
    reader = _Reader(work, site)
    for line, cells in sheet.rows:
        row, errors = reader.row(line, cells)
        if row is not None and row.mrn in seen:
            errors = [*errors, CellError(line, "mrn", f"MRN {row.mrn!r} stands in line {seen[row.mrn]} already")]
        if errors:
            result.errors.extend(errors)
        elif row is not None:
            seen[row.mrn] = line
            result.rows.append(row)
    return result


class _Reader:
    """Reads rows for one site; approved protocols and checked intervals are remembered from row to row."""

    def __init__(self, work: Work, site: Site) -> None:
        self.work = work
        self.site = site
        self.today = work.today(site)
        self.protocols: dict[str, Protocol | str] = {}
        self.intervals: dict[tuple[str, str], str] = {}

    def row(self, line: int, cells: Mapping[str, str]) -> tuple[ImportedPatient | None, list[CellError]]:
        values: dict[str, Any] = {}
        errors: list[CellError] = []
        for column, cell in cells.items():
            try:
                values[column] = COLUMNS[column](cell)
            except ValueError as error:
                errors.append(CellError(line, column, str(error)))
        errors.extend(CellError(line, column, "is empty") for column in REQUIRED if column not in cells)
        errors.extend(CellError(line, column, reason) for column, reason in self._dates(values))
        protocol = None
        for column, reason in self._plan(values):
            errors.append(CellError(line, column, reason))
        found = self.protocols.get(values.get("protocol", ""))
        if isinstance(found, Protocol):
            protocol = found
        if errors:
            return None, errors
        phone = read_phone(cells["phone"], self.site.country) if "phone" in cells else None
        warnings = [f"line {line}: {phone.problem}; {_UNREADABLE}"] if phone and phone.problem else []
        return ImportedPatient(line, values["mrn"], values, phone, protocol, warnings), []

    def _dates(self, values: Mapping[str, Any]) -> list[tuple[str, str]]:
        """What can be nobody's dates."""
        born: date | None = values.get("birth_date")
        anchor: date | None = values.get("anchor")
        wrong = []
        if born is not None and not date(1890, 1, 1) <= born <= self.today:
            wrong.append(("birth_date", f"{born} is not between 1890 and today ({self.today})"))
        if anchor is not None and anchor > self.today:
            wrong.append(("anchor", f"{anchor} lies after today ({self.today})"))
        if anchor is not None and anchor < max(enrolment.OLDEST, born or enrolment.OLDEST):
            wrong.append(("anchor", f"{anchor} lies before the birth date"))
        for _, on in values.get("studies", ()):
            if on > self.today or (born is not None and on < born):
                wrong.append(("studies", f"{on} lies before birth or after today ({self.today})"))
        return wrong

    def _plan(self, values: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Protocol, anchor, intervals and studies must fit together."""
        name, anchor = values.get("protocol"), values.get("anchor")
        if (name is None) != (anchor is None):
            return [("protocol" if name is None else "anchor", "protocol and anchor go together; one of them is empty")]
        if name is None:
            lonely = [column for column in ("intervals", "studies") if column in values]
            return [(column, "needs a protocol and an anchor in the same row") for column in lonely]
        protocol = self._protocol(name)
        if isinstance(protocol, str):
            return [("protocol", protocol)]
        wrong = []
        if reason := self._interval_fault(protocol, values.get("intervals", {})):
            wrong.append(("intervals", reason))
        known = {item.code for item in protocol.scheduled}
        strangers = {item for items, _ in values.get("studies", ()) for item in items} - known
        if strangers:
            wrong.append(("studies", f"{protocol.key} has no item {', '.join(sorted(strangers))}"))
        return wrong

    def _protocol(self, name: str) -> Protocol | str:
        if name not in self.protocols:
            try:
                self.protocols[name] = enrolment.approved_at(self.work, self.site, name)
            except SurveillanceError as error:
                self.protocols[name] = str(error)
        return self.protocols[name]

    def _interval_fault(self, protocol: Protocol, chosen: Mapping[str, int | None]) -> str:
        key = (protocol.key, repr(sorted(chosen.items())))
        if key not in self.intervals:
            try:
                self._off(off_items(self.work, protocol, chosen))
                self.intervals[key] = ""
            except InvalidInputError as error:
                self.intervals[key] = str(error)
        return self.intervals[key]

    def _off(self, items: Sequence[str]) -> None:
        """Raises BeyondLimitError where whoever takes the file in may not switch an item off."""
        until = granting.farthest(self.work, self.site.id, DeferralKind.OFF, self.today)
        for item in items:
            granting.allow(self.work, self.site.id, NewDeferral(DeferralKind.OFF, "", until, "imported", item))
