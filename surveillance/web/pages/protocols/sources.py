"""A source of an approved protocol, looked at again by a clinician: what was found, and when the next look is."""

from datetime import timedelta

from fastapi.responses import Response

from surveillance.core.errors import NotFoundError
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.protocols.sources import LOOK_HOLDS
from surveillance.operations.protocols import approvals, reviews
from surveillance.store.tables import Site
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages

pages = Pages(prefix="/protocols")


@pages.get("/{key}/look-again", needs=Permission.SIGN)
def look_again_page(context: PageContext, key: str) -> Response:
    """What a clinician signs: to have looked whether a source still says what the protocol says."""
    query = context.request.query_params
    site = _site(context, query.get("site", ""))
    latest = context.today(site) + timedelta(days=LOOK_HOLDS)
    form = Form.filled(source=query.get("source", ""), until=latest.isoformat())
    return _shown(context, _approved(context, site, key), site, form)


@pages.post("/{key}/look-again", needs=Permission.SIGN)
def look_again(context: PageContext, key: str) -> Response:
    form = context.form
    site = _site(context, form.value("site"))
    protocol = _approved(context, site, key)
    source = form.one_of("source", "the source", [each.id for each in protocol.sources])
    found = form.text("found", "what you found", required=True)
    until = form.day("until", "the day of the next look", required=True)
    if form.ok and until is not None:
        with form.trying(context.session):
            reviews.look_again(context.work, site, key, source, until, found)
    if form.errors:
        return _shown(context, protocol, site, form)
    return context.done(f"/protocols/{key}", f"Written down for {site.name}: what you found about {source}.")


def _shown(context: PageContext, protocol: Protocol, site: Site, form: Form) -> Response:
    options = [(source.id, source.cited) for source in protocol.sources]
    waiting = [due.review for due in reviews.due_at(context.work, [site]) if due.protocol.key == protocol.key]
    return context.page(
        "protocols/look_again.html", form=form, protocol=protocol, site=site, options=options, waiting=waiting
    )


def _site(context: PageContext, code: str) -> Site:
    return context.site(code) if code else context.sites[0]


def _approved(context: PageContext, site: Site, key: str) -> Protocol:
    if approvals.approval(context.work, site, key) is None:
        raise NotFoundError(f"there is no such version of a protocol at {site.code}")
    return context.work.protocol(key)
