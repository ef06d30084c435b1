"""Staff make and close the addresses of a patient's own page: at the desk, or because a telephone was lost."""

from typing import Any, Final
from uuid import UUID

import segno
from fastapi.responses import Response

from surveillance.operations import own_page, patient_pages
from surveillance.operations.patient_pages import State
from surveillance.store import patients
from surveillance.store.tables import Contact, Patient, PatientPage
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import Form
from surveillance.web.pages import Pages
from surveillance.web.pages.contacts import who
from surveillance.web.pages.patient_changes import home, own, page
from surveillance.web.render import markup, plural

pages = Pages(prefix="/patients/{patient_id}/own-page")

LISTED: Final = 30  # each message makes an address; older ones have expired
ALL: Final = "all"


@pages.get("", needs=Permission.RECORD)
def listed(desk: Desk, patient_id: UUID) -> Response:
    """The addresses of the page, and a form for a new one."""
    return _page(desk, desk.patient(patient_id))


@pages.post("", needs=Permission.RECORD)
def make(desk: Desk, patient_id: UUID) -> Response:
    """A new address, shown this once."""
    patient, form = desk.patient(patient_id), desk.form
    contact_id = form.record("contact", "for whom it is", required=bool(_contacts(desk, patient)))
    language = form.one_of("language", "a language", dict(_languages(desk, patient)))
    contact = next((row for row in _contacts(desk, patient) if row.id == contact_id), None)
    if contact_id is not None and contact is None:
        form.fault("contact", "Choose for whom it is from the list")
    if form.ok:
        with form.trying(desk.session):
            made, secret = patient_pages.new_page(desk.work, patient, contact, language)
        if form.ok:
            return _made(desk, patient, made, secret)
    return _page(desk, patient, form)


@pages.post("/revoke", needs=Permission.RECORD)
def revoke(desk: Desk, patient_id: UUID) -> Response:
    """Close one address for good, or all of them."""
    patient, form = desk.patient(patient_id), desk.form
    reason = form.text("reason", "the reason")
    here = home(patient) + "/own-page"
    if form.value("page") == ALL:
        count = patient_pages.revoke_all(desk.work, patient, reason)
        return desk.done(here, f"{plural(count, 'address', 'addresses')} closed: whoever opens them sees nothing.")
    row_id = form.record("page", "which address")
    if row_id is None:
        return _page(desk, patient, form)
    patient_pages.revoke(desk.work, own(desk, patient, PatientPage, row_id), reason)
    return desk.done(here, "The address is closed: whoever opens it sees nothing.")


def _page(desk: Desk, patient: Patient, form: Form | None = None) -> Response:
    site, contacts = desk.work.site(patient.site_id), _contacts(desk, patient)
    if form is None:
        first = contacts[0] if contacts else None
        language = own_page.choose(desk.work, site, (first.language if first else None) or site.languages[0]).language
        form = Form.filled(contact=first.id if first else None, language=language)
    rows = patient_pages.of_patient(desk.session, patient.id, LISTED)
    return page(
        desk,
        "own-page.html",
        patient,
        form=form,
        rows=[(row, _whose(desk, row), patient_pages.state(desk.session, row, desk.work.now)) for row in rows],
        contacts=[(row.id, who(row)) for row in contacts],
        languages=_languages(desk, patient),
        zone=site.time_zone,
        State=State,
        most=patient_pages.MOST_TRIES,
    )


def _contacts(desk: Desk, patient: Patient) -> list[Contact]:
    return patients.contacts(desk.session, patient.id)


def _languages(desk: Desk, patient: Patient) -> list[tuple[str, str]]:
    usable = own_page.offered(desk.work, desk.work.site(patient.site_id))
    return [(code, words.language_name(code)) for code, _ in usable]


def _whose(desk: Desk, row: PatientPage) -> str:
    contact = desk.session.get(Contact, row.contact_id) if row.contact_id else None
    return who(contact) if contact else "whoever was given it"


def _made(desk: Desk, patient: Patient, row: PatientPage, secret: str) -> Response:
    """The address, the only time it is shown, with its code for the desk."""
    desk.session.flush()
    link = patient_pages.address(desk.app.settings.public_url, secret)
    code = segno.make(link, micro=False).svg_inline(scale=4, border=2, omitsize=True)
    zone = desk.work.site(patient.site_id).time_zone
    shown: dict[str, Any] = {"row": row, "whose": _whose(desk, row), "link": link, "code": markup(code), "zone": zone}
    return page(desk, "own-page-made.html", patient, **shown)
