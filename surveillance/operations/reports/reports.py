"""Reports on one site or several: counted by the database, shaped and told by ``core.reports``."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Final

import sqlalchemy as sa
from sqlmodel import col

from surveillance.core.dates import DAY, to_utc
from surveillance.core.drawings.timeline import spelled
from surveillance.core.errors import InvalidInputError
from surveillance.core.plain import CHANNEL
from surveillance.core.reports import costs, counting, sheets
from surveillance.core.reports.counting import Fate, Period, ReportName, Row, Timing
from surveillance.core.reports.sheets import Report, percent
from surveillance.core.schedule.freshness import tally
from surveillance.core.words import Channel
from surveillance.operations.csv_text import BOM, safe
from surveillance.operations.work import Work
from surveillance.store.reports import contact
from surveillance.store.reports import examinations as counted
from surveillance.store.reports import messages as priced
from surveillance.store.reports.examinations import Where
from surveillance.store.tables import Plan, Site

Counts = tuple[Sequence[Row], str]  # rows, and what they say


def period(work: Work, sites: Sequence[Site], first: date | None = None, last: date | None = None) -> Period:
    """The period that was asked for, or 24 months until today; of several sites' days the earliest is today.

    Raises:
        InvalidInputError: no site, or a period that cannot be looked back on.
    """
    if not sites:
        raise InvalidInputError("there is no site to report on")
    return counting.period(min(work.today(site) for site in sites), first, last)


def of_month(work: Work, sites: Sequence[Site], text: str) -> Period:
    """A month that is written like ``2026-11``, of the running one the days until today.

    Raises:
        InvalidInputError: no site, no month, or one that has not begun.
    """
    first, last = counting.month(text)
    return period(work, sites, first, min([last, *(work.today(site) for site in sites)]))


def report(work: Work, sites: Sequence[Site], name: ReportName, over: Period) -> Report:
    """One report of all of the sites together."""
    rows, said = COUNTS[name](work, sites, over)
    today = spelled(min(work.today(site) for site in sites))
    between = f"{spelled(over.first)} to {spelled(over.last)}"
    when = f"As of {today}" if name in sheets.AS_OF_TODAY else between
    return Report(name, when, rows, sheets.drawn(name, rows, said), said)


def plans(work: Work, sites: Sequence[Site], most: int) -> int:
    """How many plans the reports are about; nobody counts further than ``most``."""
    ids = [site.id for site in sites]
    found = sa.select(col(Plan.id)).where(col(Plan.site_id).in_(ids)).limit(most).subquery()
    number: int = work.session.connection().execute(sa.select(sa.func.count()).select_from(found)).scalar_one()
    return number


def as_csv(found: Report, *, bom: bool = False) -> str:
    """The rows with the keys of their columns, as any spreadsheet reads them."""
    out = io.StringIO(newline="")
    if bom:
        out.write(BOM)
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.key for column in found.words.columns])
    writer.writerows([safe(cell) for cell in row] for row in found.raw())
    return out.getvalue()


def _where(work: Work, sites: Iterable[Site]) -> Iterable[Where]:
    return (Where(site.id, work.today(site)) for site in sites)


def _of(part: int, whole: int, what: str) -> str:
    ratio = counting.share(part, whole)
    return f"{part:,} of {whole:,} {what}" + ("" if ratio is None else f" ({percent(ratio)})")


# -- the reports one by one ------------------------------------------------------------------------------------


def _up_to_date(work: Work, sites: Sequence[Site], over: Period) -> Counts:
    asked: Counter[date] = Counter()
    fresh: Counter[date] = Counter()
    for where in _where(work, sites):
        wanted = counted.asked(work.session, where, over.points)
        found = tally(over.points, wanted, counted.studies(work.session, where))
        for day, (patients, up_to_date) in zip(over.points, found, strict=True):
            asked[day] += patients
            fresh[day] += up_to_date
    rows = [(day, asked[day], fresh[day], counting.share(fresh[day], asked[day])) for day in over.points]
    first, last = next((row for row in rows if row[1]), None), rows[-1]
    if first is None:
        return rows, ""
    said = f"On {spelled(last[0])} {_of(last[2], last[1], 'patients')} were up to date."
    if first[0] != last[0] and first[3] is not None:
        said += f" On {spelled(first[0])} it was {percent(first[3])}."
    return rows, said


def _on_time(work: Work, sites: Sequence[Site], over: Period) -> Counts:
    total: Counter[tuple[int, Timing]] = Counter()
    for where in _where(work, sites):
        total.update(counted.timings(work.session, where, over))
    return counting.on_time_rows(over, total), _said_on_time(total)


def _said_on_time(total: Mapping[tuple[int, Timing], int]) -> str:
    by: Counter[Timing] = Counter()
    for (_, timing), number in total.items():
        by[timing] += number
    whole = by[Timing.ON_TIME] + by[Timing.EARLY] + by[Timing.LATE] + by[Timing.MISSED]
    number = by[Timing.SKIPPED]
    skipped = f" {number:,} more {'were' if number > 1 else 'was'} skipped." if number else ""
    return f"{_of(by[Timing.ON_TIME], whole, 'examinations')} were done in their window.{skipped}"


def _delay(work: Work, sites: Sequence[Site], over: Period) -> Counts:
    total: Counter[tuple[int, Timing]] = Counter()
    for where in _where(work, sites):
        total.update(counted.delays(work.session, where, over))
    days: Counter[int] = Counter()
    for (delay, _), number in total.items():
        days[delay] += number
    middle = counting.median(days)
    return counting.delay_rows(total), "" if middle is None else f"{_half(middle)} {_of_windows(total)}"


def _half(days: int) -> str:
    if days == 0:
        return "Half of the examinations were done on their target day or before."
    side = "before" if days < 0 else "after"
    return (
        f"Half of the examinations were done at the latest {abs(days)} day{'s' * (abs(days) != 1)} {side} the target."
    )


def _of_windows(total: Mapping[tuple[int, Timing], int]) -> str:
    late = sum(number for (_, timing), number in total.items() if timing is Timing.LATE)
    return f"{_of(late, sum(total.values()), 'examinations')} were done after the window."


def _overdue(work: Work, sites: Sequence[Site], _: Period) -> Counts:
    examinations: Counter[int] = Counter()
    patients: Counter[int] = Counter()
    for where in _where(work, sites):
        for total, found in zip((examinations, patients), counted.overdue_ages(work.session, where), strict=True):
            total.update(found)
    number, people = sum(examinations.values()), sum(patients.values())
    of = f"{number:,} examination{'s are' if number != 1 else ' is'} overdue"
    said = f"{of}, of {people:,} patient{'s' * (people != 1)}; the oldest for {max(examinations, default=0):,} days."
    return counting.age_rows(examinations, patients), said


def _no_shows(work: Work, sites: Sequence[Site], over: Period) -> Counts:
    visits: Counter[int] = Counter()
    missed: Counter[int] = Counter()
    for where in _where(work, sites):
        for month, (all_, none) in contact.no_shows(work.session, where, over).items():
            visits[month] += all_
            missed[month] += none
    rows = counting.no_show_rows(over, {month: (visits[month], missed[month]) for month in visits})
    return rows, f"Patients did not come to {_of(sum(missed.values()), sum(visits.values()), 'visits')}."


def _messages(work: Work, sites: Sequence[Site], over: Period) -> Counts:
    total: dict[tuple[int, str, Fate], tuple[int, int]] = {}
    for site in sites:
        months = _months(site, over)
        for (month, channel, fate), (number, parts) in contact.messages(work.session, site.id, months).items():
            key = (month, CHANNEL[Channel(channel)], fate)
            before = total.get(key, (0, 0))
            total[key] = (before[0] + number, before[1] + parts)
    whole = sum(number for number, _ in total.values())
    lost = sum(number for (_, _, fate), (number, _) in total.items() if fate in (Fate.UNDELIVERED, Fate.FAILED))
    parts = sum(parts for _, parts in total.values())
    billed = f"; {parts:,} SMS parts were handed over" if parts else ""
    said = f"{_of(lost, whole, 'messages')} did not arrive or were not sent{billed}."
    return counting.message_rows(total), said


def _costs(work: Work, sites: Sequence[Site], over: Period) -> Counts:
    tallies: dict[costs.Kindred, costs.Tally] = {}
    reasons: dict[tuple[costs.Kindred, str], int] = {}
    for site in sites:
        months = _months(site, over)
        counted_here, failed_here = priced.costs(work.session, site, months)
        tallies |= counted_here
        reasons |= failed_here
    prices = work.catalogue.prices
    return costs.cost_rows(tallies, reasons, prices), costs.said_of_costs(tallies.values(), prices)


def _replies(work: Work, sites: Sequence[Site], over: Period) -> Counts:
    received: dict[tuple[int, str, str], tuple[int, int]] = {}
    answers: dict[tuple[int, str], int] = {}
    for site in sites:
        months = _months(site, over)
        received |= priced.received(work.session, site, months)
        answers |= priced.answers(work.session, site, months)
    rows = costs.reply_rows(received, answers, work.catalogue.prices)
    return rows, costs.said_of_replies(rows)


def _months(site: Site, over: Period) -> dict[int, tuple[datetime, datetime]]:
    return {month: _moments(site, over, month) for month in over.months}


def _moments(site: Site, over: Period, month: int) -> tuple[datetime, datetime]:
    """When a month of the period began and ended at the site."""
    first = max(counting.month_start(month), over.first)
    after = min(counting.month_start(month + 1), over.last + DAY)
    return to_utc(first, time(), site.time_zone), to_utc(after, time(), site.time_zone)


def _loss(work: Work, sites: Sequence[Site], _: Period) -> Counts:
    courses = [course for where in _where(work, sites) for course in contact.courses(work.session, where)]
    plans = sum(course.plans for course in courses)
    lost = sum(course.plans for course in courses if course.lost)
    early = sum(course.plans for course in courses if course.lost and course.last_year <= 2)
    more = f", {early:,} of them in the first two years since treatment" if lost else ""
    return counting.loss_rows(courses), f"{_of(lost, plans, 'plans')} led to a loss{more}."


COUNTS: Final[Mapping[ReportName, Callable[[Work, Sequence[Site], Period], Counts]]] = {
    ReportName.UP_TO_DATE: _up_to_date,
    ReportName.ON_TIME: _on_time,
    ReportName.DELAY: _delay,
    ReportName.OVERDUE: _overdue,
    ReportName.NO_SHOWS: _no_shows,
    ReportName.MESSAGES: _messages,
    ReportName.COSTS: _costs,
    ReportName.REPLIES: _replies,
    ReportName.LOSS: _loss,
}
