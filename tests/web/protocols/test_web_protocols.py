"""The pages of protocols: where each number was read, what the days count from, what a clinician may choose."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from approving import approved
from staff import HERE, Staffed

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
