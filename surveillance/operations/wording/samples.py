"""Every text with names and a date of usual length, so that its price is known before it is approved."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, time

from surveillance.core.messages.policy import PLANNED_STEPS
from surveillance.core.texts.message_book import Details, MessageBook, Preview, Rendered, preview, render
from surveillance.core.words import Privacy, Step
from surveillance.operations.registry.phones import readable
from surveillance.store.tables import Site

# A Wednesday in September: the longest date in English, and one whose weekday costs more in Spanish.
DETAILS = Details(
    clinic="Elm Street Clinic",
    phone="+1 202-555-0199",
    patient_zone="America/New_York",
    first_name="Alexandra",
    day=date(2026, 9, 23),
    at=time(10, 45),
    zone="America/New_York",
    place="Imaging Centre North",
    examinations="MRI of the primary site, CT of the chest",
    link="https://visits.clinic.example/p/" + 33 * "x",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One text as an SMS, and as an email."""

    step: Step
    language: str
    privacy: Privacy
    preview: Preview
    rendered: Rendered


def samples(books: Iterable[MessageBook], details: Details = DETAILS) -> list[Sample]:
    """All texts of all books, in the order in which a patient gets them."""
    return [sample for book in books for sample in _of_book(book, details)]


def details_of(site: Site) -> Details:
    """What a patient of this site reads: its name and number, and the first name only where the site allows it."""
    zone = site.time_zone
    named = DETAILS.first_name if site.first_names else None
    return replace(
        DETAILS, clinic=site.short_name, phone=readable(site.phone), first_name=named, patient_zone=zone, zone=zone
    )


def _of_book(book: MessageBook, details: Details) -> Iterator[Sample]:
    for step in PLANNED_STEPS:
        for privacy in Privacy:
            text = render(book, step, privacy, details, book.language)
            yield Sample(step, book.language, privacy, preview(text.sms), text)
