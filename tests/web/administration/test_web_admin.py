"""Administration by HTTP: what an administrator sets up, and that nobody else does."""

import csv
import io
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta

import pytest
from browser import DESK, PHONE, Screen, too_wide
from sqlmodel import select
from staff import HERE, NOW, Staffed, Visitor

from surveillance.core.words import Role
from surveillance.operations.accounts import tokens, users
from surveillance.operations.audit import sealing
from surveillance.operations.job_context import JobContext
from surveillance.operations.work import Work
from surveillance.store.tables import ApiToken, AuditEvent, Closure, Feed, FeedKind, Place, Site, User, WebSession

Window = Callable[..., AbstractContextManager[Screen]]
SECRET = re.compile(r'id="secret"[^>]*>([^<]+)<')
PAGES = (
    "", f"/sites/{HERE}", f"/sites/{HERE}/edit", "/sites/new", "/users", "/users/new", "/feeds", "/tokens",
    "/audit", "/audit/verify",
)  # fmt: skip
SETTINGS = {
    "name": "Riverside", "short_name": "Riverside", "zone": "America/New_York", "country": "us",
    "phone": "(202) 555-0111", "holidays": "US", "working_day": ["1", "2", "3", "4"], "language": ["en"],
    "privacy": "neutral", "send_from": "8:30", "send_until": "18:00", "age_of_majority": "18", "noshow_limit": "3",
    "report_days": "10", "review_days": "5", "told_days": "3",
}  # fmt: skip


@pytest.fixture
def admin(staffed: Staffed) -> Visitor:
    return staffed.client("admin")


def user_id(clinic: Staffed, name: str) -> str:
    return str(clinic.look(lambda work: users.user_named(work, name).id))


def actions(clinic: Staffed, *kinds: str) -> list[str]:
    def read(work: Work) -> list[str]:
        return list(work.session.exec(select(AuditEvent.action).order_by(AuditEvent.id)))

    return [action for action in clinic.look(read) if action.startswith(kinds)]


def secret_of(page: str) -> str:
    found = SECRET.search(page)
    assert found is not None, page
    return found[1]


def test_an_address_for_somebody_who_works_elsewhere_does_not_become_one_of_the_whole_site(
    staffed: Staffed, admin: Visitor
) -> None:
    before = staffed.look(lambda work: len(list(work.session.exec(select(Feed)))))
    answer = admin.post("/admin/feeds", site=HERE, privacy="neutral", user=user_id(staffed, "oscar"))
    assert (answer.status_code, "from the list" in answer.text) == (422, True)
    assert staffed.look(lambda work: len(list(work.session.exec(select(Feed))))) == before


@pytest.mark.parametrize("name", ["grace", "helen", "visitor"])
def test_only_administrators_come_in(staffed: Staffed, name: str) -> None:
    browser = staffed.client(name)
    assert {browser.get(f"/admin{path}").status_code for path in PAGES} == {403}
    assert browser.post("/admin/feeds", site=HERE, privacy="neutral").status_code == 403


def test_every_page_opens_and_shows_no_raw_word(admin: Visitor) -> None:
    for path in PAGES:
        answer = admin.get(f"/admin{path}")
        assert answer.status_code == 200, path
        text = re.sub(r"<[^>]+>", " ", answer.text)
        assert not re.search(r"\+00:00|\bUTC\b|FeedKind|Role\.|\bNone[^ ]", text), path


def test_an_administrator_of_another_site_finds_nothing_here(staffed: Staffed) -> None:
    olga = staffed.client("olga")
    place = staffed.look(
        lambda work: work.session.exec(select(Place).where(Place.site_id == staffed.site_id())).first()
    )
    staffed.client("admin").post("/admin/feeds", site=HERE, privacy="neutral")
    feed = staffed.look(lambda work: work.session.exec(select(Feed).where(Feed.kind == FeedKind.SITE)).one())
    assert place is not None
    for path in (f"/sites/{HERE}", f"/places/{place.id}", f"/users/{user_id(staffed, 'grace')}", f"/audit?site={HERE}"):
        assert olga.get(f"/admin{path}").status_code == 404, path
    for path in (f"/feeds/{feed.id}/revoke", f"/users/{user_id(staffed, 'grace')}/disable", f"/sites/{HERE}/edit"):
        assert olga.post(f"/admin{path}", reason="x").status_code == 404, path
    assert "Grace" not in olga.get("/admin/users").text
    assert "grace" not in olga.get("/admin/audit").text.lower()


# -- sites -----------------------------------------------------------------------------------------------------


def languages_of(staffed: Staffed) -> list[str]:
    return staffed.look(lambda work: work.session.exec(select(Site.languages).where(Site.code == HERE)).one())


def test_settings_are_changed_and_mistakes_stay_on_the_form(staffed: Staffed, admin: Visitor) -> None:
    wrong = admin.post(f"/admin/sites/{HERE}/edit", **(SETTINGS | {"send_from": "25:00", "language": []}))
    assert wrong.status_code == 422
    assert 'href="#send_from"' in wrong.text
    assert 'href="#language"' in wrong.text
    assert "Choose a usual language" in admin.post(f"/admin/sites/{HERE}/edit", **SETTINGS, first_language="es").text
    assert 'value="(202) 555-0111"' in wrong.text
    more = SETTINGS | {"language": ["ar", "en", "es"]}
    assert admin.post(f"/admin/sites/{HERE}/edit", **more).status_code == 303
    assert languages_of(staffed) == ["en", "es", "ar"]  # the order of a form is none
    assert admin.post(f"/admin/sites/{HERE}/edit", **more, first_language="es").status_code == 303
    assert languages_of(staffed) == ["es", "en", "ar"]
    refused = admin.post(f"/admin/sites/{HERE}/edit", **(SETTINGS | {"zone": "Europe/London"}))
    assert (refused.status_code, "its time zone stays" in refused.text) == (422, True)
    done = admin.follow(admin.post(f"/admin/sites/{HERE}/edit", reason="fewer days", **SETTINGS))
    assert "The settings of Riverside are changed." in done.text
    site = staffed.look(lambda work: work.session.exec(select(Site).where(Site.code == HERE)).one())
    assert (site.working_days, site.languages, site.noshow_limit, site.country) == ("1234", ["en"], 3, "US")
    assert (site.report_days, site.review_days, site.told_days) == (10, 5, 3)
    assert "report in 10 days, review in 5 days, told in 3 days" in done.text
    over = admin.post(f"/admin/sites/{HERE}/edit", **(SETTINGS | {"told_days": "91"}))
    assert "The days that telling the patient may take must be a number from 1 to 90" in over.text


def test_a_new_site_is_administered_by_whoever_added_it(staffed: Staffed, admin: Visitor) -> None:
    page = admin.follow(admin.post("/admin/sites/new", code="BOS1", **(SETTINGS | {"name": "Boston"})))
    assert "Boston is added" in page.text
    assert "There is no place yet" in page.text
    taken = admin.post("/admin/sites/new", code="BOS1", **SETTINGS)
    assert (taken.status_code, "exists already" in taken.text) == (422, True)
    assert staffed.client("olga").get("/admin/sites/BOS1").status_code == 404


def test_places_are_added_and_corrected(staffed: Staffed, admin: Visitor) -> None:
    new = f"/admin/sites/{HERE}/places/new"
    assert 'href="#name"' in admin.post(new, name=" ").text
    assert "CT 3" in admin.follow(admin.post(new, name="CT 3", address="1 High Street", outside="yes")).text
    place = staffed.look(lambda work: work.session.exec(select(Place).where(Place.name == "CT 3")).one())
    assert 'value="1 High Street"' in admin.get(f"/admin/places/{place.id}").text
    assert "CT 4" in admin.follow(admin.post(f"/admin/places/{place.id}", name="CT 4")).text
    assert admin.post(f"/admin/places/{place.id}", name="CT 4").status_code == 422


def test_a_day_is_closed_and_opened_again(staffed: Staffed, admin: Visitor) -> None:
    path, day = f"/admin/sites/{HERE}/closures", date(2026, 12, 15)
    assert admin.post(path, day="", reason="").status_code == 422
    assert 'href="#day"' in admin.post(path, day="2020-01-01", reason="past").text
    page = admin.follow(admin.post(path, day=day, reason="scanner service"))
    assert "Tue 15 Dec 2026 is closed. No visit is booked for it." in page.text
    assert "scanner service" in page.text
    assert "works on Tue 15 Dec 2026 again" in admin.follow(admin.post(f"{path}/remove", day=day)).text
    assert staffed.look(lambda work: work.session.get(Closure, (day, staffed.site_id()))) is None
    assert admin.post(f"{path}/remove", day=day).status_code == 404


def test_the_first_messages_are_read_before_a_site_goes_live(staffed: Staffed, admin: Visitor) -> None:
    stopped = admin.follow(admin.post(f"/admin/sites/{HERE}/stop"))
    assert "not live" in stopped.text
    path, day = f"/admin/sites/{HERE}/go-live", NOW.date() + timedelta(days=1)
    shown = admin.post(path, day=day, act="show")
    assert shown.status_code == 200
    assert "messages would go out" in shown.text
    assert "Riverside Clinic: " in shown.text
    assert "I have read them: go live" in shown.text
    assert staffed.look(lambda work: work.session.get_one(Site, staffed.site_id()).messages_from) is None
    assert "patient.find" in actions(staffed, "patient.find")
    assert "Messages go out from Wed 25 Nov 2026 on." in admin.follow(admin.post(path, day=day, act="live")).text
    assert admin.post(path, day=day, act="live").status_code == 422
    assert actions(staffed, "site.go_live")[-2:] == ["site.go_live", "site.go_live"]


# -- users -----------------------------------------------------------------------------------------------------


def test_a_user_is_added_with_a_password_that_is_shown_once_and_must_be_changed(
    staffed: Staffed, admin: Visitor
) -> None:
    assert admin.post("/admin/users/new", name="", username="Kim Vale", role="viewer", site=HERE).status_code == 422
    page = admin.post("/admin/users/new", name="Kim Vale", username="kim", role="viewer", site=HERE)
    password = secret_of(page.text)
    newcomer = staffed.client()
    entered = newcomer.post("/sign-in", username="kim", password=password)
    assert entered.status_code == 303
    assert newcomer.client.get("/").headers["location"] == "/account/password"
    assert password not in admin.get(f"/admin/users/{user_id(staffed, 'kim')}").text


def test_roles_are_given_and_taken(staffed: Staffed, admin: Visitor) -> None:
    person = f"/admin/users/{user_id(staffed, 'visitor')}"
    assert "is coordinator at" in admin.follow(admin.post(f"{person}/role", site=HERE, role="coordinator")).text
    assert "no longer works at" in admin.follow(admin.post(f"{person}/role", site=HERE, role="")).text
    own = admin.post(f"/admin/users/{user_id(staffed, 'admin')}/role", site=HERE, role="viewer")
    assert (own.status_code, "last administrator" in own.text) == (422, True)


def test_a_lost_password_and_a_lost_second_factor_are_reset(staffed: Staffed, admin: Visitor) -> None:
    grace, path = staffed.client("grace"), f"/admin/users/{user_id(staffed, 'grace')}"
    password = secret_of(admin.post(f"{path}/password").text)
    assert grace.get("/account").headers["location"].startswith("/sign-in")
    assert staffed.look(lambda work: users.matches(users.user_named(work, "grace"), password))
    assert "has no second factor" in admin.post(f"{path}/second-factor", factor_reason="lost").text

    def set_up(work: Work) -> None:
        user = users.user_named(work, "grace")
        user.totp_secret, user.totp_confirmed_at = "kept", work.now

    staffed.do(set_up)
    assert "Enter why the second factor is reset" in admin.post(f"{path}/second-factor").text
    assert "can set up a new one" in admin.follow(admin.post(f"{path}/second-factor", factor_reason="lost")).text
    assert "on the page of your account" in admin.post(f"/admin/users/{user_id(staffed, 'admin')}/password").text


def test_an_account_is_closed_with_a_reason_and_opened_again(staffed: Staffed, admin: Visitor) -> None:
    grace, path = staffed.client("grace"), f"/admin/users/{user_id(staffed, 'grace')}"
    assert admin.post(f"{path}/disable").status_code == 422
    assert "may not sign in any more" in admin.follow(admin.post(f"{path}/disable", reason="left")).text
    assert grace.get("/account").headers["location"].startswith("/sign-in")
    ended = staffed.look(lambda work: list(work.session.exec(select(WebSession.ended_why))))
    assert "the account was disabled" in ended
    assert "may sign in again" in admin.follow(admin.post(f"{path}/enable", reason="back")).text
    assert "changed" in admin.follow(admin.post(path, name="Grace Hill", email="grace@clinic.example")).text


def test_who_works_elsewhere_too_is_changed_only_by_who_administers_both(staffed: Staffed, admin: Visitor) -> None:
    def lend(work: Work) -> None:
        site = work.session.exec(select(Site).where(Site.code == "ELSEWHERE")).one()
        users.set_role(work, users.user_named(work, "grace"), site, Role.VIEWER)

    staffed.do(lend)
    path = f"/admin/users/{user_id(staffed, 'grace')}"
    assert "which you do not administer" in admin.get(path).text
    assert admin.post(f"{path}/disable", reason="left").status_code == 403
    assert admin.post(f"{path}/password").status_code == 403


# -- addresses and tokens --------------------------------------------------------------------------------------


def test_a_calendar_address_is_shown_once_replaced_and_revoked(staffed: Staffed, admin: Visitor) -> None:
    made = admin.post("/admin/feeds", site=HERE, user=user_id(staffed, "ivan"), label="telephone", privacy="neutral")
    address = secret_of(made.text)
    path = address.removeprefix("http://localhost")
    assert admin.get(path).status_code == 200
    listed = admin.get("/admin/feeds").text
    assert "Patients of Ivan" in listed
    assert address not in listed
    feed = staffed.look(lambda work: work.session.exec(select(Feed).where(Feed.label == "telephone")).one())
    renewed = secret_of(admin.post(f"/admin/feeds/{feed.id}/rotate").text).removeprefix("http://localhost")
    assert (admin.get(path).status_code, admin.get(renewed).status_code) == (410, 200)
    fresh = staffed.look(
        lambda work: work.session.exec(select(Feed).where(Feed.label == "telephone", Feed.revoked_at == None)).one()  # noqa: E711
    )
    assert "is closed" in admin.follow(admin.post(f"/admin/feeds/{fresh.id}/revoke")).text
    assert admin.get(renewed).status_code == 410


def test_a_token_is_shown_once_and_revoked(staffed: Staffed, admin: Visitor) -> None:
    assert admin.post("/admin/tokens", name="", may="read").status_code == 422
    assert admin.post("/admin/tokens", name="x", may="read", user=user_id(staffed, "olga")).status_code == 422
    made = admin.post(
        "/admin/tokens", name="RIS bridge", may="write", user=user_id(staffed, "grace"), last_day="2027-01-31"
    )
    secret = secret_of(made.text)
    found = staffed.look(lambda work: tokens.resolve(work.session, secret, NOW))
    assert found is not None
    assert found[0].scopes == ["read", "write"]
    listed = admin.get("/admin/tokens").text
    assert "Mon 1 Feb 2027, 00:00" in listed
    assert secret not in listed
    token = staffed.look(lambda work: work.session.exec(select(ApiToken)).one())
    assert staffed.client("olga").post(f"/admin/tokens/{token.id}/revoke").status_code == 404
    assert "is revoked" in admin.follow(admin.post(f"/admin/tokens/{token.id}/revoke")).text
    assert staffed.look(lambda work: tokens.resolve(work.session, secret, NOW)) is None


# -- the audit log ---------------------------------------------------------------------------------------------


def test_the_log_is_searched_paged_and_the_look_is_in_it(staffed: Staffed, admin: Visitor) -> None:
    first = admin.get("/admin/audit")
    assert "booked a visit" in first.text
    following = re.search(r'href="(/admin/audit\?[^"]*after=\d+)"', first.text)
    assert following is not None
    assert admin.get(following[1].replace("&amp;", "&")).status_code == 200
    assert actions(staffed, "audit") == ["audit.view", "audit.view"]
    assert "looked at the audit log" in admin.get("/admin/audit?user=admin&action=audit").text
    assert "Nothing was found" in admin.get("/admin/audit?text=nothing+like+this").text
    for wrong in ("from=tomorrow", "mrn=nobody", "user=olga", "from=2026-11-24&to=2026-11-01"):
        assert admin.get(f"/admin/audit?{wrong}").status_code == 422, wrong


def test_the_log_is_taken_out_as_csv(staffed: Staffed, admin: Visitor) -> None:
    answer = admin.get("/admin/audit/events.csv?action=patient")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert {row["action"].partition(".")[0] for row in rows} == {"patient"}
    assert {"family name", "birth date"} <= {row["name"] for row in rows}
    assert actions(staffed, "audit") == ["audit.export"]


def test_the_chain_is_verified_on_a_page(staffed: Staffed, admin: Visitor) -> None:
    context = JobContext(
        staffed.app.engine, staffed.app.catalogue, {}, "", staffed.do(lambda work: work.actor), lambda: NOW
    )
    sealing.seal(context)
    page = admin.get("/admin/audit/verify?noted=").text
    assert "The audit log is whole:" in page
    assert str(staffed.look(sealing.head)) in page
    assert admin.get("/admin/audit/verify?noted=nonsense").status_code == 422
    with staffed.app.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit_event SET reason = 'x' WHERE id = 5")
    assert "first at link 5, event 5" in admin.get("/admin/audit/verify?noted=").text


def test_a_disabled_user_is_not_offered_for_a_token(staffed: Staffed, admin: Visitor) -> None:
    assert 'value="' + user_id(staffed, "ivan") in admin.get("/admin/tokens").text

    def close(work: Work) -> None:
        users.disable(work, work.session.exec(select(User).where(User.username == "ivan")).one(), "left")

    staffed.do(close)
    assert 'value="' + user_id(staffed, "ivan") not in admin.get("/admin/tokens").text


# -- in a browser ----------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_every_page_is_accessible_and_fits(staffed: Staffed, window: Window) -> None:
    person = f"/users/{user_id(staffed, 'grace')}"
    with window("admin", PHONE) as screen:
        for path in (*PAGES, person, f"/sites/{HERE}/go-live"):
            screen.sound(path=f"/admin{path}")
            screen.page.set_viewport_size({"width": DESK, "height": 800})
            assert too_wide(screen.page) <= 0, path
            screen.page.set_viewport_size({"width": PHONE, "height": 800})
        page = screen.open(f"/admin/sites/{HERE}")
        page.get_by_role("button", name="Close the day").click()  # with nothing filled in
        page.get_by_role("link", name="Enter the day").click()
        assert page.evaluate("document.activeElement.id") == "day"
        screen.sound()
        screen.sound(path="/admin/audit?text=nothing+like+this")
        screen.open("/admin/audit?action=visit").locator("summary").first.click()
        screen.sound()


@pytest.mark.browser
def test_a_user_is_added_and_a_site_goes_live_without_scripts(window: Window) -> None:
    with window("admin", scripts=False) as screen:
        page = screen.open("/admin/users/new")
        page.locator("#name").fill("Kim Vale")
        page.get_by_label("User name").fill("kim")
        page.get_by_role("button", name="Add the user").click()
        assert len(page.locator("#secret").inner_text()) >= users.RECOMMENDED
        page = screen.open(f"/admin/sites/{HERE}/go-live")
        page.get_by_label("First day of messages").fill("2026-12-01")
        page.get_by_role("button", name="Show what would go out").click()
        page.get_by_role("button", name="I have read them: go live").click()
        assert "Messages go out from Tue 1 Dec 2026 on." in page.content()
        assert screen.complaints == []
