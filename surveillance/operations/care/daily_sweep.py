"""The daily sweep of a site: what changes because a day has passed, and not because somebody did something."""

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlmodel import Session, col, select

from surveillance.core.dates import DAY, add_months, local_day, to_utc
from surveillance.core.errors import UnavailableError
from surveillance.core.words import AppointmentState, Step
from surveillance.operations.accounts import sessions
from surveillance.operations.job_context import JobContext
from surveillance.operations.messages import scheduling
from surveillance.operations.messages.patient_context import DUES_AHEAD
from surveillance.operations.planning import replanning
from surveillance.operations.registry import care_gaps
from surveillance.operations.registry.working_days import site_calendar
from surveillance.operations.work import Work
from surveillance.store import db, idempotency, locks
from surveillance.store.messages import reminders as store
from surveillance.store.tables import Appointment, ExaminationRow, Plan, Reminder, Site, Sweep

log = structlog.get_logger(__name__)

SLACK_MONTHS = 1  # the horizon is moved on when it is a month short, so that each plan is derived monthly, not daily
LOOKED_BACK = 7  # days: a server that stood still for a week still notices who became overdue meanwhile


def sweep(context: JobContext) -> Counter[str]:
    """Sweep every site whose local day has not been swept; of several workers one does it."""
    done: Counter[str] = Counter()
    with db.reading(context.engine) as session:
        work = context.work(session)
        due = [(site.id, work.today(site)) for site in session.exec(select(Site)) if not _swept(work, site)]
    for site_id, day in due:
        with locks.alone(context.engine, f"sweep {site_id} {day}") as mine:
            if mine:
                done += _sweep_site(context, site_id, day)
    return done


def next_sweep(session: Session, now: datetime) -> datetime | None:
    """When the next local day of a site begins; None without a site."""
    zones = set(session.exec(select(col(Site.time_zone))))
    return min((to_utc(local_day(now, zone) + DAY, time(0), zone) for zone in zones), default=None)


def _swept(work: Work, site: Site) -> bool:
    return work.session.get(Sweep, (site.id, work.today(site))) is not None


def _sweep_site(context: JobContext, site_id: UUID, day: date) -> Counter[str]:
    """Each plan in a transaction of its own, so that people at work never wait for the whole sweep."""
    with db.reading(context.engine) as session:
        work = context.work(session)
        if work.session.get(Sweep, (site_id, day)) is not None:
            return Counter()
        outdated = _outdated_plans(session, site_id, day, _closed_days(work, site_id, day))
        near = _patients_with_dues(work, site_id, day)
        wrong = care_gaps.outdated(work, site_id)
    done = Counter(replanned=len(outdated), refreshed=len(near), sites=1)
    done["errors"] = _each(context, _replan, outdated) + _each(context, _refresh, near)
    done["errors"] += _each(context, _refresh_gaps, wrong)
    with db.writing(context.engine) as session:
        row = {"site_id": site_id, "day": day, "done_at": context.clock()}
        store.add_if_missing(session, Sweep, row)
        idempotency.forget(session, context.clock())
        sessions.forget_old(session, context.clock())
    return done


def _closed_days(work: Work, site_id: UUID, day: date) -> list[date]:
    """Days that are proposed though nobody works on them: the site's week or holidays have changed."""
    statement = select(col(Appointment.day)).where(
        Appointment.site_id == site_id, Appointment.state == AppointmentState.PROPOSED, col(Appointment.day) > day
    )
    is_working = site_calendar(work.session, work.site(site_id), day).is_working
    return [proposed for proposed in work.session.exec(statement.distinct()) if not is_working(proposed)]


def _outdated_plans(session: Session, site_id: UUID, day: date, closed: Sequence[date]) -> Sequence[UUID]:
    """Active plans whose rows end too early, or that propose a day that is past, today (too late) or ``closed``."""
    past = sa.exists().where(
        col(Appointment.plan_id) == col(Plan.id),
        col(Appointment.state) == AppointmentState.PROPOSED,
        sa.or_(col(Appointment.day) <= day, col(Appointment.day).in_(closed)),
    )
    # Whoever has just become overdue is proposed for the next working day and no longer for the target.
    late = sa.exists().where(
        col(ExaminationRow.plan_id) == col(Plan.id),
        col(ExaminationRow.open).is_(True),
        col(ExaminationRow.booking_id).is_(None),
        col(ExaminationRow.overdue_from).between(day - timedelta(days=LOOKED_BACK), day),
    )
    short = col(Plan.horizon) < add_months(day, replanning.HORIZON_MONTHS - SLACK_MONTHS)
    statement = select(col(Plan.id)).where(
        Plan.site_id == site_id, col(Plan.ended_on).is_(None), sa.or_(short, past, late)
    )
    return list(session.exec(statement.order_by(col(Plan.id))))


def _patients_with_dues(work: Work, site_id: UUID, day: date) -> Sequence[UUID]:
    """Patients with an open window that has come into sight and of which no message is planned, whoever forgot it."""
    row, steps = ExaminationRow, work.catalogue.policy.steps
    ahead = day + DUES_AHEAD
    before = timedelta(days=steps[Step.BOOK_NOW].days_before or 0)
    in_sight = {
        Step.OVERDUE: col(row.overdue_from).between(day, ahead),
        Step.BOOK_NOW: col(row.window_start).between(day + before, ahead + before),
    }
    wanted = [sa.and_(near, ~_is_planned(step)) for step, near in in_sight.items() if steps[step].enabled]
    statement = select(col(row.patient_id)).where(
        row.site_id == site_id, sa.text("examination.open"), col(row.booked_on).is_(None), sa.or_(sa.false(), *wanted)
    )
    return sorted(set(work.session.exec(statement)))


def _is_planned(step: Step) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        col(Reminder.patient_id) == col(ExaminationRow.patient_id),
        col(Reminder.step) == step,
        col(Reminder.subject_day) == col(ExaminationRow.window_start),
    )


def _each(context: JobContext, act: Any, ids: Iterable[UUID]) -> int:
    """One after the other; one that fails is logged and does not keep back the rest. How many failed.

    Raises:
        UnavailableError: the database went away.
    """
    failed = 0
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="sweep") as one_by_one:
        for each in ids:
            error = one_by_one.submit(act, context, each).exception()
            if isinstance(error, UnavailableError):
                raise error
            if error is not None:
                failed += 1
                log.error("the sweep failed for one plan", about=str(each), exc_info=error)
    return failed


def _replan(context: JobContext, plan_id: UUID) -> None:
    with db.writing(context.engine) as session:
        plan = session.get(Plan, plan_id)
        if plan is not None and plan.ended_on is None:
            replanning.replan(context.work(session), plan)


def _refresh_gaps(context: JobContext, patient_id: UUID) -> None:
    with db.writing(context.engine) as session:
        care_gaps.refresh(context.work(session), patient_id)


def _refresh(context: JobContext, patient_id: UUID) -> None:
    with db.writing(context.engine) as session:
        scheduling.refresh(context.work(session), patient_id)
