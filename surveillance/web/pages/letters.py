"""Letters to print: all that wait, one on a page, and the word that they were posted."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from fastapi.responses import Response
from markupsafe import Markup

from surveillance.core.frames import html_numbers
from surveillance.operations import letters
from surveillance.operations.dispatch.texts import readable
from surveillance.operations.letters import Posted, Task
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.pages import Pages
from surveillance.web.words import STEP

pages = Pages(prefix="/messages/letters")

HERE: Final = "/messages/letters"


@pages.get("", needs=Permission.WORK)
def show(desk: Desk) -> Response:
    """On the screen what is printed and what cannot be; on paper the letters alone."""
    return _show(desk)


def _show(desk: Desk) -> Response:
    tasks = letters.tasks(desk.work, desk.chosen_sites)
    desk.looked(*(task.patient for task in tasks))
    return desk.page(
        "messages/letters.html",
        ready=sorted(_printed(tasks), key=lambda task: task.letter.paper if task.letter else "", reverse=True),
        faulty=[task for task in tasks if task.letter is None],
        most=letters.AT_ONCE,
        full=len(tasks) == letters.AT_ONCE,
        readable=readable,
        step=STEP,
        numbers=_numbers,
    )


def _printed(tasks: Sequence[Task]) -> list[Task]:
    return [task for task in tasks if task.letter is not None]


def _numbers(text: str) -> Markup:
    return Markup(html_numbers(text, 'class="app-nowrap"'))  # noqa: S704  # it was escaped there


@pages.post("/posted", needs=Permission.WORK)
def posted(desk: Desk) -> Response:
    """They are in the post: the patients count as told, each by the text that was printed."""
    form = desk.form
    marks = dict(_mark(value) for value in form.many("letter") if _is_mark(value))
    if not marks:
        form.fault("letter", "Tick the letters that were posted")
        return _show(desk)
    found = letters.posted(desk.work, desk.sites, marks)
    return desk.done(desk.back(HERE), _said(found))


def _is_mark(value: str) -> bool:
    try:
        _mark(value)
    except ValueError:
        return False
    return True


def _mark(value: str) -> tuple[UUID, str]:
    """``id:mark``, as the page wrote it. Raises ValueError."""
    row_id, _, mark = value.partition(":")
    return UUID(row_id), mark


def _said(found: Posted) -> str:
    count = len(found.told)
    said = f"{count} {'letter is' if count == 1 else 'letters are'} written down as posted."
    not_told = (f"{patient.family_name}, {patient.given_name}: {why}." for patient, why in found.not_told)
    return " ".join([said, *not_told])
