"""Which flags speak against which examination, and what the protocol lets one do instead."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.errors import InvalidInputError
from surveillance.core.protocols.faults import faults
from surveillance.core.protocols.protocol import Item, Phase, Protocol, ProtocolEnd, Substitute
from surveillance.core.protocols.safety import LOW, RECENT, REDUCED, Flags, concerns, substitutes, with_contrast
from surveillance.core.protocols.sources import Source
from surveillance.core.words import Flag

DAY = date(2026, 12, 1)
PHASES = (Phase(0, None, 3, 6, 3, source="s"),)
CT = Substitute("ct", "CT of the primary site", "CT", (Flag.MRI_UNSAFE,), contrast=True)
PLAIN = Substitute("plain", "MRI without contrast", "MR", (Flag.CONTRAST_ALLERGY, Flag.LOW_EGFR, Flag.OLD_EGFR))
MRI = Item("mri_primary", "MRI of the primary site", ("MR",), "primary_site", PHASES, substitutes=(CT, PLAIN))
CHEST = Item("chest_imaging", "Chest imaging", ("CT", "CR", "DX"), "chest", PHASES)
ABDOMEN = Item("ct_abdomen", "CT of abdomen and pelvis", ("CT",), "abdomen", PHASES)
ULTRASOUND = Item("us_primary", "Ultrasound", ("US",), "primary_site", PHASES)
VISIT = Item("clinic_visit", "Visit", (), "", PHASES)
UNSAFE, ALLERGIC = Flags(mri_unsafe=True), Flags(contrast_allergy=True)
OLD = DAY - timedelta(days=RECENT + 1)


def weak(egfr: float, on: date | None = DAY) -> Flags:
    return Flags(egfr=egfr, egfr_on=on)


@pytest.mark.parametrize(
    ("flags", "item", "said"),
    [
        (Flags(), MRI, []),
        (UNSAFE, MRI, [Flag.MRI_UNSAFE]),
        (UNSAFE, CHEST, []),
        (UNSAFE, VISIT, []),
        (ALLERGIC, MRI, [Flag.CONTRAST_ALLERGY]),
        (ALLERGIC, CHEST, []),
        (ALLERGIC, ABDOMEN, [Flag.CONTRAST_ALLERGY]),
        (ALLERGIC, ULTRASOUND, []),
        (ALLERGIC, replace(CHEST, contrast=("CT",)), [Flag.CONTRAST_ALLERGY]),
        (ALLERGIC, replace(MRI, contrast=()), []),
        (weak(29.9), MRI, [Flag.LOW_EGFR]),
        (weak(29.9, OLD), MRI, [Flag.LOW_EGFR]),
        (weak(30), MRI, []),
        (weak(29.9), CHEST, []),
        (weak(59, DAY - timedelta(days=RECENT)), MRI, []),
        (weak(59, OLD), MRI, [Flag.OLD_EGFR]),
        (weak(59, None), MRI, [Flag.OLD_EGFR]),
        (weak(60, OLD), MRI, []),
        (Flags(True, True, 20, DAY), MRI, [Flag.MRI_UNSAFE, Flag.CONTRAST_ALLERGY, Flag.LOW_EGFR]),
    ],
)
def test_a_flag_speaks_against_what_it_is_about(flags: Flags, item: Item, said: list[Flag]) -> None:
    assert [each.flag for each in concerns(flags, item, None, DAY)] == said


def test_what_is_done_instead_is_judged_by_itself() -> None:
    assert concerns(UNSAFE, MRI, CT, DAY) == []
    assert [each.flag for each in concerns(Flags(True, True), MRI, CT, DAY)] == [Flag.CONTRAST_ALLERGY]
    assert [each.flag for each in concerns(Flags(True, True), MRI, PLAIN, DAY)] == [Flag.MRI_UNSAFE]
    assert not with_contrast(MRI, PLAIN)


def test_the_protocol_names_what_is_done_instead_for_which_flag() -> None:
    assert substitutes(MRI, concerns(UNSAFE, MRI, None, DAY)) == [CT]
    assert substitutes(MRI, concerns(weak(12), MRI, None, DAY)) == [PLAIN]
    assert substitutes(CHEST, concerns(UNSAFE, CHEST, None, DAY)) == []
    assert MRI.substitute("ct") == CT
    assert MRI.substitute("") is None
    with pytest.raises(InvalidInputError, match="it has ct, plain"):
        MRI.substitute("us")


def test_a_value_that_changes_is_another_concern() -> None:
    tokens = {concerns(weak(value, on), MRI, None, DAY)[0].token for value in (12, 13) for on in (DAY, OLD)}
    assert len(tokens) == 4


@given(
    flags=st.builds(
        Flags,
        st.booleans(),
        st.booleans(),
        st.none() | st.floats(1, 150),
        st.none() | st.dates(date(2020, 1, 1), DAY),
    ),
    later=st.integers(0, 2000),
)
def test_time_only_adds_concerns_and_a_token_names_each_flag_once(flags: Flags, later: int) -> None:
    now = concerns(flags, MRI, None, DAY)
    then = concerns(flags, MRI, None, DAY + timedelta(days=later))
    assert {each.flag for each in now} <= {each.flag for each in then}
    assert {each.token for each in now} <= {each.token for each in then}
    assert len({each.flag for each in then}) == len(then)
    assert any(each.flag is Flag.LOW_EGFR for each in now) == (flags.egfr is not None and flags.egfr < LOW)
    assert LOW < REDUCED


def protocol(item: Item) -> Protocol:
    return Protocol("p", "1", "P", "d", (item,), {3: 14}, 56, (Source("s", "c"),), ProtocolEnd.NEVER)


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (replace(MRI, contrast=("CT",)), "contrast is given for CT, which mri_primary does not name"),
        (replace(MRI, substitutes=(CT, CT)), "substitute ct stands twice"),
        (replace(MRI, substitutes=(replace(CT, modality="MR"),)), "an MRI is no substitute"),
        (replace(MRI, substitutes=(replace(PLAIN, contrast=True),)), "is done without it"),
    ],
)
def test_a_substitute_that_its_own_flag_speaks_against_is_refused_when_the_protocol_is_read(
    item: Item, why: str
) -> None:
    assert list(faults(protocol(MRI))) == []
    (found,) = faults(protocol(item))
    assert why in found.reason
