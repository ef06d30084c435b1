"""Finding a patient from every page."""

from fastapi.responses import Response

from surveillance.operations import search
from surveillance.operations.search import Hit, Why
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.pages import Pages

pages = Pages()

WHY = {
    Why.MRN: "This very MRN",
    Why.PHONE: "This phone number",
    Why.BORN: "This birth date",
    Why.NAME: "",
}


@pages.get("/search", needs=Permission.VIEW)
def find(desk: Desk, q: str = "") -> Response:
    """Patients by MRN, name, birth date or phone; an MRN that only one patient has leads straight there."""
    text = q[:200]
    hits = search.find(desk.work, desk.sites, text, search.MOST + 1)
    if _is_the_one(hits):
        return desk.go(f"/patients/{hits[0].patient.id}")
    shown = hits[: search.MOST]
    desk.looked(*(hit.patient for hit in shown), action="patient.find")
    return desk.page(
        "board/search.html",
        search_text=text,
        hits=shown,
        more=len(hits) > search.MOST,
        why=WHY,
        standing=search.standing(desk.work, [hit.patient for hit in shown]),
        site=desk.work.site,
    )


def _is_the_one(hits: list[Hit]) -> bool:
    return len([hit for hit in hits if hit.why is Why.MRN]) == 1
