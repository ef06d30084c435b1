"""What a message says, made when it is sent: in the contact's language, at the site's privacy level (rule 11)."""

import html
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time
from uuid import UUID

import phonenumbers
from phonenumbers import PhoneNumberFormat

from surveillance.core.errors import InvalidInputError
from surveillance.core.languages import direction
from surveillance.core.messages import Details, Rendered, render
from surveillance.core.notices import beliefs_by_day
from surveillance.core.planned import Planned, first_visits
from surveillance.core.words import Channel, Outcome, Privacy, Step
from surveillance.operations import feed_contents
from surveillance.operations.situations import Situation
from surveillance.operations.work import Work
from surveillance.store import appointments, plans
from surveillance.store.tables import Appointment, Place, Plan

_DUE = (Step.OVERDUE, Step.BOOK_NOW)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a message says of a visit: local day and time at its place; ``cancelled``: that it is called off."""

    appointment_id: UUID
    day: date
    at: time
    zone: str
    place_id: UUID | None
    cancelled: bool


@dataclass(frozen=True, slots=True)
class Text:
    """A message ready to go out; ``states`` is None where it tells of no visit."""

    rendered: Rendered
    html: str
    calendar: bytes | None
    states: Statement | None


def text_for(
    work: Work,
    now: Situation,
    planned: Planned,
    language: str,
    locale: str,
    public_url: str,
    examinations: str | None = None,
) -> Text:
    """The message as it stands now; ``examinations`` names them where no visit is stored yet.

    Raises:
        InvalidInputError: a detail that the text needs is not known, or the text would tell too much.
    """
    states = statement(now, planned)
    book = work.catalogue.messages[language]
    step = now.policy.steps[planned.step].template
    details = _details(work, now, planned, states, examinations)
    rendered = render(book, step, now.site.privacy, details, locale)
    calendar = None
    if planned.channel is Channel.EMAIL and states is not None:
        row = work.session.get_one(Appointment, states.appointment_id)
        calendar = feed_contents.visit_ics(work, row, public_url, language, now.site.privacy)
    return Text(rendered, as_html(rendered, locale), calendar, states)


def as_written(text: str) -> Text:
    """An answer, whose words are its own."""
    return Text(Rendered(text, "", text), "", None, None)


def statement(now: Situation, planned: Planned) -> Statement | None:
    """What the message tells of a visit: for a cancellation what was called off, else the day's first visit.

    Raises:
        InvalidInputError: there is no such visit.
    """
    if planned.step in _DUE:
        return None
    if planned.step is Step.CANCEL:
        belief = beliefs_by_day(now.told).get(planned.subject_day)
        if belief is None:
            raise InvalidInputError(f"nothing is known of what the patient was told for {planned.subject_day}")
        return Statement(UUID(belief.appointment_id), belief.day, belief.at, belief.zone, _uuid(belief.place), True)
    visit = first_visits(now.visits).get(planned.subject_day)
    if visit is None:
        raise InvalidInputError(f"there is no visit on {planned.subject_day}")
    return Statement(UUID(visit.appointment_id), visit.day, visit.at, visit.zone, _uuid(visit.place), False)


def _uuid(text: str) -> UUID | None:
    return UUID(text) if text else None


def _details(
    work: Work, now: Situation, planned: Planned, states: Statement | None, examinations: str | None
) -> Details:
    site = now.site
    full = site.privacy is Privacy.FULL
    if full and examinations is None:
        examinations = _examinations(work, now, planned, states)
    return Details(
        clinic=site.short_name,
        phone=readable(site.phone),
        patient_zone=now.recipient.zone,
        first_name=now.patient.given_name if site.first_names else None,
        day=states.day if states else None,
        at=states.at if states else None,
        zone=states.zone if states else "",
        place=_place(work, states) if full and states else "",
        examinations=examinations or "",
    )


def readable(e164: str) -> str:
    """A phone number as people write and dial it from anywhere: +44 20 7946 0000."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(e164), PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return e164


def _place(work: Work, states: Statement) -> str:
    place = work.session.get(Place, states.place_id) if states.place_id else None
    return place.name if place else ""


def _examinations(work: Work, now: Situation, planned: Planned, states: Statement | None) -> str:
    """The titles, as the plan's protocol names them, of all that is done on that day or is due in that window."""
    if states is None:
        items = [due.label for due in now.dues if due.window_start == planned.subject_day and not due.booked]
        return _titles(work, now.plan, items)
    ids = [UUID(visit.appointment_id) for visit in now.visits if visit.day == states.day and not visit.cancelled]
    ids = [states.appointment_id] if states.cancelled else ids
    lines = [line for own in appointments.lines_of(work.session, ids).values() for line in own]
    plan = work.session.get(Plan, work.session.get_one(Appointment, states.appointment_id).plan_id)
    counted = [line.item for line in lines if states.cancelled or line.outcome in (None, Outcome.PERFORMED)]
    return _titles(work, plan, counted)


def _titles(work: Work, plan: Plan | None, items: Iterable[str]) -> str:
    terms = plans.terms_in_force(work.session, plan.id) if plan else []
    known = {item.code: item.title for item in work.protocol(terms[-1].protocol_key).items} if terms else {}
    return ", ".join(known.get(item, item.replace("_", " ")) for item in dict.fromkeys(sorted(items)))


def as_html(rendered: Rendered, locale: str) -> str:
    """The plain text as a page of paragraphs, with nothing to load from anywhere."""
    paragraphs = [html.escape(part.strip()).replace("\n", "<br>\n") for part in rendered.body.split("\n\n")]
    inner = "\n".join(f"<p>{part}</p>" for part in paragraphs if part)
    title = html.escape(rendered.subject)
    return (
        f'<!doctype html>\n<html lang="{html.escape(locale)}" dir="{direction(locale)}">'
        f'<head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body style="font-family: sans-serif; font-size: 16px; line-height: 1.5">\n{inner}\n</body></html>\n'
    )
