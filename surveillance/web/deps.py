"""What a request is given: the application it belongs to, and the moment it happens in."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Protocol

from fastapi import Depends, Request

from surveillance.bootstrap import App
from surveillance.web.calendars.fetches import Fetches

Clock = Callable[[], datetime]


class Background(Protocol):
    """Work that goes on beside the requests: the worker's ticks."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kick(self, name: str) -> None:
        """Do one part of it now."""


def get_app(request: Request) -> App:
    app: App = request.app.state.app
    return app


def get_now(request: Request) -> datetime:
    """The moment at which the request is answered (UTC)."""
    clock: Clock = request.app.state.clock
    return clock()


def get_fetches(request: Request) -> Fetches:
    fetches: Fetches = request.app.state.fetches
    return fetches


AppDep = Annotated[App, Depends(get_app)]
NowDep = Annotated[datetime, Depends(get_now)]
FetchesDep = Annotated[Fetches, Depends(get_fetches)]
