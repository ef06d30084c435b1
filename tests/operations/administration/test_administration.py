"""Administering sites, places, closed days and staff."""

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import pyotp
import pytest
from clinic import MRI, NOW, TODAY, Clinic, catalogue, change, events, proposed
from pwdlib import PasswordHash
from sqlmodel import Session, select

from surveillance import bootstrap
from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from surveillance.core.schedule.examinations import Key
from surveillance.core.words import Privacy, ReminderState, Role
from surveillance.operations.accounts import second_factor, sessions, staff, tokens, users
from surveillance.operations.accounts.users import NewUser
from surveillance.operations.administration import going_live, places, sites
from surveillance.operations.administration import places as administration_places
from surveillance.operations.administration import sites as administration_sites
from surveillance.operations.administration.places import PlaceDetails
from surveillance.operations.calendars import feeds
from surveillance.operations.care import daily_sweep
from surveillance.operations.job_context import JobContext
from surveillance.operations.work import Work
from surveillance.store import db
from surveillance.store.tables import Plan, Reminder, Site, Sweep, User

DAY = timedelta(days=1)
EARLIER = {"send_from": time(8), "send_until": time(10)}


def edited(clinic: Clinic, work: Work, **values: Any) -> Site:
    site = clinic.site(work)
    sites.edit_site(work, site, replace(sites.settings_of(site), **values), "asked by the clinic")
    return site


def user(work: Work, name: str) -> User:
    return work.session.exec(select(User).where(User.username == name)).one()


# -- sites -----------------------------------------------------------------------------------------------------


def test_a_change_of_settings_keeps_before_after_and_reason(clinic: Clinic) -> None:
    with clinic.work(clinic.ada) as work:
        site = edited(clinic, work, name=" Riverside ", privacy=Privacy.FULL, noshow_limit=3, phone="202 555 0123")
        assert (site.name, site.phone, site.noshow_limit) == ("Riverside", "+12025550123", 3)
        before, after, reason = change(work, "site.edit")
        assert before == {
            "name": "Clinic DC1", "phone": "+12025550199", "privacy": "neutral", "noshow_limit": 2
        }  # fmt: skip
        assert (after["privacy"], reason) == ("full", "asked by the clinic")


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({}, ConflictError),
        ({"code": "OTHER"}, ConflictError),
        ({"name": " "}, InvalidInputError),
        ({"phone": "12"}, InvalidInputError),
        ({"languages": ["xx"]}, InvalidInputError),
        ({"languages": []}, InvalidInputError),
        ({"working_days": "18"}, InvalidInputError),
        ({"holidays": "XX"}, InvalidInputError),
        ({"send_from": time(21)}, InvalidInputError),
        ({"age_of_majority": 5}, InvalidInputError),
        ({"noshow_limit": 0}, InvalidInputError),
        ({"time_zone": "Mars/Base"}, InvalidInputError),
        ({"time_zone": "Europe/Berlin"}, ConflictError),
    ],
    ids=str,
)
def test_what_a_site_cannot_be_is_refused(
    sqlite_clinic: Clinic, values: dict[str, Any], error: type[Exception]
) -> None:
    with sqlite_clinic.work(sqlite_clinic.ada) as work:
        sqlite_clinic.patient(work)
        with pytest.raises(error):
            edited(sqlite_clinic, work, **values)


def test_only_its_administrator_changes_a_site(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        site = sqlite_clinic.site(work)
        acts = (
            lambda: edited(sqlite_clinic, work, name="Mine"),
            lambda: administration_places.close_on(work, site, TODAY + DAY, "outing"),
            lambda: administration_places.open_on(work, site, TODAY),
            lambda: going_live.go_live(work, site, TODAY),
        )
        for act in acts:
            with pytest.raises(ForbiddenError):
                act()


def test_planned_messages_move_with_the_send_hours(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        clinic.book(work, patient, date(2026, 12, 2), Key(MRI, 3))
        going_live.go_live(clinic.by(work, clinic.ada), clinic.site(work), TODAY)
        planned = select(Reminder).where(Reminder.state == ReminderState.PLANNED)
        before = {row.key: row.due_at for row in work.session.exec(planned)}
        edited(clinic, clinic.by(work, clinic.ada), **EARLIER)
        after = {row.key: row.due_at for row in work.session.exec(planned)}
        assert before
        assert any(after[key] != moment for key, moment in before.items() if key in after)
        with pytest.raises(ConflictError):
            going_live.go_live(clinic.by(work, clinic.ada), clinic.site(work), TODAY)
        going_live.go_live(clinic.by(work, clinic.ada), clinic.site(work), None)
        assert change(work, "site.go_live")[1] == {"messages_from": None}


def test_nobody_goes_live_without_an_approved_protocol(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work(sqlite_clinic.system) as work:
        new = administration_sites.NewSite("DC3", "Clinic DC3", "DC3", "America/New_York", "US", "(202) 555-0199")
        with pytest.raises(ConflictError):
            going_live.go_live(work, administration_sites.add_site(work, new), TODAY)


def days(work: Work, plan: Plan) -> set[date]:
    return {row.day for row in proposed(work, plan)}


def test_a_closed_day_is_proposed_to_nobody(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        day = min(days(work, plan))
        ada = clinic.by(work, clinic.ada)
        assert administration_places.close_on(ada, clinic.site(work), day, " scanner moves ") == 0
        assert day not in days(work, plan)
        assert [(row.day, row.reason) for row in administration_places.closures(work, clinic.site(work))] == [
            (day, "scanner moves")
        ]
        clinic.book(work, patient, date(2026, 12, 2), Key(MRI, 3))
        assert administration_places.close_on(ada, clinic.site(work), date(2026, 12, 2), "strike") == 1
        administration_places.open_on(ada, clinic.site(work), day)
        assert change(work, "closure.remove")[0] == {"day": str(day), "reason": "scanner moves"}
        for act, error in (
            (lambda: administration_places.open_on(ada, clinic.site(work), day), NotFoundError),
            (lambda: administration_places.close_on(ada, clinic.site(work), date(2026, 12, 2), "again"), ConflictError),
            (lambda: administration_places.close_on(ada, clinic.site(work), day, " "), InvalidInputError),
            (lambda: administration_places.close_on(ada, clinic.site(work), TODAY - DAY, "past"), InvalidInputError),
            (
                lambda: administration_places.close_on(ada, clinic.site(work), date(2226, 1, 1), "typing error"),
                InvalidInputError,
            ),
        ):
            with pytest.raises(error):
                act()


def test_after_a_change_of_working_days_the_next_sweep_proposes_anew(clinic: Clinic) -> None:
    context = JobContext(clinic.engine, catalogue(), {}, "http://localhost", clinic.system, lambda: NOW)  # type: ignore[arg-type]
    with clinic.work() as work:
        _, plan = clinic.enrolled(work)
        dropped = str(min(days(work, plan)).isoweekday())
        work.session.add(Sweep(site_id=clinic.site_id, day=TODAY, done_at=NOW))
    with clinic.work(clinic.ada) as work:
        edited(clinic, work, working_days="12345".replace(dropped, ""))
        assert work.session.get(Sweep, (clinic.site_id, TODAY)) is None
        closed = daily_sweep._closed_days(work, clinic.site_id, TODAY)
        assert {str(day.isoweekday()) for day in closed} == {dropped}
        outdated = daily_sweep._outdated_plans(work.session, clinic.site_id, TODAY, closed)
        assert list(outdated) == [plan.id]
        daily_sweep.replanning.replan(context.work(work.session), work.session.get_one(Plan, plan.id))
        assert dropped not in {str(day.isoweekday()) for day in days(work, plan)}


def test_a_place_can_be_corrected(clinic: Clinic) -> None:
    with clinic.work() as work:
        place = clinic.scanner(work)
        places.add_place(work, clinic.site(work), "CT")
        administration_places.edit_place(work, place, PlaceDetails(" MRI 2 ", "12 High Street", "", outside=True))
        assert [row.name for row in administration_places.places(work, clinic.site(work))] == ["CT", "MRI 2"]
        assert change(work, "place.edit")[:2] == (
            {"name": "Scanner", "address": "", "outside": False},
            {"name": "MRI 2", "address": "12 High Street", "outside": True},
        )
        for details, error in (
            (PlaceDetails(" "), InvalidInputError),
            (PlaceDetails("CT"), ConflictError),
            (PlaceDetails("MRI 2", "12 High Street", "", outside=True), ConflictError),
        ):
            with pytest.raises(error):
                administration_places.edit_place(work, place, details)
        with pytest.raises(ForbiddenError):
            administration_places.edit_place(clinic.by(work, clinic.oscar), place, PlaceDetails("Mine"))


# -- staff -----------------------------------------------------------------------------------------------------


def test_a_new_user_gets_a_first_password_that_must_be_changed(clinic: Clinic) -> None:
    with clinic.work(clinic.ada) as work:
        made, password = staff.add(work, NewUser("kim", "Kim Vale"), clinic.site(work), Role.VIEWER)
        assert len(password) >= users.RECOMMENDED
        assert users.matches(made, password)
        assert made.must_change_password
        assert password not in str([value.after for _, value in events(work, "user.add")])
        listed = {
            member.user.username: [role for _, role in member.roles]
            for member in staff.members(work, [clinic.site(work)])
        }
        assert listed["kim"] == [Role.VIEWER]
        assert "oscar" not in listed


def test_a_reset_signs_the_user_out(clinic: Clinic) -> None:
    with clinic.work(clinic.ada) as work:
        grace = user(work, "grace")
        secret = sessions.open_session(work, grace, "password", proven=True)
        password = staff.reset_password(work, grace)
        assert users.matches(grace, password)
        assert sessions.resolve(work.session, secret, work.now) is None
        with pytest.raises(ConflictError):
            staff.reset_password(work, user(work, "ada"))
        with pytest.raises(ForbiddenError):
            staff.reset_password(work, user(work, "oscar"))


def test_a_lost_second_factor_is_taken_away_with_a_reason(clinic: Clinic) -> None:
    with clinic.work(clinic.ada) as work:
        grace = user(work, "grace")
        with pytest.raises(ConflictError):
            staff.reset_second_factor(work, grace, "lost")
        grace.totp_secret, grace.totp_confirmed_at = "kept", work.now
        with pytest.raises(InvalidInputError):
            staff.reset_second_factor(work, grace, " ")
        with pytest.raises(ForbiddenError):
            staff.reset_second_factor(clinic.by(work, clinic.helen), grace, "lost")
        staff.reset_second_factor(work, grace, "telephone lost")
        assert (grace.totp_secret, grace.totp_confirmed_at) == (None, None)
        assert change(work, "user.second_factor")[2] == "telephone lost"


def test_a_disabled_account_opens_nothing_any_more(clinic: Clinic) -> None:
    with clinic.work(clinic.ada) as work:
        grace = user(work, "grace")
        session = sessions.open_session(work, grace, "password", proven=True)
        _, token = tokens.create(work, tokens.NewToken(grace, "bridge"))
        feed, _ = feeds.create(work, feeds.NewFeed(clinic.site(work), user=grace))
        staff.disable(work, grace, "left")
        assert sessions.resolve(work.session, session, work.now) is None
        assert tokens.resolve(work.session, token, work.now) is None
        assert feeds.is_closed(work.session, feed)
        users.enable(work, grace, "back")
        assert sessions.resolve(work.session, session, work.now) is None
        with pytest.raises(ConflictError):
            staff.disable(work, user(work, "ada"), "me")


def test_a_token_does_not_reach_a_site_of_which_its_maker_has_no_say(clinic: Clinic) -> None:
    with clinic.work(clinic.ada) as work:
        grace, other = user(work, "grace"), work.session.exec(select(Site).where(Site.code == "DC2")).one()
        _, by_ada = tokens.create(work, tokens.NewToken(grace, "bridge"))
        _, by_system = tokens.create(clinic.by(work, clinic.system), tokens.NewToken(grace, "bridge"))
        users.set_role(clinic.by(work, clinic.system), grace, other, Role.VIEWER)
        assert tokens.resolve(work.session, by_ada, work.now) is None
        assert tokens.resolve(work.session, by_system, work.now) is not None
        assert "no administrator of it made the token" in change(work, "token.revoke")[2]


def test_ones_own_second_factor_is_not_taken_away_without_the_password(clinic: Clinic) -> None:
    with clinic.work(clinic.ada) as work:
        ada = user(work, "ada")
        ada.totp_secret, ada.totp_confirmed_at = "kept", work.now
        with pytest.raises(ConflictError, match="page of your account"):
            staff.reset_second_factor(work, ada, "lost")


def test_a_name_that_nobody_has_takes_no_longer_than_one_that_somebody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody, grace = User(username="", name="", created_at=NOW), User(username="grace", name="Grace", created_at=NOW)
    grace.password_hash = users.hashed("a long password")
    assert not users.matches(nobody, "a long password")
    monkeypatch.delattr(PasswordHash, "hash")  # from here on only looking is possible, once for each
    assert not users.matches(nobody, "nobody knows this")
    assert users.matches(grace, "a long password")


def test_a_name_can_be_corrected(clinic: Clinic) -> None:
    with clinic.work(clinic.ada) as work:
        grace = user(work, "grace")
        staff.edit(work, grace, " Grace Hill ", "grace@clinic.example")
        assert change(work, "user.edit")[:2] == (
            {"name": "Grace", "email": ""},
            {"name": "Grace Hill", "email": "grace@clinic.example"},
        )
        for name, email, error in (
            ("", "", InvalidInputError),
            ("Grace", "nonsense", InvalidInputError),
            ("Grace Hill", "grace@clinic.example", ConflictError),
        ):
            with pytest.raises(error):
                staff.edit(work, grace, name, email)
        with pytest.raises(ForbiddenError):
            staff.edit(work, user(work, "oscar"), "Oscar W", "")


def acting(session: Session) -> Work:
    return Work(session, NOW, bootstrap.system_actor(session), catalogue())


def test_of_two_who_send_the_same_code_at_once_one_comes_in(postgres_url: str) -> None:
    """Two processes have both read the account before either of them has used the code."""
    engine, safe = db.create_engine_for(postgres_url), second_factor.Safe("key")
    with db.writing(engine) as session:
        work = acting(session)
        grace = User(username="grace", name="Grace", created_at=work.now)
        session.add(grace)
        session.flush()
        secret = second_factor.begin(work, grace, safe)
        recovery = second_factor.confirm(work, grace, safe, pyotp.TOTP(secret).at(work.now - timedelta(seconds=30)))[0]
    for code in (pyotp.TOTP(secret).at(work.now), recovery):
        with db.writing(engine) as late:
            late.get_one(User, grace.id)
            with db.writing(engine) as early:
                assert second_factor.check(acting(early), early.get_one(User, grace.id), safe, code)
            assert not second_factor.check(acting(late), late.get_one(User, grace.id), safe, code)
    engine.dispose()
