"""What a patient's messages follow from, read afresh: visits, due examinations, what the patient was told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from surveillance.core.messages.planned import Due, Planned, Recipient, Told, Visit
from surveillance.core.messages.policy import UNCAPPED, Policy
from surveillance.core.messages.reminders import wanted_reminders
from surveillance.core.schedule.examinations import Examination
from surveillance.core.words import AppointmentState, Step
from surveillance.operations.work import Work
from surveillance.store.messages import course as courses
from surveillance.store.messages import reminders as store
from surveillance.store.planning.plans import Recorded
from surveillance.store.tables import Appointment, Patient, Plan, PlanHold, Reminder, Site
from surveillance.store.visits import appointments

DUES_AHEAD = timedelta(days=14)  # how early a message about a window is planned; the daily sweep goes on from there


_TOLD_OF: Final = (AppointmentState.BOOKED, AppointmentState.CANCELLED)  # booked, or called off after they were booked


@dataclass(frozen=True, slots=True)
class Course:
    """The active plan, if there is one. What was entered late is known only since then (``Due.known_at``)."""

    plan: Plan | None = None
    on_hold: bool = False
    dues: Sequence[Due] = ()


@dataclass(frozen=True, slots=True)
class PatientContext:
    """All of one patient at one moment. ``plan`` is the active one; ``rows`` are the stored messages."""

    patient: Patient
    site: Site
    policy: Policy
    plan: Plan | None
    on_hold: bool
    recipient: Recipient
    visits: Sequence[Visit]
    dues: Sequence[Due]
    told: Sequence[Told]
    rows: Sequence[Reminder]

    def wanted(self) -> list[Planned]:
        """What should go out, before caps."""
        return wanted_reminders(self.policy, self.recipient, self.visits, self.dues, self.told)

    def sent(self) -> Mapping[str, datetime]:
        """The reminders that went out, or may have: what the caps count. Notices and answers are not counted."""
        return {row.key: row.sent_at for row in self.rows if row.sent_at is not None and row.step not in UNCAPPED}


def policy_for(policy: Policy, site: Site) -> Policy:
    """The policy with the narrower of its own and the site's send hours."""
    start, end = max(policy.send_from, site.send_from), min(policy.send_until, site.send_until)
    return replace(policy, send_from=start, send_until=end) if start < end else policy


def patient_context(
    work: Work, patient: Patient, course: Course | None = None, visits: Sequence[Appointment] | None = None
) -> PatientContext:
    """Everything that decides about a patient's messages: read, but for what a caller who has just planned hands over.

    ``visits`` are all of the patient.
    """
    site = work.site(patient.site_id)
    course = course or _read_course(work, patient, site)
    if visits is None:
        visits = appointments.of_patient(work.session, patient.id, *_TOLD_OF)
    rows = store.of_patient(work.session, patient.id)
    return PatientContext(
        patient=patient,
        site=site,
        policy=policy_for(work.catalogue.policy, site),
        plan=course.plan,
        on_hold=course.on_hold,
        recipient=recipient(patient, site, active=course.plan is not None and not course.on_hold),
        visits=[visit for row in visits if row.state in _TOLD_OF and (visit := visit_of(row)) is not None],
        dues=course.dues,
        told=told_by(rows),
        rows=rows,
    )


def recipient(patient: Patient, site: Site, *, active: bool) -> Recipient:
    """A patient as the receiver of messages."""
    return Recipient(
        patient_id=str(patient.id),
        zone=zone_of(patient, site),
        site_zone=site.time_zone,
        messages_from=site.messages_from,
        alive=patient.died_on is None,
        active=active,
    )


def zone_of(patient: Patient, site: Site) -> str:
    """The zone whose clock the patient lives by."""
    return patient.time_zone or site.time_zone


def visit_of(row: Appointment) -> Visit | None:
    """A visit as the planning of messages sees it; None if it never had a time. Its place goes by id, as a new name
    is no new place."""
    if not row.was_booked or row.at is None:
        return None
    return Visit(
        appointment_id=str(row.id),
        day=row.day,
        at=row.at,
        zone=row.zone,
        place=str(row.place_id or ""),
        sequence=row.sequence,
        booked_at=row.booked_at or row.changed_at,
        edited_at=row.edited_at or row.booked_at or row.changed_at,
        cancelled=row.state is AppointmentState.CANCELLED,
    )


# -- the course of the plan ------------------------------------------------------------------------------------


def course_of(work: Work, recorded: Recorded, rows: Iterable[Examination]) -> Course:
    """The course of an active plan that a caller has at hand; ``rows`` are its examinations as they are stored."""
    plan, site = recorded.plan, work.site(recorded.plan.site_id)
    today, (until, window_until) = work.today(site), _in_sight(work, site)
    known = max([plan.recorded_at, *(row.recorded_at for row in recorded.terms)])
    extras = {str(row.id): row.recorded_at for row in recorded.extras}
    asked = (row for row in rows if row.open and not row.held)
    near = (row for row in asked if row.overdue_from <= until or row.window_start <= window_until)
    return Course(
        plan,
        any(_covers(hold, today) for hold in recorded.holds),
        [
            Due(
                row.window_start,
                row.overdue_from,
                row.booking is not None,
                extras.get(row.extra or "", known),
                row.item,
            )
            for row in near
        ],
    )


def _covers(hold: PlanHold, day: date) -> bool:
    """Whether the whole plan is held on a day."""
    return hold.item is None and hold.start <= day and (hold.resumed_on is None or day < hold.resumed_on)


def _read_course(work: Work, patient: Patient, site: Site) -> Course:
    lines = courses.of_patient(work.session, patient.id, work.today(site), *_in_sight(work, site))
    if not lines:
        return Course()
    plan, on_hold, terms_at, *_ = lines[0]
    known = max(plan.recorded_at, terms_at or plan.recorded_at)
    dues = [
        Due(row.window_start, row.overdue_from, row.booking_id is not None, extra_at or known, row.item)
        for *_, row, extra_at in lines
        if row is not None
    ]
    return Course(plan, on_hold, dues)


def _in_sight(work: Work, site: Site) -> tuple[date, date]:
    """Examinations overdue by the first day, or open by the second one, are planned for by now."""
    until = work.today(site) + DUES_AHEAD
    book_now = work.catalogue.policy.steps[Step.BOOK_NOW]
    return until, until + timedelta(days=book_now.days_before or 0) if book_now.enabled else until


def told_by(rows: Iterable[Reminder]) -> list[Told]:
    """What the patient was told of visits, or may have been."""
    return [
        Told(
            appointment_id=str(row.appointment_id),
            sequence=row.sequence or 0,
            day=row.told_day,
            at=row.told_at,
            zone=row.told_zone,
            place=str(row.told_place_id or ""),
            told_at=row.sent_at,
            cancelled=row.told_cancelled,
        )
        for row in rows
        if row.appointment_id and row.sent_at and row.told_day and row.told_at is not None
    ]
