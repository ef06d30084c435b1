"""What a reply is about: one certain visit, or a reason why a person must look. Ann's visit is on 24 June at 9:30."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.replies.context import Context, Holder, Said, Standing, When
from surveillance.core.replies.conversation import Act, Sorted, sort
from surveillance.core.replies.vocabulary import Meaning, Reading

NOW = datetime(2026, 6, 20, 16, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZONE = "America/New_York"
ANN, BEN = Holder("ann", "Ash, Ann"), Holder("ben", "Birch, Ben")
FIRST = Standing(
    "v1", "ann", When(date(2026, 6, 24), time(9, 30), ZONE), datetime(2026, 6, 24, 13, 30, tzinfo=UTC), True
)
SECOND = Standing("v2", "ann", When(date(2026, 7, 8), time(11), ZONE), datetime(2026, 7, 8, 15, tzinfo=UTC), True)
BENS = replace(SECOND, visit="v3", patient="ben")
TOLD = Said("ann", NOW - DAY, "v1", FIRST.when)


def context(*, visits: tuple[Standing, ...] = (FIRST,), **changes: Any) -> Context:
    fields: dict[str, Any] = {"holders": [ANN], "said": [TOLD], "zone": ZONE}
    return Context(visits={visit.visit: visit for visit in visits}, **(fields | changes))


def means(meaning: Meaning, **more: bool) -> Reading:
    return Reading(meaning, "en", **more)


CONFIRM, ANOTHER_DAY = means(Meaning.CONFIRM), means(Meaning.ANOTHER_DAY)


@pytest.mark.parametrize(
    ("reading", "act"),
    [
        (CONFIRM, Act.CONFIRM),
        (ANOTHER_DAY, Act.RESCHEDULE),
        (means(Meaning.STOP), Act.OPT_OUT),
        (means(Meaning.HELP), Act.HELP),
        (means(Meaning.HELP, provider_keyword=True), Act.NOTHING),
        (means(Meaning.THANKS), Act.NOTHING),
    ],
)
def test_what_is_plain_needs_nobody(reading: Reading, act: Act) -> None:
    found = sort(reading, context(), NOW)
    assert (found.act, found.person, found.why, found.patient) == (act, False, "", "ann")
    assert found.visit == ("v1" if act in (Act.CONFIRM, Act.RESCHEDULE) else "")


def test_what_is_confirmed_already_is_not_confirmed_again() -> None:
    found = sort(CONFIRM, context(visits=(replace(FIRST, confirmed=True),)), NOW)
    assert found == Sorted(Act.NOTHING, patient="ann", visit="v1")


LONG_AGO = replace(TOLD, visit="v2", when=SECOND.when, moment=NOW - 4 * DAY)
UNSURE = {
    "it was called off": (context(visits=(replace(FIRST, booked=False),)), "24, 09:30 is called off"),
    "it is gone": (context(visits=()), "is not booked any more"),
    "it moved": (
        context(visits=(replace(FIRST, when=replace(FIRST.when, at=time(15))),)),
        "the visit of 2026-06-24, 09:30 has moved since it was told; now it is the visit of 2026-06-24, 15:00",
    ),
    "another place": (context(visits=(replace(FIRST, when=replace(FIRST.when, place="x")),)), "has moved"),
    "nothing was told": (context(said=[]), "nothing was sent to this number yet; the visit of 2026-06-24"),
    "a cancellation was told": (context(said=[replace(TOLD, cancelled=True)]), "said that the visit of 2026-06-24"),
    "no visit was told": (context(said=[replace(TOLD, when=None, visit="")]), "of 2026-06-19, told of no visit"),
    "staff wrote last": (
        context(said=[replace(TOLD, when=None, written=True), TOLD]),
        "it follows what staff wrote on 2026-06-19",
    ),
    "two were told together": (
        context(
            visits=(FIRST, SECOND),
            said=[TOLD, replace(TOLD, visit="v2", when=SECOND.when, moment=TOLD.moment - 47 * HOUR)],
        ),
        "it may be about the visit of 2026-06-24, 09:30 or the visit of 2026-07-08, 11:00",
    ),
    "two, and none was told": (context(visits=(FIRST, SECOND), said=[]), "2026-06-24, 09:30 lies ahead; the visit of"),
    "two patients, both written to": (
        context(holders=[ANN, BEN], said=[TOLD, Said("ben", NOW - 6 * DAY)]),
        "Ash, Ann and Birch, Ben share this number, and both were written to",
    ),
    "two patients, neither written to": (context(holders=[ANN, BEN], said=[]), "Ash, Ann and Birch, Ben share"),
    "a dead patient": (context(holders=[replace(ANN, died=True)]), "Ash, Ann died"),
    "one of two died": (context(holders=[ANN, replace(BEN, died=True)]), "Birch, Ben died"),
    "nobody": (context(holders=[], visits=(), said=[]), "no patient has this number"),
    "a picture": (context(pictures=1), "a picture came with it"),
}


@pytest.mark.parametrize("reading", [CONFIRM, ANOTHER_DAY], ids=["confirm", "another day"])
@pytest.mark.parametrize("case", UNSURE)
def test_what_is_not_certain_goes_to_a_person_with_the_reason(case: str, reading: Reading) -> None:
    known, why = UNSURE[case]
    found = sort(reading, known, NOW)
    assert (found.act, found.person, found.pause, found.visit) == (Act.NOTHING, True, False, "")
    assert why in found.why


BOTH = (FIRST, SECOND)
JUST_NOW = replace(LONG_AGO, moment=NOW - HOUR)
CERTAIN = {
    "the other was told long ago": (context(visits=BOTH, said=[TOLD, LONG_AGO]), "v1"),
    "this one was told long ago": (context(visits=BOTH, said=[JUST_NOW, replace(TOLD, moment=NOW - 4 * DAY)]), "v2"),
    "the service answered since": (context(said=[replace(TOLD, answer=True, when=None, visit=""), TOLD]), "v1"),
    "the other patient was written to long ago": (
        context(holders=[ANN, BEN], visits=(FIRST, BENS), said=[TOLD, Said("ben", NOW - 8 * DAY, "v3", BENS.when)]),
        "v1",
    ),
    "the other was called off": (
        context(visits=(FIRST, replace(SECOND, booked=False)), said=[TOLD, replace(LONG_AGO, moment=TOLD.moment)]),
        "v1",
    ),
}


@pytest.mark.parametrize("case", CERTAIN)
def test_of_several_visits_the_last_message_decides_where_it_can(case: str) -> None:
    known, visit = CERTAIN[case]
    assert (sort(CONFIRM, known, NOW).act, sort(CONFIRM, known, NOW).visit) == (Act.CONFIRM, visit)


@pytest.mark.parametrize(
    ("after", "why"),
    [(timedelta(hours=1), "is today and has begun"), (DAY, "was yesterday"), (3 * DAY, "was 3 days ago")],
)
def test_a_reply_after_the_visit_goes_to_a_person(after: timedelta, why: str) -> None:
    found = sort(ANOTHER_DAY, context(), FIRST.starts_at + after)
    assert (found.person, found.why) == (True, f"asks for another day; the visit of 2026-06-24, 09:30 {why}")


def test_who_asked_for_another_day_and_then_says_to_come_is_asked_what_holds() -> None:
    waits = context(visits=(replace(FIRST, another_day_asked=True),))
    assert sort(CONFIRM, waits, NOW).person
    assert sort(ANOTHER_DAY, waits, NOW).act is Act.RESCHEDULE


@pytest.mark.parametrize("keyword", [True, False])
def test_yes_from_a_number_that_nobody_barred_is_an_answer_and_no_opt_in(keyword: bool) -> None:
    start = means(Meaning.START, provider_keyword=keyword)
    found = sort(start, context(), NOW)
    assert (found.act, found.person) == (Act.NOTHING, True)
    assert "probably comes to the visit of 2026-06-24, 09:30. The last message, of 2026-06-19, told of" in found.why
    assert sort(start, context(barred=True), NOW).act is Act.OPT_IN
    assert sort(start, context(paused=True), NOW).act is Act.OPT_IN
    assert sort(start, context(holders=[], visits=(), said=[], barred=True), NOW).act is Act.OPT_IN
    assert sort(start, context(holders=[], visits=(), said=[]), NOW).person


def test_a_bare_yes_takes_back_no_reply_that_waits_for_a_decision() -> None:
    """START does: nobody says that to anything else."""
    found = sort(means(Meaning.START, provider_keyword=True, assent=True), context(paused=True), NOW)
    assert (found.act, found.person) == (Act.NOTHING, True)
    assert "an earlier reply still waits for a decision" in found.why


def test_help_for_a_number_to_which_nothing_goes_is_a_persons() -> None:
    assert sort(means(Meaning.HELP), context(barred=True), NOW).person


@pytest.mark.parametrize("reading", [means(Meaning.MIGHT_BE_STOP), means(Meaning.CONFIRM, might_be_stop=True)])
def test_what_may_be_an_opt_out_pauses_the_number_whatever_else_it_says(reading: Reading) -> None:
    found = sort(reading, context(), NOW)
    assert (found.act, found.person, found.pause, found.visit) == (Act.NOTHING, True, True, "v1")
    assert ("it also says to come" in found.why) is (reading.meaning is Meaning.CONFIRM)
    assert not sort(reading, context(barred=True), NOW).pause


def test_whatever_is_not_understood_comes_with_what_was_said_last() -> None:
    found = sort(means(Meaning.UNCLEAR), context(holders=[ANN, BEN]), NOW)
    assert found.why == "the last message to Ash, Ann, of 2026-06-19, told of the visit of 2026-06-24, 09:30"
    assert sort(means(Meaning.UNCLEAR), context(), NOW).visit == "v1"


def test_clinics_that_share_a_number_hear_nothing_of_each_others_visits() -> None:
    known = context(holders=[ANN, BEN], visits=(FIRST, BENS), apart=True)
    for meaning in (Meaning.UNCLEAR, Meaning.START):
        found = sort(means(meaning), known, NOW)
        assert ("2026-06-24" in found.why, "2026-07-08" in found.why, found.person) == (False, False, True)
    moved = replace(FIRST, when=replace(FIRST.when, at=time(15)))
    found = sort(CONFIRM, context(holders=[ANN, BEN], visits=(moved, BENS), apart=True), NOW)
    assert (found.patient, "has moved" in found.why) == ("ann", True), "the reason is for Ann's clinic alone"


def test_the_phone_of_the_dead_is_barred_by_stop_and_a_person_looks() -> None:
    found = sort(means(Meaning.STOP), context(holders=[replace(ANN, died=True)]), NOW)
    assert (found.act, found.person) == (Act.OPT_OUT, True)


contexts = st.builds(
    context,
    holders=st.sampled_from([[], [ANN], [BEN], [ANN, BEN], [replace(ANN, died=True), BEN]]),
    visits=st.lists(st.sampled_from([FIRST, SECOND, BENS, replace(FIRST, booked=False)]), max_size=3).map(tuple),
    said=st.lists(
        st.builds(
            Said,
            st.sampled_from(["ann", "ben"]),
            st.integers(0, 300).map(lambda hours: NOW - hours * HOUR),
            st.sampled_from(["v1", "v2", "v3", ""]),
            st.sampled_from([FIRST.when, SECOND.when, None]),
            cancelled=st.booleans(),
            written=st.booleans(),
        ),
        max_size=5,
    ).map(lambda said: sorted(said, key=lambda each: each.moment, reverse=True)),
    barred=st.booleans(),
    paused=st.booleans(),
)
readings = st.builds(Reading, st.sampled_from(Meaning), st.just("en"), st.booleans(), st.booleans())


@given(readings, contexts)
def test_nothing_is_ever_confirmed_by_a_guess_and_no_opt_out_goes_unnoticed(reading: Reading, known: Context) -> None:
    found = sort(reading, known, NOW)
    if found.act in (Act.CONFIRM, Act.RESCHEDULE):
        visit = known.visits[found.visit]
        assert (visit.booked, visit.patient, visit.starts_at > NOW) == (True, found.patient, True)
        assert any(said.visit == found.visit and said.when == visit.when for said in known.said)
        assert not any(holder.died for holder in known.holders)
    if reading.meaning is Meaning.STOP:
        assert found.act is Act.OPT_OUT
    elif reading.might_be_stop or reading.meaning is Meaning.MIGHT_BE_STOP:
        assert found.person
        assert found.pause or known.barred
    assert found.why or not found.person
