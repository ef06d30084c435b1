"""The languages in which a site writes: each is approved by somebody who read all its texts (section 4 rule 11).

A language whose texts change later stays in use, and whoever approves texts is told to look again: an upgrade must
not silence a clinic.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlmodel import col, func, select

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.languages import candidates
from surveillance.core.texts.message_book import Choice, choose_language
from surveillance.core.texts.wording import digest
from surveillance.operations.wording.site_wording import SIGNERS, books_of
from surveillance.operations.work import Work, found
from surveillance.store.audit.events import picture
from surveillance.store.tables import Contact, LanguageApproval, Patient, Site, User

BEFORE: Final = ""  # the digest of an approval from before it was recorded what was read


@dataclass(frozen=True, slots=True)
class Standing:
    """A language at a site. ``changed``: its texts are not the approved ones any more; ``spoken_by``: patients."""

    language: str
    approval: LanguageApproval | None
    by: str
    used: bool
    changed: bool
    spoken_by: int

    @property
    def unread(self) -> bool:
        """Whether it is in use from before anybody's approval was recorded."""
        return self.approval is not None and self.approval.digest == BEFORE


# -- what may be sent ------------------------------------------------------------------------------------------


def usable(work: Work, site: Site) -> Sequence[str]:
    """The languages in which the site may write: its own, in order, that are approved and have texts."""
    approved = work.kept("approved languages", site.id, lambda: frozenset(_approvals(work, site)))
    return [each for each in site.languages if each in approved and each in work.catalogue.messages]


def choose(work: Work, site: Site, wanted: str | None) -> Choice:
    """The language in which somebody is written to who wants ``wanted`` (None: the site's first).

    Raises:
        InvalidInputError: the site has approved none of its languages.
    """
    return choose_language(wanted or next(iter(site.languages), ""), usable(work, site), site.languages)


def _approvals(work: Work, site: Site) -> dict[str, LanguageApproval]:
    rows = work.session.exec(select(LanguageApproval).where(LanguageApproval.site_id == site.id))
    return {row.language: row for row in rows}


def fingerprint(work: Work, site: Site, language: str) -> str:
    """Of all texts of a language as they stand at the site. Raises NotFoundError where there are none."""
    return digest(found(books_of(work, site).get(language), "language with texts", language))


# -- what staff see --------------------------------------------------------------------------------------------


def listed(work: Work, site: Site) -> list[Standing]:
    """Every language that the service has texts in or the site writes in; the site's own first, in order."""
    approvals, speakers = _approvals(work, site), _speakers(work, site)
    every = dict.fromkeys([*site.languages, *sorted(work.catalogue.messages)])
    return [_standing(work, site, language, approvals.get(language), speakers) for language in every]


def standing(work: Work, site: Site, language: str) -> Standing:
    """One language. Raises NotFoundError where there are no texts in it."""
    fingerprint(work, site, language)
    return _standing(work, site, language, _approvals(work, site).get(language), _speakers(work, site))


def _standing(
    work: Work, site: Site, language: str, approval: LanguageApproval | None, speakers: dict[str, int]
) -> Standing:
    book = books_of(work, site).get(language)
    user = work.session.get(User, approval.approved_by) if approval else None
    changed = approval is not None and (book is None or digest(book) != approval.digest)
    spoken = sum(count for tag, count in speakers.items() if language in candidates(tag))
    return Standing(language, approval, user.name if user else "", language in usable(work, site), changed, spoken)


def changed(work: Work, site: Site) -> list[Standing]:
    """The languages in use whose texts are not those that were approved: to look at again."""
    approvals = _approvals(work, site)
    rows = [_standing(work, site, each, approvals.get(each), {}) for each in usable(work, site)]
    return [row for row in rows if row.changed]


def _speakers(work: Work, site: Site) -> dict[str, int]:
    """Living patients by the language of a contact of theirs; who names none speaks the site's first."""
    count = func.count(func.distinct(Contact.patient_id))
    statement = select(Contact.language, count).join(Patient, col(Patient.id) == Contact.patient_id)
    statement = statement.where(Contact.site_id == site.id, col(Contact.removed_at).is_(None))
    statement = statement.where(col(Patient.died_on).is_(None)).group_by(col(Contact.language))
    found: dict[str, int] = {}
    for tag, number in work.session.exec(statement):
        spoken = tag or next(iter(site.languages), "")
        found[spoken] = found.get(spoken, 0) + number
    return found


def not_spoken(work: Work, site: Site) -> dict[str, int]:
    """Languages in which patients want to be written to and the site does not write, with how many they are."""
    usual = usable(work, site)
    return {tag: count for tag, count in sorted(_speakers(work, site).items()) if not set(candidates(tag)) & set(usual)}


# -- what a person decides -------------------------------------------------------------------------------------


def approve(work: Work, site: Site, language: str, read: str | None = None) -> LanguageApproval:
    """A clinician or administrator has read all texts of a language; the site writes in it from now on.

    ``read``: the fingerprint of what was read, if a page showed it.

    Raises:
        ForbiddenError: the actor is neither, or nobody by name.
        NotFoundError: there are no texts in that language.
        ConflictError: the texts have changed since they were read.
    """
    work.require_person(site.id, *SIGNERS)
    if read is not None and read != fingerprint(work, site, language):
        raise ConflictError("the texts have changed since you read them; read them again")
    return sign(work, site, language)


def sign(work: Work, site: Site, language: str) -> LanguageApproval:
    """As ``approve``, for an operation that has asked who acts: whoever sets a site up names its languages."""
    row = work.session.get(LanguageApproval, (site.id, language))
    values: dict[str, Any] = {
        "digest": fingerprint(work, site, language),
        "approved_at": work.now,
        "approved_by": work.actor.user_id,
    }
    before = picture(row) if row else None
    if row is None:
        row = LanguageApproval(site_id=site.id, language=language, **values)
        work.session.add(row)
    else:
        row.sqlmodel_update(values)
    if language not in site.languages:
        site.languages = [*site.languages, language]
    work.session.flush()
    work.forget(site.id)
    work.audit("language.approve", row, before=before, after=picture(row))
    return row


def withdraw(work: Work, site: Site, language: str) -> int:
    """The site does not write in a language any more. Returns how many patients speak it: who is written to otherwise.

    Raises:
        ForbiddenError: the actor is no named clinician or administrator.
        ConflictError: it is the only one, or none of the site's.
    """
    work.require_person(site.id, *SIGNERS)
    if language not in site.languages:
        raise ConflictError(f"{site.code} does not write in {language!r}")
    if not set(usable(work, site)) - {language}:
        raise ConflictError(f"{language!r} is the only language in which {site.code} writes; approve another one first")
    speakers = _speakers(work, site)
    site.languages = [each for each in site.languages if each != language]
    take_back(work, site, language)
    return sum(count for tag, count in speakers.items() if language in candidates(tag))


def take_back(work: Work, site: Site, language: str) -> None:
    """The approval itself goes; as ``sign``, for an operation that has asked who acts."""
    row = work.session.get(LanguageApproval, (site.id, language))
    if row is not None:
        before = picture(row)
        work.session.delete(row)
        work.session.flush()
        work.audit("language.withdraw", row, site_id=site.id, before=before)
    work.forget(site.id)


def follow(work: Work, site: Site, before: Iterable[str]) -> None:
    """The languages of a site were set: whoever did it has approved the new ones."""
    had = set(before)
    for language in site.languages:
        if language not in had:
            sign(work, site, language)
    for language in had - set(site.languages):
        take_back(work, site, language)


def check_known(work: Work, language: str) -> None:
    """Raises InvalidInputError that names the languages there are."""
    if language not in work.catalogue.messages:
        known = ", ".join(sorted(work.catalogue.messages))
        raise InvalidInputError(f"there are no texts in {language!r}; there are {known}")
