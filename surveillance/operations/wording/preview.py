"""How a wording reads once it is filled, and what it costs, before anybody approves it."""

from collections.abc import Sequence
from dataclasses import dataclass

from surveillance.core.errors import InvalidInputError
from surveillance.core.texts.encoding import Encoding, encoding
from surveillance.core.texts.message_book import Rendered, Template
from surveillance.core.texts.wording import Remark, filled, straightened, warnings
from surveillance.operations.wording.samples import details_of
from surveillance.operations.wording.site_wording import Which, refused
from surveillance.operations.work import Work
from surveillance.store.tables import Site


@dataclass(frozen=True, slots=True)
class Previewed:
    """A wording with an invented visit. ``text`` and ``size`` are None where it cannot be filled.

    ``cost`` of one message, and ``a_month`` of as many as were sent in the last 30 days, are empty where no price of a
    part is set. ``refused`` keeps it from being used, ``minded`` and ``sent_plain`` do not.
    """

    text: Rendered | None
    size: Encoding | None
    cost: str
    a_month: str
    refused: Sequence[Remark]
    minded: Sequence[Remark]
    sent_plain: Sequence[Remark]


def previewed(work: Work, site: Site, which: Which, template: Template, month: int = 0) -> Previewed:
    """One wording as a patient of the site would get it; ``month``: how many are sent in a month.

    Raises:
        NotFoundError: the service has no such text.
    """
    remarks = refused(work, site, which, template)
    book, details = work.catalogue.messages[which.language], details_of(site)
    try:
        text = filled(book, which.step, which.privacy, template, details)
    except (InvalidInputError, ValueError, LookupError, AttributeError):
        # What breaks it is among the reasons already: a text that is still being typed has braces without a partner.
        return Previewed(None, None, "", "", remarks, (), ())
    size = encoding(text.sms)
    minded = () if remarks else warnings(book, which.step, which.privacy, template, details)
    prices = work.catalogue.prices
    each, all_ = prices.out(size.parts), prices.out(size.parts * month)
    # One message costs less than a cent in most currencies: its price is not rounded.
    cost = "" if each is None else f"{each:f} {prices.currency}"
    a_month = "" if all_ is None else prices.told(all_)
    return Previewed(text, size, cost, a_month, remarks, minded, straightened(template.sms))
