"""Finding out what became of messages of which nobody knows whether they went out (design section 4 rule 7)."""

from collections import Counter
from uuid import UUID

import structlog

from surveillance.core.texts.links import without_secrets
from surveillance.core.words import AttemptState
from surveillance.operations.dispatch import provider_results
from surveillance.operations.job_context import JobContext
from surveillance.operations.work import Work
from surveillance.providers.base import DeliveryError, Failure, Listed, Transport
from surveillance.store import db
from surveillance.store.messages import claims
from surveillance.store.messages import reminders as store
from surveillance.store.tables import Attempt

log = structlog.get_logger(__name__)

AT_ONCE = 50  # attempts looked for in one pass
_REDACTED = "the provider hides the texts of messages, so that this one cannot be told from others"
_NOT_FOUND = "the provider does not know it: it was never sent"


def resolve_doubt(context: JobContext) -> Counter[str]:
    """One pass: give expired claims back, and look for every attempt that should have been answered by now."""
    done: Counter[str] = Counter()
    with db.reading(context.engine) as session:
        now = context.clock()
        ids = store.unsettled(session, now, AT_ONCE)
        expired = claims.any_expired(session, now)
    if expired:
        with db.writing(context.engine) as session:
            done["released"] += claims.release_expired(session, context.clock())
    for attempt_id in ids:
        done[_look_for(context, attempt_id)] += 1
    return done


def _look_for(context: JobContext, attempt_id: UUID) -> str:
    with db.writing(context.engine) as session:
        work = context.work(session)
        pair = provider_results.locked(work, attempt_id)
        attempt = pair[0]
        if attempt.finished_at is not None:
            return "settled"  # a callback or another worker was quicker
        if attempt.state is AttemptState.IN_FLIGHT:
            provider_results.in_doubt(work, pair)
    transport = context.transports.get(attempt.channel)
    try:
        listed = _list(transport, attempt)
    except DeliveryError as error:
        return _conclude(context, attempt_id, [], error.text)
    return _conclude(context, attempt_id, listed, "")


def _list(transport: Transport | None, attempt: Attempt) -> list[Listed]:
    """What the provider knows of this number since then.

    Raises:
        DeliveryError: it cannot tell, or it is not the provider that the message was given to.
    """
    if transport is None or transport.name != attempt.transport:
        why = f"it was given to {attempt.transport}, which is not set up now"
        raise DeliveryError(Failure.AMBIGUOUS, "other_provider", why)
    return transport.find(attempt.to_address, attempt.created_at)


def _conclude(context: JobContext, attempt_id: UUID, listed: list[Listed], trouble: str) -> str:
    """Adopt what was found; after ten minutes an absent one is decided again, and where nobody can tell a person asks.

    Until then a callback may still say it. ``trouble`` says why the list is no proof.
    """
    with db.writing(context.engine) as session:
        work = context.work(session)
        pair = provider_results.locked(work, attempt_id)
        attempt = pair[0]
        if attempt.finished_at is not None:
            return "settled"
        strangers = _strangers(work, listed)
        own = next(
            (each for each in strangers if not each.redacted and without_secrets(each.body) == attempt.body), None
        )
        if own is not None:
            provider_results.adopt(work, pair, own.provider_id)
            provider_results.progress(work, pair, own.status, own.error_code)
            return "adopted"
        if work.now < attempt.created_at + context.limits.give_up:
            return "looked_for"
        if trouble or any(message.redacted for message in strangers):
            provider_results.to_person(work, pair, trouble or _REDACTED)
            log.error("a message stays in doubt", attempt=str(attempt_id), why=trouble or _REDACTED)
            return "tasks"
        provider_results.absent(work, pair, _NOT_FOUND)
        return "absent"


def _strangers(work: Work, listed: list[Listed]) -> list[Listed]:
    """What belongs to no attempt yet, the oldest first."""
    taken = store.known_provider_ids(work.session, [message.provider_id for message in listed])
    return [message for message in reversed(listed) if message.provider_id not in taken]
