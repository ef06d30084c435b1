"""What a patient told the clinic about a visit: that they come, or that they need another day."""

from datetime import date
from typing import Final
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.errors import ConflictError
from surveillance.core.words import Source
from surveillance.operations import wishes
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import LONGEST_TEXT
from surveillance.web.pages import Pages
from surveillance.web.pages.visits import opened, page
from surveillance.web.render import short_day

pages = Pages(prefix="/visits")

DAYS: Final = ("day-1", "day-2", "day-3")  # of preference


@pages.post("/{visit_id}/confirm", needs=Permission.WORK)
def confirm(desk: Desk, visit_id: UUID) -> Response:
    """The patient said on the telephone or at the desk that they come."""
    shown = opened(desk, visit_id)
    new = False
    with desk.form.trying(desk.session):
        new = wishes.confirm(desk.work, shown.row, Source.STAFF)
    if desk.form.errors:
        return page(shown, desk.form)
    told = f"{shown.patient.given_name} comes on {short_day(shown.row.day)}: noted." if new else "That was known."
    return desk.done(desk.back(shown.address), told)


@pages.post("/{visit_id}/wish", needs=Permission.WORK)
def wish(desk: Desk, visit_id: UUID) -> Response:
    """The patient said that they need another day, and perhaps which."""
    shown, form = opened(desk, visit_id), desk.form
    text = form.text("wish", "what was said", required=True, longest=LONGEST_TEXT)
    days: list[date] = [day for name in DAYS if (day := form.day(name, "the day")) is not None]
    if form.ok:
        with form.trying(desk.session):
            wishes.ask_another_day(desk.work, shown.row, Source.STAFF, text, days)
    if form.errors:
        return page(shown, form)
    return desk.done(desk.back(shown.address), "The wish for another day is on the board until the visit is moved.")


@pages.post("/{visit_id}/wish/settle", needs=Permission.WORK)
def settle(desk: Desk, visit_id: UUID) -> Response:
    """The visit stays as it is; what was agreed is written down."""
    shown, form = opened(desk, visit_id), desk.form
    waits = wishes.open_wish(desk.work, shown.row.id)
    if waits is None:
        raise ConflictError("no wish for another day waits for this visit")
    how = form.text("agreed", "what was agreed", required=True, longest=LONGEST_TEXT)
    if form.ok:
        with form.trying(desk.session):
            wishes.settle(desk.work, waits, how)
    if form.errors:
        return page(shown, form)
    return desk.done(desk.back(shown.address), "The wish for another day is settled; the visit stays as it is.")
