"""A body that is too large is refused before any route is asked; under ``/api`` that is told as a problem, too."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from surveillance.web.problems import Kind, ProblemError, told


class TooLarge:
    """Stands outside of what counts the bytes, and puts our words in place of its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        replaced = False

        async def send_told(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                replaced = True
                problem = ProblemError(Kind.TOO_LARGE, "a body has at most one mebibyte")
                await told(Request(scope), problem)(scope, receive, send)
            elif not replaced:
                await send(message)

        await self._app(scope, receive, send_told)
