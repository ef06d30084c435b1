"""A patient's schedule sheet: from the record to what is printed, in the patient's language."""

from collections.abc import Iterator

from surveillance.core import plain
from surveillance.core.texts import schedule_sheet
from surveillance.core.texts.message_book import Choice, choose_language
from surveillance.core.texts.schedule_sheet import Sheet, SheetVisit
from surveillance.core.words import AppointmentState, Privacy
from surveillance.operations.record.patient_record import PatientRecord
from surveillance.operations.registry.phones import readable
from surveillance.operations.work import Work


def language_of(work: Work, record: PatientRecord, wanted: str = "") -> Choice:
    """The language to print in: the wanted one, else that of the first contact that names one, else the site's.

    Raises InvalidInputError where there are texts in none of them.
    """
    own = next((reach.contact.language for reach in record.reaches if reach.contact.language), None)
    languages = record.site.languages
    return choose_language(wanted or own or languages[0], sorted(work.catalogue.messages), languages)


def made(work: Work, record: PatientRecord, language: str = "", privacy: Privacy | None = None) -> Sheet:
    """The sheet; ``privacy`` None is the site's level."""
    book = work.catalogue.messages[language_of(work, record, language).language]
    site = record.site
    return schedule_sheet.sheet(
        book.sheet,
        book.calendar,
        privacy or site.privacy,
        _visits(record),
        record.today,
        site.short_name,
        readable(site.phone),
    )


def _visits(record: PatientRecord) -> Iterator[SheetVisit]:
    titles = record.titles
    for visit in record.coming:
        booked = visit.row.state is AppointmentState.BOOKED
        items = [titles.get(line.item, plain.item(line.item)) for line in visit.open_lines]
        yield SheetVisit(visit.row.day, visit.row.at if booked else None, visit.place, tuple(dict.fromkeys(items)))
