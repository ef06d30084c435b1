"""A clinic's own wording of one text: written with a live preview, approved by a clinician or administrator."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.errors import NotFoundError
from surveillance.core.languages import direction
from surveillance.core.message_faults import allowed_in, needed_by
from surveillance.core.messages import Template
from surveillance.core.wording import PARTS, Remark
from surveillance.core.words import Privacy, Step
from surveillance.operations import wording
from surveillance.operations.message_samples import details_of
from surveillance.operations.wording import Which
from surveillance.operations.wording_preview import previewed
from surveillance.store.tables import Site, SiteText, User
from surveillance.web import render
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import LONGEST, LONGEST_TEXT, Form
from surveillance.web.pages import Pages
from surveillance.web.render import plural
from surveillance.web.words import PRIVACY, STEP, language_name

pages = Pages(prefix="/messages/texts")

PREVIEW: Final = "preview"
# What each placeholder stands for, to whoever writes a text.
STANDS_FOR: Final = MappingProxyType(
    {
        "greeting": "a greeting with the first name; nothing where the clinic allows no first names",
        "clinic": "the clinic's short name",
        "phone": "the clinic's number",
        "date": "the day of the visit, with the weekday",
        "time": "when it begins, by the clock at its place",
        "confirm": "the letter that says “I come”",
        "reschedule": "the letter that asks for another day",
        "link": "the address of the patient's own page",
        "place": "where the visit is",
        "examinations": "what is examined",
    }
)
_TEXT: Final = "/{code}/{language}/{step}/{level}"


@pages.get(_TEXT, needs=Permission.RECORD)
def show(desk: Desk, code: str, language: str, step: str, level: str) -> Response:
    """The text as it waits for approval, else as it is used."""
    site, which = desk.site(code), _which(language, step, level)
    brought = wording.brought(desk.work, which)
    draft, own = wording.draft_of(desk.work, site, which), wording.standing(desk.work, site).get(which)
    start = next((wording.template_of(row) for row in (draft, own) if row is not None), brought)
    form = Form.filled(**dict(zip(PARTS, start.texts, strict=True)))
    return _page(desk, site, which, form, 200)


@pages.post(_TEXT, needs=Permission.RECORD)
def draft(desk: Desk, code: str, language: str, step: str, level: str) -> Response:
    """Keep the text to be approved, or show first how it would read."""
    site, which, form = desk.site(code), _which(language, step, level), desk.form
    if form.value("do") == PREVIEW:
        return _page(desk, site, which, form, 200)
    given = _read(form)
    _refuse(form, wording.refused(desk.work, site, which, given))
    if form.ok:
        with form.trying(desk.session, "sms"):
            wording.draft(desk.work, site, which, given)
    if form.errors:
        return _page(desk, site, which, form)
    return desk.done(_address(site, which), "The draft is kept. A clinician or an administrator reads and approves it.")


@pages.post(f"{_TEXT}/preview", needs=Permission.RECORD)
def preview(desk: Desk, code: str, language: str, step: str, level: str) -> Response:
    """How the text reads while it is written."""
    site, which = desk.site(code), _which(language, step, level)
    values = _previews(desk, site, which, _typed(desk.form))
    return desk.page("messages/_preview.html", form=Form({}), status=200, **values)


@pages.post("/{text_id}/approve", needs=Permission.APPROVE)
def approve(desk: Desk, text_id: UUID) -> Response:
    row, form = desk.row(SiteText, text_id), desk.form
    site, which = desk.work.site(row.site_id), wording.which_of(row)
    if not form.flag("read"):
        form.fault("read", "Read the text as a patient would, then tick the box")
    if form.ok:
        with form.trying(desk.session, "read"):
            wording.approve(desk.work, row, _typed(form))
    if form.errors:
        return _page(desk, site, which, _again(wording.template_of(row), form))
    return desk.done(_address(site, which), "It is approved: messages say it from now on.")


@pages.post("/{text_id}/discard", needs=Permission.RECORD)
def discard(desk: Desk, text_id: UUID) -> Response:
    row = desk.row(SiteText, text_id)
    wording.discard(desk.work, row)
    return desk.done(_address(desk.work.site(row.site_id), wording.which_of(row)), "The draft is discarded.")


@pages.post(f"{_TEXT}/withdraw", needs=Permission.APPROVE)
def withdraw(desk: Desk, code: str, language: str, step: str, level: str) -> Response:
    """Back to the text that the service brings."""
    site, which, form = desk.site(code), _which(language, step, level), desk.form
    with form.trying(desk.session, "sms"):
        wording.withdraw(desk.work, site, which)
    if form.errors:
        return _page(desk, site, which, _again(wording.brought(desk.work, which), form))
    return desk.done(_address(site, which), "It is withdrawn: messages say what the service brings.")


# -- what the pages share ----------------------------------------------------------------------------------------


def _which(language: str, step: str, level: str) -> Which:
    try:
        return Which(language, Step(step), Privacy(level))
    except ValueError as error:
        raise NotFoundError("there is no such text") from error


def _address(site: Site, which: Which) -> str:
    return f"/messages/texts/{site.code}/{which.language}/{which.step}/{which.privacy}"


def _typed(form: Form) -> Template:
    """The text as it stands in the form; a browser ends each line with two characters."""
    return Template(*(form.value(name).replace("\r\n", "\n").strip() for name in PARTS))


def _read(form: Form) -> Template:
    form.text("sms", "the text message", required=True, longest=LONGEST_TEXT)
    form.text("subject", "the subject of the email", required=True, longest=LONGEST)
    form.text("body", "the email", required=True, longest=LONGEST_TEXT)
    return _typed(form)


def _refuse(form: Form, remarks: Sequence[Remark]) -> None:
    """At each field its first reason; the summary has them all, see ``_reasons``."""
    for name in PARTS:
        own = [render.said(str(each)) for each in remarks if each.part == name]
        more = f" (and {plural(len(own) - 1, 'more reason')}, see above)" if len(own) > 1 else ""
        if own:
            form.fault(name, own[0] + more)


def _reasons(form: Form, remarks: Sequence[Remark]) -> list[tuple[str, str]]:
    """Each mistake with its field: every reason of a refused text by itself, and what else is wrong."""
    if not form.errors:
        return []
    refused = [(each.part, render.said(str(each))) for each in remarks if each.part in form.errors]
    told = {name for name, _ in refused}
    return refused + [(name, message) for name, message in form.errors.items() if name not in told]


def _again(template: Template, form: Form) -> Form:
    """A text in the form, with what was wrong about what was to happen to it."""
    shown = form.but(**{name: [text] for name, text in zip(PARTS, template.texts, strict=True)})
    shown.errors = form.errors
    return shown


def _previews(desk: Desk, site: Site, which: Which, given: Template) -> dict[str, Any]:
    month = wording.sent_in_a_month(desk.work, site, which.step)
    return {
        "own": previewed(desk.work, site, which, given, month),
        "brought": previewed(desk.work, site, which, wording.brought(desk.work, which), month),
        "month": month,
        "which": which,
        "direction": direction(which.language),
    }


def _page(desk: Desk, site: Site, which: Which, form: Form, status: int | None = None) -> Response:
    rows = wording.history(desk.work, site, which)
    names = {row.id: desk.session.get_one(User, row.created_by).name for row in rows}
    signed = {row.id: desk.session.get_one(User, row.approved_by).name for row in rows if row.approved_by}
    allowed = [name for name in STANDS_FOR if name in allowed_in(which.step, which.privacy)]
    draft = wording.draft_of(desk.work, site, which)
    shown = _previews(desk, site, which, _typed(form))
    return desk.page(
        "messages/wording.html",
        form=form,
        status=status,
        site=site,
        address=_address(site, which),
        draft=draft,
        waiting=previewed(desk.work, site, which, wording.template_of(draft)) if draft else None,
        reasons=_reasons(form, shown["own"].refused),
        standing=wording.standing(desk.work, site).get(which),
        rows=rows,
        names=names,
        signed=signed,
        placeholders=[(name, STANDS_FOR[name], name in needed_by(which.step)) for name in allowed],
        first_names=details_of(site).first_name is not None,
        may_approve=desk.may(Permission.APPROVE, site.id),
        step=STEP[which.step],
        level=PRIVACY[which.privacy],
        language=language_name(which.language),
        **shown,
    )
