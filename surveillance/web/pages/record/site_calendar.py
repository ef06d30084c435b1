"""The calendar of a site by month, week and day; the day is also the list that hangs at the door."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Final
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.calendars.grid import Days, View, days
from surveillance.core.errors import NotFoundError
from surveillance.operations.administration import places as administration_places
from surveillance.operations.record import site_calendar
from surveillance.store.tables import Closure, Site
from surveillance.store.visits import site_calendar as store
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages
from surveillance.web.render import day as spelled
from surveillance.web.render import plural

pages = Pages(prefix="/calendar")

# How many visits of a day are listed: a month shows who comes first, a day is the whole list.
LISTED: Final[Mapping[View, int]] = MappingProxyType({View.MONTH: 4, View.WEEK: 16, View.DAY: 500})
VIEWS: Final = ((View.MONTH, "Month"), (View.WEEK, "Week"), (View.DAY, "Day"))
MINE: Final = "me"


@dataclass
class Shown:
    """What the address asks for."""

    context: PageContext
    site: Site
    view: View
    day: date

    @property
    def today(self) -> date:
        return self.context.today(self.site)

    @cached_property
    def days(self) -> Days:
        return days(self.view, self.day)

    @property
    def called_off(self) -> bool:
        return bool(self.context.request.query_params.get("cancelled"))

    @cached_property
    def places(self) -> list[tuple[str, str]]:
        return [(str(place.id), place.name) for place in administration_places.places(self.context.work, self.site)]

    @cached_property
    def owners(self) -> list[tuple[str, str]]:
        """Myself first."""
        everybody = store.owners(self.context.session, self.site.id)
        mine = [(MINE, "My patients")] if any(user == self.context.user.id for user, _ in everybody) else []
        return mine + [(str(user), name) for user, name in everybody if user != self.context.user.id]

    @property
    def place_id(self) -> UUID | None:
        return _one_of(self.context.request.query_params.get("place", ""), self.places)

    @property
    def owner_id(self) -> UUID | None:
        given = self.context.request.query_params.get("owner", "")
        return self.context.user.id if given == MINE else _one_of(given, self.owners)

    @property
    def title(self) -> str:
        """``November 2026``, ``23 – 29 Nov 2026``, ``Tue 24 Nov 2026``"""
        if self.view is View.MONTH:
            return f"{self.day:%B %Y}"
        if self.view is View.WEEK:
            return f"{spelled(self.days.first)} – {spelled(self.days.last)}"
        return spelled(self.day)

    def address(self, **changes: object) -> str:
        """The calendar otherwise; filters stay."""
        if "day" in changes:
            changes["day"] = str(changes["day"])
        return self.context.address(**changes)


def _one_of(given: str, choices: list[tuple[str, str]]) -> UUID | None:
    """What was chosen of a list; anything else chooses nothing."""
    return UUID(given) if given != MINE and any(value == given for value, _ in choices) else None


def _shown(context: PageContext) -> Shown:
    query = context.request.query_params
    site = context.chosen_sites[0]
    view = View(query["view"]) if query.get("view") in list(View) else View.WEEK
    return Shown(context, site, view, _day(query.get("day", "")) or context.today(site))


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1950 <= found.year <= 2200 else None


@pages.get("", needs=Permission.VIEW)
def show(context: PageContext) -> Response:
    return _page(_shown(context), Form({}))


def _page(shown: Shown, form: Form) -> Response:
    context = shown.context
    found = site_calendar.of_days(
        context.work,
        shown.site,
        shown.days,
        LISTED[shown.view],
        called_off=shown.called_off,
        place_id=shown.place_id,
        owner_id=shown.owner_id,
    )
    listed = [visit for each in found.values() for visit in each.visits]
    context.looks.extend(("patient.view", visit.entry.patient_id, shown.site.id) for visit in listed)
    return context.page(
        f"record/calendar-{shown.view}.html",
        form=form,
        c=shown,
        found=found,
        covered=site_calendar.covered(context.work, listed if shown.view is View.DAY else []),
        views=VIEWS,
        own_closure=context.session.get(Closure, (shown.day, shown.site.id)) is not None,
        back=context.address() if context.request.method == "GET" else "",
        words=words,
    )


# -- days on which nobody works --------------------------------------------------------------------------------


@pages.post("/closures", needs=Permission.ADMINISTER)
def close(context: PageContext) -> Response:
    """Close the day in view, or open it again."""
    site, day = _of_form(context)
    form = context.form
    opening = form.value("do") == "open"
    reason = "" if opening else form.text("reason", "why nobody works that day", required=True)
    booked = 0
    if form.ok:
        with form.trying(context.session):
            if opening:
                administration_places.open_on(context.work, site, day)
            else:
                booked = administration_places.close_on(context.work, site, day, reason)
    if form.errors:
        return _page(Shown(context, site, View.DAY, day), form)
    there = f"/calendar?view=day&day={day}&site={site.code}"
    if opening:
        return context.done(there, f"{site.short_name} works on {spelled(day)} after all.")
    still = f" {plural(booked, 'booked visit')} to be moved." if booked else ""
    return context.done(there, f"{site.short_name} is closed on {spelled(day)}.{still}")


def _of_form(context: PageContext) -> tuple[Site, date]:
    day = _day(context.form.value("day"))
    if day is None:
        raise NotFoundError("there is no such day")
    return context.site(context.form.value("site")), day
