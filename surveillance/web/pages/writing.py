"""Writing to a patient: a message in staff's own words, or an answer to a reply, with what it looks like and costs."""

from dataclasses import dataclass
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.answers import USEFUL, Answer
from surveillance.core.encoding import straight
from surveillance.core.messages import LIMIT, Preview, preview
from surveillance.operations import answers
from surveillance.operations.dispatch.texts import readable
from surveillance.store import patients
from surveillance.store.tables import Contact, Patient
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import LONGEST_TEXT, Form
from surveillance.web.pages import Pages, contacts
from surveillance.web.pages.patient_changes import home, page
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


def letterhead(desk: Desk, patient: Patient, form: Form, phone: str = "", *, waits: bool = False) -> Letterhead:
    """The contacts by priority; the one with ``phone`` is chosen. ``waits``: answering decides what paused a number."""
    found = patients.contacts(desk.session, patient.id)
    why = {row.id: answers.cannot_write(desk.work, patient, row) for row in found}
    if waits:
        why |= {row.id: None for row in found if row.phone == phone and why[row.id] == answers.PAUSED}
    choices = [(str(row.id), _reader(row)) for row in found if why[row.id] is None]
    wrote = next((str(row.id) for row in found if row.phone == phone and why[row.id] is None), "")
    refused = [(_named(row), said) for row in found if (said := why[row.id]) is not None]
    return Letterhead(choices, refused, wrote or next((value for value, _ in choices), ""), size_of(desk, form))


def _reader(contact: Contact) -> str:
    """Whoever reads it, and in which language, where that is known."""
    spoken = f", reads {language_name(contact.language)}" if contact.language else ""
    return f"{_named(contact)}{spoken}"


def _named(contact: Contact) -> str:
    phone = readable(contact.phone) if contact.phone else contact.phone_given or "no phone"
    return f"{contacts.who(contact)}, {phone}"


def size_of(desk: Desk, form: Form) -> Preview | None:
    """What the text looks like and costs as it goes out; None where nothing is typed."""
    text = straight(form.value("text")).strip()
    return preview(text, desk.app.settings.sms_price) if text else None


def sent_to(desk: Desk, patient: Patient, head: Letterhead) -> tuple[Contact | None, str]:
    """The contact and the text of the form; mistakes stand on the form."""
    form = desk.form
    text = form.text("text", "what the patient is to read", required=True, longest=LONGEST_TEXT)
    chosen = form.one_of("contact", "whom it goes to", [value for value, _ in head.choices])
    contact = contacts.contact_of(desk, patient, UUID(chosen)) if chosen else None
    size = size_of(desk, form)
    if size is not None and size.encoding.characters > LIMIT:
        form.fault("text", f"The text has {size.encoding.characters} characters; shorten it to {LIMIT}, or call")
    return contact, text


@pages.get("/{patient_id}/write", needs=Permission.WORK)
def write_page(desk: Desk, patient_id: UUID) -> Response:
    return _page(desk, desk.patient(patient_id))


@pages.post("/{patient_id}/write", needs=Permission.WORK)
def write(desk: Desk, patient_id: UUID) -> Response:
    """Send it, or with the button "Preview" only look at it."""
    patient, form = desk.patient(patient_id), desk.form
    if form.flag("preview"):
        return _page(desk, patient)
    contact, text = sent_to(desk, patient, letterhead(desk, patient, form))
    if form.ok and contact is not None:
        with form.trying(desk.session):
            answers.write(desk.work, patient, contact, text)
        if form.ok:
            return desk.done(desk.back(home(patient, "conversation")), going_out(contact))
    return _page(desk, patient)


def going_out(contact: Contact) -> str:
    return f"The message to {_named(contact)} goes out now, or as soon as the hours for messages begin."


@pages.post("/{patient_id}/write/size", needs=Permission.WORK)
def size(desk: Desk, patient_id: UUID) -> Response:
    """Characters, encoding and parts while somebody types."""
    desk.row(Patient, patient_id)
    return desk.page("patient/_size.html", size=size_of(desk, desk.form), limit=LIMIT)


def _page(desk: Desk, patient: Patient) -> Response:
    return page(desk, "write.html", patient, head=letterhead(desk, patient, desk.form), back=desk.back(""))
