"""The follow-up that somebody chooses for a patient, read from a form: protocol, anchor, intervals, past scans."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from surveillance.core.protocols import interval_words
from surveillance.core.protocols.clocks import CLOCKS, Clock
from surveillance.core.protocols.protocol import Item, Protocol
from surveillance.operations.care.enrolment import OLDEST, Enrolment
from surveillance.operations.planning.previewing import Draft, Scan
from surveillance.operations.visits.results import NewStudy
from surveillance.web.forms import Form
from surveillance.web.pages.care import choice_fields

OFF: Final = "off"
MOST_ROWS: Final = 20


# -- rows: several contacts, several scans -----------------------------------------------------------------------


def rows(form: Form, name: str) -> list[str]:
    """The rows of a part of the form that has several; each is known by its number as long as the form is open."""
    given = [row for row in form.many(name) if row.isascii() and row.isdigit()]
    return list(dict.fromkeys(given))[:MOST_ROWS] or ["0"]


def with_rows(form: Form, asked: str) -> Form:
    """The form as it is to be shown after ``add-scans`` or ``remove-scans-2``; all else stays as it was typed."""
    what, _, rest = asked.partition("-")
    name, _, row = rest.partition("-")
    there = rows(form, name)
    if what == "add":
        return form.but(**{name: [*there, str(max(map(int, there)) + 1)]})
    return form.but(**{name: [one for one in there if one != row] or [str(int(row or "0") + 1)]})


def asks_for_rows(asked: str) -> bool:
    return asked.startswith(("add-", "remove-"))


# -- the plan --------------------------------------------------------------------------------------------------


def protocol(form: Form, offered: Sequence[Protocol]) -> Protocol | None:
    """The protocol that was chosen; the only one that the site approved goes without saying."""
    if len(offered) == 1 and not form.value("protocol"):
        return offered[0]
    return next((one for one in offered if one.key == form.value("protocol")), None)


def draft(form: Form, offered: Sequence[Protocol], born: date | None, today: date) -> Draft | None:
    """The terms as far as they can be used; what is wrong or missing stands on the form."""
    chosen = protocol(form, offered)
    if chosen is None:
        form.fault("protocol", "Choose a protocol")
    anchor = _anchor(form, CLOCKS[chosen.clock if chosen else Clock.END_OF_TREATMENT], born, today)
    if chosen is None:
        return None
    intervals = _intervals(form, chosen)
    scans = list(_scans(form, chosen, born, today))
    return None if anchor is None else Draft(chosen, anchor, intervals, scans)


def enrolment(draft: Draft) -> Enrolment:
    studies = [NewStudy(sorted(scan.items), scan.day) for scan in draft.scans]
    return Enrolment(draft.protocol.key, draft.anchor, draft.intervals, studies)


def _anchor(form: Form, counts_from: str, born: date | None, today: date) -> date | None:
    anchor = form.day("anchor", f"the day of the {counts_from}", required=True)
    if anchor is None:
        return None
    if anchor > today:
        form.fault("anchor", f"The {counts_from} cannot lie after today")
    elif anchor < max(OLDEST, born or OLDEST):
        form.fault("anchor", f"The {counts_from} cannot lie before the birth date or 1950")
    return None if form.error("anchor") else anchor


def _intervals(form: Form, chosen: Protocol) -> dict[str, int | None]:
    """What differs from the protocol's own choice."""
    found: dict[str, int | None] = {}
    for item in chosen.items:
        given = form.one_of(choice_fields.field(item), f"how often: {item.title}", dict(options(item)), required=False)
        if given:
            found[item.code] = None if given == OFF else int(given)
        found |= choice_fields.further(form, item)
    if not any(found.get(item.code) if item.code in found else item.enabled for item in chosen.scheduled):
        form.fault(choice_fields.field(chosen.scheduled[0]), "Choose at least one examination to repeat")
    return found


def options(item: Item) -> list[tuple[str, str]]:
    """The intervals of an item as choices; the first, with an empty value, is the protocol's own."""
    own = interval_words.spelled(item)
    given = [(str(months), interval_words.spelled(item, months)) for months in interval_words.choices(item)]
    if item.enabled:
        others = [(value, words) for value, words in given if words != own]
        return [("", own), *others, (OFF, "off")]
    return [("", "off"), *(given or [(str(item.phases[0].default), own)])]


def _scans(form: Form, chosen: Protocol, born: date | None, today: date) -> Iterator[Scan]:
    known = {item.code for item in chosen.scheduled}
    for row in rows(form, "scans"):
        items = frozenset(form.many(f"scan-{row}-items")) & known
        day = form.day(f"scan-{row}-day", "the day of the scan", required=bool(items))
        if day is None:
            continue
        if not items:
            form.fault(f"scan-{row}-items", "Choose what was examined on that day")
        if not (born or OLDEST) <= day <= today:
            form.fault(f"scan-{row}-day", "The day of the scan must lie between birth and today")
        elif items:
            yield Scan(items, day)
