"""A worker in a process of its own that can be killed anywhere, for tests of what a crash leaves behind.

The process is real and so is the signal. Where it strikes is chosen here and not in the product: at the n-th
statement or commit that the worker's engine sees, before, during or after the call to the provider, or by time.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from fakes.clinic import Carrier, Clinic, Clock, catalogue, open_clinic
from fakes.twilio_server import ACCOUNT_SID, AUTH_TOKEN, SENDER
from sqlalchemy import orm
from sqlmodel import col

from surveillance import worker
from surveillance.bootstrap import App, utc_now
from surveillance.core.dates import add_months
from surveillance.core.words import Channel, ReminderState
from surveillance.operations.dispatch.in_doubt import resolve_doubt
from surveillance.operations.dispatch.sending import send_due
from surveillance.operations.job_context import Limits
from surveillance.providers.base import Accepted, DeliveryError, Outgoing
from surveillance.providers.twilio import TwilioTransport
from surveillance.settings import Settings
from surveillance.store import db
from surveillance.store.tables import Attempt, Reminder, metadata

# Real time, but short: ten minutes of looking for a message become four seconds.
LIMITS = Limits(
    batch=4,
    lease=timedelta(seconds=1),
    hand_over=timedelta(seconds=2),
    give_up=timedelta(seconds=4),
    pace={Channel.SMS: 1000.0, Channel.EMAIL: 1000.0},
)
USUAL = Limits(pace={Channel.SMS: 1000.0})


@dataclass(frozen=True)
class Strike:
    """Where the process is killed: the ``count``-th time that ``point`` is reached.

    Points: statement, before_commit, after_commit, before_call, during_call (``seconds`` into it), after_call,
    time (``seconds`` after the start).
    """

    point: str = ""
    count: int = 1
    seconds: float = 0.0


def run(database_url: str, twilio_url: str, strike: Strike, run_seconds: float, limits: Limits = LIMITS) -> None:
    """Tick until nothing is left to do for a while, or until the strike."""
    engine = db.create_engine_for(database_url)
    target = _Target(strike)
    transport = _Struck(
        target,
        ACCOUNT_SID,
        AUTH_TOKEN,
        from_=SENDER,
        api_url=twilio_url,
        connect_timeout=1.0,
        read_timeout=limits.hand_over.total_seconds() / 2,
    )
    settings = Settings(public_url="https://clinic.example")
    app = App(settings, engine, catalogue(), {Channel.SMS: transport})
    context = worker.job_context_of(app, utc_now, limits)
    target.listen(engine)
    end = time.monotonic() + run_seconds
    while time.monotonic() < end:
        resolve_doubt(context)
        send_due(context, threading.Event())
        if not strike.point and _nothing_left(engine):
            return
        time.sleep(0.01)


def _nothing_left(engine: sa.Engine) -> bool:
    """No message is due or on its way, and no call waits to be found out about: more time would change nothing."""
    waiting = sa.select(Reminder.id).where(
        col(Reminder.state).in_((ReminderState.PLANNED, ReminderState.CLAIMED)), col(Reminder.due_at) <= utc_now()
    )
    unknown = sa.select(Attempt.id).where(col(Attempt.finished_at).is_(None))
    with db.reading(engine) as session:
        return not any(session.execute(statement.limit(1)).first() for statement in (waiting, unknown))


class _Target:
    """Counts how often each point is reached, and kills this process at the chosen one."""

    def __init__(self, strike: Strike) -> None:
        self.strike, self.left = strike, strike.count

    def reached(self, point: str) -> None:
        if point == self.strike.point:
            self.left -= 1
            if self.left == 0:
                self.kill()

    def kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def listen(self, engine: sa.Engine) -> None:
        if self.strike.point == "time":
            threading.Timer(self.strike.seconds, self.kill).start()
        sa.event.listen(engine, "before_cursor_execute", lambda *_: self.reached("statement"))
        sa.event.listen(engine, "commit", lambda *_: self.reached("before_commit"))
        sa.event.listen(engine, "checkin", lambda *_: self.reached("after_commit"))


class _Struck(TwilioTransport):
    def __init__(self, target: _Target, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._target = target

    def send(self, message: Outgoing) -> Accepted:
        self._target.reached("before_call")
        if self._target.strike.point == "during_call":
            threading.Timer(self._target.strike.seconds, self._target.kill).start()
        answer = super().send(message)
        self._target.reached("after_call")
        return answer


class Workers:
    """Makes workers by fork from a process that has imported everything: the 200 starts take 20 ms each, not 2 s."""

    def __enter__(self) -> "Workers":
        tests = Path(__file__).parents[1]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(tests), str(tests.parent)))}
        self._server = subprocess.Popen(
            [sys.executable, "-m", "fakes.killable"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._server.kill()
        self._server.communicate()

    def run(
        self,
        database_url: str,
        twilio_url: str,
        strike: Strike,
        run_seconds: float,
        *,
        copies: int = 1,
        usual: bool = False,
    ) -> list[int]:
        """Run worker processes until they end; how each ended (-9: by SIGKILL)."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        order = {"database_url": database_url, "twilio_url": twilio_url, "strike": asdict(strike)}
        order |= {"run_seconds": run_seconds, "copies": copies, "usual": usual}
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        ended: list[int] = json.loads(self._server.stdout.readline())
        return ended


def serve() -> None:
    """Fork workers as standard input orders, one line each, and say how they ended."""
    _warm_up()
    for line in sys.stdin:
        order = json.loads(line)
        copies, limits = order.pop("copies"), USUAL if order.pop("usual") else LIMITS
        strike = Strike(**order.pop("strike"))
        pids = [_fork(strike=strike, limits=limits, **order) for _ in range(copies)]
        ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        sys.stdout.write(json.dumps(ended) + "\n")
        sys.stdout.flush()


def _warm_up() -> None:
    """What each worker would else do anew: read the configuration, map the tables, import Twilio's client."""
    catalogue()
    orm.configure_mappers()
    transport = TwilioTransport(
        ACCOUNT_SID, AUTH_TOKEN, from_=SENDER, api_url="http://127.0.0.1:9", connect_timeout=0.1
    )
    with suppress(DeliveryError):
        transport.find("+15005550006", utc_now())
    engine = db.create_engine_for("sqlite://")
    metadata.create_all(engine)
    app = App(Settings(), engine, catalogue(), {Channel.SMS: transport})
    worker.tick(app, utc_now())
    engine.dispose()


def _fork(**options: Any) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        run(**options)
        status = 0
    finally:
        os._exit(status)


@contextmanager
def twilio_process(folder: Path) -> Iterator[tuple[str, Path]]:
    """The fake Twilio in a process of its own: its address, and the file of what it accepted."""
    state = folder / "twilio.jsonl"
    script = Path(__file__).with_name("twilio_server.py")
    command = [sys.executable, str(script), "--port", "0", "--state", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), state
        finally:
            process.kill()


def noon_zone(now: datetime) -> str:
    """A zone in which it is about noon now, so that messages may go out whenever the tests run."""
    ahead = 12 - now.hour
    return "Etc/GMT" if ahead == 0 else f"Etc/GMT{-ahead:+d}"


def clinic_with_due_messages(engine: sa.Engine, patients: int) -> Clinic:
    """Everybody was booked eleven minutes ago: one message each is due now."""
    clock = Clock(datetime.now(UTC) - timedelta(minutes=11))
    zone = noon_zone(clock.now)
    carriers = [Carrier(Channel.SMS, clock), Carrier(Channel.EMAIL, clock)]
    today = clock.now.date()
    clinic = open_clinic(engine, clock, transports=carriers, time_zone=zone, messages_from=today - timedelta(days=9))
    anchor = today - timedelta(days=70)
    for number in range(patients):
        patient = clinic.patient(str(number), phone=f"+1 415-555-{100 + number:04}", anchor=anchor)
        clinic.book(patient, add_months(anchor, 3))
    return clinic


if __name__ == "__main__":
    serve()
