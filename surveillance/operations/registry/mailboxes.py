"""Mailboxes that mail comes back from: nothing is sent there until the address is changed or agreed to anew."""

from surveillance.core.words import Channel
from surveillance.operations.registry import care_gaps
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.messages import reminders as store

_PICTURE = ("email_failed_at", "email_failed_why")


def came_back(work: Work, address: str, why: str) -> None:
    """It holds for everybody who has the mailbox, at whatever site; the first time is kept."""
    for contact in store.contacts_with(work.session, Channel.EMAIL, address):
        if contact.email_failed_at is not None:
            continue
        before = picture(contact, _PICTURE)
        contact.email_failed_at, contact.email_failed_why = work.now, why
        work.session.flush()
        work.audit("contact.bounce", contact, before=before, after=picture(contact, _PICTURE), reason=why)
        care_gaps.refresh(work, contact.patient_id)
