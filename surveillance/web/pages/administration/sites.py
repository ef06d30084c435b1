"""Administration of sites: which there are, and their settings."""

from collections.abc import Sequence
from datetime import time
from typing import Any

from fastapi.responses import Response

from surveillance.core.deferrals import DEFAULT_CAPS, LONGEST, caps_of
from surveillance.core.plain import DEFERRAL
from surveillance.core.words import Privacy
from surveillance.operations.accounts import staff, users
from surveillance.operations.administration import going_live, places, sites
from surveillance.operations.administration import sites as administration_sites
from surveillance.operations.administration.sites import LIMITS, LONGEST_STEP, NewSite
from surveillance.operations.registry.phones import readable
from surveillance.operations.wording import languages
from surveillance.store.tables import Site
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages
from surveillance.web.words import language_name

pages = Pages(prefix="/admin")

WEEK = (("1", "Mon"), ("2", "Tue"), ("3", "Wed"), ("4", "Thu"), ("5", "Fri"), ("6", "Sat"), ("7", "Sun"))


@pages.get("", needs=Permission.ADMINISTER)
def overview(context: PageContext) -> Response:
    """The sites that one administers."""
    rows = [
        (site, len(staff.members(context.work, [site])), going_live.approved(context.work, site))
        for site in context.sites
    ]
    return context.page("administration/sites.html", rows=rows)


# -- adding and changing a site --------------------------------------------------------------------------------


@pages.get("/sites/new", needs=Permission.ADMINISTER)
def new_site_page(context: PageContext) -> Response:
    first = context.sites[0]
    form = Form.filled(
        zone=first.time_zone, country=first.country, holidays=first.holidays, language=list(first.languages),
        first_language=first.languages[0],
        working_day=list("12345"), send_from=time(9), send_until=time(20), privacy=Privacy.NEUTRAL,
        age_of_majority=18, noshow_limit=2, **_caps(None), **dict.fromkeys(LIMITS, 7),
    )  # fmt: skip
    return _site_form(context, form, None)


@pages.post("/sites/new", needs=Permission.ADMINISTER)
def new_site(context: PageContext) -> Response:
    form = context.form
    new = _read_site(form, form.text("code", "a code for the site", required=True, longest=32))
    if form.ok and new is not None:
        with form.trying(context.session):
            site = administration_sites.add_site(context.work, new)
            users.administer(context.work, site)
    if form.errors:
        return _site_form(context, form, None)
    return context.done(f"/admin/sites/{site.code}", f"{site.name} is added. Add its places and its staff next.")


@pages.get("/sites/{code}", needs=Permission.ADMINISTER)
def show_site(context: PageContext, code: str) -> Response:
    return site_page(context, context.site(code))


def site_page(context: PageContext, site: Site) -> Response:
    """All that is set up for a site; its form for closed days keeps what was typed."""
    return context.page(
        "administration/site.html",
        site=site,
        week=[words for digit, words in WEEK if digit in site.working_days],
        languages=[language_name(code) for code in site.languages],
        again=languages.changed(context.work, site),
        phone=readable(site.phone),
        places=places.places(context.work, site),
        closures=places.closures(context.work, site),
        protocols=going_live.approved(context.work, site),
        today=context.today(site),
    )


@pages.get("/sites/{code}/edit", needs=Permission.ADMINISTER)
def edit_site_page(context: PageContext, code: str) -> Response:
    site = context.site(code)
    form = Form.filled(
        name=site.name, short_name=site.short_name, zone=site.time_zone, country=site.country, phone=site.phone,
        holidays=site.holidays, working_day=list(site.working_days), language=list(site.languages),
        first_language=site.languages[0],
        privacy=site.privacy, first_names=site.first_names, send_from=site.send_from, send_until=site.send_until,
        age_of_majority=site.age_of_majority, noshow_limit=site.noshow_limit, calendar_alarm=site.calendar_alarm,
        **_caps(site),
        **{name: getattr(site, name) for name in LIMITS},
    )  # fmt: skip
    return _site_form(context, form, site)


@pages.post("/sites/{code}/edit", needs=Permission.ADMINISTER)
def edit_site(context: PageContext, code: str) -> Response:
    site, form = context.site(code), context.form
    new = _read_site(form, site.code, site.languages)
    if form.ok and new is not None:
        with form.trying(context.session):
            sites.edit_site(context.work, site, new, form.text("reason", "the reason"))
    if form.errors:
        return _site_form(context, form, site)
    return context.done(f"/admin/sites/{site.code}", f"The settings of {site.name} are changed.")


def _site_form(context: PageContext, form: Form, site: Site | None) -> Response:
    languages = [(code, language_name(code), "") for code in sorted(context.work.catalogue.messages)]
    return context.page(
        "administration/site-form.html", form=form, site=site, languages=languages, week=WEEK,
        deferrals=[(kind.value, DEFERRAL[kind]) for kind in DEFAULT_CAPS],
    )  # fmt: skip


def _ordered(form: Form, had: Sequence[str]) -> list[str]:
    """The languages that are ticked, the usual one first: whoever names none is written to in it."""
    ticked = form.many("language")
    first = form.one_of("first_language", "a usual language among those that are ticked", ticked, required=False)
    return [each for each in dict.fromkeys([first, *had, *ticked]) if each in ticked]


def _caps(site: Site | None) -> dict[str, int]:
    """How far one may put off, as the fields of the form hold it."""
    caps = caps_of(site.deferral_caps if site else {})
    return {f"cap-{kind}-{role}": days for kind, by_role in caps.items() for role, days in by_role.items()}


def _read_caps(form: Form) -> dict[str, dict[str, int]]:
    """Only what differs from the usual is a setting of the site: a later release may know better."""
    found: dict[str, dict[str, int]] = {}
    for kind, by_role in DEFAULT_CAPS.items():
        for role, usual in by_role.items():
            days = form.whole(f"cap-{kind}-{role}", "a number of days", 0, LONGEST)
            if days is not None and days != usual:
                found.setdefault(kind.value, {})[role.value] = days
    return found


def _read_site(form: Form, code: str, had: Sequence[str] = ()) -> NewSite | None:
    """The settings as they were typed; None where one of them is not readable."""
    send_from = form.clock("send_from", "when messages may begin", required=True)
    send_until = form.clock("send_until", "when messages must end", required=True)
    privacy = form.choice("privacy", "how much messages may tell", Privacy)
    majority = form.whole("age_of_majority", "the age of majority", 12, 25, required=True)
    noshows = form.whole("noshow_limit", "the number of missed visits", 1, 10, required=True)
    limits: Any = {
        name: form.whole(name, f"the days that {step} may take", 1, LONGEST_STEP, required=True) or 1
        for name, step in LIMITS.items()
    }
    new = NewSite(
        code,
        form.text("name", "the site's name", required=True),
        form.text("short_name", "the short name", required=True, longest=32),
        form.text("zone", "the time zone", required=True),
        form.text("country", "the country", required=True, longest=2).upper(),
        form.text("phone", "the phone number", required=True),
        holidays=form.text("holidays", "the holiday calendar").upper(),
        languages=_ordered(form, had),
        working_days="".join(sorted(form.many("working_day"))),
        privacy=privacy or Privacy.NEUTRAL,
        first_names=form.flag("first_names"),
        send_from=send_from or time(9),
        send_until=send_until or time(20),
        age_of_majority=majority or 18,
        calendar_alarm=form.flag("calendar_alarm"),
        noshow_limit=noshows or 1,
        deferral_caps=_read_caps(form),
        **limits,
    )
    if not new.languages:
        form.fault("language", "Choose at least one language")
    if not new.working_days:
        form.fault("working_day", "Choose the days on which the site works")
    return new if form.ok else None
