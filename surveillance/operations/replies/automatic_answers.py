"""The service's own answers to replies: in the language somebody wrote in, from the site that wrote last."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from surveillance.core.errors import InvalidInputError
from surveillance.core.languages import candidates
from surveillance.core.messages.answers import Answer
from surveillance.core.texts.message_book import Choice, Details, fill_answer
from surveillance.operations.messages.patient_context import zone_of
from surveillance.operations.registry.phones import readable
from surveillance.operations.replies import answers
from surveillance.operations.replies import facts as reply_facts
from surveillance.operations.replies.facts import Facts
from surveillance.operations.wording import languages, site_wording
from surveillance.operations.work import Work
from surveillance.store.tables import Inbound, Patient, Site

_TEXT: Final[Mapping[Answer, str]] = MappingProxyType(  # fields of MessageBook
    {
        Answer.STOPPED: "stop_confirmation",
        Answer.STARTED: "start_confirmation",
        Answer.HELP: "help",
        Answer.CONFIRMED: "confirmed",
        Answer.NOTED: "noted",
    }
)


def give(work: Work, row: Inbound, facts: Facts, kind: Answer) -> bool:
    """Plan an answer to a reply; False where nobody is there to be answered, or no text can be made.

    A number that opted out hears only that it did; one that waits for a decision hears nothing.
    """
    about = str(row.patient_id or facts.first)
    patient = facts.patients.get(about)
    closed = facts.context.barred or facts.context.paused
    if patient is None or (closed and kind not in (Answer.STOPPED, Answer.STARTED)):
        return False
    site = work.site(patient.site_id)
    try:
        choice = _language(work, site, row.language, reply_facts.language(work, facts, about))
        book = site_wording.books_of(work, site)[choice.language]
        text = fill_answer(book, getattr(book, _TEXT[kind]), _details(row, facts, site, patient), choice.locale)
    except InvalidInputError:
        return False
    said = answers.say(
        work, patient, facts.contacts[about], row.from_number, text, choice.language, kind, row.id, row.appointment_id
    )
    return said is not None


def _language(work: Work, site: Site, written: str, spoken: str) -> Choice:
    """The language of the reply where the site writes in it, else the contact's. Raises as ``languages.choose``."""
    if written and written not in candidates(spoken):
        choice = languages.choose(work, site, written)
        if not choice.fell_back:
            return choice
    return languages.choose(work, site, spoken)


def _details(row: Inbound, facts: Facts, site: Site, patient: Patient) -> Details:
    visit = facts.visits.get(str(row.appointment_id or ""))
    return Details(
        clinic=site.short_name,
        phone=readable(site.phone),
        patient_zone=zone_of(patient, site),
        day=visit.day if visit else None,
        at=visit.at if visit else None,
        zone=visit.zone if visit else "",
    )
