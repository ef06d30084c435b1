"""Email over a real SMTP server on loopback: what arrives, and what each refusal becomes."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import icalendar
import pytest
from fakes.smtp_server import FakeSmtpServer

from surveillance.core.errors import ConfigurationError
from surveillance.core.words import Channel
from surveillance.providers.base import DeliveryError, Failure, Outgoing, Transport
from surveillance.providers.smtp import Server, SmtpTransport, parse_url

SENDER = "Elm Clinic <visits@elm.example>"
PATIENT = "ana@patient.example"
CALENDAR = "\r\n".join(
    [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Elm//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        "UID:7@elm.example",
        "DTSTAMP:20260101T000000Z",
        "DTSTART:20260303T093000Z",
        "SUMMARY:Cita en la Clínica Olmo",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
).encode()
Build = Callable[..., Outgoing]


def transport_to(server: FakeSmtpServer, **options: object) -> SmtpTransport:
    return SmtpTransport(f"smtp://127.0.0.1:{server.port}", SENDER, step_timeout=10.0, **options)  # type: ignore[arg-type]


def refusal(transport: SmtpTransport, message: Outgoing) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        transport.send(message)
    return caught.value


@pytest.fixture
def email(message: Build) -> Build:
    def build(**changes: object) -> Outgoing:
        return message(**({"to": PATIENT, "subject": "Your visit", "body": "Tuesday at 10:30"} | changes))

    return build


# What arrives


def test_the_transport_keeps_to_the_interface(mail_server: FakeSmtpServer) -> None:
    carrier: Transport = transport_to(mail_server)
    assert (carrier.channel, carrier.name, carrier.sender) == (Channel.EMAIL, "smtp", SENDER)
    assert carrier.timeout_seconds >= 1.0


def test_text_and_html_arrive_as_alternatives(mail_server: FakeSmtpServer, email: Build) -> None:
    text, html = "Clínica Olmo: martes 3 de marzo, 10:30 ✓\n.\nHasta pronto", "<p>Clínica <b>Olmo</b></p>"
    accepted = transport_to(mail_server).send(email(body=text, html=html, subject="Su cita en la Clínica"))
    [mail] = mail_server.mails
    assert (mail.sender, mail.recipients) == ("visits@elm.example", (PATIENT,))
    assert mail.message.get_content_type() == "multipart/alternative"
    assert mail.message["Subject"] == "Su cita en la Clínica"
    assert mail.message["Message-ID"] == accepted.provider_id
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message["Date"]
    plain, rich = (mail.message.get_body(("plain",)), mail.message.get_body(("html",)))
    assert plain is not None
    assert rich is not None
    assert plain.get_content().split() == text.split()
    assert rich.get_content().strip() == html
    assert mail.raw.isascii()


def test_the_message_id_is_the_attempts_own(mail_server: FakeSmtpServer, email: Build) -> None:
    transport = transport_to(mail_server)
    ids = [transport.send(email(attempt_id=attempt)).provider_id for attempt in ("a-1", "a-1", "a-2")]
    assert ids == ["<a-1@elm.example>", "<a-1@elm.example>", "<a-2@elm.example>"]


def test_a_calendar_comes_as_an_alternative_and_as_a_file(mail_server: FakeSmtpServer, email: Build) -> None:
    transport_to(mail_server).send(email(html="<p>x</p>", calendar=CALENDAR))
    [mail] = mail_server.mails
    assert mail.message.get_content_type() == "multipart/mixed"
    kinds = [part.get_content_type() for part in mail.message.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "text/calendar", "text/calendar"]
    inline, attached = [part for part in mail.message.walk() if part.get_content_type() == "text/calendar"]
    assert inline.get_content_disposition() is None
    assert (attached.get_content_disposition(), attached.get_filename()) == ("attachment", "visit.ics")
    for part in (inline, attached):
        assert (part.get_param("method"), part.get_content_charset()) == ("PUBLISH", "utf-8")
        assert part.get_payload(decode=True) == CALENDAR
    [event] = icalendar.Calendar.from_ical(CALENDAR.decode()).walk("VEVENT")
    assert str(event["SUMMARY"]) in inline.get_content()


def test_the_calendars_own_method_is_named_in_the_mime_part(mail_server: FakeSmtpServer, email: Build) -> None:
    transport_to(mail_server).send(email(calendar=CALENDAR.replace(b"METHOD:PUBLISH", b"METHOD:CANCEL")))
    [mail] = mail_server.mails
    assert {part.get_param("method") for part in mail.message.walk() if "calendar" in part.get_content_type()} == {
        "CANCEL"
    }


# What is refused before it goes anywhere


@pytest.mark.parametrize(
    "to",
    [
        "",
        "ana",
        "ana@",
        "@patient.example",
        "a@b.example, c@d.example",
        "Ana <ana@patient.example>",
        "ana@patient.example\r\nBcc: all@patient.example",
        "ána@patient.example",
    ],
)
def test_what_is_not_one_address_is_never_handed_over(mail_server: FakeSmtpServer, email: Build, to: str) -> None:
    assert refusal(transport_to(mail_server), email(to=to)).failure is Failure.PERMANENT
    assert mail_server.mails == []


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Visit\r\nBcc: all@patient.example"},
        {"subject": "Visit\nX: y"},
        {"attempt_id": "1>\r\nBcc: all@patient.example"},
        {"attempt_id": ""},
    ],
)
def test_no_header_can_be_smuggled_in(mail_server: FakeSmtpServer, email: Build, changes: dict[str, str]) -> None:
    assert refusal(transport_to(mail_server), email(**changes)).failure is Failure.CONFIGURATION
    assert mail_server.mails == []


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", Server("smtp", "mail.example", 25)),
        ("smtps://u:p%40ss@mail.example", Server("smtps", "mail.example", 465, "u", "p@ss")),
        ("smtp+starttls://u%40x:p@mail.example:2587", Server("smtp+starttls", "mail.example", 2587, "u@x", "p")),
    ],
)
def test_a_servers_address_is_read_with_its_usual_port(url: str, server: Server) -> None:
    assert parse_url(url) == server
    assert "p@ss" not in repr(parse_url(url))


@pytest.mark.parametrize("url", ["", "mail.example:25", "https://mail.example", "smtp://", "smtp://u:secret@h:port"])
def test_an_address_that_is_none_is_told_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SURVEILLANCE_SMTP_URL") as caught:
        parse_url(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("sender", ["", "Elm Clinic", "a@b.example\r\nBcc: c@d.example", "Elm <nobody>"])
def test_a_sender_without_an_address_is_refused_at_the_start(sender: str) -> None:
    with pytest.raises(ConfigurationError, match="SURVEILLANCE_EMAIL_FROM"):
        SmtpTransport("smtp://mail.example", sender)


# What the server's answers become


@pytest.mark.parametrize(
    ("verb", "answer", "failure", "code"),
    [
        ("RCPT", "550 5.1.1 no such user", Failure.PERMANENT, "550"),
        ("RCPT", "451 4.7.1 greylisted", Failure.RETRY, "451"),
        ("MAIL", "553 5.1.8 not your address", Failure.SENDER, "553"),
        ("MAIL", "452 4.3.1 full", Failure.RETRY, "452"),
        ("MAIL", "530 5.7.0 authentication required", Failure.CREDENTIALS, "530"),
        ("DATA", "554 5.7.1 looks like spam", Failure.BLOCKED, "554"),
        ("DATA", "451 4.3.0 later", Failure.RETRY, "451"),
    ],
)
def test_a_refusal_is_judged_by_its_place_and_its_class(
    mail_server: FakeSmtpServer, email: Build, verb: str, answer: str, failure: Failure, code: str
) -> None:
    mail_server.refusals[verb] = answer
    error = refusal(transport_to(mail_server), email())
    assert (error.failure, error.code) == (failure, code)
    assert PATIENT not in error.text
    assert mail_server.mails == []


@pytest.mark.parametrize("way", ["hang", "drop"])
@pytest.mark.parametrize(
    ("verb", "failure"), [("MAIL", Failure.RETRY), ("RCPT", Failure.RETRY), ("DATA", Failure.AMBIGUOUS)]
)
def test_silence_is_in_doubt_only_after_data(
    mail_server: FakeSmtpServer, email: Build, way: str, verb: str, failure: Failure
) -> None:
    setattr(mail_server, way, verb)
    transport = SmtpTransport(f"smtp://127.0.0.1:{mail_server.port}", SENDER, step_timeout=0.3)
    assert refusal(transport, email()).failure is failure
    assert len(mail_server.mails) == (1 if verb == "DATA" else 0)


def test_no_connection_means_that_nothing_was_sent(email: Build) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        error = refusal(SmtpTransport(f"smtp://127.0.0.1:{free.getsockname()[1]}", SENDER), email())
    assert (error.failure, error.code) == (Failure.RETRY, "unreachable")


def test_a_server_without_starttls_gets_nothing(mail_server: FakeSmtpServer, email: Build) -> None:
    transport = SmtpTransport(f"smtp+starttls://127.0.0.1:{mail_server.port}", SENDER)
    assert refusal(transport, email()).failure is Failure.CONFIGURATION
    assert mail_server.mails == []


def test_a_mail_server_keeps_no_list_so_a_doubt_is_for_a_person(mail_server: FakeSmtpServer) -> None:
    with pytest.raises(DeliveryError) as caught:
        transport_to(mail_server).find(PATIENT, datetime.now(UTC))
    assert caught.value.failure is Failure.AMBIGUOUS


# Encrypted and signed in


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    openssl = shutil.which("openssl")
    assert openssl, "these tests make a certificate with the openssl command: install it"
    folder = tmp_path_factory.mktemp("certificate")
    chain, key = folder / "chain.pem", folder / "key.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", chain],
        check=True, capture_output=True,
    )  # fmt: skip
    return chain, key


@pytest.fixture
def server_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def trusting(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate[0]))


def encrypting(scheme: str, context: ssl.SSLContext) -> FakeSmtpServer:
    return FakeSmtpServer(smtps=context) if scheme == "smtps" else FakeSmtpServer(starttls=context)


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_email_goes_out_encrypted(
    scheme: str, server_context: ssl.SSLContext, trusting: ssl.SSLContext, email: Build
) -> None:
    with encrypting(scheme, server_context) as server:
        SmtpTransport(f"{scheme}://127.0.0.1:{server.port}", SENDER, context=trusting).send(email())
        assert len(server.mails) == 1


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_a_certificate_that_nobody_vouches_for_stops_the_message(
    scheme: str, server_context: ssl.SSLContext, email: Build
) -> None:
    with encrypting(scheme, server_context) as server:
        error = refusal(SmtpTransport(f"{scheme}://127.0.0.1:{server.port}", SENDER), email())
        assert (error.failure, error.code, server.mails) == (Failure.CONFIGURATION, "certificate", [])


@pytest.mark.parametrize(("password", "failure"), [("right", None), ("wrong", Failure.CREDENTIALS)])
def test_credentials_are_given_and_a_refusal_names_the_setting(
    server_context: ssl.SSLContext,
    trusting: ssl.SSLContext,
    email: Build,
    password: str,
    failure: Failure | None,
) -> None:
    with FakeSmtpServer(login=("clinic", "right"), starttls=server_context) as server:
        url = f"smtp+starttls://clinic:{password}@127.0.0.1:{server.port}"
        transport = SmtpTransport(url, SENDER, context=trusting)
        if failure is None:
            transport.send(email())
        else:
            error = refusal(transport, email())
            assert (error.failure, "SURVEILLANCE_SMTP_URL" in error.text) == (failure, True)
        assert len(server.mails) == (failure is None)
