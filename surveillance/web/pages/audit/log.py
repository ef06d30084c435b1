"""The audit log in the browser: search it, take it out as CSV, prove that it is the one that was sealed."""

import csv
import io

from fastapi.responses import Response

from surveillance.core.audit.action_words import KIND
from surveillance.operations import csv_text
from surveillance.operations.accounts import staff
from surveillance.operations.audit import log, sealing
from surveillance.operations.audit.log import Entry, Query
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages

pages = Pages(prefix="/admin/audit")

LONGEST = 50_000  # events in one file
COLUMNS = ("event", "when", "site", "user", "account", "action", "what", "patient", "name", "before", "after", "reason")


@pages.get("", needs=Permission.ADMINISTER)
def search(context: PageContext, after: int | None = None) -> Response:
    """What is looked for stands in the address, so that a search can be kept; the look is in the log afterwards."""
    form = _asked(context)
    query, found = _query(form), log.Page(())
    if form.ok:
        with form.trying(context.session):
            found = log.search(context.work, context.chosen_sites, query, after)
            _note(context, query, "audit.view")
    return context.page(
        "audit/log.html",
        form=form,
        found=found,
        after=after,
        people=[(each.user.username, each.user.name) for each in staff.members(context.work, context.sites)],
        kinds=sorted(KIND.items(), key=lambda pair: pair[1].lower()),
        several=len(context.chosen_sites) > 1,
        older=context.address(after=found.next) if found.next is not None else None,
        file=context.address(after="").replace("/admin/audit", "/admin/audit/events.csv", 1),
    )


@pages.get("/events.csv", needs=Permission.ADMINISTER)
def download(context: PageContext) -> Response:
    """All that was found, one row for each value that changed."""
    query = _query(_asked(context))
    found = log.search(context.work, context.chosen_sites, query, limit=LONGEST)
    _note(context, query, "audit.export")
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for entry in found.entries:
        writer.writerows([csv_text.safe(cell) for cell in row] for row in _rows(entry))
    headers = {"Content-Disposition": 'attachment; filename="audit-log.csv"'}
    return Response(csv_text.BOM + out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@pages.get("/verify", needs=Permission.ADMINISTER)
def verify(context: PageContext) -> Response:
    """Hold the whole trail against its chain; asked by a button, as it takes a while."""
    form = _asked(context)
    asked, verdict = "noted" in form, None
    if asked:
        with form.trying(context.session, "noted"):
            noted = sealing.noted_head(form.value("noted")) if form.value("noted").strip() else None
            verdict = sealing.verify(context.work, noted)
    head = verdict.head if verdict is not None else sealing.head(context.work)
    return context.page("audit/verify.html", form=form, verdict=verdict, head=head)


def _asked(context: PageContext) -> Form:
    """What stands in the address."""
    return Form.filled(**context.request.query_params)


def _query(form: Form) -> Query:
    return Query(
        form.day("from", "the first day"),
        form.day("to", "the last day"),
        form.text("user", "the user"),
        form.text("mrn", "the MRN"),
        form.text("action", "what was done"),
        form.text("text", "a part of the reason"),
    )


def _note(context: PageContext, query: Query, action: str) -> None:
    sites = list(context.chosen_sites)
    context.afterwards.append(lambda work: log.looked(work, sites, query, action))


def _rows(entry: Entry) -> list[list[object]]:
    start = [entry.number, entry.at.isoformat(), entry.site, entry.who, entry.account, entry.action, entry.did]
    changes = entry.changes or (("", "", ""),)
    return [[*start, entry.patient, name, before, after, entry.reason] for name, before, after in changes]
