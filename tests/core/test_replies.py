"""What a reply says about being sent messages at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.replies import Keyword, asks_another_day, classify_keyword, might_be_opt_out

TWILIO = ["STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"]
BY_RULE = ["stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"]  # 47 CFR 64.1200(a)(10)


@pytest.mark.parametrize("word", [*TWILIO, *BY_RULE, "opt-out", "Opt  Out", "BAJA", "alto", "Pare", "basta"])
@pytest.mark.parametrize("form", ["{}", " {}\n", "{}.", "«{}»!!", "{} \U0001f44d"])
def test_a_word_of_opting_out_is_one_in_any_dress(word, form):
    assert classify_keyword(form.format(word), None) is Keyword.STOP
    assert might_be_opt_out(word)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("START", Keyword.START), ("Yes", Keyword.START), ("unstop!", Keyword.START), ("ALTA", Keyword.START),
        ("help", Keyword.HELP), ("INFO", Keyword.HELP), ("¿Ayuda?", Keyword.HELP), ("ＳＴＯＰ", Keyword.STOP),
        ("C", Keyword.NONE), ("1", Keyword.NONE), ("R", Keyword.NONE), ("", Keyword.NONE), ("👍", Keyword.NONE),
        ("STOP PLEASE", Keyword.NONE), ("STOP 12345", Keyword.NONE), ("yes I will come", Keyword.NONE),
    ],
)  # fmt: skip
def test_only_a_reply_that_is_nothing_but_a_keyword_is_one(body, expected):
    assert classify_keyword(body, None) is expected


@pytest.mark.parametrize(
    ("type_", "expected"), [("STOP", Keyword.STOP), ("HELP", Keyword.HELP), ("START", Keyword.START)]
)
def test_the_provider_has_the_last_word_where_it_has_already_answered(type_, expected):
    assert classify_keyword("whatever", type_) is expected


@pytest.mark.parametrize(
    "body",
    [
        "STOP PLEASE", "STOP 12345", "don't stop", "please don't text me", "Please do not contact me anymore",
        "dont send me messages", "Stop texting my mother", "I want to opt out of this", "unsubscribe me pls",
        "please cancel these", "no more messages", "Leave me alone!", "take me off your list", "Wrong number",
        "who is this?", "I don’t want these", "remove me", "I revoke my consent", "quit sending these",
        "no me escriban más", "No me mande mensajes", "por favor no envíen más", "deje de escribirme",
        "quiero darme de baja", "ya no quiero mensajes", "número equivocado", "Se equivocó de persona",
        "Dejen de molestar", "elimíneme de la lista", "cancele esto", "no quiero recibir nada",
    ],
)  # fmt: skip
def test_free_text_that_might_be_an_opt_out_is_caught(body):
    assert might_be_opt_out(body)
    assert classify_keyword(body, None) is Keyword.NONE


@pytest.mark.parametrize(
    "body",
    ["C", "R", "1", "2", "ok thanks", "I will be there", "See you next weekend", "Can I come at 3 instead?",
     "Running late",
     "Where do I park?", "Sí, voy", "Gracias", "¿A qué hora es?", "Llego tarde", "Necesito otra hora",
     "Mi madre vendrá", ""],
)  # fmt: skip
def test_ordinary_replies_pause_nobody(body):
    assert not might_be_opt_out(body)


@given(st.text())
def test_no_reply_whatever_breaks_the_reading(body):
    assert classify_keyword(body, None) in Keyword
    assert might_be_opt_out(body) in (True, False)


@given(st.text(), st.sampled_from(["stop", "unsubscribe", "cancel", "no me escriba"]), st.text())
def test_a_word_of_opting_out_is_seen_wherever_it_stands(before, word, after):
    assert might_be_opt_out(f"{before} {word} {after}")


@pytest.mark.parametrize(
    "body",
    [
        "Can we reschedule?", "I can't make it on Tuesday", "Could you move my MRI to next week", "another day please",
        "That date does not work for me", "necesito cambiar la cita", "No puedo ir ese día", "otra fecha por favor",
    ],
)  # fmt: skip
def test_a_wish_for_another_day_is_seen(body: str) -> None:
    assert asks_another_day(body)


@pytest.mark.parametrize("body", ["OK, see you then", "I am ill", "Thank you", "gracias, allí estaré", "Where is it?"])
def test_other_free_text_is_an_ordinary_reply(body: str) -> None:
    assert not asks_another_day(body)
