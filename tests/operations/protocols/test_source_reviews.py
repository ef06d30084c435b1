"""An edition that expires is work for a clinician of each site that uses it, and takes nothing from anybody itself."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from clinic import ANCHOR, DAY, TODAY, Clinic
from sqlmodel import col, select

from surveillance.core.errors import ForbiddenError, InvalidInputError, NotFoundError
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.protocols.sources import LOOK_HOLDS, Source
from surveillance.operations.care import enrolment
from surveillance.operations.protocols import approvals, reviews
from surveillance.operations.work import Catalogue, Work
from surveillance.store.tables import AuditEvent, AuditValue, SourceReview

KEY, NEWER = "dated@1.0", "dated@2.0"
NEXT = TODAY + 300 * DAY


def with_dates(catalogue: Catalogue, key: str = KEY, **dates: date) -> Catalogue:
    """A protocol beside the others whose first source carries these dates."""
    model: Protocol = catalogue.protocols["asps-extremity@2026.1"]
    first: Source = replace(model.sources[0], **dates)
    id_, _, version = key.partition("@")
    made = replace(model, id=id_, version=version, sources=(first, *model.sources[1:]))
    return replace(catalogue, protocols={**catalogue.protocols, made.key: made})


def approve(work: Work, clinic: Clinic, key: str = KEY, **dates: date) -> Work:
    """The clinician, who has approved a version with these dates."""
    clinician = Work(work.session, work.now, clinic.helen, with_dates(work.catalogue, key, **dates))
    approvals.approve_protocol(clinician, clinic.site(work), key, read_source=True)
    return clinician


def waiting(work: Work, clinic: Clinic, day: date = TODAY, key: str = KEY) -> list[str]:
    found = reviews.due(work.session, {clinic.site_id: day})
    return [due.review.source.id for due in found if due.protocol.key == key]


@pytest.mark.parametrize(
    ("dates", "day", "expired"),
    [
        ({"expires": TODAY}, TODAY, None),
        ({"expires": TODAY}, TODAY + DAY, True),
        ({"review_by": TODAY}, TODAY, False),
    ],
)
def test_what_an_approved_version_rests_on_is_told_of_at_the_site_that_uses_it(
    clinic: Clinic, dates: dict[str, date], day: date, expired: bool | None
) -> None:
    with clinic.work(clinic.helen) as work:
        clinician = approve(work, clinic, **dates)
        found = [due for due in reviews.due(work.session, {clinic.site_id: day}) if due.protocol.key == KEY]
        told = [(due.review.expired, due.site_id) for due in found]
        assert told == ([] if expired is None else [(expired, clinic.site_id)])
        assert approvals.approval(clinician, clinic.site(work), KEY) is not None


def test_a_version_that_no_site_uses_asks_for_nothing(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        assert waiting(work, clinic) == []
        approve(work, clinic, expires=date(2000, 1, 1))
        assert waiting(work, clinic) == ["nccn"]
        assert list(reviews.due(work.session, {})) == []


def test_a_clinician_says_what_was_found_and_is_asked_again_on_the_day(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        clinician = approve(work, clinic, expires=date(2000, 1, 1))
        row = reviews.look_again(clinician, clinic.site(work), KEY, "nccn", NEXT, " the same edition holds ")
        assert row.found == "the same edition holds"
        assert waiting(work, clinic, NEXT - DAY) == []
        assert waiting(work, clinic, NEXT) == ["nccn"]
        event, value = work.session.exec(
            select(AuditEvent, AuditValue)
            .join(AuditValue, col(AuditValue.event_id) == col(AuditEvent.id))
            .where(AuditEvent.subject_id == str(row.id))
        ).one()
        assert (event.action, event.user_id) == ("protocol.look_again", clinic.helen.user_id)
        assert (value.after or {})["until"] == NEXT.isoformat()


def test_the_last_word_about_a_source_counts(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        clinician = approve(work, clinic, review_by=TODAY)
        reviews.look_again(clinician, clinic.site(work), KEY, "nccn", NEXT, "the same")
        clinician.now += timedelta(hours=1)
        reviews.look_again(clinician, clinic.site(work), KEY, "nccn", TODAY + DAY, "there is a newer one")
        assert waiting(work, clinic, TODAY + DAY) == ["nccn"]


@pytest.mark.parametrize(
    ("until", "found", "reason"),
    [
        (TODAY, "the same", "on a day to come, not on 2026-11-23"),
        (TODAY + (LOOK_HOLDS + 1) * DAY, "the same", "at most a year away"),
        (date(2099, 1, 1), "the same", "at most a year away"),
        (NEXT, "  ", "say what was found"),
    ],
)
def test_a_look_is_not_for_ever_and_says_something(clinic: Clinic, until: date, found: str, reason: str) -> None:
    with clinic.work(clinic.helen) as work:
        clinician = approve(work, clinic, review_by=TODAY)
        with pytest.raises(InvalidInputError, match=reason):
            reviews.look_again(clinician, clinic.site(work), KEY, "nccn", until, found)
        assert work.session.exec(select(SourceReview)).all() == []
        last = TODAY + LOOK_HOLDS * DAY
        assert reviews.look_again(clinician, clinic.site(work), KEY, "nccn", last, "the same").until == last


def test_only_what_is_approved_and_has_the_source_is_looked_at(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        clinician = approve(work, clinic, review_by=TODAY)
        site = clinic.site(work)
        with pytest.raises(NotFoundError, match=r"'dated@2\.0' is not approved at"):
            reviews.look_again(clinician, site, NEWER, "nccn", NEXT, "the same")
        with pytest.raises(NotFoundError, match=r"no source 'who'; it has nccn"):
            reviews.look_again(clinician, site, KEY, "who", NEXT, "the same")


@pytest.mark.parametrize("who", ["grace", "ada", "oscar", "system"])
def test_whoever_is_no_clinician_of_the_site_signs_nothing(clinic: Clinic, who: str) -> None:
    with clinic.work(clinic.helen) as work:
        approve(work, clinic, review_by=TODAY)
        other = clinic.by(work, getattr(clinic, who))
        with pytest.raises(ForbiddenError):
            reviews.look_again(other, clinic.site(work), KEY, "nccn", NEXT, "the same")
        assert waiting(work, clinic) == ["nccn"]


def test_an_earlier_version_asks_for_as_long_as_a_plan_follows_it(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        approve(work, clinic, review_by=TODAY)
        work.now += timedelta(hours=1)
        clinician = approve(work, clinic, NEWER, review_by=TODAY)
        assert waiting(work, clinic) == []
        assert waiting(work, clinic, key=NEWER) == ["nccn"]
        patient = clinic.patient(work)
        enrolment.enrol(clinician, patient, enrolment.Enrolment(KEY, ANCHOR))
        assert waiting(work, clinic) == ["nccn"]
