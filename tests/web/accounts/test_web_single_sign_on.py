"""Signing in with the hospital's single sign-on, against a real OpenID provider on loopback."""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fakes.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider
from sqlmodel import select
from staff import NOW, PASSWORD, Staffed, Visitor, settings_of

from surveillance import bootstrap
from surveillance.operations.accounts import users as user_accounts
from surveillance.operations.work import Work
from surveillance.store.tables import AuditEvent, User

BEGIN, CALLBACK = "/sign-in/oidc", "/sign-in/oidc/callback"


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with OidcProvider(now=NOW.timestamp()) as provider:
        yield provider


@pytest.fixture
def hospital(staffed: Staffed, provider: OidcProvider) -> Staffed:
    """The clinic in a hospital that has a single sign-on."""
    changes = {
        "oidc_issuer": provider.issuer, "oidc_client_id": CLIENT_ID, "oidc_name": "Riverside ID",
        "oidc_client_secret": type(staffed.app.settings.secret_key)(CLIENT_SECRET),
    }  # fmt: skip
    settings = staffed.app.settings.model_copy(update=changes)
    return Staffed(replace(staffed.app, settings=settings, single_sign_on=bootstrap.single_sign_on(settings)))


def there_and_back(browser: Visitor, begin: str = BEGIN) -> httpx.Response:
    """To the provider, which asks nobody, and back with its answer."""
    away = browser.get(begin)
    assert away.status_code == 303, away.text
    back = httpx.get(away.headers["location"]).headers["location"]
    return browser.get(back.removeprefix("http://localhost"))


def whole(browser: Visitor, **fields: str) -> httpx.Response:
    answer = there_and_back(browser)
    assert answer.status_code == 200, answer.text
    return browser.post(BEGIN, **fields)


def users(clinic: Staffed) -> list[str]:
    return sorted(clinic.look(lambda work: list(work.session.exec(select(User.username)))))


def events(clinic: Staffed, action: str) -> list[AuditEvent]:
    return clinic.look(lambda work: list(work.session.exec(select(AuditEvent).where(AuditEvent.action == action))))


def test_the_page_offers_it_only_where_there_is_one(staffed: Staffed, hospital: Staffed) -> None:
    assert "Sign in with Riverside ID" in hospital.client().get("/sign-in").text
    stranger = staffed.client()
    assert "/sign-in/oidc" not in stranger.get("/sign-in").text
    assert stranger.get(BEGIN).status_code == 404
    assert stranger.post(BEGIN).status_code == 404


def test_an_existing_account_comes_in_and_is_linked_once(hospital: Staffed) -> None:
    browser, before = hospital.client(), users(hospital)
    answer = there_and_back(browser, f"{BEGIN}?next=/account")
    assert "Riverside ID says that you are <strong>Grace Okafor</strong>" in answer.text
    assert 'name="next" value="/account"' in answer.text
    assert events(hospital, "user.single_sign_on") == []  # a GET changes nothing
    assert browser.post(BEGIN, next="/account").headers["location"] == "/account"
    assert "Grace Okafor" in browser.client.get("/account").text
    whole(hospital.client())
    [linked] = events(hospital, "user.single_sign_on")
    signed_in = events(hospital, "user.sign_in")
    assert [event.reason for event in signed_in if event.subject_id == linked.subject_id][-2:] == ["single sign-on"] * 2
    assert users(hospital) == before


def test_what_goes_to_the_provider_holds_no_secret_and_is_new_each_time(hospital: Staffed) -> None:
    browser = hospital.client()
    first, second = (parse_qs(urlsplit(browser.get(BEGIN).headers["location"]).query) for _ in range(2))
    assert first["redirect_uri"] == ["http://localhost/sign-in/oidc/callback"]
    assert CLIENT_SECRET not in str(first)
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]
        assert len(first[name][0]) >= 43


def test_once_linked_only_the_subject_counts(hospital: Staffed, provider: OidcProvider) -> None:
    whole(hospital.client())
    provider.person |= {"preferred_username": "renamed", "email": "new@clinic.example"}
    assert whole(hospital.client()).status_code == 303
    provider.person |= {"sub": "u-99", "preferred_username": "grace"}  # somebody else got the name
    refused = there_and_back(hospital.client())
    assert (refused.status_code, "There is no account for you here" in refused.text) == (403, True)


def test_a_closed_account_stays_closed(hospital: Staffed) -> None:
    whole(hospital.client())
    browser = hospital.client()
    assert there_and_back(browser).status_code == 200

    def close(work: Work) -> None:
        user_accounts.disable(work, user_accounts.user_named(work, "grace"), "left")

    hospital.do(close)
    late = browser.post(BEGIN)
    assert (late.status_code, "Your account here is closed" in late.text) == (403, True)
    assert "single sign-on" in [event.reason for event in events(hospital, "user.sign_in_refused")]
    assert there_and_back(hospital.client()).status_code == 403


def test_a_token_that_is_not_as_it_must_be_lets_nobody_in(hospital: Staffed, provider: OidcProvider) -> None:
    provider.token["nonce"] = "another"
    browser = hospital.client()
    refused = there_and_back(browser)
    assert (refused.status_code, "gave an answer that cannot be trusted" in refused.text) == (403, True)
    assert browser.post(BEGIN).status_code == 403
    assert browser.get("/account").status_code == 303


def test_an_answer_belongs_to_the_browser_that_asked(hospital: Staffed) -> None:
    browser = hospital.client()
    away = browser.get(BEGIN).headers["location"]
    back = httpx.get(away).headers["location"].removeprefix("http://localhost")
    assert hospital.client().get(back).status_code == 403  # another browser
    assert browser.get(back.replace("state=", "state=x")).status_code == 403
    assert browser.get(back).status_code == 200
    assert browser.get(back).status_code == 403  # the code, and what the cookie held, are used


def test_a_sign_in_does_not_wait_forever(hospital: Staffed) -> None:
    browser = hospital.client()
    away = browser.get(BEGIN).headers["location"]
    hospital.later(minutes=11)
    back = httpx.get(away).headers["location"].removeprefix("http://localhost")
    late = browser.get(back)
    assert (late.status_code, "start again" in late.text) == (403, True)
    browser = hospital.client()
    hospital.now = NOW
    assert there_and_back(browser).status_code == 200
    hospital.later(minutes=3)
    assert browser.post(BEGIN).status_code == 403


def test_the_session_needs_a_form_of_ours(hospital: Staffed) -> None:
    browser = hospital.client()
    there_and_back(browser)
    assert browser.client.post(BEGIN, data={"token": "forged"}).status_code == 403
    stranger = hospital.client()
    stranger.client.cookies.set("surveillance-single-sign-on", "forged", domain="localhost.local", path="/")
    assert stranger.post(BEGIN).status_code == 403


def test_who_changes_their_mind_is_told(hospital: Staffed, provider: OidcProvider) -> None:
    provider.denies = True
    answer = there_and_back(hospital.client())
    assert (answer.status_code, "You were not signed in there." in answer.text) == (403, True)


def test_a_provider_that_is_down_or_is_another_is_told_apart(hospital: Staffed, provider: OidcProvider) -> None:
    provider.down = True
    assert hospital.client().get(BEGIN).status_code == 503
    provider.down, provider.metadata = False, {"issuer": "https://elsewhere.example"}
    assert hospital.client().get(BEGIN).status_code == 503


def test_a_linked_account_that_comes_in_by_password_is_asked_for_what_a_password_needs(hospital: Staffed) -> None:
    """What the hospital's sign-in proved once says nothing about a session that a password opened."""
    strict = settings_of(hospital, second_factor=True)

    def must_change(work: Work) -> None:
        user_accounts.user_named(work, "grace").must_change_password = True

    strict.do(must_change)
    linked = strict.client()
    whole(linked)
    assert linked.client.get("/").status_code == 200
    assert strict.client("grace").get("/").headers["location"] == "/account/password"
    by_password = strict.client()
    by_password.post("/sign-in", username="grace", password=PASSWORD)
    assert by_password.client.get("/").headers["location"] == "/account/password"
    by_password.cookie = str(by_password.client.cookies.get("surveillance-session"))
    by_password.post("/account/password", current=PASSWORD, password="my own words", again="my own words")
    assert by_password.client.get("/").headers["location"] == "/account/second-factor"
    assert linked.client.get("/").status_code == 303, "another password ended it"


def test_an_administrator_forgets_a_link_on_the_users_page(hospital: Staffed) -> None:
    whole(hospital.client())
    admin = hospital.client("admin")
    path = f"/admin/users/{hospital.look(lambda work: user_accounts.user_named(work, 'grace').id)}"
    assert "Forget the link" in admin.get(path).text
    assert admin.post(f"{path}/unlink").status_code == 422
    assert "linked anew" in admin.follow(admin.post(f"{path}/unlink", link_reason="the wrong person")).text
    assert "Forget the link" not in admin.get(path).text
