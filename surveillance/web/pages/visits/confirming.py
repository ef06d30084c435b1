"""What a patient told the clinic about a visit: that they come, or that they need another day."""

from datetime import date
from typing import Final
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.errors import ConflictError
from surveillance.core.words import Source
from surveillance.operations.visits import reschedule_requests
from surveillance.web.access import Permission
from surveillance.web.forms import LONGEST_TEXT
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages
from surveillance.web.pages.visits.visit import opened, page
from surveillance.web.render import short_day

pages = Pages(prefix="/visits")

DAYS: Final = ("day-1", "day-2", "day-3")  # of preference


@pages.post("/{visit_id}/confirm", needs=Permission.WORK)
def confirm(context: PageContext, visit_id: UUID) -> Response:
    """The patient said on the telephone or at the desk that they come."""
    shown = opened(context, visit_id)
    new = False
    with context.form.trying(context.session):
        new = reschedule_requests.confirm(context.work, shown.row, Source.STAFF)
    if context.form.errors:
        return page(shown, context.form)
    told = f"{shown.patient.given_name} comes on {short_day(shown.row.day)}: noted." if new else "That was known."
    return context.done(context.back(shown.address), told)


@pages.post("/{visit_id}/wish", needs=Permission.WORK)
def note_request(context: PageContext, visit_id: UUID) -> Response:
    """The patient said that they need another day, and perhaps which."""
    shown, form = opened(context, visit_id), context.form
    text = form.text("wish", "what was said", required=True, longest=LONGEST_TEXT)
    days: list[date] = [day for name in DAYS if (day := form.day(name, "the day")) is not None]
    if form.ok:
        with form.trying(context.session):
            reschedule_requests.request_reschedule(context.work, shown.row, Source.STAFF, text, days)
    if form.errors:
        return page(shown, form)
    return context.done(
        context.back(shown.address), "The wish for another day is on the board until the visit is moved."
    )


@pages.post("/{visit_id}/wish/settle", needs=Permission.WORK)
def close_request(context: PageContext, visit_id: UUID) -> Response:
    """The visit stays as it is; what was agreed is written down."""
    shown, form = opened(context, visit_id), context.form
    waits = reschedule_requests.open_request(context.work, shown.row.id)
    if waits is None:
        raise ConflictError("no wish for another day waits for this visit")
    how = form.text("agreed", "what was agreed", required=True, longest=LONGEST_TEXT)
    if form.ok:
        with form.trying(context.session):
            reschedule_requests.close(context.work, waits, how)
    if form.errors:
        return page(shown, form)
    return context.done(context.back(shown.address), "The wish for another day is settled; the visit stays as it is.")
