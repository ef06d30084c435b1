"""Administration of a site: its places, the days on which it is closed, and the day from which messages go out."""

from uuid import UUID

from fastapi.responses import Response

from surveillance.core.dates import DAY
from surveillance.core.errors import NotFoundError
from surveillance.core.plain import CHANNEL, STEP
from surveillance.operations.administration import going_live, places
from surveillance.operations.administration import places as administration_places
from surveillance.operations.administration.going_live import PlannedMessage
from surveillance.operations.administration.places import PlaceDetails
from surveillance.store.tables import Place, Site
from surveillance.web import render
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.administration.sites import site_page
from surveillance.web.pages.routing import Pages

pages = Pages(prefix="/admin")

FORESEEN = 100  # messages that are shown before a site goes live


# -- places ----------------------------------------------------------------------------------------------------


@pages.get("/sites/{code}/places/new", needs=Permission.ADMINISTER)
def new_place_page(context: PageContext, code: str) -> Response:
    return context.page("administration/place.html", site=context.site(code), place=None)


@pages.post("/sites/{code}/places/new", needs=Permission.ADMINISTER)
def new_place(context: PageContext, code: str) -> Response:
    site, form = context.site(code), context.form
    new = _read_place(form)
    if form.ok:
        with form.trying(context.session, "name"):
            places.add_place(context.work, site, new.name, new.address, new.phone, outside=new.outside)
    if form.errors:
        return context.page("administration/place.html", site=site, place=None)
    return context.done(f"/admin/sites/{site.code}", f"{new.name} is added.")


@pages.get("/places/{place_id}", needs=Permission.ADMINISTER)
def place_page(context: PageContext, place_id: UUID) -> Response:
    place = context.row(Place, place_id)
    form = Form.filled(name=place.name, address=place.address, phone=place.phone, outside=place.outside)
    return context.page("administration/place.html", form=form, site=context.work.site(place.site_id), place=place)


@pages.post("/places/{place_id}", needs=Permission.ADMINISTER)
def edit_place(context: PageContext, place_id: UUID) -> Response:
    place, form = context.row(Place, place_id), context.form
    site, new = context.work.site(place.site_id), _read_place(form)
    if form.ok:
        with form.trying(context.session, "name"):
            administration_places.edit_place(context.work, place, new)
    if form.errors:
        return context.page("administration/place.html", site=site, place=place)
    return context.done(f"/admin/sites/{site.code}", f"{place.name} is changed.")


def _read_place(form: Form) -> PlaceDetails:
    return PlaceDetails(
        form.text("name", "what staff call the place", required=True),
        form.text("address", "the address"),
        form.text("phone", "the phone number"),
        form.flag("outside"),
    )


# -- closed days -----------------------------------------------------------------------------------------------


@pages.post("/sites/{code}/closures", needs=Permission.ADMINISTER)
def close_day(context: PageContext, code: str) -> Response:
    site, form = context.site(code), context.form
    day = form.day("day", "the day", required=True)
    reason = form.text("reason", "why the site is closed", required=True)
    if form.ok and day is not None:
        with form.trying(context.session, "day"):
            booked = administration_places.close_on(context.work, site, day, reason)
    if form.errors or day is None:
        return site_page(context, site)
    still = {0: "No visit is booked for it.", 1: "One visit is booked for it: move it."}
    said = still.get(booked, f"{booked} visits are booked for it: move them.")
    return context.done(f"/admin/sites/{site.code}", f"{render.day(day)} is closed. {said}")


@pages.post("/sites/{code}/closures/remove", needs=Permission.ADMINISTER)
def open_day(context: PageContext, code: str) -> Response:
    site, day = context.site(code), context.form.day("day", "the day", required=True)
    if day is None:
        raise NotFoundError("there is no such closed day")
    administration_places.open_on(context.work, site, day)
    return context.done(f"/admin/sites/{site.code}", f"The site works on {render.day(day)} again.")


# -- going live ------------------------------------------------------------------------------------------------


@pages.get("/sites/{code}/go-live", needs=Permission.ADMINISTER)
def go_live_page(context: PageContext, code: str) -> Response:
    site = context.site(code)
    return _go_live_page(context, site, Form.filled(day=site.messages_from or context.today(site) + DAY))


@pages.post("/sites/{code}/go-live", needs=Permission.ADMINISTER)
def go_live(context: PageContext, code: str) -> Response:
    """First the messages that would go out are shown to be read; then, by another button, it is done."""
    site, form = context.site(code), context.form
    day = form.day("day", "the first day of messages", required=True)
    lines: list[PlannedMessage] = []
    if form.ok and day is not None:
        with form.trying(context.session, "day"):
            if form.value("act") == "live":
                going_live.go_live(context.work, site, day)
            else:
                lines = going_live.preview(context.work, site, day, FORESEEN)
    if form.ok and form.value("act") == "live":
        return context.done(f"/admin/sites/{site.code}", f"Messages go out from {render.day(day)} on.")
    for line in lines:
        context.looks.append(("patient.find", line.patient_id, site.id))
    return _go_live_page(context, site, form, lines if form.ok else None)


@pages.post("/sites/{code}/stop", needs=Permission.ADMINISTER)
def stop(context: PageContext, code: str) -> Response:
    """The site is not live any more: nothing is sent until a new day is set."""
    site = context.site(code)
    going_live.go_live(context.work, site, None)
    return context.done(f"/admin/sites/{site.code}", f"{site.name} is not live: no message goes out.")


def _go_live_page(
    context: PageContext, site: Site, form: Form, foreseen: list[PlannedMessage] | None = None
) -> Response:
    protocols = going_live.approved(context.work, site)
    words = {"steps": STEP, "channels": CHANNEL}
    return context.page(
        "administration/go-live.html", form=form, site=site, protocols=protocols, foreseen=foreseen, words=words
    )
