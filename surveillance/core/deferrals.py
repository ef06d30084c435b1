"""How far ahead somebody may be put off, by the kind of deferral and the role of who decides (schedule rule 11).

One notion for everything that takes a patient off a list for a while. A coordinator may put off for weeks, a clinician
for up to a year; a site sets its own limits inside these. Beyond a clinician's limit nobody puts off: follow-up is
ended, signed, or the deferral is looked at and granted anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, Final

from surveillance.core.dates import add_months
from surveillance.core.words import DeferralKind, Role

Caps = Mapping[DeferralKind, Mapping[Role, int]]  # days, counted from the day that ``NewDeferral.counted_from`` names

DECIDERS: Final = (Role.COORDINATOR, Role.CLINICIAN)
LONGEST: Final = 366  # days; what lies further ahead is not put off but forgotten
LONG: Final = 365  # days; who is put off for more is counted apart


def _caps(coordinator: int, clinician: int) -> Mapping[Role, int]:
    return MappingProxyType({Role.COORDINATOR: coordinator, Role.CLINICIAN: clinician})


# Proposed by this project: what a site does not set itself.
DEFAULT_CAPS: Final[Caps] = MappingProxyType(
    {
        DeferralKind.OFF: _caps(0, 366),
        DeferralKind.MOVE: _caps(92, 366),
        DeferralKind.SKIP: _caps(92, 366),
        DeferralKind.HOLD: _caps(92, 366),
        DeferralKind.SNOOZE: _caps(30, 92),
        DeferralKind.RESTART: _caps(0, 366),
        DeferralKind.TRANSFER: _caps(0, 62),
    }
)


@dataclass(frozen=True, slots=True)
class Granted:
    """``cap``: the farthest day that this role could have named."""

    role: Role
    cap: date


@dataclass(frozen=True, slots=True)
class NeedsClinician:
    """A coordinator may put off until ``cap``; a clinician until ``clinician_cap``, which is far enough."""

    cap: date
    clinician_cap: date


@dataclass(frozen=True, slots=True)
class TooFar:
    """Nobody may put off beyond ``cap``."""

    cap: date


Judgement = Granted | NeedsClinician | TooFar


def judge(caps: Caps, kind: DeferralKind, role: Role, counted_from: date, until: date) -> Judgement:
    """Whether somebody in ``role`` may put off until a day. Of a coordinator and a clinician only the latter signs."""
    mine = counted_from + timedelta(days=caps[kind][role])
    signed = counted_from + timedelta(days=caps[kind][Role.CLINICIAN])
    if until > signed:
        return TooFar(signed)
    return Granted(role, mine) if until <= mine and caps[kind][role] > 0 else NeedsClinician(mine, signed)


def gap_limit(target: date, interval: int) -> date:
    """The last day to which an examination may go without a gap of over one and a half intervals (rule 6).

    ``target`` is the day that the protocol names, ``interval`` in months; half of an odd one ends in a half month.
    """
    limit = add_months(target, interval // 2)
    return limit + timedelta(days=15) if interval % 2 else limit


def caps_of(own: Mapping[str, Mapping[str, int]]) -> Caps:
    """The limits of a site: its own, as stored, over the usual ones."""
    return {
        kind: {role: int(own.get(kind.value, {}).get(role.value, days)) for role, days in usual.items()}
        for kind, usual in DEFAULT_CAPS.items()
    }


def faults(own: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with limits that somebody typed, one sentence each."""
    for kind, by_role in own.items():
        if kind not in set(DeferralKind):
            yield f"there is no deferral {kind!r}; there are {', '.join(DeferralKind)}"
            continue
        if not isinstance(by_role, Mapping) or set(by_role) - {role.value for role in DECIDERS}:
            yield f"{kind}: a limit is set for {' and '.join(DECIDERS)}"
            continue
        if wrong := [days for days in by_role.values() if type(days) is not int or not 0 <= days <= LONGEST]:
            yield f"{kind}: {wrong[0]} is no number of days from 0 to {LONGEST}"
            continue
        caps = caps_of({kind: by_role})[DeferralKind(kind)]
        if caps[Role.COORDINATOR] > caps[Role.CLINICIAN]:
            yield f"{kind}: a coordinator cannot put off for longer than a clinician"
