"""The languages in which a clinic writes: read in one go as a patient gets them, approved, withdrawn."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fastapi.responses import Response

from surveillance.core.languages import direction
from surveillance.core.messages import fill_answer
from surveillance.operations import languages, wording
from surveillance.operations.message_samples import details_of, samples
from surveillance.store.tables import Site
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import Form
from surveillance.web.pages import Pages
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
def listed(desk: Desk) -> Response:
    """Each language with who approved it, who speaks it, and what changed since."""
    shown = [
        (site, languages.listed(desk.work, site), languages.not_spoken(desk.work, site)) for site in desk.chosen_sites
    ]
    return desk.page("messages/languages.html", form=Form({}), status=200, shown=shown)


@pages.get("/{code}/{language}", needs=Permission.VIEW)
def read(desk: Desk, code: str, language: str) -> Response:
    """All texts of a language, as a patient of the clinic gets them."""
    return _page(desk, desk.site(code), language, Form({}), 200)


@pages.post("/{code}/{language}/approve", needs=Permission.APPROVE)
def approve(desk: Desk, code: str, language: str) -> Response:
    site, form = desk.site(code), desk.form
    if not form.flag("read"):
        form.fault("read", "Read the texts as a patient would, then tick the box")
    if form.ok:
        with form.trying(desk.session, "read"):
            languages.approve(desk.work, site, language, form.value("texts"))
    if form.errors:
        return _page(desk, site, language, form)
    return desk.done(_list(site), f"{language_name(language)} is approved: {site.name} writes in it.")


@pages.post("/{code}/{language}/withdraw", needs=Permission.APPROVE)
def withdraw(desk: Desk, code: str, language: str) -> Response:
    site, form = desk.site(code), desk.form
    with form.trying(desk.session):
        speakers = languages.withdraw(desk.work, site, language)
    if form.errors:
        return _page(desk, site, language, form)
    instead = language_name(languages.choose(desk.work, site, language).language)
    told = f" {plural(speakers, 'patient')} who speak it: messages go out in {instead}." if speakers else ""
    return desk.done(_list(site), f"{site.name} does not write in {language_name(language)} any more.{told}")


def _list(site: Site) -> str:
    return f"/messages/languages?site={site.code}"


def _said(texts: Mapping[str, str]) -> list[str]:
    """What patients may read of the words of a part: nothing for staff, no form of a date."""
    return [text for name, text in texts.items() if "_staff" not in name and name not in NO_TEXTS]


def _page(desk: Desk, site: Site, language: str, form: Form, status: int | None = None) -> Response:
    standing = languages.standing(desk.work, site, language)
    book = wording.books_of(desk.work, site)[language]
    details = details_of(site)
    own = {(which.step, which.privacy) for which in wording.standing(desk.work, site) if which.language == language}
    answers = [(when, fill_answer(book, getattr(book, name), details, language)) for name, when in ANSWERS.items()]
    return desk.page(
        "messages/language.html",
        form=form,
        status=status,
        site=site,
        row=standing,
        texts=languages.fingerprint(desk.work, site, language),
        samples=[each for each in samples([book], details) if each.privacy is site.privacy],
        answers=answers,
        around=[(title, _said(getattr(book, name).texts())) for name, title in AROUND.items()],
        own=own,
        direction=direction(language),
        may_approve=desk.may(Permission.APPROVE, site.id),
        may_word=desk.may(Permission.RECORD, site.id),
        steps=STEP,
        level=PRIVACY[site.privacy],
    )
