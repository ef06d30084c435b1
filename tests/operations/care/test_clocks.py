"""The anchor is the day that the protocol counts from: it is asked for by its name, and never changes its meaning."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import pytest
from approving import approved
from clinic import ANCHOR, DAY, PROTOCOL, TODAY, Clinic

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.protocols.clocks import BEGINNINGS, CLOCKS, HINTS, Clock
from surveillance.operations.care import enrolment, migration
from surveillance.operations.record.explanation import explain
from surveillance.operations.work import Work

CHEMO = "from-chemotherapy@1.0"
LATER = f"{PROTOCOL}@2099.1"  # the same protocol, by another clock


@contextmanager
def at_work(clinic: Clinic) -> Iterator[Work]:
    """The clinician, where a protocol from the end of chemotherapy is approved beside the others."""
    with clinic.work(clinic.helen) as work:
        model = work.catalogue.protocols[f"{PROTOCOL}@2026.2"]
        chemo = replace(model, id="from-chemotherapy", version="1.0", clock=Clock.END_OF_CHEMOTHERAPY)
        later = replace(model, version="2099.1", clock=Clock.SURGERY)
        known = {**work.catalogue.protocols, chemo.key: chemo, later.key: later}
        work.catalogue = replace(work.catalogue, protocols=known)
        for key in (CHEMO, LATER):
            approved(work, clinic.site(work), key)
        yield work


def test_every_clock_can_be_said() -> None:
    assert set(CLOCKS) == set(BEGINNINGS) == set(HINTS) == set(Clock)


def test_why_something_is_due_begins_with_what_the_days_count_from(clinic: Clinic) -> None:
    with at_work(clinic) as work:
        patient, _ = clinic.enrolled(work, protocol=CHEMO)
        (found,) = explain(work, patient, "mri_primary")
        assert found.sentences[0].startswith(f"Chemotherapy ended on {ANCHOR} (the anchor); 3 months later is ")


def test_a_plan_does_not_go_on_by_a_protocol_that_counts_from_something_else(clinic: Clinic) -> None:
    with at_work(clinic) as work:
        _, plan = clinic.enrolled(work, protocol=f"{PROTOCOL}@2026.2")
        new = enrolment.NewTerms(TODAY, "another opinion", CHEMO)
        for door in (enrolment.preview_terms, enrolment.change_terms):
            with pytest.raises(ConflictError, match=r"from the end of chemotherapy, .* from the end of treatment"):
                door(work, plan, new)


def test_a_restart_may_count_from_an_earlier_day_only_by_another_clock(clinic: Clinic) -> None:
    with at_work(clinic) as work:
        patient, plan = clinic.enrolled(work, protocol=f"{PROTOCOL}@2026.2")
        before = ANCHOR - 20 * DAY
        with pytest.raises(InvalidInputError, match="a new anchor lies after the old one"):
            enrolment.restart(work, patient, enrolment.Enrolment(f"{PROTOCOL}@2026.2", before, reason="wrong"))
        again = enrolment.restart(work, patient, enrolment.Enrolment(CHEMO, before, reason="counts from chemotherapy"))
        assert (again.anchor, again.previous_id, plan.ended_on) == (before, plan.id, TODAY)


def test_nobody_is_moved_in_bulk_to_a_version_that_counts_from_something_else(clinic: Clinic) -> None:
    with at_work(clinic) as work, pytest.raises(InvalidInputError, match="decided patient by patient"):
        migration.migration(work, clinic.site(work), f"{PROTOCOL}@2026.2", LATER, date(2026, 12, 1))
