"""Twilio's webhooks, signed and posted by a Twilio on loopback to the real application."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
import uvicorn
from fakes.clinic import NOON, TOKEN, Carrier, Clinic, Clock, lived_in, open_clinic
from fakes.twilio_server import ACCOUNT_SID, AUTH_TOKEN, SENDER, FakeTwilio, signature
from fastapi.testclient import TestClient
from web_clinic import web_of

from surveillance.core.words import AttemptState, Channel, ReminderState, Step
from surveillance.operations.replies import decisions
from surveillance.providers.twilio import TwilioTransport
from surveillance.settings import Settings
from surveillance.store.tables import Callback, Consent, Inbound, Number

AFTER = NOON + timedelta(minutes=11)
STATUS = "/webhooks/twilio/status"
INBOUND = "/webhooks/twilio/inbound"
PHONE = "+12025550101"


@pytest.fixture
def clinic(engine: sa.Engine) -> Clinic:
    def live(clinic: Clinic) -> None:
        clinic.book(clinic.patient())
        clinic.tick(AFTER)

    return lived_in(engine, "told of a visit", live)


@pytest.fixture
def client(clinic: Clinic) -> TestClient:
    return TestClient(web_of(clinic.app, clinic.clock), base_url="https://behind.a.proxy")


def post(client: TestClient, path: str, form: dict[str, str], *, token: str = TOKEN, sign: str | None = None) -> int:
    """What Twilio would post to the public address, whatever host the proxy asks for."""
    signed = sign if sign is not None else signature(token, f"https://clinic.example{path}", form)
    return client.post(path, data=form, headers={"X-Twilio-Signature": signed}).status_code


def report(status: str, code: str = "", sid: str = "SM0000sms") -> dict[str, str]:
    return {"MessageSid": sid, "MessageStatus": status, "To": PHONE} | ({"ErrorCode": code} if code else {})


def reply(body: str, sid: str = "SMin1", **extra: str) -> dict[str, str]:
    return {"MessageSid": sid, "From": PHONE, "To": "+15005550006", "Body": body} | extra


def test_a_signed_report_moves_the_message_on(clinic: Clinic, client: TestClient) -> None:
    assert post(client, STATUS, report("delivered")) == 204
    assert clinic.row(Step.ON_BOOKING).state is ReminderState.DELIVERED
    assert clinic.attempts()[0].state is AttemptState.DELIVERED


def here(path: str) -> str:
    return f"https://clinic.example{path}"


FORGED: dict[str, Callable[[str, dict[str, str]], tuple[str, str, dict[str, str], dict[str, str]]]] = {
    # what is posted where, with which signature and other headers
    "no signature": lambda path, form: (path, "", form, {}),
    "no signature at all": lambda path, form: (path, "bm8=", form, {}),
    "that of another form": lambda path, form: (path, signature(TOKEN, here(path), {"MessageSid": "SM2"}), form, {}),
    "another token": lambda path, form: (path, signature("f" * 32, here(path), form), form, {}),
    "a changed field": lambda path, form: (path, signature(TOKEN, here(path), form), form | {"To": "+1"}, {}),
    "one more field": lambda path, form: (path, signature(TOKEN, here(path), form), form | {"OptOutType": "STOP"}, {}),
    "a field less": lambda path, form: (path, signature(TOKEN, here(path), form | {"Body": "x"}), form, {}),
    "a changed query": lambda path, form: (f"{path}?attempt=1", signature(TOKEN, here(path), form), form, {}),
    "another webhook": lambda path, form: (path, signature(TOKEN, here(f"{path}s"), form), form, {}),
    "another host": lambda path, form: (
        path,
        signature(TOKEN, f"https://evil.example{path}", form),
        form,
        {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
    ),
    "plain http": lambda path, form: (path, signature(TOKEN, f"http://clinic.example{path}", form), form, {}),
}


@pytest.mark.parametrize("path", [STATUS, INBOUND])
def test_a_forged_request_is_refused_and_nothing_of_it_is_kept(sqlite_engine: sa.Engine, path: str) -> None:
    clinic = open_clinic(sqlite_engine)
    client = TestClient(web_of(clinic.app, clinic.clock), base_url="https://behind.a.proxy")
    let_in = []
    for case, forge in FORGED.items():
        form = {"MessageSid": "SM1", "From": PHONE, "Body": "STOP", "MessageStatus": "delivered"}
        if case == "a field less":
            form.pop("Body")
        where, signed, posted, headers = forge(path, form)
        answer = client.post(where, data=posted, headers={"X-Twilio-Signature": signed} | headers)
        if (answer.status_code, answer.text) != (403, "The signature is not right.\n"):
            let_in.append(case)
    assert let_in == []
    assert (clinic.all(Callback), clinic.all(Inbound), clinic.all(Number)) == ([], [], [])


@pytest.mark.parametrize("missing", ["MessageSid", "From"])
def test_a_message_that_names_no_sender_is_refused_without_a_word_of_it_in_the_log(clinic, client, capsys, missing):
    form = {name: value for name, value in reply("my secret illness").items() if name != missing}
    signed = signature(TOKEN, here(INBOUND), form)
    answer = client.post(INBOUND, data=form, headers={"X-Twilio-Signature": signed})
    assert (answer.status_code, f"needs {missing}" in answer.text) == (422, True)
    assert "secret" not in answer.text + "".join(capsys.readouterr())
    assert clinic.all(Inbound) == []


def test_the_signature_covers_the_query_of_the_public_address(clinic: Clinic, client: TestClient) -> None:
    path = f"{STATUS}?attempt={clinic.attempts()[0].id}"
    other = signature(TOKEN, f"https://clinic.example{STATUS}", report("sent"))
    assert post(client, path, report("sent"), sign=other) == 403
    assert post(client, path, report("sent")) == 204


def test_while_a_token_is_rotated_the_old_one_still_counts(clinic: Clinic) -> None:
    settings = Settings(
        public_url="https://clinic.example",
        twilio_auth_token="new" * 11,  # type: ignore[arg-type]
        twilio_auth_token_previous=TOKEN,  # type: ignore[arg-type]
    )
    app = type(clinic.app)(settings, clinic.app.engine, clinic.app.catalogue, clinic.app.transports)
    client = TestClient(web_of(app, clinic.clock))
    assert [post(client, STATUS, report("sent"), token=token) for token in (TOKEN, "new" * 11, "none")] == [
        204,
        204,
        403,
    ]


def test_reports_in_any_order_and_repeated_never_move_back_from_the_end(clinic: Clinic, client: TestClient) -> None:
    for status in ("delivered", "sent", "queued", "delivered", "sent"):
        assert post(client, STATUS, report(status)) == 204
    assert clinic.row(Step.ON_BOOKING).state is ReminderState.DELIVERED
    assert clinic.attempts()[0].provider_status == "delivered"
    assert len(clinic.all(Callback)) == 3


def test_a_report_that_comes_before_its_answer_is_kept_until_the_message_is_known(clinic: Clinic) -> None:
    clinic.clock.turn(days=16, hours=-2)  # 10:00 on 17 June
    with TestClient(web_of(clinic.app, clinic.clock)) as client:
        assert post(client, STATUS, report("delivered", sid="SM0001sms")) == 204
    assert clinic.all(Callback)[0].applied is False
    clinic.tick()
    assert clinic.row(Step.DAYS_7).state is ReminderState.DELIVERED


def test_stop_binds_the_number_at_once_and_is_not_answered_twice(clinic: Clinic, client: TestClient) -> None:
    form = reply("STOP", OptOutType="STOP")
    answer = client.post(
        INBOUND,
        data=form,
        headers={"X-Twilio-Signature": signature(TOKEN, f"https://clinic.example{INBOUND}", form)},
    )
    assert (answer.status_code, answer.text) == (200, '<?xml version="1.0" encoding="UTF-8"?><Response/>')
    post(client, INBOUND, form)
    (number,) = clinic.all(Number)
    assert number.opted_out_at == clinic.clock()
    assert len(clinic.all(Inbound)) == 1
    assert sum(row.act == "withdrawn" for row in clinic.all(Consent)) == 1


@pytest.mark.parametrize("body", ["STOP 12345"])
def test_a_reply_that_may_be_an_opt_out_pauses_the_number_until_a_person_decides(clinic, client, body: str) -> None:
    post(client, INBOUND, reply(body))
    (row,) = clinic.all(Inbound)
    assert (row.handled_at, clinic.all(Number)[0].paused_at) == (None, clinic.clock())
    clinic.tick(clinic.clock.turn(days=16, hours=-1))
    assert len(clinic.sms.taken) == 1
    with clinic.work() as work:
        decisions.settle_reply(work, row.id, opt_out=False, note="meant another clinic")
    clinic.tick(clinic.clock.turn(minutes=16))
    assert len(clinic.sms.taken) == 2


def test_start_lets_texts_go_out_again(clinic: Clinic, client: TestClient) -> None:
    post(client, INBOUND, reply("STOP"))
    clinic.clock.turn(minutes=1)
    post(client, INBOUND, reply("START", sid="SMin2"))
    clinic.tick(clinic.clock.turn(days=16, hours=-1))
    assert len(clinic.sms.taken) == 2


@pytest.mark.parametrize("body", ["Which entrance?"])
def test_every_other_reply_waits_for_a_person(clinic, client, body: str) -> None:
    post(client, INBOUND, reply(body))
    (row,) = clinic.all(Inbound)
    assert (row.body, row.handled_at, clinic.all(Number)) == (body, None, [])


def test_a_report_about_nothing_is_taken_and_forgotten(clinic: Clinic, client: TestClient) -> None:
    assert post(client, STATUS, {"AccountSid": ACCOUNT_SID}) == 204
    assert post(client, f"{STATUS}?attempt=nonsense", report("sent", sid="SM-other")) == 204
    assert [row.applied for row in clinic.all(Callback)] == [False]


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def served(clinic: Clinic, port: int) -> Iterator[None]:
    """The application behind a real socket."""
    server = uvicorn.Server(
        uvicorn.Config(web_of(clinic.app, clinic.clock), port=port, log_config=None, lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield
    server.should_exit = True
    thread.join(5)


def test_a_message_goes_to_twilio_and_comes_back_as_delivered(sqlite_engine: sa.Engine, free_port: int) -> None:
    """The whole way over real sockets: SDK, fake Twilio, signed callbacks, application."""
    with FakeTwilio() as twilio:
        transport = TwilioTransport(ACCOUNT_SID, AUTH_TOKEN, from_=SENDER, api_url=twilio.url)
        clock = Clock()
        clinic = open_clinic(sqlite_engine, clock, transports=[transport, Carrier(Channel.EMAIL, clock)])
        public = Settings(public_url=f"http://127.0.0.1:{free_port}", twilio_auth_token=AUTH_TOKEN)  # type: ignore[arg-type]
        clinic.app = type(clinic.app)(public, sqlite_engine, clinic.app.catalogue, clinic.app.transports)
        twilio.state.progress = ["sent", "sent", "delivered"]
        clinic.book(clinic.patient())
        with served(clinic, free_port):
            clinic.tick(AFTER)
            twilio.settle()
    assert [call["answer"] for call in twilio.state.callbacks] == [204, 204, 204]
    assert clinic.row(Step.ON_BOOKING).state is ReminderState.DELIVERED
