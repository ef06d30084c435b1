"""A report as it is read: its words (``definitions``), its rows and its plot, and one sentence that says it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from surveillance.core.dates import DAY
from surveillance.core.drawings.plots import Pattern, Plot, Series
from surveillance.core.drawings.timeline import month_name, spelled
from surveillance.core.reports.counting import Cell, Column, Kind, ReportName, Row, month_start
from surveillance.core.reports.definitions import WORDS, Words

AS_OF_TODAY: Final = frozenset({ReportName.OVERDUE, ReportName.LOSS})


@dataclass(frozen=True, slots=True)
class Report:
    """``when`` tells the days that it is about; ``said`` is what it says in a sentence or two."""

    name: ReportName
    when: str
    rows: Sequence[Row]
    plot: Plot
    said: str

    @property
    def words(self) -> Words:
        return WORDS[self.name]

    @property
    def as_of_today(self) -> bool:
        """It is about how things stand, not about a period."""
        return self.name in AS_OF_TODAY

    @property
    def empty(self) -> bool:
        return self.plot.empty

    def written(self) -> Iterator[list[str]]:
        """The rows for people."""
        for row in self.rows:
            yield [written(column.kind, cell) for column, cell in zip(self.words.columns, row, strict=True)]

    def raw(self) -> Iterator[list[str | int | float | None]]:
        """The rows for a spreadsheet or a program: ISO days, months as 2026-11, shares from 0 to 1."""
        for row in self.rows:
            yield [_raw(column.kind, cell) for column, cell in zip(self.words.columns, row, strict=True)]


def written(kind: Kind, cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, date):
        return spelled(cell)
    if kind is Kind.MONTH:
        return month_name(month_start(int(cell)))
    if kind is Kind.MONEY:
        return f"{cell:,.2f}"
    if kind is Kind.SHARE:
        return percent(float(cell))
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def percent(part: float) -> str:
    """Whole percents; what is nearly all or nearly nothing is not rounded to all or nothing."""
    whole = round(100 * part)
    if whole in (0, 100) and part not in (0, 1):
        return "under 1%" if whole == 0 else "over 99%"
    return f"{whole}%"


def _raw(kind: Kind, cell: Cell) -> str | int | float | None:
    if isinstance(cell, date):
        return cell.isoformat()
    if kind is Kind.MONTH and cell is not None:
        return f"{month_start(int(cell)):%Y-%m}"
    return round(cell, 4) if isinstance(cell, float) else cell


# -- plots -----------------------------------------------------------------------------------------------------

_PATTERNS: Final[Mapping[ReportName, tuple[tuple[str, Pattern], ...]]] = {
    ReportName.UP_TO_DATE: (("share", Pattern.SOLID),),
    ReportName.ON_TIME: (
        ("on_time", Pattern.PALE),
        ("early", Pattern.EMPTY),
        ("late", Pattern.HATCHED),
        ("missed", Pattern.SOLID),
    ),
    ReportName.DELAY: (("early", Pattern.EMPTY), ("on_time", Pattern.PALE), ("late", Pattern.HATCHED)),
    ReportName.OVERDUE: (("examinations", Pattern.PALE),),
    ReportName.NO_SHOWS: (("came", Pattern.PALE), ("no_shows", Pattern.SOLID)),
    ReportName.MESSAGES: (
        ("delivered", Pattern.PALE),
        ("handed_over", Pattern.EMPTY),
        ("undelivered", Pattern.HATCHED),
        ("failed", Pattern.SOLID),
        ("in_doubt", Pattern.DOTTED),
    ),
    ReportName.COSTS: (("gsm_parts", Pattern.PALE), ("ucs_parts", Pattern.HATCHED)),
    ReportName.REPLIES: (
        ("confirmed", Pattern.PALE),
        ("another_day", Pattern.HATCHED),
        ("opted_out", Pattern.SOLID),
        ("opted_in", Pattern.LINED),
        ("unclear", Pattern.DOTTED),
        ("other", Pattern.EMPTY),
    ),
    ReportName.LOSS: (("stayed", Pattern.PALE), ("lost", Pattern.SOLID)),
}
_AXES: Final[Mapping[ReportName, str]] = {
    ReportName.UP_TO_DATE: "Last day of the month",
    ReportName.ON_TIME: "Month of the target",
    ReportName.DELAY: "When it was done, from its target",
    ReportName.OVERDUE: "Overdue for",
    ReportName.NO_SHOWS: "Month of the visit",
    ReportName.MESSAGES: "Month",
    ReportName.COSTS: "Month",
    ReportName.REPLIES: "Month",
    ReportName.LOSS: "Year since treatment",
}


def drawn(name: ReportName, rows: Sequence[Row], said: str) -> Plot:
    """The plot of a report's rows; the first column names the places along the axis."""
    words = WORDS[name]
    by_key = {column.key: number for number, column in enumerate(words.columns)}
    places = _by_place(rows, words.columns)
    series = tuple(
        Series(words.columns[by_key[key]].title, tuple(_value(row[by_key[key]]) for row in places), pattern)
        for key, pattern in _PATTERNS[name]
    )
    labels = tuple(written(words.columns[0].kind, row[0]) for row in places)
    if name is ReportName.UP_TO_DATE:
        labels = tuple(_point(row[0]) for row in places if isinstance(row[0], date))
    return Plot(words.title, said, labels, series, name is ReportName.UP_TO_DATE, _AXES.get(name, ""))


def _value(cell: Cell) -> float | None:
    return None if cell is None or isinstance(cell, (str, date)) else cell


def _by_place(rows: Sequence[Row], columns: Sequence[Column]) -> Sequence[Row]:
    """One row for each place: the messages of a month stand together, whatever the clinic and the channel."""
    if all(column.kind is not Kind.TEXT for column in columns[1:]):
        return rows
    places: dict[Cell, list[Any]] = {}
    for row in rows:
        found = places.setdefault(row[0], [row[0], *[0] * (len(row) - 1)])
        for number, column in enumerate(columns[1:], start=1):
            found[number] += row[number] or 0 if column.kind is Kind.COUNT else 0
    return [tuple(place) for place in places.values()]


def _point(day: date) -> str:
    """The end of a month by its month, any other day in full."""
    return month_name(day) if (day + DAY).day == 1 else spelled(day)
