"""Letters to print: everybody who has to be told by post, in one go, and the word that they were posted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from babel.dates import format_date
from sqlmodel import col, select

from surveillance.core.errors import InvalidInputError
from surveillance.core.languages import direction, locale_of
from surveillance.core.schedule.trips import SiteCalendar
from surveillance.core.texts import letters as core
from surveillance.core.texts.frames import letter_frame
from surveillance.core.texts.letters import Letter
from surveillance.core.texts.message_book import Choice
from surveillance.core.words import AttemptState, Channel, Privacy, ReminderState, Step
from surveillance.operations.messages import acts
from surveillance.operations.messages.acts import TaskOutcome
from surveillance.operations.messages.patient_context import PatientContext, patient_context
from surveillance.operations.messages.scheduling import planned_of
from surveillance.operations.messages.texts import UNMADE, Statement, Text, as_written, text_for
from surveillance.operations.registry.phones import readable
from surveillance.operations.registry.working_days import site_calendar
from surveillance.operations.wording import languages
from surveillance.operations.wording.site_wording import books_of
from surveillance.operations.work import Work
from surveillance.store.messages import reminders as store
from surveillance.store.registry import patients
from surveillance.store.tables import Attempt, Contact, Patient, Reminder, Site

AT_ONCE = 200  # letters of one print
POST = "post"  # who carries a letter, in place of a provider
_POSTAL_WEEK = frozenset({1, 2, 3, 4, 5})


@dataclass(frozen=True, slots=True)
class Task:
    """A letter that somebody has to print, or why none can be (``fault``). ``phone``: who could be called instead.

    ``late`` is a warning about one that is printed all the same, as there is no faster way.
    """

    row: Reminder
    patient: Patient
    contact: Contact | None = None
    letter: Letter | None = None
    fault: str = ""
    late: str = ""
    phone: str = ""


@dataclass
class Posted:
    """What became of the letters that somebody says were posted: told, or why it was not written down."""

    told: list[Task] = field(default_factory=list)
    not_told: list[tuple[Patient, str]] = field(default_factory=list)


def tasks(work: Work, sites: Sequence[Site]) -> list[Task]:
    """Every letter that waits at these sites, the oldest first; the dead get none."""
    statement = (
        select(Reminder, Patient)
        .join(Patient, col(Patient.id) == col(Reminder.patient_id))
        .where(col(Reminder.site_id).in_([site.id for site in sites]), Reminder.state == ReminderState.TASK)
        .where(Reminder.channel == Channel.LETTER, col(Reminder.resolved_at).is_(None), col(Patient.died_on).is_(None))
        .order_by(col(Reminder.changed_at), col(Reminder.id))
        .limit(AT_ONCE)
    )
    return [_task(work, row, patient) for row, patient in work.session.exec(statement).all()]


def _task(work: Work, row: Reminder, patient: Patient) -> Task:
    now = patient_context(work, patient)
    contacts = patients.contacts(work.session, patient.id)
    contact = next((each for each in contacts if each.postal_address), None)
    phone = next((each.phone for each in contacts if each.phone), None) or ""
    if contact is None:
        return Task(
            row, patient, fault="there is no postal address: find another way to reach the patient", phone=phone
        )
    try:
        choice = languages.choose(work, now.site, contact.language)
        text = _text(work, now, row, choice)
    except InvalidInputError as error:
        return Task(row, patient, contact, fault=f"it cannot be written: {error}", phone=phone)
    if fault := _over(work, now, text.states):
        return Task(row, patient, contact, fault=fault, phone=phone)
    slow = _too_slow(work, now, text.states)
    if slow and phone:
        return Task(row, patient, contact, fault=f"call instead: {slow}", phone=phone)
    return Task(row, patient, contact, _letter(work, now, contact, text, choice), late=slow, phone=phone)


def _text(work: Work, now: PatientContext, row: Reminder, choice: Choice) -> Text:
    if row.step is Step.ANSWER:
        return as_written(row.text)
    return text_for(work, now, planned_of(row), choice.language, choice.locale, "")


def _over(work: Work, now: PatientContext, states: Statement | None) -> str:
    if states is None or states.day >= work.today(now.site):
        return ""
    return f"the visit of {states.day} is over: settle it as not needed any more"


def _too_slow(work: Work, now: PatientContext, states: Statement | None) -> str:
    """Whether the post would be too late for the visit as it stands, or as the patient was told of it before."""
    if states is None:
        return ""
    today = work.today(now.site)
    told = [each.day for each in now.told if each.appointment_id == str(states.appointment_id) and not each.cancelled]
    calendar = site_calendar(work.session, now.site, today)
    post = SiteCalendar(_POSTAL_WEEK, calendar.holidays)
    day = core.hurry(today, [states.day, *told[-1:]], post.is_working)
    return f"post takes {core.POST_DAYS} working days and the visit is on {day}" if day else ""


def _letter(work: Work, now: PatientContext, contact: Contact, text: Text, choice: Choice) -> Letter:
    site, book = now.site, books_of(work, now.site)[choice.language]
    patient = f"{now.patient.given_name} {now.patient.family_name}".strip()
    to, about = core.recipient(contact.kind, contact.name, patient)
    phone = readable(site.phone)
    return Letter(
        sender=site.name if site.privacy is Privacy.FULL else site.short_name,
        phone=phone,
        to=(to, *contact.postal_address.split("\n")),
        date=_spelled(work.today(site), choice.locale),
        subject=text.rendered.subject,
        # The address of a page is no use on paper: it would have to be typed, and opens what it lies beside.
        paragraphs=core.paragraphs(text.rendered.body, UNMADE),
        frame=letter_frame(book.letter, to, about, phone),
        language=choice.language,
        direction=direction(choice.locale),
        paper=core.paper(site.country),
    )


def _spelled(day: date, locale: str) -> str:
    return format_date(day, "long", locale=locale_of(locale))


def posted(work: Work, sites: Sequence[Site], marks: Mapping[UUID, str]) -> Posted:
    """These letters were posted as they were printed: the patients were told, and each text is kept as it was.

    ``marks`` are the letters' own (``Letter.mark``). One that says something else by now was printed too early, and
    one that is no task any more is not to be posted; neither is written down.

    Raises:
        ForbiddenError: the actor does not write to patients there.
    """
    done = Posted()
    site_ids = {site.id for site in sites}
    for row in _rows(work, marks):
        if row.site_id not in site_ids:
            continue
        work.require(row.site_id, *acts.CARERS)
        patient = store.lock_patient(work.session, row.patient_id)
        if patient is None:
            continue
        work.session.refresh(row)
        task = _task(work, row, patient)
        if why := _not_as_printed(task, marks[row.id]):
            done.not_told.append((patient, why))
        else:
            _keep(work, task)
            done.told.append(task)
    return done


def _rows(work: Work, marks: Mapping[UUID, str]) -> Iterator[Reminder]:
    """In one order, so that two people who post at the same moment do not wait for each other."""
    statement = select(Reminder).where(col(Reminder.id).in_(list(marks)), Reminder.channel == Channel.LETTER)
    yield from work.session.exec(statement.order_by(col(Reminder.patient_id), col(Reminder.id))).all()


def _not_as_printed(task: Task, mark: str) -> str:
    if task.row.state is not ReminderState.TASK or task.patient.died_on is not None:
        return "it is not to be told any more: take the letter back if you can"
    if task.letter is None:
        return task.fault
    return "" if task.letter.mark == mark else "it says something else by now: print it again"


def _keep(work: Work, task: Task) -> None:
    row, letter = task.row, task.letter
    if letter is None:
        return
    work.session.add(
        Attempt(
            site_id=row.site_id,
            reminder_id=row.id,
            ordinal=len(store.attempts(work.session, row.id)) + 1,
            channel=Channel.LETTER,
            contact_id=task.contact.id if task.contact else None,
            to_address="\n".join(letter.to),
            body=letter.text,
            subject=letter.subject,
            language=letter.language,
            transport=POST,
            sender=letter.sender,
            state=AttemptState.ACCEPTED,
            created_at=work.now,
            deadline_at=work.now,
            in_doubt_from=work.now,
            finished_at=work.now,
        )
    )
    row.contact_id = task.contact.id if task.contact else None
    acts.done(work, row, TaskOutcome.TOLD, "letter posted")
