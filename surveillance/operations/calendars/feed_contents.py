"""What a feed shows: first its outline, from which the entity tag follows, and only then names, places and texts."""

import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import phonenumbers
from phonenumbers import PhoneNumberFormat

from surveillance.core.calendars import feeds, ical
from surveillance.core.calendars.feeds import Audience, FeedView, Visit
from surveillance.core.words import Privacy
from surveillance.operations.work import Work
from surveillance.store.calendars import feeds as store
from surveillance.store.calendars.feeds import Line, Span, Term, VisitRow
from surveillance.store.tables import Appointment, Feed, FeedKind, Site
from surveillance.store.visits import appointments

PAST_DAYS = 90  # of staff feeds; a patient's feed keeps all visits
AHEAD_DAYS = 400  # of staff feeds: a year and its tolerance
CALLED_OFF_DAYS = feeds.KEPT_DAYS + 2  # two more, as the exact day is reckoned in the visit's own zone
ALARM_MINUTES = 24 * 60  # before the visit, where the site wants an alarm at all

Places = Mapping[UUID, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed on one day, known by its ``tag``; its texts are not written yet."""

    feed: Feed
    public_url: str
    view: FeedView
    today: date
    span: Span
    places: Places
    terms: Sequence[Term]
    tag: str


def outline(work: Work, feed: Feed, public_url: str) -> Outline:
    """The few columns that decide what a feed shows, and its entity tag. Call ``feeds.one_view`` before.

    The tag holds all that a reader sees or that moves a time: the visits' revisions, the texts, the places, in
    staff feeds the initials, at full privacy the protocol versions that name the examinations, the zone rules.
    """
    site = work.site(feed.site_id)
    today, view = work.today(site), _view(work, feed, site)
    span = Span(
        today - timedelta(days=PAST_DAYS),
        today + timedelta(days=AHEAD_DAYS),
        work.now - timedelta(days=CALLED_OFF_DAYS),
    )
    rows = store.revisions(work.session, feed, span)
    places = store.places(work.session, feed.site_id)
    terms = store.terms(work.session, feed, span) if view.names_examinations else []
    labels = store.initials(work.session, feed, span) if view.audience is Audience.STAFF else {}
    basis = (public_url, zone_rules(), _sorted(places.items()), _sorted(terms), _sorted(labels.items()))
    tag = feeds.revision(rows, view, today, *basis)
    return Outline(feed, public_url, view, today, span, places, terms, tag)


def _sorted(facts: Iterable[object]) -> list[object]:
    """In one order, whatever the database's, so that equal facts make equal tags."""
    return sorted(facts, key=str)


def rendered(work: Work, shown: Outline) -> bytes:
    """The feed as text/calendar."""
    lines: Sequence[Line] = ()
    if shown.view.names_examinations:
        lines = store.lines(work.session, shown.feed, shown.span)
    rows = store.visits(work.session, shown.feed, shown.span)
    titles = _titles(work, rows, lines, shown.terms)
    visits = (_visit(row, shown.places, titles, shown.view, shown.public_url) for row in rows)
    return ical.render(feeds.calendar(visits, shown.view, shown.today, _domain(shown.public_url)))


def visit_ics(
    work: Work,
    row: Appointment,
    public_url: str,
    language: str,
    privacy: Privacy,
    audience: Audience = Audience.PATIENT,
) -> bytes:
    """One visit as a file, for a button "add to my calendar".

    The entry has the same UID as in a feed, so a calendar that has both shows one visit.
    """
    view = _view_for(work, work.site(row.site_id), audience, privacy, language)
    return _file(work, [row], view, public_url)


def mailed_ics(
    work: Work, rows: Sequence[Appointment], public_url: str, language: str, privacy: Privacy, organizer: str
) -> bytes:
    """Visits of one patient as a file that an email carries; ``organizer`` is the mailbox that sends it."""
    view = _view_for(work, work.site(rows[0].site_id), Audience.PATIENT, privacy, language)
    return _file(work, rows, view, public_url, organizer)


def _file(work: Work, rows: Sequence[Appointment], view: FeedView, public_url: str, organizer: str = "") -> bytes:
    site = work.site(rows[0].site_id)
    work.session.flush()  # a visit may have been booked in this very transaction
    shown = [store.visit(work.session, row.id) for row in rows]
    owned = appointments.lines_of(work.session, [row.id for row in rows])
    lines = [Line(visit, line.item, line.target) for visit, own in owned.items() for line in own]
    plans = dict.fromkeys(row.plan_id for row in rows)
    terms = [term for plan_id in plans for term in store.terms_of_plan(work.session, plan_id)]
    titles = _titles(work, shown, lines, terms)
    places = store.places(work.session, site.id)
    visits = [_visit(row, places, titles, view, public_url) for row in shown]
    made = feeds.calendar(visits, view, work.today(site), _domain(public_url))
    return ical.render(replace(made, events=[replace(event, organizer=organizer) for event in made.events]))


def _view(work: Work, feed: Feed, site: Site) -> FeedView:
    audience = Audience.PATIENT if feed.kind is FeedKind.PATIENT else Audience.STAFF
    return _view_for(work, site, audience, feed.privacy, feed.language)


def _view_for(work: Work, site: Site, audience: Audience, privacy: Privacy, language: str) -> FeedView:
    book = work.catalogue.messages.get(language)
    return FeedView(
        audience,
        privacy,
        words=book.calendar if book else feeds.ENGLISH,
        phone=_readable(site.phone) if audience is Audience.PATIENT else "",
        alarm_minutes=ALARM_MINUTES if site.calendar_alarm else None,
    )


def _visit(
    row: VisitRow, places: Places, titles: Mapping[UUID, tuple[str, ...]], view: FeedView, public_url: str
) -> Visit:
    place, address = places.get(row.place_id, ("", "")) if row.place_id else ("", "")
    staff = view.audience is Audience.STAFF
    return Visit(
        uid=str(row.id),
        sequence=row.sequence,
        changed_at=row.changed_at,
        state=row.state,
        day=row.day,
        at=row.at,
        zone=row.zone,
        minutes=row.minutes,
        place=place,
        place_address=address,
        examinations=titles.get(row.id, ()),
        patient_label=row.initials.upper() if staff else "",
        link=f"{public_url}/patients/{row.patient_id}" if staff else "",
    )


def _titles(
    work: Work, rows: Iterable[VisitRow], lines: Iterable[Line], terms: Iterable[Term]
) -> dict[UUID, tuple[str, ...]]:
    """The titles of each visit's examinations, as the protocol version names them that was in force at the target."""
    plan_of = {row.id: row.plan_id for row in rows}
    by_plan: dict[UUID, list[Term]] = {}
    for term in terms:
        by_plan.setdefault(term.plan_id, []).append(term)
    titles: dict[UUID, tuple[str, ...]] = {}
    for line in lines:
        if line.appointment_id in plan_of:
            title = _title(work, line, by_plan.get(plan_of[line.appointment_id], []))
            titles[line.appointment_id] = (*titles.get(line.appointment_id, ()), title)
    return titles


def _title(work: Work, line: Line, terms: Sequence[Term]) -> str:
    """``terms`` in the order of their days. An item that its version does not have is called by its code."""
    keys = [term.protocol_key for term in terms if term.since is None or term.since <= line.target]
    items = work.protocol(keys[-1]).items if keys else ()
    return next((item.title for item in items if item.code == line.item), line.item.replace("_", " "))


def _domain(public_url: str) -> str:
    """What completes each UID; without the port, which may change."""
    return urlsplit(public_url).hostname or "localhost"


def _readable(e164: str) -> str:
    """A phone number as people write it: +44 20 7946 0000."""
    return phonenumbers.format_number(phonenumbers.parse(e164), PhoneNumberFormat.INTERNATIONAL)


@lru_cache(maxsize=1)
def zone_rules() -> str:
    """The version of the time zone rules that this process uses: new ones may move a visit's moment in UTC."""
    for folder in zoneinfo.TZPATH:
        file = Path(folder) / "tzdata.zi"
        if file.is_file():
            with file.open(encoding="utf-8") as lines:
                return lines.readline().strip()
    return f"tzdata {metadata.version('tzdata')}"
