"""Around every request: its number, the safety headers, one line in the log, its time in the metrics.

Addresses of feeds and of patients' pages hold a secret. The log gets the first digits of its hash instead, so
that one reader's requests can be told from another's.
"""

import re
import time
from hashlib import sha256
from typing import Final
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders, State
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger("surveillance.access")

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
STATIC_CACHE: Final = "public, max-age=3600"  # seconds; all else may tell of patients and is kept nowhere
TRANSPORT_SECURITY: Final = "max-age=31536000"  # one year, in seconds
_SECRET: Final = re.compile(r"^/(calendar|p)/([^/]+?)(\.ics)?(/.*)?$")
_NUMBER: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})


class Guard:
    """The outermost layer: what it adds stands on every answer, that of a failure too."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = _request_number(scope)
        started, status = time.perf_counter(), 500

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                self._add_headers(MutableHeaders(scope=message), scope)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=scope["request_id"]):
            try:
                await self._app(scope, receive, send_guarded)
            finally:
                self._told(scope, status, time.perf_counter() - started)

    def _add_headers(self, headers: MutableHeaders, scope: Scope) -> None:
        headers["X-Request-ID"] = scope["request_id"]
        headers.setdefault("Cache-Control", STATIC_CACHE if scope["path"].startswith("/static/") else "no-store")
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        if _SECRET.match(scope["path"]):
            headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        if self._state.https:
            headers.setdefault("Strict-Transport-Security", TRANSPORT_SECURITY)

    def _told(self, scope: Scope, status: int, seconds: float) -> None:
        method, path = scope["method"], scope["path"]
        self._state.seconds.labels(method, _route(scope), str(status)).observe(seconds)
        client = scope["client"][0] if scope.get("client") else ""
        shown, reader = masked(path)
        level = log.debug if path in _QUIET and status == 200 else log.info
        level(
            "request",
            method=method,
            path=shown,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            client=client,
            **({"reader": reader} if reader else {}),
        )


def masked(path: str) -> tuple[str, str]:
    """A path without the secret in it, and the first eight digits of the secret's SHA-256, which stand for it."""
    found = _SECRET.match(path)
    if found is None:
        return path, ""
    where, secret, ending, rest = found.groups(default="")
    return f"/{where}/…{ending}{rest}", sha256(secret.encode()).hexdigest()[:8]


def _route(scope: Scope) -> str:
    """The route's pattern. What matched none is one series, or a scan of the server would make thousands."""
    path: str = getattr(scope.get("route"), "path", "")
    return path or ("/static" if scope["path"].startswith("/static/") else "none")


def _request_number(scope: Scope) -> str:
    """The number that a proxy gave the request, if it is a plain one, else a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _NUMBER.fullmatch(given) else uuid4().hex
