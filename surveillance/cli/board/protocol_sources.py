"""Sources of approved protocols that somebody has to look at again, as the board tells them."""

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType

from surveillance.cli import show
from surveillance.cli.context import Job
from surveillance.operations.protocols.reviews import Due


def told(job: Job, due: Sequence[Due]) -> list[RenderableType]:
    """A table, or nothing where nothing waits."""
    if not due:
        return []
    table = show.table("Sources of protocols to look at again", "Site", "Protocol", "Source", "Why", "Since", "Next")
    for each in due:
        site, source = job.work.site(each.site_id).code, each.review.source
        why = "the edition expired" if each.review.expired else "to be looked at again"
        show.add(
            table, site, each.protocol.key, f"{source.id}: {source.cited}", why, each.review.since, each.next_action
        )
    return [table, "A clinician says what was found with 'surveillance site look-again'."]


def data(job: Job, due: Sequence[Due]) -> list[dict[str, Any]]:
    return [
        {
            "site": job.work.site(each.site_id).code,
            "protocol": each.protocol.key,
            "source": each.review.source.id,
            "citation": each.review.source.cited,
            "since": each.review.since,
            "expired": each.review.expired,
        }
        for each in due
    ]
