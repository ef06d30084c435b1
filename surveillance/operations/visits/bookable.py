"""Which examinations a visit on a day would serve, and what is wrong with a day for those that were asked for."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.schedule.examinations import Examination, Key
from surveillance.core.schedule.offers import earliest, serves
from surveillance.store.tables import AppointmentItem
from surveillance.store.visits import appointments


def keys_for(rows: Sequence[Examination], wanted: Sequence[Key], day: date) -> list[Key]:
    """The examinations of a plan that a visit on ``day`` would serve: those ``wanted``, or all that fall to the day.

    Raises:
        InvalidInputError: nothing falls to the day, an examination that cannot be done then, or an item twice.
        ConflictError: one of them is booked already.
    """
    serving = [row for row in rows if row.open and serves(row, day)]
    chosen = [_wanted(key, serving, rows, day) for key in wanted] if wanted else _falling_to(serving, day)
    if not chosen:
        raise InvalidInputError(f"nothing of the plan falls to {day}; name the examinations to book")
    for row in chosen:
        if row.booking is not None:
            raise ConflictError(f"{name(row.key)} is booked for {row.booked_on}; move or cancel that visit")
    if len({row.item for row in chosen}) < len(chosen):
        raise InvalidInputError("one visit examines an item once; name each item a single time")
    return [row.key for row in chosen]


def _falling_to(serving: Sequence[Examination], day: date) -> list[Examination]:
    """What goes along when nobody names anything: of each item what is free, not held, and to order by that day."""
    free = [row for row in serving if row.booking is None and not row.held and row.order_from <= day]
    return [_first(free, item) for item in dict.fromkeys(row.item for row in free)]


def _first(rows: Sequence[Examination], item: str) -> Examination:
    """What a study of the item would count for: an open extra examination goes before the slot (rule 5)."""
    return min((row for row in rows if row.item == item), key=lambda row: (row.month is not None, row.target))


def _wanted(key: Key, serving: Sequence[Examination], rows: Sequence[Examination], day: date) -> Examination:
    """A booking counts for the slot whose cell holds its day: to name another one is a mistake to be told of."""
    of_item = [row for row in serving if row.item == key.item]
    named = next((row for row in of_item if row.key == key), None)
    if named is not None:
        return named
    if key.month is None and key.extra is None and of_item:
        return _first([row for row in of_item if row.booking is None] or of_item, key.item)
    there = next((row for row in rows if row.key == key), None)
    if there is None:
        raise InvalidInputError(f"the plan has no open examination {name(key)}")
    if not there.open:
        raise InvalidInputError(f"{name(key)} is {_closed(there)}; nothing is left to book")
    slot = next((row for row in of_item if row.month is not None), None)
    instead = f"that day counts for {name(slot.key)}" if slot else "nothing of this item falls to that day"
    raise InvalidInputError(f"{name(key)} can be done {_span(there)}, not on {day}; {instead}")


def _closed(row: Examination) -> str:
    if row.study is not None:
        return "done already"
    return "skipped" if row.skip_review_on is not None else "over"


def _span(row: Examination) -> str:
    if row.month is None:
        return f"from {earliest(row)} on"
    return f"from {row.cell_start} to the day before {row.cell_end}"


def name(key: Key) -> str:
    """An examination as people write it."""
    return f"{key.item}@{key.month}" if key.month is not None else f"{key.item} (extra)"


def retarget(plan: Sequence[Examination], line: AppointmentItem, day: date) -> None:
    """Give the line to what a study on ``day`` would count for: its extra examination, or the slot of that day.

    ``plan``: the examinations that it wants.

    Raises:
        InvalidInputError: nothing of the item is open on that day.
        ConflictError: another visit is booked for it.
    """
    rows = [row for row in plan if row.item == line.item]
    own = next((row for row in rows if row.extra is not None and row.key == appointments.key(line)), None)
    there = own or next((row for row in rows if row.month is not None and serves(row, day)), None)
    if there is None:
        raise InvalidInputError(f"nothing of {line.item} falls to {day}")
    if not there.open:
        raise InvalidInputError(f"{day} counts for {name(there.key)}, which is {_closed(there)}")
    if not serves(there, day):
        raise InvalidInputError(f"{name(there.key)} can be done {_span(there)}, not on {day}")
    if there.booking not in (None, str(line.appointment_id)):
        raise ConflictError(f"{day} counts for {name(there.key)}, which is booked for {there.booked_on}")
    line.month, line.target = there.month, there.target
    line.extra_id = UUID(there.extra) if there.extra else None
