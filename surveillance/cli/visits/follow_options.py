"""The options that say what follows from a result: one of them is read as one decision."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

import typer

from surveillance.cli.context import Job, WrongUseError
from surveillance.cli.options import iso_day, pair
from surveillance.core.words import EndReason, FollowUp, HoldReason
from surveillance.operations.accounts import users
from surveillance.operations.care import following
from surveillance.operations.care.following import Follow, GoOn, Link
from surveillance.operations.care.holds import NewHold
from surveillance.operations.care.lifecycle import NewEnd
from surveillance.operations.care.overrides import NewExtra
from surveillance.operations.visits import booking
from surveillance.operations.visits.result_tasks import NewTask
from surveillance.store.tables import Patient, Study

Extra = Annotated[
    str | None, typer.Option(metavar="ITEM=DATE", help="An extra examination follows: repeat the CT in six weeks.")
]
Hold = Annotated[HoldReason | None, typer.Option(help="A hold follows, with --review-on.")]
ReviewOn = Annotated[
    date | None, typer.Option(parser=iso_day, metavar="DATE", help="When somebody looks at the hold again.")
]
Visits = Annotated[list[str] | None, typer.Option(metavar="VISIT", help="A booked visit, with --hold. Repeatable.")]
RestartBy = Annotated[
    date | None,
    typer.Option("--end-restart-by", parser=iso_day, metavar="DATE", help="The plan ends and restarts by then."),
]
Task = Annotated[str | None, typer.Option(help="Something else follows, with --owner and --due.")]
Owner = Annotated[str, typer.Option(metavar="USER", help="Who does the task.")]
Due = Annotated[date | None, typer.Option(parser=iso_day, metavar="DATE", help="By when the task is done.")]
Continue = Annotated[
    str | None, typer.Option("--continue", metavar="WHY", help="A recurrence, and the plan goes on as it is.")
]
Linked = Annotated[
    str | None, typer.Option("--link", metavar="KIND:ID", help="A fact on record: extra, hold, end, restart or task.")
]


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked to follow, as it was typed."""

    extra: str | None
    hold: HoldReason | None
    review_on: date | None
    keep: Sequence[str] | None
    cancel: Sequence[str] | None
    restart_by: date | None
    task: str | None
    owner: str
    due: date | None
    go_on: str | None
    link: str | None

    def follow(self, job: Job, study: Study, why: str) -> Follow | None:
        """The one thing that follows, with ``why`` as its reason; None where nothing was said.

        Raises:
            WrongUseError: two things at once, or one without what belongs to it.
        """
        asked = list(self._all(job, study, why))
        if len(asked) > 1:
            raise WrongUseError("one thing follows from a result; record the others by themselves")
        return asked[0] if asked else None

    def _all(self, job: Job, study: Study, why: str) -> Iterator[Follow]:
        if self.extra is not None:
            item, day = pair(self.extra)
            yield NewExtra(item, iso_day(day), why)
        if self.hold is not None:
            yield self._hold(job, study, self.hold, why)
        if self.restart_by is not None:
            yield NewEnd(EndReason.RECURRENCE, job.today(study), why, self.restart_by)
        if self.task is not None:
            yield self._task(job, self.task)
        if self.go_on is not None:
            yield GoOn(self.go_on)
        if self.link is not None:
            yield _linked(job, study, self.link)

    def _hold(self, job: Job, study: Study, reason: HoldReason, why: str) -> Follow:
        if self.review_on is None:
            raise WrongUseError("a hold needs --review-on")
        patient = job.work.session.get_one(Patient, study.patient_id)
        cancel, keep = (
            [booking.visit_named(job.work, patient, name).id for name in names or ()]
            for names in (self.cancel, self.keep)
        )
        return NewHold(reason, self.review_on, job.today(study), note=why, cancel=cancel, keep=keep)

    def _task(self, job: Job, what: str) -> Follow:
        if not self.owner or self.due is None:
            raise WrongUseError("a task needs --owner and --due")
        return NewTask(what, users.user_named(job.work, self.owner).id, self.due)


def _linked(job: Job, study: Study, text: str) -> Link:
    """``KIND:ID`` with the first digits of the id of a fact that could follow, or a whole id of any."""
    kind, _, digits = text.partition(":")
    patient = job.work.session.get_one(Patient, study.patient_id)
    there = [link for link, _ in following.linkable(job.work, patient, study) if link.kind == kind]
    wanted = [link for link in there if link.id.hex.startswith(digits.replace("-", "").lower())]
    if len(wanted) == 1:
        return wanted[0]
    try:
        return Link(FollowUp(kind), UUID(digits))
    except ValueError:
        raise WrongUseError(f"{text!r} names {len(wanted)} of the facts that can follow; write KIND:ID") from None
