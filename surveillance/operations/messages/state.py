"""Whether messages go out at all, and as the clinic worded them: what is paused, stopped, not live yet, not usable."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import col, select

from surveillance.core.plain import STEP
from surveillance.operations.messages import pauses
from surveillance.operations.wording import languages, site_wording
from surveillance.operations.work import Work
from surveillance.store.tables import DispatchPause, Sender, Site, SiteText, User


@dataclass(frozen=True, slots=True)
class Paused:
    """A pause, of a site or (None) of all, and who made it."""

    row: DispatchPause
    site: Site | None
    by: str


@dataclass(frozen=True, slots=True)
class OwnText:
    """An approved wording of a site that cannot be used any more, and why."""

    row: SiteText
    site: Site
    reasons: Sequence[str]

    @property
    def what(self) -> str:
        return STEP[self.row.step]


@dataclass(frozen=True, slots=True)
class State:
    """What keeps messages of some sites back. ``silent`` are sites that have not begun to send.

    ``unusable`` texts keep nothing back: the text that the service brings goes out instead. ``wordless`` are sites
    that have approved no language, so that nothing can be said. ``refused`` are senders of which some messages were
    refused or filtered; others go out.
    """

    paused: Sequence[Paused]
    stopped: Sequence[Sender]
    silent: Sequence[Site]
    unusable: Sequence[OwnText] = ()
    wordless: Sequence[Site] = ()
    refused: Sequence[Sender] = ()

    @property
    def goes_out(self) -> bool:
        return not (self.paused or self.stopped or self.silent or self.wordless)


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
    known = senders(work)
    stopped = [sender for sender in known if sender.stopped_at is not None]
    refused = [sender for sender in known if sender.alert_at is not None]
    unusable = [OwnText(each.row, site, each.reasons) for site in sites for each in site_wording.unusable(work, site)]
    wordless = [site for site in sites if not languages.usable(work, site)]
    return State(paused, stopped, silent, unusable, wordless, refused)


def senders(work: Work) -> list[Sender]:
    """The numbers and mailboxes that messages were sent from."""
    return list(work.session.exec(select(Sender).order_by(col(Sender.name))))
