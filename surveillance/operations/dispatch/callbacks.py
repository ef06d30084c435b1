"""What a provider tells us of how far a message has come (design section 4 rule 9)."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from surveillance.core.messages.delivery import StatusCallback
from surveillance.operations.dispatch import provider_results
from surveillance.operations.work import Work
from surveillance.providers import twilio
from surveillance.store.messages import reminders as store
from surveillance.store.tables import Attempt, Callback


def is_signed(tokens: Sequence[str], url: str, form: Mapping[str, str], signature: str) -> bool:
    """Whether Twilio made this request: signed with one of ``tokens`` for this public address."""
    return twilio.verify(tokens, url, form, signature)


def read_status(form: Mapping[str, str]) -> StatusCallback | None:
    """The report in a status callback; None where it is none."""
    return twilio.parse_status_callback(form)


def status(work: Work, report: StatusCallback, attempt_id: UUID | None) -> bool:
    """Take one report, once, in whatever order it comes. True if it was new.

    ``attempt_id`` is from the callback's own address, so a report adopts the attempt whose answer was never heard.
    A report about a message that nobody knows yet is kept until somebody does.
    """
    code = str(report.error_code or "")
    kept = {"provider_id": report.provider_id, "status": report.status, "error_code": code, "received_at": work.now}
    if not store.add_if_missing(work.session, Callback, kept | {"applied": False}):
        return False
    pair = _pair(work, report.provider_id, attempt_id)
    if pair is None:
        return True
    row = work.session.get_one(Callback, (report.provider_id, report.status))
    row.attempt_id, row.applied = pair[0].id, True
    provider_results.adopt(work, pair, report.provider_id)
    if pair[0].provider_id == report.provider_id:
        provider_results.progress(work, pair, report.status, report.error_code)
    return True


def _pair(work: Work, provider_id: str, attempt_id: UUID | None) -> provider_results.Pair | None:
    """The attempt that a report is about: by the provider's id, else by the id in the callback's address."""
    known = store.attempt_by_provider(work.session, provider_id) or attempt_id
    if known is None or work.session.get(Attempt, known) is None:
        return None
    return provider_results.locked(work, known)
