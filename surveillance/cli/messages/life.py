"""``surveillance messages show``: the life of one message, from planned to delivered."""

from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from surveillance.cli import show
from surveillance.cli.context import Answer, Job, reading
from surveillance.cli.options import MessageId
from surveillance.core.plain import ATTEMPT, CHANNEL, STEP
from surveillance.core.texts.turns import turn
from surveillance.operations.messages import lists
from surveillance.operations.messages.life import REPORTS, Call, Life, as_csv, life, rows
from surveillance.store.tables import MessageEvent


@reading
def show_message(
    job: Job,
    message: MessageId,
    csv: Annotated[bool, typer.Option("--csv", help="Write it as CSV.")] = False,
) -> Answer:
    """Everything that is known of one message: each wait, each attempt, each report of the provider.

    Example: surveillance messages show 1f2e3d4c
    """
    row = lists.message_named(job.work, [site.id for site in job.sites()], message)
    found = life(job.work, row)
    job.seen.append(found.line.patient)
    if csv:
        return Answer([as_csv(found).replace("\r\n", "\n").removesuffix("\n")])
    head = f"{CHANNEL[row.channel]}: {STEP[row.step]}, about {row.subject_day}, for MRN {found.line.patient.mrn}"
    table = show.table(head, f"When, in {found.line.zone}", "What")
    for at, said in _lines(found):
        show.add(table, show.moment(at, found.line.zone), said)
    ahead: list[RenderableType] = [f"As it would read now: {found.text}"] if found.text else []
    return Answer([table, *ahead], data={"id": row.id, "state": row.state, "life": list(rows(found))})


def _lines(found: Life) -> list[tuple[datetime, str]]:
    lines: list[tuple[datetime, str]] = []
    for each in found.story:
        lines += [_turn(each, found.line.zone)] if isinstance(each, MessageEvent) else _call(each)
    return lines


def _turn(event: MessageEvent, zone: str) -> tuple[datetime, str]:
    until = show.moment(event.until, zone) if event.until else ""
    last = show.moment(event.last_at, zone)
    return event.at, turn(event.state, event.reason, until, event.times, last, first=event.ordinal == 0)


def _call(call: Call) -> list[tuple[datetime, str]]:
    row = call.attempt
    provider: list[Any] = [row.transport, row.provider_id, f"from {row.sender}" if row.sender else None]
    by = ", ".join(str(each) for each in provider if each)
    trouble = f" {row.error_text} (code {row.error_code})." if row.error_text else ""
    said = f"{CHANNEL[row.channel]} to {row.to_address}, by {by}: {ATTEMPT[row.state]}.{trouble} “{row.body}”"
    reports = [
        (each.received_at, REPORTS.get(each.status, each.status) + _code(each.error_code)) for each in call.reports
    ]
    return [(row.created_at, said), *reports]


def _code(code: str) -> str:
    return f" (code {code})" if code else ""
