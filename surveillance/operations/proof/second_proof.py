"""The second proof: the promise from outside, by code that was written without the planner and imports none of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlmodel import select

from surveillance.operations.board import worklist as board
from surveillance.operations.proof.violation import Violation
from surveillance.operations.work import Work
from surveillance.prover import promise
from surveillance.prover.promise import Proof
from surveillance.store.board import worklist as lists
from surveillance.store.board.worklist import Worklist
from surveillance.store.proof import rules as store
from surveillance.store.tables import Site

OVERDUE: Final = Worklist.OVERDUE
RULE: Final = "both provers agree"
MEND: Final = (
    "look at the patient and see that what is due has a day; then run 'tick', and if it stays, report it as a fault "
    "of this service"
)


@dataclass
class Told:
    """What was proved: how many patients, plans and far (put off beyond a year), who signed that, who is overdue."""

    counts: Counter[str] = field(default_factory=Counter)
    signed: set[str] = field(default_factory=set)
    overdue: set[UUID] = field(default_factory=set)


def of_patients(work: Work, ids: Sequence[UUID], told: Told | None = None) -> Iterator[Violation]:
    """What the second prover finds about some patients. One whose facts it cannot read is a finding, too."""
    try:
        proof = promise.prove(work.session.connection(), ids, work.now)
    except Exception as error:  # noqa: BLE001  # whatever is wrong with a row, it is this patient's
        if len(ids) == 1:
            yield _unreadable(work, ids[0], error)
            return
        for each in ids:  # one bad row must not hide what there is about all others
            yield from of_patients(work, [each], told)
        return
    if told is not None:
        told.counts += proof.counts
        told.signed |= proof.signed
        told.overdue |= proof.overdue
    yield from _violations(proof)


def _violations(proof: Proof) -> Iterator[Violation]:
    for site, mrn, about, what in proof.differences:
        yield Violation(RULE, site, f"MRN {mrn}", f"{about}: {what}", MEND)


def of_board(work: Work, told: Told) -> Iterator[Violation]:
    """Whoever is overdue is on the board's list of the overdue, and nobody else.

    Where the two differ it is proved again: ``told`` may have been gathered while people worked.
    """
    shown = {
        each for scope in board.scopes(work, _sites(work)) for each in lists.patients(work.session, OVERDUE, scope)
    }
    doubtful, now = sorted(told.overdue ^ shown), Told()
    if doubtful:
        list(of_patients(work, doubtful, now))
    for each in doubtful:
        if (each in now.overdue) != (each in shown):
            yield _violation(
                work, each, "overdue: on the board and not so" if each in shown else "overdue: not on the board"
            )


def _sites(work: Work) -> list[UUID]:
    return list(work.session.exec(select(Site.id)))


def _violation(work: Work, patient_id: UUID, what: str) -> Violation:
    site_id, mrn = store.named(work.session, patient_id)
    return Violation(RULE, work.site(site_id).code, f"MRN {mrn}", what, MEND)


def _unreadable(work: Work, patient_id: UUID, error: Exception) -> Violation:
    return _violation(work, patient_id, f"the facts cannot be read ({type(error).__name__}: {error})")
