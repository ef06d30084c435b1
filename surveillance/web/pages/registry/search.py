"""Finding a patient from every page."""

from collections.abc import Sequence

from fastapi.responses import Response

from surveillance.operations.registry import search
from surveillance.operations.registry.search import Hit, Why
from surveillance.web.access import Permission
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages

pages = Pages()

WHY = {
    Why.MRN: "This very MRN",
    Why.PHONE: "This phone number",
    Why.BORN: "This birth date",
    Why.NAME: "",
}


@pages.get("/search", needs=Permission.VIEW)
def find(context: PageContext, q: str = "") -> Response:
    """Patients by MRN, name, birth date or phone; an MRN that only one patient has leads straight there."""
    text = q[:200]
    found = search.find(context.work, context.sites, text)
    if _is_the_one(found.hits):
        return context.go(f"/patients/{found.hits[0].patient.id}")
    context.looked(*found.patients, action="patient.find")
    return context.page(
        "registry/search.html",
        search_text=text,
        hits=found.hits,
        more=found.more,
        why=WHY,
        standing=search.standing(context.work, found.patients),
        site=context.work.site,
    )


def _is_the_one(hits: Sequence[Hit]) -> bool:
    return len([hit for hit in hits if hit.why is Why.MRN]) == 1
