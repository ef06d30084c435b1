"""A report as it is read: what it asks, by which rule it counts, its rows and its plot, and one sentence that says it.

The rules stand beside every report, since a number that nobody can explain is worth nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from surveillance.core.dates import DAY
from surveillance.core.plots import Pattern, Plot, Series
from surveillance.core.report_costs import COSTS, COSTS_RULES, REPLIES, REPLIES_RULES
from surveillance.core.reports import GRACE_DAYS, Cell, Column, Kind, ReportName, Row, month_start
from surveillance.core.timeline import month_name, spelled

AS_OF_TODAY: Final = frozenset({ReportName.OVERDUE, ReportName.LOSS})


class Words(NamedTuple):
    """``none`` is what stands in the place of a report without numbers."""

    title: str
    asks: str
    rules: tuple[str, ...]
    columns: tuple[Column, ...]
    none: str


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


# -- words -----------------------------------------------------------------------------------------------------

_COUNTED = (
    "Only regular examinations count; extra ones stand beside the protocol.",
    "Left out: what a hold prevented or the end of a plan cut off, and scans from before the enrolment.",
)
_MONTH = Column("month", "Month", Kind.MONTH)

WORDS: Final[Mapping[ReportName, Words]] = {
    ReportName.UP_TO_DATE: Words(
        "Patients up to date",
        "How many patients had a recent enough study for everything that their plan repeats?",
        (
            (
                "Up to date on a day: for each item of the plan, the last study lies within one interval and its"
                " tolerance of that day."
            ),
            "The interval is the one in force on that day; any study of the item counts, whichever slot it fulfils.",
            (
                "Counted are patients with a plan in force on that day. Left out are items on hold, and items never"
                " examined whose first window has not closed yet."
            ),
            "Each point is the last day of a month, and the last day of the period.",
        ),
        (
            Column("day", "Day", Kind.DAY),
            Column("patients", "Patients"),
            Column("up_to_date", "Up to date"),
            Column("share", "Share up to date", Kind.SHARE),
        ),
        "No examination was owed in this period.",
    ),
    ReportName.ON_TIME: Words(
        "Examinations on time",
        "Of the examinations that fell in each month, how many were done in their window?",
        (
            "Share on time = done inside the window ÷ (done + missed), by the month of the target.",
            (
                "Missed: the next examination took its place and it was never done. Skipped ones are shown and not"
                " counted; what can still be done is not counted yet."
            ),
            *_COUNTED,
        ),
        (
            _MONTH,
            Column("on_time", "On time"),
            Column("early", "Early"),
            Column("late", "Late"),
            Column("missed", "Missed"),
            Column("skipped", "Skipped"),
            Column("share", "Share on time", Kind.SHARE),
        ),
        "No examinations were due in this period.",
    ),
    ReportName.DELAY: Words(
        "From target to examination",
        "How far from their target were examinations done?",
        (
            (
                "Counted are regular examinations done in the period, by whole weeks from the target: a week late is 4"
                " to 10 days late."
            ),
            "Early, on time and late are meant against the window, which is wider for longer intervals.",
            *_COUNTED,
        ),
        (
            Column("delay", "From the target", Kind.TEXT),
            Column("early", "Before the window"),
            Column("on_time", "In the window"),
            Column("late", "After the window"),
            Column("examinations", "All"),
        ),
        "No examinations were done in this period.",
    ),
    ReportName.OVERDUE: Words(
        "Overdue by age",
        "For how long have examinations been overdue that nobody has booked?",
        (
            (
                "Counted is what the board lists as overdue today, including rows that were put aside: open, past its"
                " window, not on hold and not booked."
            ),
            "Age counts from the day after the first window that nothing met.",
            "A patient counts once, by the examination that has been overdue the longest.",
        ),
        (
            Column("age", "Overdue for", Kind.TEXT),
            Column("examinations", "Examinations"),
            Column("patients", "Patients"),
        ),
        "Nothing is overdue.",
    ),
    ReportName.NO_SHOWS: Words(
        "No-shows",
        "To how many visits did patients not come?",
        (
            "Counted are visits whose outcome was recorded, by the month of the visit; cancelled ones are left out.",
            "A no-show: at least one examination of the visit was recorded as such.",
        ),
        (
            _MONTH,
            Column("visits", "Visits"),
            Column("came", "Came"),
            Column("no_shows", "No-shows"),
            Column("share", "Share of no-shows", Kind.SHARE),
        ),
        "No visit of this period has an outcome.",
    ),
    ReportName.MESSAGES: Words(
        "Messages",
        "Did the messages reach the patients, and how many parts were paid for?",
        (
            "Counted is each call to a provider, by the month in which it was made (local time of the site).",
            (
                "Delivered: the provider said so. Handed over: the provider took it and has not said more; email stays"
                " there. Undelivered: taken, and failed later. Failed: refused, or certainly not sent."
            ),
            "Parts are what SMS are billed by, as far as the provider told; those of refused messages are not counted.",
        ),
        (
            _MONTH,
            Column("channel", "Channel", Kind.TEXT),
            Column("delivered", "Delivered"),
            Column("undelivered", "Undelivered"),
            Column("failed", "Failed"),
            Column("in_doubt", "In doubt"),
            Column("handed_over", "Handed over"),
            Column("messages", "All"),
            Column("parts", "SMS parts"),
        ),
        "No messages were sent in this period.",
    ),
    ReportName.COSTS: Words(
        "Cost of messages",
        "What did messages cost in each month, by channel, purpose and language, and what did not arrive?",
        COSTS_RULES,
        COSTS,
        "No text messages were handed over in this period.",
    ),
    ReportName.REPLIES: Words(
        "Replies",
        "What did patients answer in each month, and what did it cost to receive?",
        REPLIES_RULES,
        REPLIES,
        "No replies came in this period.",
    ),
    ReportName.LOSS: Words(
        "Loss to follow-up",
        "In which year since treatment do patients get lost?",
        (
            (
                f"Lost: an examination has been overdue for {GRACE_DAYS} days or longer (so the last one lies"
                f" interval + tolerance + {GRACE_DAYS} days back), and for as long there was no sign of the patient:"
                " no study, no visit kept or booked, no reply. A call of ours is no sign, as it may not have been"
                " answered."
            ),
            "Not lost: who has a visit to come, is on hold, has a skip to be reviewed, or whose plan has ended.",
            (
                "Followed in a year: a plan was in force at any time in it. Years count from the end of treatment, for"
                " each plan; the year of a loss is that of the day on which the above became true."
            ),
            "Who comes back is lost no more.",
        ),
        (
            Column("year", "Year since treatment"),
            Column("followed", "Followed"),
            Column("stayed", "Not lost"),
            Column("lost", "Lost"),
            Column("share", "Share lost", Kind.SHARE),
        ),
        "Nobody has a plan yet.",
    ),
}
