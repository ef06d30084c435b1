"""``surveillance report``: how well the clinic keeps its promise, in numbers that name nobody."""

from datetime import date
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from surveillance.cli import show
from surveillance.cli.context import Answer, AsJson, AsUser, AtSite, Job, Options, WrongUseError, run_read
from surveillance.cli.options import iso_day
from surveillance.core.reports.counting import ReportName
from surveillance.core.reports.sheets import Report
from surveillance.operations.reports import reports

Day = Annotated[date | None, typer.Option("--from", parser=iso_day, metavar="DATE", help="From this day on.")]
Month = Annotated[str | None, typer.Option("--month", metavar="YYYY-MM", help="One month, up to today.")]
LastDay = Annotated[date | None, typer.Option("--to", parser=iso_day, metavar="DATE", help="Up to this day.")]


def report(
    name: Annotated[ReportName, typer.Argument(help="Which report.")],
    first: Day = None,
    last: LastDay = None,
    month: Month = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write the rows as CSV.")] = False,
    user: AsUser = None,
    site: AtSite = None,
    as_json: AsJson = False,
) -> None:
    """One report of your sites over a period, the last 24 months unless you say otherwise.

    Example: surveillance report on_time --from 2026-01-01 --csv --as anna

    Example: surveillance report costs --month 2026-11 --as anna
    """
    if month is not None and (first or last):
        raise WrongUseError("--month, or --from and --to")
    if as_csv and as_json:
        raise WrongUseError("--csv or --json, not both")

    def look(job: Job) -> Answer:
        sites = job.sites()
        over = reports.of_month(job.work, sites, month) if month else reports.period(job.work, sites, first, last)
        found = reports.report(job.work, sites, name, over)
        if as_csv:
            return Answer([reports.as_csv(found).replace("\r\n", "\n").removesuffix("\n")])
        return _told(found)

    run_read(look, Options(user, site, as_json))


def _told(found: Report) -> Answer:
    words = found.words
    table = show.table(f"{words.title}. {found.when}", *(column.title for column in words.columns))
    for row in found.written():
        show.add(table, *row)
    rules = "\n".join(f"  {rule}" for rule in words.rules)
    said: list[RenderableType] = [words.none] if found.empty else [table, f"\n{found.said}"]
    said.append(f"\nHow this is counted:\n{rules}")
    return Answer(said, _data(found))


def _data(found: Report) -> dict[str, Any]:
    keys = [column.key for column in found.words.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in found.raw()]
    return {"report": found.name, "when": found.when, "rows": rows, "said": found.said, "rules": found.words.rules}
