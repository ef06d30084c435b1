"""Change and cancel notices: what a patient was last told against the truth (design section 4 rules 3 and 5).

A patient believes in days: "come on that day at that time". A message tells of a day by its first visit, so
belief and truth are compared day by day. Several edits before the notice goes out make one notice, and none if
the truth is again as told, because nothing but the last belief and the present truth is looked at.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from surveillance.core.messages.planned import Planned, Recipient, Told, Visit, first_visits, notice_key, stem
from surveillance.core.messages.policy import Policy, next_permitted
from surveillance.core.words import Channel, Step


def notices(policy: Policy, recipient: Recipient, visits: Sequence[Visit], told: Sequence[Told]) -> list[Planned]:
    """Every notice that is wanted, one for each day it is about: the one that has to come first."""
    known = {visit.appointment_id: visit for visit in visits}
    truth = first_visits(visits)
    beliefs = beliefs_by_day(told)
    cases = [(beliefs.get(day), _case(beliefs.get(day), truth.get(day), known)) for day in _days(told)]
    cases += [(message, (Step.CHANGE, visit)) for message, visit in _moved_away(beliefs, truth, known, told)]
    found: dict[date, Planned] = {}
    for belief, case in cases:
        if case is None:
            continue
        step, changed = case
        stated = truth.get(changed.day, changed)
        planned = _notice(policy, recipient, step, changed, stated, belief, _served(changed, told))
        if planned:
            rivals = (found.get(planned.subject_day, planned), planned)
            found[planned.subject_day] = min(rivals, key=lambda notice: notice.expires_at)
    return list(found.values())


def knows(told: Iterable[Told], visit: Visit) -> bool:
    """Whether the patient's last word on the day of ``visit``, the first of its day, is the truth."""
    belief = beliefs_by_day(told).get(visit.day)
    return belief is not None and belief.fits(visit)


def beliefs_by_day(told: Iterable[Told]) -> Mapping[date, Told]:
    """The last word the patient has on each day; of each appointment only what was said of it last counts."""
    return {message.day: message for message in _last_words(told)}


def _last_words(told: Iterable[Told]) -> list[Told]:
    """What was said last of each appointment, in the order in which it was said."""
    in_order = sorted(told, key=lambda message: (message.told_at, message.sequence))
    last = {message.appointment_id: message for message in in_order}
    return [message for message in in_order if last[message.appointment_id] is message]


def _days(told: Iterable[Told]) -> list[date]:
    return sorted({message.day for message in told})


def _moved_away(
    beliefs: Mapping[date, Told], truth: Mapping[date, Visit], known: Mapping[str, Visit], told: Iterable[Told]
) -> Iterator[tuple[Told, Visit]]:
    """Visits that went to a day the patient does not know, though their old day still stands for another visit.

    The new day's notice on booking is bound by caps and so may not come; a change is told for certain.
    """
    for message in _last_words(told):
        visit = known.get(message.appointment_id)
        if message.cancelled or visit is None or visit.cancelled or visit.day == message.day:
            continue
        belief = beliefs.get(visit.day)
        if belief is None or not belief.fits(truth[visit.day]):
            yield message, visit


def _case(belief: Told | None, first: Visit | None, known: Mapping[str, Visit]) -> tuple[Step, Visit] | None:
    """What has to be told about one day that the patient once heard of, and which appointment it is about."""
    if first is not None:
        # The day's on_booking key is spent, so a day that came back is told by a change notice.
        return None if belief is not None and belief.fits(first) else (Step.CHANGE, first)
    if belief is None or belief.cancelled or belief.appointment_id not in known:
        return None
    visit = known[belief.appointment_id]
    return (Step.CANCEL if visit.cancelled else Step.CHANGE), visit


def _served(visit: Visit, told: Iterable[Told]) -> int:
    """How many notices with this visit's key the patient has already had."""
    base = stem(notice_key(visit.appointment_id, visit.sequence, Channel.SMS))
    return len({message.key for message in told if stem(message.key) == base or message.key.startswith(f"{base}.")})


def _notice(
    policy: Policy,
    recipient: Recipient,
    step: Step,
    visit: Visit,
    stated: Visit,
    belief: Told | None,
    served: int,
) -> Planned | None:
    """None once both what the patient believes and the truth were over when the edit was made.

    What was told once and has to be told again is a person's: no fault anywhere can text a patient in a circle.
    """
    edited = max(visit.known_at, stated.known_at)
    believed = [belief.moment] if belief is not None and not belief.cancelled else []
    true = [] if stated.cancelled else [stated.moment]
    ahead = [moment for moment in believed + true if moment > edited]
    if not ahead:
        return None
    deadline, channel = min(ahead), policy.steps[step].channels[0]
    due = next_permitted(policy, edited + policy.notice_delay, recipient.zone)
    if served or not recipient.active or due + policy.notice_margin > deadline:
        channel, due = Channel.CALL, edited
    return Planned(
        key=notice_key(visit.appointment_id, visit.sequence, channel, served),
        step=step,
        channel=channel,
        subject_day=belief.day if step is Step.CANCEL and belief else stated.day,
        appointment_id=visit.appointment_id,
        sequence=visit.sequence,
        due_at=due,
        expires_at=deadline,
    )
