"""The languages of a site on the command line: who may approve one, and what is said about those who speak it."""

from typing import Any


def test_a_language_is_approved_by_a_clinician_and_withdrawn_again(clinic: Any) -> None:
    clinic("contact", "change", "00417", "1", "--language", "es", "--yes")
    assert "Not approved, but spoken: es by 1." in clinic("site", "language", "list", "NYC1")
    refused = clinic.run("site", "language", "approve", "NYC1", "es")
    assert refused.exit_code == 1
    assert "Bob Hill may not do this" in refused.output
    assert "es is approved at NYC1." in clinic("site", "language", "approve", "NYC1", "es", user="dr.reed")
    rows = {row["language"]: row for row in clinic.json("site", "language", "list", "NYC1")}
    assert rows["es"] | {"approved_at": ""} == {
        "language": "es", "used": True, "approved_at": "", "approved_by": "Jo Reed", "changed": False, "patients": 1,
    }  # fmt: skip
    assert rows["fr"]["used"] is False
    shown = clinic("site", "language", "withdraw", "NYC1", "es", "--dry-run", user="anna")
    assert "1 patient who speak es will be written to in en." in shown
    clinic("site", "language", "withdraw", "NYC1", "es", "--yes", user="anna")
    assert "Not approved, but spoken: es by 1." in clinic("site", "language", "list", "NYC1")
    last = clinic.run("site", "language", "withdraw", "NYC1", "en", "--yes", user="anna")
    assert "only language" in last.output
    unknown = clinic.run("site", "language", "approve", "NYC1", "xx", user="anna")
    assert "there are no texts in 'xx'; there are ar, de" in unknown.output
