"""Calendar addresses of one patient: made, shown once, replaced and closed."""

from uuid import UUID

import segno
from fastapi.responses import Response

from surveillance.core.errors import NotFoundError
from surveillance.core.words import Privacy
from surveillance.operations.calendars import feeds
from surveillance.operations.record import patient_record, schedule_sheet
from surveillance.store.tables import Feed, Patient
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.care.changes import home, own, page
from surveillance.web.pages.routing import Pages
from surveillance.web.render import markup

pages = Pages(prefix="/patients")


@pages.get("/{patient_id}/feeds/new", needs=Permission.RECORD)
def feed_page(context: PageContext, patient_id: UUID) -> Response:
    patient = context.patient(patient_id)
    language = schedule_sheet.language_of(context.work, patient_record.gather(context.work, patient)).language
    return _feed_page(
        context, patient, Form.filled(language=language, privacy=context.work.site(patient.site_id).privacy)
    )


@pages.post("/{patient_id}/feeds/new", needs=Permission.RECORD)
def make_feed(context: PageContext, patient_id: UUID) -> Response:
    """A new address, shown this once."""
    patient = context.patient(patient_id)
    form = context.form
    language = form.one_of("language", "a language", dict(_languages(context)))
    privacy = form.choice("privacy", "how much it may tell", Privacy)
    label = form.text("label", "whose calendar it is")
    if form.ok and privacy:
        new = feeds.NewFeed(
            context.work.site(patient.site_id), patient=patient, label=label, language=language, privacy=privacy
        )
        with form.trying(context.session):
            feed, secret = feeds.create(context.work, new)
        if form.ok:
            return _made(context, patient, feed, secret)
    return _feed_page(context, patient)


def _feed_page(context: PageContext, patient: Patient, form: Form | None = None) -> Response:
    return page(context, "calendars/patient-feed-new.html", patient, form=form, languages=_languages(context))


def _languages(context: PageContext) -> list[tuple[str, str]]:
    return [(code, words.language_name(code)) for code in sorted(context.work.catalogue.messages)]


@pages.get("/{patient_id}/feeds/{feed_id}", needs=Permission.RECORD)
def feed(context: PageContext, patient_id: UUID, feed_id: UUID) -> Response:
    patient, row = _feed(context, patient_id, feed_id)
    return page(
        context, "calendars/patient-feed.html", patient, feed=row, zone=context.work.site(patient.site_id).time_zone
    )


def _feed(context: PageContext, patient_id: UUID, feed_id: UUID) -> tuple[Patient, Feed]:
    patient = context.patient(patient_id)
    row = own(context, patient, Feed, feed_id)
    if row.revoked_at is not None:
        raise NotFoundError("this address is closed")
    return patient, row


@pages.post("/{patient_id}/feeds/{feed_id}/rotate", needs=Permission.RECORD)
def rotate(context: PageContext, patient_id: UUID, feed_id: UUID) -> Response:
    """A new address for the same reader; the old one closes at once."""
    patient, row = _feed(context, patient_id, feed_id)
    fresh, secret = feeds.rotate(context.work, row, context.form.text("reason", "the reason"))
    return _made(context, patient, fresh, secret)


@pages.post("/{patient_id}/feeds/{feed_id}/revoke", needs=Permission.RECORD)
def revoke(context: PageContext, patient_id: UUID, feed_id: UUID) -> Response:
    """Close an address for good."""
    patient, row = _feed(context, patient_id, feed_id)
    feeds.revoke(context.work, row, context.form.text("reason", "the reason"))
    return context.done(home(patient, "feeds"), "The calendar address is closed: whoever asks for it finds nothing.")


def _made(context: PageContext, patient: Patient, row: Feed, secret: str) -> Response:
    """The address, the only time it is shown, and on paper the schedule sheet with its code."""
    context.session.flush()
    links = feeds.links(context.app.settings.public_url, secret)
    record = patient_record.gather(context.work, patient)
    code = segno.make(links.webcal, micro=False).svg_inline(scale=4, border=2, omitsize=True)
    return page(
        context,
        "calendars/patient-feed-made.html",
        patient,
        links=links,
        code=markup(code),
        record=record,
        sheet=schedule_sheet.made(context.work, record, row.language, row.privacy),
    )
