"""SMS by Twilio: what its errors mean, one call, the list of what was sent, and the signature of its webhooks.

Source: https://www.twilio.com/docs/messaging/api/message-resource and https://www.twilio.com/docs/api/errors.
Twilio's Messages API has no idempotency key, so nothing here posts a second time.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from twilio.base.exceptions import TwilioException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from surveillance.core.errors import ConfigurationError
from surveillance.core.messages.delivery import StatusCallback
from surveillance.core.words import Channel
from surveillance.providers.base import Accepted, DeliveryError, Failure, Listed, NumberTrouble, Outgoing
from surveillance.providers.twilio_http import OneShotHttpClient

API_URL = "https://api.twilio.com"
LONGEST_VALIDITY = 36_000  # seconds; Twilio refuses more
CLOCK_SKEW = timedelta(minutes=1)  # how far Twilio's clock may be behind ours
PAGE_SIZE = 200
MOST_LISTED = 1_000  # messages to one number; beyond that the list counts as unreadable
_NOT_TWILIO = (TwilioException, ValueError, KeyError, TypeError, AttributeError)  # the SDK, on JSON it did not expect


@dataclass(frozen=True, slots=True)
class Rule:
    """What a Twilio error means here, how often to retry it at most, what a person should know or do, and what it
    says about the number. A stopped sender or account uses up no retries: messages wait for it.
    """

    failure: Failure
    retry_limit: int | None
    advice: str
    trouble: NumberTrouble | None = None


_CREDENTIALS_ADVICE = (
    "Twilio refused the credentials ({code}): check SURVEILLANCE_TWILIO_ACCOUNT_SID and SURVEILLANCE_TWILIO_AUTH_TOKEN"
)
_NO_SUCH_SENDER = "Twilio does not know this sender ({code}): check SURVEILLANCE_TWILIO_FROM"
_NO_SUCH_SERVICE = (
    "the Messaging Service has no usable sender ({code}): check SURVEILLANCE_TWILIO_MESSAGING_SERVICE_SID "
    "and its sender pool"
)

# The same codes come as the answer of the API (20xxx, 21xxx) and in status callbacks (30xxx).
RULES: Mapping[int, Rule] = {
    20003: Rule(Failure.CREDENTIALS, None, _CREDENTIALS_ADVICE),
    20005: Rule(Failure.CREDENTIALS, None, "the Twilio account is not active ({code}): see Twilio's console"),
    20404: Rule(Failure.CREDENTIALS, None, _CREDENTIALS_ADVICE),
    20429: Rule(Failure.RETRY, None, "Twilio had too many requests ({code}) and did not process this one"),
    21211: Rule(Failure.PERMANENT, 0, "the number is not valid ({code}): ask for the right one", NumberTrouble.WRONG),
    21212: Rule(Failure.SENDER, None, _NO_SUCH_SENDER),
    21408: Rule(Failure.CONFIGURATION, 0, "the country is not enabled for SMS ({code}): see geo permissions at Twilio"),
    21603: Rule(Failure.SENDER, None, _NO_SUCH_SENDER),
    21606: Rule(Failure.SENDER, None, _NO_SUCH_SENDER),
    21608: Rule(Failure.CONFIGURATION, 0, "a trial account sends to verified numbers only ({code}): upgrade it"),
    21609: Rule(Failure.CONFIGURATION, 0, "the callback address is not usable ({code}): check SURVEILLANCE_PUBLIC_URL"),
    21610: Rule(Failure.OPTED_OUT, 0, "the number has opted out ({code}): only its owner can opt in again"),
    21611: Rule(Failure.RETRY, None, "the sender's queue is full ({code})"),
    21612: Rule(Failure.CONFIGURATION, 0, "Twilio has no route from this sender to the number ({code})"),
    21614: Rule(
        Failure.PERMANENT, 0, "the number cannot receive SMS ({code}): use another channel", NumberTrouble.WRONG
    ),
    21617: Rule(Failure.CONFIGURATION, 0, "the text is longer than 1,600 characters ({code}): shorten the template"),
    21635: Rule(Failure.PERMANENT, 0, "the number is a landline ({code}): use another channel", NumberTrouble.LANDLINE),
    21659: Rule(Failure.SENDER, None, _NO_SUCH_SENDER),
    21701: Rule(Failure.SENDER, None, _NO_SUCH_SERVICE),
    21703: Rule(Failure.SENDER, None, _NO_SUCH_SERVICE),
    21704: Rule(Failure.SENDER, None, _NO_SUCH_SERVICE),
    21705: Rule(Failure.SENDER, None, _NO_SUCH_SERVICE),
    30001: Rule(Failure.RETRY, None, "the queue overflowed ({code})"),
    30002: Rule(Failure.CREDENTIALS, None, "Twilio suspended the account ({code}): see Twilio's console"),
    30003: Rule(
        Failure.RETRY, 2, "the handset cannot be reached ({code}): try hours later, then call", NumberTrouble.SILENT
    ),
    30004: Rule(
        Failure.PERMANENT,
        0,
        "the message was blocked ({code}): ask the patient whether SMS is wanted",
        NumberTrouble.SILENT,
    ),
    30005: Rule(
        Failure.RETRY, 1, "the handset is unknown ({code}): verify the number if it fails again", NumberTrouble.WRONG
    ),
    30006: Rule(
        Failure.PERMANENT,
        0,
        "the number is a landline or its carrier cannot be reached ({code})",
        NumberTrouble.LANDLINE,
    ),
    30007: Rule(Failure.BLOCKED, 0, "a carrier filtered the message ({code}): review the text and the registration"),
    30008: Rule(Failure.RETRY, 2, "delivery failed for a reason that nobody knows ({code})"),
    30024: Rule(Failure.SENDER, None, "the sender is not provisioned ({code}): see Twilio's console"),
    30032: Rule(Failure.SENDER, None, "the toll-free sender is not verified ({code}): see Twilio's console"),
    30034: Rule(Failure.SENDER, None, "the sender is not registered for A2P 10DLC ({code}): see Twilio's console"),
    30036: Rule(Failure.RETRY, None, "it was not sent while it was valid ({code}): plan anew if still useful"),
}
_UNKNOWN = Rule(
    Failure.BLOCKED, 0, "Twilio refused it with code {code}: see https://www.twilio.com/docs/api/errors/{code}"
)


def classify(code: int) -> Rule:
    """What ``code`` means, of the API or of a status callback; an unknown one is not retried and needs a person."""
    rule = RULES.get(code, _UNKNOWN)
    return Rule(rule.failure, rule.retry_limit, rule.advice.format(code=code), rule.trouble)


def failure_of(code: int) -> DeliveryError:
    """The error that ``code`` stands for, as ``send`` raises it and as a failed callback is to be treated."""
    rule = classify(code)
    return DeliveryError(rule.failure, str(code), rule.advice, rule.retry_limit, rule.trouble)


class TwilioTransport:
    """Sends by one sender: a number or short code (``from_``) or a Messaging Service, not both.

    Raises:
        ConfigurationError: a setting is missing or contradicts another.
    """

    channel = Channel.SMS
    name = "twilio"

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        from_: str | None = None,
        messaging_service_sid: str | None = None,
        api_url: str = API_URL,
        connect_timeout: float = 5.0,
        read_timeout: float = 15.0,
    ) -> None:
        _check(account_sid, auth_token, from_, messaging_service_sid)
        self.sender = from_ or messaging_service_sid or ""
        self.timeout_seconds = connect_timeout + read_timeout
        self._sender = {"from_": from_} if from_ else {"messaging_service_sid": messaging_service_sid}
        http = OneShotHttpClient(api_url, connect_timeout, read_timeout, _refused)
        self._client = Client(account_sid, auth_token, http_client=http)

    def send(self, message: Outgoing) -> Accepted:
        """Post the message once; a validity that has already run out is not posted at all."""
        optional: dict[str, Any] = {}
        if message.callback_url:
            optional["status_callback"] = message.callback_url
        if message.validity_seconds is not None:
            optional["validity_period"] = _validity(message.validity_seconds)
        try:
            sent = self._client.messages.create(to=message.to, body=message.body, **self._sender, **optional)
            parts = int(sent.num_segments or 0) or None  # 0 until a Messaging Service has chosen a sender
        except _NOT_TWILIO:
            _not_understood()
        if not sent.sid or not sent.status:
            _not_understood()
        return Accepted(sent.sid, sent.status, sent.from_ or sent.messaging_service_sid or self.sender, parts)

    def find(self, to: str, since: datetime) -> list[Listed]:
        """See ``Transport.find``; looks one minute further back than ``since``, for clocks differ.

        Twilio's own filter by day is not used: it goes by the day of sending, which a queued message lacks, and
        that message may be the very one looked for.
        """
        earliest = since.replace(microsecond=0) - CLOCK_SKEW
        found = [message for message in self._list(to) if message.created_at >= earliest]
        if not found:
            self._refuse_if_numbers_are_redacted()
        return sorted(found, key=lambda message: message.created_at, reverse=True)

    def _list(self, to: str) -> list[Listed]:
        try:
            stream = self._client.messages.stream(to=to, page_size=PAGE_SIZE, limit=MOST_LISTED + 1)
            listed = [_listed(each) for each in stream if str(each.direction).startswith("outbound")]
        except _NOT_TWILIO:
            _not_understood()
        if len(listed) > MOST_LISTED:
            raise DeliveryError(
                Failure.AMBIGUOUS, "too_many", "Twilio lists too many messages to this number: look in its console"
            )
        return listed

    def _refuse_if_numbers_are_redacted(self) -> None:
        """An account that redacts numbers finds none by number, so that absence would prove nothing."""
        try:
            latest = list(self._client.messages.stream(page_size=20, limit=20))
        except _NOT_TWILIO:
            _not_understood()
        outbound = [each for each in latest if str(each.direction).startswith("outbound")]
        if any(re.fullmatch(r"\+\d*[^\d]+\d*|", str(each.to or "")) for each in outbound):
            raise DeliveryError(
                Failure.AMBIGUOUS, "redacted", "Twilio redacts numbers, so its list proves nothing: ask the patient"
            )


def _check(account_sid: str, auth_token: str, from_: str | None, messaging_service_sid: str | None) -> None:
    if not re.fullmatch(r"AC[0-9A-Za-z]+", account_sid):
        raise ConfigurationError("SURVEILLANCE_TWILIO_ACCOUNT_SID must begin with AC; see Twilio's console")
    if not auth_token:
        raise ConfigurationError("SURVEILLANCE_TWILIO_AUTH_TOKEN is missing; see Twilio's console")
    if bool(from_) == bool(messaging_service_sid):
        raise ConfigurationError(
            "set exactly one of SURVEILLANCE_TWILIO_FROM and SURVEILLANCE_TWILIO_MESSAGING_SERVICE_SID"
        )


def _validity(seconds: int) -> int:
    if seconds < 1:
        raise DeliveryError(Failure.RETRY, "expired", "the message was no longer valid when it was to be sent")
    return min(seconds, LONGEST_VALIDITY)


def _listed(message: Any) -> Listed:
    body = message.body or ""
    return Listed(
        provider_id=message.sid,
        to=message.to,
        body=body,
        status=message.status,
        created_at=message.date_created + timedelta(0),  # TypeError where Twilio gave no date
        sent_at=message.date_sent,
        error_code=message.error_code,
        redacted=not body.strip(" *Xx") or "redacted" in body.lower(),
    )


def _not_understood() -> NoReturn:
    # "from None": what the SDK raised may hold the number, and a traceback goes to a log.
    raise DeliveryError(
        Failure.AMBIGUOUS, "answer", "the answer was not Twilio's: check SURVEILLANCE_TWILIO_API_URL and any proxy"
    ) from None


def _refused(status: int, text: str) -> DeliveryError:
    """An HTTP error: Twilio's code if its JSON has one, else what the HTTP status says. 5xx is always ambiguous."""
    code = _code(text)
    if status >= 500 or status == 408:
        return DeliveryError(
            Failure.AMBIGUOUS, str(code or status), f"Twilio had a fault ({status}); the message may have been sent"
        )
    if status == 429:
        return failure_of(20429)
    if code:
        return failure_of(code)
    if status in (401, 403):
        return failure_of(20003)
    return DeliveryError(
        Failure.CONFIGURATION, str(status), f"not Twilio's answer (HTTP {status}): check SURVEILLANCE_TWILIO_API_URL"
    )


def _code(text: str) -> int | None:
    try:
        code = json.loads(text).get("code")
    except (ValueError, AttributeError):
        return None
    return code if isinstance(code, int) else None


def verify(tokens: Sequence[str], url: str, params: Mapping[str, str], signature: str) -> bool:
    """Whether a webhook carries the signature of one of ``tokens``: two while one is rotated.

    ``url`` is the configured public address with path and query, never built from the Host header.
    Source: https://www.twilio.com/docs/usage/webhooks/webhooks-security.
    """
    # An empty token would be a key that everybody knows.
    return any(RequestValidator(token).validate(url, params, signature) for token in tokens if token)


def parse_status_callback(params: Mapping[str, str]) -> StatusCallback | None:
    """The report in a status callback's form fields; None where it is none (an inbound message, say)."""
    provider_id = params.get("MessageSid") or params.get("SmsSid") or ""
    status = params.get("MessageStatus") or params.get("SmsStatus") or ""
    if not provider_id or not status:
        return None
    error_code = params.get("ErrorCode", "")
    return StatusCallback(provider_id, status.lower(), int(error_code) if error_code.isdecimal() else None)
