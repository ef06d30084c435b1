"""Time and staff make work: who comes of age, whose owner is gone, who is missing at a live site, whose word is old."""

from datetime import date, timedelta

import pytest
from clinic import ANCHOR, DAY, TODAY, Clinic, change, events

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError
from surveillance.core.words import Role
from surveillance.operations.accounts import users
from surveillance.operations.administration import sites
from surveillance.operations.board import acts, worklist
from surveillance.operations.board.acts import WorklistAction
from surveillance.operations.board.worklist import Worklist
from surveillance.operations.care import corrections, enrolment
from surveillance.operations.imports import apply, compare, rows, sheets
from surveillance.operations.proof import check
from surveillance.operations.protocols import approvals
from surveillance.operations.registry import care_gaps, consents, owners
from surveillance.operations.work import Work
from surveillance.store.tables import Patient, User

KEY = "asps-extremity@2026.2"
BORN = TODAY - timedelta(days=17 * 365 + 200)
EIGHTEEN = BORN.replace(year=BORN.year + 18)


def on(work: Work, day: date) -> Work:
    return Work(work.session, work.now + (day - TODAY), work.actor, work.catalogue)


def listed(clinic: Clinic, work: Work, name: Worklist) -> list[worklist.WorklistRow]:
    found = worklist.rows(work, [clinic.site_id], name)
    assert worklist.counts(work, [clinic.site_id])[name] == len(found)
    return found


# -- the age of majority -----------------------------------------------------------------------------------------


def test_who_comes_of_age_is_work_from_that_day_until_somebody_reviewed_it(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient = clinic.patient(work, birth_date=BORN)
        enrolment.enrol(work, patient, enrolment.Enrolment("asps-extremity", ANCHOR))
        assert listed(clinic, work, Worklist.OF_AGE) == []
        assert listed(clinic, on(work, EIGHTEEN - DAY), Worklist.OF_AGE) == []
        with pytest.raises(ConflictError, match="comes of age on"):
            consents.review_of_age(work, patient, "too early")
        later = on(work, EIGHTEEN)
        (row,) = listed(clinic, later, Worklist.OF_AGE)
        assert (row.mrn, row.since, row.age) == ("001", EIGHTEEN, 0)
        with pytest.raises(InvalidInputError, match="whom to write to"):
            consents.review_of_age(later, patient, " ")
        consents.review_of_age(later, patient, "writes to herself, SMS agreed")
        assert listed(clinic, later, Worklist.OF_AGE) == []
        assert change(work, "patient.of_age")[2] == "writes to herself, SMS agreed"
        assert [each for each in check.whole(later) if each.rule == "stored is derived"] == []


def _typed_in(clinic: Clinic, work: Work) -> None:
    clinic.patient(work, birth_date=BORN)
    enrolment.enrol(work, _only(work), enrolment.Enrolment("asps-extremity", ANCHOR))


def _from_a_file(clinic: Clinic, work: Work) -> None:
    cells = {"mrn": "001", "family_name": "Ash", "given_name": "Anna", "birth_date": str(BORN)}
    cells |= {"protocol": "asps-extremity", "anchor": str(ANCHOR)}
    sheet = sheets.Sheet("young.csv", "digest", list(cells), [(2, cells)])
    parsed = rows.parse(work, clinic.site(work), sheet)
    assert parsed.errors == []
    apply.write(work, clinic.site(work), compare.compare(work, clinic.site(work), parsed.rows))


def _corrected(clinic: Clinic, work: Work) -> None:
    patient, _ = clinic.enrolled(work)
    corrections.edit_patient(work, patient, {"birth_date": BORN}, "a typing error")


def _majority_is_later(clinic: Clinic, work: Work) -> None:
    """Nobody touches the patient; the worker sweeps the site again."""
    patient = clinic.patient(work, birth_date=TODAY - timedelta(days=19 * 365))
    enrolment.enrol(work, patient, enrolment.Enrolment("asps-extremity", ANCHOR))
    site = clinic.site(work)
    new = sites.settings_of(site)
    sites.edit_site(clinic.by(work, clinic.ada), site, _with(new, age_of_majority=21))
    care_gaps.refresh(work, *care_gaps.outdated(work, site.id))


def _with(new: sites.NewSite, **values: object) -> sites.NewSite:
    return sites.NewSite(**{name: getattr(new, name) for name in sites.NewSite.__slots__} | values)


def _only(work: Work) -> Patient:
    return work.session.query(Patient).one()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("door", [_typed_in, _from_a_file, _corrected, _majority_is_later])
def test_every_door_to_a_minor_leads_to_the_review(clinic: Clinic, door) -> None:
    with clinic.work() as work:
        door(clinic, work)
        later = on(work, TODAY + timedelta(days=4 * 365))
        assert len(listed(clinic, later, Worklist.OF_AGE)) == 1
        assert [each for each in check.whole(work) if each.rule == "stored is derived"] == []


def test_who_was_of_age_when_registered_is_never_asked(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        sqlite_clinic.enrolled(work)
        assert listed(sqlite_clinic, on(work, TODAY + timedelta(days=9000)), Worklist.OF_AGE) == []


# -- whose owner is gone -----------------------------------------------------------------------------------------


def hire(clinic: Clinic, work: Work, name: str, role: Role) -> User:
    new = users.NewUser(name, name.title())
    return users.add_user(clinic.by(work, clinic.ada), new, clinic.site(work), role)


def test_patients_of_somebody_who_left_fall_to_a_list_and_are_handed_over(clinic: Clinic) -> None:
    with clinic.work() as work:
        ada, site = clinic.by(work, clinic.ada), clinic.site(work)
        carl, dora = (hire(clinic, work, name, Role.COORDINATOR) for name in ("carl", "dora"))
        for mrn in ("001", "002"):
            patient, _ = clinic.enrolled(work, mrn)
            corrections.edit_patient(work, patient, {"owner_id": carl.id})
        assert listed(clinic, work, Worklist.OWNER_GONE) == []
        users.disable(ada, carl, "left")
        found = listed(clinic, work, Worklist.OWNER_GONE)
        assert sorted(row.mrn for row in found) == ["001", "002"]
        assert (found[0].why, found[0].owner_id) == ("Carl does not act here any more", None)
        assert len(worklist.rows(work, [clinic.site_id], Worklist.OWNER_GONE, worklist.Filter(nobody=True))) == 2
        owners.hand_over_one(work, patient, dora.id)
        assert [row.mrn for row in listed(clinic, work, Worklist.OWNER_GONE)] == ["001"]
        with pytest.raises(InvalidInputError, match="is no coordinator or clinician who acts"):
            owners.hand_over(work, site, dora, carl)
        assert owners.hand_over(work, site, carl, dora) == 1
        assert listed(clinic, work, Worklist.OWNER_GONE) == []
        assert len(events(work, "patient.owner")) == 2
        with pytest.raises(ConflictError, match="looks after nobody"):
            owners.hand_over(work, site, carl, dora)


@pytest.mark.parametrize("how", ["the site is taken away", "only looks from now on"])
def test_who_works_there_no_more_owns_nobody(sqlite_clinic: Clinic, how: str) -> None:
    clinic = sqlite_clinic
    with clinic.work() as work:
        carl = hire(clinic, work, "carl", Role.COORDINATOR)
        patient, _ = clinic.enrolled(work)
        corrections.edit_patient(work, patient, {"owner_id": carl.id})
        role = None if how == "the site is taken away" else Role.VIEWER
        users.set_role(clinic.by(work, clinic.ada), carl, clinic.site(work), role)
        (row,) = listed(clinic, work, Worklist.OWNER_GONE)
        assert row.since == TODAY


def test_whoever_leaves_may_hand_over_in_the_same_step(sqlite_clinic: Clinic) -> None:
    clinic = sqlite_clinic
    with clinic.work() as work:
        carl, dora = (hire(clinic, work, name, Role.COORDINATOR) for name in ("carl", "dora"))
        patient, _ = clinic.enrolled(work)
        corrections.edit_patient(work, patient, {"owner_id": carl.id})
        users.disable(clinic.by(work, clinic.ada), carl, "left", users.Leaving(hand_to=dora))
        assert patient.owner_id == dora.id
        assert listed(clinic, work, Worklist.OWNER_GONE) == []


# -- a live site without staff -----------------------------------------------------------------------------------


def live(clinic: Clinic, work: Work) -> None:
    clinic.site(work).messages_from = TODAY
    work.session.flush()


def missing(work: Work) -> list[str]:
    return [f"{each.site}: {each.what}" for each in check.whole(work) if each.rule == "somebody acts"]


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.CLINICIAN])
def test_the_last_one_of_a_live_site_leaves_only_when_that_is_meant(clinic: Clinic, role: Role) -> None:
    with clinic.work() as work:
        ada, site = clinic.by(work, clinic.ada), clinic.site(work)
        last = users.user_named(work, "grace" if role is Role.COORDINATOR else "helen")
        live(clinic, work)
        assert missing(work) == []
        with pytest.raises(ConflictError, match=f"is the last {role} who acts at DC1"):
            users.disable(ada, last, "left")
        with pytest.raises(ConflictError, match=f"is the last {role}"):
            users.set_role(ada, last, site, Role.VIEWER)
        users.disable(ada, last, "left", users.Leaving(leave_empty=True))
        assert missing(work) == [f"DC1: the site is live and no {role} acts there: its work is nobody's"]
        (row,) = listed(clinic, ada, Worklist.CLINIC)
        assert (row.what, row.name, row.patient_id) == (f"no {role}", "Clinic DC1", None)
        with pytest.raises(InvalidInputError, match="this is about the clinic"):
            acts.act(clinic.by(work, clinic.system), row, WorklistAction.SNOOZE, until=TODAY + DAY)
        hire(clinic, work, "new", role)
        assert missing(work) == []
        assert listed(clinic, ada, Worklist.CLINIC) == []


def test_a_site_that_is_not_live_or_has_another_one_lets_people_go(sqlite_clinic: Clinic) -> None:
    clinic = sqlite_clinic
    with clinic.work() as work:
        ada = clinic.by(work, clinic.ada)
        users.disable(ada, users.user_named(work, "helen"), "left")
        assert missing(work) == []
        live(clinic, work)
        assert missing(work) == ["DC1: the site is live and no clinician acts there: its work is nobody's"]
        hire(clinic, work, "two", Role.COORDINATOR)
        users.disable(ada, users.user_named(work, "grace"), "left")


# -- approvals ---------------------------------------------------------------------------------------------------


def test_an_approval_is_work_when_its_clinician_is_gone_or_it_is_two_years_old(clinic: Clinic) -> None:
    with clinic.work() as work:
        helen, site = clinic.by(work, clinic.helen), clinic.site(work)
        clinic.enrolled(work)
        approvals.renew(helen, site, KEY, read_source=True)
        assert listed(clinic, work, Worklist.CLINIC) == []
        (row,) = listed(clinic, on(work, TODAY + timedelta(days=730)), Worklist.CLINIC)
        assert row.why == "Helen approved it on 2026-11-23, over two years ago"
        hire(clinic, work, "iris", Role.CLINICIAN)
        users.disable(clinic.by(work, clinic.ada), users.user_named(work, "helen"), "left")
        (row,) = listed(clinic, work, Worklist.CLINIC)
        assert (row.what, row.why) == (
            f"approval of {KEY}",
            "Helen approved it on 2026-11-23, and is no clinician here any more",
        )
        with pytest.raises(ForbiddenError):
            approvals.renew(work, site, KEY, read_source=True)
        iris = clinic.by(work, users.actor_of(users.user_named(work, "iris")))
        with pytest.raises(ConflictError, match="has not approved nothing@1"):
            approvals.renew(iris, site, "nothing@1")
        approvals.renew(iris, site, KEY, read_source=True)
        assert listed(clinic, work, Worklist.CLINIC) == []
        assert change(work, "protocol.lapse")[2] == "approved anew by Iris"
        assert [each for each in check.whole(work) if each.rule == "every change is explained"] == []


def test_an_approval_that_nobody_follows_is_no_work(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        helen = sqlite_clinic.by(work, sqlite_clinic.helen)
        approvals.renew(helen, sqlite_clinic.site(work), KEY, read_source=True)
        assert listed(sqlite_clinic, on(work, TODAY + timedelta(days=800)), Worklist.CLINIC) == []
