"""What somebody needs who calls a patient instead of a message: the numbers, and the words in both languages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from surveillance.core.errors import InvalidInputError
from surveillance.core.languages import direction
from surveillance.core.texts.letters import paragraphs
from surveillance.core.texts.message_book import Choice
from surveillance.core.words import Step
from surveillance.operations.dispatch.recheck import DAMAGE
from surveillance.operations.messages.patient_context import PatientContext, patient_context
from surveillance.operations.messages.scheduling import planned_of
from surveillance.operations.messages.texts import UNMADE, text_for
from surveillance.operations.wording import languages
from surveillance.operations.work import Work
from surveillance.store.registry import patients
from surveillance.store.tables import Contact, Patient, Reminder

STAFF = Choice("en", "en", fell_back=False)  # the language of the pages


@dataclass(frozen=True, slots=True)
class Spoken:
    """What to say, in one language."""

    language: str
    direction: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallNote:
    """``contacts`` have a phone, the first to call first; ``texts``: the patient's language, and English."""

    contacts: Sequence[Contact]
    texts: Sequence[Spoken]


def call_note(work: Work, row: Reminder, patient: Patient) -> CallNote:
    """For a message that a person tells. A text that cannot be made any more is left out: its visit has gone."""
    contacts = patients.contacts(work.session, patient.id)
    reached = [each for each in contacts if each.phone]
    spoken = next((each.language for each in reached or contacts), None)
    return CallNote(reached, list(_texts(work, row, patient_context(work, patient), spoken)))


def _texts(work: Work, row: Reminder, now: PatientContext, spoken: str | None) -> Iterator[Spoken]:
    if row.step is Step.ANSWER:
        yield Spoken(row.language, direction(row.language or STAFF.language), paragraphs(row.text))
        return
    for choice in dict.fromkeys([*_own(work, now, spoken), STAFF]):
        try:
            text = text_for(work, now, planned_of(row), choice.language, choice.locale, "")
        except DAMAGE:
            continue
        yield Spoken(choice.language, direction(choice.locale), paragraphs(text.rendered.body, UNMADE))


def _own(work: Work, now: PatientContext, spoken: str | None) -> Iterator[Choice]:
    try:
        choice = languages.choose(work, now.site, spoken)
    except InvalidInputError:
        return
    if choice.language != STAFF.language:
        yield choice
