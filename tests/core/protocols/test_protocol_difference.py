"""Two versions of a protocol, compared as a clinician compares them."""

from dataclasses import replace

import pytest

from surveillance import paths
from surveillance.catalogue import protocols
from surveillance.core.protocols.clocks import Clock
from surveillance.core.protocols.difference import Change, compare, every, months, rhythm
from surveillance.core.protocols.protocol import Phase, Protocol, ProtocolEnd
from surveillance.core.protocols.sources import Evidence

ASPS = protocols.load(paths.config_folder() / "protocols" / "asps-extremity.yaml")
NEWER = replace(ASPS, version="2027.1")
MRI = ASPS.items[0]


def with_item(**changes: object) -> Protocol:
    return replace(NEWER, items=(replace(MRI, **changes), *ASPS.items[1:]))  # type: ignore[arg-type]


def test_a_version_that_says_the_same_differs_in_nothing() -> None:
    assert compare(ASPS, NEWER) == []


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (
            replace(NEWER, clock=Clock.DIAGNOSIS),
            ("", "Days count from", Change.CHANGED, "end of treatment", "diagnosis"),
        ),
        (
            replace(NEWER, lead_days=70),
            ("", "To order", Change.CHANGED, f"{ASPS.lead_days} days ahead", "70 days ahead"),
        ),
        (
            replace(NEWER, tolerance={**ASPS.tolerance, 12: 30}),
            ("", "On time, every 12 months", Change.CHANGED, "±42 days", "±30 days"),
        ),
        (
            replace(NEWER, tolerance={**ASPS.tolerance, 24: 60}),
            ("", "On time, every 24 months", Change.ADDED, "", "±60 days"),
        ),
        (
            replace(NEWER, end=ProtocolEnd.DECIDE),
            (
                *("", "Final end", Change.CHANGED, "never: follow-up is for life"),
                "a clinician decides after the last examination",
            ),
        ),
        (
            with_item(phases=(replace(MRI.phases[0], ends=()), *MRI.phases[1:])),
            (MRI.title, "Phase months 1 to 36: ends", Change.REMOVED, "24 or 36, usually 36", ""),
        ),
        (
            with_item(phases=(MRI.phases[0], replace(MRI.phases[1], name=""), MRI.phases[2])),
            (MRI.title, "Phase months 37 to 60: chosen by its name", Change.REMOVED, "later", ""),
        ),
        (replace(NEWER, items=ASPS.items[1:]), (MRI.title, "Item", Change.REMOVED, rhythm(MRI), "")),
        (
            with_item(enabled=False),
            (
                *(MRI.title, "At enrolment", Change.CHANGED, "on, unless it is switched off"),
                "off, unless it is switched on",
            ),
        ),
        (
            with_item(phases=(replace(MRI.phases[0], default=4), *MRI.phases[1:])),
            (
                *(MRI.title, "Phase months 1 to 36", Change.CHANGED),
                *("every 3, 4 or 6 months, usually 3", "every 3, 4 or 6 months, usually 4"),
            ),
        ),
        (
            with_item(phases=(replace(MRI.phases[0], note="as agreed"), *MRI.phases[1:])),
            (MRI.title, "Phase months 1 to 36: note", Change.CHANGED, MRI.phases[0].note, "as agreed"),
        ),
    ],
)
def test_each_change_is_said_once(after: Protocol, said: tuple[str, str, Change, str, str]) -> None:
    found = [tuple(line) for line in compare(ASPS, after)]
    assert found == [said]


def test_a_phase_that_is_cut_elsewhere_is_gone_and_another_is_new() -> None:
    first, *others = MRI.phases
    cut = (replace(first, end=24), replace(first, start=24), *others)
    found = [(line.what, line.change) for line in compare(ASPS, with_item(phases=cut))]
    assert found == [
        ("Phase months 1 to 24", Change.ADDED),
        ("Phase months 1 to 36", Change.REMOVED),
        ("Phase months 25 to 36", Change.ADDED),
    ]


def test_a_comparison_the_other_way_round_mirrors_it() -> None:
    fewer = tuple(source for source in ASPS.sources if source.id != "toss")
    after = replace(NEWER, items=ASPS.items[1:], lead_days=70, sources=fewer)
    mirror = {Change.ADDED: Change.REMOVED, Change.REMOVED: Change.ADDED, Change.CHANGED: Change.CHANGED}
    there = {(line.about, line.what, line.change, line.before, line.after) for line in compare(ASPS, after)}
    back = {(line.about, line.what, mirror[line.change], line.after, line.before) for line in compare(after, ASPS)}
    assert there == back
    assert len(there) == 3


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        (Phase(0, 36, 3, 6, 3), "every 3, 4 or 6 months, usually 3"),
        (Phase(60, None, 12, 12, 12), "every 12 months"),
        (Phase(0, None, 3, 6, 4), "every 3 to 6 months, usually 4"),
        (Phase(0, 12, 3, 4, 3, evidence=Evidence.PRIMARY), "every 3 or 4 months, usually 3"),
    ],
)
def test_a_choice_of_intervals_reads_like_a_sentence(phase: Phase, said: str) -> None:
    assert every(phase) == said


def test_months_count_from_the_first_that_a_phase_reaches() -> None:
    assert months(MRI, MRI.phases[0]) == "months 1 to 24 or 36"
    assert months(MRI, MRI.phases[1]) == "months 25 or 37 to 60"
    assert months(MRI, MRI.phases[-1]) == "from month 61 on"
