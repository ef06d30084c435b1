"""``surveillance contact`` and ``surveillance consent``: whom to write to, and with whose word."""

from datetime import datetime
from typing import Annotated, Any

import typer

from surveillance.cli import show, words
from surveillance.cli.context import Answer, Job, confirming, writing
from surveillance.cli.options import ContactName, Email, Kind, Language, Mrn, Phone, Postal, Reason
from surveillance.cli.record import patient_details
from surveillance.core.errors import InvalidInputError
from surveillance.core.words import Channel, ConsentAct, ContactKind
from surveillance.operations.care import corrections
from surveillance.operations.planning import replanning
from surveillance.operations.registry import consents, patients
from surveillance.store.audit.events import picture
from surveillance.store.tables import Contact, Patient

contact = typer.Typer(help="Contacts of a patient: add, change, remove.", no_args_is_help=True)
consent = typer.Typer(help="Consent to messages: given, withdrawn.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="The contact's number in 'patient show'.")]
NewKind = Annotated[ContactKind | None, typer.Option(help="Who answers.")]
NewName = Annotated[str | None, typer.Option(help="Name of a parent or carer.")]
NewPhone = Annotated[str | None, typer.Option(help="As it is dialled in the site's country, or +44…; '' for none.")]
NewEmail = Annotated[str | None, typer.Option(help="Email address; '' for none.")]
NewPostal = Annotated[str | None, typer.Option(help="Postal address, a semicolon between its lines; '' for none.")]
NewLanguage = Annotated[str | None, typer.Option(help="Language of messages; '' for the site's first.")]
How = Annotated[str, typer.Option("--how", help="How you know: signed form, by telephone, at the desk, …")]
For = Annotated[Channel, typer.Argument(metavar="CHANNEL", help="sms or email.")]
WhichContact = Annotated[int, typer.Option("--contact", min=1, help="The contact's number in 'patient show'.")]
At = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%dT%H:%M%z"], metavar="MOMENT", help="When, like 2026-12-01T10:30+00:00; now without."
    ),
]


@contact.command("add")
@writing
def add_contact(
    job: Job,
    mrn: Mrn,
    kind: Kind = ContactKind.SELF,
    name: ContactName = "",
    phone: Phone = "",
    email: Email = "",
    postal: Postal = "",
    language: Language = None,
) -> Answer:
    """Add somebody to write to.

    Example: surveillance contact add 00417 --kind parent --name "Ngozi Okafor" --phone 07700900124 --as anna
    """
    patient = job.patient(mrn)
    if not (phone.strip() or email.strip() or postal.strip()):
        raise InvalidInputError("a contact needs --phone, --email or --postal")
    new = patients.NewContact(kind, name, phone, email, language, postal_address=postal.replace(";", "\n"))
    row = corrections.add_contact(job.work, patient, new)
    channel = "sms" if row.phone and row.phone_mobile else "email"
    said = f"Added contact {row.priority} of patient {mrn}."
    if row.email or (row.phone and row.phone_mobile):
        said += f" Record consent with 'consent give {mrn} {channel} --contact {row.priority}'."
    return Answer([said], picture(row), warnings=patient_details.phone_problems(job.work, row))


@contact.command("change")
@confirming
def change_contact(
    job: Job,
    mrn: Mrn,
    number: Number,
    kind: NewKind = None,
    name: NewName = None,
    phone: NewPhone = None,
    email: NewEmail = None,
    postal: NewPostal = None,
    language: NewLanguage = None,
    reason: Annotated[str, typer.Option(help="Why, where that is worth keeping.")] = "",
) -> Answer:
    """Change how somebody is reached; a new phone or mailbox needs consent of its own.

    Example: surveillance contact change 00417 1 --phone 07700900125 --as anna
    """
    patient = job.patient(mrn)
    row = corrections.contact_named(job.work, patient, number)
    named = {"kind": kind, "name": name, "phone": phone, "email": email, "language": language}
    values: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if postal is not None:
        values["postal_address"] = postal.replace(";", "\n")
    if not values:
        raise InvalidInputError("say what to change: --kind, --name, --phone, --email, --postal or --language")
    before = patient_details.contact_cells(job.work, row)
    corrections.change_contact(job.work, patient, row, values, reason)
    after = patient_details.contact_cells(job.work, row)
    change = show.table(f"Contact {number} of patient {mrn}", "", "Before", "After")
    for label, value in after.items():
        if value != before[label]:
            show.add(change, label, before[label], value)
    return Answer(["Done."], picture(row), [change], compared=after)


@contact.command("remove")
@confirming
def remove_contact(job: Job, mrn: Mrn, number: Number, reason: Reason) -> Answer:
    """Write to somebody no more; what was sent stays on record.

    Example: surveillance contact remove 00417 2 --reason "moved out" --as anna
    """
    patient = job.patient(mrn)
    row = corrections.contact_named(job.work, patient, number)
    cells = patient_details.contact_cells(job.work, row)
    before = f"{cells['Who']}, {cells['Phone']}, {cells['Email']}"
    corrections.remove_contact(job.work, patient, row, reason)
    return Answer(["Done."], picture(row), [f"No more messages to: {before}"], compared=before)


@consent.command("give")
@writing
def give(job: Job, mrn: Mrn, channel: For, how: How, number: WhichContact = 1, at: At = None) -> Answer:
    """Record that a contact agreed to messages.

    Example: surveillance consent give 00417 sms --how "signed form" --as anna
    """
    return _consent(job, mrn, channel, ConsentAct.GIVEN, how, number, at)


@consent.command("withdraw")
@writing
def withdraw(job: Job, mrn: Mrn, channel: For, how: How, number: WhichContact = 1, at: At = None) -> Answer:
    """Record that a contact wants no more messages: nothing more is sent that way.

    Example: surveillance consent withdraw 00417 sms --how "by telephone" --as anna
    """
    return _consent(job, mrn, channel, ConsentAct.WITHDRAWN, how, number, at)


def _consent(
    job: Job, mrn: str, channel: Channel, act: ConsentAct, how: str, number: int, at: datetime | None
) -> Answer:
    if channel not in (Channel.SMS, Channel.EMAIL):
        raise InvalidInputError(f"consent is for sms or email; a {channel} needs none here")
    patient = job.patient(mrn)
    job.work.require(patient.site_id, *consents.WRITERS)
    row = corrections.contact_named(job.work, patient, number)
    if act is ConsentAct.GIVEN and (row.phone if channel is Channel.SMS else row.email) is None:
        raise InvalidInputError(f"contact {number} of patient {mrn} has no usable address for {channel}")
    line = consents.consent(job.work, row, channel, act, how, at)
    replanning.replan_patient(job.work, patient)
    said = f"Consent to {channel} {words.CONSENT[act]}: {_who(patient, row)}."
    return Answer([said], picture(line))


def _who(patient: Patient, row: Contact) -> str:
    return f"contact {row.priority} of patient {patient.mrn}, {show.cell_of(row.phone or row.email)}"
