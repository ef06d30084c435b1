"""The composition root: settings, engine, configuration files and transports are chosen here and nowhere else.

It is also the one place that reads a clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from rich.console import Console
from sqlmodel import Session, select

from surveillance import paths
from surveillance.catalogue.messages import load_messages
from surveillance.catalogue.policy import load_policy
from surveillance.catalogue.protocols import load_all
from surveillance.catalogue.replies import load_replies
from surveillance.core.errors import ForbiddenError, NotFoundError
from surveillance.core.texts.prices import Prices
from surveillance.core.words import Channel
from surveillance.operations.work import Actor, Catalogue, Work
from surveillance.providers.base import Transport
from surveillance.providers.case_engine import HttpEngine
from surveillance.providers.console import ConsoleTransport
from surveillance.providers.smtp import SmtpTransport
from surveillance.providers.twilio import TwilioTransport
from surveillance.settings import Settings
from surveillance.store import db
from surveillance.store.tables import User

if TYPE_CHECKING:
    from surveillance.providers.oidc import OpenIdProvider

SYSTEM = "system"


@dataclass(frozen=True)
class App:
    """Everything a process of the service holds on to."""

    settings: Settings
    engine: sa.Engine
    catalogue: Catalogue
    transports: Mapping[Channel, Transport] = field(default_factory=dict)
    single_sign_on: "OpenIdProvider | None" = None

    def work(self, session: Session, actor: Actor, now: datetime) -> Work:
        """One unit of work in the session's transaction."""
        return Work(session, now, actor, self.catalogue)

    def close(self) -> None:
        self.engine.dispose()


def utc_now() -> datetime:
    """The moment it is: the only clock of the service."""
    return datetime.now(UTC)


def open_app(settings: Settings, *, require_schema: bool = True) -> App:
    """Read and check the whole configuration and open the database.

    Raises:
        ConfigurationError: a file of the configuration is not usable; every problem is named.
        UnavailableError: the database does not answer, or its schema is not the newest (with ``require_schema``).
    """
    catalogue = open_catalogue(settings)
    transports = choose_transports(settings)
    engine = db.create_engine_for(settings.database_url)
    if require_schema:
        db.require_current(engine)
    return App(settings, engine, catalogue, transports, single_sign_on(settings))


def single_sign_on(settings: Settings) -> "OpenIdProvider | None":
    """The hospital's sign-in, where there is one."""
    if settings.oidc_issuer is None:
        return None
    from surveillance.providers.oidc import OpenIdProvider  # here: most commands never sign anybody in

    secret = settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else ""
    back = f"{settings.public_url}/sign-in/oidc/callback"
    return OpenIdProvider(settings.oidc_issuer, settings.oidc_client_id or "", secret, back)


def case_engine(url: str, token: str = "") -> HttpEngine:
    """Another scheduler, to be put through the reference cases. Raises InvalidInputError for a wrong address."""
    return HttpEngine(url, token)


def open_catalogue(settings: Settings) -> Catalogue:
    """The configuration folder, every file checked. Raises InvalidFileError that names file and line."""
    folder = settings.config_dir or paths.config_folder()
    messages = load_messages(folder / "messages")
    return Catalogue(
        load_all(folder / "protocols"),
        load_policy(folder / "reminders.yaml"),
        messages,
        load_replies(folder / "replies", messages),
        Prices(settings.sms_price, settings.sms_price_inbound, settings.currency),
    )


def choose_transports(settings: Settings) -> dict[Channel, Transport]:
    """Who carries SMS and email. In development, what is not set up is shown on the console."""
    return {Channel.SMS: _sms(settings)} | _email(settings)


def console_transports(settings: Settings, console: Console) -> dict[Channel, Transport]:
    """SMS and email shown on ``console``, whatever the settings say; never in production."""
    path = _sent_file(settings)
    return {channel: ConsoleTransport(channel, path=path, console=console) for channel in (Channel.SMS, Channel.EMAIL)}


def _sms(settings: Settings) -> Transport:
    if settings.sms_transport == "console":
        return ConsoleTransport(Channel.SMS, path=_sent_file(settings))
    token = settings.twilio_auth_token.get_secret_value() if settings.twilio_auth_token else ""
    return TwilioTransport(
        settings.twilio_account_sid or "",
        token,
        from_=None if settings.twilio_messaging_service_sid else settings.twilio_from,
        messaging_service_sid=settings.twilio_messaging_service_sid,
        api_url=settings.twilio_api_url,
    )


def _email(settings: Settings) -> dict[Channel, Transport]:
    if settings.smtp_url:
        return {
            Channel.EMAIL: SmtpTransport(
                settings.smtp_url, settings.email_from or "", bounces_to=settings.bounces_to or ""
            )
        }
    if settings.is_production:
        return {}
    return {Channel.EMAIL: ConsoleTransport(Channel.EMAIL, path=_sent_file(settings))}


def _sent_file(settings: Settings) -> Path | None:
    """Beside an SQLite database, so that what the console showed can be looked up after a crash."""
    url = db.parsed(settings.database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    return Path(url.database).with_suffix(".messages.jsonl")


def system_actor(session: Session) -> Actor:
    """The account of what the service does by itself; made when it is first needed."""
    user = session.exec(select(User).where(User.username == SYSTEM)).first()
    if user is None:
        user = User(username=SYSTEM, name="surveillance", system=True, created_at=utc_now())
        session.add(user)
        session.flush()
    return Actor(user.id, user.name)


def user_actor(session: Session, username: str, account: str = "") -> Actor:
    """A member of staff who acts, behind a system account.

    Raises:
        NotFoundError: there is no such user.
        ForbiddenError: the user is disabled, or is the service's own account.
    """
    user = session.exec(select(User).where(User.username == username)).first()
    if user is None:
        raise NotFoundError(f"there is no user {username!r}; add one with 'surveillance user add'")
    if user.disabled_at is not None or user.system:
        raise ForbiddenError(f"user {username!r} may not sign in")
    return Actor(user.id, user.name, account)
