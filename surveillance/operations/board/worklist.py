"""The board (design section 6): its rows in plain words, and how many there are.

A row is a query over the facts and goes when its work is done; what a person does about one is in ``worklist_acts``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.dates import local_day
from surveillance.core.errors import ConflictError, InvalidInputError, NotFoundError
from surveillance.core.schedule.examinations import FindingKind
from surveillance.core.words import Role
from surveillance.operations.board import row_words
from surveillance.operations.work import Work
from surveillance.store.board import worklist as store
from surveillance.store.board.base import Scope
from surveillance.store.board.worklist import Filter, Sort, Worklist
from surveillance.store.tables import Membership, Site, User

__all__ = [
    "Filter",
    "Sort",
    "Worklist",
    "WorklistRow",
    "counts",
    "find_row",
    "people",
    "rows",
]

WORKERS = (Role.COORDINATOR, Role.CLINICIAN)


@dataclass(frozen=True, slots=True)
class WorklistRow:
    """One piece of work. ``key`` names it: the list and the first digits of its subject's id; ``kind`` is what sort of
    row of its list it is (a skip among the holds).

    ``age`` in days at the site. ``to_clinician``: the patient missed so many visits that a clinician decides.
    ``patient_id`` is None for a message from a number that no patient has.
    """

    list: Worklist
    subject: str
    site_id: UUID
    site: str
    patient_id: UUID | None
    mrn: str
    name: str
    what: str
    since: date
    age: int
    why: str
    next_action: str
    owner_id: UUID | None
    owner: str
    to_clinician: bool
    note: str
    hidden_until: date | None
    moment: datetime  # as ``since``, as exactly as it is known
    appointment_id: UUID | None = None
    examination_id: UUID | None = None
    study_id: UUID | None = None
    reminder_id: UUID | None = None
    plan_id: UUID | None = None
    kind: str = ""

    @property
    def place(self) -> tuple[datetime, str]:
        """Where the row stands among all rows of its list, the oldest first."""
        return self.moment, self.subject

    @property
    def key(self) -> str:
        return f"{self.list}:{self.subject[:8]}"


def scopes(work: Work, site_ids: Iterable[UUID]) -> list[Scope]:
    """Each site on its own day; the first one shows the messages of strangers, too."""
    return [_scope(work, work.site(site_id), strangers=number == 0) for number, site_id in enumerate(site_ids)]


def _scope(work: Work, site: Site, *, strangers: bool) -> Scope:
    return Scope(site.id, work.today(site), work.now, strangers, site.report_days)


def counts(
    work: Work, site_ids: Sequence[UUID], wanted: Filter = store.EVERYTHING, most: int | None = None
) -> dict[Worklist, int]:
    """How many rows each list has, over all ``site_ids``, in the order of the board.

    With ``most`` no source of a list is counted further: a page that says "more than 999" is as quick at 100,000.
    """
    found = dict.fromkeys(Worklist, 0)
    for scope in scopes(work, site_ids):
        for worklist, number in store.counts(work.session, scope, wanted, most).items():
            found[worklist] += number
    return found


def rows(
    work: Work,
    site_ids: Sequence[UUID],
    worklist: Worklist,
    wanted: Filter = store.EVERYTHING,
    *,
    sort: Sort = Sort.AGE,
    limit: int = 200,
    offset: int = 0,
) -> list[WorklistRow]:
    """The rows of one list, the oldest first unless another order is wanted."""
    found = [
        (scope, kind, row)
        for scope in scopes(work, site_ids)
        for kind, row in store.rows(work.session, worklist, scope, wanted, limit + offset, sort)
    ]
    people = _names(work, {row["responsible"] for _, _, row in found}) if sort is Sort.OWNER else {}
    found.sort(key=lambda one: _place(work, one[0], one[2], sort, people))
    read: list[WorklistRow] = []
    for scope, some in groupby(found[offset : offset + limit], key=itemgetter(0)):
        read.extend(_Reader(work, worklist, scope).read([(kind, row) for _, kind, row in some]))
    return sorted(read, key=lambda row: (row.since, row.name, row.what, row.subject)) if sort is Sort.AGE else read


def _place(work: Work, scope: Scope, row: Mapping[str, Any], sort: Sort, people: Mapping[UUID, str]) -> Any:
    """Where a row stands among those of all sites and sources, in the order that each of them came in."""
    match sort:
        case Sort.NAME:
            first: Any = row["folded"] or ""
        case Sort.OWNER:
            name = people.get(row["responsible"])
            first = (name is None, name or "")
        case Sort.SITE:
            first = work.site(scope.site_id).code
        case Sort.AGE:
            first = ""
    return first, _moment(row), row["subject"]


def _moment(row: Mapping[str, Any]) -> datetime:
    since = row["since"]
    return since if isinstance(since, datetime) else datetime.combine(since, time(), UTC)


def _names(work: Work, user_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    ids = {each for each in user_ids if each}
    statement = select(col(User.id), col(User.name)).where(col(User.id).in_(ids))
    return dict(work.session.exec(statement).all()) if ids else {}


def people(work: Work, site_ids: Sequence[UUID]) -> list[User]:
    """Who may own work at one of the sites, by name."""
    here = select(col(Membership.user_id)).where(
        col(Membership.site_id).in_(site_ids), col(Membership.role).in_(WORKERS)
    )
    statement = select(User).where(col(User.id).in_(here), col(User.disabled_at).is_(None))
    return list(work.session.exec(statement.order_by(col(User.name), col(User.username))))


class _Reader:
    """Turns the rows of one query into words, with what belongs to them fetched once for all."""

    def __init__(self, work: Work, worklist: Worklist, scope: Scope) -> None:
        self.work, self.worklist, self.scope = work, worklist, scope

    def read(self, raw: Sequence[tuple[str, Mapping[str, Any]]]) -> list[WorklistRow]:
        session = self.work.session
        patients = {row["patient_id"] for _, row in raw if row["patient_id"]}
        self.notes = store.last_words(session, self.worklist, [row["subject"] for _, row in raw], patients)
        self.no_shows = store.no_shows(session, patients)
        self.words = row_words.Words(self.work, self.scope.today, raw)
        self.names = _names(self.work, {row["responsible"] for _, row in raw})
        return [self._row(kind, row) for kind, row in raw]

    def _row(self, kind: str, row: Mapping[str, Any]) -> WorklistRow:
        site = self.work.site(row["site_id"] or self.scope.site_id)
        since = self._since(row, site)
        what, why, next_action = self.words.describe(kind, row)
        missed = self.no_shows.get(row["patient_id"], 0)
        to_clinician = self.worklist in _BOOKABLE and missed >= site.noshow_limit
        if to_clinician:
            next_action = f"a clinician decides how to go on: {missed} visits were missed"
        note = self.notes.get(row["subject"])
        named = f"{row['family_name']}, {row['given_name']}" if row["patient_id"] else "nobody known here"
        return WorklistRow(
            self.worklist,
            row["subject"],
            site.id,
            site.code,
            row["patient_id"],
            row["mrn"] or "",
            named,
            what,
            since,
            (self.scope.today - since).days,
            why,
            next_action,
            row["responsible"],
            self.names.get(row["responsible"], ""),
            to_clinician,
            note.text if note else "",
            row["hidden_until"],
            _moment(row),
            plan_id=row.get("plan_id"),
            kind=kind,
            **_references(kind, row),
        )

    def _since(self, row: Mapping[str, Any], site: Site) -> date:
        """The day the work arose; what lies ahead (a booked visit that does not fit) is work from today on."""
        since = row["since"]
        day = local_day(since, site.time_zone) if isinstance(since, datetime) else since
        return min(day, self.scope.today)


_BOOKABLE = (Worklist.OVERDUE, Worklist.DUE, Worklist.TO_ORDER)
_ABOUT_STUDIES = (FindingKind.STUDY_EARLY, FindingKind.REPEAT_WANTED)
_SUBJECT_OF = {
    "overdue": "examination_id",
    "due": "examination_id",
    "to_order": "examination_id",
    "skip": "examination_id",
    "outcome_unknown": "appointment_id",
    "no_report": "study_id",
    "not_reviewed": "study_id",
    "no_next_action": "study_id",
    "not_told": "study_id",
    "undelivered": "reminder_id",
    "in_doubt": "reminder_id",
    "lost": "reminder_id",
}


def _references(kind: str, row: Mapping[str, Any]) -> dict[str, UUID]:
    """The records that the row is about, for links."""
    found = {_SUBJECT_OF[kind]: UUID(row["subject"])} if kind in _SUBJECT_OF else {}
    for name in ("appointment_id", "study_id"):
        if row.get(name):
            found[name] = row[name]
    about = row.get("about")
    if about:
        found["study_id" if row["kind"] in _ABOUT_STUDIES else "appointment_id"] = UUID(about)
    return found


def find_row(work: Work, site_ids: Sequence[UUID], key: str) -> WorklistRow:
    """The row that ``key`` names (``overdue:3f9a2c1b``), put aside or not.

    Raises:
        InvalidInputError: it is no such key.
        NotFoundError: no row of that list begins so; its work may be done.
        ConflictError: several do.
    """
    name, _, digits = key.partition(":")
    if name not in list(Worklist) or not digits:
        raise InvalidInputError(f"{key!r} is no row of the board; write LIST:ID as the board shows it")
    subject = digits if digits.startswith("+") else digits.replace("-", "").lower()
    found = rows(work, site_ids, Worklist(name), Filter(subject=subject, hidden=True), limit=3)
    if not found:
        raise NotFoundError(f"there is no row {key!r} on the board; its work may be done")
    if len({row.subject for row in found}) > 1:
        raise ConflictError(f"{key!r} names several rows; give more digits")
    return found[0]
