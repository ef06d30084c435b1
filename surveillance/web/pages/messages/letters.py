"""Letters to print: all that wait, one on a page, and the word that they were posted."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from fastapi.responses import Response
from markupsafe import Markup

from surveillance.core.texts.frames import html_numbers
from surveillance.operations.messages import letters
from surveillance.operations.messages.letters import Posted, Task
from surveillance.operations.registry.phones import readable
from surveillance.web.access import Permission
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages
from surveillance.web.words import STEP

pages = Pages(prefix="/messages/letters")

HERE: Final = "/messages/letters"


@pages.get("", needs=Permission.WORK)
def show(context: PageContext) -> Response:
    """On the screen what is printed and what cannot be; on paper the letters alone."""
    return _show(context)


def _show(context: PageContext) -> Response:
    tasks = letters.tasks(context.work, context.chosen_sites)
    context.looked(*(task.patient for task in tasks))
    return context.page(
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
def posted(context: PageContext) -> Response:
    """They are in the post: the patients count as told, each by the text that was printed."""
    form = context.form
    marks = dict(_mark(value) for value in form.many("letter") if _is_mark(value))
    if not marks:
        form.fault("letter", "Tick the letters that were posted")
        return _show(context)
    found = letters.posted(context.work, context.sites, marks)
    return context.done(context.back(HERE), _said(found))


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
