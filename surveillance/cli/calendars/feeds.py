"""``surveillance feed``: calendar addresses for patients, staff and sites."""

from typing import Annotated

import typer

from surveillance.cli import show
from surveillance.cli.context import Answer, Job, Options, WrongUseError, reading, run_write, writing
from surveillance.cli.options import AsJson, AsUser, AtSite, Why
from surveillance.core.words import Privacy
from surveillance.operations.accounts import users
from surveillance.operations.calendars import feeds
from surveillance.operations.calendars.feeds import Links, NewFeed
from surveillance.operations.work import found
from surveillance.store.tables import Feed, Patient, User

app = typer.Typer(no_args_is_help=True, help="Calendar addresses for patients, staff and sites.")

OfPatient = Annotated[str | None, typer.Option("--patient", metavar="MRN", help="The visits of this patient.")]
OfUser = Annotated[
    str | None, typer.Option("--user", metavar="NAME", help="The visits of the patients that this user looks after.")
]
Language = Annotated[str | None, typer.Option(help="Language of the texts; the reader's own if it is left out.")]
Level = Annotated[Privacy | None, typer.Option(help="'full' names the examinations, 'neutral' does not.")]
Label = Annotated[str, typer.Option(help="A word to know it by, such as 'phone of the mother'.")]
FeedName = Annotated[str, typer.Argument(metavar="ID", help="The first digits of the feed's id.")]


@app.command()
@writing
def create(
    job: Job,
    patient: OfPatient = None,
    user_name: OfUser = None,
    language: Language = None,
    privacy: Level = None,
    label: Label = "",
) -> Answer:
    """Make an address and show it once; with --site alone it holds the visits of the whole site.

    Example: surveillance feed create --patient 001234 --privacy full --as anna
    """
    if patient and user_name:
        raise WrongUseError("--patient and --user exclude each other")
    if not (patient or user_name or job.options.site):
        raise WrongUseError("say whose calendar: --patient MRN, --user NAME or --site CODE")
    row = job.patient(patient) if patient else None
    person = users.user_named(job.work, user_name) if user_name else None
    at = job.work.site(row.site_id) if row else job.site()
    feed, secret = feeds.create(job.work, NewFeed(at, row, person, label, language, privacy))
    # An address that was tried and taken back leads nowhere, so a dry run shows none.
    links = None if job.options.dry_run else feeds.links(job.app.settings.public_url, secret)
    return _made(job, feed, links)


@app.command()
def rotate(feed: FeedName, reason: Why = "", user: AsUser = None, site: AtSite = None, as_json: AsJson = False) -> None:
    """Replace an address that may have been seen by others; the old one closes at once.

    Example: surveillance feed rotate 1f2e3d4c --reason "telephone lost" --as anna
    """

    def change(job: Job) -> Answer:
        fresh, secret = feeds.rotate(job.work, _named(job, feed), reason)
        return _made(job, fresh, feeds.links(job.app.settings.public_url, secret))

    run_write(change, Options(user, site, as_json=as_json))


@app.command()
@writing
def revoke(job: Job, feed: FeedName, reason: Why = "") -> Answer:
    """Close an address for good: calendar programs are told that it is gone.

    Example: surveillance feed revoke 1f2e3d4c --reason "no longer wanted" --as anna
    """
    row = _named(job, feed)
    feeds.revoke(job.work, row, reason)
    return Answer([f"Feed {show.clean(_short(row))} is closed."], data=_data(job, row))


@app.command("list")
@reading
def list_feeds(job: Job) -> Answer:
    """Every address, whether it still answers, and when a calendar last asked.

    Example: surveillance feed list --site LDN1
    """
    rows = feeds.listed(job.work, [site.id for site in job.sites()])
    table = show.table("Feeds", "ID", "Of", "Label", "Level", "Language", "Last fetched", "Fetches", "State")
    for row in rows:
        zone = job.work.site(row.site_id).time_zone
        asked = show.moment(row.last_fetched_at, zone)
        state = "closed" if feeds.is_closed(job.work.session, row) else "open"
        show.add(table, _short(row), _whose(job, row), row.label, row.privacy, row.language, asked, row.fetches, state)
    return Answer([show.section(table, "none yet")], data=[_data(job, row) for row in rows])


def _named(job: Job, prefix: str) -> Feed:
    return feeds.feed_named(job.work, [site.id for site in job.sites()], prefix)


def _made(job: Job, feed: Feed, links: Links | None) -> Answer:
    said = [f"Feed {_short(feed)} for {_whose(job, feed)}, level {feed.privacy}, language {feed.language}."]
    if links is not None:
        said += [
            "Whoever has an address sees the calendar, so hand it over like a key. It is shown only now.",
            f"  Any program       {links.https}",
            f"  Apple, Outlook    {links.webcal}",
            f"  Google Calendar   open {links.google} and paste the first address",
        ]
    addresses = {"https": links.https, "webcal": links.webcal, "google": links.google} if links else {}
    return Answer(said, data=_data(job, feed) | addresses)


def _whose(job: Job, feed: Feed) -> str:
    """Whose feed it is: an MRN, a user's name, or the site."""
    if feed.patient_id:
        return f"patient {found(job.work.session.get(Patient, feed.patient_id), 'patient', '').mrn}"
    if feed.user_id:
        return f"user {found(job.work.session.get(User, feed.user_id), 'user', '').username}"
    return f"site {job.work.site(feed.site_id).code}"


def _data(job: Job, feed: Feed) -> dict[str, object]:
    return {
        "id": feed.id,
        "kind": feed.kind,
        "of": _whose(job, feed),
        "label": feed.label,
        "privacy": feed.privacy,
        "language": feed.language,
        "created_at": feed.created_at,
        "revoked_at": feed.revoked_at,
        "last_fetched_at": feed.last_fetched_at,
        "fetches": feed.fetches,
    }


def _short(feed: Feed) -> str:
    return feed.id.hex[:8]
