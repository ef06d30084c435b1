"""The fake keeps the promises that other tests build on: signed callbacks, inbound replies, a count that survives."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qsl

import pytest
from fakes.twilio_server import ACCOUNT_SID, AUTH_TOKEN, SENDER, FakeTwilio, TwilioProcess

from surveillance.providers.base import DeliveryError, Failure, Outgoing
from surveillance.providers.twilio import TwilioTransport, parse_status_callback, verify

PATIENT = "+14155550123"
Build = Callable[..., Outgoing]


class Webhook:
    """A clinic's webhook that keeps what it gets: address, headers, form."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str], dict[str, str]]] = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                webhook.calls.append((webhook.url(self.path), dict(self.headers), form))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    threading.Thread(target=hook.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


def test_callbacks_come_signed_in_the_order_and_number_asked_for(
    twilio: FakeTwilio, transport: TwilioTransport, webhook: Webhook, message: Build
) -> None:
    twilio.state.progress = ["delivered", "sent", "delivered", "undelivered:30003"]
    accepted = transport.send(message(callback_url=webhook.url("/status?attempt=7")))
    twilio.settle()
    reports = [parse_status_callback(form) for _, _, form in webhook.calls]
    assert [(each.status, each.error_code) for each in reports if each] == [
        ("delivered", None),
        ("sent", None),
        ("delivered", None),
        ("undelivered", 30003),
    ]
    assert {each.provider_id for each in reports if each} == {accepted.provider_id}
    assert all(verify([AUTH_TOKEN], url, form, head["X-Twilio-Signature"]) for url, head, form in webhook.calls)
    tokens = [headers["I-Twilio-Idempotency-Token"] for _, headers, _ in webhook.calls]
    assert tokens[0] == tokens[2]
    assert len(set(tokens)) == 3


def test_a_stop_arrives_signed_and_binds_the_number_until_start(
    twilio: FakeTwilio, transport: TwilioTransport, webhook: Webhook, message: Build
) -> None:
    assert twilio.inbound(webhook.url("/inbound"), PATIENT, " stop ")[0] == 204
    url, headers, form = webhook.calls[0]
    assert (form["From"], form["To"], form["Body"]) == (PATIENT, SENDER, " stop ")
    assert verify([AUTH_TOKEN], url, form, headers["X-Twilio-Signature"])
    with pytest.raises(DeliveryError) as caught:
        transport.send(message())
    assert caught.value.failure is Failure.OPTED_OUT
    twilio.inbound(webhook.url("/inbound"), PATIENT, "START")
    assert transport.send(message()).status == "queued"


@pytest.mark.parametrize("reply", ["stop please", "OPT OUT", "don't stop"])
def test_a_stop_inside_a_longer_reply_does_not_reach_twilios_filter(
    twilio: FakeTwilio, transport: TwilioTransport, webhook: Webhook, message: Build, reply: str
) -> None:
    twilio.inbound(webhook.url("/inbound"), PATIENT, reply)
    assert transport.send(message()).status == "queued"


def test_a_process_apart_keeps_its_count_over_a_kill(tmp_path: Path, message: Build) -> None:
    for count in (1, 2):
        with TwilioProcess(tmp_path / "accepted.jsonl") as apart:
            apart.order("behave", kind="drop_after", to=PATIENT)
            with pytest.raises(DeliveryError):
                TwilioTransport(ACCOUNT_SID, AUTH_TOKEN, from_=SENDER, api_url=apart.url).send(message())
            known = apart.snapshot()
            assert (len(known["messages"]), len(known["requests"])) == (count, 1)
    assert len((tmp_path / "accepted.jsonl").read_text(encoding="utf-8").splitlines()) == 2


def test_a_process_apart_obeys_orders(tmp_path: Path, webhook: Webhook, message: Build) -> None:
    with TwilioProcess(tmp_path / "accepted.jsonl") as apart:
        apart.order("configure", progress=["sent", "failed:30007"])
        transport = TwilioTransport(ACCOUNT_SID, AUTH_TOKEN, from_=SENDER, api_url=apart.url)
        transport.send(message(callback_url=webhook.url("/status")))
        apart.order("settle")
        assert [call["form"]["MessageStatus"] for call in apart.snapshot()["callbacks"]] == ["sent", "failed"]
        reply = {"url": webhook.url("/in"), "from": PATIENT, "body": "STOP"}
        assert apart.order("inbound", **reply)["status"] == 204
        assert apart.snapshot()["opted_out"] == [PATIENT]
        with pytest.raises(HTTPError):
            apart.order("nonsense")
        apart.order("reset")
        assert apart.snapshot()["messages"] == []
    assert (tmp_path / "accepted.jsonl").read_text(encoding="utf-8") == ""
