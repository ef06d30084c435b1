"""What of one disease is evidence for another one of the same patient: where region and modality fit (design 2)."""

from collections.abc import Sequence
from typing import NamedTuple

from surveillance.core.folding import folded
from surveillance.core.protocols.fit import PRIMARY, misfit
from surveillance.core.protocols.protocol import Item, Protocol
from surveillance.core.words import Side


class Primary(NamedTuple):
    """Where in the body a disease began."""

    body_site: str
    side: Side


class Made(NamedTuple):
    """What is known of a study that was made for another disease: how, of which region, of whose primary site."""

    modality: str  # as somebody stated it, else empty
    body_region: str
    primary: Primary | None


def same_site(one: Primary | None, other: Primary | None) -> bool:
    """Whether an image of one primary site shows the other. Where nobody said which site it is, it does not."""
    if one is None or other is None or not folded(one.body_site) or Side.UNKNOWN in (one.side, other.side):
        return False
    return folded(one.body_site) == folded(other.body_site) and one.side is other.side


def counts(code: str, protocols: Sequence[Protocol], made: Made, primary: Primary | None) -> bool:
    """Whether a study made for another disease counts for an item; ``protocols`` are the plan's, the newest first.

    A study of the primary site shows another disease's only where both began at the same site and side.
    """
    for protocol in protocols:
        if any(item.code == code for item in protocol.items):
            return _fits(protocol.item(code), protocol, made, primary)
    return False


def _fits(item: Item, protocol: Protocol, made: Made, primary: Primary | None) -> bool:
    if item.body_region == PRIMARY and not same_site(made.primary, primary):
        return False
    others = [other for other in protocol.items if other is not item]
    return bool(item.modalities) and not misfit(item, others, made.modality, made.body_region)
