"""What a patient's own page shows: neutral to whoever holds the link, more once the birth date was given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from uuid import UUID

from sqlmodel import col, select

from surveillance.core import plain
from surveillance.core.errors import InvalidInputError, NotFoundError
from surveillance.core.languages import number_in
from surveillance.core.texts import patient_page
from surveillance.core.texts.message_book import Choice, choose_language
from surveillance.core.texts.page_words import PageWords
from surveillance.core.texts.patient_page import Speech
from surveillance.core.words import AppointmentState, Privacy
from surveillance.operations.messages.patient_context import zone_of
from surveillance.operations.planning import plan_record
from surveillance.operations.registry.phones import readable
from surveillance.operations.registry.working_days import site_calendar
from surveillance.operations.visits import reschedule_requests
from surveillance.operations.wording import languages
from surveillance.operations.work import Work
from surveillance.store.calendars import feeds as feed_store
from surveillance.store.tables import Appointment, Contact, Feed, Patient, PatientPage, Site
from surveillance.store.visits import appointments


@dataclass(frozen=True, slots=True)
class Shown:
    """A visit in words. ``open``: something can still be said about it. ``days``: those that were asked for."""

    id: UUID
    when: str
    place: str
    examinations: str
    cancelled: bool
    open: bool
    confirmed: bool
    asked: bool
    days: str
    google: str


@dataclass(frozen=True, slots=True)
class View:
    """Everything that the page needs. ``opened``: the birth date was given; ``ahead``: months and what falls there."""

    page: PatientPage
    patient: Patient
    contact: Contact | None
    site: Site
    choice: Choice
    speech: Speech
    opened: bool
    visits: Sequence[Shown]
    planned: str
    ahead: Sequence[tuple[str, str]]
    languages: Sequence[tuple[str, str]]

    @property
    def words(self) -> PageWords:
        return self.speech.book.page

    @property
    def clinic(self) -> str:
        return self.site.short_name

    @property
    def phone(self) -> str:
        return readable(self.site.phone)

    @property
    def greeting(self) -> str:
        """The first name, and no more of it, where the site allows that."""
        name = self.patient.given_name if self.site.first_names else ""
        return self.speech.book.greeting.format(first_name=name).strip() if name else ""

    @property
    def call(self) -> tuple[str, str, str]:
        """Whom to call: what stands before the number, the number, what stands after it."""
        before, _, after = self.speech.book.sheet.call.partition("{phone}")
        return before, number_in(before + after, self.phone), after


# -- in which language -------------------------------------------------------------------------------------------


def choose(work: Work, site: Site, wanted: str) -> Choice:
    """The language of a page: one that the site approved, else one of its own, else whatever there is.

    A message may wait for an approval; somebody who holds a link may not.
    """
    try:
        return languages.choose(work, site, wanted)
    except InvalidInputError:
        every = sorted(work.catalogue.messages)
        return choose_language(wanted, every, [*site.languages, *every])


def offered(work: Work, site: Site) -> list[tuple[str, str]]:
    """The site's approved languages, each as it calls itself."""
    return [(language, patient_page.own_name(language)) for language in languages.usable(work, site)]


# -- the page ----------------------------------------------------------------------------------------------------


def gather(work: Work, page: PatientPage, *, opened: bool, wanted: str = "") -> View:
    """The page as it stands; ``wanted`` is a language to look at it in, if the site writes in that."""
    patient, site = work.session.get_one(Patient, page.patient_id), work.site(page.site_id)
    known = offered(work, site)
    choice = choose(work, site, wanted if wanted in dict(known) else page.language)
    speech = patient_page.speech(work.catalogue.messages[choice.language], choice.locale)
    rows = _rows(work, patient, site)
    teller = _Teller(work, patient, site, speech, full=opened and site.privacy is Privacy.FULL)
    proposed = [row for row in rows if row.state is AppointmentState.PROPOSED]
    visits = [teller.visit(row) for row in rows if row.state is not AppointmentState.PROPOSED]
    return View(
        page=page,
        patient=patient,
        contact=work.session.get(Contact, page.contact_id) if page.contact_id else None,
        site=site,
        choice=choice,
        speech=speech,
        opened=opened,
        visits=visits,
        planned=teller.planned(proposed) if not any(not visit.cancelled for visit in visits) else "",
        ahead=tuple(teller.months(proposed)) if opened else (),
        languages=known,
    )


def _rows(work: Work, patient: Patient, site: Site) -> list[Appointment]:
    """Visits from today on, in order: booked, planned, and those called off whose day somebody may still think of."""
    wanted = (AppointmentState.BOOKED, AppointmentState.PROPOSED, AppointmentState.CANCELLED)
    rows = appointments.of_patient(work.session, patient.id, *wanted)
    today = work.today(site)
    told = [row for row in rows if row.state is not AppointmentState.CANCELLED or row.was_booked]
    return sorted((row for row in told if row.day >= today), key=lambda row: (row.day, str(row.at), row.id.hex))


@dataclass
class _Teller:
    """Puts visits into words, at one level and in one language."""

    work: Work
    patient: Patient
    site: Site
    speech: Speech
    full: bool

    def __post_init__(self) -> None:
        self.places = feed_store.places(self.work.session, self.site.id)
        self.titles: Mapping[str, str] = plan_record.titles_of_patient(self.work, self.patient.id) if self.full else {}

    def visit(self, row: Appointment) -> Shown:
        booked = row.state is AppointmentState.BOOKED
        request = reschedule_requests.open_request(self.work, row.id) if booked else None
        assert row.at is not None  # noqa: S101  # a visit that was booked has a time
        place = self.place(row)
        where = self.speech.book.calendar.where
        days = [self.speech.day(date.fromisoformat(day)) for day in request.days] if request else []
        return Shown(
            id=row.id,
            when=self.speech.when(row.day, row.at, row.zone, zone_of(self.patient, self.site)),
            place=where.format(place=number_in(where, place)) if place else "",
            examinations=self.examinations(row),
            cancelled=not booked,
            open=booked and row.starts_at is not None and row.starts_at > self.work.now,
            confirmed=row.confirmed_at is not None,
            asked=request is not None,
            days=self.speech.book.page.said("asked_days", days=" · ".join(days)) if days else "",
            google=self.google(row, place) if booked else "",
        )

    def place(self, row: Appointment) -> str:
        """Name and address; at neutral level the address alone, as a name may say what is treated there."""
        name, address = self.places.get(row.place_id, ("", "")) if row.place_id else ("", "")
        return ", ".join(part for part in (name if self.full else "", address) if part)

    def examinations(self, row: Appointment) -> str:
        if not self.full:
            return ""
        items = dict.fromkeys(line.item for line in appointments.lines(self.work.session, row.id))
        titles = [self.titles.get(item, plain.item(item)) for item in items]
        return self.speech.book.page.said("examinations", examinations=", ".join(titles)) if titles else ""

    def google(self, row: Appointment, place: str) -> str:
        assert row.starts_at is not None  # noqa: S101  # the database refuses a booked visit without it
        calendar = self.speech.book.calendar
        details = calendar.call.format(phone=readable(self.site.phone))
        return patient_page.google_link(calendar.title, row.starts_at, row.minutes, details, place)

    def planned(self, proposed: Sequence[Appointment]) -> str:
        """What to say where no day is booked."""
        words = self.speech.book.page
        if not proposed:
            return words.said("none", clinic=self.site.short_name)
        return words.said("planned", month=self.speech.month(proposed[0].day), clinic=self.site.short_name)

    def months(self, proposed: Sequence[Appointment]) -> Iterator[tuple[str, str]]:
        """Planned months, with how many visits fall into each; nobody should take a planned day for a booked one."""
        for first, group in groupby(proposed, key=lambda row: row.day.replace(day=1)):
            name = self.speech.month(first)
            counted = self.speech.book.sheet.counted(len(list(group)), self.speech.locale)
            yield name[:1].upper() + name[1:], counted


# -- parts of it -------------------------------------------------------------------------------------------------


def visit_of(work: Work, page: PatientPage, visit_id: str) -> Appointment:
    """A visit of this page's patient, booked once. Raises NotFoundError where there is no such one."""
    try:
        row = work.session.get(Appointment, UUID(visit_id))
    except ValueError:
        row = None
    if row is None or row.patient_id != page.patient_id or row.at is None or not row.was_booked:
        raise NotFoundError("there is no such visit here")
    return row


def suggested(work: Work, row: Appointment) -> tuple[date, ...]:
    """Days to offer instead of the booked one: the site's working days in the windows of all that is done then."""
    site = work.site(row.site_id)
    today = work.today(site)
    lines = [line for line in appointments.lines(work.session, row.id) if line.outcome is None]
    wanted = (appointments.examination_of(work.session, row.plan_id, appointments.key(line)) for line in lines)
    windows = [(found.window_start, found.window_end) for found in wanted if found is not None]
    calendar = site_calendar(work.session, site, today)
    return patient_page.suggested(row.day, windows, today, calendar.is_working)


def own_feeds(work: Work, page: PatientPage) -> list[Feed]:
    """The calendar addresses that this reader made, on this page or an earlier one, and that still answer."""
    pages = select(PatientPage.id).where(PatientPage.patient_id == page.patient_id)
    same = col(PatientPage.contact_id)
    pages = pages.where(same.is_(None) if page.contact_id is None else same == page.contact_id)
    statement = select(Feed).where(col(Feed.page_id).in_(pages), col(Feed.revoked_at).is_(None))
    return list(work.session.exec(statement.order_by(col(Feed.created_at), col(Feed.id))))
