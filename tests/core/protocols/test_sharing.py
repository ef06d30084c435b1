"""What of one disease is evidence for another: by region, by modality, and by where the primary is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.catalogue.protocols import latest, load_all
from surveillance.core.protocols.sharing import Made, Primary, counts, same_site
from surveillance.core.words import Side
from surveillance.paths import config_folder

KNOWN = load_all(config_folder() / "protocols")
ASPS, BELLY = latest(KNOWN, "asps-extremity"), latest(KNOWN, "norway-retroperitoneal")
THIGH, ARM = Primary("thigh", Side.LEFT), Primary("upper arm", Side.RIGHT)
NOWHERE = Primary("", Side.UNKNOWN)


# item, what the study of the arm says of itself, whether it counts for the thigh
@pytest.mark.parametrize(
    ("item", "modality", "region", "fits"),
    [
        ("chest_imaging", "", "", True),
        ("chest_imaging", "CT", "CHEST", True),
        ("chest_imaging", "CT", "THORAX", True),
        ("chest_imaging", "MR", "", False),
        ("chest_imaging", "CT", "ABDOMEN", False),
        ("mri_primary", "MR", "HUMERUS", False),
        ("mri_primary", "", "", False),
        ("mri_brain", "MR", "BRAIN", True),
        ("clinic_visit", "", "", False),  # a visit is about one disease
        ("ct_abdomen_pelvis", "CT", "", False),  # the plan has no such item
    ],
)
def test_a_study_counts_where_region_and_modality_fit(item: str, modality: str, region: str, fits: bool) -> None:
    assert counts(item, [ASPS], Made(modality, region, ARM), THIGH) is fits


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (THIGH, THIGH, True),
        (THIGH, Primary("  THIGH", Side.LEFT), True),
        (THIGH, Primary("thigh", Side.RIGHT), False),
        (THIGH, Primary("thigh", Side.BOTH), False),  # one MRI of the left shows half of it
        (THIGH, ARM, False),
        (Primary("thigh", Side.UNKNOWN), Primary("thigh", Side.UNKNOWN), False),
        (NOWHERE, NOWHERE, False),
        (Primary("", Side.LEFT), Primary("", Side.LEFT), False),
        (None, THIGH, False),
    ],
)
def test_one_image_shows_two_primaries_only_at_the_same_place(
    one: Primary | None, other: Primary | None, same: bool
) -> None:
    assert same_site(one, other) is same_site(other, one) is same
    assert counts("mri_primary", [ASPS], Made("MR", "", one), other) is same


def test_the_newest_protocol_that_has_the_item_says_what_counts() -> None:
    assert counts("ct_abdomen_pelvis", [ASPS, BELLY], Made("CT", "ABDOMEN_PELVIS", ARM), THIGH)
    assert not counts("ct_abdomen_pelvis", [BELLY], Made("MR", "", ARM), THIGH)
    assert not counts("chest_imaging", [], Made("CT", "CHEST", ARM), THIGH)


places = st.builds(Primary, st.sampled_from(("", "thigh", "arm")), st.sampled_from(Side))


@given(places, places, st.sampled_from(("", "MR")), st.sampled_from(("", "THIGH", "HUMERUS")))
def test_nothing_that_a_study_says_of_itself_makes_it_show_another_place(
    one: Primary, other: Primary, modality: str, region: str
) -> None:
    """Where the primaries differ, or nobody said where they are, no MRI of one is ever evidence for the other."""
    if one != other or not one.body_site or one.side is Side.UNKNOWN:
        assert not counts("mri_primary", [ASPS], Made(modality, region, one), other)
