"""Emails that came back: each goes on by the next channel, and nothing more is sent to a mailbox that is none."""

from surveillance.core.errors import NotFoundError
from surveillance.core.words import Channel
from surveillance.operations.dispatch import provider_results
from surveillance.operations.work import Work
from surveillance.providers import smtp_bounces
from surveillance.providers.smtp_bounces import Bounce
from surveillance.store.tables import Attempt


def read(raw: bytes, recipient: str = "") -> Bounce:
    """What a mail reports. Raises InvalidInputError where it is no report of a delivery."""
    return smtp_bounces.read(raw, recipient)


def take(work: Work, bounce: Bounce) -> str:
    """Act on one report, once; what came of it in words.

    Raises:
        NotFoundError: it is about no email that was sent from here.
    """
    attempt = work.session.get(Attempt, bounce.attempt_id) if bounce.attempt_id else None
    if attempt is None or attempt.channel is not Channel.EMAIL:
        raise NotFoundError("it is about no email that was sent from here")
    if not bounce.failed:
        return f"nothing to do: {bounce.action or 'no action'} {bounce.status}".rstrip()
    pair = provider_results.locked(work, attempt.id)
    error = bounce.error()
    if not provider_results.came_back(work, pair, error):
        return "it was known already"
    if bounce.said:
        pair[0].error_text = f"{error.text}: {bounce.said}"
    return f"message {pair[1].id.hex[:8]} did not arrive: {error.text}; now it is {pair[1].state}"
