"""A site's own wording: what is refused with which reason, what is to be minded, what an approval was of."""

from dataclasses import replace
from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.catalogue.messages import load_messages
from surveillance.core.messages.policy import PLANNED_STEPS
from surveillance.core.texts.encoding import encoding
from surveillance.core.texts.invitations import wrong_invitations
from surveillance.core.texts.message_book import LIMIT, Details, Template
from surveillance.core.texts.wording import Remark, digest, filled, refusals, straightened, varied, warnings, with_texts
from surveillance.core.words import Privacy, Step
from surveillance.paths import config_folder

BOOKS = load_messages(config_folder() / "messages")
EN, ES, AR = BOOKS["en"], BOOKS["es"], BOOKS["ar"]
HERE = Details(
    clinic="Elm Clinic",
    phone="+1 202-555-0199",
    patient_zone="America/New_York",
    first_name="Ana",
    day=date(2026, 9, 23),
    at=time(10, 45),
    zone="America/New_York",
    place="Imaging Centre North",
    examinations="MRI of the primary site",
)
GOOD = "{clinic}: {date}, {time}. Call {phone}."


def own(sms=GOOD, subject="{date}", body=GOOD):
    return Template(sms, subject, body)


def refused(template, step=Step.DAYS_7, privacy=Privacy.NEUTRAL, book=EN, details=HERE):
    return refusals(book, step, privacy, template, varied(details))


@pytest.mark.parametrize(
    ("template", "part", "reason", "at"),
    [
        (own("{clinic} {dat} {date} {time}"), "sms", "holds {dat} at character 10: nothing fills it in", 10),
        (own("{clinic!r} {clinic} {date} {time}"), "sms", "holds {clinic!r} at character 1", 1),
        (own("{clinic} {date:>40} {date} {time}"), "sms", "holds {date:>40} at character 10", 10),
        (own("{clinic.x} {clinic} {date} {time}"), "sms", "holds {clinic.x} at character 1", 1),
        (own("{} {clinic} {date} {time}"), "sms", "holds {} at character 1", 1),
        (own("{clinic} {place} {date} {time}"), "sms", "holds {place} at character 10", 10),
        (own("{clinic} {date {time}"), "sms", "has a single '{' at character 16", 16),
        (own("{clinic} {date} {time} {"), "sms", "has a single '{' at character 24", 24),
        (own("} {clinic} {date} {time}"), "sms", "has a single '}' at character 1", 1),
        (own("{clinic} {date}"), "sms", "does not hold {time}: the reader needs it", None),
        (own(body="{clinic} {time} {phone}"), "body", "does not hold {date}", None),
        (own(""), "sms", "is empty", None),
        (own(subject="  "), "subject", "is empty", None),
        (own(GOOD + " Your MRI."), "sms", "says 'MRI' at character 46: a neutral text must not tell", 46),
        (own(subject="Oncólogy on {date}"), "subject", "says 'Oncólog' at character 1", 1),
        (own(body=GOOD + " an act; CT"), "body", "says 'CT' at character 49", 49),
        (own(GOOD + "x" * 299), "sms", "has 346 characters before it is filled; 320 is the most", None),
        (own(GOOD + "x" * 270), "sms", "cannot go out as it would be filled here: the SMS has", None),
        (own(GOOD + " Reply YES to confirm."), "sms", "invites to reply 'YES' at character 47: the network takes", 47),
        (own(GOOD + " reply yes to confirm."), "sms", "invites to reply 'yes' at character 47", 47),
        (own(GOOD + " Text 'end' if you can't."), "sms", "invites to reply 'end'", 47),
        (own(body=GOOD + " Reply STOP to confirm."), "body", "it stops all messages and does", 47),
    ],
)  # fmt: skip
def test_a_wording_that_breaks_is_refused_with_the_reason_and_where_it_stands(template, part, reason, at):
    found = refused(template)
    assert [(each.part, each.at) for each in found if reason in each.reason] == [(part, at)], found


def test_a_full_text_may_name_what_a_neutral_one_must_not():
    named = own("{clinic}: MRI, {examinations}, {place}, {date}, {time}, {phone}")
    assert refused(named, privacy=Privacy.FULL) == []
    assert {each.at for each in refused(named)} >= {11}


@pytest.mark.parametrize("short_name", ["Sarcoma Clinic", "MRI Suite", "City Oncology"])
def test_a_text_that_the_clinics_own_name_gives_away_is_refused(short_name):
    (found,) = refused(own(), details=replace(HERE, clinic=short_name))
    assert "must not say" in str(found)
    assert str(found).startswith("the text message cannot go out")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Reply YES to confirm", ["YES"]), ("responda CANCEL", ["CANCEL"]), ("Reply STOP to end texts.", []),
        ("Reply STOP to confirm.", ["STOP"]), ("Para anular su cita, responda STOP.", ["STOP"]),
        ("Responda ALTO para confirmar", ["ALTO"]), ("Responda ALTO para no recibir SMS", []),
        ("Antworten Sie mit YES", ["YES"]), ("Répondez par « CANCEL »", ["CANCEL"]), ("回复 STOP 确认", ["STOP"]),
        ("不想再收短信请回复 STOP。", []), ("أرسلوا STOP لتأكيد الموعد", ["STOP"]), ("Reply {confirm} to confirm.", []),
        ("To cancel, call {phone}.", []), ("At the end of the street", []), ("Please call for help", []),
        ("Reply C to confirm. Reply STOP to end texts. HELP for help.", []), ("UNSUBSCRIBE", ["UNSUBSCRIBE"]),
    ],
)  # fmt: skip
def test_words_that_providers_take_are_no_replies(text, words):
    assert [each.word for each in wrong_invitations(text)] == words


@pytest.mark.parametrize("book", BOOKS.values(), ids=list(BOOKS))
def test_every_text_that_the_service_brings_could_be_a_sites_own(book):
    for step in PLANNED_STEPS:
        for privacy in Privacy:
            template = book.steps[step][privacy]
            assert refused(template, step, privacy, book) == []
            notes = warnings(book, step, privacy, template, HERE)
            assert all("as the usual one" in str(note) for note in notes)


def minded(template, step=Step.DAYS_7, book=EN, details=HERE):
    return [str(note) for note in warnings(book, step, Privacy.NEUTRAL, template, details)]


def test_the_letter_that_doubles_the_price_is_named_with_its_place_and_another_one():
    (letter, *_) = minded(own(GOOD + " Señoría"))
    assert letter == (
        "the text message holds 'í' at character 46, which makes the message cost twice as much:"
        " write i or another word"
    )
    assert (
        "'🙂' at character 41, which makes the message cost twice as much: leave it out" in minded(own(GOOD + " 🙂"))[0]
    )
    assert "is filled with 'ę'" in minded(own(), details=replace(HERE, clinic="Klinika Dębowa"))[0]
    assert minded(own(GOOD), book=EN) == []


def test_a_language_that_is_always_dear_is_not_blamed_letter_by_letter():
    assert not any("twice" in note for note in minded(AR.steps[Step.DAYS_7][Privacy.NEUTRAL], book=AR))


def test_more_parts_no_number_and_no_way_to_stop_are_told():
    (parts,) = minded(own(GOOD + "x" * 150))
    assert parts == (
        "the text message takes 2 parts and costs as much as 2 messages; the text that the service brings takes 1"
    )
    assert minded(own("{clinic} {date} {time}")) == ["the text message gives no {phone}: its reader cannot call"]
    assert any("STOP ends" in note for note in minded(own(), Step.ON_BOOKING))
    assert not any("STOP ends" in note for note in minded(own(GOOD + " Reply STOP to end texts."), Step.ON_BOOKING))


def test_quotes_and_dashes_of_a_text_editor_are_sent_as_plain_ones():
    text = own("{clinic} “{date}” – {time}")
    (note,) = straightened(text.sms)
    assert (note.part, note.at) == ("sms", 10)
    assert (
        note.reason == "holds “ at character 10, ” at character 17, – at character 19; plain letters are sent instead"
    )
    assert straightened("a\u00a0b")[0].reason.startswith("holds an unusual space or mark at character 2")
    assert straightened(GOOD) == []
    assert encoding(filled(EN, Step.DAYS_7, Privacy.NEUTRAL, text, HERE).sms).name == "GSM-7"


_PIECES = st.sampled_from(
    ["{clinic}", "{date}", "{time}", "{phone}", "{greeting}", "{confirm}", "{", "}", "{{", "{x}", "{place}", " ", "CT",
     "STOP", "“", "é", "á", "🙂", "a word", ". ", "Reply ", "x" * 40, "موعد"]
)  # fmt: skip
_TEXTS = st.lists(_PIECES, max_size=12).map("".join)


@given(
    tail=_TEXTS,
    body=_TEXTS,
    step=st.sampled_from(PLANNED_STEPS),
    privacy=st.sampled_from(list(Privacy)),
    book=st.sampled_from(list(BOOKS.values())),
)
def test_whatever_is_accepted_goes_out_within_the_limit_whatever_the_visit(tail, body, step, privacy, book):
    template = own(GOOD + tail, body=GOOD + body)
    details = varied(HERE)
    if step in (Step.OVERDUE, Step.BOOK_NOW):
        template = own("{clinic} {phone}" + tail, "x", "{clinic} {phone}" + body)
        details = [replace(each, day=None, at=None, zone="") for each in details]
    if refusals(book, step, privacy, template, details):
        return
    for each in details:
        rendered = filled(book, step, privacy, template, each)
        assert 0 < encoding(rendered.sms).characters <= LIMIT
        assert "Elm Clinic" in rendered.sms
    assert all(isinstance(note, Remark) for note in warnings(book, step, privacy, template, details[0]))


def test_an_approval_is_of_every_text_that_a_patient_reads():
    key = (Step.DAYS_7, Privacy.NEUTRAL)
    other = with_texts(EN, {key: own()})
    assert other.steps[Step.DAYS_7][Privacy.NEUTRAL] == own()
    assert other.steps[Step.DAYS_7][Privacy.FULL] == EN.steps[Step.DAYS_7][Privacy.FULL]
    changed = [
        other,
        replace(EN, help="x"),
        replace(EN, sheet=replace(EN.sheet, title="x")),
        replace(EN, confirm=("K",)),
    ]
    assert len({digest(EN), *map(digest, changed)}) == 5
    assert digest(with_texts(EN, {key: EN.steps[Step.DAYS_7][Privacy.NEUTRAL]})) == digest(EN)
    assert digest(replace(EN, forbidden=("x",))) == digest(EN)
