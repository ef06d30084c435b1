"""The schedule sheet: whose words, which visits, and nothing told that the level keeps back."""

from datetime import date, time

import pytest

from surveillance.catalogue.messages import load_messages
from surveillance.core.texts.message_book import telltale
from surveillance.core.texts.schedule_sheet import Sheet, SheetVisit, sheet
from surveillance.core.words import Privacy
from surveillance.paths import config_folder

BOOKS = load_messages(config_folder() / "messages")
TODAY = date(2026, 11, 23)
MRI, CHEST = "MRI of the primary site", "Chest imaging"
VISITS = (
    SheetVisit(date(2027, 3, 2), None, "", (MRI, CHEST)),
    SheetVisit(date(2026, 12, 1), time(10, 30), "Riverside Imaging", (MRI, CHEST)),
    SheetVisit(date(2027, 3, 30), None, "", (CHEST,)),
    SheetVisit(date(2026, 11, 20), time(9), "Riverside Imaging", (MRI,)),  # past
    SheetVisit(date(2028, 11, 24), None, "", (MRI,)),  # beyond two years
)


def printed(language: str, privacy: Privacy, visits: tuple[SheetVisit, ...] = VISITS) -> Sheet:
    book = BOOKS[language]
    return sheet(book.sheet, book.calendar, privacy, visits, TODAY, "Riverside", "+1 202-555-0199")


def told(made: Sheet) -> str:
    booked = [part for visit in made.booked for part in (visit.when, *visit.details)]
    months = [part for pair in made.months for part in pair]
    return " ".join(
        [made.title, made.made, made.booked_none, made.call, *booked, *months, *made.words.texts().values()]
    )


def test_booked_visits_stand_one_by_one_and_planned_ones_by_month() -> None:
    made = printed("en", Privacy.FULL)
    assert [(visit.when, visit.details) for visit in made.booked] == [
        ("Tuesday, December 1, 2026, 10:30 AM", ("Riverside Imaging", MRI, CHEST))
    ]
    assert made.months == (("March 2027", f"{MRI}, {CHEST}"),)
    assert made.title == "Your follow-up plan"


def test_the_sheet_speaks_the_patients_language() -> None:
    made = printed("es", Privacy.NEUTRAL)
    assert (made.title, made.language) == ("Sus citas", "es")
    assert made.booked[0].when == "martes 1 de diciembre de 2026, 10:30"
    assert made.months == (("Marzo de 2027", "2 citas"),)
    assert made.call == "Preguntas o cambios: +1 202-555-0199"


@pytest.mark.parametrize(
    ("language", "visits", "expected"),
    [
        ("fr", 2, "2 rendez-vous"), ("de", 2, "2 Termine"), ("pt", 1, "1 consulta"),
        ("ar", 1, "موعد واحد"), ("ar", 2, "موعدان"), ("ar", 3, "3 مواعيد"), ("ar", 11, "11 موعدًا"),
        ("ar", 100, "100 موعد"), ("zh-Hans", 2, "2 次预约"), ("vi", 1, "1 lịch hẹn"), ("en", 1, "1 appointment"),
    ],
)  # fmt: skip
def test_appointments_are_counted_as_the_language_counts(language: str, visits: int, expected: str) -> None:
    planned = tuple(SheetVisit(date(2027, 3, 2), None, "", (MRI,)) for _ in range(visits))
    assert [what for _, what in printed(language, Privacy.NEUTRAL, planned).months] == [expected]


def test_an_arabic_sheet_runs_from_the_right_and_its_phone_number_from_the_left() -> None:
    made = printed("ar", Privacy.NEUTRAL)
    assert made.direction == "rtl"
    assert made.booked[0].when == "الثلاثاء، 1 ديسمبر 2026، 10:30 ص"
    assert made.call.endswith("\u200e+1 202-555-0199")
    assert printed("en", Privacy.NEUTRAL).direction == "ltr"


@pytest.mark.parametrize("language", sorted(BOOKS))
def test_a_neutral_sheet_tells_no_examination_and_no_place(language: str) -> None:
    made = printed(language, Privacy.NEUTRAL)
    without_full = told(made).replace(made.words.title_full, "")
    assert telltale(without_full, BOOKS[language].forbidden) is None
    assert "Riverside Imaging" not in without_full


def test_an_empty_plan_says_who_calls() -> None:
    made = printed("en", Privacy.NEUTRAL, ())
    assert (made.booked, made.months) == ((), ())
    assert made.booked_none == "No day is booked yet. Riverside will call you to arrange it."
