"""``surveillance messages write|answer`` and ``visit confirm|wish|agreed``: what staff write, and what patients say."""

from datetime import date
from typing import Annotated

import typer

from surveillance.cli.context import Answer, Job, WrongUseError, writing
from surveillance.cli.options import Mrn, ReplyName, Visit, iso_day
from surveillance.cli.record import patient_details
from surveillance.core.errors import InvalidInputError
from surveillance.core.texts.message_book import preview
from surveillance.core.words import Source
from surveillance.operations.registry.phones import read_phone, readable
from surveillance.operations.replies import answers, decisions
from surveillance.operations.visits import booking, reschedule_requests
from surveillance.store.registry import patients
from surveillance.store.tables import Contact, Inbound, Patient, Reminder

Text = Annotated[str, typer.Argument(metavar="TEXT", help="What the patient is to read.")]
To = Annotated[str, typer.Option("--to", metavar="PHONE", help="Which contact; the first who can be written to.")]
Said = Annotated[str, typer.Option("--said", help="What the patient said.")]
Day = Annotated[
    list[date] | None, typer.Option("--day", parser=iso_day, metavar="DATE", help="A day wanted. Repeatable.")
]


@writing
def write(job: Job, mrn: Mrn, text: Text, to: To = "") -> Answer:
    """Write to a patient by SMS: now, or as soon as the hours for messages begin.

    Example: surveillance messages write 00417 "Please bring your old pictures." --as anna
    """
    patient = job.patient(mrn)
    contact = _contact(job, patient, to)
    return _planned(answers.write(job.work, patient, contact, text), contact)


@writing
def answer(
    job: Job,
    reply: ReplyName,
    text: Text,
    mrn: Annotated[str, typer.Option(help="Whose reply it is, where several patients have the number.")] = "",
) -> Answer:
    """Write back to a reply, which settles it: a number that was paused because of it is free again.

    Example: surveillance messages answer replies:1f2e3d4c "Park behind the house." --as anna
    """
    row = decisions.reply_named(job.work, reply)
    patient = job.patient(mrn) if mrn else _writer(job, row)
    contact = _contact(job, patient, row.from_number, waits=True)
    return _planned(decisions.answer_reply(job.work, row.id, patient, contact, text), contact)


def _writer(job: Job, row: Inbound) -> Patient:
    """The only patient of the actor's sites who has the number, or the one whom the reply is about."""
    mine = {site.id for site in job.sites()}
    holders = patients.holders(job.work.session, row.from_number)
    ids = {row.patient_id} if row.patient_id else {each.patient_id for each in holders}
    found = [job.work.session.get_one(Patient, each) for each in ids]
    here = [patient for patient in found if patient.site_id in mine]
    if len(here) != 1:
        raise WrongUseError(f"{len(here)} patients have the number {readable(row.from_number)}; say --mrn")
    job.seen.append(here[0])
    return here[0]


def _contact(job: Job, patient: Patient, phone: str, *, waits: bool = False) -> Contact:
    """The contact with a number, else the first who can be written to. ``waits``: the answer decides about a pause."""
    found = patients.contacts(job.work.session, patient.id)
    if phone:
        wanted = read_phone(phone, job.work.site(patient.site_id).country).e164
        found = [row for row in found if row.phone == wanted]
    if not found:
        raise InvalidInputError(f"patient {patient.mrn} has no contact {phone or 'yet'}")
    ready = [row for row in found if answers.cannot_write(job.work, patient, row) is None]
    return next(iter([*ready, *found])) if not waits else found[0]


def _planned(row: Reminder, contact: Contact) -> Answer:
    size = preview(row.text).encoding
    parts = f"{size.characters} characters {size.name}, {size.parts} part{'s' if size.parts > 1 else ''}"
    said = f"Message {row.id.hex[:8]} goes to {readable(contact.phone or '')}: {parts}."
    return Answer([said], data={"id": row.id, "state": row.state, "to": row.to_address, "parts": size.parts})


@writing
def confirm(job: Job, mrn: Mrn, visit: Visit) -> Answer:
    """The patient said that they come.

    Example: surveillance visit confirm 00417 2026-12-01 --as anna
    """
    patient = job.patient(mrn)
    row = booking.visit_named(job.work, patient, visit)
    new = reschedule_requests.confirm(job.work, row, Source.STAFF)
    line = patient_details.visit_line(job.work, row)
    return Answer([f"{'Confirmed' if new else 'Was confirmed already'}: {line}."], {"id": row.id, "new": new})


@writing
def wish(job: Job, mrn: Mrn, visit: Visit, said: Said, day: Day = None) -> Answer:
    """The patient said that they need another day: it is on the board until the visit is moved.

    Example: surveillance visit wish 00417 2026-12-01 --said "works that week" --day 2026-12-09 --as anna
    """
    patient = job.patient(mrn)
    row = booking.visit_named(job.work, patient, visit)
    noted = reschedule_requests.request_reschedule(job.work, row, Source.STAFF, said, day or ())
    line = patient_details.visit_line(job.work, row)
    return Answer([f"Another day than {line}: it is on the board."], {"id": noted.id, "days": noted.days})


@writing
def agreed(
    job: Job, mrn: Mrn, visit: Visit, how: Annotated[str, typer.Option("--how", help="What was agreed.")]
) -> Answer:
    """Settle a wish for another day without moving the visit.

    Example: surveillance visit agreed 00417 2026-12-01 --how "comes after all, a neighbour drives" --as anna
    """
    patient = job.patient(mrn)
    row = booking.visit_named(job.work, patient, visit)
    waits = reschedule_requests.open_request(job.work, row.id)
    if waits is None:
        raise InvalidInputError("no wish for another day waits for this visit")
    reschedule_requests.close(job.work, waits, how)
    return Answer([f"Settled: {waits.settlement}."], {"id": waits.id, "settlement": waits.settlement})
