"""Whether messages go out at all: what is paused, which sender is stopped, which clinic is not live yet."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import col, select

from surveillance.operations.dispatch import pauses
from surveillance.operations.work import Work
from surveillance.store.tables import DispatchPause, Sender, Site, User


@dataclass(frozen=True, slots=True)
class Paused:
    """A pause, of a site or (None) of all, and who made it."""

    row: DispatchPause
    site: Site | None
    by: str


@dataclass(frozen=True, slots=True)
class State:
    """What keeps messages of some sites back. ``silent`` are sites that have not begun to send."""

    paused: Sequence[Paused]
    stopped: Sequence[Sender]
    silent: Sequence[Site]

    @property
    def goes_out(self) -> bool:
        return not (self.paused or self.stopped or self.silent)


def state(work: Work, sites: Sequence[Site]) -> State:
    """What keeps messages of ``sites`` back."""
    by_scope: dict[str, Site | None] = {pauses.scope_of(site): site for site in sites}
    by_scope[pauses.scope_of(None)] = None
    paused = [
        Paused(row, by_scope[row.scope], work.session.get_one(User, row.user_id).name)
        for row in pauses.standing(work)
        if row.scope in by_scope
    ]
    silent = [site for site in sites if site.messages_from is None or site.messages_from > work.today(site)]
    return State(paused, [sender for sender in senders(work) if sender.stopped_at is not None], silent)


def senders(work: Work) -> list[Sender]:
    """The numbers and mailboxes that messages were sent from."""
    return list(work.session.exec(select(Sender).order_by(col(Sender.name))))
