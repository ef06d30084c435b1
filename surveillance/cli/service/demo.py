"""``surveillance demo``: a fictional clinic to try everything out."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from io import StringIO
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sqlmodel import Session, select

from surveillance import bootstrap, paths, settings
from surveillance.bootstrap import App
from surveillance.catalogue import demo as files
from surveillance.cli import show
from surveillance.core.errors import ConflictError
from surveillance.operations.calendars import feeds
from surveillance.operations.demo import stories
from surveillance.operations.dispatch.sending import send_due
from surveillance.operations.registry import patients as registry_patients
from surveillance.operations.replies import receiving
from surveillance.store import db
from surveillance.store.registry import patients
from surveillance.store.tables import Patient, Site, User
from surveillance.worker import job_context_of, simulate

LIVED_DAYS = 14  # of messages, so that there are some to look at

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
        _fill(app, if_empty)
    finally:
        app.close()


def _fill(app: App, if_empty: bool) -> None:
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
        work = app.work(session, bootstrap.system_actor(session), bootstrap.utc_now())
        site = stories.load(work, clinic, lambda: bar.advance(task))
        links = _feeds(app, session, site)
    quiet = replace(app, transports=bootstrap.console_transports(app.settings, Console(file=StringIO())))
    _send_quietly(quiet)
    answer(quiet, site, clinic.replies, bootstrap.utc_now())
    show.say(*_welcome(site, links, app.settings.public_url, clinic.password))


def _progress(total: int) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=Console(stderr=True), transient=total > 0)


def _feeds(app: App, session: Session, site: Site) -> dict[str, str]:
    """One calendar of each kind, to subscribe to."""
    work = app.work(session, bootstrap.system_actor(session), bootstrap.utc_now())
    patient = session.exec(select(Patient).where(Patient.mrn == "000117")).one()
    user = session.exec(select(User).where(User.username == "grace")).one()
    wanted = {
        "a patient's calendar": feeds.NewFeed(site, patient=patient),
        "a coordinator's calendar": feeds.NewFeed(site, user=user),
        "the clinic's calendar": feeds.NewFeed(site),
    }
    made = {name: feeds.create(work, new)[1] for name, new in wanted.items()}
    return {name: feeds.links(app.settings.public_url, secret).https for name, secret in made.items()}


def _send_quietly(app: App) -> None:
    """The last days' messages go out by the real dispatch, to a console that nobody looks at."""
    start = bootstrap.utc_now() - timedelta(days=LIVED_DAYS)
    for _ in simulate(app, start, LIVED_DAYS):
        pass


def answer(app: App, site: Site, replies: Sequence[files.DemoReply], now: datetime) -> None:
    """Patients wrote back: taken in as the provider's webhook takes it in, and answered at that moment."""
    for number, reply in enumerate(sorted(replies, key=lambda each: -each.hours_ago), start=1):
        moment = now - timedelta(hours=reply.hours_ago)
        with db.writing(app.engine) as session:
            work = app.work(session, bootstrap.system_actor(session), moment)
            patient = registry_patients.patient_named(work, [site.id], reply.mrn)
            phone = patients.contacts(session, patient.id)[0].phone or ""
            said = {"MessageSid": f"SM-demo-{number}", "From": phone, "To": site.phone, "Body": reply.text}
            receiving.receive(work, said)
        send_due(job_context_of(app, partial(_stopped, moment)), threading.Event())


def _stopped(moment: datetime) -> datetime:
    """A clock that stands still."""
    return moment


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
