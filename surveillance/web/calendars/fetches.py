"""Book-keeping of fetched feeds: at most one write a minute for each, however often it is asked for."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from uuid import UUID

import sqlalchemy as sa
import structlog

from surveillance.core.errors import UnavailableError
from surveillance.store import db
from surveillance.store.calendars import feeds as store
from surveillance.store.tables import Feed

PACE = timedelta(minutes=1)
CACHED_BYTES = 32 * 1024 * 1024

log = structlog.get_logger(__name__)


class Fetches:
    """Counts in memory and writes them down now and then; a crash loses the counts of a minute and nothing else."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._waiting: dict[UUID, int] = {}
        self._shown: dict[UUID, tuple[datetime, str, datetime]] = {}  # written last: at, tag, since

    def since(self, feed: Feed, tag: str, now: datetime) -> datetime:
        """Since when the feed has shown what ``tag`` stands for, as far as anybody saw: its Last-Modified."""
        with self._lock:
            written = self._shown.get(feed.id)
        for known, since in ((written[1], written[2]) if written else ("", None), (feed.shown_tag, feed.shown_since)):
            if known == tag and since is not None:
                return since
        return now

    def note(self, feed: Feed, tag: str, since: datetime, now: datetime) -> None:
        """Count a fetch, and write when what is shown has changed or the last write is a minute ago."""
        with self._lock:
            self._waiting[feed.id] = self._waiting.get(feed.id, 0) + 1
            at, known, _ = self._shown.get(feed.id, (feed.last_fetched_at, feed.shown_tag, None))
            if known == tag and at is not None and now - at < PACE:
                return
            self._shown[feed.id] = (now, tag, since)
            count = self._waiting.pop(feed.id)
        self._write(feed.id, count, now, tag, since)

    def flush(self) -> None:
        """Write down what is still only counted; called when the service stops."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            shown = dict(self._shown)
        for feed_id, count in waiting.items():
            if feed_id in shown:
                self._write(feed_id, count, *shown[feed_id])

    def _write(self, feed_id: UUID, count: int, at: datetime, tag: str, since: datetime) -> None:
        try:
            with db.writing(self._engine) as session:
                store.record_fetches(session, feed_id, count, at, tag, since)
        except UnavailableError as error:
            # The calendar has been served; a count is not worth failing for.
            log.warning("a feed's fetches could not be counted", feed=str(feed_id), why=str(error))


class RenderedFeeds:
    """The bytes of feeds by entity tag, the least recently used ones dropped first."""

    def __init__(self, limit: int = CACHED_BYTES) -> None:
        self._limit = limit
        self._size = 0
        self._lock = Lock()
        self._bytes: OrderedDict[str, bytes] = OrderedDict()

    def get(self, tag: str, render: Callable[[], bytes]) -> bytes:
        """The bytes of ``tag``, rendered now if they are not at hand."""
        with self._lock:
            if tag in self._bytes:
                self._bytes.move_to_end(tag)
                return self._bytes[tag]
        body = render()
        with self._lock:
            self._size += len(body) - len(self._bytes.pop(tag, b""))
            self._bytes[tag] = body
            while self._size > self._limit:
                self._size -= len(self._bytes.popitem(last=False)[1])
        return body
