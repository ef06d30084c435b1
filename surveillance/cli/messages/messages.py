"""``surveillance messages``: what goes out and what became of it; ``preview`` shows every text before it costs."""

from typing import Annotated, Any

import typer

from surveillance import bootstrap, settings
from surveillance.cli import show
from surveillance.cli.context import Answer, Job, reading, writing
from surveillance.cli.dispatch import bounces
from surveillance.cli.messages import life
from surveillance.cli.options import AsJson, MessageId, ReplyName
from surveillance.cli.replies import conversation
from surveillance.core.plain import CHANNEL, MESSAGE, STEP
from surveillance.operations.messages import acts, lists
from surveillance.operations.messages.acts import TaskOutcome
from surveillance.operations.messages.lists import Line, Which
from surveillance.operations.replies import decisions
from surveillance.operations.wording.samples import Sample, samples

app = typer.Typer(no_args_is_help=True, help="Messages to patients: what goes out, and what became of it.")

app.command()(bounces.bounce)
app.command("show")(life.show_message)
app.command()(conversation.write)
app.command()(conversation.answer)

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]


@app.command("list")
@reading
def list_messages(
    job: Job,
    upcoming: Annotated[bool, typer.Option("--upcoming", help="What goes out next.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="What did not go out.")] = False,
    doubt: Annotated[bool, typer.Option("--doubt", help="What may have gone out or not.")] = False,
    tasks: Annotated[bool, typer.Option("--tasks", help="What a person has to tell.")] = False,
    limit: Limit = 200,
) -> Answer:
    """Messages at the patient's own local time; all of them without an option.

    Example: surveillance messages list --upcoming --site LDN1
    """
    asked = [
        which
        for which, wanted in zip(
            (Which.UPCOMING, Which.FAILED, Which.DOUBT, Which.TASKS), (upcoming, failed, doubt, tasks), strict=True
        )
        if wanted
    ]
    if len(asked) > 1:
        raise typer.BadParameter("choose one of --upcoming, --failed, --doubt, --tasks")
    lines = lists.listed(job.work, [site.id for site in job.sites()], next(iter(asked), None), limit)
    job.seen.extend({line.patient.id: line.patient for line in lines}.values())
    table = show.table("Messages", "ID", "MRN", "When", "What", "How", "State", "Why")
    for line in lines:
        row = line.row
        cells = (
            row.id.hex[:8],
            line.patient.mrn,
            show.moment(line.at, line.zone),
            STEP[row.step],
            CHANNEL[row.channel],
        )
        show.add(table, *cells, MESSAGE[row.state], row.resolution or line.why)
    return Answer([show.section(table, "none")], data=[_data(line) for line in lines])


@app.command()
@writing
def resend(job: Job, message: MessageId) -> Answer:
    """Try again what certainly was not sent; it is decided afresh before it goes out.

    Example: surveillance messages resend 1f2e3d4c --as anna
    """
    sites = [site.id for site in job.sites()]
    row = acts.resend(job.work, lists.message_named(job.work, sites, message))
    return Answer([f"Message {row.id.hex[:8]} is planned again."], data={"id": row.id, "state": row.state})


@app.command()
@writing
def settle(
    job: Job,
    reply: ReplyName,
    opt_out: Annotated[bool, typer.Option("--opt-out/--no-opt-out", help="Did it ask for no more messages?")],
    note: Annotated[str, typer.Option(help="What was meant, and what you answered.")] = "",
) -> Answer:
    """Say what a patient's reply meant: a number that was paused because of it is barred, or free again.

    Example: surveillance messages settle 1f2e3d4c --no-opt-out --note "asked where to park" --as anna
    """
    row = decisions.reply_named(job.work, reply)
    decisions.settle_reply(job.work, row.id, opt_out=opt_out, note=note)
    data = {"id": row.id, "handling": row.handling}
    return Answer([f"Reply {row.id.hex[:8]} is settled: {row.handling}."], data=data)


@app.command()
@writing
def done(
    job: Job,
    message: MessageId,
    outcome: Annotated[TaskOutcome, typer.Option(help="What became of it.")],
    note: Annotated[str, typer.Option(help="Whom you spoke to, and what was said.")] = "",
) -> Answer:
    """Say what became of a message that a person had to tell, or to ask about.

    Example: surveillance messages done 1f2e3d4c --outcome told --note "spoke to her mother" --as anna
    """
    sites = [site.id for site in job.sites()]
    row = lists.message_named(job.work, sites, message)
    row = acts.done(job.work, row, outcome, note)
    return Answer([f"Message {row.id.hex[:8]}: {row.resolution}."], data={"id": row.id, "state": row.state})


@app.command()
def preview(
    language: Annotated[str | None, typer.Option(help="Only texts in this language.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every text as it goes out, with characters, encoding and parts; needs no database.

    Example: surveillance messages preview --language es
    """
    catalogue = bootstrap.open_catalogue(settings.load())
    if language is not None and language not in catalogue.messages:
        raise typer.BadParameter(f"there are no texts in {language!r}; there are {', '.join(catalogue.messages)}")
    books = [book for name, book in sorted(catalogue.messages.items()) if language in (None, name)]
    found = samples(books)
    if as_json:
        show.write_json([_sample_data(sample) for sample in found])
        return
    table = show.table("Texts, with the longest usual names and dates", "What", "Language", "Level", "Text", "Cost")
    for sample in found:
        size = sample.preview.encoding
        cost = f"{size.characters} {size.name}, {size.parts} part{'s' if size.parts > 1 else ''}"
        show.add(table, STEP[sample.step], sample.language, sample.privacy, sample.preview.text, cost)
    show.say(table)


def _data(line: Line) -> dict[str, Any]:
    row = line.row
    return {
        "id": row.id,
        "mrn": line.patient.mrn,
        "step": row.step,
        "channel": row.channel,
        "state": row.state,
        "subject_day": row.subject_day,
        "at": line.at,
        "zone": line.zone,
        "due_at": row.due_at,
        "expires_at": row.expires_at,
        "sent_at": row.sent_at,
        "attempts": row.attempts,
        "reason": line.why,
        "resolution": row.resolution,
    }


def _sample_data(sample: Sample) -> dict[str, Any]:
    size = sample.preview.encoding
    return {
        "step": sample.step,
        "language": sample.language,
        "privacy": sample.privacy,
        "text": sample.preview.text,
        "characters": size.characters,
        "encoding": size.name,
        "parts": size.parts,
    }
