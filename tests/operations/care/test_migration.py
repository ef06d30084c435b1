"""Patients move from one version of a protocol to another: seen before, plan by plan, resumable, by a clinician."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from approving import approved
from clinic import ANCHOR, DAY, MRI, PROTOCOL, TODAY, Clinic, change, events, findings, rows, sound
from clinic import catalogue as shipped

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.schedule.examinations import FindingKind, Key
from surveillance.operations.care import enrolment, migration
from surveillance.operations.work import Work
from surveillance.store.planning import plans as store
from surveillance.store.tables import Patient, Plan

OLD, NEW = f"{PROTOCOL}@2026.2", f"{PROTOCOL}@2027.1"
SINCE = TODAY + DAY


def newer(old: Protocol) -> Protocol:
    """The first three years by four months alone, and no chest imaging any more."""
    mri, *others = old.items
    first, *later = mri.phases
    phases = (replace(first, min=4, max=4, default=4), *later)
    kept = [item for item in others if item.code != "chest_imaging"]
    return replace(old, version="2027.1", items=(replace(mri, phases=phases), *kept))


@contextmanager
def at_work(clinic: Clinic) -> Iterator[Work]:
    """The clinician, where the newer version stands among the files and is approved."""
    with clinic.work(clinic.helen) as work:
        found = shipped()
        work.catalogue = replace(found, protocols={**found.protocols, NEW: newer(found.protocols[OLD])})
        approved(work, clinic.site(work), NEW)
        yield work


def enrolled(clinic: Clinic, work: Work, mrn: str = "001", **options: Any) -> tuple[Patient, Plan]:
    return clinic.enrolled(work, mrn, protocol=OLD, **options)


def version(work: Work, plan: Plan) -> str:
    return store.terms_in_force(work.session, plan.id)[-1].protocol_key


def test_a_migration_is_seen_before_it_is_applied(clinic: Clinic) -> None:
    with at_work(clinic) as work:
        patient, plan = enrolled(clinic, work)
        clinic.book(work, patient, date(2026, 12, 2), Key(MRI, 3))
        before = rows(work, plan)
        wanted = migration.migration(work, clinic.site(work), OLD, NEW, SINCE)
        (seen,) = migration.preview(work, wanted)
        assert rows(work, plan) == before
        assert (seen.patient, seen.refused) == (patient, "")
        assert {row.key for row in seen.added} >= {Key(MRI, 4), Key(MRI, 8)}
        assert {row.key for row in seen.cancelled} >= {Key(MRI, 3), Key("chest_imaging", 3)}
        assert [found.kind for found in seen.conflicts] == [FindingKind.BOOKED_OUTSIDE_WINDOW]

        done = migration.move(work, wanted, "the board of 20 November", [plan.id])
        assert (done.moved, done.refused, done.last) == (1, [], None)
        assert version(work, plan) == NEW
        stored = rows(work, plan)
        assert stored.keys() - before.keys() == {row.key for row in seen.added}
        assert before.keys() - stored.keys() == {row.key for row in seen.cancelled}
        assert FindingKind.BOOKED_OUTSIDE_WINDOW in findings(work, plan)
        old, new, reason = change(work, "plan.terms")
        assert (old["protocol_key"], new["protocol_key"], new["since"]) == (OLD, NEW, str(SINCE))
        assert reason == "the board of 20 November"


def test_who_is_on_the_new_version_is_left_alone(sqlite_clinic: Clinic) -> None:
    with at_work(sqlite_clinic) as work:
        both = [enrolled(sqlite_clinic, work, mrn)[1].id for mrn in ("001", "002")]
        site = sqlite_clinic.site(work)
        wanted = migration.migration(work, site, OLD, NEW, SINCE)
        assert migration.counts(work, [site.id]) == {(site.id, OLD): 2}
        assert migration.move(work, wanted, "new evidence", both).moved == 2
        assert migration.counts(work, [site.id]) == {(site.id, NEW): 2}
        assert migration.preview(work, wanted) == []
        assert migration.move(work, wanted, "new evidence", both).moved == 0
        assert len(events(work, "plan.terms")) == 2


def test_a_migration_goes_page_by_page_in_the_order_of_the_mrn(
    sqlite_clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "PAGE", 2)
    with at_work(sqlite_clinic) as work:
        plans = {mrn: enrolled(sqlite_clinic, work, mrn)[1] for mrn in ("003", "001", "002")}
        enrolment.change_terms(work, plans["001"], enrolment.NewTerms(TODAY + 90 * DAY, "thesis", None, {MRI: 6}))
        wanted = migration.migration(work, sqlite_clinic.site(work), OLD, NEW, SINCE)
        assert [seen.patient.mrn for seen in migration.preview(work, wanted, most=2)] == ["001", "002"]
        ids = [plan.id for plan in plans.values()]
        first = migration.move(work, wanted, "new evidence", ids)
        assert (first.moved, first.last) == (1, "002")
        (refusal,) = first.refused
        assert refusal.patient.mrn == "001"
        assert "terms change on 2027-02-21" in refusal.reason
        second = migration.move(work, wanted, "new evidence", ids, first.last or "")
        assert (second.moved, second.last) == (1, None)
        assert {mrn: version(work, plan) for mrn, plan in plans.items()} == {"001": OLD, "002": NEW, "003": NEW}


def test_what_cannot_be_moved_is_seen_and_stays(sqlite_clinic: Clinic) -> None:
    """An interval that the new version does not know is a clinician's decision for that patient."""
    with at_work(sqlite_clinic) as work:
        _, three = enrolled(sqlite_clinic, work, "001", intervals={MRI: 3})
        _, fresh = enrolled(sqlite_clinic, work, "002", anchor=TODAY)
        wanted = migration.migration(work, sqlite_clinic.site(work), OLD, NEW, TODAY)
        seen = migration.preview(work, wanted)
        assert "cannot be repeated every 3 months" in seen[0].refused
        assert "after the anchor" in seen[1].refused
        done = migration.move(work, wanted, "new evidence", [three.id, fresh.id])
        assert [refusal.reason for refusal in done.refused] == [one.refused for one in seen]
        assert {version(work, plan) for plan in (three, fresh)} == {OLD}
        sound(work)


def test_only_the_chosen_plans_are_moved(sqlite_clinic: Clinic) -> None:
    with at_work(sqlite_clinic) as work:
        plans = [enrolled(sqlite_clinic, work, mrn)[1] for mrn in ("001", "002")]
        wanted = migration.migration(work, sqlite_clinic.site(work), OLD, NEW, SINCE)
        assert migration.move(work, wanted, "a pilot", [plans[1].id]).moved == 1
        assert [version(work, plan) for plan in plans] == [OLD, NEW]


def test_a_clinician_moves_patients_with_a_reason(sqlite_clinic: Clinic) -> None:
    with at_work(sqlite_clinic) as work:
        _, plan = enrolled(sqlite_clinic, work)
        wanted = migration.migration(work, sqlite_clinic.site(work), OLD, NEW, SINCE)
        with pytest.raises(InvalidInputError, match="needs a reason"):
            migration.move(work, wanted, " ", [plan.id])
        with pytest.raises(ForbiddenError, match="takes a clinician"):
            migration.move(sqlite_clinic.by(work, sqlite_clinic.grace), wanted, "new evidence", [plan.id])


@pytest.mark.parametrize(
    ("old", "new", "since", "error", "reason"),
    [
        (OLD, OLD, SINCE, InvalidInputError, "another version"),
        (OLD, "norway-sts-high", SINCE, InvalidInputError, "patient by patient"),
        (OLD, NEW, date(2126, 1, 1), InvalidInputError, "check the year"),
        (OLD, "esmo-sts-low", SINCE, ConflictError, "not approved"),
        ("asps-extremity@1999.1", NEW, SINCE, NotFoundError, "no approved protocol version"),
    ],
)
def test_a_migration_that_makes_no_sense_is_refused(
    sqlite_clinic: Clinic, old: str, new: str, since: date, error: type[Exception], reason: str
) -> None:
    with at_work(sqlite_clinic) as work, pytest.raises(error, match=reason):
        migration.migration(work, sqlite_clinic.site(work), old, new, since)


def test_a_plan_follows_the_terms_that_come_last(clinic: Clinic) -> None:
    """Also where they are set for a later day, and where two were recorded for one day."""
    with at_work(clinic) as work:
        _, plan = enrolled(clinic, work, anchor=ANCHOR)
        site = clinic.site(work)
        for key in (NEW, OLD, NEW):
            enrolment.change_terms(work, plan, enrolment.NewTerms(TODAY + 30 * DAY, "to and fro", key))
        assert migration.counts(work, [site.id]) == {(site.id, version(work, plan)): 1}
        assert [found[0] for found in migration.plans_on(work, site, version(work, plan))] == [plan]
