"""``/p/{secret}``: a patient's own page. A GET changes nothing, so that previews of links do no harm.

Confirming, asking for another day and stopping messages take the link alone; the birth date opens the rest.
"""

from datetime import date
from typing import Final

from fastapi.responses import Response

from surveillance.core.dates import local_day
from surveillance.core.errors import ConflictError, NotFoundError
from surveillance.core.texts.patient_page import LONGEST, MOST_DAYS, date_parts
from surveillance.core.words import Channel, Source
from surveillance.operations.accounts import rate_limits
from surveillance.operations.calendars import page_addresses
from surveillance.operations.patient_page import acts, page
from surveillance.operations.patient_page.acts import Standing
from surveillance.operations.visits import reschedule_requests
from surveillance.store.tables import Appointment
from surveillance.web import cookies
from surveillance.web.access import Permission
from surveillance.web.pages.accounts.sign_in import client_of
from surveillance.web.pages.patient_page.entry import OPEN_FOR, WRONG_BY_CLIENT, Guest, busy, forged, guest
from surveillance.web.pages.routing import Pages

pages = Pages(prefix="/p/{secret}", forged=forged)

NOTICES: Final = (
    "confirmed",
    "changed",
    "language_saved",
    "calendar_closed",
    "stopped_sms",
    "stopped_email",
    "started",
)
PARTS: Final = {"morning": "Mornings suit best.", "afternoon": "Afternoons suit best."}  # as staff read it


@pages.get("", needs=Permission.PUBLIC, head=True)
@guest
def show(me: Guest) -> Response:
    return _page(me)


def _page(me: Guest) -> Response:
    done = me.context.request.query_params.get("done", "")
    view = me.view
    return me.show(
        "page.html",
        notice=view.words.texts()[done] if done in NOTICES else "",
        locked=view.words.said("locked", clinic=view.clinic, phone=view.phone) if me.page.locked_at else "",
        standing=acts.standing(me.work, view.contact),
        feeds=page.own_feeds(me.work, me.page) if me.opened else (),
        Standing=Standing,
        most_feeds=acts.MOST_FEEDS,
        local_day=local_day,
        date_parts=date_parts(view.speech.locale),
    )


# -- the birth date ----------------------------------------------------------------------------------------------


@pages.post("/more", needs=Permission.PUBLIC)
@guest
def more(me: Guest) -> Response:
    """The patient's birth date opens the page for half an hour in this browser."""
    subject = f"birth date from {client_of(me.context.request)}"
    if wait := rate_limits.must_wait(me.work, subject, WRONG_BY_CLIENT):
        return busy(me.context, wait)
    given = _birth_date(me)
    if given is None:
        me.form.fault("day", me.view.words.birth_missing)
        return _page(me)
    if not page_addresses.knows_birth_date(me.work, me.page, given):
        rate_limits.count(me.work, subject)
        if me.page.locked_at is None:
            left = page_addresses.tries_left(me.work, me.page)
            me.form.fault("day", me.view.words.said("birth_wrong", count=left))
        return _page(me)
    response = me.done()
    until = int((me.work.now + OPEN_FOR).timestamp())
    cookies.keep_own_page(response, me.context.app, me.page.id, me.seal(until), int(OPEN_FOR.total_seconds()))
    return response


def _birth_date(me: Guest) -> date | None:
    """As it was typed, in whatever digits a telephone writes; None where it is no day."""
    try:
        year, month, day = (int(me.form.value(name).strip()[:4]) for name in ("year", "month", "day"))
        return date(year, month, day)
    except ValueError:
        return None


# -- visits ------------------------------------------------------------------------------------------------------


@pages.post("/visits/{visit_id}/confirm", needs=Permission.PUBLIC)
@guest
def confirm(me: Guest, visit_id: str) -> Response:
    """Somebody says to come; it takes back what was asked for before."""
    row = page.visit_of(me.work, me.page, visit_id)
    try:
        reschedule_requests.confirm(me.work, row, Source.PAGE)
    except ConflictError:
        return me.done("changed")
    return me.done("confirmed")


@pages.get("/visits/{visit_id}/another-day", needs=Permission.PUBLIC, head=True)
@guest
def another_day_page(me: Guest, visit_id: str) -> Response:
    return _another_day_page(me, page.visit_of(me.work, me.page, visit_id))


def _another_day_page(me: Guest, row: Appointment) -> Response:
    shown = next((visit for visit in me.view.visits if visit.id == row.id and visit.open), None)
    if shown is None:
        return me.done("changed")
    days = [(day.isoformat(), me.view.speech.day(day)) for day in page.suggested(me.work, row)]
    return me.show("another-day.html", visit=shown, days=days, most=MOST_DAYS, longest=LONGEST)


@pages.post("/visits/{visit_id}/another-day", needs=Permission.PUBLIC)
@guest
def another_day(me: Guest, visit_id: str) -> Response:
    """The visit stays booked; the clinic has work to do."""
    row = page.visit_of(me.work, me.page, visit_id)
    days, text = _days(me, row), me.form.value("text").strip().replace("\0", "")
    if len(text) > LONGEST:
        me.form.fault("text", me.view.words.said("another_long", count=LONGEST))
    parts = [PARTS[part] for part in dict.fromkeys(me.form.many("part")) if part in PARTS]
    suits = parts[0] if len(parts) == 1 else ""  # both are no wish
    if not (days or suits or text):
        me.form.fault("days", me.view.words.another_empty)
    if not me.form.ok:
        return _another_day_page(me, row)
    try:
        reschedule_requests.request_reschedule(me.work, row, Source.PAGE, "\n".join(filter(None, (suits, text))), days)
    except ConflictError:
        return me.done("changed")
    return me.done()


def _days(me: Guest, row: Appointment) -> list[date]:
    """The days that were chosen, those that were offered first; mistakes stand on the form."""
    words, found = me.view.words, list[date]()
    for name, given in [*(("days", day) for day in me.form.many("days")), ("other", me.form.value("other").strip())]:
        try:
            found += [date.fromisoformat(given)] if given else []
        except ValueError:
            me.form.fault(name, words.another_past)
    if any(day <= me.work.today(me.work.site(row.site_id)) for day in found):
        me.form.fault("other", words.another_past)
    if len(set(found)) > MOST_DAYS:
        me.form.fault("days", words.said("another_many", count=MOST_DAYS))
    return list(dict.fromkeys(found))


# -- messages and language -----------------------------------------------------------------------------------------


@pages.get("/stop", needs=Permission.PUBLIC, head=True)
@guest
def stop_page(me: Guest) -> Response:
    """What stopping means, before it is done."""
    return _stop_page(me)


def _stop_page(me: Guest) -> Response:
    return me.show("stop.html", standing=acts.standing(me.work, me.view.contact), Standing=Standing)


@pages.post("/stop", needs=Permission.PUBLIC)
@guest
def stop(me: Guest) -> Response:
    chosen = [channel for channel in acts.STOPPABLE if channel.value in me.form.many("channel")]
    if not chosen:
        me.form.fault("channel", me.view.words.stop_choose)
        return _stop_page(me)
    try:
        acts.stop(me.work, me.page, chosen)
    except ConflictError:
        return me.done()
    return me.done(f"stopped_{chosen[0]}" if len(chosen) == 1 else "", "" if len(chosen) == 1 else "/stop")


@pages.post("/start", needs=Permission.PUBLIC)
@guest
def start(me: Guest) -> Response:
    """Messages again that were stopped on such a page."""
    channel = next((each for each in acts.STOPPABLE if each.value == me.form.value("channel")), None)
    if channel is None:
        raise NotFoundError("there is no such channel")
    try:
        acts.start(me.work, me.page, Channel(channel))
    except ConflictError:
        return me.done(rest="/stop")
    return me.done("started")


@pages.post("/language", needs=Permission.PUBLIC)
@guest
def language(me: Guest) -> Response:
    wanted = me.form.value("language")
    if not me.opened:
        return me.done()
    if wanted not in dict(me.view.languages):
        raise NotFoundError("there is no such language here")
    acts.choose_language(me.work, me.page, wanted)
    return me.context.go(f"/p/{me.secret}?done=language_saved")
