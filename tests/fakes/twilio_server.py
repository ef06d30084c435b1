"""A Twilio on loopback: a real HTTP server that keeps the rules of the Messages API.

In a test:             ``with FakeTwilio() as twilio: ...``
As a process apart:    ``python tests/fakes/twilio_server.py --port 0 --state FILE`` prints its address first; what
it accepted stands in FILE as JSON lines *before* it answers, so a client that dies cannot change the count.
Everything can be steered by ``POST /_control`` with ``{"do": "behave", …}`` and seen by ``GET /_control``.

Source: https://www.twilio.com/docs/messaging/api/message-resource, …/docs/iam/test-credentials (magic numbers),
…/docs/usage/webhooks/webhooks-security (signature).
"""

import argparse
import base64
import hashlib
import hmac
import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from urllib.request import Request, urlopen

ACCOUNT_SID = "AC" + "0" * 31 + "1"
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
SENDER = "+15005550006"
SERVICE_SID = "MG" + "0" * 31 + "1"

MAGIC_TO = {
    "+15005550001": (21211, "Invalid 'To' Phone Number"),
    "+15005550002": (21612, "The 'To' phone number is not currently reachable via SMS"),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for the region"),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "'To' number is not a valid mobile number"),
}
MAGIC_FROM = {
    "+15005550001": (21212, "Invalid 'From' Phone Number"),
    "+15005550007": (21606, "The 'From' phone number is not a valid, SMS-capable Twilio phone number"),
    "+15005550008": (21611, "This 'From' number has exceeded the maximum number of queued messages"),
}
STOP_WORDS = {"STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"}
START_WORDS = {"START", "YES", "UNSTOP"}
ENDS = ("delivered", "undelivered", "failed", "canceled", "read")


@dataclass
class Message:
    """A Message resource as the server keeps it; times in UTC, ISO 8601."""

    sid: str
    to: str
    from_: str
    body: str
    status: str
    direction: str
    created: str
    service: str = ""
    sent: str = ""
    error_code: int | None = None
    callback: str = ""
    validity: int | None = None

    def as_json(self, redact: str) -> dict[str, Any]:
        """As Twilio writes it; ``redact`` hides "body" or "number" as the account's setting would."""
        number = re.sub(r"\d{4}$", "XXXX", self.to) if redact == "number" else self.to
        path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{self.sid}"
        return {
            "account_sid": ACCOUNT_SID,
            "api_version": "2010-04-01",
            "body": "" if redact else self.body,
            "date_created": _rfc2822(self.created),
            "date_sent": _rfc2822(self.sent),
            "date_updated": _rfc2822(self.sent or self.created),
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": None,
            "from": self.from_ or None,
            "messaging_service_sid": self.service or None,
            "num_media": "0",
            "num_segments": "0" if self.service else str(segments(self.body)),
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{path}/Media.json"},
            "to": number,
            "uri": f"{path}.json",
        }


@dataclass
class Behaviour:
    """What happens to a POST instead of the usual: for one number (``to``) or any, ``times`` times (-1: always).

    ``kind``: slow (only ``latency``), error (``status`` and ``code``, nothing accepted), drop_before,
    drop_after, hang_before, hang_after (the connection closes, or stays silent, before or after accepting),
    fault_after (accepted, then answered by ``status``), garbage (accepted, then answered by HTML).
    ``on`` is POST or GET; a GET knows slow, error, drop_before, hang_before and garbage.
    """

    kind: str
    to: str = ""
    times: int = 1
    latency: float = 0.0  # seconds
    status: int = 500
    code: int | None = None
    on: str = "POST"


@dataclass
class State:
    """All that the server knows; guarded by ``lock``."""

    messages: list[Message] = field(default_factory=list)
    behaviours: list[Behaviour] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)  # every POST that came in, accepted or not
    callbacks: list[dict[str, Any]] = field(default_factory=list)  # every webhook that went out
    opted_out: set[str] = field(default_factory=set)
    progress: list[str] = field(default_factory=lambda: ["sent", "delivered"])  # "undelivered:30003" has a code
    pause: float = 0.0  # seconds before each callback
    redact: str = ""
    services: set[str] = field(default_factory=lambda: {SERVICE_SID})
    senders: set[str] = field(default_factory=set)  # empty: any well-formed number is a sender
    lock: threading.RLock = field(default_factory=threading.RLock)

    def take_behaviour(self, method: str, to: str) -> Behaviour | None:
        with self.lock:
            for behaviour in self.behaviours:
                if behaviour.on == method and behaviour.to in ("", to) and behaviour.times != 0:
                    behaviour.times -= 1
                    return behaviour
        return None


class Refusal(Exception):  # noqa: N818  # an answer, not a fault
    def __init__(self, status: int, code: int, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


class FakeTwilio:
    """The server. ``messages`` is what it accepted to send, in order; ``posts`` how often it was asked to."""

    def __init__(self, *, port: int = 0, state: Path | None = None, hang_seconds: float = 30.0) -> None:
        self.account_sid, self.auth_token = ACCOUNT_SID, AUTH_TOKEN
        self.state = State()
        self.hang_seconds = hang_seconds
        self.stopping = threading.Event()
        self._file = state
        self._load()
        self._workers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="callbacks")
        self._pending: list[Any] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"twilio": self}))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> "FakeTwilio":
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def serve(self) -> None:
        self._http.serve_forever(poll_interval=0.05)

    @property
    def messages(self) -> list[Message]:
        with self.state.lock:
            return [message for message in self.state.messages if message.direction != "inbound"]

    @property
    def posts(self) -> int:
        return len(self.state.requests)

    def behave(self, kind: str, **options: Any) -> None:
        """Add a ``Behaviour``; the first one that fits a request is used."""
        with self.state.lock:
            self.state.behaviours.append(Behaviour(kind, **options))

    def reset(self) -> None:
        """Forget everything, the file included; settings return to their defaults."""
        with self.state.lock:
            self.state.__dict__.update({k: v for k, v in State().__dict__.items() if k != "lock"})
            if self._file:
                self._file.write_text("", encoding="utf-8")

    def accept(self, form: dict[str, str]) -> Message:
        """Check the fields as Twilio does and take the message.

        Raises:
            Refusal: a field is not acceptable.
        """
        service = form.get("MessagingServiceSid", "")
        self._check(form, service)
        message = Message(
            sid=f"SM{uuid.uuid4().hex}",
            to=form["To"],
            from_=form.get("From", ""),
            body=form["Body"],
            status="accepted" if service else "queued",
            direction="outbound-api",
            created=_now(),
            service=service,
            callback=form.get("StatusCallback", ""),
            validity=int(form["ValidityPeriod"]) if "ValidityPeriod" in form else None,
        )
        self._keep(message)
        return message

    def _check(self, form: dict[str, str], service: str) -> None:
        sender, body = form.get("From", ""), form.get("Body", "")
        if not sender and not service:
            raise Refusal(400, 21603, "A 'From' phone number is required.")
        if sender in MAGIC_FROM:
            raise Refusal(400, *MAGIC_FROM[sender])
        if self.state.senders and sender and sender not in self.state.senders:
            raise Refusal(400, *MAGIC_FROM["+15005550007"])
        if service and service not in self.state.services:
            raise Refusal(400, 21705, "The Messaging Service is invalid")
        self._check_recipient(form.get("To", ""))
        if not body:
            raise Refusal(400, 21602, "Message body is required.")
        if len(body) > 1600:
            raise Refusal(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        if "StatusCallback" in form and not re.match(r"https?://[^/\s_]+", form["StatusCallback"]):
            raise Refusal(400, 21609, "The 'StatusCallback' URL is not a valid URL.")
        validity = form.get("ValidityPeriod", "1")
        if not validity.isdecimal() or not 1 <= int(validity) <= 36_000:
            # Twilio's pages give the range and no code for it; 20001 is this server's choice.
            raise Refusal(400, 20001, "ValidityPeriod must be between 1 and 36000")

    def _check_recipient(self, to: str) -> None:
        if not to:
            raise Refusal(400, 21604, "A 'To' phone number is required.")
        if not re.fullmatch(r"\+[1-9]\d{6,14}", to):
            raise Refusal(400, 21211, f"Invalid 'To' Phone Number: {to}")
        if to in MAGIC_TO:
            raise Refusal(400, MAGIC_TO[to][0], f"{MAGIC_TO[to][1]}: {to}")
        if to in self.state.opted_out:
            raise Refusal(400, 21610, f"Attempt to send to unsubscribed recipient: {to}")

    def _keep(self, message: Message) -> None:
        with self.state.lock:
            self.state.messages.append(message)
            if self._file:
                with self._file.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(message)) + "\n")

    def _load(self) -> None:
        if self._file and self._file.exists():
            lines = self._file.read_text(encoding="utf-8").splitlines()
            self.state.messages = [Message(**json.loads(line)) for line in lines]

    # Webhooks

    def start_progress(self, message: Message) -> None:
        """Walk the message through ``state.progress``, in that order and with its repetitions, off this thread."""
        plan = list(self.state.progress)
        if plan:
            self._pending.append(self._workers.submit(self._walk, message, plan))

    def _walk(self, message: Message, plan: list[str]) -> None:
        for step in plan:
            if self.stopping.wait(self.state.pause):
                return
            status, _, code = step.partition(":")
            self._progress(message, status, int(code) if code else None)
            if message.callback:
                self.post_webhook(
                    message.callback, self._callback_form(message, status, code), f"{message.sid}{status}"
                )

    def _progress(self, message: Message, status: str, code: int | None) -> None:
        """The resource itself moves forward only, whatever order its callbacks are told to have."""
        with self.state.lock:
            if message.status not in ENDS:
                message.status = status
            message.sent = message.sent or _now()
            message.from_ = message.from_ or SENDER
            message.error_code = code or message.error_code

    def _callback_form(self, message: Message, status: str, code: str) -> dict[str, str]:
        form = {
            "MessageSid": message.sid, "SmsSid": message.sid, "MessageStatus": status, "SmsStatus": status,
            "To": message.to, "From": message.from_, "AccountSid": self.account_sid, "ApiVersion": "2010-04-01",
        }  # fmt: skip
        if message.service:
            form["MessagingServiceSid"] = message.service
        return form | ({"ErrorCode": code} if code else {})

    def post_webhook(self, url: str, form: dict[str, str], event: str) -> tuple[int, str]:
        """Post ``form`` signed; a repeated event carries the same idempotency token, as Twilio's retries do."""
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            "X-Twilio-Signature": signature(self.auth_token, url, form),
            "I-Twilio-Idempotency-Token": str(uuid.uuid5(uuid.NAMESPACE_URL, event)),
        }
        request = Request(url, data=urlencode(form).encode(), headers=headers, method="POST")
        try:
            with urlopen(request, timeout=15) as answer:
                result = (answer.status, answer.read().decode())
        except HTTPError as error:
            result = (error.code, error.read().decode(errors="replace"))
        except (URLError, OSError, http.client.HTTPException) as error:
            result = (0, str(error))
        with self.state.lock:
            self.state.callbacks.append({"url": url, "form": form, "headers": headers, "answer": result[0]})
        return result

    def inbound(self, url: str, from_: str, body: str, **extra: str) -> tuple[int, str]:
        """A reply arrives: Twilio keeps its own list of stops for single words, then tells the webhook at ``url``."""
        word = body.strip().upper()
        with self.state.lock:
            if word in STOP_WORDS:
                self.state.opted_out.add(from_)
            if word in START_WORDS:
                self.state.opted_out.discard(from_)
        message = Message(f"SM{uuid.uuid4().hex}", SENDER, from_, body, "received", "inbound", _now(), sent=_now())
        self._keep(message)
        form = {
            "MessageSid": message.sid, "SmsSid": message.sid, "SmsMessageSid": message.sid, "SmsStatus": "received",
            "AccountSid": self.account_sid, "From": from_, "To": SENDER, "Body": body, "NumMedia": "0",
            "NumSegments": str(segments(body)), "ApiVersion": "2010-04-01",
        } | extra  # fmt: skip
        return self.post_webhook(url, form, message.sid)

    def settle(self, timeout: float = 10.0) -> None:
        """Wait until the callbacks of all that was accepted so far are out."""
        wait(list(self._pending), timeout=timeout)

    def control(self, order: dict[str, Any]) -> dict[str, Any]:
        """One order of ``/_control``: reset, behave, configure, opt_out, opt_in, inbound, settle."""
        match order.pop("do", ""):
            case "reset":
                self.reset()
            case "behave":
                self.behave(**order)
            case "configure":
                with self.state.lock:
                    for name, value in order.items():
                        setattr(self.state, name, set(value) if name in ("services", "senders") else value)
            case "opt_out":
                self.state.opted_out.add(order["number"])
            case "opt_in":
                self.state.opted_out.discard(order["number"])
            case "inbound":
                status, text = self.inbound(order.pop("url"), order.pop("from"), order.pop("body"), **order)
                return {"status": status, "text": text}
            case "settle":
                self.settle(order.get("timeout", 10.0))
            case unknown:
                raise KeyError(f"no such order: {unknown!r}")
        return {"ok": True}

    def snapshot(self) -> dict[str, Any]:
        with self.state.lock:
            return {
                "messages": [asdict(message) for message in self.state.messages],
                "requests": self.state.requests,
                "callbacks": self.state.callbacks,
                "opted_out": sorted(self.state.opted_out),
            }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "FakeTwilio"
    twilio: FakeTwilio

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Numbers stand in the addresses, so nothing is logged."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self.path == "/_control":
            return self._control(json.loads(body))
        form = dict(parse_qsl(body, keep_blank_values=True))
        with self.twilio.state.lock:
            self.twilio.state.requests.append(form)
        return self._guard(lambda: self._create(form))

    def do_GET(self) -> None:
        if self.path == "/_control":
            return self._answer(200, self.twilio.snapshot())
        return self._guard(self._read)

    def _guard(self, handle: Any) -> None:
        try:
            self._authenticate()
            handle()
        except Refusal as refusal:
            self._refuse(refusal)

    def _authenticate(self) -> None:
        wanted = base64.b64encode(f"{self.twilio.account_sid}:{self.twilio.auth_token}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}":
            raise Refusal(401, 20003, "Authenticate")
        if not urlsplit(self.path).path.startswith(f"/2010-04-01/Accounts/{self.twilio.account_sid}/Messages"):
            raise Refusal(404, 20404, "The requested resource was not found")

    def _create(self, form: dict[str, str]) -> None:
        behaviour = self.twilio.state.take_behaviour("POST", form.get("To", "")) or Behaviour("slow")
        time.sleep(behaviour.latency)
        if self._ended_before(behaviour):
            return
        message = self.twilio.accept(form)
        answer = message.as_json("")
        self.twilio.start_progress(message)
        match behaviour.kind:
            case "drop_after":
                self._drop()
            case "hang_after":
                self._hang()
            case "fault_after":
                self._answer(behaviour.status, {"message": "fault", "status": behaviour.status})
            case "garbage":
                self._answer(200, "<html>a proxy's page</html>")
            case _:
                self._answer(201, answer)

    def _read(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        behaviour = self.twilio.state.take_behaviour("GET", query.get("To", "")) or Behaviour("slow")
        time.sleep(behaviour.latency)
        if self._ended_before(behaviour):
            return
        if behaviour.kind == "garbage":
            self._answer(200, "<html>a proxy's page</html>")
        elif parts.path.endswith("/Messages.json"):
            self._answer(200, self._page(parts.path, query))
        else:
            self._answer(200, self._one(parts.path).as_json(self.twilio.state.redact))

    def _one(self, path: str) -> Message:
        sid = path.rpartition("/")[2].removesuffix(".json")
        for message in self.twilio.state.messages:
            if message.sid == sid:
                return message
        raise Refusal(404, 20404, "The requested resource was not found")

    def _page(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        """Newest first. The filters by day go by the day of sending, which a queued message does not have."""
        redact = self.twilio.state.redact
        with self.twilio.state.lock:
            known = [message.as_json(redact) for message in reversed(self.twilio.state.messages)]
            days = {message.sid: message.sent[:10] for message in self.twilio.state.messages}
        chosen = [row for row in known if _fits(row, days[row["sid"]], query)]
        size, page = min(int(query.get("PageSize", 50)), 1000), int(query.get("Page", 0))
        rows, more = chosen[page * size : (page + 1) * size], len(chosen) > (page + 1) * size
        following = f"{path}?{urlencode(query | {'PageSize': size, 'Page': page + 1, 'PageToken': 'PAfake'})}"
        return {
            "messages": rows, "page": page, "page_size": size, "start": page * size, "end": page * size + len(rows),
            "uri": self.path, "first_page_uri": f"{path}?{urlencode(query | {'Page': 0})}",
            "next_page_uri": following if more else None, "previous_page_uri": None,
        }  # fmt: skip

    def _ended_before(self, behaviour: Behaviour) -> bool:
        """Whether the behaviour ended the request before anything was accepted."""
        if behaviour.kind == "error":
            raise Refusal(behaviour.status, behaviour.code or 0, "as configured")
        if behaviour.kind == "drop_before":
            self._drop()
        if behaviour.kind == "hang_before":
            self._hang()
        return behaviour.kind in ("drop_before", "hang_before")

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _hang(self) -> None:
        self.twilio.stopping.wait(self.twilio.hang_seconds)
        self.close_connection = True

    def _control(self, order: dict[str, Any]) -> None:
        try:
            self._answer(200, self.twilio.control(order))
        except (KeyError, TypeError) as error:
            self._answer(400, {"error": str(error)})

    def _refuse(self, refusal: Refusal) -> None:
        body: dict[str, Any] = {"message": refusal.text, "status": refusal.status}
        if refusal.code:
            body |= {"code": refusal.code, "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}"}
        self._answer(refusal.status, body)

    def _answer(self, status: int, body: dict[str, Any] | str) -> None:
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json" if isinstance(body, dict) else "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:  # the client was killed meanwhile: what was accepted stays accepted
            self.close_connection = True


class TwilioProcess:
    """The server as a process apart, killed at the end; what it accepted stays in ``state``."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.url = ""

    def __enter__(self) -> "TwilioProcess":
        command = [sys.executable, __file__, "--state", str(self.state)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def order(self, do: str, **fields: Any) -> dict[str, Any]:
        """Give one order of ``FakeTwilio.control``."""
        return self._call(json.dumps({"do": do} | fields).encode())

    def snapshot(self) -> dict[str, Any]:
        """Messages, requests, callbacks and opted-out numbers, as ``FakeTwilio.snapshot`` tells them."""
        return self._call(None)

    def _call(self, data: bytes | None) -> dict[str, Any]:
        with urlopen(Request(f"{self.url}/_control", data=data), timeout=15) as answer:
            result: dict[str, Any] = json.load(answer)
            return result


def signature(token: str, url: str, form: dict[str, str]) -> str:
    """Twilio's: base64 of HMAC-SHA1 over the address and each field, sorted by name, name then value."""
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def segments(body: str) -> int:
    """Parts of a message, near enough for a fake: ASCII as GSM-7, all else as UCS-2."""
    single, part = (160, 153) if body.isascii() else (70, 67)
    return 1 if len(body) <= single else -(-len(body) // part)


def _fits(row: dict[str, Any], sent: str, query: dict[str, str]) -> bool:
    if any(query.get(name, row[key]) != row[key] for name, key in (("To", "to"), ("From", "from"))):
        return False
    after, before, on = (query.get(name, "")[:10] for name in ("DateSent>", "DateSent<", "DateSent"))
    if (after or before or on) and not sent:
        return False
    tomorrow = (date.fromisoformat(before) + timedelta(days=1)).isoformat() if before else "9999"
    return after <= sent < tomorrow and on in ("", sent)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _rfc2822(moment: str) -> str | None:
    return format_datetime(datetime.fromisoformat(moment)) if moment else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--state", type=Path, help="JSON lines of what was accepted; read again at the start")
    options = parser.parse_args()
    twilio = FakeTwilio(port=options.port, state=options.state)
    sys.stdout.write(f"{twilio.url}\n")
    sys.stdout.flush()
    twilio.serve()


if __name__ == "__main__":
    main()
