"""Every text of messages as it would go out, with what it costs, and where a clinic words it itself."""

from functools import partial
from types import MappingProxyType
from typing import Final

from fastapi.responses import Response

from surveillance.core.languages import direction
from surveillance.core.words import Step
from surveillance.operations.wording import languages, site_wording
from surveillance.operations.wording.samples import details_of, samples
from surveillance.operations.wording.site_wording import Which
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages
from surveillance.web.words import PRIVACY, STEP, language_name

pages = Pages(prefix="/messages/texts")

_WORDS: Final = MappingProxyType({"step": STEP, "privacy": PRIVACY, "language": language_name})


@pages.get("", needs=Permission.VIEW)
def texts(context: PageContext) -> Response:
    """The texts of one language at one clinic."""
    site, query = context.chosen_sites[0], context.request.query_params
    books = site_wording.books_of(context.work, site)
    asked = query.get("language", "")
    language = asked if asked in books else next((each for each in site.languages if each in books), min(books))
    step = next((each for each in Step if each == query.get("step")), None)
    found = [sample for sample in samples([books[language]], details_of(site)) if step in (None, sample.step)]
    return context.page(
        "wording/texts.html",
        form=Form.filled(language=language, step=step or "", site=site.code),
        site=site,
        samples=found,
        chosen=language,
        direction=direction(language),
        languages=[(code, language_name(code)) for code in sorted(books)],
        own=site_wording.standing(context.work, site),
        drafts=site_wording.drafts(context.work, site),
        which=partial(Which, language),
        again=languages.changed(context.work, site),
        may_word=context.may(Permission.RECORD, site.id),
        words=_WORDS,
    )
