"""The life of a report: which version may follow, and what its versions add up to."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.results.report_life import CHANGED, FINISHED, Standing, Version, corrects_day, refusal, standing
from surveillance.core.words import ReportStatus

DAY = date(2026, 12, 1)
R, P, F = ReportStatus.REGISTERED, ReportStatus.PRELIMINARY, ReportStatus.FINAL
A, C, X = ReportStatus.AMENDED, ReportStatus.CORRECTED, ReportStatus.CANCELLED


def on(number: int) -> date:
    return DAY + timedelta(days=number)


def life(*told: tuple[ReportStatus, int] | tuple[ReportStatus, int, bool]) -> list[Version]:
    """Versions as ``(status, day)``, with True for one that a review has read."""
    return [Version(one[0], on(one[1]), len(one) > 2) for one in told]


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        (life(), (None, None, None)),
        (life((R, 0)), (R, None, None)),
        (life((P, 1)), (P, None, None)),
        (life((P, 1, True)), (P, None, None)),
        (life((P, 1), (F, 3)), (F, 3, 3)),
        (life((P, 1, True), (F, 3)), (F, 3, 3)),  # what was reviewed as preliminary is reviewed again
        (life((F, 3, True)), (F, 3, None)),
        (life((F, 3, True), (A, 9)), (A, 3, 9)),
        (life((F, 3), (A, 9)), (A, 3, 3)),  # nobody has read either: it waits since the first
        (life((F, 3, True), (A, 9), (C, 12)), (C, 3, 9)),
        (life((F, 3, True), (A, 9), (C, 12, True)), (C, 3, None)),
        (life((A, 9)), (A, 9, 9)),  # another house sent the first one elsewhere
        (life((P, 1), (X, 2)), (X, None, None)),
    ],
)
def test_the_versions_add_up_to_a_standing(versions, expected):
    status, reported, review = expected
    wanted = Standing(status, reported and on(reported), review and on(review))
    assert standing(versions) == wanted


@pytest.mark.parametrize(
    ("versions", "status", "day", "why"),
    [
        (life(), F, 0, ""),
        (life((F, 3, True)), A, 9, ""),
        (life((F, 3, True)), C, 3, ""),
        (life((F, 3)), F, 1, ""),  # it arrived on another day than was recorded
        (life((X, 2)), F, 5, ""),  # reported after all
        (life((F, 3)), P, 4, "is final already"),
        (life((F, 3)), X, 4, "is final already"),
        (life((F, 3), (A, 4)), F, 5, "is final already"),
        (life((P, 1)), R, 2, "preliminary report is there already"),
        (life((F, 3, True)), A, 2, "cannot be earlier than the final one"),
        (life((P, 3)), F, 2, "cannot be earlier than the preliminary one"),
    ],
)
def test_only_what_can_follow_follows(versions, status, day, why):
    found = refusal(versions, status, on(day))
    assert (why in found) if why else found == ""


_versions = st.lists(st.tuples(st.sampled_from(ReportStatus), st.integers(0, 30), st.booleans()), max_size=8)


def lived(told: list[tuple[ReportStatus, int, bool]]) -> list[Version]:
    """The versions of ``told`` that are not refused, one after the other."""
    kept: list[Version] = []
    for status, day, read in told:
        if not refusal(kept, status, on(day)) and not corrects_day(kept, status):
            kept.append(Version(status, on(day), read))
    return kept


@given(_versions)
def test_whatever_arrives_a_report_that_counts_waits_for_review_until_its_last_version_is_read(told):
    versions = lived(told)
    found = standing(versions)
    counts = any(version.status in FINISHED for version in versions)
    assert (found.reported_on is not None) is counts
    read = bool(versions) and versions[-1].read
    assert (found.to_review_since is not None) is (counts and not read)
    after = versions[-1].day if versions else DAY
    assert all(refusal(versions, status, after) == "" for status in CHANGED)
