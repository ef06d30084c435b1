"""The pages of protocols: where each number was read, what the days count from, what a clinician may choose."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from approving import approved
from staff import HERE, NOW, Staffed

from surveillance import bootstrap, paths
from surveillance.operations.work import Work
from surveillance.store.tables import Site

MINE = "mine@1.0"
Edited = Callable[[Callable[[str], str]], Staffed]


@pytest.fixture
def edited(staffed: Staffed, tmp_path: Path) -> Edited:
    """The clinic with one protocol more: the one for ASPS as somebody edited it."""

    def edit(change: Callable[[str], str]) -> Staffed:
        folder = tmp_path / "config"
        shutil.copytree(paths.config_folder(), folder)
        text = (folder / "protocols" / "asps-extremity.yaml").read_text(encoding="utf-8")
        text = text.replace("id: asps-extremity", "id: mine", 1)
        head, _, rest = text.partition('version: "')
        text = f'{head}version: "1.0"{rest.partition(chr(34))[2]}'
        (folder / "protocols" / "mine.yaml").write_text(change(text), encoding="utf-8")
        settings = staffed.app.settings.model_copy(update={"config_dir": folder})
        staffed.app = replace(staffed.app, catalogue=bootstrap.open_catalogue(settings))
        return staffed

    return edit


def use(clinic: Staffed) -> None:
    def approve(work: Work) -> None:
        approved(work, work.session.get_one(Site, clinic.site_id(HERE)), MINE)

    clinic.do(approve, "helen")


def test_an_edition_that_expired_is_told_where_protocols_are_looked_at(edited: Edited) -> None:
    clinic = edited(lambda text: text.replace("  nccn:\n", "  nccn:\n    expires: 2020-09-06\n", 1))
    grace = clinic.client("grace")
    page = grace.get(f"/protocols/{MINE}").text
    assert "Somebody has to look at the sources again" in page
    assert "the edition expired on" in page
    assert "6 September 2020" in page or "6 Sep 2020" in page
    assert "sources to look at again" in grace.get("/protocols").text


def test_a_form_asks_for_the_day_that_the_protocol_counts_from(edited: Edited) -> None:
    clinic = edited(lambda text: text.replace("clock: end_of_treatment", "clock: end_of_chemotherapy", 1))
    use(clinic)
    grace = clinic.client("grace")
    assert "Months count from the end of chemotherapy" in grace.get(f"/protocols/{MINE}").text
    part = grace.post("/patients/new/live?part=protocol", live=True, site=HERE, protocol=MINE).text
    assert "End of chemotherapy" in part
    assert "Days count from the end of chemotherapy." in part
    late = grace.post("/patients/new", do="enrol", site=HERE, protocol=MINE, anchor="2099-01-01").text
    assert "The end of chemotherapy cannot lie after today" in late


# -- looking again -----------------------------------------------------------------------------------------------

SOURCE = f"/protocols/{MINE}/look-again"
NEXT = (NOW + timedelta(days=200)).date().isoformat()


@pytest.fixture
def expired(edited: Edited) -> Staffed:
    """The clinic, using a protocol of which one edition expired."""
    clinic = edited(lambda text: text.replace("  nccn:\n", "  nccn:\n    expires: 2020-09-06\n", 1))
    use(clinic)
    return clinic


def test_the_board_sends_a_clinician_to_say_what_was_found(expired: Staffed) -> None:
    helen = expired.client("helen")
    board = helen.get("/").text
    assert "1 source of protocols to look at again" in board
    assert f'href="{SOURCE}?site={HERE}&amp;source=nccn"' in board
    page = helen.get(f"{SOURCE}?site={HERE}&source=nccn").text
    assert "the edition expired on" in page
    done = helen.post(SOURCE, site=HERE, source="nccn", found="the edition of 2026 says the same", until=NEXT)
    assert done.status_code == 303
    said = helen.get(f"/protocols/{MINE}").text
    assert "Written down for" in said
    assert "Somebody has to look at the sources again" not in said
    assert "to look at again" not in helen.get("/").text
    assert "sources to look at again" not in helen.get("/protocols").text


def test_a_coordinator_sees_what_waits_and_whose_it_is_but_signs_nothing(expired: Staffed) -> None:
    grace = expired.client("grace")
    board = grace.get("/").text
    assert "1 source of protocols to look at again" in board
    assert "A clinician looks whether there is a newer edition" in board
    assert SOURCE not in board
    refused = grace.post(SOURCE, site=HERE, source="nccn", found="the same", until=NEXT)
    assert refused.status_code == 403
    assert "1 source of protocols to look at again" in grace.get("/").text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"found": ""}, "Enter what you found"),
        ({"until": ""}, "Enter the day of the next look"),
        ({"until": "2099-01-01"}, "at most a year away"),
        ({"source": "who"}, "Choose the source"),
    ],
)
def test_a_form_that_is_not_complete_is_shown_again_with_the_reason(
    expired: Staffed, change: dict[str, str], said: str
) -> None:
    sent = {"site": HERE, "source": "nccn", "found": "the same", "until": NEXT} | change
    page = expired.client("helen").post(SOURCE, **sent)
    assert page.status_code == 422
    assert said in page.text


def test_a_version_that_the_clinic_has_not_approved_is_not_looked_at_there(edited: Edited) -> None:
    clinic = edited(lambda text: text.replace("  nccn:\n", "  nccn:\n    expires: 2020-09-06\n", 1))
    assert clinic.client("helen").get(f"{SOURCE}?site={HERE}").status_code == 404


def test_a_draft_is_called_so_and_nobody_is_offered_its_approval(edited: Edited) -> None:
    helen = edited(lambda text: text.replace("\nclock:", "\nstatus: draft\nclock:", 1)).client("helen")
    page = helen.get(f"/protocols/{MINE}").text
    assert "a draft, which nobody can approve" in page
    assert f"/protocols/{MINE}/approve" not in page
    refused = helen.post(f"/protocols/{MINE}/approve", **{"site": HERE, "read": "yes", "source-read": "yes"})
    assert refused.status_code == 422
    assert "is a draft and cannot be approved" in refused.text
    assert "draft" in helen.get("/protocols").text


def test_advice_stands_with_the_plan_and_asks_for_nothing(staffed: Staffed) -> None:
    page = staffed.client("grace").get("/protocols/asps-extremity@2026.2").text
    assert "Self-examination of scar and limb" in page
    assert "advice to the patient; nothing is booked for it" in page
    assert "grade S, read in somebody else" in page
