"""What a living patient may lack, by plan, end and reachability."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.people.care_gaps import Disease, End, GapKind, Lack, Standing, care_gaps
from surveillance.core.words import EndReason

REGISTERED, ENROLLED, ENDED, RESTART = (date(2026, 1, day) for day in (1, 5, 20, 31))


# active plan?, reachable?, how the last plan ended, what is lacking since when
@pytest.mark.parametrize(
    ("active", "reachable", "end", "expected"),
    [
        (True, True, None, None),
        (True, False, None, (GapKind.UNREACHABLE, ENROLLED)),
        (True, False, EndReason.RESTARTED, (GapKind.UNREACHABLE, ENROLLED)),
        (False, False, None, (GapKind.WITHOUT_PLAN, REGISTERED)),
        (False, True, EndReason.TRANSFER, None),
        (False, True, EndReason.PATIENT_WISH, None),
        (False, True, EndReason.COMPLETED, None),
        (False, True, EndReason.RESTARTED, (GapKind.WITHOUT_PLAN, ENDED)),
        (False, True, EndReason.DEATH, (GapKind.WITHOUT_PLAN, ENDED)),  # a retracted death that reopened nothing
        (False, False, EndReason.RECURRENCE, (GapKind.RESTART, RESTART)),
    ],
)
def test_each_standing_has_its_gap(
    active: bool, reachable: bool, end: EndReason | None, expected: tuple[GapKind, date] | None
) -> None:
    last = None if end is None else End(ENDED, end, RESTART if end is EndReason.RECURRENCE else None)
    disease = Disease(1, REGISTERED, ENROLLED if active else None, last)
    found = [(lack.kind, lack.since) for lack in care_gaps(Standing(REGISTERED, reachable, [disease]))]
    assert found == ([expected] if expected else [])


def test_whoever_has_no_disease_on_record_is_without_a_plan() -> None:
    assert list(care_gaps(Standing(REGISTERED, True, []))) == [Lack(GapKind.WITHOUT_PLAN, 0, REGISTERED)]


def states() -> st.SearchStrategy[Disease]:
    """Every standing of a disease: active, or ended in any way, or never followed."""
    ends = st.builds(End, st.just(ENDED), st.sampled_from(EndReason), st.sampled_from((None, RESTART)))
    days = st.sampled_from((None, ENROLLED))
    return st.builds(Disease, st.just(1), st.just(REGISTERED), days, st.none() | ends)


@given(st.lists(states(), min_size=1, max_size=4), st.booleans())
def test_a_plan_for_one_disease_never_stands_in_for_another(every: list[Disease], reachable: bool) -> None:
    """What a disease lacks by itself it lacks among others, and no other lack comes of their number."""
    diseases = [each._replace(number=number) for number, each in enumerate(every, start=1)]
    together = [lack for lack in care_gaps(Standing(REGISTERED, reachable, diseases)) if lack.number]
    alone = [lack for each in diseases for lack in care_gaps(Standing(REGISTERED, True, [each]))]
    assert together == alone
    followed = [each for each in diseases if each.enrolled_on is not None]
    assert len({lack.number for lack in together}) == len(together)
    assert not {each.number for each in followed} & {lack.number for lack in together}


def test_one_way_to_reach_the_patient_is_missed_once_for_all_diseases() -> None:
    diseases = [Disease(number, REGISTERED, ENROLLED, None) for number in (1, 2)]
    assert list(care_gaps(Standing(REGISTERED, False, diseases))) == [Lack(GapKind.UNREACHABLE, 0, ENROLLED)]
