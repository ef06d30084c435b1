"""``/``: what runs here. Nobody is signed in, so it asks the database nothing and tells of no patient.

Nor does it say what is followed up: the address of this server stands in the calendars of patients."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

import surveillance
from surveillance.web import page
from surveillance.web.deps import AppDep

router = APIRouter(include_in_schema=False)

DEVELOPMENT = (
    '<p class="notice"><strong>Development.</strong> '
    "Messages are shown on the console instead of being sent, unless a provider is set up.</p>"
)


@router.get("/")
def home(app: AppDep) -> HTMLResponse:
    """What this service does, its version, and where to read on."""
    notice = "" if app.settings.is_production else DEVELOPMENT
    body = page.filled("home", version=surveillance.__version__, notice=notice)
    return HTMLResponse(page.page("Nobody is silently lost", body))
