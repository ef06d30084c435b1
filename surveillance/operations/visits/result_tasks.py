"""Tasks that come of a result: something with an owner and a day that is no examination of the plan."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.words import Role
from surveillance.operations.planning import preconditions
from surveillance.operations.visits import reports
from surveillance.operations.visits.reports import RECORDERS
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.tables import Membership, ResultTask, Study, User
from surveillance.store.visits import obligations as store

OWNERS = (Role.COORDINATOR, Role.CLINICIAN)


@dataclass(frozen=True, slots=True)
class NewTask:
    """``what`` is done by ``owner_id`` until ``due_on``."""

    what: str
    owner_id: UUID
    due_on: date


def add(work: Work, study: Study, new: NewTask) -> ResultTask:
    """Give somebody of the site something to do about a result.

    Raises:
        InvalidInputError: nothing to do, a day that is past or that nobody can mean, or an owner who may not act here.
    """
    work.require(study.site_id, *RECORDERS)
    today = work.today(work.site(study.site_id))
    if not new.what.strip():
        raise InvalidInputError("say what is to be done")
    if new.due_on < today:
        raise InvalidInputError(f"the task is due today ({today}) or later, not on {new.due_on}")
    preconditions.check_near(new.due_on, today, "a task")
    _check_owner(work, study.site_id, new.owner_id)
    row = ResultTask(
        site_id=study.site_id,
        patient_id=study.patient_id,
        study_id=study.id,
        what=new.what.strip(),
        owner_id=new.owner_id,
        due_on=new.due_on,
        recorded_at=work.now,
        recorded_by=work.actor.user_id,
    )
    work.session.add(row)
    work.session.flush()
    work.audit("result_task.add", row, after=picture(row))
    return row


def _check_owner(work: Work, site_id: UUID, owner_id: UUID) -> None:
    user, member = work.session.get(User, owner_id), work.session.get(Membership, (owner_id, site_id))
    if user is None or user.disabled_at is not None or member is None or member.role not in OWNERS:
        code = work.site(site_id).code
        raise InvalidInputError(f"a task is a coordinator's or a clinician's who works at {code}")


def settle(work: Work, row: ResultTask, day: date, outcome: str) -> ResultTask:
    """The task is done, and this came of it.

    Raises:
        InvalidInputError: nobody says what came of it, or a day before the task or after today.
        ConflictError: it is done already, or was taken back.
    """
    work.require(row.site_id, *RECORDERS)
    preconditions.lock(work, row.patient_id)
    work.session.refresh(row)
    if row.retracted_at is not None:
        raise ConflictError(f"this task was taken back: {row.retracted_reason}")
    if row.done_on is not None:
        raise ConflictError(f"this task was done on {row.done_on}: {row.outcome}")
    if not outcome.strip():
        raise InvalidInputError("say what came of the task")
    study = work.session.get_one(Study, row.study_id)
    reports.check_between(work, study, "task", study.reviewed_on or study.performed_on, day)
    before = picture(row, _DONE)
    row.done_on, row.done_by, row.outcome = day, work.actor.user_id, outcome.strip()
    work.session.flush()
    work.audit("result_task.done", row, before=before, after=picture(row, _DONE))
    return row


_DONE = ("done_on", "done_by", "outcome")


def named(work: Work, patient_id: UUID, name: str) -> list[ResultTask]:
    """The patient's tasks whose id begins so, done or not; all of them without a name."""
    digits = name.replace("-", "").lower()
    return [row for row in store.of_patient(work.session, patient_id) if row.id.hex.startswith(digits)]
