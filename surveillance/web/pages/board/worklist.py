"""The home of whoever is signed in: the lists that want to be empty, as a page, as a file, and on paper for the day."""

import csv
import io
from functools import partial
from typing import Final

from fastapi.responses import Response

from surveillance.operations import csv_text
from surveillance.operations.board import worklist
from surveillance.operations.board.study_words import item_title
from surveillance.operations.board.worklist import WorklistRow
from surveillance.operations.deferrals import standing
from surveillance.operations.record import day_list
from surveillance.operations.registry.phones import readable
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.board import view as board_view
from surveillance.web.pages.board.rows import first_step
from surveillance.web.pages.board.view import Board, View
from surveillance.web.pages.routing import Pages

pages = Pages()

LONGEST: Final = 10_000  # rows of a file
COLUMNS: Final = (
    "List", "Site", "MRN", "Patient", "What", "Since", "Days", "Why", "Owner", "Next", "Note", "Put aside until",
)  # fmt: skip


@pages.get("/", needs=Permission.VIEW)
def board(context: PageContext) -> Response:
    return shown(context, board_view.gather(context, board_view.asked(context)))


def shown(context: PageContext, found: Board, *, at: int | None = None, told: str = "") -> Response:
    """The board, or the part of it that a live request replaces; ``at``: the row that takes the reader's place."""
    template = "board/_board.html" if context.live else "board/board.html"
    return context.page(
        template,
        form=Form.filled(**found.view.query),
        board=found,
        view=found.view,
        groups=board_view.GROUPS,
        sorts=board_view.SORTS,
        title=board_view.title,
        counted=board_view.counted,
        sites_offered=[(site.code, site.short_name) for site in context.sites],
        first_step=first_step,
        at=at,
        told=told,
    )


@pages.get("/board/rows.csv", needs=Permission.VIEW)
def rows_csv(context: PageContext) -> Response:
    """The list as it is filtered, all of it."""
    view = board_view.asked(context)
    name = view.chosen or board_view.in_order()[0]
    site_ids = [site.id for site in view.sites]
    rows = worklist.rows(context.work, site_ids, name, view.wanted, sort=view.sort, limit=LONGEST)
    board_view.looked_at(context, rows, "board.export")
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([csv_text.safe(cell) for cell in _cells(row)] for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(csv_text.BOM + out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _cells(row: WorklistRow) -> tuple[object, ...]:
    return (
        board_view.title(row.list), row.site, row.mrn, row.name, row.what, row.since, row.age, row.why, row.owner,
        row.next_action, row.note, row.hidden_until or "",
    )  # fmt: skip


@pages.get("/deferred", needs=Permission.VIEW)
def deferred(context: PageContext) -> Response:
    """Whoever is put off, by what, until when and by whom: what the proof takes on trust."""
    rows = standing.of_sites(context.work, context.chosen_sites)
    context.looked(*(each.patient for each in rows), action="board.view")
    return context.page("board/deferred.html", rows=rows, words=words, item_title=partial(item_title, context.work))


@pages.get("/board/day", needs=Permission.VIEW)
def day(context: PageContext) -> Response:
    """Today's visits and the calls to make, to print."""
    view = board_view.asked(context)
    today = context.today(view.sites[0])
    visits = day_list.visits(context.work, view.sites, today)
    calls = day_list.calls(context.work, view.sites, view.wanted)
    context.looked(*(visit.patient for visit in visits), action="board.view")
    board_view.looked_at(context, [row for call in calls for row in call.rows])
    return context.page(
        "board/day.html",
        view=view,
        today=today,
        visits=visits,
        calls=calls,
        readable=readable,
        item_title=partial(item_title, context.work),
        words_of=_filter_words(view),
    )


def _filter_words(view: View) -> str:
    """Whose list it is, for the head of the paper."""
    names = {user.id: user.name for user in view.people}
    owners = [names[each] for each in (view.wanted.owner, view.wanted.cover) if each in names]
    if view.wanted.nobody:
        owners = ["nobody"]
    where = ", ".join(site.name for site in view.sites)
    return f"{where}; work of {' and '.join(owners)}" if owners else where
