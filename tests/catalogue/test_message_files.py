"""Message texts as files: what is refused, on which line, and what the shipped languages say and cost."""

import unicodedata
from dataclasses import replace
from datetime import date, time

import pytest

from surveillance.catalogue.messages import load_book, load_messages
from surveillance.core.errors import ConfigurationError, InvalidFileError
from surveillance.core.messages.policy import PLANNED_STEPS
from surveillance.core.texts.encoding import encoding
from surveillance.core.texts.message_book import LIMIT, Details, fill_answer, render, telltale
from surveillance.core.words import Privacy, Step
from surveillance.paths import config_folder

FOLDER = config_folder() / "messages"
ENGLISH = (FOLDER / "en.yaml").read_text(encoding="utf-8")


BOOKS = load_messages(FOLDER)
VISIT = Details(
    clinic="Elm Street Clinic",
    phone="+1 202-555-0199",
    patient_zone="America/New_York",
    day=date(2026, 9, 23),
    at=time(10, 45),
    zone="America/New_York",
    place="Imaging Centre North",
    examinations="MRI of the primary site, CT of the chest",
)
# Each weekday of a long month, the months whose letters cost more, and days of two digits in months of two digits.
DAYS = [date(2026, 9, day) for day in range(20, 27)] + [date(2026, 8, 26), date(2027, 3, 16), date(2026, 12, 27)]

# Language: encoding, parts of a neutral text without and with a first name, parts of a full one, a weekday, a month.
SHIPPED = {
    "en": ("GSM-7", 1, 2, 2, "Wednesday", "September"),
    "es": ("GSM-7", 1, 2, 2, "miércoles", "septiembre"),
    "fr": ("GSM-7", 1, 2, 2, "mercredi", "septembre"),
    "de": ("GSM-7", 1, 2, 2, "Mittwoch", "September"),
    "pt": ("GSM-7", 1, 2, 2, "quarta-feira", "setembro"),
    "ar": ("UCS-2", 2, 2, 3, "الأربعاء", "سبتمبر"),
    "zh-Hans": ("UCS-2", 2, 2, 3, "星期三", "9月"),
    "vi": ("UCS-2", 2, 2, 3, "Thứ Tư", "tháng 9"),
}


def test_the_shipped_books_have_every_text():
    assert set(BOOKS) == set(SHIPPED)
    for book in BOOKS.values():
        assert {(step, level) for step in book.steps for level in book.steps[step]} == {
            (step, level) for step in PLANNED_STEPS for level in Privacy
        }
        assert book.calendar.language == book.language


@pytest.mark.parametrize("language", SHIPPED)
def test_every_text_fits_its_parts_at_the_longest_usual_values(language):
    """One part of GSM-7, 160 characters, is the limit of the health care exemption, 47 CFR 64.1200(a)(9)(iv)."""
    name, bare, named, full, *_ = SHIPPED[language]
    for step in PLANNED_STEPS:
        for day in DAYS:
            for first_name, level, parts in (
                (None, Privacy.NEUTRAL, bare),
                ("Alexandra", Privacy.NEUTRAL, named),
                ("Alexandra", Privacy.FULL, full),
            ):
                sms = render(BOOKS[language], step, level, replace(VISIT, day=day, first_name=first_name), language).sms
                found = encoding(sms)
                assert (found.name, found.parts <= parts, found.characters <= LIMIT) == (name, True, True), sms


@pytest.mark.parametrize("language", SHIPPED)
def test_the_answers_to_stop_start_and_help_fit_their_parts_and_name_the_way_back(language):
    book = BOOKS[language]
    for text, word in ((book.stop_confirmation, "START"), (book.start_confirmation, "STOP"), (book.help, "STOP")):
        filled = fill_answer(book, text, VISIT, language)
        found = encoding(filled)
        assert (found.name, found.parts <= SHIPPED[language][1]) == (SHIPPED[language][0], True), filled
        assert word in filled


@pytest.mark.parametrize("language", SHIPPED)
def test_the_answers_to_a_confirmation_and_to_a_wish_name_the_day_and_fit_their_parts(language):
    book = BOOKS[language]
    for day in DAYS:
        for text in (book.confirmed, book.noted):
            filled = fill_answer(book, text, replace(VISIT, day=day), language)
            found = encoding(filled)
            assert (found.name, found.parts <= SHIPPED[language][1]) == (SHIPPED[language][0], True), filled
            assert f"{day.day}" in filled
            assert VISIT.phone in filled


@pytest.mark.parametrize("language", SHIPPED)
def test_each_reminder_of_a_visit_tells_how_to_confirm_it_and_how_to_ask_for_another_day(language):
    book = BOOKS[language]
    for step in (Step.DAYS_7, Step.DAYS_3, Step.DAYS_1):
        for level in Privacy:
            sms = render(replace(book, confirm=("QX",), reschedule=("QZ",)), step, level, VISIT, language).sms
            assert sms.count("QX") == sms.count("QZ") == 1, sms


@pytest.mark.parametrize("language", SHIPPED)
def test_a_neutral_text_holds_no_telltale_word_of_any_shipped_language_and_no_place(language):
    forbidden = tuple(word for book in BOOKS.values() for word in book.forbidden)
    for step in PLANNED_STEPS:
        rendered = render(BOOKS[language], step, Privacy.NEUTRAL, VISIT, language)
        for text in (rendered.sms, rendered.subject, rendered.body):
            assert VISIT.place not in text
            assert telltale(text, forbidden) is None, text


@pytest.mark.parametrize("language", SHIPPED)
def test_the_first_text_tells_how_to_stop_and_each_one_whom_to_call(language):
    for level in Privacy:
        assert "STOP" in render(BOOKS[language], Step.ON_BOOKING, level, VISIT, language).sms
        for step in PLANNED_STEPS:
            rendered = render(BOOKS[language], step, level, VISIT, language)
            assert all(VISIT.phone in text for text in (rendered.sms, rendered.body))


@pytest.mark.parametrize("language", SHIPPED)
def test_weekday_and_month_come_out_in_the_language(language):
    weekday, month = SHIPPED[language][4:]
    rendered = render(BOOKS[language], Step.DAYS_3, Privacy.NEUTRAL, VISIT, language)
    assert weekday in rendered.sms
    assert all(word in rendered.body and word in rendered.subject for word in (weekday, month))


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("fr", "mercredi 23 septembre 2026 à 14h30"),
        ("fr-CA", "mercredi 23 septembre 2026 à 14h30"),
        ("de", "Mittwoch, 23. September 2026, 14:30 Uhr"),
        ("pt-BR", "quarta-feira, 23 de setembro de 2026, 14:30"),
        ("ar", "الأربعاء 23/9/2026، 2:30 م"),
        ("ar-EG", "الأربعاء 23/9/2026، 2:30 م"),
        ("ar-MA", "الأربعاء 23/9/2026، 14:30"),
        ("zh-CN", "2026年9月23日星期三 14:30"),
        ("vi", "Thứ Tư, 23/9/2026, 14:30"),
    ],
)
def test_a_moment_is_written_as_its_readers_write_it(locale, expected):
    book = BOOKS["zh-Hans" if locale == "zh-CN" else locale.partition("-")[0]]
    assert expected in render(book, Step.DAYS_3, Privacy.NEUTRAL, replace(VISIT, at=time(14, 30)), locale).sms


@pytest.mark.parametrize("language", SHIPPED)
def test_a_letter_with_its_accents_is_one_character(language):
    text = (FOLDER / f"{language}.yaml").read_text(encoding="utf-8")
    assert unicodedata.is_normalized("NFC", text)


def test_arabic_begins_with_an_arabic_word_so_that_a_telephone_sets_the_line_from_the_right():
    for step in PLANNED_STEPS:
        for level in Privacy:
            rendered = render(BOOKS["ar"], step, level, VISIT, "ar")
            assert all(unicodedata.bidirectional(text[0]) == "AL" for text in (rendered.sms, rendered.body))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("language: en", "language: es", "must be 'en', as the file is named"),
        ("language: en", "language: english", "language"),
        (
            "it is time to arrange your next appointment.",
            "it is time to arrange your next scan.",
            "must not say 'scan'",
        ),
        ("your appointment is on {date}", "your appointment is on {day}", "{day} cannot be used here"),
        ("your appointment is on {date}", "your appointment is soon", "{date} is missing"),
        ("confirm: [C,", "confirm: [STOP,", "'STOP' already stops or starts"),
        ('title_proposed: "Proposed: {title}"', 'title_proposed: "Proposed"', "must have {title}"),
        ('made: "As of {date}"', 'made: "As of today"', "must have {date}"),
        ('one: "1 appointment", other', 'few: "1 appointment", other', "must have {count}"),
        ('one: "1 appointment", other', 'single: "1 appointment", other', "counts"),
        ('counts: { one: "1 appointment", ', "counts: { ", "'one' is missing"),
        ('title: "Your appointments"', 'title: "Your scans"', "must not say 'scan'"),
        ("stop_confirmation:", "stop_conformation:", "did you mean stop_confirmation?"),
        ('subject: "Your appointment on {date}"', "subject: 5", "must be text"),
        ("Tries left: {count}", "Try again", "must have {count}"),
        ("add_file:", "add_files:", "is not a text of the page"),
        ('retry_title: "Please try', 'retry_title: "Please scan', "must not say 'scan'"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_line(tmp_path, old, new, reason):
    path = tmp_path / "en.yaml"
    path.write_text(ENGLISH.replace(old, new, 1), encoding="utf-8")
    line = ENGLISH[: ENGLISH.index(old)].count("\n") + 1
    with pytest.raises(InvalidFileError) as refused:
        load_book(path)
    assert [problem for problem in refused.value.problems if problem.line == line and reason in problem.reason]


def test_the_mistakes_of_all_files_are_told_at_once(tmp_path):
    for language in ("en", "es", "zh-Hans"):
        text = (FOLDER / f"{language}.yaml").read_text(encoding="utf-8")
        (tmp_path / f"{language}.yaml").write_text(text.replace("  7d:", "  9d:"), encoding="utf-8")
    with pytest.raises(InvalidFileError) as refused:
        load_messages(tmp_path)
    assert {problem.file.rpartition("/")[2] for problem in refused.value.problems} == {
        "en.yaml",
        "es.yaml",
        "zh-Hans.yaml",
    }


def test_a_folder_without_texts_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="no message texts"):
        load_messages(tmp_path)
    with pytest.raises(ConfigurationError, match="not a directory"):
        load_messages(tmp_path / "nowhere")
