"""Texts that are kept hold no secret."""

import pytest

from surveillance.core.texts.links import without_secrets

SECRET = "aB3" * 11


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"Details: https://clinic.example/p/{SECRET}", "Details: https://clinic.example/p/…"),
        (f"http://localhost:8000/p/{SECRET}. Questions?", "http://localhost:8000/p/…. Questions?"),
        (f"(https://clinic.example/p/{SECRET}/calendar)", "(https://clinic.example/p/…/calendar)"),
        (f"webcal://clinic.example/calendar/{'0f' * 24}.ics", "webcal://clinic.example/calendar/….ics"),
        (f"a https://x.example/p/{SECRET} b https://x.example/p/{SECRET}", "a https://x.example/p/… b https://x.example/p/…"),
        ("Park in lane c/p/4, or call.", "Park in lane c/p/4, or call."),
        ("https://clinic.example/p/…", "https://clinic.example/p/…"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_text_is_kept_without_the_secrets_of_its_addresses(text: str, kept: str) -> None:
    assert without_secrets(text) == kept
    assert without_secrets(kept) == kept
