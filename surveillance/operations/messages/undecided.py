"""Whether a patient's reminders wait: a result that may be a recurrence was signed and nothing follows from it yet."""

from surveillance.operations.work import Work
from surveillance.store.tables import Patient
from surveillance.store.visits import obligations


def result_undecided(work: Work, patient: Patient) -> bool:
    """Nobody is told that an examination is due while somebody has to decide what the last one means (design 5)."""
    return obligations.undecided(work.session, patient.id)
