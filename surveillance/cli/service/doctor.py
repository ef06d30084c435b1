"""``surveillance doctor``: whether everything the service needs is there, one line each."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import typer
from rich.text import Text
from sqlmodel import Session, col, select

from surveillance import bootstrap, settings
from surveillance.cli import show
from surveillance.cli.options import AsJson
from surveillance.core.dates import local_day
from surveillance.core.errors import SurveillanceError
from surveillance.operations.accounts import users
from surveillance.operations.protocols import reviews
from surveillance.settings import DEVELOPMENT_KEY, Settings
from surveillance.store import db
from surveillance.store.registry import staff
from surveillance.store.tables import DispatchPause, Heartbeat, Sender, Site

FRESH: Final = timedelta(minutes=5)  # a worker that has not been heard of for so long has stopped


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(NamedTuple):
    """One thing looked at."""

    subject: str
    verdict: Verdict
    text: str


_STYLE = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}


def doctor(as_json: AsJson = False) -> None:
    """Look at settings, database, configuration files, senders, time zones and workers; 1 if anything fails.

    Example: surveillance doctor
    """
    found = list(findings())
    if as_json:
        show.write_json([finding._asdict() for finding in found])
    else:
        lines = show.table("", "", "What", "How it stands")
        for finding in found:
            show.add(lines, Text(finding.verdict, style=_STYLE[finding.verdict]), finding.subject, finding.text)
        show.say(lines)
    if any(finding.verdict is Verdict.FAIL for finding in found):
        raise typer.Exit(1)


def findings() -> Iterator[Finding]:
    """Everything, in the order in which one thing needs the other; what cannot be looked at is left out."""
    try:
        read = settings.load()
    except SurveillanceError as error:
        yield Finding("settings", Verdict.FAIL, str(error))
        return
    yield _environment(read)
    yield _tried("configuration", lambda: _catalogue(read))
    yield from _senders(read)
    if (provider := bootstrap.single_sign_on(read)) is not None:
        yield _tried("single sign-on", provider.offered)
    yield from _database(read)


def _tried(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, Verdict.OK, look())
    except SurveillanceError as error:
        return Finding(subject, Verdict.FAIL, str(error))


def _environment(read: Settings) -> Finding:
    if read.is_production:
        return Finding("settings", Verdict.OK, f"production, at {read.public_url}")
    key = ", with the secret key that everyone knows" if read.secret_key.get_secret_value() == DEVELOPMENT_KEY else ""
    return Finding("settings", Verdict.WARN, f"development{key}: not for real patients")


def _catalogue(read: Settings) -> str:
    catalogue = bootstrap.open_catalogue(read)
    languages = show.joined(sorted(catalogue.messages))
    return f"{len(catalogue.protocols)} protocols, the reminder policy, messages in {languages}"


def _senders(read: Settings) -> Iterator[Finding]:
    if read.sms_transport == "console":
        yield Finding("SMS", Verdict.WARN, "the console: no patient is reached")
    else:
        sender = read.twilio_messaging_service_sid or read.twilio_from
        yield Finding("SMS", Verdict.OK, f"Twilio, from {sender} (credentials are set; 'messages list' shows refusals)")
    if read.smtp_url:
        bounces = f"what comes back goes to {read.bounces_to}" if read.bounces_to else "nobody reads what comes back"
        yield Finding("email", Verdict.OK, f"SMTP, from {read.email_from}; {bounces}")
    elif read.is_production:
        yield Finding("email", Verdict.WARN, "not set up: SMS has no second channel but a call by staff")
    else:
        yield Finding("email", Verdict.WARN, "the console: nobody is reached")


def _database(read: Settings) -> Iterator[Finding]:
    try:
        engine = db.create_engine_for(read.database_url)
    except SurveillanceError as error:
        yield Finding("database", Verdict.FAIL, str(error))
        return
    try:
        db.require_current(engine)
        yield Finding("database", Verdict.OK, f"{db.place(engine.url)}, at revision {db.head_revision()}")
        with db.reading(engine) as session:
            yield from _inside(session, read)
    except SurveillanceError as error:
        yield Finding("database", Verdict.FAIL, str(error))
    finally:
        engine.dispose()


def _inside(session: Session, read: Settings) -> Iterator[Finding]:
    sites = list(session.exec(select(Site).order_by(col(Site.code))))
    if not users.has_staff(session):
        yield Finding("first run", Verdict.WARN, f"nobody has an account yet; {_first_run(read)}")
    yield _zones(sites)
    yield _live(sites)
    yield from _staff(session)
    yield from _sources(session, sites)
    yield from _pauses(session, sites)
    yield from _troubled(session)
    yield _worker(session, read, sites)


def _staff(session: Session) -> Iterator[Finding]:
    """A live site at which nobody acts in a role that it needs."""
    for site, role in staff.lacking(session, bootstrap.utc_now()):
        yield Finding("staff", Verdict.WARN, f"{site.code} is live and no {role} acts there: 'user role' gives one")


def _first_run(read: Settings) -> str:
    code = f" with the set-up code {read.setup_code}" if read.is_production else ""
    return f"{read.public_url}/first-run makes the administrator{code}"


def _zones(sites: list[Site]) -> Finding:
    unknown = [f"{site.time_zone} ({site.code})" for site in sites if not _is_known(site.time_zone)]
    if unknown:
        return Finding("time zones", Verdict.FAIL, f"not known on this machine: {show.joined(unknown)}")
    names = sorted({site.time_zone for site in sites})
    return Finding("time zones", Verdict.OK, show.joined(names, "no site needs one yet"))


def _is_known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _is_live(site: Site) -> bool:
    return site.messages_from is not None and site.messages_from <= local_day(bootstrap.utc_now(), site.time_zone)


def _live(sites: list[Site]) -> Finding:
    waiting = [site.code for site in sites if site.messages_from is None]
    if not sites:
        return Finding("sites", Verdict.WARN, "there is none yet; 'surveillance site add' makes one")
    if waiting:
        return Finding("sites", Verdict.WARN, f"send no messages until 'site go-live': {show.joined(waiting)}")
    return Finding("sites", Verdict.OK, show.joined([f"{site.code} from {site.messages_from}" for site in sites]))


def _sources(session: Session, sites: Sequence[Site]) -> Iterator[Finding]:
    """An edition that expired withdraws nothing by itself: a clinician looks, and approves a new version if need be."""
    codes = {site.id: site.code for site in sites}
    now = bootstrap.utc_now()
    for found in reviews.due(session, {site.id: local_day(now, site.time_zone) for site in sites}):
        told = f"in use at {codes[found.site_id]}; {found.review.said}; {found.next_action}"
        yield Finding(f"protocol {found.protocol.key}", Verdict.WARN, told)


def _pauses(session: Session, sites: list[Site]) -> Iterator[Finding]:
    codes: dict[str, str] = {str(site.id): site.code for site in sites}
    for pause in session.exec(select(DispatchPause)):
        scope: Any = codes.get(pause.scope, pause.scope)
        yield Finding("messages", Verdict.WARN, f"paused for {scope} since {pause.since:%Y-%m-%d}: {pause.why}")


def _troubled(session: Session) -> Iterator[Finding]:
    """A stopped sender keeps everything behind it back until a person has mended it."""
    for sender in session.exec(select(Sender).order_by(col(Sender.name))):
        if sender.stopped_at is not None:
            why = f"stopped since {sender.stopped_at:%Y-%m-%d %H:%M} UTC: {sender.stopped_why}"
            yield Finding(f"sender {sender.name}", Verdict.FAIL, f"{why}; then 'dispatch resume --sender'")
        if sender.alert_at is not None:
            refused = (
                f"{sender.alerts} refused since {sender.alert_at:%Y-%m-%d %H:%M} UTC, the last: {sender.alert_why}"
            )
            yield Finding(f"sender {sender.name}", Verdict.WARN, refused)


def _worker(session: Session, read: Settings, sites: list[Site]) -> Finding:
    """Without a worker no message goes out: that fails where a site in production is live."""
    beats = list(session.exec(select(Heartbeat).order_by(col(Heartbeat.beat_at).desc())))
    fresh = [beat for beat in beats if bootstrap.utc_now() - beat.beat_at <= FRESH]
    needed = read.is_production and any(map(_is_live, sites))
    missing = Verdict.FAIL if needed else Verdict.WARN
    if not beats:
        return Finding("worker", missing, "none has ever run; 'surveillance serve' or 'surveillance worker' starts one")
    if not fresh:
        return Finding("worker", missing, f"last heard of at {beats[0].beat_at:%Y-%m-%d %H:%M} UTC; none is running")
    troubled = [f"{beat.worker}: {beat.last_error}" for beat in fresh if beat.last_error]
    if troubled:
        return Finding("worker", Verdict.WARN, show.joined(troubled))
    return Finding("worker", Verdict.OK, f"{len(fresh)} running, last heard of at {fresh[0].beat_at:%H:%M:%S} UTC")
