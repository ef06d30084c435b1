"""What a patient's own page says: days and times as its reader's language has them, days to choose from, links."""

from datetime import UTC, date, datetime, time
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.catalogue.messages import load_messages
from surveillance.core.languages import locale_of
from surveillance.core.texts.page_words import PageWords
from surveillance.core.texts.patient_page import SUGGESTED, date_parts, google_link, own_name, speech, suggested
from surveillance.paths import config_folder

BOOKS = load_messages(config_folder() / "messages")
TUESDAY = date(2026, 12, 1)
NEW_YORK, CHICAGO = "America/New_York", "America/Chicago"


def works(day: date) -> bool:
    return day.isoweekday() < 6


@pytest.mark.parametrize(
    ("language", "reader", "said"),
    [
        ("en", NEW_YORK, "Tuesday, December 1, 2026, 2:30\u00a0PM"),
        ("en-GB", NEW_YORK, "Tuesday, 1 December 2026, 14:30"),
        ("en", CHICAGO, "Tuesday, December 1, 2026, 2:30\u00a0PM (local time there)"),
        ("de", NEW_YORK, "Dienstag, 1. Dezember 2026, 14:30\u00a0Uhr"),
        ("zh-Hans", NEW_YORK, "2026年12月1日星期二 14:30"),
        ("ar", NEW_YORK, "الثلاثاء، 1 ديسمبر 2026، 2:30\u00a0م"),
        ("fr", NEW_YORK, "mardi 1 décembre 2026 à 14h30"),
    ],
)
def test_a_visit_is_told_by_the_clock_at_its_place_in_the_readers_language(
    language: str, reader: str, said: str
) -> None:
    spoken = speech(BOOKS["en" if language == "en-GB" else language], language)
    assert spoken.when(TUESDAY, time(14, 30), NEW_YORK, reader) == said


@pytest.mark.parametrize(
    ("windows", "today", "days"),
    [
        # Around the booked Tuesday, without it, in the window of what is done and no weekend among them.
        ([(date(2026, 11, 27), date(2026, 12, 4))], date(2026, 11, 20), ["11-27", "11-30", "12-02", "12-03", "12-04"]),
        # Two examinations: only the days that are right for both.
        ([(date(2026, 11, 27), date(2026, 12, 4)), (date(2026, 12, 3), date(2026, 12, 20))], date(2026, 11, 20),
         ["12-03", "12-04"]),
        # Nothing before tomorrow.
        ([(date(2026, 11, 20), date(2026, 12, 3))], date(2026, 11, 30), ["12-02", "12-03"]),
        # The window has closed: the next working days.
        ([(date(2026, 10, 1), date(2026, 11, 2))], date(2026, 11, 26),
         ["11-27", "11-30", "12-01", "12-02", "12-03", "12-04"]),
    ],
)  # fmt: skip
def test_days_to_choose_from_are_as_good_as_the_booked_one(
    windows: list[tuple[date, date]], today: date, days: list[str]
) -> None:
    assert [f"{day:%m-%d}" for day in suggested(TUESDAY, windows, today, works)] == days


DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))


@given(DAYS, DAYS, st.lists(st.tuples(DAYS, DAYS).map(lambda pair: tuple(sorted(pair))), max_size=3))
def test_every_suggested_day_can_still_be_booked(booked: date, today: date, windows: list[tuple[date, date]]) -> None:
    found = suggested(booked, windows, today, works)
    assert 0 < len(found) <= SUGGESTED
    assert list(found) == sorted(set(found))
    assert all(day > today and works(day) for day in found)


def test_the_link_to_google_says_when_in_utc_and_leaves_out_what_is_not_known() -> None:
    link = urlsplit(google_link("Termin", datetime(2026, 12, 1, 19, 30, tzinfo=UTC), 90, "Fragen: +1 202", ""))
    assert (link.scheme, link.netloc) == ("https", "calendar.google.com")
    assert parse_qs(link.query) == {
        "action": ["TEMPLATE"],
        "text": ["Termin"],
        "dates": ["20261201T193000Z/20261201T210000Z"],
        "details": ["Fragen: +1 202"],
    }


def test_languages_are_called_as_they_call_themselves() -> None:
    assert [own_name(code) for code in ("de", "es", "ar", "zh-Hans", "vi")] == [
        "Deutsch", "Español", "العربية", "中文 (简体)", "Tiếng Việt",
    ]  # fmt: skip


@pytest.mark.parametrize("language", BOOKS)
def test_every_text_of_the_page_is_in_its_own_language(language: str) -> None:
    """A text that was forgotten in a translation would stand there in English."""
    same = {name for name, text in BOOKS[language].page.texts().items() if text == BOOKS["en"].page.texts()[name]}
    assert language == "en" or same <= {"add_google", "add_file"}


def test_a_number_in_arabic_letters_is_kept_in_its_order() -> None:
    words: PageWords = BOOKS["ar"].page
    assert "\u200e+1 202-555-0100" in words.said("start_call", phone="+1 202-555-0100")
    assert "\u200e" not in BOOKS["en"].page.said("start_call", phone="+1 202-555-0100")


@pytest.mark.parametrize(
    ("locale", "order"),
    [("en", "month day year"), ("en-GB", "day month year"), ("de", "day month year"), ("ar", "day month year"),
     ("zh-Hans", "year month day")],
)  # fmt: skip
def test_a_birth_date_is_asked_for_in_the_order_of_the_region(locale: str, order: str) -> None:
    assert [name for name, _ in date_parts(locale_of(locale))] == order.split()
