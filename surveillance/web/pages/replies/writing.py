"""Writing to a patient: a message in staff's own words, or an answer to a reply, with what it looks like and costs."""

from dataclasses import dataclass
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.messages.answers import USEFUL, Answer
from surveillance.core.texts.encoding import straight
from surveillance.core.texts.message_book import LIMIT, Preview, preview
from surveillance.operations.registry.phones import readable
from surveillance.operations.replies import answers
from surveillance.store.registry import patients
from surveillance.store.tables import Contact, Patient
from surveillance.web.access import Permission
from surveillance.web.forms import LONGEST_TEXT, Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.care.changes import home, page
from surveillance.web.pages.registry import contacts
from surveillance.web.pages.routing import Pages
from surveillance.web.words import language_name

pages = Pages(prefix="/patients")


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Whom a message may go to, and why not to the others; ``size`` of what is typed so far."""

    choices: list[tuple[str, str]]
    refused: list[tuple[str, str]]  # who, and why
    chosen: str
    size: Preview | None
    limit: int = LIMIT
    days: int = USEFUL[Answer.STAFF].days


def letterhead(
    context: PageContext, patient: Patient, form: Form, phone: str = "", *, waits: bool = False
) -> Letterhead:
    """The contacts by priority; the one with ``phone`` is chosen. ``waits``: answering decides what paused a number."""
    found = patients.contacts(context.session, patient.id)
    why = {row.id: answers.cannot_write(context.work, patient, row) for row in found}
    if waits:
        why |= {row.id: None for row in found if row.phone == phone and why[row.id] == answers.PAUSED}
    choices = [(str(row.id), _reader(row)) for row in found if why[row.id] is None]
    wrote = next((str(row.id) for row in found if row.phone == phone and why[row.id] is None), "")
    refused = [(_named(row), said) for row in found if (said := why[row.id]) is not None]
    return Letterhead(choices, refused, wrote or next((value for value, _ in choices), ""), size_of(context, form))


def _reader(contact: Contact) -> str:
    """Whoever reads it, and in which language, where that is known."""
    spoken = f", reads {language_name(contact.language)}" if contact.language else ""
    return f"{_named(contact)}{spoken}"


def _named(contact: Contact) -> str:
    phone = readable(contact.phone) if contact.phone else contact.phone_given or "no phone"
    return f"{contacts.who(contact)}, {phone}"


def size_of(context: PageContext, form: Form) -> Preview | None:
    """What the text looks like and costs as it goes out; None where nothing is typed."""
    text = straight(form.value("text")).strip()
    return preview(text, context.app.settings.sms_price) if text else None


def sent_to(context: PageContext, patient: Patient, head: Letterhead) -> tuple[Contact | None, str]:
    """The contact and the text of the form; mistakes stand on the form."""
    form = context.form
    text = form.text("text", "what the patient is to read", required=True, longest=LONGEST_TEXT)
    chosen = form.one_of("contact", "whom it goes to", [value for value, _ in head.choices])
    contact = contacts.contact_of(context, patient, UUID(chosen)) if chosen else None
    size = size_of(context, form)
    if size is not None and size.encoding.characters > LIMIT:
        form.fault("text", f"The text has {size.encoding.characters} characters; shorten it to {LIMIT}, or call")
    return contact, text


@pages.get("/{patient_id}/write", needs=Permission.WORK)
def write_page(context: PageContext, patient_id: UUID) -> Response:
    return _page(context, context.patient(patient_id))


@pages.post("/{patient_id}/write", needs=Permission.WORK)
def write(context: PageContext, patient_id: UUID) -> Response:
    """Send it, or with the button "Preview" only look at it."""
    patient, form = context.patient(patient_id), context.form
    if form.flag("preview"):
        return _page(context, patient)
    contact, text = sent_to(context, patient, letterhead(context, patient, form))
    if form.ok and contact is not None:
        with form.trying(context.session):
            answers.write(context.work, patient, contact, text)
        if form.ok:
            return context.done(context.back(home(patient, "conversation")), going_out(contact))
    return _page(context, patient)


def going_out(contact: Contact) -> str:
    return f"The message to {_named(contact)} goes out now, or as soon as the hours for messages begin."


@pages.post("/{patient_id}/write/size", needs=Permission.WORK)
def size(context: PageContext, patient_id: UUID) -> Response:
    """Characters, encoding and parts while somebody types."""
    context.row(Patient, patient_id)
    return context.page("parts/size.html", size=size_of(context, context.form), limit=LIMIT)


def _page(context: PageContext, patient: Patient) -> Response:
    return page(
        context, "replies/write.html", patient, head=letterhead(context, patient, context.form), back=context.back("")
    )
