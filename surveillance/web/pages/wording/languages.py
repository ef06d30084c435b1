"""The languages in which a clinic writes: read in one go as a patient gets them, approved, withdrawn."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fastapi.responses import Response

from surveillance.core.languages import direction
from surveillance.core.texts.message_book import fill_answer
from surveillance.operations.wording import languages, site_wording
from surveillance.operations.wording.samples import details_of, samples
from surveillance.store.tables import Site
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages
from surveillance.web.render import plural
from surveillance.web.words import PRIVACY, STEP, language_name

pages = Pages(prefix="/messages/languages")

ANSWERS: Final = MappingProxyType(  # fields of MessageBook, and after which reply they are sent
    {
        "stop_confirmation": "after STOP",
        "start_confirmation": "after START",
        "help": "after HELP",
        "confirmed": "to a confirmation",
        "noted": "to a wish for another day",
    }
)
NO_TEXTS: Final = frozenset({"language", "date_format", "time_format"})
AROUND: Final = MappingProxyType(
    {
        "email": "Around an email",
        "letter": "Around a letter",
        "page": "The patient's own page",
        "sheet": "The schedule sheet",
        "calendar": "The calendar",
    }
)


@pages.get("", needs=Permission.VIEW)
def listed(context: PageContext) -> Response:
    """Each language with who approved it, who speaks it, and what changed since."""
    shown = [
        (site, languages.listed(context.work, site), languages.not_spoken(context.work, site))
        for site in context.chosen_sites
    ]
    return context.page("wording/languages.html", form=Form({}), status=200, shown=shown)


@pages.get("/{code}/{language}", needs=Permission.VIEW)
def read(context: PageContext, code: str, language: str) -> Response:
    """All texts of a language, as a patient of the clinic gets them."""
    return _page(context, context.site(code), language, Form({}), 200)


@pages.post("/{code}/{language}/approve", needs=Permission.APPROVE)
def approve(context: PageContext, code: str, language: str) -> Response:
    site, form = context.site(code), context.form
    if not form.flag("read"):
        form.fault("read", "Read the texts as a patient would, then tick the box")
    if form.ok:
        with form.trying(context.session, "read"):
            languages.approve(context.work, site, language, form.value("texts"))
    if form.errors:
        return _page(context, site, language, form)
    return context.done(_list(site), f"{language_name(language)} is approved: {site.name} writes in it.")


@pages.post("/{code}/{language}/withdraw", needs=Permission.APPROVE)
def withdraw(context: PageContext, code: str, language: str) -> Response:
    site, form = context.site(code), context.form
    with form.trying(context.session):
        speakers = languages.withdraw(context.work, site, language)
    if form.errors:
        return _page(context, site, language, form)
    instead = language_name(languages.choose(context.work, site, language).language)
    told = f" {plural(speakers, 'patient')} who speak it: messages go out in {instead}." if speakers else ""
    return context.done(_list(site), f"{site.name} does not write in {language_name(language)} any more.{told}")


def _list(site: Site) -> str:
    return f"/messages/languages?site={site.code}"


def _said(texts: Mapping[str, str]) -> list[str]:
    """What patients may read of the words of a part: nothing for staff, no form of a date."""
    return [text for name, text in texts.items() if "_staff" not in name and name not in NO_TEXTS]


def _page(context: PageContext, site: Site, language: str, form: Form, status: int | None = None) -> Response:
    standing = languages.standing(context.work, site, language)
    book = site_wording.books_of(context.work, site)[language]
    details = details_of(site)
    own = {
        (which.step, which.privacy) for which in site_wording.standing(context.work, site) if which.language == language
    }
    answers = [(when, fill_answer(book, getattr(book, name), details, language)) for name, when in ANSWERS.items()]
    return context.page(
        "wording/language.html",
        form=form,
        status=status,
        site=site,
        row=standing,
        texts=languages.fingerprint(context.work, site, language),
        samples=[each for each in samples([book], details) if each.privacy is site.privacy],
        answers=answers,
        around=[(title, _said(getattr(book, name).texts())) for name, title in AROUND.items()],
        own=own,
        direction=direction(language),
        may_approve=context.may(Permission.APPROVE, site.id),
        may_word=context.may(Permission.RECORD, site.id),
        steps=STEP,
        level=PRIVACY[site.privacy],
    )
