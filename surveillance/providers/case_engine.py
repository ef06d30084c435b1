"""Another scheduler, asked over HTTP: it gets a question of the reference cases as JSON and answers with JSON."""

from typing import Final
from urllib.parse import urlsplit

import httpx

from surveillance.core.errors import InvalidInputError, UnavailableError

PATH: Final = "/api/v1/cases/answer"  # where this service answers; an engine whose address has a path is asked there
SILENCE: Final = 30.0  # seconds after which an engine does not answer


class HttpEngine:
    """Asks the engine at ``url``, with a bearer token where it wants one."""

    def __init__(self, url: str, token: str = "", transport: httpx.BaseTransport | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise InvalidInputError(f"{url!r} is not an address such as http://localhost:8000")
        self.address = url if parts.path.strip("/") else f"{parts.scheme}://{parts.netloc}{PATH}"
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(timeout=SILENCE, headers=headers, transport=transport)

    def ask(self, question: str) -> str:
        """The body of the answer.

        Raises:
            InvalidInputError: the engine understood that it was asked and refused (400, 422).
            UnavailableError: nothing answers there, or something else does.
        """
        try:
            answer = self._client.post(self.address, content=question)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnavailableError(f"{self.address} does not answer: {error}") from error
        if answer.status_code in (400, 422):
            raise InvalidInputError(answer.text[:300])
        if answer.status_code in (401, 403):
            raise UnavailableError(f"{self.address} wants a token: give one with --token-file")
        if answer.status_code != 200:
            raise UnavailableError(f"{self.address} answered with status {answer.status_code}")
        return answer.text
