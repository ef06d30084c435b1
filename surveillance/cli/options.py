"""What is typed on the command line: days, times, examinations, intervals; each refused with one clear line."""

import re
from collections.abc import Iterable
from datetime import date, time
from typing import Annotated, Final

import typer

from surveillance.core.errors import InvalidInputError
from surveillance.core.protocols.protocol import UNTIL
from surveillance.core.schedule.examinations import Key
from surveillance.core.words import ContactKind
from surveillance.operations.care.baselines import NONE, NOW, Baselines, Choice
from surveillance.operations.visits.results import NewStudy
from surveillance.operations.work import Work
from surveillance.store.planning import plans
from surveillance.store.tables import Plan

YEARS: Final = range(1890, 2151)  # outside these a date is a typing error
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK: Final = re.compile(r"[0-9]{2}:[0-9]{2}")
_ITEM: Final = r"[a-z][a-z0-9_]*"
_INTERVAL: Final = re.compile(rf"(?P<item>{_ITEM}(?:\.{_ITEM})?)=(?P<months>[1-9][0-9]{{0,2}}|off)")
_UNTIL: Final = re.compile(rf"(?P<item>{_ITEM})=(?P<month>[1-9][0-9]{{0,3}})")
_EXAMINATION: Final = re.compile(rf"(?P<item>{_ITEM})(?:@(?:(?P<month>[0-9]{{1,4}})|x(?P<extra>[0-9a-f]{{4,32}})))?")
_BASELINE: Final = re.compile(rf"(?P<item>{_ITEM})=(?P<choice>{NOW}|{NONE}|[0-9-]+)")
_STUDIES: Final = re.compile(rf"(?P<items>{_ITEM}(?:\+{_ITEM})*)=(?P<day>.+)")


def iso_day(text: str) -> date:
    """A day as ISO 8601 writes it. Raises typer.BadParameter for anything else."""
    try:
        if not _DAY.fullmatch(text):
            raise ValueError(text)
        found = date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; write it like 2026-12-01 (year-month-day)") from None
    if found.year not in YEARS:
        raise typer.BadParameter(f"{text} is not between the years {YEARS[0]} and {YEARS[-1]}")
    return found


def clock(text: str | time) -> time:
    """A time of day, given or by default. Raises typer.BadParameter for anything but HH:MM."""
    if isinstance(text, time):
        return text
    try:
        if not _CLOCK.fullmatch(text):
            raise ValueError(text)
        return time.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a time of day; write it like 09:30 (24 hours)") from None


def choices(texts: Iterable[str] | None, ends: Iterable[str] | None) -> dict[str, int | None]:
    """What was chosen of a protocol: ``--interval`` and ``--until`` together."""
    return intervals(texts) | until(ends)


def until(texts: Iterable[str] | None) -> dict[str, int | None]:
    """``ITEM=MONTH``: in which month its first years end. Raises typer.BadParameter for anything else."""
    chosen: dict[str, int | None] = {}
    for text in texts or ():
        found = _UNTIL.fullmatch(text)
        if found is None:
            raise typer.BadParameter(f"{text!r} is not ITEM=MONTH, such as mri_primary=24", param_hint="--until")
        chosen[f"{found['item']}.{UNTIL}"] = int(found["month"])
    return chosen


def intervals(texts: Iterable[str] | None) -> dict[str, int | None]:
    """``ITEM=MONTHS``, ``ITEM.PHASE=MONTHS`` or ``ITEM=off``.

    Raises typer.BadParameter for anything else, or an item named twice.
    """
    chosen: dict[str, int | None] = {}
    for text in texts or ():
        found = _INTERVAL.fullmatch(text)
        if found is None:
            raise typer.BadParameter(f"{text!r} is not ITEM=MONTHS or ITEM=off, such as mri_primary=4")
        if found["item"] in chosen:
            raise typer.BadParameter(f"{found['item']} is given twice")
        chosen[found["item"]] = None if found["months"] == "off" else int(found["months"])
    return chosen


def studies(texts: Iterable[str] | None) -> list[NewStudy]:
    """``ITEM[+ITEM]=DATE``: what was examined before. Raises typer.BadParameter for anything else."""
    made = []
    for text in texts or ():
        found = _STUDIES.fullmatch(text)
        if found is None:
            raise typer.BadParameter(f"{text!r} is not ITEM[+ITEM]=DATE, such as mri_primary+chest_imaging=2026-03-02")
        made.append(NewStudy(found["items"].split("+"), iso_day(found["day"])))
    return made


def baselines(texts: Iterable[str] | None, reason: str) -> Baselines:
    """``ITEM=now|DATE|none``. Raises typer.BadParameter for anything else, or an item named twice."""
    chosen: dict[str, Choice] = {}
    for text in texts or ():
        found = _BASELINE.fullmatch(text)
        if found is None:
            raise typer.BadParameter(f"{text!r} is not ITEM=now, ITEM=DATE or ITEM=none, such as mri_brain=now")
        if found["item"] in chosen:
            raise typer.BadParameter(f"{found['item']} is given twice")
        word = found["choice"]
        chosen[found["item"]] = NOW if word == NOW else None if word == NONE else iso_day(word)
    return Baselines(chosen, reason)


def named_examination(text: str) -> tuple[str, int | None, str | None]:
    """Item, month and the first digits of an extra's id. Raises typer.BadParameter for anything else."""
    found = _EXAMINATION.fullmatch(text)
    if found is None:
        raise typer.BadParameter(
            f"{text!r} names no examination; write ITEM@MONTH such as mri_primary@6, or ITEM@x… for an extra one"
        )
    return found["item"], int(found["month"]) if found["month"] else None, found["extra"]


def examination(work: Work, plan: Plan, text: str) -> Key:
    """The key of a named examination; without a month it is whatever of the item falls to the day.

    Raises:
        InvalidInputError: no extra examination of the plan, or more than one, has an id that begins so.
    """
    item, month, prefix = named_examination(text)
    if prefix is None:
        return Key(item, month)
    found = [extra for extra in plans.extras(work.session, plan.id) if extra.id.hex.startswith(prefix)]
    found = [extra for extra in found if extra.item == item]
    if len(found) != 1:
        raise InvalidInputError(f"{text} names {len(found) or 'no'} extra examinations of the plan; see 'plan show'")
    return Key(item, None, str(found[0].id))


def pair(text: str) -> tuple[str, str]:
    """``ITEM`` or ``ITEM=VALUE``."""
    item, _, value = text.partition("=")
    if not re.fullmatch(_ITEM, item):
        raise typer.BadParameter(f"{text!r} is not ITEM or ITEM=…, such as mri_primary=A12345")
    return item, value.strip()


# -- who acts, where, and how it is answered -------------------------------------------------------------------

AsUser = Annotated[
    str | None,
    typer.Option("--as", metavar="USER", envvar="SURVEILLANCE_USER", help="Who acts; kept with your system account."),
]
AtSite = Annotated[str | None, typer.Option("--site", metavar="CODE", help="Look at this site only.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for a machine.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Write the rows as CSV.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Apply without asking.")]

# -- what a command is about -----------------------------------------------------------------------------------

Mrn = Annotated[str, typer.Argument(metavar="MRN", help="The patient's record number.")]
Code = Annotated[str, typer.Argument(metavar="SITE", help="The site's code.")]
Visit = Annotated[str, typer.Argument(metavar="VISIT", help="The first digits of the visit's id, or its day.")]
StudyName = Annotated[str, typer.Argument(metavar="STUDY", help="Accession number, or the first digits of its id.")]
Examination = Annotated[
    str, typer.Argument(metavar="EXAMINATION", help="ITEM@MONTH such as mri_primary@6; ITEM@x… for an extra one.")
]
Item = Annotated[str, typer.Argument(help="The item, such as mri_primary.")]
MessageId = Annotated[str, typer.Argument(metavar="ID", help="The first digits of the message's id.")]
ReplyName = Annotated[str, typer.Argument(metavar="REPLY", help="First digits of its id, or its row of the board.")]
Reason = Annotated[str, typer.Option(help="Why; it stays in the history.")]
Why = Annotated[str, typer.Option("--reason", help="Why, where that is worth keeping.")]
Note = Annotated[str, typer.Option(help="More about it.")]

# -- days, intervals, studies ----------------------------------------------------------------------------------

On = Annotated[date, typer.Option("--on", parser=iso_day, metavar="DATE", help="The day, like 2026-12-01.")]
OnDay = Annotated[
    date | None, typer.Option("--on", parser=iso_day, metavar="DATE", help="The day; today if it is left out.")
]
From = Annotated[date, typer.Option("--from", parser=iso_day, metavar="DATE", help="From this day on.")]
FirstDay = Annotated[date | None, typer.Option("--from", parser=iso_day, metavar="DATE", help="From this day on.")]
LastDay = Annotated[date | None, typer.Option("--to", parser=iso_day, metavar="DATE", help="Up to this day.")]
Intervals = Annotated[
    list[str] | None,
    typer.Option(
        "--interval",
        metavar="ITEM=MONTHS",
        help="A chosen interval; ITEM.PHASE=MONTHS in a phase with a name, ITEM=off leaves it out. Repeatable.",
    ),
]
Until = Annotated[
    list[str] | None,
    typer.Option(
        "--until",
        metavar="ITEM=MONTH",
        help="The month in which the phase ends whose end the protocol leaves to choose. Repeatable.",
    ),
]
BaselineChoices = Annotated[
    list[str] | None,
    typer.Option("--baseline", metavar="ITEM=WHEN", help="Of an item that is added: now, a DATE, or none. Repeatable."),
]
BaselineReason = Annotated[
    str, typer.Option("--baseline-reason", help="Why a baseline is wanted or not; needed for none.")
]
Studies = Annotated[
    list[str] | None,
    typer.Option("--study", metavar="ITEM[+ITEM]=DATE", help="An examination done before. Repeatable."),
]

# -- somebody to write to --------------------------------------------------------------------------------------

Kind = Annotated[ContactKind, typer.Option(help="Who answers.")]
ContactName = Annotated[str, typer.Option(help="Name of a parent or carer.")]
Phone = Annotated[str, typer.Option(help="As it is dialled in the site's country, or +44…")]
Email = Annotated[str, typer.Option(help="Email address.")]
Postal = Annotated[str, typer.Option(help="Postal address, a semicolon between its lines.")]
Language = Annotated[str | None, typer.Option(help="Language of messages; the site's first without.")]
