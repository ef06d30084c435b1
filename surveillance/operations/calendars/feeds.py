"""Calendar addresses: making, revoking and resolving them. What they show stands in ``feed_contents``.

An address is all that a calendar program can offer as proof, so it holds 192 random bits; only its SHA-256 is
stored, and it can be revoked (facts: calendar, "Address").
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from sqlmodel import Session, col, select

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError
from surveillance.core.texts import message_book
from surveillance.core.words import Privacy, Role
from surveillance.operations.work import Work, of_digits
from surveillance.store.audit.events import picture
from surveillance.store.calendars import feeds as store
from surveillance.store.registry import patients
from surveillance.store.tables import Contact, Feed, FeedKind, Membership, Patient, PatientPage, Site, User

MAKERS = (Role.COORDINATOR, Role.CLINICIAN, Role.ADMIN)
SECRET_BYTES = 24  # written as hexadecimal digits, which no program breaks or takes for an option
GOOGLE = "https://calendar.google.com/calendar/r/settings/addbyurl"


@dataclass(frozen=True, slots=True)
class NewFeed:
    """Whose visits: those of a patient, of a coordinator's patients at a site, or of the whole site.

    Without ``language`` and ``privacy`` the reader's language and the site's level are taken; staff feeds are
    neutral unless asked for. ``page_id`` is the patient's own page that it is made on, if it is.
    """

    site: Site
    patient: Patient | None = None
    user: User | None = None
    label: str = ""
    language: str | None = None
    privacy: Privacy | None = None
    page_id: UUID | None = None

    @property
    def kind(self) -> FeedKind:
        if self.patient is not None:
            return FeedKind.PATIENT
        return FeedKind.SITE if self.user is None else FeedKind.COORDINATOR


@dataclass(frozen=True, slots=True)
class Links:
    """One address as calendar programs want it."""

    https: str
    webcal: str  # Apple Calendar, Outlook and Thunderbird subscribe when it is opened
    google: str  # Google's page "From URL", where the https address is pasted


def create(work: Work, new: NewFeed) -> tuple[Feed, str]:
    """A new address and its secret, which is shown this once and stored nowhere.

    Raises:
        InvalidInputError: both a patient and a user, or messages in none of the languages.
        ConflictError: the patient has died.
        ForbiddenError: the user does not work at the site, or is disabled.
    """
    work.require(new.site.id, *MAKERS)
    _check_reader(work, new)
    secret = secrets.token_hex(SECRET_BYTES)
    neutral_staff = Privacy.NEUTRAL if new.patient is None else new.site.privacy
    feed = Feed(
        site_id=new.site.id,
        kind=new.kind,
        secret_hash=hashed(secret),
        patient_id=new.patient.id if new.patient else None,
        user_id=new.user.id if new.user else None,
        page_id=new.page_id,
        label=new.label,
        language=_language(work, new),
        privacy=new.privacy or neutral_staff,
        created_at=work.now,
        created_by=work.actor.user_id,
    )
    work.session.add(feed)
    work.session.flush()
    work.audit("feed.create", feed, after=_picture(feed))
    return feed, secret


def _check_reader(work: Work, new: NewFeed) -> None:
    if new.patient is not None and new.user is not None:
        raise InvalidInputError("a feed is for a patient, for a user or for a site: name one of them")
    if new.patient is not None and new.patient.site_id != new.site.id:
        raise InvalidInputError(f"patient {new.patient.mrn} is not at {new.site.code}")
    if new.patient is not None and new.patient.died_on is not None:
        raise ConflictError(f"patient {new.patient.mrn} died on {new.patient.died_on}; the feed would be closed")
    if new.user is not None and (new.user.disabled_at or not _works_at(work.session, new.user.id, new.site.id)):
        raise ForbiddenError(f"user {new.user.username!r} is disabled or has no role at {new.site.code}")


def _language(work: Work, new: NewFeed) -> str:
    """A language that there are texts in: the wanted one, else the patient's own, else the site's first."""
    wanted = new.language
    if wanted is None and new.patient is not None:
        own = (contact.language for contact in patients.contacts(work.session, new.patient.id))
        wanted = next((language for language in own if language), None)
    available = sorted(work.catalogue.messages)
    choice = message_book.choose_language(wanted or new.site.languages[0], available, new.site.languages)
    if new.language is not None and choice.fell_back:
        raise InvalidInputError(f"there are no texts in {new.language!r}; there are {', '.join(available)}")
    return choice.language


def revoke(work: Work, feed: Feed, reason: str = "") -> None:
    """Close an address for good: it answers 410 from now on. Revoking twice changes nothing."""
    work.require(feed.site_id, *MAKERS)
    if feed.revoked_at is not None:
        return
    feed.revoked_at = work.now
    work.session.flush()
    work.audit("feed.revoke", feed, before={"revoked_at": None}, after=_picture(feed, "revoked_at"), reason=reason)


def revoke_of_contact(work: Work, contact: Contact, reason: str) -> None:
    """Close the addresses that a contact made on the patient's own page."""
    statement = select(Feed).join(PatientPage, col(PatientPage.id) == col(Feed.page_id))
    statement = statement.where(PatientPage.contact_id == contact.id, col(Feed.revoked_at).is_(None))
    for feed in work.session.exec(statement.order_by(col(Feed.created_at), col(Feed.id))).all():
        revoke(work, feed, reason)


def rotate(work: Work, feed: Feed, reason: str = "") -> tuple[Feed, str]:
    """A new address for the same reader; the old one closes at once.

    Raises:
        ConflictError: the address is revoked already.
        InvalidInputError, ForbiddenError: as ``create``.
    """
    if feed.revoked_at is not None:
        raise ConflictError("this feed is revoked; create a new one")
    revoke(work, feed, reason or "a new address replaces it")
    session = work.session
    new = NewFeed(
        site=work.site(feed.site_id),
        patient=session.get(Patient, feed.patient_id) if feed.patient_id else None,
        user=session.get(User, feed.user_id) if feed.user_id else None,
        label=feed.label,
        language=feed.language,
        privacy=feed.privacy,
        page_id=feed.page_id,
    )
    return create(work, new)


def listed(work: Work, site_ids: Sequence[UUID]) -> list[Feed]:
    """The feeds of sites, revoked ones too, oldest first."""
    return store.of_sites(work.session, site_ids)


def feed_named(work: Work, site_ids: Sequence[UUID], prefix: str) -> Feed:
    """A feed by the first digits of its id. Raises NotFoundError, or ConflictError if several begin so."""
    return of_digits(listed(work, site_ids), prefix, "feed", "feeds")


def resolve(session: Session, secret: str) -> Feed | None:
    """The feed of a secret, closed ones too; None for a secret that never was one."""
    return store.by_hash(session, hashed(secret))


def is_closed(session: Session, feed: Feed) -> bool:
    """Revoked, or its reader has died, or may no longer see the site's patients. A retracted death opens it again."""
    if feed.revoked_at is not None:
        return True
    if feed.patient_id is not None:
        patient = session.get(Patient, feed.patient_id)
        return patient is None or patient.died_on is not None
    if feed.user_id is not None:
        user = session.get(User, feed.user_id)
        return user is None or user.disabled_at is not None or not _works_at(session, user.id, feed.site_id)
    return False


def _works_at(session: Session, user_id: UUID, site_id: UUID) -> bool:
    return session.get(Membership, (user_id, site_id)) is not None


def hashed(secret: str) -> str:
    """What is stored of a secret. A random one of 192 bits needs no salt and no slow hash."""
    return sha256(secret.encode()).hexdigest()


def links(public_url: str, secret: str) -> Links:
    """The address of a feed, ``public_url`` being where this service is reached."""
    https = f"{public_url}/calendar/{secret}.ics"
    # Google's undocumented "?cid=" takes an address too, but often stores an empty calendar, whatever the scheme.
    return Links(https, f"webcal:{https.partition(':')[2]}", GOOGLE)


def _picture(feed: Feed, *fields: str) -> dict[str, object]:
    told = ("kind", "patient_id", "user_id", "label", "language", "privacy")
    return picture(feed, fields or told)
