"""``surveillance report``: how well the clinic keeps its promise, in numbers that name nobody."""

from typing import Annotated, Any

import typer
from rich.console import RenderableType

from surveillance.cli import show
from surveillance.cli.context import Answer, Job, WrongUseError, reading
from surveillance.cli.options import AsCsv, FirstDay, LastDay
from surveillance.core.reports.counting import ReportName
from surveillance.core.reports.sheets import Report
from surveillance.operations.reports import reports

Month = Annotated[str | None, typer.Option("--month", metavar="YYYY-MM", help="One month, up to today.")]


@reading
def report(
    job: Job,
    name: Annotated[ReportName, typer.Argument(help="Which report.")],
    first: FirstDay = None,
    last: LastDay = None,
    month: Month = None,
    as_csv: AsCsv = False,
) -> Answer:
    """One report of your sites over a period, the last 24 months unless you say otherwise.

    Example: surveillance report on_time --from 2026-01-01 --csv --as anna

    Example: surveillance report costs --month 2026-11 --as anna
    """
    if month is not None and (first or last):
        raise WrongUseError("--month, or --from and --to")
    if as_csv and job.options.as_json:
        raise WrongUseError("--csv or --json, not both")
    sites = job.sites()
    over = reports.of_month(job.work, sites, month) if month else reports.period(job.work, sites, first, last)
    found = reports.report(job.work, sites, name, over)
    if as_csv:
        return Answer([reports.as_csv(found).replace("\r\n", "\n").removesuffix("\n")])
    return _told(found)


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
