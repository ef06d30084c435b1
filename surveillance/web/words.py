"""The field's words as people read them on a page; no enumeration's value is ever shown as it is."""

from collections.abc import Mapping
from typing import Final

from babel import Locale

from surveillance.core.words import Role

ROLE: Final[Mapping[Role, str]] = {
    Role.ADMIN: "administrator",
    Role.COORDINATOR: "coordinator",
    Role.CLINICIAN: "clinician",
    Role.VIEWER: "viewer",
}


def language_name(code: str) -> str:
    """``Spanish``: a language (BCP 47) as English names it."""
    return Locale.parse(code, sep="-").get_display_name("en") or code
