"""The development default: shows on the terminal what a phone or a mailbox would show, and sends nothing.

The settings refuse it in production. Here alone a number and a body are printed: that is what it is for.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import phonenumbers
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from surveillance.core.words import Channel
from surveillance.providers.base import Accepted, DeliveryError, Failure, Listed, Outgoing


class ConsoleTransport:
    """Prints each message to stderr and, given ``path``, appends it there as one JSON line, so that ``find`` works."""

    name = "console"
    sender = "console"
    timeout_seconds = 1.0

    def __init__(
        self, channel: Channel = Channel.SMS, *, path: Path | None = None, console: Console | None = None
    ) -> None:
        self.channel = channel
        self._path = path
        self._console = console or Console(file=sys.stderr)

    def send(self, message: Outgoing) -> Accepted:
        """Show ``message``; it counts as delivered, for no callback will come."""
        provider_id = f"console-{message.attempt_id}"
        if self._path:
            self._record(self._path, provider_id, message)
        self._console.print(_panel(message, self.channel))
        return Accepted(provider_id, "delivered", self.sender, None)

    def find(self, to: str, since: datetime) -> list[Listed]:
        """See ``Transport.find``; without a file nobody knows what was shown.

        Raises:
            DeliveryError: there is no file, or it cannot be read.
        """
        if self._path is None:
            raise DeliveryError(Failure.AMBIGUOUS, "no_list", "the console keeps no list of what it showed")
        if not self._path.exists():
            return []
        try:
            known = [_listed(line) for line in self._path.read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError, KeyError):
            raise DeliveryError(Failure.AMBIGUOUS, "unreadable", f"{self._path} cannot be read as a list") from None
        return [message for message in reversed(known) if message.to == to and message.created_at >= since]

    def _record(self, path: Path, provider_id: str, message: Outgoing) -> None:
        line = json.dumps(
            {
                "provider_id": provider_id,
                "channel": self.channel,
                "to": message.to,
                "subject": message.subject,
                "body": message.body,
                "created_at": datetime.now(UTC).isoformat(),
            },
            ensure_ascii=False,
        )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # One write to a file opened for appending: lines of several workers never mix.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(handle, f"{line}\n".encode())
            finally:
                os.close(handle)
        except OSError as error:
            raise DeliveryError(Failure.CONFIGURATION, "file", f"{path}: {error.strerror}") from None


def _listed(line: str) -> Listed:
    known = json.loads(line)
    moment = datetime.fromisoformat(known["created_at"])
    return Listed(known["provider_id"], known["to"], known["body"], "delivered", moment, moment)


def _panel(message: Outgoing, channel: Channel) -> Panel:
    # Text, not a string: a bracket in a template is not markup.
    content = Text(message.body)
    if message.subject:
        content = Text.assemble((message.subject, "bold"), "\n\n", content)
    width = max([28, *(len(line) + 4 for line in content.plain.splitlines())])
    return Panel(
        content,
        title=Text(f"{channel.upper()} to {_local(message.to)}"),
        subtitle=Text(f"{len(message.body)} characters"),
        width=min(width, 60) if channel is Channel.SMS else None,
    )


def _local(to: str) -> str:
    """A number as it is written in its own country, beside the one that is dialled; anything else as it is."""
    try:
        number = phonenumbers.parse(to)
    except phonenumbers.NumberParseException:
        return to
    return f"{to} · {phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)}"
