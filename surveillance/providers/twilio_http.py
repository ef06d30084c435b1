"""The SDK's HTTP, pointed at a chosen address, with two timeouts and without a second try.

The SDK's own client can be pointed by edge and region only, which stay at Twilio, and it logs what it sends.
"""

import logging
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from twilio.http import HttpClient
from twilio.http.response import Response
from urllib3.exceptions import NewConnectionError

from surveillance.core.errors import ConfigurationError
from surveillance.providers.base import DeliveryError, Failure


class OneShotHttpClient(HttpClient):  # type: ignore[misc]  # the SDK has no types
    """The SDK's calls, sent to a chosen address with a connect and a read timeout, and never repeated.

    Timeouts are in seconds, the second one from each read to the next. ``refused`` makes an error of an HTTP
    status and a body; the SDK sees successes only.

    Raises:
        ConfigurationError: ``api_url`` is no http address.
    """

    def __init__(
        self, api_url: str, connect_timeout: float, read_timeout: float, refused: Callable[[int, str], Exception]
    ) -> None:
        # urllib3 logs each address with its query, which holds the patient's number.
        logger = logging.getLogger("urllib3.connectionpool")
        logger.setLevel(logging.INFO)
        super().__init__(logger, is_async=False)
        self._base = urlsplit(api_url)
        if self._base.scheme not in ("http", "https") or not self._base.netloc:
            raise ConfigurationError(
                f"SURVEILLANCE_TWILIO_API_URL {api_url!r} is no http address: try https://api.twilio.com"
            )
        self._refused = refused
        self._timeouts = (connect_timeout, read_timeout)
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=0, pool_maxsize=32))

    def request(
        self,
        method: str,
        uri: str,
        params: dict[str, str] | None = None,
        data: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002  # the SDK's signature
        allow_redirects: bool = False,  # noqa: ARG002  # a redirect could repeat a POST elsewhere
    ) -> Response:
        url = self._moved(uri)
        try:
            answer = self._session.request(
                method, url, params=params, data=data, headers=headers, auth=auth,
                timeout=self._timeouts, allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException as error:
            raise _unreachable(error) from None  # its text holds the address and with it the number
        if not 200 <= answer.status_code < 300:
            raise self._refused(answer.status_code, answer.text)
        return Response(answer.status_code, answer.text, answer.headers)

    def _moved(self, uri: str) -> str:
        """``uri`` at the chosen address: credentials go nowhere else, whatever the SDK or a next page names."""
        asked = urlsplit(uri)
        path = self._base.path.rstrip("/") + asked.path
        return urlunsplit((self._base.scheme, self._base.netloc, path, asked.query, ""))


def _unreachable(error: requests.RequestException) -> DeliveryError:
    """No answer: certainly not sent if there was no connection, else nobody knows."""
    if _caused_by(error, ssl.SSLCertVerificationError):
        return DeliveryError(Failure.CONFIGURATION, "certificate", "the certificate of Twilio's address is not trusted")
    never_connected = isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError)
    if never_connected or _caused_by(error, NewConnectionError):
        return DeliveryError(Failure.RETRY, "unreachable", "no connection to Twilio; nothing was sent")
    return DeliveryError(Failure.AMBIGUOUS, "no_answer", "Twilio did not answer; the message may have been sent")


def _caused_by(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether ``kind`` lies below ``error``, as requests and urllib3 wrap: by argument and by ``reason``.

    Not by ``__context__``, which may hold an older error that the caller was dealing with.
    """
    below = [getattr(error, "reason", None), *error.args]
    return isinstance(error, kind) or any(_caused_by(each, kind) for each in below if isinstance(each, BaseException))
