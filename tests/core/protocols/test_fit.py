"""Whether a study can be what an item asks for: modality and region, as the protocol names them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.catalogue.protocols import load_all
from surveillance.core.protocols.fit import misfit, modalities
from surveillance.paths import config_folder

PROTOCOLS = load_all(config_folder() / "protocols")
ASPS = next(protocol for protocol in PROTOCOLS.values() if protocol.id == "asps-extremity")
MRI, CHEST, BRAIN, VISIT = "mri_primary", "chest_imaging", "mri_brain", "clinic_visit"


def why(code: str, modality: str, region: str = "") -> str:
    others = [item for item in ASPS.items if item.code != code]
    return misfit(ASPS.item(code), others, modality, region)


@pytest.mark.parametrize(
    ("code", "modality", "region", "told"),
    [
        (MRI, "MR", "", ""),
        (MRI, "", "", ""),
        (MRI, "CR", "", "CR does not count for mri_primary, which asks for MR"),
        (MRI, "ct", "THIGH", "CT does not count for mri_primary, which asks for MR"),
        (MRI, "MR", "THIGH", ""),
        (MRI, "MR", "CHEST", ""),  # a tumour of the chest wall: no other item asks for an MRI of the chest
        (MRI, "MR", "brain", "the region brain does not count"),
        (MRI, "", "CHEST", "the region CHEST does not count"),  # whatever it was, the chest is another item's
        (CHEST, "DX", "CHEST", ""),
        (CHEST, "CT", "THORAX", ""),
        (CHEST, "CT", "CHESTABDPELVIS", ""),
        (CHEST, "CT\\PT", "", ""),
        (CHEST, "CT", "ABDOMEN", "which asks for the chest"),
        (CHEST, "MR", "CHEST", "MR does not count for chest_imaging, which asks for CT or CR or DX"),
        (BRAIN, "MR", "HEAD", ""),
        (BRAIN, "MR", "KNEE", "which asks for the brain"),
        (VISIT, "US", "GROIN", ""),  # a study may be made at a visit
    ],
)
def test_a_study_fits_by_modality_and_region_or_one_clause_says_why_not(code, modality, region, told):
    found = why(code, modality, region)
    assert (told in found) if told else found == ""


def test_several_modalities_of_one_study_stand_apart_by_any_sign():
    assert modalities("mr+CT") == modalities("MR, CT") == modalities("CT\\MR") == {"MR", "CT"}
    assert modalities("  ") == set()


@given(st.sampled_from([item for protocol in PROTOCOLS.values() for item in protocol.items]), st.text(max_size=12))
def test_what_the_protocol_itself_names_always_fits_and_no_text_breaks_it(item, text):
    for modality in item.modalities:
        assert misfit(item, (), modality, item.body_region) == ""
    assert isinstance(misfit(item, (), text, text), str)
