"""``surveillance dispatch``, ``tick`` and ``worker``: when messages go out, and the process that sends them."""

import signal
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.progress import Progress
from sqlmodel import select

from surveillance import bootstrap, logs, settings, worker
from surveillance.cli import show
from surveillance.cli.context import Answer, Job, WrongUseError, reading, writing
from surveillance.cli.options import AsJson, Reason
from surveillance.core.errors import InvalidInputError
from surveillance.operations.accounts import users
from surveillance.operations.dispatch import senders
from surveillance.operations.messages import pauses
from surveillance.operations.registry import consents
from surveillance.store.tables import Sender, Site

STOPS = {signal.SIGTERM, signal.SIGINT}

app = typer.Typer(no_args_is_help=True, help="Hold messages back and let them go.")

Everywhere = Annotated[bool, typer.Option("--all", help="At all sites.")]
SenderName = Annotated[str, typer.Option("--sender", help="A stopped sender; 'dispatch status' lists them.")]


@app.command()
@writing
def pause(job: Job, reason: Reason, everywhere: Everywhere = False) -> Answer:
    """Send nothing for a site (--site), or for all (--all), until it is resumed.

    Example: surveillance dispatch pause --site LDN1 --reason "new scanner, all times change" --as anna
    """
    site = _scope(job, everywhere=everywhere)
    row = pauses.pause(job.work, site, reason)
    return Answer([f"Messages of {_name(site)} are paused: {row.why}."], data={"scope": row.scope, "why": row.why})


@app.command()
@writing
def resume(job: Job, everywhere: Everywhere = False, sender: SenderName = "", reason: Reason = "") -> Answer:
    """Let messages go out again; what is too late by now becomes work for a person.

    Example: surveillance dispatch resume --site LDN1 --as anna
    """
    if sender:
        users.require_administrator(job.work)
        row = senders.start(job.work, sender)
        return Answer([f"Sender {row.name} sends again."], data={"sender": row.name})
    site = _scope(job, everywhere=everywhere)
    pauses.resume(job.work, site, reason)
    return Answer([f"Messages of {_name(site)} go out again."], data={"scope": pauses.scope_of(site)})


@app.command()
@writing
def pace(job: Job, sender: SenderName, per_second: Annotated[float, typer.Option(help="Messages a second.")]) -> Answer:
    """How many messages a second a sender may carry: a long code about 1, toll-free 3, a short code 10 to 100.

    Example: surveillance dispatch pace --sender +15005550006 --per-second 3 --as anna
    """
    users.require_administrator(job.work)
    row = senders.set_pace(job.work, sender, per_second)
    said = f"Sender {row.name} carries {row.per_second:g} a second."
    return Answer([said], data={"sender": row.name, "per_second": row.per_second})


@app.command()
@writing
def seen(job: Job, sender: SenderName) -> Answer:
    """You looked into the messages of a sender that were refused or filtered; the next one is an alert again.

    Example: surveillance dispatch seen --sender +15005550006 --as anna
    """
    users.require_administrator(job.work)
    row = senders.look_into(job.work, sender)
    return Answer([f"Noted. The next refusal of {row.name} is an alert again."], data={"sender": row.name})


@app.command()
@reading
def status(job: Job) -> Answer:
    """What is paused or stopped, and why.

    Example: surveillance dispatch status
    """
    sites = {pauses.scope_of(site): site for site in job.sites()}
    standing = [row for row in pauses.standing(job.work) if row.scope == pauses.scope_of(None) or row.scope in sites]
    paused = show.table("Paused", "Where", "Since (UTC)", "Why")
    for row in standing:
        show.add(paused, _name(sites.get(row.scope)), show.moment(row.since, "UTC"), row.why)
    rows = list(job.work.session.exec(select(Sender).order_by(Sender.name)))
    table = show.table("Senders", "Sender", "A second", "State")
    for sender in rows:
        stopped = f"stopped {show.moment(sender.stopped_at, 'UTC')}: {sender.stopped_why}"
        refused = f"; {sender.alerts} refused, the last: {sender.alert_why}" if sender.alert_at else ""
        show.add(table, sender.name, f"{sender.per_second:g}", (stopped if sender.stopped_at else "sends") + refused)
    data = {
        "paused": [{"scope": row.scope, "since": row.since, "why": row.why} for row in standing],
        "senders": [row.model_dump() for row in rows],
    }
    return Answer([show.section(paused, "nothing"), show.section(table, "none yet")], data=data)


def _scope(job: Job, *, everywhere: bool) -> Site | None:
    """The site that was named, or None for all, which takes an administrator."""
    if everywhere == (job.options.site is not None):
        raise WrongUseError("say where: --site CODE, or --all")
    if everywhere:
        users.require_administrator(job.work)
        return None
    site = job.site()
    job.work.require(site.id, *consents.WRITERS)
    return site


def _name(site: Site | None) -> str:
    return site.code if site else "all sites"


# -- ticks -------------------------------------------------------------------------------------------------------


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no moment; write it like 2026-12-01T10:00+00:00") from None
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no zone; write it like 2026-12-01T10:00+00:00")
    return moment.astimezone(UTC)


Now = Annotated[
    datetime | None,
    typer.Option("--now", parser=_moment, metavar="MOMENT", help="As if it were then. Not in production."),
]
Days = Annotated[int, typer.Option(min=0, max=3660, help="Live through so many days from then. Not in production.")]


def tick(now: Now = None, days: Days = 0, as_json: AsJson = False) -> None:
    """One pass by hand: sweep, look for what is in doubt, send what is due.

    Example: surveillance tick
    """
    found = settings.load()
    if found.is_production and (now is not None or days):
        raise InvalidInputError("--now and --days are refused in production: messages would go out at wrong hours")
    app = bootstrap.open_app(found)
    try:
        start = now or bootstrap.utc_now()
        counts = _simulated(app, start, days, quiet=as_json) if days else worker.tick(app, start).counts
    finally:
        app.close()
    if as_json:
        show.write_json(dict(counts))
    else:
        show.say(f"Done: {_told(counts)}.")
    if counts["errors"]:
        raise typer.Exit(1)


def _simulated(app: bootstrap.App, start: datetime, days: int, *, quiet: bool) -> Counter[str]:
    counts: Counter[str] = Counter()
    with Progress(console=show.console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("Simulated days", total=days)
        for report in worker.simulate(app, start, days):
            counts += report.counts
            progress.update(task, completed=(report.at - start).total_seconds() / 86_400)
    return counts


def _told(counts: Counter[str]) -> str:
    named = [f"{number} {word.replace('_', ' ')}" for word, number in sorted(counts.items()) if number]
    return ", ".join(named) or "nothing was due"


def run_worker() -> None:
    """Send reminders and keep plans going, until it is stopped; what is in flight is finished first.

    Example: surveillance worker
    """
    found = settings.load()
    logs.configure(as_json=found.log_json)
    app = bootstrap.open_app(found)
    background = worker.Worker(app)
    # Waited for rather than handled: a handler may run while this thread holds the very lock that it needs.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        background.start()
        signal.sigwait(STOPS)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)  # a second one ends the process at once
        background.stop()
    finally:
        app.close()
