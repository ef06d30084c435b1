"""Message texts: what they say, what they must not say, and what they cost."""

from dataclasses import replace
from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.catalogue.messages import load_messages
from surveillance.core.encoding import Encoding, encoding, straight
from surveillance.core.errors import InvalidInputError
from surveillance.core.message_faults import faults
from surveillance.core.messages import LIMIT, Details, Template, choose_language, fill_reply, preview, render, telltale
from surveillance.core.words import Privacy, Step
from surveillance.paths import config_folder

BOOKS = load_messages(config_folder() / "messages")
EN, ES = BOOKS["en"], BOOKS["es"]
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
EVERY_TEXT = [(book, step, level) for book in BOOKS.values() for step in Step for level in Privacy]


def sms(step=Step.DAYS_7, book=EN, level=Privacy.NEUTRAL, locale="en-US", **changes):
    return render(book, step, level, replace(VISIT, **changes), locale).sms


@pytest.mark.parametrize(("book", "step", "level"), EVERY_TEXT)
@pytest.mark.parametrize("day", [date(2026, 9, 23), date(2026, 9, 26), date(2026, 2, 28)])
def test_every_shipped_text_fits_and_costs_at_most_two_parts(book, step, level, day):
    for locale in (book.language, f"{book.language}-US"):
        details = replace(VISIT, day=day, first_name="Alejandra")
        found = encoding(render(book, step, level, details, locale).sms)
        assert (found.name, found.parts <= 2, found.characters <= LIMIT) == ("GSM-7", True, True)


@pytest.mark.parametrize(("book", "step"), [(book, step) for book in BOOKS.values() for step in Step])
def test_every_neutral_text_without_a_name_is_one_part(book, step):
    """160 characters: the limit of the health care exemption, 47 CFR 64.1200(a)(9)(iv)."""
    assert preview(sms(step, book, locale=f"{book.language}-US")).encoding.parts == 1


@pytest.mark.parametrize(("book", "step"), [(book, step) for book in BOOKS.values() for step in Step])
def test_a_neutral_text_tells_nothing_of_the_examination_or_the_place(book, step):
    rendered = render(book, step, Privacy.NEUTRAL, VISIT, book.language)
    for text in (rendered.sms, rendered.subject, rendered.body):
        assert VISIT.place not in text
        assert telltale(text, EN.forbidden + ES.forbidden) is None


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
    assert "miércoles 23 de septiembre de 2026, 2:30 p.m. Para" in sms(book=ES, locale="es-US")


def test_a_saturday_in_spanish_leaves_the_weekday_out_of_the_text_but_not_of_the_email():
    rendered = render(ES, Step.DAYS_3, Privacy.NEUTRAL, replace(VISIT, day=date(2026, 9, 26)), "es")
    assert "el 26 de septiembre de 2026" in rendered.sms
    assert "sábado 26 de septiembre de 2026" in rendered.body


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
    ("text", "found"), [("The CT", "ct"), ("act", None), ("ONCÓLOGA", "oncolog"), ("doctor", None)]
)
def test_forbidden_words_are_found_whatever_their_case_and_accents(text, found):
    assert telltale(text, EN.forbidden) == found


def test_what_a_text_needs_must_be_known():
    with pytest.raises(InvalidInputError, match=r"\{date\}"):
        sms(day=None)
    with pytest.raises(InvalidInputError, match=r"\{place\}"):
        sms(level=Privacy.FULL, place="")


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
        ("vi", ["en", "es"], ["es", "en"], ("es", "es", True)),
        ("vi", ["en"], ["es", "en"], ("en", "en", True)),
    ],
)
def test_the_language_falls_back_from_region_to_base_to_the_sites_first(wanted, available, site, expected):
    choice = choose_language(wanted, available, site)
    assert (choice.language, choice.locale, choice.fell_back) == expected


def test_without_any_approved_language_nothing_is_chosen():
    with pytest.raises(InvalidInputError, match="approve one"):
        choose_language("es", [], ["en"])


@pytest.mark.parametrize("book", BOOKS.values())
def test_the_answers_to_stop_start_and_help_fit_one_part(book):
    for text in (book.stop_confirmation, book.start_confirmation, book.help):
        filled = fill_reply(text, "Riverside Clinic", "+1 202 555 0143")
        assert encoding(filled) == Encoding("GSM-7", len(filled), 1)
        assert telltale(filled, book.forbidden) is None


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
        (replace(EN, greeting="Hello."), ("greeting",), "{first_name} is missing"),
        (replace(EN, confirm=("YES",)), ("replies", "confirm", 0), "already stops or starts"),
        (replace(EN, reschedule=("R", "cancel")), ("replies", "reschedule", 1), "already stops or starts"),
        (replace(EN, reschedule=("C",)), ("replies",), "none may stand twice"),
        (replace(EN, confirm=()), ("replies",), "at least one word"),
    ],
)
def test_a_book_that_breaks_a_rule_is_refused_with_its_place(book, path, words):
    assert any(fault.path == path and words in fault.reason for fault in faults(book))


def test_the_shipped_books_keep_the_rules():
    assert [list(faults(book)) for book in BOOKS.values()] == [[], []]
    assert isinstance(EN.steps[Step.CANCEL][Privacy.FULL], Template)
