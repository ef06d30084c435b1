"""A clinic's own wording of one text: written with a live preview, approved by a clinician or administrator."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.errors import NotFoundError
from surveillance.core.languages import direction
from surveillance.core.texts.faults import allowed_in, needed_by
from surveillance.core.texts.message_book import Template
from surveillance.core.texts.wording import PARTS, Remark
from surveillance.core.words import Privacy, Step
from surveillance.operations.wording import site_wording
from surveillance.operations.wording.preview import previewed
from surveillance.operations.wording.samples import details_of
from surveillance.operations.wording.site_wording import Which
from surveillance.store.tables import Site, SiteText, User
from surveillance.web import render
from surveillance.web.access import Permission
from surveillance.web.forms import LONGEST, LONGEST_TEXT, Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages
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
def show(context: PageContext, code: str, language: str, step: str, level: str) -> Response:
    """The text as it waits for approval, else as it is used."""
    site, which = context.site(code), _which(language, step, level)
    brought = site_wording.brought(context.work, which)
    draft, own = site_wording.draft_of(context.work, site, which), site_wording.standing(context.work, site).get(which)
    start = next((site_wording.template_of(row) for row in (draft, own) if row is not None), brought)
    form = Form.filled(**dict(zip(PARTS, start.texts, strict=True)))
    return _page(context, site, which, form, 200)


@pages.post(_TEXT, needs=Permission.RECORD)
def draft(context: PageContext, code: str, language: str, step: str, level: str) -> Response:
    """Keep the text to be approved, or show first how it would read."""
    site, which, form = context.site(code), _which(language, step, level), context.form
    if form.value("do") == PREVIEW:
        return _page(context, site, which, form, 200)
    given = _read(form)
    _refuse(form, site_wording.refused(context.work, site, which, given))
    if form.ok:
        with form.trying(context.session, "sms"):
            site_wording.draft(context.work, site, which, given)
    if form.errors:
        return _page(context, site, which, form)
    return context.done(
        _address(site, which), "The draft is kept. A clinician or an administrator reads and approves it."
    )


@pages.post(f"{_TEXT}/preview", needs=Permission.RECORD)
def preview(context: PageContext, code: str, language: str, step: str, level: str) -> Response:
    """How the text reads while it is written."""
    site, which = context.site(code), _which(language, step, level)
    values = _previews(context, site, which, _typed(context.form))
    return context.page("wording/_preview.html", form=Form({}), status=200, **values)


@pages.post("/{text_id}/approve", needs=Permission.APPROVE)
def approve(context: PageContext, text_id: UUID) -> Response:
    row, form = context.row(SiteText, text_id), context.form
    site, which = context.work.site(row.site_id), site_wording.which_of(row)
    if not form.flag("read"):
        form.fault("read", "Read the text as a patient would, then tick the box")
    if form.ok:
        with form.trying(context.session, "read"):
            site_wording.approve(context.work, row, _typed(form))
    if form.errors:
        return _page(context, site, which, _again(site_wording.template_of(row), form))
    return context.done(_address(site, which), "It is approved: messages say it from now on.")


@pages.post("/{text_id}/discard", needs=Permission.RECORD)
def discard(context: PageContext, text_id: UUID) -> Response:
    row = context.row(SiteText, text_id)
    site_wording.discard(context.work, row)
    return context.done(_address(context.work.site(row.site_id), site_wording.which_of(row)), "The draft is discarded.")


@pages.post(f"{_TEXT}/withdraw", needs=Permission.APPROVE)
def withdraw(context: PageContext, code: str, language: str, step: str, level: str) -> Response:
    """Back to the text that the service brings."""
    site, which, form = context.site(code), _which(language, step, level), context.form
    with form.trying(context.session, "sms"):
        site_wording.withdraw(context.work, site, which)
    if form.errors:
        return _page(context, site, which, _again(site_wording.brought(context.work, which), form))
    return context.done(_address(site, which), "It is withdrawn: messages say what the service brings.")


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


def _previews(context: PageContext, site: Site, which: Which, given: Template) -> dict[str, Any]:
    month = site_wording.sent_in_a_month(context.work, site, which.step)
    return {
        "own": previewed(context.work, site, which, given, month),
        "brought": previewed(context.work, site, which, site_wording.brought(context.work, which), month),
        "month": month,
        "which": which,
        "direction": direction(which.language),
    }


def _page(context: PageContext, site: Site, which: Which, form: Form, status: int | None = None) -> Response:
    rows = site_wording.history(context.work, site, which)
    names = {row.id: context.session.get_one(User, row.created_by).name for row in rows}
    signed = {row.id: context.session.get_one(User, row.approved_by).name for row in rows if row.approved_by}
    allowed = [name for name in STANDS_FOR if name in allowed_in(which.step, which.privacy)]
    draft = site_wording.draft_of(context.work, site, which)
    shown = _previews(context, site, which, _typed(form))
    return context.page(
        "wording/wording.html",
        form=form,
        status=status,
        site=site,
        address=_address(site, which),
        draft=draft,
        waiting=previewed(context.work, site, which, site_wording.template_of(draft)) if draft else None,
        reasons=_reasons(form, shown["own"].refused),
        standing=site_wording.standing(context.work, site).get(which),
        rows=rows,
        names=names,
        signed=signed,
        placeholders=[(name, STANDS_FOR[name], name in needed_by(which.step)) for name in allowed],
        first_names=details_of(site).first_name is not None,
        may_approve=context.may(Permission.APPROVE, site.id),
        step=STEP[which.step],
        level=PRIVACY[which.privacy],
        language=language_name(which.language),
        **shown,
    )
