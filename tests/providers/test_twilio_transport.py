"""The Twilio transport over real HTTP: what it posts, what each error becomes, and that nothing is posted twice."""

import dataclasses
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fakes.twilio_server import ACCOUNT_SID, AUTH_TOKEN, SENDER, SERVICE_SID, FakeTwilio, signature

from surveillance.core.errors import ConfigurationError
from surveillance.core.messages.delivery import StatusCallback
from surveillance.core.words import Channel
from surveillance.providers import twilio as twilio_module
from surveillance.providers.base import DeliveryError, Failure, Outgoing, Transport
from surveillance.providers.twilio import RULES, TwilioTransport, classify, failure_of, parse_status_callback, verify

PATIENT = "+14155550123"
CALLBACK = "https://clinic.example/webhooks/twilio/status?attempt=7"
Build = Callable[..., Outgoing]


def refusal(transport: TwilioTransport, message: Outgoing) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        transport.send(message)
    return caught.value


def refused_list(transport: TwilioTransport) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        transport.find(PATIENT, datetime.now(UTC))
    return caught.value


# What is posted


def test_the_transport_keeps_to_the_interface(transport: TwilioTransport) -> None:
    carrier: Transport = transport
    assert (carrier.channel, carrier.name, carrier.sender, carrier.timeout_seconds) == (
        Channel.SMS,
        "twilio",
        SENDER,
        2.5,
    )


def test_a_message_goes_out_once_with_sender_callback_and_validity(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build
) -> None:
    twilio.state.progress = []
    accepted = transport.send(message(callback_url=CALLBACK, validity_seconds=3600))
    [stored] = twilio.messages
    assert accepted.provider_id == stored.sid
    assert (accepted.status, accepted.sender, accepted.parts) == ("queued", SENDER, 1)
    assert twilio.state.requests == [
        {"To": PATIENT, "From": SENDER, "Body": stored.body, "StatusCallback": CALLBACK, "ValidityPeriod": "3600"}
    ]


def test_a_messaging_service_takes_the_place_of_the_sender(twilio: FakeTwilio, message: Build) -> None:
    transport = TwilioTransport(ACCOUNT_SID, AUTH_TOKEN, messaging_service_sid=SERVICE_SID, api_url=twilio.url)
    accepted = transport.send(message())
    assert (accepted.status, accepted.sender, accepted.parts) == ("accepted", SERVICE_SID, None)
    [posted] = twilio.state.requests
    assert posted["MessagingServiceSid"] == SERVICE_SID
    assert "From" not in posted


def test_letters_outside_ascii_arrive_as_they_were_written(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build
) -> None:
    text = "Clínica Olmo: cita el martes 3 de marzo a las 10:30 ✓ a+b&c=d%"
    transport.send(message(body=text))
    assert twilio.messages[0].body == text


def test_a_validity_beyond_ten_hours_is_cut_to_what_twilio_takes(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build
) -> None:
    transport.send(message(validity_seconds=90_000))
    assert twilio.messages[0].validity == 36_000


def test_a_message_whose_validity_has_run_out_is_not_posted(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build
) -> None:
    error = refusal(transport, message(validity_seconds=0))
    assert (error.failure, error.code, twilio.posts) == (Failure.RETRY, "expired", 0)


def test_the_environment_of_the_sdk_cannot_move_the_host(
    monkeypatch: pytest.MonkeyPatch, twilio: FakeTwilio, message: Build
) -> None:
    monkeypatch.setenv("TWILIO_EDGE", "sydney")
    monkeypatch.setenv("TWILIO_REGION", "au1")
    TwilioTransport(ACCOUNT_SID, AUTH_TOKEN, from_=SENDER, api_url=twilio.url).send(message())
    assert len(twilio.messages) == 1


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"account_sid": ""}, "TWILIO_ACCOUNT_SID"),
        ({"account_sid": "SK00/../x"}, "TWILIO_ACCOUNT_SID"),
        ({"auth_token": ""}, "TWILIO_AUTH_TOKEN"),
        ({"from_": ""}, "TWILIO_MESSAGING_SERVICE_SID"),
        ({"messaging_service_sid": SERVICE_SID}, "exactly one"),
        ({"api_url": "twilio.example"}, "TWILIO_API_URL"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(changes: dict[str, str], named: str) -> None:
    settings = {"account_sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN, "from_": SENDER} | changes
    with pytest.raises(ConfigurationError, match=named):
        TwilioTransport(**settings)  # type: ignore[arg-type]  # all of them are texts


# What each error becomes: one case for a row of the table in facts on messaging


@pytest.mark.parametrize(
    ("number", "code", "failure"),
    [
        ("+15005550001", "21211", Failure.PERMANENT),
        ("+15005550002", "21612", Failure.CONFIGURATION),
        ("+15005550003", "21408", Failure.CONFIGURATION),
        ("+15005550004", "21610", Failure.OPTED_OUT),
        ("+15005550009", "21614", Failure.PERMANENT),
    ],
)
def test_twilios_magic_numbers_mean_what_its_pages_say(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build, number: str, code: str, failure: Failure
) -> None:
    error = refusal(transport, message(to=number))
    assert (error.failure, error.code, error.retry_limit) == (failure, code, 0)
    assert twilio.messages == []


MEANINGS: list[tuple[int, Failure, int | None]] = [
    (20003, Failure.CREDENTIALS, None),
    (20005, Failure.CREDENTIALS, None),
    (20404, Failure.CREDENTIALS, None),
    (20429, Failure.RETRY, None),
    (21211, Failure.PERMANENT, 0),
    (21212, Failure.SENDER, None),
    (21408, Failure.CONFIGURATION, 0),
    (21603, Failure.SENDER, None),
    (21606, Failure.SENDER, None),
    (21608, Failure.CONFIGURATION, 0),
    (21609, Failure.CONFIGURATION, 0),
    (21610, Failure.OPTED_OUT, 0),
    (21611, Failure.RETRY, None),
    (21612, Failure.CONFIGURATION, 0),
    (21614, Failure.PERMANENT, 0),
    (21617, Failure.CONFIGURATION, 0),
    (21635, Failure.PERMANENT, 0),
    (21659, Failure.SENDER, None),
    (21701, Failure.SENDER, None),
    (21703, Failure.SENDER, None),
    (21704, Failure.SENDER, None),
    (21705, Failure.SENDER, None),
    (30001, Failure.RETRY, None),
    (30002, Failure.CREDENTIALS, None),
    (30003, Failure.RETRY, 2),
    (30004, Failure.PERMANENT, 0),
    (30005, Failure.RETRY, 1),
    (30006, Failure.PERMANENT, 0),
    (30007, Failure.BLOCKED, 0),
    (30008, Failure.RETRY, 2),
    (30024, Failure.SENDER, None),
    (30032, Failure.SENDER, None),
    (30034, Failure.SENDER, None),
    (30036, Failure.RETRY, None),
    (39999, Failure.BLOCKED, 0),
]


@pytest.mark.parametrize(("code", "failure", "limit"), MEANINGS)
def test_each_code_is_treated_alike_from_the_api_and_from_a_callback(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build, code: int, failure: Failure, limit: int | None
) -> None:
    twilio.behave("error", status=400, code=code)
    error = refusal(transport, message())
    called_back = failure_of(code)
    assert (error.failure, error.code, error.retry_limit) == (failure, str(code), limit)
    assert (called_back.failure, called_back.text) == (failure, error.text)
    assert str(code) in error.text
    assert twilio.posts == 1


def test_no_row_of_the_table_is_without_its_case() -> None:
    assert {code for code, _, _ in MEANINGS} - {39999} == set(RULES)
    assert all("{" not in classify(code).advice and "\n" not in classify(code).advice for code in RULES)


@pytest.mark.parametrize(
    ("changes", "code", "failure"),
    [
        ({"body": "x" * 1601}, "21617", Failure.CONFIGURATION),
        ({"to": "5550123"}, "21211", Failure.PERMANENT),
        ({"callback_url": "not an address"}, "21609", Failure.CONFIGURATION),
    ],
)
def test_fields_that_twilio_refuses_are_told_apart(
    transport: TwilioTransport, message: Build, changes: dict[str, str], code: str, failure: Failure
) -> None:
    error = refusal(transport, message(**changes))
    assert (error.code, error.failure) == (code, failure)


@pytest.mark.parametrize(
    ("sender", "code", "failure"),
    [
        ("+15005550001", "21212", Failure.SENDER),
        ("+15005550007", "21606", Failure.SENDER),
        ("+15005550008", "21611", Failure.RETRY),
    ],
)
def test_twilios_magic_senders_mean_what_its_pages_say(
    twilio: FakeTwilio, message: Build, sender: str, code: str, failure: Failure
) -> None:
    error = refusal(TwilioTransport(ACCOUNT_SID, AUTH_TOKEN, from_=sender, api_url=twilio.url), message())
    assert (error.code, error.failure) == (code, failure)


def test_an_unknown_messaging_service_is_trouble_with_the_sender(twilio: FakeTwilio, message: Build) -> None:
    transport = TwilioTransport(ACCOUNT_SID, AUTH_TOKEN, messaging_service_sid="MG404", api_url=twilio.url)
    assert refusal(transport, message()).failure is Failure.SENDER


@pytest.mark.parametrize(("sid", "token"), [(ACCOUNT_SID, "wrong"), ("ACnobody", AUTH_TOKEN)])
def test_wrong_credentials_give_one_clear_line(twilio: FakeTwilio, message: Build, sid: str, token: str) -> None:
    error = refusal(TwilioTransport(sid, token, from_=SENDER, api_url=twilio.url), message())
    assert error.failure is Failure.CREDENTIALS
    assert str(error) == (
        "Twilio refused the credentials (20003): check SURVEILLANCE_TWILIO_ACCOUNT_SID and "
        "SURVEILLANCE_TWILIO_AUTH_TOKEN"
    )


@pytest.mark.parametrize(
    ("status", "code", "failure"),
    [
        (401, "20003", Failure.CREDENTIALS),
        (403, "20003", Failure.CREDENTIALS),
        (429, "20429", Failure.RETRY),
        (302, "302", Failure.CONFIGURATION),
        (404, "404", Failure.CONFIGURATION),
        (408, "408", Failure.AMBIGUOUS),
        (500, "500", Failure.AMBIGUOUS),
        (502, "502", Failure.AMBIGUOUS),
        (503, "503", Failure.AMBIGUOUS),
    ],
)
def test_an_answer_without_twilios_code_is_judged_by_its_http_status(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build, status: int, code: str, failure: Failure
) -> None:
    twilio.behave("error", status=status)
    error = refusal(transport, message())
    assert (error.code, error.failure, twilio.posts) == (code, failure, 1)


# In doubt, and nothing is posted twice


@pytest.mark.parametrize(
    ("kind", "arrived"),
    [
        ("drop_after", True),
        ("hang_after", True),
        ("fault_after", True),
        ("garbage", True),
        ("drop_before", False),
        ("hang_before", False),
    ],
)
def test_a_lost_answer_is_ambiguous_and_posted_once(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build, kind: str, arrived: bool
) -> None:
    twilio.behave(kind, status=503)
    error = refusal(transport, message())
    assert (error.failure, twilio.posts, len(twilio.messages)) == (Failure.AMBIGUOUS, 1, int(arrived))


def test_a_connection_kept_from_the_last_message_is_not_a_second_try(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build
) -> None:
    transport.send(message())
    twilio.behave("drop_before")
    assert refusal(transport, message()).failure is Failure.AMBIGUOUS
    assert twilio.posts == 2


def test_a_slow_answer_within_the_timeout_is_an_answer(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build
) -> None:
    twilio.behave("slow", latency=0.2)
    assert transport.send(message()).provider_id == twilio.messages[0].sid


def test_no_connection_means_that_nothing_was_sent(message: Build) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        transport = TwilioTransport(
            ACCOUNT_SID, AUTH_TOKEN, from_=SENDER, api_url=f"http://127.0.0.1:{free.getsockname()[1]}"
        )
        error = refusal(transport, message())
    assert (error.failure, error.code) == (Failure.RETRY, "unreachable")


def test_an_older_failure_to_connect_does_not_colour_a_later_doubt(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build
) -> None:
    nobody = TwilioTransport(ACCOUNT_SID, AUTH_TOKEN, from_=SENDER, api_url="http://127.0.0.1:1")
    twilio.behave("drop_after")
    try:
        nobody.send(message())
    except DeliveryError:
        assert refusal(transport, message()).failure is Failure.AMBIGUOUS


class _Elsewhere(BaseHTTPRequestHandler):
    posts = 0

    def do_POST(self) -> None:
        type(self).posts += 1
        self.send_response(307)
        self.send_header("Location", f"http://{self.headers['Host']}/again")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""


@pytest.fixture
def redirecting() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), _Elsewhere)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_redirect_is_not_followed(redirecting: HTTPServer, message: Build) -> None:
    url = f"http://127.0.0.1:{redirecting.server_address[1]}"
    error = refusal(TwilioTransport(ACCOUNT_SID, AUTH_TOKEN, from_=SENDER, api_url=url), message())
    assert (error.failure, _Elsewhere.posts) == (Failure.CONFIGURATION, 1)


@pytest.mark.parametrize("kind", ["drop_after", "hang_after", "error", "garbage"])
def test_neither_number_nor_body_gets_into_a_log_or_a_traceback(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.DEBUG)
    twilio.behave(kind, status=400, code=21211)
    errors = [refusal(transport, message())]
    twilio.behave("garbage" if kind == "garbage" else "drop_before", on="GET")
    errors.append(refused_list(transport))
    told = caplog.text + "".join("".join(traceback.format_exception(error)) for error in errors)
    assert "4155550123" not in told
    assert "Elm Clinic" not in told


def test_a_list_that_cannot_be_reached_is_told_without_the_number_it_was_asked_for() -> None:
    nobody = TwilioTransport(ACCOUNT_SID, AUTH_TOKEN, from_=SENDER, api_url="http://127.0.0.1:1")
    error = refused_list(nobody)
    assert error.failure is Failure.RETRY
    assert "4155550123" not in "".join(traceback.format_exception(error))


# Looking for what was sent


def test_a_message_whose_answer_was_lost_is_found(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build
) -> None:
    since = datetime.now(UTC)
    twilio.state.progress = []
    twilio.behave("drop_after")
    refusal(transport, message())
    [found] = transport.find(PATIENT, since)
    [stored] = twilio.messages
    assert (found.provider_id, found.to, found.body, found.status) == (stored.sid, PATIENT, stored.body, "queued")
    assert (found.sent_at, found.error_code, found.redacted) == (None, None, False)
    assert abs(found.created_at - since) < timedelta(seconds=5)


def test_only_outbound_messages_to_that_number_since_then_are_listed_newest_first(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build
) -> None:
    for number in (PATIENT, "+14155550199", PATIENT, PATIENT):
        transport.send(message(to=number))
    twilio.settle()
    old, other, middle, new = twilio.messages
    now = datetime.now(UTC)
    for sent, minutes in ((old, 60), (other, 0), (middle, 2), (new, 1)):
        sent.created = (now - timedelta(minutes=minutes)).isoformat()
    reply = dataclasses.replace(new, sid="SMreply", direction="inbound")
    twilio.state.messages.append(reply)
    found = transport.find(PATIENT, now - timedelta(minutes=5))
    assert [each.provider_id for each in found] == [new.sid, middle.sid]


@pytest.mark.parametrize(("behind", "seen"), [(59, True), (62, False)])
def test_a_clock_that_is_a_minute_behind_hides_nothing(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build, behind: int, seen: bool
) -> None:
    transport.send(message())
    since = datetime.now(UTC)
    twilio.messages[0].created = (since - timedelta(seconds=behind)).isoformat()
    assert bool(transport.find(PATIENT, since)) is seen


def test_the_list_is_read_over_several_pages(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio_module, "PAGE_SIZE", 2)
    for _ in range(5):
        transport.send(message())
    found = transport.find(PATIENT, datetime.now(UTC))
    assert {each.provider_id for each in found} == {each.sid for each in twilio.messages}
    assert len(found) == 5


def test_a_list_without_end_counts_as_unreadable(
    transport: TwilioTransport, message: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio_module, "MOST_LISTED", 2)
    for _ in range(3):
        transport.send(message())
    error = refused_list(transport)
    assert (error.failure, error.code) == (Failure.AMBIGUOUS, "too_many")


def test_a_redacted_body_is_told(transport: TwilioTransport, twilio: FakeTwilio, message: Build) -> None:
    since = datetime.now(UTC)
    transport.send(message())
    twilio.state.redact = "body"
    [found] = transport.find(PATIENT, since)
    assert (found.redacted, found.body) == (True, "")


def test_absence_is_not_believed_where_numbers_are_redacted(
    transport: TwilioTransport, twilio: FakeTwilio, message: Build
) -> None:
    transport.send(message())
    twilio.state.redact = "number"
    error = refused_list(transport)
    assert (error.failure, error.code) == (Failure.AMBIGUOUS, "redacted")


def test_an_empty_list_of_an_account_that_shows_numbers_means_absent(
    transport: TwilioTransport, message: Build
) -> None:
    transport.send(message(to="+14155550199"))
    assert transport.find(PATIENT, datetime.now(UTC)) == []


@pytest.mark.parametrize(
    ("kind", "options", "failure"),
    [
        ("error", {"status": 503}, Failure.AMBIGUOUS),
        ("error", {"status": 429, "code": 20429}, Failure.RETRY),
        ("error", {"status": 401, "code": 20003}, Failure.CREDENTIALS),
        ("drop_before", {}, Failure.AMBIGUOUS),
        ("hang_before", {}, Failure.AMBIGUOUS),
        ("garbage", {}, Failure.AMBIGUOUS),
    ],
)
def test_a_list_that_cannot_be_read_is_never_an_empty_list(
    transport: TwilioTransport, twilio: FakeTwilio, kind: str, options: dict[str, int], failure: Failure
) -> None:
    twilio.behave(kind, on="GET", **options)
    assert refused_list(transport).failure is failure


# Webhooks

FORM = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": PATIENT, "Body": "é & +"}


@pytest.mark.parametrize(
    ("tokens", "right"),
    [
        (["new"], True),
        (["new", "old"], True),
        (["old", "new"], True),
        (["old"], False),
        ([], False),
        ([""], False),
    ],
)
def test_a_signature_by_any_of_the_tokens_is_accepted(tokens: list[str], right: bool) -> None:
    assert verify(tokens, CALLBACK, FORM, signature("new", CALLBACK, FORM)) is right


def test_an_empty_token_is_never_a_key() -> None:
    assert not verify(["", "right"], CALLBACK, FORM, signature("", CALLBACK, FORM))


@pytest.mark.parametrize(
    ("url", "form"),
    [
        (CALLBACK.replace("7", "8"), FORM),
        (CALLBACK.replace("clinic", "evil"), FORM),
        (CALLBACK, FORM | {"MessageStatus": "failed"}),
        (CALLBACK, FORM | {"Extra": "1"}),
    ],
)
def test_a_signature_covers_the_address_and_every_field(url: str, form: dict[str, str]) -> None:
    assert not verify([AUTH_TOKEN], url, form, signature(AUTH_TOKEN, CALLBACK, FORM))


@pytest.mark.parametrize("given", ["", "é", "AAAA"])
def test_a_signature_that_is_none_is_refused(given: str) -> None:
    assert not verify([AUTH_TOKEN], CALLBACK, FORM, given)


@pytest.mark.parametrize(
    ("form", "report"),
    [
        (FORM, StatusCallback("SM1", "delivered", None)),
        ({"SmsSid": "SM2", "SmsStatus": "sent"}, StatusCallback("SM2", "sent", None)),
        (
            {"MessageSid": "SM3", "MessageStatus": "undelivered", "ErrorCode": "30003"},
            StatusCallback("SM3", "undelivered", 30003),
        ),
        ({"MessageSid": "SM3", "MessageStatus": "failed", "ErrorCode": ""}, StatusCallback("SM3", "failed", None)),
        ({"MessageStatus": "sent"}, None),
        ({"MessageSid": "SM1"}, None),
        ({}, None),
    ],
)
def test_a_status_callback_is_read_from_its_fields(form: dict[str, str], report: StatusCallback | None) -> None:
    assert parse_status_callback(form) == report
