"""What a message says, made when it is sent: in the contact's language, at the site's privacy level (rule 11)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, time
from email.utils import parseaddr
from typing import Final
from uuid import UUID

from surveillance.core.errors import InvalidInputError
from surveillance.core.messages.notices import beliefs_by_day
from surveillance.core.messages.planned import Planned, first_visits
from surveillance.core.texts.frames import email_frame, email_html, email_text
from surveillance.core.texts.links import without_secrets
from surveillance.core.texts.message_book import Details, Rendered, render
from surveillance.core.words import AppointmentState, Channel, Outcome, Privacy, Step
from surveillance.operations.calendars import feed_contents, page_addresses
from surveillance.operations.messages.patient_context import PatientContext
from surveillance.operations.registry.phones import readable
from surveillance.operations.wording.site_wording import books_of
from surveillance.operations.work import Work
from surveillance.store.planning import plans
from surveillance.store.tables import Appointment, Place, Plan
from surveillance.store.visits import appointments

_DUE = (Step.OVERDUE, Step.BOOK_NOW)
# Stands for a secret that is not made yet: as long as one, so that a text is as long as it will be.
UNMADE: Final = "0" * page_addresses.SECRET_SIGNS


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
    """A message ready to go out; ``states`` is None where it tells of no visit. ``link``: the patient's own page."""

    rendered: Rendered
    html: str
    calendar: bytes | None
    states: Statement | None
    link: str = ""

    @property
    def wants_page(self) -> bool:
        """Whether an address has to be made for it."""
        said = (self.rendered.sms, self.rendered.subject, self.rendered.body, self.link)
        return any(UNMADE in text for text in said)

    def with_page(self, secret: str) -> "Text":
        """As it goes out, with the address that was made for it."""
        sms, subject, body = (text.replace(UNMADE, secret) for text in _parts(self.rendered))
        html, link = self.html.replace(UNMADE, secret), self.link.replace(UNMADE, secret)
        return replace(self, rendered=Rendered(sms, subject, body), html=html, link=link)

    def kept(self) -> Rendered:
        """As it is stored: the address of a page opens it, so its secret is left out."""
        return Rendered(*map(without_secrets, _parts(self.rendered)))


def _parts(rendered: Rendered) -> tuple[str, str, str]:
    return rendered.sms, rendered.subject, rendered.body


def text_for(
    work: Work,
    now: PatientContext,
    planned: Planned,
    language: str,
    locale: str,
    public_url: str,
    sender: str = "",
) -> Text:
    """The message as it stands now; ``sender`` is the mailbox that an email comes from.

    Raises:
        InvalidInputError: a detail that the text needs is not known, or the text would tell too much.
    """
    states = statement(now, planned)
    book = books_of(work, now.site)[language]
    step = now.policy.steps[planned.step].template
    link = page_addresses.address(public_url, UNMADE)
    details = replace(_details(work, now, planned, states), link=link)
    rendered = render(book, step, now.site.privacy, details, locale)
    if planned.channel is not Channel.EMAIL:
        return Text(rendered, "", None, states)
    calendar = None
    if states is not None:
        rows = _visits_of_day(work, now, states)
        organizer = parseaddr(sender)[1] if "@" in sender else ""
        calendar = feed_contents.mailed_ics(work, rows, public_url, language, now.site.privacy, organizer)
    visit = states is not None and not states.cancelled
    frame = email_frame(book.email, now.site.short_name, link, visit=visit)
    html = email_html(rendered.subject, rendered.body, frame, locale)
    return Text(replace(rendered, body=email_text(rendered.body, frame)), html, calendar, states, link)


def _visits_of_day(work: Work, now: PatientContext, states: Statement) -> list[Appointment]:
    """What the email tells of, and all else of that day: its calendar holds the day as it stands.

    A visit that was called off stays in it as such: an earlier email may have brought it into the patient's calendar.
    """
    booked = appointments.of_patient(work.session, now.patient.id, AppointmentState.BOOKED, AppointmentState.CANCELLED)
    ids = {UUID(visit.appointment_id) for visit in now.visits if visit.day == states.day}
    return [row for row in booked if row.id in ids | {states.appointment_id}]


def as_written(text: str) -> Text:
    """An answer, whose words are its own."""
    return Text(Rendered(text, "", text), "", None, None)


def statement(now: PatientContext, planned: Planned) -> Statement | None:
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


def _details(work: Work, now: PatientContext, planned: Planned, states: Statement | None) -> Details:
    site = now.site
    full = site.privacy is Privacy.FULL
    return Details(
        clinic=site.short_name,
        phone=readable(site.phone),
        patient_zone=now.recipient.zone,
        # A letter names in full whom it is for.
        first_name=now.patient.given_name if site.first_names and planned.channel is not Channel.LETTER else None,
        day=states.day if states else None,
        at=states.at if states else None,
        zone=states.zone if states else "",
        place=_place(work, states) if full and states else "",
        examinations=_examinations(work, now, planned, states) if full else "",
    )


def _place(work: Work, states: Statement) -> str:
    place = work.session.get(Place, states.place_id) if states.place_id else None
    return place.name if place else ""


def _examinations(work: Work, now: PatientContext, planned: Planned, states: Statement | None) -> str:
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
