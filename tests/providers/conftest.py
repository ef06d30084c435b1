"""A Twilio and a mail server on loopback for the transports, and one message to send."""

from collections.abc import Callable, Iterator

import pytest
from fakes.smtp_server import FakeSmtpServer
from fakes.twilio_server import ACCOUNT_SID, AUTH_TOKEN, SENDER, FakeTwilio

from surveillance.providers.base import Outgoing
from surveillance.providers.twilio import TwilioTransport

PATIENT = "+14155550123"  # 555-01xx is reserved for fiction


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with FakeTwilio() as server:
        yield server


@pytest.fixture
def transport(twilio: FakeTwilio) -> TwilioTransport:
    return TwilioTransport(
        ACCOUNT_SID, AUTH_TOKEN, from_=SENDER, api_url=twilio.url, connect_timeout=2.0, read_timeout=0.5
    )


@pytest.fixture
def mail_server() -> Iterator[FakeSmtpServer]:
    with FakeSmtpServer() as server:
        yield server


@pytest.fixture
def message() -> Callable[..., Outgoing]:
    """A reminder, with whatever a test wants to be different."""

    def build(**changes: object) -> Outgoing:
        usual: dict[str, object] = {
            "attempt_id": "0d9c7f3e-0000-4000-8000-000000000001",
            "to": PATIENT,
            "body": "Elm Clinic: visit on Tue 3 Mar at 10:30. Reply C to confirm, R to change.",
        }
        return Outgoing(**(usual | changes))  # type: ignore[arg-type]

    return build
