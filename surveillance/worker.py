"""The worker: ticks by the clock. The rows are the schedule, so any number of workers may tick at the same time.

APScheduler 3 holds no fact; it only calls ``send``, ``resolve_doubt``, ``sweep``, ``carry_in``, ``seal`` and ``beat``
again and again.
"""

import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from surveillance.bootstrap import App, system_actor, utc_now
from surveillance.core.errors import SurveillanceError
from surveillance.operations.audit.sealing import seal
from surveillance.operations.care.daily_sweep import next_sweep, sweep
from surveillance.operations.dispatch.in_doubt import resolve_doubt
from surveillance.operations.dispatch.sending import send_due
from surveillance.operations.imports.carrying import carry_in
from surveillance.operations.job_context import PACE, JobContext, Limits
from surveillance.operations.proof.nightly_check import prove
from surveillance.store import db
from surveillance.store.messages import reminders as store
from surveillance.store.proof import heartbeats

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]
Job = Callable[[], object]

EVERY = {"dispatch": 5, "doubt": 30, "sweep": 60, "imports": 5, "seal": 60, "proof": 300, "heartbeat": 15}  # seconds
ERRORS = "worker_errors"
_UNLIMITED = 1000.0  # messages a second, for what no network carries


@dataclass(frozen=True)
class TickReport:
    """What one pass did, by words such as sent, waiting, voided, tasks, adopted, replanned."""

    at: datetime
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def errors(self) -> int:
        return self.counts["errors"]


def job_context_of(app: App, clock: Clock, limits: Limits | None = None) -> JobContext:
    """Where this process hands messages out, as the service's own account."""
    with db.writing(app.engine) as session:
        actor = system_actor(session)
    pace = {
        channel: _UNLIMITED if transport.name == "console" else PACE.get(channel, 1.0)
        for channel, transport in app.transports.items()
    }
    public_url = app.settings.public_url
    return JobContext(app.engine, app.catalogue, app.transports, public_url, actor, clock, limits or Limits(pace=pace))


def tick(app: App, now: datetime, *, context: JobContext | None = None) -> TickReport:
    """One pass by hand, as if it were ``now``: sweep, settle doubt, carry files in, send what is due, seal."""
    place = context or job_context_of(app, lambda: now)
    counts: Counter[str] = Counter()
    for pass_over in (sweep, resolve_doubt):
        counts += pass_over(place)
    counts += carry_in(place, threading.Event())
    counts += send_due(place, threading.Event())
    counts += seal(place)
    return TickReport(now, counts)


def simulate(app: App, start: datetime, days: int) -> Iterator[TickReport]:
    """Live through ``days`` in a moment: a tick whenever a message is due and when a day begins. For development."""
    now, end = start, start + timedelta(days=days)
    context = job_context_of(app, lambda: now)
    while now < end:
        yield tick(app, now, context=context)
        with db.reading(app.engine) as session:
            moments = (store.next_due(session, now), next_sweep(session, now), end)
        now = max(now + timedelta(seconds=1), min(moment for moment in moments if moment is not None))


class Worker:
    """Ticks in the background of this process, from ``start`` to ``stop``."""

    def __init__(self, app: App, clock: Clock = utc_now, limits: Limits | None = None) -> None:
        self._app, self._clock, self._limits = app, clock, limits
        self._name = f"{socket.gethostname()}-{os.getpid()}"
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._ticks, self._errors, self._last_error = 0, 0, ""
        self._started_at = clock()
        self._scheduler: BackgroundScheduler | None = None

    def start(self) -> None:
        """Begin to tick.

        Raises:
            UnavailableError: the database does not answer.
        """
        context = job_context_of(self._app, self._clock, self._limits)
        jobs: dict[str, Job] = {
            "dispatch": lambda: self._count(send_due(context, self._stopping)),
            "doubt": lambda: self._count(resolve_doubt(context)),
            "sweep": lambda: self._count(sweep(context)),
            "imports": lambda: self._count(carry_in(context, self._stopping)),
            "seal": lambda: self._count(seal(context)),
            "proof": lambda: self._count(prove(context, self._stopping)),
            "heartbeat": self.beat,
        }
        self.beat()
        self._scheduler = BackgroundScheduler(executors={"default": ThreadPoolExecutor(len(jobs))}, timezone=UTC)
        self._scheduler.add_listener(self._failed, EVENT_JOB_ERROR)
        for name, job in jobs.items():
            self._scheduler.add_job(
                job, "interval", seconds=EVERY[name], id=name, max_instances=1, coalesce=True,
                misfire_grace_time=None, next_run_time=utc_now(),
            )  # fmt: skip
        self._scheduler.start()
        log.info("worker started", worker=self._name)

    def stop(self) -> None:
        """Finish what is in flight, give back what was only claimed, and end."""
        self._stopping.set()
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=True)
            self._scheduler = None
        log.info("worker stopped", worker=self._name)

    def kick(self, name: str) -> None:
        """Tick now and not only at the next round: somebody is waiting for it."""
        scheduler = self._scheduler
        if scheduler is not None:
            scheduler.modify_job(name, next_run_time=utc_now())

    def beat(self) -> None:
        """Sign of life, with the last error of this process."""
        with self._lock:
            errors, self._errors = self._errors, 0
        with db.writing(self._app.engine) as session:
            heartbeats.beat(session, self._name, self._started_at, self._clock(), self._ticks, self._last_error)
            if errors:
                store.count(session, ERRORS, errors)

    def _count(self, done: Counter[str]) -> None:
        with self._lock:
            self._ticks += 1
            self._errors += done["errors"]
        if done.total():
            log.info("tick", **{word: number for word, number in done.items() if number})

    def _failed(self, event: JobExecutionEvent) -> None:
        """A tick raised: it is told, and the next tick goes on. Only our own errors are known to name no patient."""
        error = event.exception
        told = str(error) if isinstance(error, SurveillanceError) else type(error).__name__
        with self._lock:
            self._errors += 1
            self._last_error = f"{self._clock():%Y-%m-%dT%H:%M:%SZ} {event.job_id}: {told}"
        log.error("a tick failed", job=event.job_id, exc_info=error)
