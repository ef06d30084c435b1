"""How a wording reads once it is filled, and what it costs, before anybody approves it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from surveillance.core.encoding import Encoding, encoding
from surveillance.core.errors import InvalidInputError
from surveillance.core.messages import Rendered, Template
from surveillance.core.wording import Remark, filled, straightened, warnings
from surveillance.operations.message_samples import details_of
from surveillance.operations.wording import Which, refused
from surveillance.operations.work import Work
from surveillance.store.tables import Site


@dataclass(frozen=True, slots=True)
class Previewed:
    """A wording with an invented visit. ``text`` and ``size`` are None where it cannot be filled; ``cost`` without a
    price of one part. ``refused`` keeps it from being used, ``minded`` and ``sent_plain`` do not.
    """

    text: Rendered | None
    size: Encoding | None
    cost: Decimal | None
    refused: Sequence[Remark]
    minded: Sequence[Remark]
    sent_plain: Sequence[Remark]


def previewed(work: Work, site: Site, which: Which, template: Template, price: Decimal | None = None) -> Previewed:
    """One wording as a patient of the site would get it. Raises NotFoundError where the service has no such text."""
    remarks = refused(work, site, which, template)
    book, details = work.catalogue.messages[which.language], details_of(site)
    try:
        text = filled(book, which.step, which.privacy, template, details)
    except (InvalidInputError, ValueError, LookupError, AttributeError):
        # What breaks it is among the reasons already: a text that is still being typed has braces without a partner.
        return Previewed(None, None, None, remarks, (), ())
    size = encoding(text.sms)
    minded = () if remarks else warnings(book, which.step, which.privacy, template, details)
    cost = None if price is None else price * size.parts
    return Previewed(text, size, cost, remarks, minded, straightened(template.sms))
