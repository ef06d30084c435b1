"""Change and cancel notices: what a patient was last told against the truth (design section 4 rules 3 and 5).

A patient believes in days: "come on that day at that time". A message tells of a day by its first visit, so
belief and truth are compared day by day. Several edits before the notice goes out make one notice, and none if
the truth is again as told, because nothing but the last belief and the present truth is looked at.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from surveillance.core.planned import Planned, Recipient, Told, Visit, first_visits, notice_key
from surveillance.core.policy import Policy, next_permitted
from surveillance.core.words import Channel, Step


def notices(policy: Policy, recipient: Recipient, visits: Sequence[Visit], told: Sequence[Told]) -> list[Planned]:
    """Every notice that is wanted, one for each key."""
    known = {visit.appointment_id: visit for visit in visits}
    truth = first_visits(visits)
    beliefs = beliefs_by_day(told)
    found: dict[str, Planned] = {}
    for day in sorted({message.day for message in told}):
        belief = beliefs.get(day)
        case = _case(belief, truth.get(day), known)
        if case is None:
            continue
        step, changed = case
        stated = truth.get(changed.day, changed)
        planned = _notice(policy, recipient, step, _unspent([changed, *_of(belief, known)], told), stated, belief)
        if planned:
            found.setdefault(planned.key, planned)
    return list(found.values())


def beliefs_by_day(told: Iterable[Told]) -> Mapping[date, Told]:
    """The last word the patient has on each day; of each appointment only what was said of it last counts."""
    in_order = sorted(told, key=lambda message: (message.told_at, message.sequence))
    last = {message.appointment_id: message for message in in_order}
    return {message.day: message for message in in_order if last[message.appointment_id] is message}


def _case(belief: Told | None, first: Visit | None, known: Mapping[str, Visit]) -> tuple[Step, Visit] | None:
    """What has to be told about one day that the patient once heard of, and which appointment it is about."""
    if first is not None:
        # The day's on_booking key is spent, so a day that came back is told by a change notice.
        return None if belief is not None and belief.fits(first) else (Step.CHANGE, first)
    if belief is None or belief.cancelled or belief.appointment_id not in known:
        return None
    visit = known[belief.appointment_id]
    return (Step.CANCEL if visit.cancelled else Step.CHANGE), visit


def _of(belief: Told | None, known: Mapping[str, Visit]) -> Iterator[Visit]:
    if belief is not None and belief.appointment_id in known:
        yield known[belief.appointment_id]


def _unspent(candidates: Sequence[Visit], told: Iterable[Told]) -> tuple[Visit, bool]:
    """The appointment whose key the notice takes, and whether that key is certainly free.

    With several visits on one day a key may have served already; then the other appointment involved gives its
    own, and where that has served too a person calls.
    """
    spent = {(message.appointment_id, message.sequence) for message in told}
    free = [visit for visit in candidates if (visit.appointment_id, visit.sequence) not in spent]
    return (free[0], True) if free else (candidates[0], False)


def _notice(
    policy: Policy,
    recipient: Recipient,
    step: Step,
    keyed: tuple[Visit, bool],
    stated: Visit,
    belief: Told | None,
) -> Planned | None:
    """None once both what the patient believes and the truth were over when the edit was made."""
    visit, free = keyed
    edited = max(visit.known_at, stated.known_at)
    believed = [belief.moment] if belief is not None and not belief.cancelled else []
    true = [] if stated.cancelled else [stated.moment]
    ahead = [moment for moment in believed + true if moment > edited]
    if not ahead:
        return None
    deadline, channel = min(ahead), policy.steps[step].channels[0]
    due = next_permitted(policy, edited + policy.notice_delay, recipient.zone)
    if not free or not recipient.active or due + policy.notice_margin > deadline:
        channel, due = Channel.CALL, edited
    return Planned(
        key=notice_key(visit.appointment_id, visit.sequence, channel),
        step=step,
        channel=channel,
        subject_day=belief.day if step is Step.CANCEL and belief else stated.day,
        appointment_id=visit.appointment_id,
        sequence=visit.sequence,
        due_at=due,
        expires_at=deadline,
    )
