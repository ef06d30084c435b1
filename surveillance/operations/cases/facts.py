"""Reads the facts of a question as the values of the core."""

from collections.abc import Iterable, Mapping
from datetime import date

from surveillance.core.dates import add_months
from surveillance.core.errors import InvalidInputError
from surveillance.core.protocols.faults import faults
from surveillance.core.protocols.protocol import After, Item, Phase, Protocol, ProtocolEnd
from surveillance.core.protocols.sources import Evidence, Source
from surveillance.core.schedule.examinations import Booking, Hold, Key, PlanFacts
from surveillance.core.schedule.matching import Extra, Ruling, Study
from surveillance.core.schedule.slots import Terms, terms
from surveillance.core.schedule.status import Reading
from surveillance.core.schedule.trips import SiteCalendar
from surveillance.operations.cases.form import (
    BookingForm,
    FactsForm,
    ItemForm,
    ProtocolForm,
    Question,
    SiteForm,
    StudyForm,
)

LONGEST = 1200  # months after the anchor that anybody may ask about

# What a refusal of the core says → the word of the form.
_REFUSED = {
    "windows could overlap": "windows_overlap",
    "does not divide": "does_not_divide",
    "gap:": "gap",
    "overlap:": "overlap",
}


class RefusedError(InvalidInputError):
    """A protocol or a choice breaks a rule; ``reasons`` holds the words of the form."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = sorted(set(reasons))
        super().__init__(f"refused: {', '.join(self.reasons)}")


def protocols_of(question: Question) -> dict[str, Protocol]:
    """By key. Raises RefusedError for one that breaks a rule."""
    found = {form.key: _protocol(form) for form in question.protocols}
    reasons = [_word(fault.reason) for protocol in found.values() for fault in faults(protocol)]
    if reasons:
        raise RefusedError(reasons)
    return found


def _word(reason: str) -> str:
    return next((word for said, word in _REFUSED.items() if said in reason), "other")


def plan_facts(form: FactsForm, known: Mapping[str, Protocol]) -> PlanFacts:
    """Raises RefusedError for a choice that the protocol does not allow, InvalidInputError for facts of no use."""
    if form.until > add_months(form.anchor, LONGEST) or form.until < form.anchor:
        raise InvalidInputError("the horizon lies between the anchor and a hundred years after it")
    return PlanFacts(
        anchor=form.anchor,
        enrolled_on=form.enrolled,
        terms=_succession(form, known),
        holds=tuple(Hold(each.item, each.start, each.resumed, each.review) for each in form.holds),
        studies=tuple(map(_study, form.studies)),
        bookings=tuple(map(_booking, form.bookings)),
        extras=tuple(Extra(each.id, each.item, each.target, each.tolerance, each.requested) for each in form.extras),
        moves={(each.item, each.month): each.to for each in form.moves},
        skips={Key(each.item, each.month, each.extra): each.review for each in form.skips},
        known_blank=frozenset(form.known_blank),
        ended_on=form.ended,
    )


def readings(form: FactsForm) -> dict[str, Reading]:
    """By study id: when it was reported, reviewed, told."""
    return {each.id: Reading(each.reported, each.reviewed, each.told) for each in form.studies}


def calendar(form: SiteForm) -> SiteCalendar:
    return SiteCalendar(frozenset(form.working_days), frozenset(form.closed))


def followers(known: Mapping[str, Protocol], form: FactsForm) -> dict[str, After]:
    """Items of the first protocol that follow another one, such as the visit in clinic."""
    protocol = known[form.terms[0].protocol]
    return {item.code: item.after for item in protocol.items if item.after is not None}


def _succession(form: FactsForm, known: Mapping[str, Protocol]) -> tuple[Terms, ...]:
    result: list[Terms] = []
    before: date | None = None
    for number, each in enumerate(form.terms):
        if each.protocol not in known:
            raise InvalidInputError(f"protocol {each.protocol} is not among those of the question")
        if (each.since is None) is (number > 0) or (before and each.since and each.since < before):
            raise InvalidInputError("the first terms hold from the anchor on, later ones each from a later day on")
        before = each.since
        chosen = {choice.item: choice.months for choice in each.choices}
        result.append(_term(known[each.protocol], chosen, each.since))
    return tuple(result)


def _term(protocol: Protocol, chosen: Mapping[str, int | None], since: date | None) -> Terms:
    try:
        return terms(protocol, chosen, since)
    except InvalidInputError as error:
        raise RefusedError(["interval_not_allowed"]) from error


def _protocol(form: ProtocolForm) -> Protocol:
    id, _, version = form.key.partition("@")
    items = tuple(map(_item, form.items))
    endless = all(item.phases and item.phases[-1].end is None for item in items)
    return Protocol(
        id,
        version,
        id,
        "",
        items,
        {each.interval: each.days for each in form.tolerance},
        form.lead_days,
        (Source("case", "the question"),),
        ProtocolEnd.NEVER if endless else ProtocolEnd.DECIDE,
    )


def _item(form: ItemForm) -> Item:
    phases = tuple(
        Phase(each.start, each.end, each.min, each.max, each.default, "case", Evidence.PROPOSED) for each in form.phases
    )
    after = After(form.after.item, form.after.min_days, form.after.max_days) if form.after else None
    return Item(form.code, form.code, (), "", phases, form.enabled, after)


def _study(form: StudyForm) -> Study:
    return Study(
        form.id,
        frozenset(form.items),
        form.day,
        frozenset((each.item, each.month) for each in form.booked_for),
        {each.item: Ruling(each.word) for each in form.rulings},
        form.repeat_by,
    )


def _booking(form: BookingForm) -> Booking:
    return Booking(form.id, form.item, form.day, form.month, form.target, form.extra)
