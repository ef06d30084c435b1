"""The board: every list as one query, without what a person has put aside; counts of all lists in one statement."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import orm
from sqlmodel import Session, col, select

from surveillance.core.folding import folded
from surveillance.core.words import Outcome
from surveillance.store.board import clinic_lists as people
from surveillance.store.board import lists as queries
from surveillance.store.board import message_lists as messages
from surveillance.store.board.base import SITE, TODAY, Query, Scope, protocol_of
from surveillance.store.tables import Appointment, AppointmentItem, BoardAction, Patient, ResultTask, Study, User

STATEMENTS = 256  # made statements that are kept, each for a filter that somebody uses


class Worklist(StrEnum):
    """The lists that want to be empty, in the order of the board."""

    OVERDUE = "overdue"
    TO_ORDER = "to_order"
    DUE = "due"
    OUTCOME_UNKNOWN = "outcome_unknown"
    FLAGS = "flags"
    UNREACHABLE = "unreachable"
    REPLIES = "replies"
    RESCHEDULE = "reschedule"
    NO_REPORT = "no_report"
    NOT_REVIEWED = "not_reviewed"
    NO_NEXT_ACTION = "no_next_action"
    RESULT_TASKS = "result_tasks"
    REPEAT_DUE = "repeat_due"
    NOT_TOLD = "not_told"
    CONFLICTS = "conflicts"
    HOLDS = "holds"
    LAST_SCAN_UNKNOWN = "last_scan_unknown"
    WITHOUT_PLAN = "without_plan"
    RESTART_DUE = "restart_due"
    OF_AGE = "of_age"
    OWNER_GONE = "owner_gone"
    CLINIC = "clinic"
    IN_DOUBT = "in_doubt"


Build = Callable[[], Query]

# A list may have several kinds of rows, each with its own query and its own words.
SOURCES: Mapping[Worklist, Mapping[str, Build]] = MappingProxyType(
    {
        Worklist.OVERDUE: {"overdue": queries.overdue},
        Worklist.TO_ORDER: {"to_order": queries.to_order},
        Worklist.DUE: {"due": queries.due},
        Worklist.OUTCOME_UNKNOWN: {"outcome_unknown": queries.outcome_unknown},
        Worklist.FLAGS: {"flag_unconfirmed": queries.flags_unconfirmed},
        Worklist.UNREACHABLE: {
            "undelivered": messages.undelivered,
            "unreachable": messages.unreachable,
            "wrong_number": messages.wrong_numbers,
        },
        Worklist.REPLIES: {"reply": messages.replies, "paused_number": messages.paused_numbers},
        Worklist.RESCHEDULE: {"reschedule": messages.reschedule},
        Worklist.NO_REPORT: {"no_report": queries.no_report},
        Worklist.NOT_REVIEWED: {"not_reviewed": queries.not_reviewed},
        Worklist.NO_NEXT_ACTION: {"no_next_action": queries.no_next_action},
        Worklist.RESULT_TASKS: {"result_task": queries.result_tasks},
        Worklist.REPEAT_DUE: {"repeat_wanted": queries.repeat_wanted},
        Worklist.NOT_TOLD: {"not_told": queries.not_told},
        Worklist.CONFLICTS: {"conflict": queries.conflicts, "protocol_ends": queries.protocol_ends},
        Worklist.HOLDS: {
            "hold": queries.holds,
            "skip": queries.skips,
            "off": queries.items_off,
            "transfer": queries.transfers,
        },
        Worklist.LAST_SCAN_UNKNOWN: {"last_scan_unknown": queries.last_scan_unknown},
        Worklist.WITHOUT_PLAN: {"without_plan": queries.without_plan},
        Worklist.RESTART_DUE: {"restart_due": queries.restart_due},
        Worklist.OF_AGE: {"of_age": people.of_age},
        Worklist.OWNER_GONE: {"owner_gone": people.owner_gone, "task_owner_gone": people.task_owner_gone},
        Worklist.CLINIC: {
            "without_coordinator": people.without_coordinator,
            "without_clinician": people.without_clinician,
            "approval": people.approvals,
        },
        Worklist.IN_DOUBT: {"in_doubt": messages.in_doubt, "lost": messages.lost},
    }
)


class Sort(StrEnum):
    """In which order a list is read. The oldest first is an index's order; the others look at the whole list."""

    AGE = "age"
    NAME = "name"
    OWNER = "owner"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class Filter:
    """``owner``: rows of one user; ``cover``: those of another one, too, who is away; ``nobody``: rows of nobody.

    ``text``: part of a name, or an MRN. ``subject``: the first digits of a row's id. ``hidden`` shows what was put
    aside, too.
    """

    owner: UUID | None = None
    cover: UUID | None = None
    nobody: bool = False
    text: str = ""
    subject: str = ""
    patient_id: UUID | None = None
    hidden: bool = False


EVERYTHING = Filter()


def _acted(page: Any, worklist: Worklist, column: Any) -> Any:
    """What the last action about a row that says anything of ``column`` says."""
    return (
        sa.select(column)
        .where(
            col(BoardAction.patient_id) == page.c.patient_id,
            col(BoardAction.worklist) == worklist.value,
            col(BoardAction.subject) == page.c.subject,
            column.is_not(None),
        )
        .order_by(col(BoardAction.at).desc())
        .limit(1)
        .correlate(page)
        .scalar_subquery()
    )


def _owner(page: Any, worklist: Worklist) -> Any:
    """Who has to do with a row: whom it was assigned to, else the patient's owner."""
    owner = sa.func.coalesce(_acted(page, worklist, col(BoardAction.assigned_to)), page.c.owner_id)
    return sa.type_coerce(owner, sa.Uuid())


def _put_aside(worklist: Worklist) -> Any:
    """The subjects that a person put aside beyond today; one query for the whole list, as they are few."""
    later = orm.aliased(BoardAction)
    overruled = sa.exists().where(
        col(later.patient_id) == col(BoardAction.patient_id),
        col(later.worklist) == col(BoardAction.worklist),
        col(later.subject) == col(BoardAction.subject),
        col(later.until).is_not(None),
        col(later.at) > col(BoardAction.at),
    )
    return sa.select(col(BoardAction.subject)).where(
        col(BoardAction.worklist) == worklist.value,
        col(BoardAction.site_id) == SITE,
        col(BoardAction.until) > TODAY,
        ~overruled,
    )


def _assigned(worklist: Worklist, owners: Sequence[UUID] = ()) -> Any:
    """The subjects that were handed over to somebody, or to one of ``owners``; the last word counts."""
    later = orm.aliased(BoardAction)
    overruled = sa.exists().where(
        col(later.patient_id) == col(BoardAction.patient_id),
        col(later.worklist) == col(BoardAction.worklist),
        col(later.subject) == col(BoardAction.subject),
        col(later.assigned_to).is_not(None),
        col(later.at) > col(BoardAction.at),
    )
    handed_over = (
        col(BoardAction.worklist) == worklist.value,
        col(BoardAction.site_id) == SITE,
        sa.text("board_action.assigned_to IS NOT NULL"),
        ~overruled,
    )
    statement = sa.select(col(BoardAction.subject)).where(*handed_over)
    return statement.where(col(BoardAction.assigned_to).in_(owners)) if owners else statement


def _patients_of(worklist: Worklist, owners: Sequence[UUID]) -> Any:
    """Patients who are somebody's, or of whom a row was handed over to them."""
    own = sa.select(col(Patient.id)).where(sa.text("patient.owner_id IS NOT NULL"), col(Patient.owner_id).in_(owners))
    handed_over = sa.select(col(BoardAction.patient_id)).where(
        col(BoardAction.worklist) == worklist.value,
        col(BoardAction.site_id) == SITE,
        sa.text("board_action.assigned_to IS NOT NULL"),
        col(BoardAction.assigned_to).in_(owners),
    )
    if worklist is not Worklist.RESULT_TASKS:
        return sa.union(own, handed_over)
    tasks = sa.select(col(ResultTask.patient_id)).where(
        sa.text("result_task.done_on IS NULL"), col(ResultTask.owner_id).in_(owners)
    )
    return sa.union(own, handed_over, tasks)


def _conditions(base: Any, worklist: Worklist, wanted: Filter) -> Iterator[Any]:
    if not wanted.hidden:
        yield base.c.subject.not_in(_put_aside(worklist))
    owners = [owner for owner in (wanted.owner, wanted.cover) if owner is not None]
    if owners:
        mine = _assigned(worklist, owners)
        inherited = sa.and_(base.c.owner_id.in_(owners), base.c.subject.not_in(_assigned(worklist)))
        yield base.c.patient_id.in_(_patients_of(worklist, owners))  # a way to the rows past those of all others
        yield sa.or_(base.c.subject.in_(mine), inherited)
    if wanted.nobody:
        yield sa.and_(base.c.owner_id.is_(None), base.c.subject.not_in(_assigned(worklist)))
    if wanted.subject:
        yield _begins(base.c.row_id, wanted.subject)
    if wanted.patient_id is not None:
        yield base.c.patient_id == wanted.patient_id
    for word in folded(wanted.text).split():
        matches = (base.c.folded.contains(word, autoescape=True), sa.func.lower(base.c.mrn) == word)
        yield sa.or_(*matches)


def _begins(column: Any, subject: str) -> Any:
    """An id by its first digits, as a stretch of its index; a phone number as a whole."""
    is_id = isinstance(column.type, sa.Uuid)
    if not is_id or set(subject) - set("0123456789abcdef") or len(subject) > len(UUID(int=0).hex):
        return sa.false() if is_id else column == subject
    return column.between(UUID(subject.ljust(32, "0")), UUID(subject.ljust(32, "f")))


def rows(
    session: Session, worklist: Worklist, scope: Scope, wanted: Filter, limit: int, sort: Sort = Sort.AGE
) -> list[tuple[str, Mapping[str, Any]]]:
    """The first rows of a list of one site, each with the kind of its source."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for kind in SOURCES[worklist]:
        query = _page(worklist, kind, wanted, limit, sort)
        rows_of_kind = session.connection().execute(query, scope.parameters()).mappings()
        found.extend((kind, dict(row)) for row in rows_of_kind)
    return found


@lru_cache(maxsize=STATEMENTS)
def _page(worklist: Worklist, kind: str, wanted: Filter, limit: int, sort: Sort) -> Query:
    """The rows that are shown; what is looked up for each row is looked up for these alone."""
    base = SOURCES[worklist][kind]().subquery()
    order = (*_first(base, worklist, sort), base.c.since, base.c.row_id)
    page = sa.select(base).where(*_conditions(base, worklist, wanted)).order_by(*order).limit(limit).subquery()
    until = sa.type_coerce(_acted(page, worklist, col(BoardAction.until)), sa.Date)
    columns = [page, _owner(page, worklist).label("responsible"), until.label("hidden_until")]
    if "plan_id" in page.c:
        columns.append(protocol_of(page.c.plan_id))
    return sa.select(*columns)


def _first(base: Any, worklist: Worklist, sort: Sort) -> Iterator[Any]:
    """What goes before age in the order. Within one site all rows have the same site."""
    if sort is Sort.NAME:
        yield base.c.folded
    if sort is Sort.OWNER:
        name = sa.select(col(User.name)).where(col(User.id) == _owner(base, worklist)).scalar_subquery()
        yield name.is_(None)
        yield name


def counts(session: Session, scope: Scope, wanted: Filter = EVERYTHING, most: int | None = None) -> dict[Worklist, int]:
    """How many rows each list of one site has, in one statement; with ``most`` nobody counts further than that."""
    found = dict.fromkeys(Worklist, 0)
    for name, number in session.connection().execute(_counting(wanted, most), scope.parameters()):
        found[Worklist(name)] += number
    return found


def patients(session: Session, worklist: Worklist, scope: Scope) -> set[UUID]:
    """Who has a row on a list, also one that somebody has put aside."""
    found: set[UUID] = set()
    for build in SOURCES[worklist].values():
        base = build().subquery()
        found.update(
            session.connection().execute(sa.select(base.c.patient_id).distinct(), scope.parameters()).scalars()
        )
    return found


@lru_cache(maxsize=STATEMENTS)
def _counting(wanted: Filter, most: int | None) -> Any:
    parts = []
    for worklist, sources in SOURCES.items():
        for build in sources.values():
            base = build().subquery()
            chosen = sa.select(base.c.row_id).where(*_conditions(base, worklist, wanted))
            if most is not None:  # in the order of the list's index, or SQLite takes one that sees more rows
                chosen = chosen.order_by(base.c.since).limit(most)
            named = sa.select(sa.literal(worklist.value).label("worklist"), sa.func.count())
            parts.append(named.select_from(chosen.subquery()))
    return sa.union_all(*parts)


def last_words(
    session: Session, worklist: Worklist, subjects: Sequence[str], patients: Iterable[UUID]
) -> dict[str, BoardAction]:
    """The last action with a text about each row of these patients."""
    statement = (
        select(BoardAction)
        .where(
            col(BoardAction.patient_id).in_(list(patients)),
            BoardAction.worklist == worklist.value,
            col(BoardAction.subject).in_(subjects),
            BoardAction.text != "",
        )
        .order_by(col(BoardAction.at))
    )
    return {action.subject: action for action in session.exec(statement)}


def no_shows(session: Session, patients: Iterable[UUID]) -> dict[UUID, int]:
    """Visits that patients did not come to since they were last examined."""
    last = (
        sa.select(sa.func.max(Study.performed_on))
        .where(col(Study.patient_id) == col(Appointment.patient_id), col(Study.retracted_at).is_(None))
        .correlate(Appointment)
        .scalar_subquery()
    )
    statement = (
        sa.select(col(Appointment.patient_id), sa.func.count(sa.distinct(col(Appointment.id))))
        .join(AppointmentItem, col(AppointmentItem.appointment_id) == col(Appointment.id))
        .where(
            col(Appointment.patient_id).in_(list(patients)),
            col(AppointmentItem.outcome) == Outcome.NOSHOW,
            sa.or_(last.is_(None), col(Appointment.day) > last),
        )
        .group_by(col(Appointment.patient_id))
    )
    return {row[0]: row[1] for row in session.connection().execute(statement)}
