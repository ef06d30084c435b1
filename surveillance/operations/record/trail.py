"""Who changed what: a patient's audit trail as sentences (45 CFR 164.312(b)), the newest first."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from surveillance.operations.work import Work
from surveillance.store.audit import events as audit
from surveillance.store.tables import AuditEvent, AuditValue, Patient, Plan, User

TOLD_BY_ITS_ACT = ("deferral.grant", "deferral.reinstate")  # the hold, move or end that puts off has its own event
LOOKS = ("patient.view", "patient.find", "board.view", "export")  # who only looked is not who changed something
_SHOWN = 6  # fields of one change; the audit trail itself has all of them


def trail(work: Work, patient: Patient, plan: Plan | None = None, limit: int = 50) -> tuple[str, ...]:
    """The changes about a patient; with ``plan`` those since that plan was made, in the site's local time."""
    events = [
        (event, value)
        for event, value in audit.of_patient(work.session, patient.id, limit)
        if not event.action.startswith(LOOKS) and (plan is None or event.at >= plan.recorded_at)
    ]
    names = _names(work, {event.user_id for event, _ in events})
    zone = ZoneInfo(work.site(patient.site_id).time_zone)
    return tuple(_sentence(event, value, names, zone) for event, value in events)


def _names(work: Work, users: set[UUID]) -> dict[UUID, str]:
    statement = select(col(User.id), col(User.name)).where(col(User.id).in_(users))
    return dict(work.session.exec(statement).all())


def _sentence(event: AuditEvent, value: AuditValue | None, names: Mapping[UUID, str], zone: ZoneInfo) -> str:
    who = names.get(event.user_id, "somebody unknown") + (f" ({event.account})" if event.account else "")
    said = f"{event.at.astimezone(zone):%Y-%m-%d %H:%M} {who}: {event.action}"
    if value is not None and value.before is not None and value.after is not None:
        said += f", {_difference(value.before, value.after)}"
    return said + (f" ({event.reason})" if event.reason else "")


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    fields = sorted({*before, *after})
    shown = [f"{name.replace('_', ' ')} {before.get(name)} → {after.get(name)}" for name in fields[:_SHOWN]]
    return "; ".join(shown) + (" …" if len(fields) > _SHOWN else "")
