"""The languages in which a clinic writes: read in one go as a patient gets them, approved, withdrawn."""

from fastapi.responses import Response

from surveillance.core.languages import direction
from surveillance.core.messages import fill_reply
from surveillance.operations import languages, wording
from surveillance.operations.message_samples import details_of, samples
from surveillance.operations.phones import readable
from surveillance.store.tables import Site
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import Form
from surveillance.web.pages import Pages
from surveillance.web.render import plural
from surveillance.web.words import PRIVACY, STEP, language_name

pages = Pages(prefix="/messages/languages")


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


def _page(desk: Desk, site: Site, language: str, form: Form, status: int | None = None) -> Response:
    standing = languages.standing(desk.work, site, language)
    book = wording.books_of(desk.work, site)[language]
    own = {(which.step, which.privacy) for which in wording.standing(desk.work, site) if which.language == language}
    replies = (book.stop_confirmation, book.start_confirmation, book.help)
    asked = ("after STOP", "after START", "after HELP")
    answers = [fill_reply(text, site.short_name, readable(site.phone)) for text in replies]
    return desk.page(
        "messages/language.html",
        form=form,
        status=status,
        site=site,
        row=standing,
        texts=languages.fingerprint(desk.work, site, language),
        samples=[each for each in samples([book], details_of(site)) if each.privacy is site.privacy],
        answers=list(zip(asked, answers, strict=True)),
        own=own,
        direction=direction(language),
        may_approve=desk.may(Permission.APPROVE, site.id),
        may_word=desk.may(Permission.RECORD, site.id),
        steps=STEP,
        level=PRIVACY[site.privacy],
    )
