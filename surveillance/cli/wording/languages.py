"""``surveillance site language``: the languages in which a clinic writes, each approved by somebody by name."""

from typing import Annotated, Any

import typer

from surveillance.cli import show
from surveillance.cli.context import Answer, Job, confirming, reading, writing
from surveillance.cli.options import Code
from surveillance.core.errors import InvalidInputError
from surveillance.operations.accounts import users
from surveillance.operations.registry import sites
from surveillance.operations.wording import languages
from surveillance.operations.wording.languages import Standing
from surveillance.store.tables import Site

app = typer.Typer(help="Languages of messages: list, approve, withdraw.", no_args_is_help=True)

Language = Annotated[str, typer.Argument(help="A language, such as es or zh-Hans.")]


@app.command("list")
@reading
def list_languages(job: Job, code: Code) -> Answer:
    """Languages with who approved them, who speaks them, and whether their texts changed since.

    Example: surveillance site language list LDN1
    """
    site = _site(job, code)
    table = show.table("", "Language", "In use", "Approved", "By", "Patients")
    rows = languages.listed(job.work, site)
    for row in rows:
        show.add(table, row.language, "yes" if row.used else "no", _approved(row, site), row.by, str(row.spoken_by))
    missing = languages.not_spoken(job.work, site)
    told = [f"Not approved, but spoken: {tag} by {count}." for tag, count in missing.items()]
    return Answer([show.section(table, "none"), *told], [_data(row) for row in rows])


@app.command()
@writing
def approve(job: Job, code: Code, language: Language) -> Answer:
    """A clinician or administrator has read all texts of a language; the site writes in it from now on.

    'messages preview --language' shows the texts that the service brings; the page of the language shows the
    clinic's own wording, too.

    Example: surveillance site language approve LDN1 es --as dr.reed
    """
    site = _site(job, code)
    languages.check_known(job.work, language)
    row = languages.approve(job.work, site, language)
    data = {"site": code, "language": language, "digest": row.digest, "approved_at": row.approved_at}
    return Answer([f"{language} is approved at {code}."], data)


@app.command()
@confirming
def withdraw(job: Job, code: Code, language: Language) -> Answer:
    """The site does not write in a language any more; whoever speaks it gets another one.

    Example: surveillance site language withdraw LDN1 es --as dr.reed
    """
    site = _site(job, code)
    count = languages.withdraw(job.work, site, language)
    instead = languages.choose(job.work, site, language).language
    spoken = f"{count} patient{'s' if count != 1 else ''} who speak {language} will be written to in {instead}."
    data = {"site": code, "language": language, "patients": count, "instead": instead}
    return Answer([f"Done: {code} does not write in {language} any more."], data, [spoken], compared=data)


def _site(job: Job, code: str) -> Site:
    site = sites.site_by_code(job.work, code)
    if site not in users.sites_of(job.work, job.work.actor):
        raise InvalidInputError(f"{job.work.actor.name} does not work at site {site.code}")
    return site


def _approved(row: Standing, site: Site) -> str:
    if row.approval is None:
        return "not yet"
    if row.unread:
        return "in use from before this was recorded: look again"
    when = show.moment(row.approval.approved_at, site.time_zone)
    return f"{when}; changed since: look again" if row.changed else when


def _data(row: Standing) -> dict[str, Any]:
    approval = row.approval
    return {
        "language": row.language,
        "used": row.used,
        "approved_at": approval.approved_at if approval else None,
        "approved_by": row.by or None,
        "changed": row.changed,
        "patients": row.spoken_by,
    }
