"""How often something may be asked for, counted in this process's memory: looking at a page must not write.

With several processes each counts for itself. It keeps a single client from keeping the service busy; guessing is
stopped elsewhere, by the length of secrets and by counts in the database.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

REMEMBERED: Final = 10_000  # keys; the longest unused one is forgotten first


class Pace:
    """At most ``most`` requests of one key in each ``span``, which begins with the first one."""

    def __init__(self, most: int, span: timedelta) -> None:
        self.most, self.span = most, span
        self._lock = Lock()
        self._counts: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def wait(self, key: str, now: datetime) -> timedelta | None:
        """Count a request; how long to wait if it is one too many, else None."""
        with self._lock:
            since, count = self._counts.pop(key, (now, 0))
            if now - since >= self.span:
                since, count = now, 0
            self._counts[key] = (since, count + 1)
            if len(self._counts) > REMEMBERED:
                self._counts.popitem(last=False)
        return since + self.span - now if count >= self.most else None
