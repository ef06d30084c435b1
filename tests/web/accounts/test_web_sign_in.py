"""Coming in, staying in and going out."""

from datetime import timedelta

import pyotp
import pytest
from sqlmodel import select
from staff import BY_ROLE, HERE, PASSWORD, Staffed, Visitor, open_app, settings_of

from surveillance.operations.accounts import second_factor, sessions, users
from surveillance.operations.work import Work
from surveillance.store.tables import AuditEvent, SignInFailure, Site, User, WebSession


def enter(clinic: Staffed, username: str = "grace", password: str = PASSWORD, **fields: str):
    browser = clinic.client()
    return browser, browser.post("/sign-in", username=username, password=password, **fields)


def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_back(staffed: Staffed) -> None:
    stranger = staffed.client()
    answer = stranger.get("/account?x=1")
    assert answer.headers["location"] == "/sign-in?next=%2Faccount%3Fx%3D1"
    back = stranger.post("/sign-in", username="grace", password=PASSWORD, next="/account?x=1")
    assert back.headers["location"] == "/account?x=1"
    assert "Grace Okafor" in stranger.client.get("/account").text


@pytest.mark.parametrize(
    "wanted", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "//[", "x"]
)
def test_signing_in_never_leads_to_another_service(staffed: Staffed, wanted: str) -> None:
    _, answer = enter(staffed, next=wanted)
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(("username", "password"), [("grace", "wrong"), ("nobody", PASSWORD), ("system", PASSWORD)])
def test_a_refusal_tells_a_guesser_nothing(staffed: Staffed, username: str, password: str) -> None:
    _, answer = enter(staffed, username, password)
    assert answer.status_code == 422
    assert "User name or password is not right." in answer.text


def test_five_wrong_passwords_close_an_account_to_guessing_for_a_while(staffed: Staffed) -> None:
    for _ in range(sessions.TRIES_BY_NAME):
        enter(staffed, password="wrong")
    _, answer = enter(staffed)
    assert (answer.status_code, "Try again in 15 minutes" in answer.text) == (429, True)
    staffed.later(minutes=15, seconds=1)
    _, answer = enter(staffed)
    assert answer.status_code == 303


def test_one_address_cannot_guess_at_many_accounts(staffed: Staffed) -> None:
    def fail(work: Work) -> None:
        for number in range(sessions.TRIES_BY_ADDRESS):
            sessions.failed(work, f"name{number}", "testclient")

    staffed.do(fail)
    assert enter(staffed)[1].status_code == 429


def test_what_was_typed_as_a_name_is_not_kept(staffed: Staffed) -> None:
    enter(staffed, username="my password by mistake", password="x")
    kept = staffed.look(lambda work: list(work.session.exec(select(SignInFailure))))
    assert kept
    assert not any("password" in row.subject for row in kept)


def test_a_session_ends_after_a_quarter_of_an_hour_without_use(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    staffed.later(minutes=14)
    assert grace.get("/account").status_code == 200
    staffed.later(minutes=14)
    assert grace.get("/account").status_code == 200, "use keeps it"
    staffed.later(minutes=15, seconds=1)
    assert grace.get("/account").headers["location"].startswith("/sign-in")


def test_a_session_ends_after_twelve_hours_whatever_is_done(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    for _ in range(72):
        staffed.later(minutes=10)
        answer = grace.get("/account")
    assert answer.status_code == 200
    staffed.later(minutes=1)
    assert grace.get("/account").status_code == 303


def test_disabling_an_account_ends_its_sessions(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    staffed.do(lambda work: users.disable(work, users.user_named(work, "grace"), "left"))
    assert grace.get("/account").headers["location"].startswith("/sign-in")


def test_signing_out_ends_the_session_on_the_server_too(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    grace.post("/sign-out")
    row = staffed.look(lambda work: work.session.get(WebSession, sessions.hashed(grace.cookie)))
    assert row is not None
    assert row.ended_why == "signed out"


def test_a_form_without_its_token_is_refused_and_changes_nothing(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    before = staffed.look(lambda work: len(list(work.session.exec(select(AuditEvent)))))
    assert grace.client.post("/account/second-factor", data={"token": "forged"}).status_code == 403
    headers = {"Sec-Fetch-Site": "cross-site"}
    forged = grace.client.post("/account/second-factor", data={"token": grace.token}, headers=headers)
    assert forged.status_code == 403
    assert staffed.look(lambda work: len(list(work.session.exec(select(AuditEvent))))) == before


def test_a_password_that_was_given_must_be_changed_first(staffed: Staffed) -> None:
    def give(work: Work) -> None:
        users.reset_password(work, users.user_named(work, "grace"), "a first password")

    staffed.do(give)
    browser, answer = enter(staffed, password="a first password")
    assert browser.client.get(answer.headers["location"]).headers["location"] == "/account/password"
    browser.cookie = str(browser.client.cookies.get("surveillance-session"))
    wrong = browser.post("/account/password", current="x", password="short", again="shorter")
    assert wrong.status_code == 422
    assert "The two passwords differ" in wrong.text
    done = browser.post("/account/password", current="a first password", password="my own words", again="my own words")
    assert done.headers["location"] == "/account"
    assert browser.client.get("/account").status_code == 200


# -- the second factor -----------------------------------------------------------------------------------------


def set_up(clinic: Staffed) -> tuple[str, list[str]]:
    """Grace sets a second factor up; its secret and the recovery codes."""

    def begin(work: Work) -> tuple[str, list[str]]:
        user, safe = (
            users.user_named(work, "grace"),
            second_factor.Safe(clinic.app.settings.secret_key.get_secret_value()),
        )
        secret = second_factor.begin(work, user, safe)
        return secret, second_factor.confirm(work, user, safe, pyotp.TOTP(secret).at(work.now))

    return clinic.do(begin)


def test_a_password_alone_opens_nothing_once_there_is_a_second_factor(staffed: Staffed) -> None:
    secret, _ = set_up(staffed)
    staffed.later(seconds=30)
    browser, answer = enter(staffed)
    assert answer.headers["location"].startswith("/sign-in/code")
    assert browser.client.get("/account").headers["location"] == "/sign-in/code"
    browser.cookie = str(browser.client.cookies.get("surveillance-session"))
    assert browser.post("/sign-in/code", code="000000").status_code == 422
    good = pyotp.TOTP(secret).at(staffed.now)
    assert browser.post("/sign-in/code", code=good).headers["location"] == "/"
    assert browser.client.get("/account").status_code == 200


def test_a_code_of_the_telephone_and_a_recovery_code_each_work_once(staffed: Staffed) -> None:
    secret, codes = set_up(staffed)
    staffed.later(seconds=30)

    def tries(work: Work, code: str) -> bool:
        safe = second_factor.Safe(staffed.app.settings.secret_key.get_secret_value())
        return second_factor.check(work, users.user_named(work, "grace"), safe, code)

    code = pyotp.TOTP(secret).at(staffed.now)
    assert [staffed.do(lambda work: tries(work, code)) for _ in range(2)] == [True, False]
    assert [staffed.do(lambda work: tries(work, codes[0].upper())) for _ in range(2)] == [True, False]
    assert staffed.look(lambda work: second_factor.codes_left(work, users.user_named(work, "grace"))) == 9


def half_way(clinic: Staffed) -> Visitor:
    """Somebody who knows Grace's password and nothing more."""
    browser, _ = enter(clinic)
    browser.cookie = str(browser.client.cookies.get("surveillance-session"))
    return browser


def test_a_right_password_does_not_clear_wrong_codes(staffed: Staffed) -> None:
    """Whoever knows the password alone could else guess at the codes for ever."""
    set_up(staffed)
    staffed.later(seconds=30)
    answers = [half_way(staffed).post("/sign-in/code", code="000000") for _ in range(sessions.TRIES_BY_NAME)]
    assert {answer.status_code for answer in answers} == {422}
    assert enter(staffed)[1].status_code == 429


def test_codes_are_guessed_at_nowhere_else(staffed: Staffed) -> None:
    secret, _ = set_up(staffed)
    staffed.later(seconds=30)
    good = pyotp.TOTP(secret).at(staffed.now)
    thief = half_way(staffed)
    for path in ("confirm", "codes", "remove"):
        answer = thief.post(f"/account/second-factor/{path}", code=good, current=PASSWORD)
        assert answer.headers["location"] == "/sign-in/code", path
    grace = staffed.client("grace")
    assert "set up already" in grace.post("/account/second-factor/confirm", code=good).text


def test_a_proof_that_is_given_clears_what_failed_before(staffed: Staffed) -> None:
    secret, _ = set_up(staffed)
    staffed.later(seconds=30)
    browser = half_way(staffed)
    for _ in range(sessions.TRIES_BY_NAME - 1):
        browser.post("/sign-in/code", code="000000")
    assert browser.post("/sign-in/code", code=pyotp.TOTP(secret).at(staffed.now)).status_code == 303
    assert enter(staffed)[1].status_code == 303


def test_an_open_browser_does_not_let_anybody_guess_the_password(staffed: Staffed) -> None:
    set_up(staffed)
    grace = staffed.client("grace")
    for _ in range(sessions.TRIES_BY_NAME):
        assert grace.post("/account/second-factor/codes", current="wrong").status_code == 422
    told = grace.post("/account/password", current=PASSWORD, password="my own words", again="my own words")
    assert "Too many tries" in told.text


def test_a_password_and_a_second_factor_that_are_new_end_the_sessions_that_had_less(staffed: Staffed) -> None:
    grace, elsewhere = staffed.client("grace"), staffed.client("grace")
    same = grace.post("/account/password", current=PASSWORD, password=PASSWORD, again=PASSWORD)
    assert "Choose another password" in same.text
    grace.post("/account/password", current=PASSWORD, password="my own words", again="my own words")
    assert [each.get("/account").status_code for each in (grace, elsewhere)] == [200, 303]
    elsewhere = staffed.client("grace")
    grace.post("/account/second-factor")
    secret = grace.get("/account/second-factor").text.split('app-mono">')[1].split("<")[0]
    grace.post("/account/second-factor/confirm", code=pyotp.TOTP(secret).at(staffed.now))
    assert [each.get("/account").status_code for each in (grace, elsewhere)] == [200, 303]


def test_somebody_else_at_the_same_browser_ends_the_session_before(staffed: Staffed) -> None:
    browser = staffed.client("grace")
    before = browser.cookie
    assert browser.post("/sign-in", username="helen", password=PASSWORD).status_code == 303
    after = str(browser.client.cookies.get("surveillance-session"))
    rows = staffed.look(lambda work: [work.session.get(WebSession, sessions.hashed(each)) for each in (before, after)])
    assert [row.ended_why for row in rows if row] == ["signed in anew", ""]
    assert "Helen" in browser.client.get("/account").text


def test_a_session_that_was_planted_is_nobodys(staffed: Staffed) -> None:
    """Whatever cookie a browser brings, signing in makes a new secret."""
    browser = staffed.client()
    browser.client.cookies.set("surveillance-session", "planted", domain="localhost.local", path="/")
    browser.cookie = "planted"
    browser.post("/sign-in", username="grace", password=PASSWORD)
    assert browser.client.cookies.get("surveillance-session") not in (None, "planted")


def test_whoever_works_nowhere_any_more_sees_only_the_own_account(staffed: Staffed) -> None:
    grace = staffed.client("grace")

    def leave(work: Work) -> None:
        site = work.session.get_one(Site, staffed.site_id())
        users.set_role(work, users.user_named(work, "grace"), site, None)

    staffed.do(leave)
    assert [grace.get(path).status_code for path in ("/", "/search?q=Adams", "/messages", "/account")] == [403] * 3 + [
        200
    ]
    assert grace.get("/").text.count("app-table") == 0


@pytest.mark.parametrize(("drift", "counts"), [(-60, False), (-30, True), (30, True), (60, False)])
def test_a_telephone_may_be_half_a_minute_off(staffed: Staffed, drift: int, counts: bool) -> None:
    secret, _ = set_up(staffed)
    staffed.later(minutes=5)
    code = pyotp.TOTP(secret).at(staffed.now + timedelta(seconds=drift))
    safe = second_factor.Safe(staffed.app.settings.secret_key.get_secret_value())
    assert staffed.do(lambda work: second_factor.check(work, users.user_named(work, "grace"), safe, code)) is counts


def test_the_secret_is_not_stored_in_clear(staffed: Staffed) -> None:
    secret, codes = set_up(staffed)
    raw = staffed.app.engine.url.database
    content = open(raw, "rb").read() + open(f"{raw}-wal", "rb").read()  # noqa: SIM115, PTH123
    assert secret.encode() not in content
    assert not any(code.replace("-", "").encode() in content for code in codes)


def test_setting_a_second_factor_up_by_the_pages(staffed: Staffed) -> None:
    grace = staffed.client("grace")
    grace.post("/account/second-factor")
    page = grace.get("/account/second-factor").text
    secret = page.split('app-mono">')[1].split("<")[0]
    assert "<svg" in page
    assert grace.post("/account/second-factor/confirm", code="123").status_code == 422
    shown = grace.post("/account/second-factor/confirm", code=pyotp.TOTP(secret).at(staffed.now))
    assert shown.text.count('<li class="app-mono">') == second_factor.CODES
    assert "not your present password" in grace.post("/account/second-factor/remove", current="wrong").text
    assert grace.post("/account/second-factor/remove", current=PASSWORD).status_code == 303


def test_where_a_second_factor_is_required_it_comes_before_everything(staffed: Staffed) -> None:
    strict = settings_of(staffed, second_factor=True)
    assert strict.client("grace").get("/").headers["location"] == "/account/second-factor"


# -- the first run ---------------------------------------------------------------------------------------------

FIRST = {
    "name": "Ada Example", "username": "ada", "password": "a long first password", "again": "a long first password",
    "site_name": "Riverside Clinic", "short_name": "Riverside", "code": HERE, "country": "us",
    "zone": "America/New_York", "phone": "(202) 555-0100", "language": "en",
}  # fmt: skip


@pytest.fixture
def empty(sqlite_url: str) -> Staffed:
    return Staffed(open_app(sqlite_url))


def test_the_first_run_makes_an_administrator_and_a_clinic_and_then_is_closed(empty: Staffed) -> None:
    stranger = empty.client()
    assert stranger.get("/").headers["location"] == "/sign-in"
    assert stranger.get("/sign-in").headers["location"] == "/first-run"
    answer = stranger.post("/first-run", **FIRST)
    assert answer.headers["location"] == "/"
    assert "Ada Example" in stranger.client.get("/account").text
    assert empty.client().get("/first-run").headers["location"] == "/sign-in"
    assert empty.client().post("/first-run", **FIRST | {"username": "eve"}).headers["location"] == "/sign-in"
    assert [user.username for user in empty.look(lambda work: list(work.session.exec(select(User))))] != ["eve"]


def test_all_mistakes_of_the_first_run_are_told_at_once_and_nothing_is_lost(empty: Staffed) -> None:
    answer = empty.client().post("/first-run", **FIRST | {"zone": "Mars/Base", "again": "other", "name": ""})
    assert answer.status_code == 422
    assert "Enter your name" in answer.text
    assert "The two passwords differ" in answer.text
    assert "Riverside Clinic" in answer.text
    assert answer.text.count("a long first password") == 0, "a password is never sent back"


def test_in_production_only_whoever_has_the_set_up_code_is_let_in(empty: Staffed) -> None:
    strict = settings_of(empty, environment="production", second_factor=False)
    assert "This is not the set-up code" in strict.client().post("/first-run", **FIRST).text
    right = strict.client().post("/first-run", setup_code=strict.app.settings.setup_code, **FIRST)
    assert right.status_code == 303


def test_every_role_can_come_in(staffed: Staffed) -> None:
    for username in BY_ROLE.values():
        assert staffed.client(username).get("/account").status_code == 200


def test_a_page_of_an_error_keeps_the_way_to_everything_else(staffed: Staffed) -> None:
    visitor = staffed.client("visitor")
    for path, status in (("/patients/new", 403), ("/patients/00000000-0000-0000-0000-000000000000", 404)):
        answer = visitor.get(path)
        assert answer.status_code == status
        assert 'aria-label="Main"' in answer.text
        assert "Noor Aziz" in answer.text
    assert "Noor Aziz" not in staffed.client().get("/no/such/page").text
