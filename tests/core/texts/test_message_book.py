"""Message texts: what they say, what they must not say, and what they cost."""

from dataclasses import replace
from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.catalogue.messages import load_messages
from surveillance.core.errors import InvalidInputError
from surveillance.core.messages.policy import PLANNED_STEPS
from surveillance.core.texts.encoding import Encoding, encoding, straight
from surveillance.core.texts.faults import faults
from surveillance.core.texts.message_book import (
    LIMIT,
    Details,
    Template,
    choose_language,
    fill_answer,
    preview,
    render,
    telltale,
)
from surveillance.core.words import Privacy, Step
from surveillance.paths import config_folder

BOOKS = load_messages(config_folder() / "messages")
EN, ES, AR = BOOKS["en"], BOOKS["es"], BOOKS["ar"]
NEW_YORK = "America/New_York"
VISIT = Details(
    clinic="Riverside Clinic",
    phone="+1 202 555 0143",
    patient_zone=NEW_YORK,
    day=date(2026, 9, 23),
    at=time(14, 30),
    zone=NEW_YORK,
    place="Riverside Hospital, entrance B",
    examinations="MRI and chest CT",
)
EVERY_TEXT = [(book, step, level) for book in BOOKS.values() for step in PLANNED_STEPS for level in Privacy]


def sms(step=Step.DAYS_7, book=EN, level=Privacy.NEUTRAL, locale="en-US", **changes):
    return render(book, step, level, replace(VISIT, **changes), locale).sms


@given(
    day=st.dates(date(2026, 1, 1), date(2036, 12, 31)),
    at=st.times(),
    text=st.sampled_from(EVERY_TEXT),
    first_name=st.sampled_from([None, "Ana", "Sofía", "Nguyễn", "M{x}"]),
    zone=st.sampled_from([NEW_YORK, "Pacific/Auckland"]),
)
def test_every_text_renders_for_every_day_within_the_limit(day, at, text, first_name, zone):
    book, step, level = text
    details = replace(VISIT, day=day, at=at, first_name=first_name, patient_zone=zone)
    rendered = render(book, step, level, details, book.language)
    assert encoding(rendered.sms).characters <= LIMIT
    assert (first_name or "Riverside") in rendered.sms
    assert "{" not in rendered.sms.replace("{x}", "")
    assert "\n" not in rendered.subject


def test_a_message_states_day_and_time_as_the_reader_writes_them():
    assert "Wednesday, September 23, 2026, 2:30 PM" in sms(locale="en-US")
    assert "Wednesday, 23 September 2026, 14:30" in sms(locale="en-GB")
    assert "miércoles 23 de septiembre de 2026, 14:30" in sms(book=ES, locale="es")
    assert "miércoles 23 de septiembre de 2026, 2:30 p.m. Responda" in sms(book=ES, locale="es-US")


def test_a_saturday_in_spanish_leaves_the_weekday_out_of_the_text_but_not_of_the_email():
    rendered = render(ES, Step.DAYS_3, Privacy.NEUTRAL, replace(VISIT, day=date(2026, 9, 26)), "es")
    assert "el 26 de septiembre de 2026" in rendered.sms
    assert "sábado 26 de septiembre de 2026" in rendered.body


def test_a_month_or_weekday_that_doubles_the_price_is_written_another_way_in_the_text_but_not_in_the_email():
    cases = [
        ("fr", date(2026, 8, 26), "du mercredi 26/08/2026", "mercredi 26 août 2026"),
        ("pt", date(2026, 9, 22), "22 de setembro de 2026", "terça-feira, 22 de setembro de 2026"),
        ("pt", date(2027, 3, 17), "quarta-feira, 17/03/2027", "quarta-feira, 17 de março de 2027"),
        ("pt", date(2027, 3, 20), "20/03/2027", "sábado, 20 de março de 2027"),
    ]
    for language, day, short, long in cases:
        rendered = render(BOOKS[language], Step.DAYS_7, Privacy.NEUTRAL, replace(VISIT, day=day), language)
        assert short in rendered.sms
        assert long in rendered.body
        assert encoding(rendered.sms).name == "GSM-7"


def test_a_phone_number_in_arabic_keeps_its_order():
    """After Arabic letters the groups of a number are shown from right to left unless a mark precedes it."""
    rendered = render(AR, Step.DAYS_7, Privacy.NEUTRAL, VISIT, "ar")
    assert "\u200e" + VISIT.phone in rendered.sms
    assert rendered.body.count("\u200e" + VISIT.phone) == 1
    assert "\u200e" not in sms()
    assert "\u200e" + VISIT.phone in fill_answer(AR, AR.help, VISIT, "ar")


def test_the_time_is_the_places_and_says_so_to_a_patient_elsewhere():
    assert "2:30 PM (local time there)" in sms(patient_zone="America/Los_Angeles")
    assert "(local" not in sms(patient_zone="America/Toronto")  # another zone with the same clock


def test_the_first_name_stands_only_where_it_is_given():
    assert sms(first_name="Ana").startswith("Hello Ana. Riverside Clinic: ")
    assert sms().startswith("Riverside Clinic: ")


def test_a_name_that_means_something_is_still_only_a_name():
    assert "Brain" in sms(first_name="Brain")


@pytest.mark.parametrize("clinic", ["Sarcoma Centre", "City Oncology", "Oncología Norte", "MRI Suite", "Chest Clinic"])
def test_a_clinic_whose_name_tells_too_much_is_refused_at_the_neutral_level(clinic):
    with pytest.raises(InvalidInputError, match="must not say"):
        sms(clinic=clinic)


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("en", "The CT", "ct"), ("en", "act", None), ("en", "ONCÓLOGA", "oncolog"), ("en", "doctor", None),
        ("ar", "موعد للأشعة غدًا", "اشعة"), ("ar", "والأورام", "اورام"), ("ar", "ضرورية", None),
        ("zh-Hans", "请来做核磁共振。", "核磁"), ("vi", "chụp hình", "chup"), ("vi", "bất cứ lúc nào", None),
        ("de", "Krebsberatung", "krebs"), ("fr", "Cancérologie", "cancer"), ("pt", "Câncer", "cancer"),
    ],
)  # fmt: skip
def test_forbidden_words_are_found_whatever_their_case_and_accents_and_what_is_written_onto_them(language, text, found):
    assert telltale(text, BOOKS[language].forbidden) == found


def test_what_a_text_needs_must_be_known():
    with pytest.raises(InvalidInputError, match=r"\{date\}"):
        sms(day=None)
    with pytest.raises(InvalidInputError, match=r"\{place\}"):
        sms(level=Privacy.FULL, place="")


def test_an_answer_writes_day_and_time_as_the_message_did():
    august = replace(VISIT, day=date(2026, 8, 26))
    assert fill_answer(EN, EN.confirmed, VISIT, "en-GB") == (
        "Riverside Clinic: thank you, we expect you on Wednesday, 23 September 2026, 14:30. Questions: +1 202 555 0143."
    )
    assert "mercredi 26/08/2026" in fill_answer(BOOKS["fr"], BOOKS["fr"].noted, august, "fr")
    elsewhere = replace(VISIT, patient_zone="America/Los_Angeles")
    assert "2:30 PM (local time there)" in fill_answer(EN, EN.confirmed, elsewhere, "en-US")
    with pytest.raises(InvalidInputError, match=r"\{date\}"):
        fill_answer(EN, EN.noted, replace(VISIT, day=None), "en")
    with pytest.raises(InvalidInputError, match="more than 320"):
        fill_answer(EN, EN.noted, replace(VISIT, clinic="x" * 300), "en")


def test_a_text_over_the_limit_is_refused():
    with pytest.raises(InvalidInputError, match="more than 320"):
        sms(level=Privacy.FULL, place="x" * 300)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("GSM-7", 0, 0)), ("a" * 160, ("GSM-7", 160, 1)), ("a" * 161, ("GSM-7", 161, 2)),
        ("a" * 306, ("GSM-7", 306, 2)), ("a" * 307, ("GSM-7", 307, 3)), ("é" * 160, ("GSM-7", 160, 1)),
        ("€" * 80, ("GSM-7", 160, 1)), ("€" * 81, ("GSM-7", 162, 2)), ("á", ("UCS-2", 1, 1)),
        ("á" * 70, ("UCS-2", 70, 1)), ("á" * 71, ("UCS-2", 71, 2)), ("á" * 134, ("UCS-2", 134, 2)),
        ("á" * 135, ("UCS-2", 135, 3)), ("🙂" * 35, ("UCS-2", 70, 1)), ("ñ¿¡üÑ", ("GSM-7", 5, 1)),
        ("€" * 153, ("GSM-7", 306, 3)),  # 153 is odd: a pair is never divided, so a part ends one short
        ("🙂" * 67, ("UCS-2", 134, 3)), ("\u202f", ("UCS-2", 1, 1)), ("’", ("UCS-2", 1, 1)),
    ],
)  # fmt: skip
def test_encoding_counts_as_the_network_does(text, expected):
    assert encoding(text) == Encoding(*expected)


def test_typographic_letters_that_double_the_price_are_made_plain():
    assert straight("2:30\u202fPM “it’s” – a\u00a0b…") == '2:30 PM "it\'s" - a b...'


@pytest.mark.parametrize(
    ("text", "kept"), [("2:30\u200e PM\u200f", "2:30 PM"), ("موعد \u200e+1 202", "موعد \u200e+1 202")]
)
def test_marks_of_direction_stay_only_where_letters_run_from_right_to_left(text, kept):
    assert straight(text) == kept


@given(st.text())
def test_one_part_more_never_comes_from_fewer_characters(text):
    found = encoding(text)
    each = 153 if found.name == "GSM-7" else 67
    assert found.characters <= max(found.parts * each, 160)
    assert found.parts <= found.characters


def test_a_preview_tells_the_price_of_all_parts():
    assert preview("a" * 161, Decimal("0.0079")).cost == Decimal("0.0158")
    assert preview("a").cost is None


@pytest.mark.parametrize(
    ("wanted", "available", "site", "expected"),
    [
        ("es-MX", ["en", "es", "es-MX"], ["en"], ("es-MX", "es-MX", False)),
        ("es-MX", ["en", "es"], ["en"], ("es", "es-MX", False)),
        ("es_MX", ["en", "es"], ["en"], ("es", "es-MX", False)),
        ("es", ["en", "es"], ["en"], ("es", "es", False)),
        ("en-XX", ["en"], ["en"], ("en", "en", False)),
        ("zh-CN", ["en", "zh-Hans"], ["en"], ("zh-Hans", "zh-CN", False)),
        ("zh", ["en", "zh-Hans"], ["en"], ("zh-Hans", "zh", False)),
        ("zh-Hans-SG", ["en", "zh-Hans"], ["en"], ("zh-Hans", "zh-Hans-SG", False)),
        ("zh-CN", ["en", "zh"], ["en"], ("zh", "zh-CN", False)),
        ("zh-TW", ["en", "zh-Hans", "zh"], ["en"], ("en", "en", True)),  # another script
        ("zh-Hant", ["en", "zh-Hans"], ["en"], ("en", "en", True)),
        ("ar-US", ["en", "ar"], ["en"], ("ar", "ar", False)),
        ("pt-BR", ["en", "pt"], ["en"], ("pt", "pt-BR", False)),
        ("vi", ["en", "es"], ["es", "en"], ("es", "es", True)),
        ("vi", ["en"], ["es", "en"], ("en", "en", True)),
    ],
)
def test_the_language_falls_back_from_region_to_script_to_base_to_the_sites_first(wanted, available, site, expected):
    choice = choose_language(wanted, available, site)
    assert (choice.language, choice.locale, choice.fell_back) == expected


def test_without_any_approved_language_nothing_is_chosen():
    with pytest.raises(InvalidInputError, match="approve one"):
        choose_language("es", [], ["en"])


def with_text(**changes):
    levels = {**EN.steps[Step.DAYS_1], Privacy.NEUTRAL: replace(EN.steps[Step.DAYS_1][Privacy.NEUTRAL], **changes)}
    return replace(EN, steps={**EN.steps, Step.DAYS_1: levels})


GOOD = "{clinic} {date} {time} {phone}"


@pytest.mark.parametrize(
    ("book", "path", "words"),
    [
        (with_text(sms=GOOD + "{surname}"), ("steps", "1d", "neutral", "sms"), "{surname} cannot be used here"),
        (
            with_text(sms=GOOD + "{clinic.title}"),
            ("steps", "1d", "neutral", "sms"),
            "{clinic.title} cannot be used here",
        ),
        (with_text(sms=GOOD + "{phone!r}"), ("steps", "1d", "neutral", "sms"), "cannot be used"),
        (with_text(sms=GOOD + "{}"), ("steps", "1d", "neutral", "sms"), "cannot be used"),
        (with_text(sms=GOOD + "{date:%d}"), ("steps", "1d", "neutral", "sms"), "cannot be used"),
        (with_text(sms=GOOD + "{"), ("steps", "1d", "neutral", "sms"), "unpaired brace"),
        (with_text(sms="{clinic} {date} {phone}"), ("steps", "1d", "neutral", "sms"), "{time} is missing"),
        (with_text(sms=GOOD + "{examinations}"), ("steps", "1d", "neutral", "sms"), "cannot be used here"),
        (with_text(sms=GOOD + " your scan"), ("steps", "1d", "neutral", "sms"), "must not say 'scan'"),
        (with_text(subject="Your MRI"), ("steps", "1d", "neutral", "subject"), "must not say 'mri'"),
        (with_text(sms=GOOD + "x" * 320), ("steps", "1d", "neutral", "sms"), "longer than 320"),
        (replace(EN, steps={}), ("steps", "1d", "full"), "are missing"),
        (replace(EN, confirmed="{clinic}: see you {date}."), ("confirmed",), "{time} is missing"),
        (replace(EN, noted="{clinic}: not {date}? {phone} {place}"), ("noted",), "{place} cannot be used here"),
        (replace(EN, noted="{clinic} {date} {phone}: another day for your scan"), ("noted",), "must not say 'scan'"),
        (replace(EN, help="{clinic} {phone}" + "x" * 320), ("help",), "longer than 320"),
        (replace(EN, greeting="Hello."), ("greeting",), "{first_name} is missing"),
        (replace(EN, confirm=("YES",)), ("replies", "confirm", 0), "already stops or starts"),
        (replace(EN, reschedule=("R", "cancel")), ("replies", "reschedule", 1), "already stops or starts"),
        (replace(EN, reschedule=("C",)), ("replies",), "none may stand twice"),
        (replace(EN, confirm=()), ("replies",), "at least one word"),
        (
            replace(AR, sheet=replace(AR.sheet, counts={"one": "موعد واحد", "other": "{count} موعد"})),
            ("sheet", "counts"),
            "'few' is missing",
        ),
        (replace(EN, sheet=replace(EN.sheet, counts={"one": "1 scan"})), ("sheet", "counts", "one"), "must not say"),
        (replace(EN, calendar=replace(EN.calendar, title="Scan")), ("calendar", "title"), "must not say 'scan'"),
    ],
)
def test_a_book_that_breaks_a_rule_is_refused_with_its_place(book, path, words):
    assert any(fault.path == path and words in fault.reason for fault in faults(book))


def test_the_shipped_books_keep_the_rules():
    assert [fault for book in BOOKS.values() for fault in faults(book)] == []
    assert isinstance(EN.steps[Step.CANCEL][Privacy.FULL], Template)
