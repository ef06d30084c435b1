"""The building blocks of the fictional patients' lives: registering, enrolling, booking, scanning on past days."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from surveillance.catalogue.demo import DemoPatient
from surveillance.core.dates import add_months, next_working
from surveillance.core.schedule.examinations import Key
from surveillance.core.schedule.slots import slots
from surveillance.core.words import Channel, Outcome, Result
from surveillance.operations.care import enrolment, reviews
from surveillance.operations.planning import replanning
from surveillance.operations.registry import patients
from surveillance.operations.registry.working_days import site_calendar
from surveillance.operations.visits import booking, reports, results
from surveillance.operations.visits import outcomes as visits_outcomes
from surveillance.operations.work import Actor, Work
from surveillance.store.planning import plans as plan_rows
from surveillance.store.tables import Appointment, Patient, Place, Plan, Site, Study

PROTOCOL = "asps-extremity"
ITEMS = ("mri_primary", "chest_imaging")
LIVED = 2  # the visits of each patient that were booked and recorded one by one; older ones are only noted
FICTION = "(202) 555-01{:02d}"  # 555-0100 to 555-0199 are kept free for fiction (North American Numbering Plan)
FIRST_PHONE = 10  # the numbers below are the clinic's own


@dataclass
class Clinic:
    """The demo clinic while it is being set up."""

    work: Work
    site: Site
    places: Sequence[Place]
    staff: dict[str, Actor]

    def on(self, day: date, who: str, hour: int = 9) -> Work:
        """The work of a member of staff on a past day."""
        moment = datetime.combine(day, time(hour, 10), UTC)
        return replace(self.work, now=min(moment, self.work.now), actor=self.staff[who])


class Life:
    """What the stories of patients are made of."""

    def __init__(self, clinic: Clinic, told: DemoPatient, number: int) -> None:
        self.clinic = clinic
        self.told = told
        self.number = number
        self.chance = Random(told.mrn)  # noqa: S311  # a story must be the same every time it is told
        self.today = clinic.work.today(clinic.site)
        # Some days off the month, so that not everybody is due on the same day.
        self.anchor = add_months(self.today, -told.months) + timedelta(days=number % 5 - 2)
        self.is_working = site_calendar(clinic.work.session, clinic.site, self.today).is_working
        self.coordinator = ("grace", "ivan")[number % 2]

    def on(self, day: date, who: str | None = None, hour: int = 9) -> Work:
        return self.clinic.on(min(day, self.today), who or self.coordinator, hour)

    def ago(self, days: int) -> date:
        return self.today - timedelta(days=days)

    def ahead(self, days: int) -> date:
        """The next working day that many days from now."""
        return next_working(self.today + timedelta(days=days), self.is_working)

    @property
    def phone(self) -> str:
        return FICTION.format(FIRST_PHONE + self.number)

    def register(
        self, *, contact: patients.NewContact | None = None, flags: dict[str, object] | None = None
    ) -> Patient:
        """Into the registry, some days after treatment, with consent on a signed form."""
        standard = patients.NewContact(
            phone=self.phone,
            email=f"{self.told.name[0].lower()}@mail.example",
            language=self.told.language,
            consents=(Channel.SMS, Channel.EMAIL),
            consent_method="signed form at discharge",
        )
        given, family = self.told.name
        new = patients.NewPatient(
            self.told.mrn,
            family,
            given,
            self.told.born,
            self.told.sex,
            flags=flags or {},
            contacts=[contact or standard],
        )
        patient = patients.add_patient(self.on(self.enrolled), self.clinic.site, new)
        patient.owner_id = self.clinic.staff[self.coordinator].user_id
        return patient

    @property
    def enrolled(self) -> date:
        return min(self.anchor + timedelta(days=14), self.today)

    def enrol(self, patient: Patient, intervals: dict[str, int | None] | None = None) -> Plan:
        work = self.on(self.enrolled, "helen")
        return enrolment.enrol(work, patient, enrolment.Enrolment(PROTOCOL, self.anchor, intervals or {}))

    def targets(self, plan: Plan) -> list[tuple[int, date]]:
        """Months and days of the slots so far and the next one."""
        terms = replanning.facts_of(self.clinic.work, plan).terms
        found = slots(ITEMS[0], plan.anchor, terms, self.today + timedelta(days=400))
        return [(slot.month, slot.target) for slot in found]

    def past(self, plan: Plan, *, but: int = 0) -> list[tuple[int, date]]:
        """The slots whose window has passed, without the last ``but`` of them."""
        done = [slot for slot in self.targets(plan) if slot[1] < self.ago(20)]
        return done[: len(done) - but] if but else done

    def visit(self, patient: Patient, day: date, *, place: int = 0, booked: int = 30) -> Appointment:
        """A visit booked some days before it takes place."""
        at = time(9 + self.number % 7, (0, 30)[self.number % 2])
        when = booking.Visit(day, at, self.clinic.places[place])
        noted = max(day - timedelta(days=booked), self.enrolled)
        return booking.book(self.on(noted), patient, when)

    def scan(self, patient: Patient, target: date, *, read: bool = True, result: Result = Result.CLEAR) -> list[Study]:
        """Both examinations done near the target, and read within ten days."""
        day = next_working(target + timedelta(days=self.chance.randint(-6, 6)), self.is_working)
        row = self.visit(patient, day)
        outcomes = [
            visits_outcomes.OutcomeOf(item, Outcome.PERFORMED, accession=self.accession(item, day)) for item in ITEMS
        ]
        studies = visits_outcomes.record(self.on(day, hour=16), row, outcomes)
        if read:
            for study in studies:
                self.read(study, day, result)
        return studies

    def accession(self, item: str, day: date) -> str:
        return f"{item[:2].upper()}{self.told.mrn}{day:%y%m%d}"

    def read(self, study: Study, day: date, result: Result = Result.CLEAR, action: str = "") -> None:
        """Reported, reviewed and told, some days after each other."""
        reviewed = self.signed(study, day, result=result, next_action=action)
        reports.tell(self.on(reviewed + timedelta(days=2)), study, min(reviewed + timedelta(days=2), self.today))

    def signed(self, study: Study, day: date, **review: Any) -> date:
        """Reported and reviewed, and the patient does not know yet; the day of the review."""
        reports.report(self.on(day + timedelta(days=3)), study, min(day + timedelta(days=3), self.today))
        reviewed = min(day + timedelta(days=6), self.today)
        reviews.sign(self.on(reviewed, "helen"), study, reviews.NewReview(reviewed, **review))
        return reviewed

    def followed(self, *, but: int = 0, **registered: object) -> tuple[Patient, Plan]:
        """Registered, enrolled, and examined at every slot but the last ``but``."""
        patient = self.register(**registered)  # type: ignore[arg-type]
        plan = self.enrol(patient)
        done = self.past(plan, but=but)
        for _, target in done[:-LIVED]:
            self.noted(patient, target)
        for _, target in done[-LIVED:]:
            self.scan(patient, target)
        return patient, plan

    def noted(self, patient: Patient, target: date) -> None:
        """Long ago: done and clear, without the story of its visit."""
        day = next_working(target + timedelta(days=self.chance.randint(-6, 6)), self.is_working)
        new = results.NewStudy(ITEMS, day, accession=self.accession("xx", day))
        study = results.add_study(self.on(day + timedelta(days=1)), patient, new, replan=False)
        self.read(study, day)

    def next_key(self, plan: Plan, item: str = ITEMS[0]) -> Key:
        """The item's next open examination."""
        rows = [plan_rows.examination(r) for r in plan_rows.projected(self.clinic.work.session, plan.id).values()]
        return min((row for row in rows if row.open and row.item == item), key=lambda row: row.target).key
