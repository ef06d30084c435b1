"""From what is wanted and what is stored to the changes that make them equal (schedule rule 12)."""

from collections.abc import Iterable
from typing import NamedTuple

from surveillance.core.schedule.examinations import Derived, Examination, Finding


class Change(NamedTuple):
    before: Examination
    after: Examination


class Changes(NamedTuple):
    """``move`` holds rows whose dates or state change; a booked visit itself is never touched by any of these."""

    add: tuple[Examination, ...]
    move: tuple[Change, ...]
    cancel: tuple[Examination, ...]
    keep: tuple[Examination, ...]
    conflicts: tuple[Finding, ...]

    @property
    def empty(self) -> bool:
        return not (self.add or self.move or self.cancel)


def reconcile(wanted: Derived, stored: Iterable[Examination]) -> Changes:
    """Compare by key. Applied to ``stored`` the changes give exactly ``wanted``; done twice, nothing changes."""
    present = {row.key: row for row in stored}
    add, move, keep = [], [], []
    for row in wanted.examinations:
        before = present.pop(row.key, None)
        if before is None:
            add.append(row)
        elif before == row:
            keep.append(row)
        else:
            move.append(Change(before, row))
    return Changes(tuple(add), tuple(move), tuple(present.values()), tuple(keep), wanted.findings)


def undone(before: Iterable[Examination], after: Iterable[Examination]) -> list[Examination]:
    """The examinations that a study fulfilled and that it does not fulfil any more."""
    then = {row.key: row.study for row in after}
    return [row for row in before if row.study is not None and then.get(row.key) != row.study]
