"""The audit log: found by what one remembers, told in sentences by the site's clock, and looking stands in it too."""

from datetime import date, time, timedelta
from typing import Any

import pytest
from clinic import MRI, NOW, TODAY, Clinic, catalogue
from sqlmodel import select

from surveillance.core.errors import ForbiddenError, InvalidInputError
from surveillance.core.schedule.examinations import Key
from surveillance.operations.accounts import tokens, users
from surveillance.operations.audit import log
from surveillance.operations.audit.log import Query
from surveillance.operations.care import corrections
from surveillance.operations.work import Work
from surveillance.store.tables import Site, User

DAY = timedelta(days=1)
ALL = Query()


@pytest.fixture
def busy(clinic: Clinic) -> Clinic:
    """A day's work: Grace enrols and books, Ada corrects a name the day after, Oscar works elsewhere."""
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        clinic.book(work, patient, date(2026, 12, 2), Key(MRI, 3))
    with clinic.work(clinic.ada, TODAY + DAY) as work:
        edited = clinic.patient(work, "007")
        corrections.edit_patient(work, edited, {"family_name": "Birch"}, "Married, 50% sure")
    with clinic.work(clinic.oscar) as work:
        there = work.session.exec(select(Site).where(Site.code == "DC2")).one()
        work.audit("place.add", there, site_id=there.id)
    return clinic


def found(clinic: Clinic, query: Query = ALL, **options: Any) -> list[log.Entry]:
    with clinic.work(clinic.ada, TODAY + DAY) as work:
        return list(log.search(work, [clinic.site(work)], query, **options).entries)


def test_what_happened_is_told_in_a_sentence_with_names_and_local_time(busy: Clinic) -> None:
    entry = found(busy, Query(action="patient.edit"))[0]
    assert entry.sentence == "Ada changed the patient's record: Anna Birch, MRN 007 (Married, 50% sure)"
    assert f"{entry.at:%Y-%m-%d %H:%M %Z}" == "2026-11-24 10:00 EST"
    assert entry.changes == (("family name", "Ash", "Birch"),)
    assert entry.site == "DC1"


@pytest.mark.parametrize(
    ("query", "actions"),
    [
        (Query(action="visit"), {"visit.book"}),
        (Query(action="visit.book", username="GRACE "), {"visit.book"}),
        (Query(username="ada"), {"patient.add", "contact.add", "consent.given", "patient.edit"}),
        (Query(mrn="007", action="patient"), {"patient.add", "patient.edit"}),
        (Query(text="married"), {"patient.edit"}),
        (Query(text="50%"), {"patient.edit"}),
        (Query(text="5_%"), set()),
        (Query(first_day=TODAY + DAY, action="patient"), {"patient.add", "patient.edit"}),
        (Query(last_day=TODAY, username="ada"), set()),
        (Query(action="place.add"), {"place.add"}),
    ],
)
def test_it_is_searched_by_day_user_patient_action_and_reason(busy: Clinic, query: Query, actions: set[str]) -> None:
    assert {entry.action for entry in found(busy, query)} == actions
    assert "DC2" not in {entry.site for entry in found(busy, query)}


def test_a_day_is_the_sites_own(busy: Clinic) -> None:
    """23:30 in Washington is the next day in UTC."""
    with busy.work() as work:
        late = Work(work.session, NOW + timedelta(hours=13, minutes=30), work.actor, catalogue())
        late.audit("site.edit", busy.site(work), site_id=busy.site_id)
    assert [entry.at.time() for entry in found(busy, Query(TODAY, TODAY, action="site.edit"))] == [time(23, 30)]
    assert found(busy, Query(TODAY + DAY, TODAY + DAY, action="site.edit")) == []


def test_pages_follow_each_other_without_gap_or_repetition(busy: Clinic) -> None:
    whole = [entry.number for entry in found(busy, limit=1000)]
    seen: list[int] = []
    with busy.work(busy.ada) as work:
        after = None
        while True:
            page = log.search(work, [busy.site(work)], Query(), after, 3)
            seen += [entry.number for entry in page.entries]
            after = page.next
            if after is None:
                break
    assert seen == whole
    assert len(whole) > 6


def test_what_belongs_to_no_site_is_shown_to_those_who_administer_who_did_it(busy: Clinic) -> None:
    with busy.work(busy.ada) as work:
        grace = users.user_named(work, "grace")
        tokens.create(work, tokens.NewToken(grace, "bridge"))
        users.reset_password(work, grace, "long enough")
    with busy.work(busy.oscar) as work:
        oscar = work.session.get_one(User, busy.oscar.user_id)
        users.reset_password(work, oscar, "long enough")
    assert {entry.action for entry in found(busy, Query(action="token"))} == {"token.create"}
    assert [entry.sentence for entry in found(busy, Query(action="user.reset"))] == ["Ada set a password: Grace"]


def test_who_may_look(busy: Clinic) -> None:
    with busy.work() as work:
        sites = [busy.site(work)]
        for actor in (busy.grace, busy.helen, busy.oscar):
            with pytest.raises(ForbiddenError):
                log.search(busy.by(work, actor), sites, Query())
        assert log.search(busy.by(work, busy.system), list(work.session.exec(select(Site))), Query()).entries


def test_looking_is_audited_with_what_was_looked_for(busy: Clinic) -> None:
    with busy.work(busy.ada) as work:
        log.looked(work, [busy.site(work)], Query(TODAY, mrn="007"))
    entry = found(busy, Query(action="audit"))[0]
    assert entry.sentence == "Ada looked at the audit log"
    assert entry.changes == (("first day", "", "Mon 23 Nov 2026"), ("mrn", "", "007"))


@pytest.mark.parametrize(
    "query", [Query(username="nobody"), Query(mrn="999"), Query(username="oscar"), Query(TODAY, TODAY - DAY)]
)
def test_what_cannot_be_looked_for_is_refused(sqlite_clinic: Clinic, query: Query) -> None:
    with sqlite_clinic.work(sqlite_clinic.ada) as work:
        sites = [sqlite_clinic.site(work)]
        with pytest.raises(InvalidInputError):
            log.search(work, sites, query)
        with pytest.raises(InvalidInputError):
            log.search(work, sites, ALL, after=987_654)
