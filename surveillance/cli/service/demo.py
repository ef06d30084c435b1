"""``surveillance demo``: a fictional clinic to try everything out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from io import StringIO
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sqlmodel import select

from surveillance import bootstrap, paths, settings
from surveillance.bootstrap import App
from surveillance.catalogue import demo as files
from surveillance.cli import show
from surveillance.core.errors import ConflictError
from surveillance.operations.calendars import feeds
from surveillance.operations.demo import stories
from surveillance.operations.registry import patients as registry_patients
from surveillance.operations.replies import receiving
from surveillance.operations.work import Work
from surveillance.store import db
from surveillance.store.registry import patients
from surveillance.store.tables import Patient, Site, User
from surveillance.worker import simulate

LIVED = timedelta(days=14)  # of messages, so that there are some to look at

IfEmpty = Annotated[bool, typer.Option("--if-empty", help="Do nothing if the database has a site already.")]


def demo(if_empty: IfEmpty = False) -> None:
    """Fill an empty database with a fictional clinic of 60 patients in every state the product knows.

    Never in production. Nobody in it exists; the phone numbers are kept free for fiction.
    """
    found = settings.load()
    if found.is_production:
        raise ConflictError("the demo is not for production; it needs SURVEILLANCE_ENVIRONMENT=development")
    db.upgrade(found.database_url)
    app = bootstrap.open_app(found)
    try:
        fill(app, bootstrap.utc_now(), if_empty=if_empty)
    finally:
        app.close()


def fill(app: App, now: datetime, *, if_empty: bool) -> None:
    """The fictional clinic as it stands at ``now`` (aware), with its last days lived."""
    with db.reading(app.engine) as session:
        site = session.exec(select(Site)).first()
    if site is not None and if_empty:
        show.say(f"The database has site {site.code} already; nothing was changed.")
        return
    if site is not None:
        raise ConflictError(f"the database has site {site.code} already; the demo wants an empty one")
    clinic = files.load((app.settings.config_dir or paths.config_folder()) / "demo" / "clinic.yaml")
    with db.writing(app.engine) as session, _progress(len(clinic.patients)) as bar:
        task = bar.add_task("The fictional patients live their stories", total=len(clinic.patients))
        work = app.work(session, bootstrap.system_actor(session), now)
        site = stories.load(work, clinic, lambda: bar.advance(task))
        links = _feeds(work, site, app.settings.public_url)
    quiet = replace(app, transports=bootstrap.console_transports(app.settings, Console(file=StringIO())))
    live(quiet, site, clinic.replies, now)
    show.say(*_welcome(site, links, app.settings.public_url, clinic.password))


def _progress(total: int) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=Console(stderr=True), transient=total > 0)


def _feeds(work: Work, site: Site, public_url: str) -> dict[str, str]:
    """One calendar of each kind, to subscribe to."""
    session = work.session
    patient = session.exec(select(Patient).where(Patient.mrn == "000117")).one()
    user = session.exec(select(User).where(User.username == "grace")).one()
    wanted = {
        "a patient's calendar": feeds.NewFeed(site, patient=patient),
        "a coordinator's calendar": feeds.NewFeed(site, user=user),
        "the clinic's calendar": feeds.NewFeed(site),
    }
    made = {name: feeds.create(work, new)[1] for name, new in wanted.items()}
    return {name: feeds.links(public_url, secret).https for name, secret in made.items()}


def live(app: App, site: Site, replies: Sequence[files.DemoReply], now: datetime) -> None:
    """The last days: messages go out by the real dispatch, and patients write back in between, each at its moment."""
    start = now - LIVED
    for number, reply in enumerate(sorted(replies, key=lambda each: -each.hours_ago), start=1):
        moment = now - timedelta(hours=reply.hours_ago)
        _go_out(app, start, moment)
        with db.writing(app.engine) as session:
            work = app.work(session, bootstrap.system_actor(session), moment)
            patient = registry_patients.patient_named(work, [site.id], reply.mrn)
            phone = patients.contacts(session, patient.id)[0].phone or ""
            said = {"MessageSid": f"SM-demo-{number}", "From": phone, "To": site.phone, "Body": reply.text}
            receiving.receive(work, said)
        start = moment
    _go_out(app, start, now)


def _go_out(app: App, start: datetime, end: datetime) -> None:
    for _ in simulate(app, start, end):
        pass


def _welcome(site: Site, links: dict[str, str], public_url: str, password: str) -> list[str]:
    return [
        f"{site.name} ({site.code}) is set up; nobody in it exists.",
        f"Staff: grace and ivan (coordinators), helen (clinician), admin, visitor; password: {password}",
        f"Pages at {public_url} once 'surveillance serve' runs. To look around:",
        "  surveillance worklist --as grace",
        "  surveillance patient show 000124 --as grace",
        "  surveillance explain 000124 --as grace",
        "  surveillance messages list --as grace",
        "  surveillance check",
        *(f"  {name}: {link}" for name, link in links.items()),
    ]
