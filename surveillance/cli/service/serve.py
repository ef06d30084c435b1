"""``surveillance serve``: the web, and beside it the worker, in one process."""

import os
import socket
from contextlib import suppress
from typing import Annotated

import typer

from surveillance import bootstrap, logs, settings, worker
from surveillance.cli import show
from surveillance.core.errors import UnavailableError

GRACE = 20  # seconds that requests under way have to finish; docker-compose.yml waits 30

Host = Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 for every one of this machine.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")]
NoWorker = Annotated[bool, typer.Option("--no-worker", help="Send and plan nothing here: 'worker' runs elsewhere.")]


def serve(host: Host = "127.0.0.1", port: Port = 8000, no_worker: NoWorker = False) -> None:
    """Serve calendars, callbacks and pages, and send reminders, until it is stopped.

    Example: surveillance serve --host 0.0.0.0 --port 8000
    """
    # Half a second that every other command would wait for.
    import uvicorn

    from surveillance.web.app import create_app

    found = settings.load()
    logs.configure(as_json=found.log_json)
    app = bootstrap.open_app(found)
    try:
        background = None if no_worker else worker.Worker(app)
        listener = _listening(host, port)
        show.say(f"surveillance runs at {found.public_url} (listening at {host}:{port}); Ctrl+C stops it")
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(app, background=background),
                log_config=None,  # ours stands
                access_log=False,  # it would hold the secrets of feeds; web.security writes one without
                server_header=False,
                proxy_headers=True,  # from this machine only, unless FORWARDED_ALLOW_IPS names the proxies
                timeout_graceful_shutdown=GRACE,
            )
        )
        with suppress(KeyboardInterrupt):  # it has stopped in good order by then
            server.run(sockets=[listener])
    finally:
        app.close()


def _listening(host: str, port: int) -> socket.socket:
    """The socket to serve at. Raises UnavailableError where it is taken or not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise UnavailableError(f"cannot listen at {host}:{port}: {_reason(error)}; choose another --port") from error


def _reason(error: OSError) -> str:
    """The system's own words; ``socket`` adds the address a second time."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror or error)
