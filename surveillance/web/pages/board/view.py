"""What of the board somebody looks at: it stands in the address, so that a view can be kept, sent and gone back to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from surveillance.core.errors import NotFoundError
from surveillance.operations.board import worklist
from surveillance.operations.board.row_words import TITLES
from surveillance.operations.board.worklist import Filter, Sort, Worklist, WorklistRow
from surveillance.operations.deferrals import standing
from surveillance.operations.deferrals.standing import Summary
from surveillance.operations.proof import nightly_check
from surveillance.operations.proof.nightly_check import Proof
from surveillance.operations.protocols import reviews
from surveillance.operations.protocols.reviews import Due
from surveillance.store.tables import Site, User
from surveillance.web.page_context import PageContext

LISTED: Final = 50
MOST: Final = 500  # rows that are counted: to know that there are more is enough
LAST_PAGE: Final = 200
EVERYBODY, MINE, NOBODY = "", "mine", "nobody"
GROUPS: Final[Mapping[str, Sequence[Worklist]]] = MappingProxyType(
    {
        "Call and book": (Worklist.OVERDUE, Worklist.DUE, Worklist.TO_ORDER, Worklist.RESCHEDULE),
        "Visits and results": (
            *(
                Worklist.FLAGS,
                Worklist.OUTCOME_UNKNOWN,
                Worklist.NO_REPORT,
                Worklist.NOT_REVIEWED,
                Worklist.NO_NEXT_ACTION,
            ),
            *(Worklist.RESULT_TASKS, Worklist.REPEAT_DUE, Worklist.NOT_TOLD),
        ),
        "Messages": (Worklist.REPLIES, Worklist.UNREACHABLE, Worklist.IN_DOUBT),
        "Plans": (
            *(Worklist.HOLDS, Worklist.CONFLICTS, Worklist.LAST_SCAN_UNKNOWN),
            *(Worklist.WITHOUT_PLAN, Worklist.RESTART_DUE),
        ),
        "People": (Worklist.OF_AGE, Worklist.OWNER_GONE, Worklist.CLINIC),
    }
)
# Beside the list each has little room; its heading says the whole.
SHORT: Final[Mapping[Worklist, str]] = MappingProxyType(
    {
        Worklist.DUE: "Due, unbooked",
        Worklist.RESCHEDULE: "Another day asked",
        Worklist.OUTCOME_UNKNOWN: "Outcome unknown",
        Worklist.FLAGS: "Safety flags",
        Worklist.NO_REPORT: "No report",
        Worklist.NOT_REVIEWED: "Not reviewed",
        Worklist.NO_NEXT_ACTION: "No next action",
        Worklist.RESULT_TASKS: "Tasks of results",
        Worklist.REPEAT_DUE: "To repeat",
        Worklist.NOT_TOLD: "Not told",
        Worklist.UNREACHABLE: "Not reached",
        Worklist.IN_DOUBT: "In doubt",
        Worklist.HOLDS: "Holds and skips",
    }
)
SORTS: Final[Mapping[Sort, str]] = MappingProxyType(
    {Sort.AGE: "Oldest first", Sort.NAME: "By name", Sort.OWNER: "By owner", Sort.SITE: "By site"}
)
_KEPT: Final = ("list", "owner", "cover", "site", "text", "sort", "hidden", "page")


@dataclass(frozen=True, slots=True)
class View:
    """One view of the board. ``chosen`` is None where nobody chose a list: the first that is not empty is shown."""

    query: Mapping[str, str]
    sites: Sequence[Site]
    people: Sequence[User]
    chosen: Worklist | None
    wanted: Filter
    sort: Sort
    page: int

    @property
    def filtered(self) -> bool:
        return self.wanted != Filter()

    def address(self, path: str = "/", **changes: object) -> str:
        """The address of this view with some of it changed; None or "" takes a name away."""
        query = {**self.query, **changes}
        kept = {name: str(value) for name, value in query.items() if value not in (None, "")}
        return f"{path}?{urlencode(kept)}" if kept else path


@dataclass(frozen=True, slots=True)
class Board:
    """The board as it is shown."""

    view: View
    shown: Worklist
    counts: Mapping[Worklist, int]
    rows: Sequence[WorklistRow]
    more: bool
    proof: Proof | None
    deferred: Summary
    sources: Sequence[Due]  # what protocols rest on and somebody has to look at again

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def asked(context: PageContext) -> View:
    """The view that the address of this page names."""
    return _view(context, context.request.query_params)


def came_from(context: PageContext) -> View:
    """The view from which somebody acts on a row."""
    return _view(context, dict(parse_qsl(urlsplit(context.back("/")).query)))


def _view(context: PageContext, given: Mapping[str, str]) -> View:
    query = {name: given[name] for name in _KEPT if given.get(name)}
    code = query.get("site", "")
    sites = [site for site in context.sites if code in ("", site.code)]
    if not sites:
        raise NotFoundError(f"there is no site {code!r} here")
    people = worklist.people(context.work, [site.id for site in sites])
    named = {user.username: user.id for user in people}
    return View(
        query,
        sites,
        people,
        Worklist(query["list"]) if query.get("list") in list(Worklist) else None,
        _filter(query, context.user.id, named),
        Sort(query["sort"]) if query.get("sort") in list(Sort) else Sort.AGE,
        min(int(query.get("page", "1")[:6]) if query.get("page", "1").isdecimal() else 1, LAST_PAGE) or 1,
    )


def _filter(query: Mapping[str, str], me: UUID, named: Mapping[str, UUID]) -> Filter:
    who = query.get("owner", EVERYBODY)
    owner = me if who == MINE else named.get(who)
    cover = named.get(query.get("cover", "")) if owner is not None else None
    return Filter(
        owner=owner, cover=cover, nobody=who == NOBODY, text=query.get("text", ""), hidden=query.get("hidden") == "yes"
    )


def gather(context: PageContext, view: View) -> Board:
    """The counts of all lists and the rows of one; whose rows are shown is audited."""
    site_ids = [site.id for site in view.sites]
    counts = worklist.counts(context.work, site_ids, view.wanted, MOST)
    shown = view.chosen or next((name for name in in_order() if counts[name]), Worklist.OVERDUE)
    skip = (view.page - 1) * LISTED
    rows = worklist.rows(context.work, site_ids, shown, view.wanted, sort=view.sort, limit=LISTED + 1, offset=skip)
    looked_at(context, rows[:LISTED])
    return Board(
        view,
        shown,
        counts,
        rows[:LISTED],
        len(rows) > LISTED,
        nightly_check.last_proof(context.work, view.sites),
        standing.summary(context.work, view.sites),
        reviews.due_at(context.work, view.sites),
    )


def in_order() -> list[Worklist]:
    return [name for group in GROUPS.values() for name in group]


def looked_at(context: PageContext, rows: Sequence[WorklistRow], action: str = "board.view") -> None:
    context.looks.extend((action, row.patient_id, row.site_id) for row in rows if row.patient_id is not None)


def counted(number: int) -> str:
    """``12``, or ``500+`` where counting stopped."""
    return f"{MOST}+" if number >= MOST else str(number)


def title(name: Worklist, *, short: bool = False) -> str:
    return SHORT.get(name, TITLES[name]) if short else TITLES[name]
