"""A protocol's slots written down: JSON, CSV, iCalendar, SVG, or a table to read."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from surveillance.core.calendars import ical
from surveillance.core.drawings import timeline, timeline_sheet
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.schedule.slots import Choice, Slot

FIELDS = ("item", "month", "target", "window_start", "window_end")


def rows(slots: Sequence[Slot]) -> list[dict[str, Any]]:
    """What a machine reads; days in ISO form, sorted by target, then item."""
    return [
        {
            "item": slot.item,
            "month": slot.month,
            "target": slot.target.isoformat(),
            "window_start": slot.window_start.isoformat(),
            "window_end": slot.window_end.isoformat(),
        }
        for slot in sorted(slots, key=lambda slot: (slot.target, slot.item))
    ]


def as_json(slots: Sequence[Slot]) -> str:
    return json.dumps(rows(slots), indent=2)


def as_csv(slots: Sequence[Slot]) -> str:
    sheet = io.StringIO()
    writer = csv.DictWriter(sheet, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(slots))
    return sheet.getvalue().removesuffix("\n")


def as_table(protocol: Protocol, slots: Sequence[Slot]) -> Table:
    title = escape(f"{protocol.title} ({protocol.key})")
    table = Table("Target", "Month", "Examination", "On time from", "until", title=title, title_justify="left")
    table.box = box.SIMPLE_HEAD
    for slot in slots:
        table.add_row(
            f"{slot.target:%a} {slot.target}",
            str(slot.month),
            escape(protocol.item(slot.item).title),
            str(slot.window_start),
            str(slot.window_end),
        )
    return table


def as_ics(protocol: Protocol, slots: Sequence[Slot], anchor: date) -> bytes:
    """All-day tentative entries on the targets, stamped with the anchor, so that equal previews give equal bytes."""
    stamp = datetime.combine(anchor, time(), UTC)
    events = [
        ical.Event(
            uid=f"{protocol.key}.{slot.item}.{slot.month}.{anchor:%Y%m%d}@preview.surveillance",
            sequence=0,
            stamp=stamp,
            summary=protocol.item(slot.item).title,
            description=(
                f"Month {slot.month} after the {protocol.counts_from}. "
                f"On time from {timeline.spelled(slot.window_start)} to {timeline.spelled(slot.window_end)}."
            ),
            day=slot.target,
            status=ical.EventStatus.TENTATIVE,
        )
        for slot in slots
    ]
    name = f"{protocol.title}, from {timeline.spelled(anchor)}"
    return ical.render(ical.Calendar(name=name, events=events, description=f"Preview of protocol {protocol.key}"))


def as_svg(protocol: Protocol, slots: Sequence[Slot], anchor: date, months: int, choices: Sequence[Choice] = ()) -> str:
    return timeline_sheet.render(timeline.of_preview(protocol, slots, anchor, months, choices))
