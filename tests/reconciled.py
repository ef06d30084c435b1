"""What reconciling comes to, for tests that follow what is stored without a database."""

from collections.abc import Iterable

from surveillance.core.schedule.examinations import Examination, Key
from surveillance.core.schedule.reconcile import Changes


def applied(changes: Changes, stored: Iterable[Examination]) -> dict[Key, Examination]:
    """What is stored once the changes are made."""
    gone = {row.key for row in changes.cancel}
    fresh = {row.key: row for row in changes.add} | {change.after.key: change.after for change in changes.move}
    return {row.key: row for row in stored if row.key not in gone} | fresh
