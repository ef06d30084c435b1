"""Keeping the gaps of patients (``core.people.care_gaps``) as the facts make them, wherever such a fact changes."""

from collections.abc import Sequence
from uuid import UUID

from surveillance.operations.work import Work
from surveillance.store.messages.reminders import lock_patient
from surveillance.store.registry import care_gaps as store
from surveillance.store.tables import Patient


def refresh(work: Work, *patient_ids: UUID) -> None:
    """After a change of plans, contacts, consents or a number: what do these patients lack now?

    Of two changes to one patient at the same time the second waits here, and then sees what the first has done.
    """
    work.session.flush()
    for patient_id in sorted(set(patient_ids)):
        lock_patient(work.session, patient_id)
    store.refresh(work.session, patient_ids)


def settle_of(work: Work, patient: Patient) -> None:
    """As ``settle``, of one whom the caller has locked, or whom nobody else can know yet."""
    work.session.flush()
    store.refresh(work.session, [patient.id])


def outdated(work: Work, site_id: UUID) -> Sequence[UUID]:
    """Patients of a site whose gaps are stored otherwise than the facts make them."""
    return store.outdated(work.session, store.of_site(site_id))
