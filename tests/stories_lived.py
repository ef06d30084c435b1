"""Lives a story through the operations: what becomes known is done as staff would do it, and between the clock goes on.

The facts of each step say what to do: a booking is booked, moved or called off; one that goes when its study comes was
kept; a study without one came from outside; a hold that is resumed is resumed. What the story then says of the
examinations is compared with what the database holds, and what it says of messages with what the carrier was given.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from approving import approved
from cases_read import shipped
from fakes.clinic import NEW_YORK, Clinic, Clock, open_clinic
from sqlmodel import col, select

from surveillance import worker
from surveillance.catalogue.cases import Data, Step, Story
from surveillance.core.schedule.examinations import Key
from surveillance.core.schedule.matching import Ruling
from surveillance.core.schedule.status import Reading
from surveillance.core.words import (
    AppointmentState,
    Channel,
    EndReason,
    HoldReason,
    Outcome,
    ReminderState,
    Result,
    Role,
)
from surveillance.operations.care import baselines, enrolment, holds, lifecycle, overrides, reviews
from surveillance.operations.cases import answers
from surveillance.operations.cases.comparison import disagreements
from surveillance.operations.cases.form import Answer, ExaminationAnswer, FindingAnswer
from surveillance.operations.cases.questions import question
from surveillance.operations.registry import patients
from surveillance.operations.visits import booking, outcomes, reports, results
from surveillance.operations.work import Actor, Work
from surveillance.store import db
from surveillance.store.planning import plans
from surveillance.store.tables import (
    Appointment,
    Approval,
    ExtraExamination,
    FindingRow,
    Membership,
    OverrideKind,
    Patient,
    Place,
    Plan,
    PlanHold,
    Reminder,
    Study,
    User,
)

ZONE = ZoneInfo(NEW_YORK)
NOON = time(12)
AFTERWARDS = 30  # days that a story goes on after its last step


@dataclass
class Life:
    """One patient of one story in a clinic of their own."""

    clinic: Clinic
    story: Story
    doctor: Actor
    patient_id: UUID
    visits: dict[str, UUID] = field(default_factory=dict)  # booking of the story → appointment
    studies: dict[str, UUID] = field(default_factory=dict)
    extras: dict[str, UUID] = field(default_factory=dict)

    def problems(self) -> Iterator[str]:
        """What is not as the story says, step by step."""
        known: Data = {**self.story.given, "studies": [], "bookings": [], "holds": [], "extras": [], "changes": []}
        for number, step in enumerate(self.story.steps):
            begin = _noon(step.day)
            self._until(begin)
            _Day(self, step, known).live()
            known = {**known, **step.case.given}
            yield from self._disagreements(step)
            later = self.story.steps[number + 1 :]
            self._until(_noon(later[0].day) if later else begin + timedelta(days=AFTERWARDS))
            yield from self._messages(step, begin)

    def _until(self, end: datetime) -> None:
        """Tick when a message is due and when a day begins."""
        clinic, context = self.clinic, self.clinic.context()
        while clinic.clock.now < end:
            worker.tick(clinic.app, clinic.clock.now, context=context)
            clinic.clock.now = min(max(self._next(end), clinic.clock.now + timedelta(minutes=1)), end)

    def _next(self, end: datetime) -> datetime:
        now = self.clinic.clock.now
        with db.reading(self.clinic.app.engine) as session:
            planned = list(session.exec(select(col(Reminder.due_at)).where(Reminder.state == ReminderState.PLANNED)))
            sweep = worker.next_sweep(session, now) or end
        late = [now + timedelta(hours=1)] if any(due <= now for due in planned) else []
        return min([end, sweep, *(due for due in planned if due > now), *late])

    # -- what the database holds ---------------------------------------------------------------------------------

    def _disagreements(self, step: Step) -> list[str]:
        with self.clinic.work() as work:
            return disagreements(step.case, self._answer(work, step))

    def _answer(self, work: Work, step: Step) -> Answer:
        plan = self.clinic.plan(work, self.patient_id)
        asked = question(step.case, shipped())
        rows = [plans.examination(row) for row in plans.projected(work.session, plan.id).values()]
        found = work.session.exec(select(FindingRow).where(FindingRow.plan_id == plan.id))
        return Answer(
            case=step.case.id,
            examinations=[self._row(work, row, asked.days) for row in rows],
            findings=[
                FindingAnswer(
                    kind=row.kind,
                    item=row.item,
                    month=row.month,
                    about=self._name(row.subject, row.item),
                    since=row.since,
                )
                for row in found
            ],
        )

    def _row(self, work: Work, row: Any, days: Sequence[date]) -> ExaminationAnswer:
        study = work.session.get(Study, UUID(row.study)) if row.study else None
        read = Reading(study.reported_on, study.reviewed_on, study.told_on) if study else None
        made = answers.examination(row, days, study.performed_on if study else None, read)
        made.fulfilled_by, made.booked = self._name(row.study, row.item), self._name(row.booking, row.item)
        made.extra = self._name(row.extra, row.item)
        return made

    def _name(self, id: str | None, item: str) -> str | None:
        """What the story calls a record of the database."""
        if not id:
            return None
        every = (*self.studies.items(), *self.extras.items(), *self.visits.items())
        names = [name for name, known in every if str(known) == id]
        ending = "-mri" if item == "mri_primary" else "-ct"
        return next((name for name in names if name.endswith(ending)), names[0] if names else None)

    # -- what the patient was sent -------------------------------------------------------------------------------

    def _messages(self, step: Step, begin: datetime) -> list[str]:
        if step.sent is None:
            return []
        wanted = [(entry["on"], entry["what"], entry.get("for")) for entry in step.sent]
        found = [
            (str(row.sent_at.astimezone(ZONE).date()), row.step.value, _subject(row))
            for row in sorted(self.clinic.rows(self.patient_id), key=lambda row: (row.sent_at or begin, row.key))
            if row.sent_at is not None and begin <= row.sent_at < self.clinic.clock.now
        ]
        return [] if wanted == found else [f"{step.case.id} · sent: expected {wanted}, found {found}"]


def _subject(row: Reminder) -> str | None:
    return str(row.subject_day) if row.appointment_id is not None else None


@dataclass
class _Day:
    """What staff do on the day of a step."""

    life: Life
    step: Step
    before: Data

    @property
    def now(self) -> Data:
        return self.step.case.given

    def live(self) -> None:
        for act in (
            self._anchor,
            self._terms,
            self._retracted,
            self._extras,
            self._ended,
            self._held,
            self._visits,
            self._studies,
            self._read,
            self._overrides,
        ):
            with self.life.clinic.work() as work:
                act(work)

    def _plan(self, work: Work) -> Plan:
        return self.life.clinic.plan(work, self.life.patient_id)

    def _patient(self, work: Work) -> Patient:
        return work.session.get_one(Patient, self.life.patient_id)

    def _fresh(self, name: str) -> list[Data]:
        """Entries that are new or other than before."""
        return [entry for entry in self.now.get(name, []) if entry not in self.before.get(name, [])]

    def _gone(self, name: str) -> list[Data]:
        there = {entry["id"] for entry in self.now.get(name, [])}
        return [entry for entry in self.before.get(name, []) if entry["id"] not in there]

    def _item(self, entry: Data) -> str:
        return str(entry.get("item", self.step.case.item))

    # -- the plan ------------------------------------------------------------------------------------------------

    def _anchor(self, work: Work) -> None:
        if self.now["anchor"] != self.before["anchor"]:
            enrolment.correct_anchor(work, self._plan(work), _day(self.now["anchor"]), self.step.told)

    def _terms(self, work: Work) -> None:
        for change in self._fresh("changes"):
            intervals = {code: None if word == "off" else word for code, word in change.get("items", {}).items()}
            added = [code for code in intervals if code not in self.before["items"]]
            asked = [extra for extra in self._fresh("extras") if extra["item"] in added]
            first = baselines.Baselines({code: _baseline(code, asked) for code in added}, self.step.told)
            since, named = _day(change["from"]), change.get("protocol")
            new = enrolment.NewTerms(since, self.step.told, named, intervals, baselines=first)
            enrolment.change_terms(self._doctor(work), self._plan(work), new)
            self._name_extras(work, asked)

    def _name_extras(self, work: Work, asked: Sequence[Data]) -> None:
        for entry in asked:
            row = work.session.exec(select(ExtraExamination).where(ExtraExamination.item == entry["item"])).one()
            self.life.extras[entry["id"]] = row.id

    def _extras(self, work: Work) -> None:
        for entry in self._fresh("extras"):
            if entry["id"] not in self.life.extras:
                new = overrides.NewExtra(self._item(entry), _day(entry["target"]), self.step.told, entry["tolerance"])
                self.life.extras[entry["id"]] = overrides.extra(work, self._plan(work), new).id

    def _held(self, work: Work) -> None:
        fresh, plan = self._fresh("holds"), self._plan(work)
        dropped = {self.life.visits[entry["id"]] for entry in self._gone("bookings")}
        kept = set(self.life.visits.values()) - dropped
        for entry in fresh:
            if "resumed" in entry:
                holds.resume(work, plan, holds.open_hold(work, plan, entry.get("item")), _day(entry["resumed"]))
                continue
            standing = {id: work.session.get_one(Appointment, id) for id in dropped | kept}
            near = {
                id
                for id, row in standing.items()
                if row.state is AppointmentState.BOOKED and row.day >= _day(entry["from"])
            }
            new = holds.NewHold(
                HoldReason.OTHER, _day(entry["review"]), _day(entry["from"]), entry.get("item"), self.step.told,
                sorted(near & dropped), sorted(near & kept),
            )  # fmt: skip
            holds.hold(self._doctor(work), plan, new)

    def _overrides(self, work: Work) -> None:
        words = [(OverrideKind.MOVE, "moves", "to"), (OverrideKind.SKIP, "skips", "review")]
        for kind, name, day in words:
            for entry in self._fresh(name):
                key = Key(self._item(entry), entry.get("month"), entry.get("extra"))
                new = overrides.NewOverride(kind, key, self.step.told, _day(entry[day]))
                overrides.override(self._doctor(work), self._plan(work), new)
        for item in set(self.now.get("known_blank", [])) - set(self.before.get("known_blank", [])):
            new = overrides.NewOverride(OverrideKind.KNOWN_BLANK, Key(item, None), self.step.told)
            overrides.override(self._doctor(work), self._plan(work), new)

    def _ended(self, work: Work) -> None:
        ended = self.now.get("ended")
        if ended and not self.before.get("ended"):
            if self.step.end == "death":
                lifecycle.died(work, self._patient(work), _day(ended), self.step.told)
                return
            end = lifecycle.NewEnd(EndReason(self.step.end), _day(ended), self.step.told)
            lifecycle.end(self._doctor(work), self._plan(work), end)

    # -- visits and studies --------------------------------------------------------------------------------------

    def _visits(self, work: Work) -> None:
        """Bookings of one day are one visit."""
        self._settled(work)
        by_day: dict[str, list[Data]] = {}
        for entry in self._fresh("bookings"):
            by_day.setdefault(entry["day"], []).append(entry)
        place = work.session.get_one(Place, self.life.clinic.place_id)
        for day, entries in by_day.items():
            visit = booking.Visit(_day(day), time(9, 30), place, [self._key(entry) for entry in entries])
            moved = self.life.visits.get(entries[0]["id"])
            if moved is not None:
                booking.move(work, work.session.get_one(Appointment, moved), visit, self.step.told)
                continue
            row = booking.book(work, self._patient(work), visit)
            self.life.visits |= {entry["id"]: row.id for entry in entries}

    def _key(self, entry: Data) -> Key:
        extra = self.life.extras[entry["extra"]] if "extra" in entry else None
        return Key(self._item(entry), None if extra else entry["month"], str(extra) if extra else None)

    def _settled(self, work: Work) -> None:
        """Bookings that went: kept where a study of that day came, missed where the day is over, else called off."""
        by_visit: dict[UUID, list[str]] = {}
        for entry in self._gone("bookings"):
            by_visit.setdefault(self.life.visits.pop(entry["id"]), []).append(self._item(entry))
        for id, items in by_visit.items():
            row = work.session.get_one(Appointment, id)
            made = [study for study in self._fresh("studies") if study["day"] == str(row.day)]
            done = {item: study for study in made for item in study.get("items", [])}
            if made or row.day < _day(self.step.day):
                self._outcomes(work, row, items, done)
            elif row.state is AppointmentState.BOOKED:
                booking.cancel(work, row, self.step.told, items=items)

    def _outcomes(self, work: Work, row: Appointment, items: Sequence[str], done: Mapping[str, Data]) -> None:
        told = [
            outcomes.OutcomeOf(item, Outcome.PERFORMED, accession=done[item]["id"])
            if item in done
            else outcomes.OutcomeOf(item, Outcome.NOSHOW if not done else Outcome.NOT_DONE, self.step.told)
            for item in items
        ]
        for study in outcomes.record(work, row, told):
            self.life.studies[str(study.accession)] = study.id

    def _studies(self, work: Work) -> None:
        for entry in self._fresh("studies"):
            if entry["id"] not in self.life.studies:
                self.life.studies[entry["id"]] = results.add_study(work, self._patient(work), _study(entry)).id
            self._ruled(work, entry)

    def _ruled(self, work: Work, entry: Data) -> None:
        study = work.session.get_one(Study, self.life.studies[entry["id"]])
        ruled = entry.get("ruling", {})
        for item in entry["items"] if isinstance(ruled, str) else ruled:
            word = ruled if isinstance(ruled, str) else ruled[item]
            counts = word == Ruling.COUNTS
            results.rule_on(work, self._patient(work), study, item, counts=counts, reason=self.step.told)

    def _retracted(self, work: Work) -> None:
        for entry in self._gone("studies"):
            study = work.session.get_one(Study, self.life.studies.pop(entry["id"]))
            lifecycle.retract(work, self._patient(work), study, self.step.told)
        gone = [entry for entry in self.before.get("holds", []) if entry["from"] not in _starts(self.now)]
        for entry in gone:
            row = work.session.exec(select(PlanHold).where(PlanHold.start == _day(entry["from"]))).one()
            lifecycle.retract(work, self._patient(work), row, self.step.told)

    def _read(self, work: Work) -> None:
        before = {entry["id"]: entry for entry in self.before.get("studies", [])}
        for entry in self._fresh("studies"):
            study, old = work.session.get_one(Study, self.life.studies[entry["id"]]), before.get(entry["id"], {})
            if "reported" in entry and "reported" not in old:
                reports.report(work, study, _day(entry["reported"]))
            if "reviewed" in entry and "reviewed" not in old:
                reviews.sign(self._doctor(work), study, _review(entry))
            if "told" in entry and "told" not in old:
                reports.tell(work, study, _day(entry["told"]))

    def _doctor(self, work: Work) -> Work:
        return Work(work.session, work.now, self.life.doctor, work.catalogue)


def _review(entry: Data) -> reviews.NewReview:
    repeat = _day(entry["repeat_by"]) if "repeat_by" in entry else None
    return reviews.NewReview(_day(entry["reviewed"]), Result.INADEQUATE if repeat else Result.CLEAR, repeat_by=repeat)


def _study(entry: Data) -> results.NewStudy:
    return results.NewStudy(entry["items"], _day(entry["day"]), accession=entry["id"])


def _baseline(code: str, asked: Sequence[Data]) -> baselines.Choice:
    """The day of the extra examination that stands for it, or none."""
    return next((_day(extra["target"]) for extra in asked if extra["item"] == code), None)


def _starts(given: Data) -> set[str]:
    return {entry["from"] for entry in given.get("holds", [])}


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _noon(day: str) -> datetime:
    return datetime.combine(_day(day), NOON, ZONE).astimezone(UTC)


def begin(engine: sa.Engine, story: Story) -> Life:
    """The clinic of the story, with its patient enrolled at noon of the first step."""
    first = story.steps[0]
    clinic = open_clinic(engine, Clock(_noon(first.day) - timedelta(minutes=5)))
    given = first.case.given
    chosen = {code: months for code, months in given["items"].items() if isinstance(months, int)}
    with clinic.work() as work:
        site = clinic.site(work)
        standing = work.session.exec(select(Approval.protocol_key).where(Approval.site_id == site.id))
        if given["protocol"] not in set(standing):
            approved(work, site, given["protocol"])
        doctor = User(username="helen", name="Helen", must_change_password=False, created_at=work.now)
        work.session.add(doctor)
        work.session.flush()
        work.session.add(Membership(user_id=doctor.id, site_id=site.id, role=Role.CLINICIAN))
        contact = patients.NewContact(phone="+1 202-555-0101", consents=(Channel.SMS,))
        new = patients.NewPatient("1", "Ash", "Anna", date(1990, 1, 1), contacts=[contact])
        patient = patients.add_patient(work, site, new)
        enrolled = story.given.get("enrolled", story.given["anchor"])
        wanted = enrolment.Enrolment(given["protocol"], _day(story.given["anchor"]), chosen, enrolled_on=_day(enrolled))
        enrolment.enrol(work, patient, wanted)
        return Life(clinic, story, Actor(doctor.id, doctor.name), patient.id)
