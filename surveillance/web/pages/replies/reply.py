"""A reply that waits for an answer: read, answered or settled."""

from uuid import UUID

from fastapi.responses import Response
from sqlmodel import col, select

from surveillance.core.errors import NotFoundError
from surveillance.core.words import AppointmentState
from surveillance.operations.messages.patient_context import zone_of
from surveillance.operations.registry.phones import readable
from surveillance.operations.replies import decisions
from surveillance.store.registry import patients
from surveillance.store.tables import Appointment, Contact, Inbound, Patient
from surveillance.store.visits import appointments
from surveillance.web.access import Permission
from surveillance.web.page_context import PageContext
from surveillance.web.pages.care.changes import home, page
from surveillance.web.pages.replies import writing
from surveillance.web.pages.routing import Pages

pages = Pages(prefix="/patients")


def _reply(context: PageContext, patient_id: UUID, reply_id: UUID) -> tuple[Patient, Inbound]:
    """A reply from a number of this patient. Raises NotFoundError where it is none, or is settled."""
    patient = context.patient(patient_id)
    row = context.session.get(Inbound, reply_id)
    phones = select(col(Contact.phone)).where(Contact.patient_id == patient.id)
    if row is None or row.from_number not in set(context.session.exec(phones)):
        raise NotFoundError("there is no such reply of this patient")
    if row.handled_at is not None:
        raise NotFoundError(f"this reply is settled already: {row.handling}")
    return patient, row


@pages.get("/{patient_id}/replies/{reply_id}", needs=Permission.WORK)
def reply_page(context: PageContext, patient_id: UUID, reply_id: UUID) -> Response:
    return _reply_page(context, *_reply(context, patient_id, reply_id))


@pages.post("/{patient_id}/replies/{reply_id}", needs=Permission.WORK)
def settle(context: PageContext, patient_id: UUID, reply_id: UUID) -> Response:
    """A person has read the reply and says what was meant."""
    patient, row = _reply(context, patient_id, reply_id)
    form = context.form
    meant = form.one_of("meant", "what was meant", ("stop", "go-on"))
    note = form.text("note", "what was said and done", required=True, longest=1000)
    if form.ok:
        with form.trying(context.session):
            decisions.settle_reply(context.work, row.id, opt_out=meant == "stop", note=note)
        if form.ok:
            more = " No more messages go to this number, at any clinic." if meant == "stop" else ""
            return context.done(context.back(home(patient, "conversation")), f"The reply is settled.{more}")
    return _reply_page(context, patient, row)


@pages.post("/{patient_id}/replies/{reply_id}/answer", needs=Permission.WORK)
def answer(context: PageContext, patient_id: UUID, reply_id: UUID) -> Response:
    """Write back, which settles the reply; the button "Preview" only looks at it."""
    patient, row = _reply(context, patient_id, reply_id)
    if context.form.flag("preview"):
        return _reply_page(context, patient, row)
    contact, text = writing.sent_to(context, patient, _head(context, patient, row))
    if context.form.ok and contact is not None:
        with context.form.trying(context.session):
            decisions.answer_reply(context.work, row.id, patient, contact, text)
        if context.form.ok:
            told = f"The reply is settled. {writing.going_out(contact)}"
            return context.done(context.back(home(patient, "conversation")), told)
    return _reply_page(context, patient, row)


def _head(context: PageContext, patient: Patient, row: Inbound) -> writing.Letterhead:
    return writing.letterhead(context, patient, context.form, row.from_number, waits=True)


def _reply_page(context: PageContext, patient: Patient, row: Inbound) -> Response:
    number = patients.number(context.session, row.from_number)
    return page(
        context,
        "replies/reply.html",
        patient,
        reply=row,
        phone=readable(row.from_number),
        zone=zone_of(patient, context.work.site(patient.site_id)),
        paused=number.paused_why if number and number.paused_at else "",
        shared=len(patients.holders(context.session, row.from_number)) > 1,
        head=_head(context, patient, row),
        visits=_spoken_of(context, patient, row),
    )


def _spoken_of(context: PageContext, patient: Patient, row: Inbound) -> list[Appointment]:
    """The visits that a reply may be about: the one that was found, and those that lie ahead."""
    found = context.session.get(Appointment, row.appointment_id) if row.appointment_id else None
    booked = appointments.of_patient(context.session, patient.id, AppointmentState.BOOKED)
    ahead = [visit for visit in booked if visit.starts_at is not None and visit.starts_at > context.work.now]
    past = found is not None and found.patient_id == patient.id and found.id not in {visit.id for visit in ahead}
    return [*([found] if found and past else []), *ahead]
