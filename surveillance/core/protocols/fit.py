"""Whether a study can be what an item asks for: its modality and its region of the body (design section 2)."""

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from surveillance.core.protocols.protocol import Item

PRIMARY: Final = "primary_site"  # whatever region a patient's own is
# Other names that DICOM (PS3.16, annex L) and reports use for a region of the protocols.
_ALSO: Final = MappingProxyType({"chest": ("thorax", "lung"), "brain": ("head", "skull")})


def misfit(item: Item, others: Iterable[Item], modality: str, body_region: str) -> str:
    """Why a study does not count for ``item``, in one clause; empty where it does, or where nobody knows.

    ``others`` are the other items of the protocol: a study that is what one of them asks for is not one of the primary
    site. Several modalities or regions of one study stand apart by any sign; one of them must fit.
    """
    if not item.modalities:
        return ""  # a visit: a study may be made at it
    given = modalities(modality)
    if given and not given & set(item.modalities):
        wanted = " or ".join(item.modalities)
        return f"{' and '.join(sorted(given))} does not count for {item.code}, which asks for {wanted}"
    if _folded(body_region) and not _in_region(item, list(others), given, body_region):
        wanted = item.body_region.replace("_", " ")
        return (
            f"a study of the region {body_region.strip()} does not count for {item.code}, which asks for the {wanted}"
        )
    return ""


def modalities(text: str) -> set[str]:
    """``CT``, ``MR+CT``, DICOM's own ``CT\\PT``; empty where nothing is said."""
    return {part for part in re.split(r"[^A-Z0-9]+", text.upper()) if part}


def _in_region(item: Item, others: list[Item], given: set[str], body_region: str) -> bool:
    if not item.body_region:
        return True
    if item.body_region == PRIMARY:
        return not any(_is_all_of(other, given, body_region) for other in others)
    return any(name in _folded(body_region) for name in _names(item.body_region))


def _is_all_of(other: Item, given: set[str], body_region: str) -> bool:
    """Whether a study is exactly what another item asks for: a CT of the chest, an MRI of the brain."""
    of_region = other.body_region not in ("", PRIMARY) and _folded(body_region) == _folded(other.body_region)
    return of_region and (not given or bool(given & set(other.modalities)))


def _names(region: str) -> tuple[str, ...]:
    return (_folded(region), *_ALSO.get(region, ()))


def _folded(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())
