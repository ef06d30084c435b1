"""Administration of a site: its places, the days on which it is closed, and the day from which messages go out."""

from uuid import UUID

from fastapi.responses import Response

from surveillance.core.dates import DAY
from surveillance.core.errors import NotFoundError
from surveillance.core.plain import CHANNEL, STEP
from surveillance.operations import registry, sites
from surveillance.operations.sites import PlaceDetails, Rehearsed
from surveillance.store.tables import Place, Site
from surveillance.web import render
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import Form
from surveillance.web.pages import Pages
from surveillance.web.pages.admin import site_page

pages = Pages(prefix="/admin")

FORESEEN = 100  # messages that are shown before a site goes live


# -- places ----------------------------------------------------------------------------------------------------


@pages.get("/sites/{code}/places/new", needs=Permission.ADMINISTER)
def new_place_page(desk: Desk, code: str) -> Response:
    return desk.page("admin/place.html", site=desk.site(code), place=None)


@pages.post("/sites/{code}/places/new", needs=Permission.ADMINISTER)
def new_place(desk: Desk, code: str) -> Response:
    site, form = desk.site(code), desk.form
    new = _read_place(form)
    if form.ok:
        with form.trying(desk.session, "name"):
            registry.add_place(desk.work, site, new.name, new.address, new.phone, outside=new.outside)
    if form.errors:
        return desk.page("admin/place.html", site=site, place=None)
    return desk.done(f"/admin/sites/{site.code}", f"{new.name} is added.")


@pages.get("/places/{place_id}", needs=Permission.ADMINISTER)
def place_page(desk: Desk, place_id: UUID) -> Response:
    place = desk.row(Place, place_id)
    form = Form.filled(name=place.name, address=place.address, phone=place.phone, outside=place.outside)
    return desk.page("admin/place.html", form=form, site=desk.work.site(place.site_id), place=place)


@pages.post("/places/{place_id}", needs=Permission.ADMINISTER)
def edit_place(desk: Desk, place_id: UUID) -> Response:
    place, form = desk.row(Place, place_id), desk.form
    site, new = desk.work.site(place.site_id), _read_place(form)
    if form.ok:
        with form.trying(desk.session, "name"):
            sites.edit_place(desk.work, place, new)
    if form.errors:
        return desk.page("admin/place.html", site=site, place=place)
    return desk.done(f"/admin/sites/{site.code}", f"{place.name} is changed.")


def _read_place(form: Form) -> PlaceDetails:
    return PlaceDetails(
        form.text("name", "what staff call the place", required=True),
        form.text("address", "the address"),
        form.text("phone", "the phone number"),
        form.flag("outside"),
    )


# -- closed days -----------------------------------------------------------------------------------------------


@pages.post("/sites/{code}/closures", needs=Permission.ADMINISTER)
def close_day(desk: Desk, code: str) -> Response:
    site, form = desk.site(code), desk.form
    day = form.day("day", "the day", required=True)
    reason = form.text("reason", "why the site is closed", required=True)
    if form.ok and day is not None:
        with form.trying(desk.session, "day"):
            booked = sites.close_on(desk.work, site, day, reason)
    if form.errors or day is None:
        return site_page(desk, site)
    still = {0: "No visit is booked for it.", 1: "One visit is booked for it: move it."}
    said = still.get(booked, f"{booked} visits are booked for it: move them.")
    return desk.done(f"/admin/sites/{site.code}", f"{render.day(day)} is closed. {said}")


@pages.post("/sites/{code}/closures/remove", needs=Permission.ADMINISTER)
def open_day(desk: Desk, code: str) -> Response:
    site, day = desk.site(code), desk.form.day("day", "the day", required=True)
    if day is None:
        raise NotFoundError("there is no such closed day")
    sites.open_on(desk.work, site, day)
    return desk.done(f"/admin/sites/{site.code}", f"The site works on {render.day(day)} again.")


# -- going live ------------------------------------------------------------------------------------------------


@pages.get("/sites/{code}/go-live", needs=Permission.ADMINISTER)
def go_live_page(desk: Desk, code: str) -> Response:
    site = desk.site(code)
    return _go_live_page(desk, site, Form.filled(day=site.messages_from or desk.today(site) + DAY))


@pages.post("/sites/{code}/go-live", needs=Permission.ADMINISTER)
def go_live(desk: Desk, code: str) -> Response:
    """First the messages that would go out are shown to be read; then, by another button, it is done."""
    site, form = desk.site(code), desk.form
    day = form.day("day", "the first day of messages", required=True)
    lines: list[Rehearsed] = []
    if form.ok and day is not None:
        with form.trying(desk.session, "day"):
            if form.value("act") == "live":
                sites.go_live(desk.work, site, day)
            else:
                lines = sites.rehearse(desk.work, site, day, FORESEEN)
    if form.ok and form.value("act") == "live":
        return desk.done(f"/admin/sites/{site.code}", f"Messages go out from {render.day(day)} on.")
    for line in lines:
        desk.looks.append(("patient.find", line.patient_id, site.id))
    return _go_live_page(desk, site, form, lines if form.ok else None)


@pages.post("/sites/{code}/stop", needs=Permission.ADMINISTER)
def stop(desk: Desk, code: str) -> Response:
    """The site is not live any more: nothing is sent until a new day is set."""
    site = desk.site(code)
    sites.go_live(desk.work, site, None)
    return desk.done(f"/admin/sites/{site.code}", f"{site.name} is not live: no message goes out.")


def _go_live_page(desk: Desk, site: Site, form: Form, foreseen: list[Rehearsed] | None = None) -> Response:
    protocols = sites.approved(desk.work, site)
    words = {"steps": STEP, "channels": CHANNEL}
    return desk.page("admin/go-live.html", form=form, site=site, protocols=protocols, foreseen=foreseen, words=words)
