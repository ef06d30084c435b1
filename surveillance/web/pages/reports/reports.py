"""How well the clinic keeps its promise: each report as a plot, a table, the rules it counts by, and a CSV."""

from dataclasses import dataclass
from datetime import date

from fastapi.responses import Response

from surveillance.core.drawings import plots
from surveillance.core.errors import InvalidInputError, NotFoundError
from surveillance.core.reports.counting import Period, ReportName
from surveillance.core.reports.definitions import WORDS
from surveillance.core.reports.sheets import Report
from surveillance.operations.reports import reports
from surveillance.web import render
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages

pages = Pages(prefix="/reports")

MANY = 5000  # plans: what takes longer than half a second to count for all reports together


@dataclass(frozen=True, slots=True)
class Card:
    """A report among the others; without ``report`` the browser asks for it."""

    name: ReportName
    title: str
    asks: str
    report: Report | None
    drawing: str


@pages.get("", needs=Permission.VIEW)
def overview(context: PageContext) -> Response:
    """All reports, each with a small plot and what it says in a sentence.

    Of many patients each is counted by itself, so that nobody waits for the slowest before the page stands.
    """
    form, over = _period(context)
    at_once = reports.plans(context.work, context.chosen_sites, MANY) < MANY
    cards = [_card(context, name, over if at_once else None) for name in ReportName] if over else []
    return context.page("reports/overview.html", form=form, over=over, cards=cards)


def _card(context: PageContext, name: ReportName, over: Period | None) -> Card:
    words = WORDS[name]
    found = reports.report(context.work, context.chosen_sites, name, over) if over else None
    return Card(name, words.title, words.asks, found, _drawn(found, plots.SMALL) if found else "")


@pages.get("/{name}.csv", needs=Permission.VIEW)
def as_csv(context: PageContext, name: str) -> Response:
    """The rows of one report for a spreadsheet."""
    form, over = _period(context)
    if over is None:
        raise InvalidInputError(next(iter(form.errors.values())))
    found = reports.report(context.work, context.chosen_sites, _named(name), over)
    headers = {"Content-Disposition": f'attachment; filename="{found.name}.csv"'}
    return Response(reports.as_csv(found, bom=True), media_type="text/csv; charset=utf-8", headers=headers)


@pages.get("/{name}", needs=Permission.VIEW)
def show(context: PageContext, name: str) -> Response:
    """One report in full; asked for as a part, its card."""
    wanted = _named(name)
    form, over = _period(context)
    found = reports.report(context.work, context.chosen_sites, wanted, over) if over else None
    if context.live and found:
        return context.page("reports/_card.html", report=found, drawing=_drawn(found, plots.SMALL))
    drawing = _drawn(found, plots.SHEET) if found else ""
    return context.page("reports/report.html", form=form, over=over, found=found, drawing=drawing, name=wanted)


def _named(name: str) -> ReportName:
    try:
        return ReportName(name)
    except ValueError as error:
        raise NotFoundError("there is no such report") from error


def _period(context: PageContext) -> tuple[Form, Period | None]:
    """The period in the address; None where it cannot be looked back on, and the form says why."""
    query = context.request.query_params
    form = Form.filled(first=query.get("first"), last=query.get("last"))
    first, last = (_day(form, name, what) for name, what in (("first", "the first day"), ("last", "the last day")))
    over = None
    if form.ok:
        try:
            over = reports.period(context.work, context.chosen_sites, first, last)
        except InvalidInputError as error:
            form.fault("first", str(error))
    return form, over


def _day(form: Form, name: str, what: str) -> date | None:
    return form.day(name, what)


def _drawn(found: Report, frame: plots.Frame) -> str:
    return "" if found.empty else render.markup(plots.render(found.plot, f"plot-{found.name}", frame))
