"""Staff make and close the addresses of a patient's own page: at the desk, or because a telephone was lost."""

from typing import Any, Final
from uuid import UUID

import segno
from fastapi.responses import Response

from surveillance.operations.calendars import page_addresses
from surveillance.operations.calendars.page_addresses import State
from surveillance.operations.patient_page import page as patient_page
from surveillance.store.registry import patients
from surveillance.store.tables import Contact, Patient, PatientPage
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.care.changes import home, own, page
from surveillance.web.pages.registry.contacts import who
from surveillance.web.pages.routing import Pages
from surveillance.web.render import markup, plural

pages = Pages(prefix="/patients/{patient_id}/own-page")

LISTED: Final = 30  # each message makes an address; older ones have expired
ALL: Final = "all"


@pages.get("", needs=Permission.RECORD)
def listed(context: PageContext, patient_id: UUID) -> Response:
    """The addresses of the page, and a form for a new one."""
    return _page(context, context.patient(patient_id))


@pages.post("", needs=Permission.RECORD)
def make(context: PageContext, patient_id: UUID) -> Response:
    """A new address, shown this once."""
    patient, form = context.patient(patient_id), context.form
    contact_id = form.record("contact", "for whom it is", required=bool(_contacts(context, patient)))
    language = form.one_of("language", "a language", dict(_languages(context, patient)))
    contact = next((row for row in _contacts(context, patient) if row.id == contact_id), None)
    if contact_id is not None and contact is None:
        form.fault("contact", "Choose for whom it is from the list")
    if form.ok:
        with form.trying(context.session):
            made, secret = page_addresses.new_page(context.work, patient, contact, language)
        if form.ok:
            return _made(context, patient, made, secret)
    return _page(context, patient, form)


@pages.post("/revoke", needs=Permission.RECORD)
def revoke(context: PageContext, patient_id: UUID) -> Response:
    """Close one address for good, or all of them."""
    patient, form = context.patient(patient_id), context.form
    reason = form.text("reason", "the reason")
    here = home(patient) + "/own-page"
    if form.value("page") == ALL:
        count = page_addresses.revoke_all(context.work, patient, reason)
        return context.done(here, f"{plural(count, 'address', 'addresses')} closed: whoever opens them sees nothing.")
    row_id = form.record("page", "which address")
    if row_id is None:
        return _page(context, patient, form)
    page_addresses.revoke(context.work, own(context, patient, PatientPage, row_id), reason)
    return context.done(here, "The address is closed: whoever opens it sees nothing.")


def _page(context: PageContext, patient: Patient, form: Form | None = None) -> Response:
    site, contacts = context.work.site(patient.site_id), _contacts(context, patient)
    if form is None:
        first = contacts[0] if contacts else None
        language = patient_page.choose(
            context.work, site, (first.language if first else None) or site.languages[0]
        ).language
        form = Form.filled(contact=first.id if first else None, language=language)
    rows = page_addresses.of_patient(context.session, patient.id, LISTED)
    return page(
        context,
        "calendars/page-addresses.html",
        patient,
        form=form,
        rows=[
            (row, _whose(context, row), page_addresses.state(context.session, row, context.work.now)) for row in rows
        ],
        contacts=[(row.id, who(row)) for row in contacts],
        languages=_languages(context, patient),
        zone=site.time_zone,
        State=State,
        most=page_addresses.MOST_TRIES,
    )


def _contacts(context: PageContext, patient: Patient) -> list[Contact]:
    return patients.contacts(context.session, patient.id)


def _languages(context: PageContext, patient: Patient) -> list[tuple[str, str]]:
    usable = patient_page.offered(context.work, context.work.site(patient.site_id))
    return [(code, words.language_name(code)) for code, _ in usable]


def _whose(context: PageContext, row: PatientPage) -> str:
    contact = context.session.get(Contact, row.contact_id) if row.contact_id else None
    return who(contact) if contact else "whoever was given it"


def _made(context: PageContext, patient: Patient, row: PatientPage, secret: str) -> Response:
    """The address, the only time it is shown, with its code for the desk."""
    context.session.flush()
    link = page_addresses.address(context.app.settings.public_url, secret)
    code = segno.make(link, micro=False).svg_inline(scale=4, border=2, omitsize=True)
    zone = context.work.site(patient.site_id).time_zone
    shown: dict[str, Any] = {
        "row": row,
        "whose": _whose(context, row),
        "link": link,
        "code": markup(code),
        "zone": zone,
    }
    return page(context, "calendars/page-address-made.html", patient, **shown)
