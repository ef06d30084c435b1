"""Safety flags on the command line: refused with the two ways out, answered, and printed with the order."""

from typing import Any

BOOK = ("book", "00417", "--on", "2026-12-04", "--at", "10:30", "--place", "MRI 2", "--yes")
WHY = "the implant is MR conditional at 1.5 T"


def test_a_flag_is_asked_for_at_booking_and_its_answer_is_printed_with_the_order(clinic: Any) -> None:
    clinic("patient", "edit", "00417", "--mri-unsafe", "--yes")
    refused = clinic.run(*BOOK)
    assert refused.exit_code == 1
    assert "let a clinician confirm it with a reason" in " ".join(refused.output.split())
    mine = clinic.run(*BOOK, "--confirm-flags", WHY)
    assert mine.exit_code == 1
    assert "only a clinician confirms that" in " ".join(mine.output.split())
    clinic(*BOOK, "--confirm-flags", WHY, user="dr.reed")
    order = clinic("visit", "order", "00417", "2026-12-04")
    assert "Flags: MRI UNSAFE" in order
    assert f"confirmed by Jo Reed on 2026-11-23: {WHY}" in " ".join(order.split())


def test_a_flag_that_is_set_later_is_a_row_of_the_board_until_it_is_answered_for(clinic: Any) -> None:
    clinic(*BOOK)
    clinic("patient", "edit", "00417", "--mri-unsafe", "--yes")
    assert "MRI-unsafe" in clinic("worklist", "--list", "flags")
    assert "NOT CONFIRMED" in clinic("visit", "order", "00417", "2026-12-04")
    other = clinic.run("visit", "flags", "00417", "2026-12-04", "--instead", "mri_primary=ct", user="dr.reed")
    assert "names no 'ct'" in " ".join(other.output.split())
    said = clinic("visit", "flags", "00417", "2026-12-04", "--reason", WHY, user="dr.reed")
    assert f"confirmed by Jo Reed: {WHY}" in " ".join(said.split())
    assert clinic.json("worklist", "--list", "flags")["rows"] == []
    assert clinic.run("visit", "flags", "00417", "2026-12-04", "--instead", "mri_primary").exit_code == 2
