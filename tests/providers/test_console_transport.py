"""The console transport: what a developer sees, and what it remembers."""

from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from surveillance.core.words import Channel
from surveillance.providers.base import DeliveryError, Failure, Outgoing, Transport
from surveillance.providers.console import ConsoleTransport

PATIENT = "+14155550123"
Build = Callable[..., Outgoing]


@pytest.fixture
def screen() -> Console:
    return Console(file=StringIO(), width=100)


def shown(screen: Console) -> str:
    assert isinstance(screen.file, StringIO)
    return screen.file.getvalue()


def test_the_transport_keeps_to_the_interface() -> None:
    carrier: Transport = ConsoleTransport()
    assert (carrier.channel, carrier.name, carrier.sender) == (Channel.SMS, "console", "console")


def test_a_message_shows_its_number_its_text_and_its_length(screen: Console, message: Build) -> None:
    accepted = ConsoleTransport(console=screen).send(message(body="Visit [bold] on 3 March"))
    assert (accepted.status, accepted.parts) == ("delivered", None)
    for part in (PATIENT, "(415) 555-0123", "Visit [bold] on 3 March", "23 characters"):
        assert part in shown(screen)


def test_an_email_shows_its_subject_too(screen: Console, message: Build) -> None:
    ConsoleTransport(Channel.EMAIL, console=screen).send(message(to="ana@patient.example", subject="Your visit"))
    assert "EMAIL to ana@patient.example" in shown(screen)
    assert "Your visit" in shown(screen)


def test_standard_output_stays_free_for_data(message: Build, capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleTransport().send(message())
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Elm Clinic" in captured.err


def test_what_was_shown_is_found_again_by_another_process(tmp_path: Path, screen: Console, message: Build) -> None:
    path = tmp_path / "data" / "sent.jsonl"
    before = datetime.now(UTC)
    for attempt, to in (("a", PATIENT), ("b", "+14155550199"), ("c", PATIENT)):
        ConsoleTransport(path=path, console=screen).send(message(attempt_id=attempt, to=to, body="línea\nuno"))
    found = ConsoleTransport(path=path).find(PATIENT, before)
    assert [each.provider_id for each in found] == ["console-c", "console-a"]
    assert {(each.body, each.status, each.redacted) for each in found} == {("línea\nuno", "delivered", False)}
    assert ConsoleTransport(path=path).find(PATIENT, datetime.now(UTC)) == []
    assert path.stat().st_mode & 0o077 == 0


def test_before_the_first_message_nothing_was_shown(tmp_path: Path) -> None:
    assert ConsoleTransport(path=tmp_path / "sent.jsonl").find(PATIENT, datetime.now(UTC)) == []


@pytest.mark.parametrize("content", ["not json\n", '{"to": "+14155550123"}\n'])
def test_a_list_that_cannot_be_read_is_never_an_empty_list(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sent.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DeliveryError) as caught:
        ConsoleTransport(path=path).find(PATIENT, datetime.now(UTC))
    assert caught.value.failure is Failure.AMBIGUOUS


def test_without_a_file_nobody_knows_what_was_shown() -> None:
    with pytest.raises(DeliveryError, match="no list"):
        ConsoleTransport().find(PATIENT, datetime.now(UTC))


def test_a_file_that_cannot_be_written_is_told_before_anything_is_shown(
    tmp_path: Path, screen: Console, message: Build
) -> None:
    with pytest.raises(DeliveryError) as caught:
        ConsoleTransport(path=tmp_path, console=screen).send(message())
    assert caught.value.failure is Failure.CONFIGURATION
    assert shown(screen) == ""
