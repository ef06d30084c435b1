"""What providers say of a phone number itself, and what a person finds out about it (facts: error codes).

A landline gets calls only. Nothing is sent to a number that is wrong until a person has verified it; one that did not
answer for hours is written to as before, and somebody looks into it. A message that arrives, or comes from there,
settles both.
"""

from typing import Any

from surveillance.operations.registry.consents import WRITERS, known_number
from surveillance.operations.work import Work, found
from surveillance.store.audit.events import picture
from surveillance.store.registry import patients
from surveillance.store.tables import Number

_PICTURE = ("landline", "wrong", "trouble_at", "trouble_why")


def is_landline(work: Work, phone: str, why: str) -> None:
    """The network says so: no SMS goes there any more."""
    row = known_number(work, phone)
    before = picture(row, _PICTURE)
    row.landline, row.wrong, row.trouble_at, row.trouble_why = True, False, None, ""
    _keep(work, row, "number.landline", before, why)


def in_trouble(work: Work, phone: str, why: str, *, wrong: bool) -> None:
    """Messages to it failed for good: it becomes work on the board, since the first time."""
    row = known_number(work, phone)
    before = picture(row, _PICTURE)
    row.wrong, row.trouble_at, row.trouble_why = row.wrong or wrong, row.trouble_at or work.now, why
    _keep(work, row, "number.trouble", before, why)


def answered(work: Work, phone: str, how: str = "a message arrived") -> None:
    """A message arrived there, or came from there: so nothing is wrong with it."""
    row = patients.number(work.session, phone)
    if row is not None and (row.trouble_at is not None or row.landline):
        before = picture(row, _PICTURE)
        row.landline, row.wrong, row.trouble_at, row.trouble_why = False, False, None, ""
        _keep(work, row, "number.answered", before, how)


def verified(work: Work, phone: str, how: str) -> None:
    """A person found out that the number is right: it may be written to again.

    Raises:
        NotFoundError: nothing is known to be wrong with it.
        ForbiddenError: the actor works at none of the sites where somebody has the number.
    """
    sites = [contact.site_id for contact in patients.holders(work.session, phone)]
    if sites and not any(work.allows(site_id, *WRITERS) for site_id in sites):
        work.require(sites[0], *WRITERS)
    known = patients.number(work.session, phone)
    row = found(known if known and known.trouble_at else None, "number in trouble", phone)
    before = picture(row, _PICTURE)
    row.wrong, row.trouble_at, row.trouble_why = False, None, ""
    _keep(work, row, "number.verified", before, how)


def _keep(work: Work, row: Number, action: str, before: dict[str, Any], why: str) -> None:
    """One event for each patient who is reached there; the number itself stands in none of them."""
    work.session.flush()
    after = picture(row, _PICTURE)
    if before == after:
        return
    for patient_id, site_id in {
        each.patient_id: each.site_id for each in patients.holders(work.session, row.phone)
    }.items():
        work.audit(action, row, site_id=site_id, patient_id=patient_id, before=before, after=after, reason=why)
