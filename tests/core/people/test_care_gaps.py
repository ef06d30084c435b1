"""What a living patient may lack, by plan, end and reachability."""

from datetime import date

import pytest

from surveillance.core.people.care_gaps import End, GapKind, Standing, care_gaps
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
    found = list(care_gaps(Standing(REGISTERED, ENROLLED if active else None, reachable, last)))
    assert found == ([expected] if expected else [])
