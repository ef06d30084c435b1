"""Sites and places by their names, as people type them."""

from zoneinfo import ZoneInfo

from sqlmodel import col, select

from surveillance.core.errors import InvalidInputError
from surveillance.operations.work import Work, found
from surveillance.store.tables import Place, Site


def check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidInputError(f"no time zone {name!r}; use an IANA name such as Europe/Berlin") from error


def site_by_code(work: Work, code: str) -> Site:
    """Raises NotFoundError where there is no such site."""
    return found(work.session.exec(select(Site).where(Site.code == code)).first(), "site", code)


def place_named(work: Work, site: Site, name: str) -> Place:
    """Raises NotFoundError naming the places there are."""
    place = work.session.exec(select(Place).where(Place.site_id == site.id, Place.name == name)).first()
    if place is None:
        names = work.session.exec(select(col(Place.name)).where(Place.site_id == site.id).order_by(col(Place.name)))
        raise InvalidInputError(f"{site.code} has no place {name!r}; it has {', '.join(names) or 'none yet'}")
    return place
