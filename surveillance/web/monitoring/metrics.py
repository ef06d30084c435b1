"""``/metrics`` for Prometheus: how the service does, in counts; never whom it is about."""

import hmac
from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

import surveillance
from surveillance.bootstrap import App
from surveillance.store import db
from surveillance.store.proof import metrics
from surveillance.web.access import public
from surveillance.web.deps import AppDep, Clock

router = APIRouter(include_in_schema=False)

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@router.get("/metrics")
@public
def scrape(request: Request, app: AppDep, authorization: Annotated[str, Header()] = "") -> Response:
    """The metrics for whoever bears SURVEILLANCE_METRICS_TOKEN; without such a setting, for nobody."""
    token = app.settings.metrics_token
    expected = f"Bearer {token.get_secret_value()}" if token else ""
    if not expected or not hmac.compare_digest(authorization.encode(), expected.encode()):
        return Response(status_code=401, headers={"WWW-Authenticate": 'Bearer realm="metrics"'})
    registry: CollectorRegistry = request.app.state.registry
    return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def new_registry(app: App, clock: Clock) -> CollectorRegistry:
    """A registry of its own for each application, so that two in one process do not meet."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    registry.register(FromDatabase(app, clock))
    return registry


def request_histogram(registry: CollectorRegistry) -> Histogram:
    """Durations by the route's pattern, not by its address: those are endless and may hold secrets."""
    return Histogram(
        "surveillance_http_request_seconds",
        "Time to answer an HTTP request",
        ("method", "route", "status"),
        registry=registry,
        buckets=SECONDS,
    )


class FromDatabase(Collector):
    """What the database knows, asked for at each scrape: the same whichever process is scraped."""

    def __init__(self, app: App, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance; without this the registry would ask the database when the service starts."""
        return ()

    def collect(self) -> Iterable[Metric]:
        now = self._clock()
        with db.reading(self._app.engine) as session:
            numbers = metrics.numbers(session, now)
        yield _one("build_info", "The version that runs", 1, version=surveillance.__version__)
        reminders = GaugeMetricFamily("surveillance_reminders", "Planned messages by state", labels=["state"])
        for state, count in numbers.reminders.items():
            reminders.add_metric([state], count)
        yield reminders
        yield _one("attempts_in_doubt", "Messages of which nobody knows whether they went out", numbers.in_doubt)
        doubt = (now - numbers.oldest_doubt).total_seconds() if numbers.oldest_doubt else 0.0
        yield _one("oldest_doubt_seconds", "Age of the oldest message in doubt, 0 without one", doubt)
        yield _one(
            "senders_stopped", "Numbers and services that send nothing until a person acts", numbers.senders_stopped
        )
        yield _one(
            "sender_alerts", "Messages refused or filtered since a person last looked into it", numbers.sender_alerts
        )
        yield _one("examinations_overdue", "Examinations past their window, not booked and not held", numbers.overdue)
        yield _one("feeds", "Calendar addresses that answer", numbers.feeds)
        fetches = CounterMetricFamily("surveillance_feed_fetches", "Times that a calendar was fetched")
        fetches.add_metric([], numbers.fetches)
        yield fetches
        counted = CounterMetricFamily("surveillance_events", "What the workers counted", labels=["event"])
        for event, count in numbers.counters.items():
            counted.add_metric([event], count)
        yield counted
        if numbers.last_beat is not None:
            age = (now - numbers.last_beat).total_seconds()
            yield _one("worker_heartbeat_age_seconds", "Time since a worker last showed that it is alive", age)


def _one(name: str, meaning: str, value: float, **labels: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"surveillance_{name}", meaning, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family
