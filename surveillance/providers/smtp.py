"""Email by SMTP: text and HTML side by side, with an optional calendar entry.

Source: RFC 5321 for what a server's answer means, RFC 6047 section 2.4 for the calendar part, RFC 3834 section 5
for Auto-Submitted, RFC 2369 section 3.2 for List-Unsubscribe.
"""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from urllib.parse import unquote, urlsplit

from surveillance.core.errors import ConfigurationError
from surveillance.core.words import Channel
from surveillance.providers.base import Accepted, DeliveryError, Failure, Listed, NumberTrouble, Outgoing

PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
ANSWERS = 12  # greeting, EHLO twice, STARTTLS, up to three for AUTH, NOOP, MAIL, RCPT, DATA, the message itself
_SEVEN_BIT = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Server:
    """Where email is handed over, as SURVEILLANCE_SMTP_URL says."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)


def parse_url(url: str) -> Server:
    """Read ``smtp://``, ``smtps://`` or ``smtp+starttls://`` with ``user:password@host:port``, percent-encoded.

    Raises:
        ConfigurationError: it is no such address. The text never repeats it, for it may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigurationError("SURVEILLANCE_SMTP_URL has a port that is none") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise ConfigurationError(
            "SURVEILLANCE_SMTP_URL must look like smtp+starttls://user:password@host:587; "
            "smtp:// and smtps:// are the other two kinds"
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Server(parts.scheme, parts.hostname, port or PORTS[parts.scheme], user, password)


class SmtpTransport:
    """Hands email to one server; ``sender`` is SURVEILLANCE_EMAIL_FROM, with or without a display name.

    ``step_timeout`` in seconds bounds each wait for the server. ``context`` decides which certificates are
    trusted; None means those of the system. ``bounces_to`` is the mailbox that mail servers report failures to, each
    attempt under an address of its own (``envelope_sender``); "" for the sender's own.

    Raises:
        ConfigurationError: the server's or the sender's address is not usable.
    """

    channel = Channel.EMAIL
    name = "smtp"

    def __init__(
        self,
        url: str,
        sender: str,
        *,
        bounces_to: str = "",
        step_timeout: float = 10.0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._server = parse_url(url)
        self._address = parseaddr(sender)[1]
        if not _is_address(self._address) or _has_control(sender):
            raise ConfigurationError("SURVEILLANCE_EMAIL_FROM must be one email address: Clinic <clinic@example.org>")
        if bounces_to and not _is_address(bounces_to):
            raise ConfigurationError("SURVEILLANCE_BOUNCES_TO must be one email address: bounces@example.org")
        self.sender = sender
        self._bounces_to = bounces_to
        self.timeout_seconds = step_timeout * ANSWERS
        self._step_timeout = step_timeout
        self._context = context or ssl.create_default_context()

    def send(self, message: Outgoing) -> Accepted:
        """Hand one message over; what fails before DATA was certainly not sent, what fails after may have been."""
        content = compose(message, self.sender)
        with _before_data():
            connection = self._connect()
        try:
            self._envelope(connection, message)
            _data(connection, content.as_bytes(policy=_SEVEN_BIT))
        finally:
            # QUIT would be one more answer to wait for, and nothing depends on it.
            connection.close()
        return Accepted(content["Message-ID"], "sent", self._address, None)

    def find(self, to: str, since: datetime) -> list[Listed]:  # noqa: ARG002  # the interface's signature
        """An SMTP server keeps no list, so every doubt becomes a person's task."""
        raise DeliveryError(
            Failure.AMBIGUOUS, "no_list", "a mail server keeps no list of what it sent: ask the patient"
        )

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        connection: smtplib.SMTP
        if server.scheme == "smtps":
            connection = smtplib.SMTP_SSL(server.host, server.port, timeout=self._step_timeout, context=self._context)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=self._step_timeout)
        with ExitStack() as unless_all_is_well:
            unless_all_is_well.callback(connection.close)
            if server.scheme == "smtp+starttls":
                connection.starttls(context=self._context)
            if server.user:
                connection.login(server.user, server.password)
            connection.ehlo_or_helo_if_needed()
            unless_all_is_well.pop_all()
        return connection

    def _envelope(self, connection: smtplib.SMTP, message: Outgoing) -> None:
        to, back_to = message.to, envelope_sender(self._bounces_to, message.attempt_id) or self._address
        with _before_data():
            code, _ = connection.mail(back_to)
            if code != 250:
                raise _refused(code, Failure.SENDER, "the mail server refuses the sender")
            code, answer = connection.rcpt(to)
            if code not in (250, 251):
                said = "the mail server refuses the recipient's address"
                raise _refused(code, Failure.PERMANENT, said, _about_mailbox(code, answer))


def envelope_sender(bounces_to: str, attempt_id: str) -> str:
    """Where a mail server reports that it could not deliver an attempt: bounces+ATTEMPT@… (RFC 5233), or ""."""
    name, _, domain = bounces_to.rpartition("@")
    return f"{name}+{attempt_id}@{domain}" if name else ""


def compose(message: Outgoing, sender: str) -> EmailMessage:
    """The email of ``message``: text, HTML and calendar as alternatives, and the calendar again as a file.

    The Message-ID is made from the attempt's id, so that a second copy would be recognised as one.

    Raises:
        DeliveryError: the recipient's address is none, or a header would hold a control character.
    """
    if not _is_address(message.to):
        raise DeliveryError(Failure.PERMANENT, "address", "the email address is not valid: ask for the right one")
    if _has_control(message.subject) or not re.fullmatch(r"[A-Za-z0-9._-]+", message.attempt_id):
        raise DeliveryError(
            Failure.CONFIGURATION, "header", "a subject or an attempt's id holds what no header may: mend the template"
        )
    email = EmailMessage(policy=_SEVEN_BIT)
    email["From"], email["To"], email["Subject"] = sender, message.to, message.subject
    email["Date"] = formatdate(localtime=False)
    email["Message-ID"] = message_id(message.attempt_id, sender)
    email["Auto-Submitted"] = "auto-generated"
    if message.unsubscribe:
        # A page to decide on, without List-Unsubscribe-Post (RFC 8058): by that, programs that look through mail would
        # stop the messages of somebody who waits for them.
        email["List-Unsubscribe"] = f"<{message.unsubscribe}>"
    email.set_content(message.body)
    if message.html:
        email.add_alternative(message.html, subtype="html")
    if message.calendar is not None:
        _add_calendar(email, message.calendar)
    return email


def message_id(attempt_id: str, sender: str) -> str:
    """The Message-ID of an attempt: the same however often it is handed over, and known before that."""
    return f"<{attempt_id}@{parseaddr(sender)[1].rpartition('@')[2]}>"


def _add_calendar(email: EmailMessage, calendar: bytes) -> None:
    text = calendar.decode("utf-8")
    found = re.search(r"^METHOD:(\w+)\r?$", text, re.MULTILINE)
    # RFC 6047 section 2.4: the parameter and the calendar's own METHOD must be equal.
    parameters = {"method": found[1] if found else "PUBLISH"}
    email.add_alternative(text, subtype="calendar", cte="base64", params=parameters)
    email.add_attachment(text, subtype="calendar", cte="base64", filename="visit.ics", params=parameters)


def _is_address(text: str) -> bool:
    """Whether ``text`` is exactly one address (RFC 5322 addr-spec) in ASCII with a domain."""
    if not text.isascii() or _has_control(text):
        return False
    try:
        address = Address(addr_spec=text)
    except (HeaderParseError, ValueError, IndexError):
        return False
    return bool(address.username and address.domain)


def _has_control(text: str) -> bool:
    return any(ord(character) < 32 or ord(character) == 127 for character in text)


@contextmanager
def _before_data() -> Iterator[None]:
    """What goes wrong here left nothing with the server. Its own text may hold addresses, so it is not repeated."""
    try:
        yield
    except ssl.SSLCertVerificationError:
        raise DeliveryError(
            Failure.CONFIGURATION, "certificate", "the mail server's certificate is not trusted"
        ) from None
    except smtplib.SMTPNotSupportedError:
        raise DeliveryError(
            Failure.CONFIGURATION, "unsupported", "the mail server lacks STARTTLS or AUTH: check SURVEILLANCE_SMTP_URL"
        ) from None
    except smtplib.SMTPAuthenticationError as error:
        raise _refused(
            error.smtp_code, Failure.CREDENTIALS, "the mail server refuses the credentials: check SURVEILLANCE_SMTP_URL"
        ) from None
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code, Failure.CONFIGURATION, "the mail server refuses the connection") from None
    except (smtplib.SMTPException, OSError):
        raise DeliveryError(
            Failure.RETRY, "unreachable", "the mail server cannot be reached; nothing was sent"
        ) from None


def _data(connection: smtplib.SMTP, content: bytes) -> None:
    try:
        code, _ = connection.data(content)
    except smtplib.SMTPDataError as error:
        code = error.smtp_code
    except (smtplib.SMTPException, OSError):
        code = -1
    if code >= 400:
        raise _refused(code, Failure.BLOCKED, "the mail server refuses the message")
    # smtplib gives -1 for an answer that is none.
    if code < 200:
        raise DeliveryError(
            Failure.AMBIGUOUS, "no_answer", "the mail server did not confirm; the message may have been sent"
        )


def _about_mailbox(code: int, answer: bytes) -> NumberTrouble | None:
    """550, 551 and 553 are about the mailbox, unless the answer's own status says otherwise (RFC 3463 section 3)."""
    status = re.match(rb"5\.(\d+)\.(\d+)\b", answer.strip())
    if status is not None:
        return trouble_of(int(status[1]), int(status[2]))
    return NumberTrouble.NO_MAILBOX if code in (550, 551, 553) else None


def trouble_of(subject: int, detail: int) -> NumberTrouble | None:
    """What a permanent status 5.SUBJECT.DETAIL says of the mailbox: subjects 1 and 2 are the address and the mailbox,
    but a full one (2.2) or one that takes no long mail (2.3) is there (RFC 3463 sections 3.2 and 3.3).
    """
    return NumberTrouble.NO_MAILBOX if subject in (1, 2) and (subject, detail) not in ((2, 2), (2, 3)) else None


def _refused(code: int, permanent: Failure, text: str, trouble: NumberTrouble | None = None) -> DeliveryError:
    """RFC 5321 section 4.2.1: 4yz is transient, 5yz is not; 530 and 535 ask for other credentials (RFC 4954)."""
    if 400 <= code < 500:
        return DeliveryError(Failure.RETRY, str(code), f"{text} for now ({code})")
    if code in (530, 535):
        permanent = Failure.CREDENTIALS
    return DeliveryError(permanent, str(code), f"{text} ({code})", trouble=trouble)
