"""What a patient's messages follow from, read afresh: visits, due examinations, what the patient was told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.messages.planned import Due, Planned, Recipient, Told, Visit
from surveillance.core.messages.policy import UNCAPPED, Policy
from surveillance.core.messages.reminders import wanted_reminders
from surveillance.core.words import AppointmentState, Step
from surveillance.operations.work import Work
from surveillance.store.messages import reminders as store
from surveillance.store.planning import plans
from surveillance.store.tables import Appointment, ExtraExamination, Patient, Plan, Reminder, Site
from surveillance.store.visits import appointments

DUES_AHEAD = timedelta(days=14)  # how early a message about a window is planned; the daily sweep goes on from there


@dataclass(frozen=True, slots=True)
class Situation:
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


def situation(work: Work, patient: Patient) -> Situation:
    """Read everything that decides about a patient's messages."""
    site = work.site(patient.site_id)
    plan = plans.active_plan(work.session, patient.id)
    on_hold = plan is not None and is_held(work, plan)
    rows = store.of_patient(work.session, patient.id)
    policy = policy_for(work.catalogue.policy, site)
    return Situation(
        patient=patient,
        site=site,
        policy=policy,
        plan=plan,
        on_hold=on_hold,
        recipient=recipient(patient, site, active=plan is not None and not on_hold),
        visits=_visits(work, patient),
        dues=_dues(work, plan, policy) if plan else (),
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


def is_held(work: Work, plan: Plan) -> bool:
    """Whether a hold of the whole plan covers the site's today."""
    today = work.today(work.site(plan.site_id))
    return any(
        hold.item is None and hold.start <= today and (hold.resumed_on is None or today < hold.resumed_on)
        for hold in plans.holds(work.session, plan.id)
    )


def _visits(work: Work, patient: Patient) -> list[Visit]:
    """Booked visits, and those that were booked once and called off."""
    rows = appointments.of_patient(work.session, patient.id, AppointmentState.BOOKED, AppointmentState.CANCELLED)
    return [visit for row in rows if (visit := visit_of(row)) is not None]


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


def _dues(work: Work, plan: Plan, policy: Policy) -> list[Due]:
    """Examinations that are overdue by now or soon. What was entered late is known only since then."""
    today = work.today(work.site(plan.site_id))
    book_now = policy.steps[Step.BOOK_NOW]
    until = today + DUES_AHEAD
    window_until = until + timedelta(days=book_now.days_before or 0) if book_now.enabled else until
    rows = store.open_examinations(work.session, plan.id, until, window_until)
    known = _known_at(work, plan)
    extras = _extras_known_at(work, plan) if any(row.extra_id for row in rows) else {}
    return [
        Due(row.window_start, row.overdue_from, row.booking_id is not None, extras.get(row.extra_id, known), row.item)
        for row in rows
    ]


def _known_at(work: Work, plan: Plan) -> datetime:
    """Since when the slots are as they are: the enrolment, or the last change of terms."""
    return max([plan.recorded_at, *(row.recorded_at for row in plans.terms_in_force(work.session, plan.id))])


def _extras_known_at(work: Work, plan: Plan) -> dict[UUID | None, datetime]:
    statement = select(col(ExtraExamination.id), col(ExtraExamination.recorded_at))
    return dict(work.session.exec(statement.where(ExtraExamination.plan_id == plan.id)).all())


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
