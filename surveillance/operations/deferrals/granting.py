"""Granting a deferral and taking it back: the one place that every way of putting somebody off passes (rule 11).

Whoever writes a fact that puts off (a hold, a skip, a move, an item that is off, a row that is put aside, an end that
waits for another clinic or for a restart) grants the deferral in the same transaction; the proof of the promise finds
a fact without one.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.deferrals import DECIDERS, Granted, NeedsClinician, caps_of, judge
from surveillance.core.errors import BeyondLimitError, ConflictError, InvalidInputError
from surveillance.core.words import DeferralKind, Role
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.tables import Deferral, Plan

WORDS = {
    DeferralKind.OFF: "an item is off",
    DeferralKind.MOVE: "an examination moves",
    DeferralKind.SKIP: "a skipped examination is looked at again",
    DeferralKind.HOLD: "a hold is reviewed",
    DeferralKind.SNOOZE: "a row is put aside",
    DeferralKind.RESTART: "follow-up begins again",
    DeferralKind.TRANSFER: "the other clinic confirms",
}


@dataclass(frozen=True, slots=True)
class NewDeferral:
    """What is put off until when. ``counted_from``: where the limit counts from; None: today at the site."""

    kind: DeferralKind
    subject: str
    until: date
    reason: str
    item: str = ""
    plan_id: UUID | None = None
    counted_from: date | None = None


def role_of(work: Work, site_id: UUID) -> Role:
    """In which role somebody decides: whoever is a clinician there signs as one; the service signs nothing."""
    return Role.CLINICIAN if work.signs(site_id, Role.CLINICIAN) else Role.COORDINATOR


def farthest(work: Work, site_id: UUID, kind: DeferralKind, counted_from: date) -> date:
    """The last day until which whoever acts may put off; what a form offers at the most."""
    caps = caps_of(work.site(site_id).deferral_caps)
    return counted_from + timedelta(days=caps[kind][role_of(work, site_id)])


def grant(work: Work, patient_id: UUID, site_id: UUID, new: NewDeferral) -> Deferral:
    """Write down that somebody is put off; one that stood for the same is replaced.

    Raises:
        InvalidInputError: no reason, or a day beyond what anybody may grant.
        BeyondLimitError: a day beyond what the actor's role may grant; a clinician may.
    """
    granted = allow(work, site_id, new)
    settle(work, new.kind, new.subject, "decided anew", item=new.item)
    row = Deferral(
        site_id=site_id,
        patient_id=patient_id,
        plan_id=new.plan_id,
        kind=new.kind,
        subject=new.subject,
        item=new.item,
        reason=new.reason.strip(),
        role=granted.role,
        since=work.today(work.site(site_id)),
        until=new.until,
        cap=granted.cap,
        recorded_at=work.now,
        recorded_by=work.actor.user_id,
    )
    work.session.add(row)
    work.session.flush()
    work.audit("deferral.grant", row, after=picture(row), reason=row.reason)
    return row


def allow(work: Work, site_id: UUID, new: NewDeferral) -> Granted:
    """Whether the actor may put off so; nothing is written. Raises as ``grant``."""
    if not new.reason.strip():
        raise InvalidInputError(f"say why: {WORDS[new.kind]} on {new.until}")
    site = work.site(site_id)
    counted_from = new.counted_from or work.today(site)
    found = judge(caps_of(site.deferral_caps), new.kind, role_of(work, site_id), counted_from, new.until)
    if isinstance(found, Granted):
        return found
    what = f"{WORDS[new.kind]} on {new.until}"
    if isinstance(found, NeedsClinician):
        mine = f"a coordinator may go to {found.cap}" if found.cap > counted_from else "a coordinator may not"
        raise BeyondLimitError(f"{what}: {mine}, a clinician to {found.clinician_cap}; let a clinician decide it")
    raise InvalidInputError(f"{what}: nobody may go beyond {found.cap}; end the follow-up, or name an earlier day")


def standing(work: Work, kind: DeferralKind, subject: str) -> list[Deferral]:
    """What puts somebody off by one fact at the moment."""
    statement = select(Deferral).where(
        Deferral.kind == kind, Deferral.subject == subject, col(Deferral.settled_at).is_(None)
    )
    return list(work.session.exec(statement))


def settle(work: Work, kind: DeferralKind, subject: str, why: str, *, item: str | None = None) -> None:
    """Nobody is put off by this any more."""
    for row in standing(work, kind, subject):
        if item in (None, row.item):
            _settle(work, row, why)


def _settle(work: Work, row: Deferral, why: str) -> None:
    before = picture(row, ("settled_at",))
    row.settled_at, row.settled_by, row.settled_why = work.now, work.actor.user_id, why
    work.session.flush()
    work.audit("deferral.settle", row, before=before, after=picture(row, ("settled_at", "settled_why")), reason=why)


def settle_plan(work: Work, plan: Plan, why: str, kinds: Collection[DeferralKind] = tuple(DeferralKind)) -> None:
    """A plan has ended or begins anew: what was put off in it is not put off any more."""
    statement = select(Deferral).where(
        Deferral.plan_id == plan.id, col(Deferral.kind).in_(kinds), col(Deferral.settled_at).is_(None)
    )
    for row in work.session.exec(statement):
        _settle(work, row, why)


def renew(work: Work, row: Deferral, until: date, reason: str) -> Deferral:
    """Look at a deferral again later: granted anew, from today, in the role of whoever acts now.

    Raises:
        ConflictError: it puts nobody off any more, or its day is set where the fact itself is (a hold, a skip, a move).
        InvalidInputError, BeyondLimitError: as ``grant``.
    """
    work.require(row.site_id, *DECIDERS)
    work.session.refresh(row)
    if row.settled_at is not None:
        raise ConflictError(f"this was settled already: {row.settled_why}")
    if row.kind not in RENEWED_HERE:
        raise ConflictError(f"the next review of a {row.kind} is set where the {row.kind} is")
    if until <= work.today(work.site(row.site_id)):
        raise InvalidInputError(f"the next day to look at it must lie in the future, not on {until}")
    new = NewDeferral(row.kind, row.subject, until, reason, row.item, row.plan_id)
    return grant(work, row.patient_id, row.site_id, new)


RENEWED_HERE = (DeferralKind.OFF, DeferralKind.TRANSFER)
PLAN_ENDED = "the plan ended"


def reinstate_plan(work: Work, plan: Plan, why: str) -> None:
    """What was settled only because its plan ended puts off again."""
    statement = select(Deferral).where(Deferral.plan_id == plan.id, Deferral.settled_why == PLAN_ENDED)
    for row in work.session.exec(statement):
        _reinstate(work, row, why)


def reinstate_until(work: Work, kind: DeferralKind, subject: str, until: date | None, why: str) -> None:
    """An earlier word about the same thing holds again; the last deferral that it had until that day stands."""
    statement = select(Deferral).where(Deferral.kind == kind, Deferral.subject == subject, Deferral.until == until)
    row = work.session.exec(statement.order_by(col(Deferral.recorded_at).desc()).limit(1)).first()
    if row is not None:
        _reinstate(work, row, why)


def _reinstate(work: Work, row: Deferral, why: str) -> None:
    before = picture(row, ("settled_at", "settled_why"))
    row.settled_at, row.settled_by, row.settled_why = None, None, ""
    work.session.flush()
    work.audit("deferral.reinstate", row, before=before, after=picture(row, before), reason=why)
