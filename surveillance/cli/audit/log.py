"""``surveillance audit``: who did what, when and why, and whether the trail is the one that was sealed."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from surveillance.cli import show
from surveillance.cli.context import Answer, Job, Options, run_read
from surveillance.cli.options import AsJson, AsUser, AtSite, FirstDay, LastDay
from surveillance.core.words import Role
from surveillance.operations.accounts import users
from surveillance.operations.audit import log, sealing
from surveillance.operations.audit.log import Entry, Query


def audit(
    patient: Annotated[str, typer.Option("--patient", metavar="MRN", help="About this patient.")] = "",
    username: Annotated[str, typer.Option("--user", metavar="USER", help="By this user.")] = "",
    first_day: FirstDay = None,
    last_day: LastDay = None,
    action: Annotated[str, typer.Option(help="One action (visit.book) or a kind of them (visit).")] = "",
    text: Annotated[str, typer.Option("--find", metavar="TEXT", help="With this in the reason.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many events, the newest first.")] = 50,
    before: Annotated[int | None, typer.Option(metavar="EVENT", help="Only what is older than this event.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Prove that the trail is the one that was sealed.")] = False,
    noted: Annotated[
        str, typer.Option(metavar="NUMBER:HASH", help="With --verify: a head that was noted earlier.")
    ] = "",
    user: AsUser = None,
    site: AtSite = None,
    as_json: AsJson = False,
) -> None:
    """Who did what, when and why, at the sites you administer; whoever looks stands in the log as well.

    Example: surveillance audit --patient 001234 --from 2027-01-01 --as anna
    """
    query = Query(first_day, last_day, username, patient, action, text)
    if verify:
        _verify(noted, Options(user, None, as_json))
    else:
        _search(query, before, limit, Options(user, site, as_json))


def _search(query: Query, before: int | None, limit: int, options: Options) -> None:
    def look(job: Job) -> Answer:
        sites = [site for site in job.sites() if job.work.allows(site.id, Role.ADMIN)] or job.sites()
        page = log.search(job.work, sites, query, before, limit)
        job.afterwards.append(lambda work: log.looked(work, sites, query))
        table = show.table("", "When", "Site", "Who", "What", "Patient", "Change", "Reason", "Event")
        for entry in page.entries:
            who = f"{entry.who} ({entry.account})" if entry.account else entry.who
            cells = (f"{show.day(entry.at.date())} {entry.at:%H:%M %Z}", entry.site, who, entry.did, entry.patient)
            show.add(table, *cells, _changes(entry), entry.reason, entry.number)
        more = [f"There is more: --before {page.next}"] if page.next is not None else []
        return Answer([show.section(table, "Nothing was found."), *more], [_data(entry) for entry in page.entries])

    run_read(look, options)


def _changes(entry: Entry) -> str:
    return "; ".join(f"{name}: {old or '–'} → {new or '–'}" for name, old, new in entry.changes)


def _data(entry: Entry) -> dict[str, Any]:
    return asdict(entry) | {
        "changes": [dict(zip(("name", "before", "after"), row, strict=True)) for row in entry.changes]
    }


def _verify(noted: str, options: Options) -> None:
    expected = sealing.noted_head(noted) if noted else None
    whole = True

    def look(job: Job) -> Answer:
        nonlocal whole
        users.require_administrator(job.work)
        verdict = sealing.verify(job.work, expected)
        whole = verdict.whole
        return Answer(told(verdict), asdict(verdict) | {"whole": whole, "head": str(verdict.head)})

    run_read(look, options)
    if not whole:
        raise typer.Exit(1)


def told(verdict: sealing.Verdict) -> list[str]:
    """What the verification found, in lines."""
    said = []
    if verdict.broken:
        said.append(f"The chain is broken, first at {verdict.first}; broken links: {verdict.broken}.")
    if verdict.late:
        said.append(f"{verdict.late} events should have been sealed long ago, the first is {verdict.first_late}.")
    if verdict.whole:
        said.append(f"The audit trail is whole: {verdict.head.number:,} links.")
    if verdict.erased:
        said.append(f"{verdict.erased} of its values were erased.")
    return [*said, f"Its head, to be noted elsewhere: {verdict.head}"]
