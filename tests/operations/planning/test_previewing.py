"""What is shown before an enrolment is what the enrolment gives."""

from datetime import date, timedelta

import pytest
from clinic import ANCHOR, BRAIN, CHEST, MRI, PROTOCOL, TODAY, findings, proposed, rows
from sqlmodel import select

from surveillance.core.errors import InvalidInputError
from surveillance.core.schedule.examinations import FindingKind
from surveillance.core.words import Role, Status
from surveillance.operations.care import enrolment
from surveillance.operations.planning import plan_record, previewing
from surveillance.operations.planning.previewing import Draft, Scan
from surveillance.operations.visits.results import NewStudy
from surveillance.store.tables import Approval, Plan
from surveillance.store.visits import appointments

BOTH = frozenset({MRI, CHEST})
LONG_AGO = date(2024, 3, 15)

CASES = {
    "newly treated": (ANCHOR, {}, ()),
    "half-way with a scan": (LONG_AGO, {MRI: 4}, [Scan(BOTH, TODAY - timedelta(days=90))]),
    "half-way, nothing known": (LONG_AGO, {MRI: 6, CHEST: 6, BRAIN: 12}, ()),
    "only the chest is known": (LONG_AGO, {BRAIN: None}, [Scan(frozenset({CHEST}), TODAY - timedelta(days=20))]),
    "one item off": (ANCHOR, {CHEST: None, "clinic_visit": 3}, ()),
}


@pytest.mark.parametrize("name", CASES)
def test_the_preview_is_what_the_enrolment_then_gives(clinic, name):
    anchor, intervals, scans = CASES[name]
    with clinic.work(clinic.helen) as work:
        (protocol,) = [one for one in previewing.approved(work, clinic.site(work)) if one.id == PROTOCOL]
        shown = previewing.outlook(work, clinic.site(work), Draft(protocol, anchor, intervals, scans))
        assert work.session.exec(select(Plan)).all() == []
        studies = [NewStudy(sorted(scan.items), scan.day) for scan in scans]
        patient, plan = clinic.enrolled(work, anchor=anchor, intervals=intervals, studies=studies)
        made = rows(work, plan)
        assert {row.key: row._replace(study=None) for row in shown.rows} == {
            key: row._replace(study=None) for key, row in made.items()
        }
        assert [bool(row.study) for row in shown.rows] == [bool(made[row.key].study) for row in shown.rows]
        assert {finding.kind for finding in shown.findings} == findings(work, plan)
        visits = proposed(work, plan)
        lines = appointments.lines_of(work.session, [row.id for row in visits])
        proposals = sorted((row.day, sorted(map(appointments.key, lines[row.id]))) for row in visits)
        assert proposals == sorted((trip.day, sorted(trip.examinations)) for trip in shown.trips)
        assert list(shown.years) == plan_record.years(work, plan)
        again = previewing.outlook(work, clinic.site(work), Draft(protocol, anchor, intervals), patient)
        assert [row.key for row in again.rows] == [row.key for row in shown.rows]  # what is on record counts as given


def test_the_preview_says_what_is_due_at_once_and_what_nobody_knows(sqlite_clinic):
    with sqlite_clinic.work() as work:
        site = sqlite_clinic.site(work)
        (protocol,) = [one for one in previewing.approved(work, site) if one.id == PROTOCOL]
        shown = previewing.outlook(work, site, Draft(protocol, LONG_AGO))
        assert {finding.item for finding in shown.found(FindingKind.LAST_SCAN_UNKNOWN)} == {MRI, CHEST}
        assert {row.item for row in shown.now(Status.DUE, Status.OVERDUE)} <= {MRI, CHEST}
        first = shown.trips[0]
        assert first.day > TODAY
        assert shown.covered(first)[0].startswith("Chest CT or chest X-ray, month ")
        assert {lane.title for lane in shown.timeline.lanes} == {"MRI of the primary site", "Chest CT or chest X-ray"}
        with pytest.raises(InvalidInputError, match="cannot be repeated every 5 months"):
            previewing.outlook(work, site, Draft(protocol, LONG_AGO, {MRI: 5}))


def test_only_what_the_site_approved_can_be_chosen(sqlite_clinic):
    with sqlite_clinic.work() as work:
        site = sqlite_clinic.site(work)
        assert [protocol.id for protocol in previewing.approved(work, site)] == [PROTOCOL, "norway-sts-high"]
        assert [user.username for user in previewing.staff(work, site, Role.CLINICIAN)] == ["helen"]
        for row in work.session.exec(select(Approval).where(Approval.site_id == site.id)):
            row.retracted_at, row.retracted_by, row.retracted_reason = work.now, work.actor.user_id, "a test"
        work.session.flush()
        assert previewing.approved(work, site) == []


def test_a_plan_repeats_at_least_one_item(sqlite_clinic):
    with sqlite_clinic.work() as work:
        patient = sqlite_clinic.patient(work)
        new = enrolment.Enrolment(PROTOCOL, ANCHOR, {MRI: None, CHEST: None})
        with pytest.raises(InvalidInputError, match="every item is off"):
            enrolment.enrol(work, patient, new)
