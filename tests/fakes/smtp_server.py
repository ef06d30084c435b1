"""A mail server on loopback that keeps what it is given and refuses what it is told to refuse."""

import asyncio
import ssl
import threading
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass(frozen=True, slots=True)
class Mail:
    """One message as it arrived: the envelope's addresses, the parsed message, and its bytes."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    raw: bytes


class _Controller(Controller):
    def _trigger_server(self) -> None:  # aiosmtpd has no types for it
        # Started on port 0: from here on the port is the one that the system gave.
        assert isinstance(self.server, asyncio.base_events.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


class FakeSmtpServer:
    """Answers as ``refusals`` says: a verb (MAIL, RCPT, DATA) mapped to a whole reply line such as "550 no such".

    ``hang`` names a verb that gets no answer until ``stop``. ``drop`` names one at which the connection closes;
    after DATA the message is kept first, as with a server that took it and died.
    """

    def __init__(
        self,
        *,
        login: tuple[str, str] | None = None,
        starttls: ssl.SSLContext | None = None,
        smtps: ssl.SSLContext | None = None,
    ) -> None:
        self.mails: list[Mail] = []
        self.refusals: dict[str, str] = {}
        self.hang = ""
        self.drop = ""
        self._login = login
        self._released = threading.Event()
        options: dict[str, Any] = {"tls_context": starttls, "timeout": 30}
        if login:
            options |= {
                "authenticator": self._authenticate,
                "auth_required": True,
                "auth_require_tls": bool(starttls),
            }
        self._controller = _Controller(self, hostname="127.0.0.1", port=0, ssl_context=smtps, **options)

    def __enter__(self) -> "FakeSmtpServer":
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._controller.stop()

    @property
    def port(self) -> int:
        return self._controller.port

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return await self._answer(server, "MAIL") or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return await self._answer(server, "RCPT") or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if "DATA" not in self.refusals:
            raw = envelope.original_content or b""
            message = message_from_bytes(raw, policy=SMTP_POLICY)
            assert isinstance(message, EmailMessage)
            self.mails.append(Mail(envelope.mail_from or "", tuple(envelope.rcpt_tos), message, raw))
        return await self._answer(server, "DATA") or "250 OK"

    async def _answer(self, server: SMTP, verb: str) -> str:
        """The refusal configured for ``verb``, "" for none; hangs or drops the connection where told to."""
        if self.hang == verb:
            await server.loop.run_in_executor(None, self._released.wait, 10)
        if self.drop == verb:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return self.refusals.get(verb, "")

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth_data: object
    ) -> AuthResult:
        right = isinstance(auth_data, LoginPassword) and self._login == (
            auth_data.login.decode(),
            auth_data.password.decode(),
        )
        return AuthResult(success=right, handled=right)
