"""A protocol tried out on its page: from which day, chosen how, drawn, with what that leaves out."""

from datetime import date

from surveillance.core.dates import add_months
from surveillance.core.drawings import timeline, timeline_sheet
from surveillance.core.errors import InvalidInputError
from surveillance.core.protocols import interval_words
from surveillance.core.protocols.protocol import Item, Protocol
from surveillance.core.schedule.departures import departures
from surveillance.core.schedule.slots import Choice, preview
from surveillance.web import render
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext

YEARS_DRAWN = 10
OFF = "off"


def fields(item: Item) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """What may be tried out of an item: field, title, options."""
    months = interval_words.choices(item) or item.phases[0].choices()
    own = (_field(item.code), item.title, [*((str(each), f"{each} months") for each in months), (OFF, OFF)])
    further = interval_words.further(item)
    return [own, *((_field(each.key), each.title, [(str(m), said) for m, said in each.options]) for each in further)]


def _field(key: str) -> str:
    return f"every-{key.replace('.', '-')}"


def tried_out(context: PageContext, today: date, protocol: Protocol) -> tuple[Form, str, list[str]]:
    """The schedule from an anchor as it was chosen, drawn, and where that departs from the protocol's own.

    Without an anchor it counts from today.
    """
    query = context.request.query_params
    form = Form({name: query.getlist(name) for name in query})
    anchor = form.day("anchor", f"the day of the {protocol.counts_from}") or today
    choices = [
        Choice(key, None if chosen == OFF else int(chosen))
        for item in protocol.items
        for key in item.choosable
        if (chosen := form.value(_field(key))) and (chosen == OFF or chosen.isdigit())
    ]
    try:
        if not date(1950, 1, 1) <= anchor <= add_months(today, 120):
            raise InvalidInputError("the anchor must lie within the last decades")
        slots = preview(protocol, anchor, choices, YEARS_DRAWN * 12)
    except InvalidInputError as error:
        form.fault("anchor", str(error)[:1].upper() + str(error)[1:])
        return form, "", []
    drawn = timeline.of_preview(protocol, slots, anchor, YEARS_DRAWN * 12, choices)
    departs = [each.said for each in departures(protocol, anchor, choices, years=YEARS_DRAWN)]
    return form, render.markup(timeline_sheet.render(drawn)), departs
