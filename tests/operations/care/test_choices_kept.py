"""What a clinician chose of a protocol is kept with the plan, told, checked at every door, and moved along."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from approving import approved
from clinic import PROTOCOL, TODAY, Clinic, rows

from surveillance.core.errors import InvalidInputError
from surveillance.core.schedule.examinations import Key
from surveillance.operations.care import enrolment, migration
from surveillance.operations.deferrals import standing
from surveillance.operations.planning import plan_record, previewing, replanning
from surveillance.operations.proof import check
from surveillance.operations.record.explanation import explain
from surveillance.operations.work import Work
from surveillance.store.planning import plans
from surveillance.store.tables import Plan

ANCHOR = date(2024, 9, 1)  # month 24 on 1 September 2026, month 27 on 1 December, month 36 in 2027
LETTER = {"mri_primary": 3, "mri_primary.until": 24, "mri_primary.later": 12, "chest_imaging": None}


@contextmanager
def at_work(clinic: Clinic) -> Iterator[Work]:
    with clinic.work(clinic.helen) as work:
        approved(work, clinic.site(work), f"{PROTOCOL}@2026.1")
        yield work


def ahead(work: Work, plan, item: str = "mri_primary") -> list[int]:
    return sorted(key.month for key in rows(work, plan) if key.item == item and key.month is not None)


def test_the_letter_of_the_rule_can_be_followed_by_a_plan(clinic: Clinic) -> None:
    with at_work(clinic) as work:
        patient, plan = clinic.enrolled(work, anchor=ANCHOR, intervals=LETTER, reason="as the rule says")
        (terms,) = plans.terms_in_force(work.session, plan.id)
        assert terms.intervals == LETTER
        assert ahead(work, plan) == [24, 36, 48]
        (found,) = explain(work, patient, key=Key("mri_primary", 36))
        assert any("asks for it every 12 months in months 24 to 60" in said for said in found.sentences)
        assert any("Every 12 months was chosen, from month 24" in said for said in found.sentences)


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ({"mri_primary.until": 30}, "cannot be month 30"),
        ({"mri_primary.later": 7}, "cannot be repeated every 7 months"),
    ],
)
def test_what_the_protocol_does_not_allow_is_refused_at_every_door(
    clinic: Clinic, chosen: dict[str, int | None], reason: str
) -> None:
    with at_work(clinic) as work:
        patient = clinic.patient(work, "002")
        with pytest.raises(InvalidInputError, match=reason):
            enrolment.enrol(work, patient, enrolment.Enrolment(PROTOCOL, ANCHOR, chosen))
        draft = previewing.Draft(enrolment.approved(work, patient, PROTOCOL), ANCHOR, chosen)
        with pytest.raises(InvalidInputError, match=reason):
            previewing.outlook(work, clinic.site(work), draft)
        _, plan = clinic.enrolled(work, anchor=ANCHOR)
        new = enrolment.NewTerms(TODAY, "tried", intervals=chosen)
        for door in (enrolment.preview_terms, enrolment.change_terms):
            with pytest.raises(InvalidInputError, match=reason):
                door(work, plan, new)


def test_the_first_years_are_made_shorter_from_a_day_on_and_nothing_before_it_changes(clinic: Clinic) -> None:
    with at_work(clinic) as work:
        _, plan = clinic.enrolled(work, anchor=date(2025, 3, 1), intervals={"chest_imaging": None})
        before = [month for month in ahead(work, plan) if month <= 18]
        new = enrolment.NewTerms(TODAY, "two years are enough", intervals={"mri_primary.until": 24})
        enrolment.change_terms(work, plan, new)
        assert ahead(work, plan) == [*before, 21, 24, 30, 36, 42]
        assert plans.terms_in_force(work.session, plan.id)[-1].intervals == {
            "chest_imaging": None,
            "mri_primary.until": 24,
        }


def test_a_patient_moves_to_the_version_with_choices_and_back_with_what_both_know(clinic: Clinic) -> None:
    with at_work(clinic) as work:
        intervals = {"mri_primary": 4, "chest_imaging": None}
        _, plan = clinic.enrolled(work, protocol=f"{PROTOCOL}@2026.1", anchor=ANCHOR, intervals=intervals)
        months = ahead(work, plan)
        wanted = migration.migration(work, clinic.site(work), f"{PROTOCOL}@2026.1", f"{PROTOCOL}@2026.2", TODAY)
        assert [each.unchanged for each in migration.preview(work, wanted)] == [True]
        assert migration.move(work, wanted, "newer", [plan.id]).moved == 1
        assert ahead(work, plan) == months
        enrolment.change_terms(
            work, plan, enrolment.NewTerms(date(2026, 12, 24), "yearly now", intervals={"mri_primary.later": 12})
        )
        back = enrolment.NewTerms(date(2027, 1, 24), "back again", f"{PROTOCOL}@2026.1")
        enrolment.change_terms(work, plan, back)
        assert plans.terms_in_force(work.session, plan.id)[-1].intervals == intervals


# -- what is no imaging ----------------------------------------------------------------------------------------


def advised(work: Work, plan: Plan) -> list[str]:
    return list(plan_record.gather(work, plan, {}).advice)


def test_advice_stands_with_the_plan_and_is_never_due_off_or_put_off(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        patient, plan = clinic.enrolled(work)
        assert {key.item for key in rows(work, plan)} == {"mri_primary", "chest_imaging"}
        assert advised(work, plan) == ["Self-examination of scar and limb every month"]
        assert [each.row.item for each in standing.of_patient(work, patient)] == []
        assert list(check.check(work)) == []


def test_advice_that_was_switched_off_is_told_no_more(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        patient, plan = clinic.enrolled(work, intervals={"self_examination": None})
        assert advised(work, plan) == []
        assert [each.row.item for each in standing.of_patient(work, patient)] == []


def test_a_test_is_due_like_an_examination_once_it_is_switched_on(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        approved(work, clinic.site(work), "nccn-sts-high")
        _, plan = clinic.enrolled(work, protocol="nccn-sts-high", intervals={"echocardiography": 24})
        assert ahead(work, plan, "echocardiography") == [24]


def test_a_plan_on_an_earlier_version_goes_on_unchanged_when_a_newer_one_is_approved(clinic: Clinic) -> None:
    with at_work(clinic) as work:
        _, plan = clinic.enrolled(work, protocol=f"{PROTOCOL}@2026.1")
        before = rows(work, plan)
        approved(work, clinic.site(work), f"{PROTOCOL}@2026.2")
        replanning.replan(work, plan)
        assert rows(work, plan) == before
        assert advised(work, plan) == []
