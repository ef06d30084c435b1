"""A site's own wording: drafted by staff, approved by a named clinician or administrator, withdrawn at any time.

The newest approved wording that is not withdrawn is used. One that the texts of a later version of the service make
unusable gives way to the text that the service brings, and staff are told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from sqlmodel import col, func, select

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.texts.message_book import MessageBook, Template
from surveillance.core.texts.wording import Remark, refusals, varied, with_texts
from surveillance.core.words import Channel, Privacy, Role, Step
from surveillance.operations.registry.consents import WRITERS
from surveillance.operations.wording.samples import details_of
from surveillance.operations.work import Work, found
from surveillance.store.audit.events import picture
from surveillance.store.tables import Reminder, Site, SiteText

SIGNERS: Final = (Role.CLINICIAN, Role.ADMIN)
MONTH: Final = timedelta(days=30)
_TEXT: Final = ("language", "step", "privacy", "sms", "subject", "body")


@dataclass(frozen=True, slots=True)
class Which:
    """One text of a site."""

    language: str
    step: Step
    privacy: Privacy


@dataclass(frozen=True, slots=True)
class Unusable:
    """An approved wording that cannot be used with the texts as they are now, and why."""

    row: SiteText
    reasons: Sequence[str]


# -- what is used ----------------------------------------------------------------------------------------------


def books_of(work: Work, site: Site) -> Mapping[str, MessageBook]:
    """The books of all languages with the site's own wording put in, wherever that can be used."""
    return work.kept("books", site.id, lambda: _books(work, site))


def _books(work: Work, site: Site) -> Mapping[str, MessageBook]:
    books = dict(work.catalogue.messages)
    broken = {each.row.id for each in unusable(work, site)}
    own: dict[str, dict[tuple[Step, Privacy], Template]] = {}
    for which, row in standing(work, site).items():
        if row.id not in broken:
            own.setdefault(which.language, {})[which.step, which.privacy] = template_of(row)
    return MappingProxyType(books | {language: with_texts(books[language], texts) for language, texts in own.items()})


def standing(work: Work, site: Site) -> Mapping[Which, SiteText]:
    """The site's own texts that are approved and not withdrawn, the newest of each."""
    return work.kept("own texts", site.id, lambda: _standing(work, site))


def _standing(work: Work, site: Site) -> Mapping[Which, SiteText]:
    statement = select(SiteText).where(SiteText.site_id == site.id, col(SiteText.approved_at).is_not(None))
    statement = statement.where(col(SiteText.withdrawn_at).is_(None))
    rows = work.session.exec(statement.order_by(col(SiteText.approved_at), col(SiteText.id)))
    return MappingProxyType({which_of(row): row for row in rows})


def unusable(work: Work, site: Site) -> list[Unusable]:
    """The approved texts that are not used, since they break a rule now: a placeholder went, a word was forbidden."""
    return work.kept("unusable texts", site.id, lambda: list(_unusable(work, site)))


def _unusable(work: Work, site: Site) -> Iterator[Unusable]:
    for which, row in standing(work, site).items():
        if which.language not in work.catalogue.messages:
            yield Unusable(row, ["the service brings no texts in this language any more"])
        elif which.step not in work.catalogue.messages[which.language].steps:
            yield Unusable(row, ["the service sends no such message any more"])
        elif remarks := refusals(
            work.catalogue.messages[which.language], which.step, which.privacy, template_of(row), [details_of(site)]
        ):
            yield Unusable(row, [str(remark) for remark in remarks])


def which_of(row: SiteText) -> Which:
    return Which(row.language, row.step, row.privacy)


def template_of(row: SiteText) -> Template:
    return Template(row.sms, row.subject, row.body)


def brought(work: Work, which: Which) -> Template:
    """The text that the service brings. Raises NotFoundError where there is none."""
    book = found(work.catalogue.messages.get(which.language), "language", which.language)
    return found(book.steps.get(which.step, {}).get(which.privacy), "text of a step", which.step)


def refused(work: Work, site: Site, which: Which, template: Template) -> list[Remark]:
    """Why the site cannot use a wording; nothing where it can."""
    brought(work, which)
    book = work.catalogue.messages[which.language]
    return refusals(book, which.step, which.privacy, template, varied(details_of(site)))


# -- drafts ----------------------------------------------------------------------------------------------------


def draft_of(work: Work, site: Site, which: Which) -> SiteText | None:
    """The wording that waits for approval."""
    open_rows = (row for row in history(work, site, which) if row.approved_at is None and row.withdrawn_at is None)
    return next(open_rows, None)


def history(work: Work, site: Site, which: Which) -> list[SiteText]:
    """All wordings that a text has had here, the newest first."""
    statement = select(SiteText).where(SiteText.site_id == site.id, SiteText.language == which.language)
    statement = statement.where(SiteText.step == which.step, SiteText.privacy == which.privacy)
    return list(work.session.exec(statement.order_by(col(SiteText.created_at).desc(), col(SiteText.id))))


def drafts(work: Work, site: Site) -> dict[Which, SiteText]:
    """All wordings of a site that wait for approval."""
    statement = select(SiteText).where(SiteText.site_id == site.id, col(SiteText.approved_at).is_(None))
    rows = work.session.exec(statement.where(col(SiteText.withdrawn_at).is_(None)).order_by(col(SiteText.created_at)))
    return {which_of(row): row for row in rows}


def draft(work: Work, site: Site, which: Which, template: Template) -> SiteText:
    """Keep a wording to be approved; a draft of the same text that waits already is changed.

    Raises:
        InvalidInputError: it breaks a rule, with every reason.
        ConflictError: it is what is used already.
        NotFoundError: the service has no such text.
    """
    work.require(site.id, *WRITERS)
    _check(work, site, which, template)
    if _stripped(template) == _stripped(books_of(work, site)[which.language].steps[which.step][which.privacy]):
        raise ConflictError("this is the text that is used already")
    row = draft_of(work, site, which)
    if row is not None:
        work.session.refresh(row, with_for_update=True)
    if row is None or row.approved_at is not None or row.withdrawn_at is not None:
        return _new_draft(work, site, which, template)
    before = picture(row, _TEXT)
    row.sms, row.subject, row.body = template.texts
    row.created_at, row.created_by = work.now, work.actor.user_id
    work.session.flush()
    work.audit("text.draft", row, before=before, after=picture(row, _TEXT))
    return row


def _stripped(template: Template) -> tuple[str, ...]:
    """What can be told apart by reading."""
    return tuple(text.strip() for text in template.texts)


def _check(work: Work, site: Site, which: Which, template: Template) -> None:
    if remarks := refused(work, site, which, template):
        raise InvalidInputError("; ".join(map(str, remarks)))


def _new_draft(work: Work, site: Site, which: Which, template: Template) -> SiteText:
    row = SiteText(
        site_id=site.id,
        language=which.language,
        step=which.step,
        privacy=which.privacy,
        sms=template.sms,
        subject=template.subject,
        body=template.body,
        created_at=work.now,
        created_by=work.actor.user_id,
    )
    work.session.add(row)
    work.session.flush()
    work.audit("text.draft", row, after=picture(row, _TEXT))
    return row


def discard(work: Work, row: SiteText) -> None:
    """A draft is not wanted any more; it stays in the history. Raises ConflictError where it is none."""
    work.require(row.site_id, *WRITERS)
    _lock_draft(work, row)
    row.withdrawn_at, row.withdrawn_by = work.now, work.actor.user_id
    work.session.flush()
    work.audit("text.discard", row, before=picture(row, _TEXT))


def _lock_draft(work: Work, row: SiteText) -> None:
    work.session.refresh(row, with_for_update=True)
    if row.withdrawn_at is not None:
        raise ConflictError("this wording was discarded or withdrawn")
    if row.approved_at is not None:
        raise ConflictError("this wording is approved already")


# -- approved and withdrawn ------------------------------------------------------------------------------------


def approve(work: Work, row: SiteText, read: Template) -> SiteText:
    """A clinician or administrator answers for a wording; messages say it from now on. ``read``: what they read.

    Raises:
        ForbiddenError: the actor is neither, or nobody by name.
        ConflictError: the draft was changed since it was read, or is none any more.
        InvalidInputError: it breaks a rule by now.
    """
    work.require_person(row.site_id, *SIGNERS)
    _lock_draft(work, row)
    if template_of(row) != read:
        raise ConflictError("somebody changed this wording since you read it; read it again")
    _check(work, work.site(row.site_id), which_of(row), template_of(row))
    row.approved_at, row.approved_by = work.now, work.actor.user_id
    work.session.flush()
    work.forget(row.site_id)
    work.audit("text.approve", row, after=picture(row, _TEXT))
    return row


def withdraw(work: Work, site: Site, which: Which) -> None:
    """Messages say again what the service brings; none of the site's earlier wordings comes back.

    Raises:
        ForbiddenError: the actor is no named clinician or administrator.
        ConflictError: the site has no wording of its own here.
    """
    work.require_person(site.id, *SIGNERS)
    rows = [row for row in history(work, site, which) if row.approved_at is not None and row.withdrawn_at is None]
    if not rows:
        raise ConflictError("this text has no wording of the clinic's own")
    for row in rows:
        row.withdrawn_at, row.withdrawn_by = work.now, work.actor.user_id
    work.session.flush()
    work.forget(site.id)
    newest = max(rows, key=lambda row: (row.approved_at or row.created_at, row.id))
    work.audit("text.withdraw", newest, before=picture(newest, _TEXT))


def sent_in_a_month(work: Work, site: Site, step: Step) -> int:
    """How many text messages of a step the site sent in the last 30 days, in all languages."""
    statement = select(func.count()).select_from(Reminder).where(Reminder.site_id == site.id, Reminder.step == step)
    statement = statement.where(Reminder.channel == Channel.SMS, col(Reminder.sent_at) > work.now - MONTH)
    return work.session.exec(statement).one()
