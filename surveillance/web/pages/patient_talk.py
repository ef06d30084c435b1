"""What goes between the clinic and the patient: replies that wait for an answer, and the patient's calendar address."""

from uuid import UUID

import segno
from fastapi.responses import Response
from sqlmodel import col, select

from surveillance.core.errors import NotFoundError
from surveillance.core.words import AppointmentState, Privacy
from surveillance.operations import feeds, patient_record, schedule_sheet, settling
from surveillance.operations.dispatch.texts import readable
from surveillance.operations.situations import zone_of
from surveillance.store import appointments, patients
from surveillance.store.tables import Appointment, Contact, Feed, Inbound, Patient
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import Form
from surveillance.web.pages import Pages, writing
from surveillance.web.pages.patient_changes import home, own, page
from surveillance.web.render import markup

pages = Pages(prefix="/patients")


# -- replies ---------------------------------------------------------------------------------------------------


def _reply(desk: Desk, patient_id: UUID, reply_id: UUID) -> tuple[Patient, Inbound]:
    """A reply from a number of this patient. Raises NotFoundError where it is none, or is settled."""
    patient = desk.patient(patient_id)
    row = desk.session.get(Inbound, reply_id)
    phones = select(col(Contact.phone)).where(Contact.patient_id == patient.id)
    if row is None or row.from_number not in set(desk.session.exec(phones)):
        raise NotFoundError("there is no such reply of this patient")
    if row.handled_at is not None:
        raise NotFoundError(f"this reply is settled already: {row.handling}")
    return patient, row


@pages.get("/{patient_id}/replies/{reply_id}", needs=Permission.WORK)
def reply_page(desk: Desk, patient_id: UUID, reply_id: UUID) -> Response:
    return _reply_page(desk, *_reply(desk, patient_id, reply_id))


@pages.post("/{patient_id}/replies/{reply_id}", needs=Permission.WORK)
def settle(desk: Desk, patient_id: UUID, reply_id: UUID) -> Response:
    """A person has read the reply and says what was meant."""
    patient, row = _reply(desk, patient_id, reply_id)
    form = desk.form
    meant = form.one_of("meant", "what was meant", ("stop", "go-on"))
    note = form.text("note", "what was said and done", required=True, longest=1000)
    if form.ok:
        with form.trying(desk.session):
            settling.settle_reply(desk.work, row.id, opt_out=meant == "stop", note=note)
        if form.ok:
            more = " No more messages go to this number, at any clinic." if meant == "stop" else ""
            return desk.done(desk.back(home(patient, "conversation")), f"The reply is settled.{more}")
    return _reply_page(desk, patient, row)


@pages.post("/{patient_id}/replies/{reply_id}/answer", needs=Permission.WORK)
def answer(desk: Desk, patient_id: UUID, reply_id: UUID) -> Response:
    """Write back, which settles the reply; the button "Preview" only looks at it."""
    patient, row = _reply(desk, patient_id, reply_id)
    if desk.form.flag("preview"):
        return _reply_page(desk, patient, row)
    contact, text = writing.sent_to(desk, patient, _head(desk, patient, row))
    if desk.form.ok and contact is not None:
        with desk.form.trying(desk.session):
            settling.answer_reply(desk.work, row.id, patient, contact, text)
        if desk.form.ok:
            told = f"The reply is settled. {writing.going_out(contact)}"
            return desk.done(desk.back(home(patient, "conversation")), told)
    return _reply_page(desk, patient, row)


def _head(desk: Desk, patient: Patient, row: Inbound) -> writing.Letterhead:
    return writing.letterhead(desk, patient, desk.form, row.from_number, waits=True)


def _reply_page(desk: Desk, patient: Patient, row: Inbound) -> Response:
    number = patients.number(desk.session, row.from_number)
    return page(
        desk,
        "reply.html",
        patient,
        reply=row,
        phone=readable(row.from_number),
        zone=zone_of(patient, desk.work.site(patient.site_id)),
        paused=number.paused_why if number and number.paused_at else "",
        shared=len(patients.holders(desk.session, row.from_number)) > 1,
        head=_head(desk, patient, row),
        visits=_spoken_of(desk, patient, row),
    )


def _spoken_of(desk: Desk, patient: Patient, row: Inbound) -> list[Appointment]:
    """The visits that a reply may be about: the one that was found, and those that lie ahead."""
    found = desk.session.get(Appointment, row.appointment_id) if row.appointment_id else None
    booked = appointments.of_patient(desk.session, patient.id, AppointmentState.BOOKED)
    ahead = [visit for visit in booked if visit.starts_at is not None and visit.starts_at > desk.work.now]
    past = found is not None and found.patient_id == patient.id and found.id not in {visit.id for visit in ahead}
    return [*([found] if found and past else []), *ahead]


# -- the calendar address ----------------------------------------------------------------------------------------


@pages.get("/{patient_id}/feeds/new", needs=Permission.RECORD)
def feed_page(desk: Desk, patient_id: UUID) -> Response:
    patient = desk.patient(patient_id)
    language = schedule_sheet.language_of(desk.work, patient_record.gather(desk.work, patient)).language
    return _feed_page(desk, patient, Form.filled(language=language, privacy=desk.work.site(patient.site_id).privacy))


@pages.post("/{patient_id}/feeds/new", needs=Permission.RECORD)
def make_feed(desk: Desk, patient_id: UUID) -> Response:
    """A new address, shown this once."""
    patient = desk.patient(patient_id)
    form = desk.form
    language = form.one_of("language", "a language", dict(_languages(desk)))
    privacy = form.choice("privacy", "how much it may tell", Privacy)
    label = form.text("label", "whose calendar it is")
    if form.ok and privacy:
        new = feeds.NewFeed(
            desk.work.site(patient.site_id), patient=patient, label=label, language=language, privacy=privacy
        )
        with form.trying(desk.session):
            feed, secret = feeds.create(desk.work, new)
        if form.ok:
            return _made(desk, patient, feed, secret)
    return _feed_page(desk, patient)


def _feed_page(desk: Desk, patient: Patient, form: Form | None = None) -> Response:
    return page(desk, "feed-new.html", patient, form=form, languages=_languages(desk))


def _languages(desk: Desk) -> list[tuple[str, str]]:
    return [(code, words.language_name(code)) for code in sorted(desk.work.catalogue.messages)]


@pages.get("/{patient_id}/feeds/{feed_id}", needs=Permission.RECORD)
def feed(desk: Desk, patient_id: UUID, feed_id: UUID) -> Response:
    patient, row = _feed(desk, patient_id, feed_id)
    return page(desk, "feed.html", patient, feed=row, zone=desk.work.site(patient.site_id).time_zone)


def _feed(desk: Desk, patient_id: UUID, feed_id: UUID) -> tuple[Patient, Feed]:
    patient = desk.patient(patient_id)
    row = own(desk, patient, Feed, feed_id)
    if row.revoked_at is not None:
        raise NotFoundError("this address is closed")
    return patient, row


@pages.post("/{patient_id}/feeds/{feed_id}/rotate", needs=Permission.RECORD)
def rotate(desk: Desk, patient_id: UUID, feed_id: UUID) -> Response:
    """A new address for the same reader; the old one closes at once."""
    patient, row = _feed(desk, patient_id, feed_id)
    fresh, secret = feeds.rotate(desk.work, row, desk.form.text("reason", "the reason"))
    return _made(desk, patient, fresh, secret)


@pages.post("/{patient_id}/feeds/{feed_id}/revoke", needs=Permission.RECORD)
def revoke(desk: Desk, patient_id: UUID, feed_id: UUID) -> Response:
    """Close an address for good."""
    patient, row = _feed(desk, patient_id, feed_id)
    feeds.revoke(desk.work, row, desk.form.text("reason", "the reason"))
    return desk.done(home(patient, "feeds"), "The calendar address is closed: whoever asks for it finds nothing.")


def _made(desk: Desk, patient: Patient, row: Feed, secret: str) -> Response:
    """The address, the only time it is shown, and on paper the schedule sheet with its code."""
    desk.session.flush()
    links = feeds.links(desk.app.settings.public_url, secret)
    record = patient_record.gather(desk.work, patient)
    code = segno.make(links.webcal, micro=False).svg_inline(scale=4, border=2, omitsize=True)
    return page(
        desk,
        "feed-made.html",
        patient,
        links=links,
        code=markup(code),
        record=record,
        sheet=schedule_sheet.made(desk.work, record, row.language, row.privacy),
    )
