"""API tokens: shown once, acting as their user, ended with the user."""

from datetime import timedelta
from typing import Any

import pytest
from clinic import NOW, Clinic, change
from sqlmodel import select

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from surveillance.operations.accounts import tokens, users
from surveillance.operations.accounts.tokens import NewToken, Scope
from surveillance.operations.work import Work
from surveillance.store.tables import ApiToken, User

MINUTE = timedelta(minutes=1)


def user(work: Work, name: str = "grace") -> User:
    return work.session.exec(select(User).where(User.username == name)).one()


def made(work: Work, **values: Any) -> tuple[ApiToken, str]:
    return tokens.create(work, NewToken(user(work), **({"name": "RIS bridge"} | values)))


def test_a_token_acts_as_its_user_and_only_its_hash_is_kept(clinic: Clinic) -> None:
    with clinic.work(clinic.ada) as work:
        token, secret = made(work, scopes=[Scope.WRITE, Scope.READ, Scope.READ])
        assert token.scopes == ["read", "write"]
        assert secret.startswith(tokens.PREFIX)
        assert secret not in str(token.model_dump())
        found = tokens.resolve(work.session, secret, work.now)
        assert found is not None
        assert (found[0].id, found[1].username) == (token.id, "grace")
        assert tokens.resolve(work.session, secret + "x", work.now) is None
        _, after, _ = change(work, "token.create")
        assert after["name"] == "RIS bridge"
        assert not any(secret in str(value) or "hash" in key for key, value in after.items())


def test_its_use_is_noted_once_a_minute(clinic: Clinic) -> None:
    with clinic.work(clinic.ada) as work:
        token, _ = made(work)
        for seconds, noted in ((0, 0), (30, 0), (59, 0), (60, 60), (100, 60), (120, 120)):
            now = NOW + timedelta(seconds=seconds)
            assert tokens.use_is_due(token, now) is (noted == seconds)
            tokens.note_use(work.session, token, now)
            work.session.refresh(token)
            assert token.last_used_at == NOW + timedelta(seconds=noted)


def test_a_token_ends_when_it_expires_is_revoked_or_its_user_is_disabled(clinic: Clinic) -> None:
    with clinic.work(clinic.ada) as work:
        _, short = made(work, expires_at=NOW + MINUTE)
        second, longer = made(work)
        _, last = made(work)
        assert tokens.resolve(work.session, short, NOW + MINUTE) is None
        tokens.revoke(work, second, "leaked")
        assert change(work, "token.revoke")[2] == "leaked"
        assert tokens.resolve(work.session, longer, NOW) is None
        with pytest.raises(ConflictError):
            tokens.revoke(work, second)
        users.disable(work, user(work), "left")
        assert tokens.resolve(work.session, last, NOW) is None
        users.enable(work, user(work), "back")
        assert tokens.resolve(work.session, last, NOW) is None
        standing = [token for token, _ in tokens.listed(work, [clinic.site(work)]) if token.revoked_at is None]
        assert [token.expires_at for token in standing] == []


def test_only_an_administrator_of_all_the_users_sites_lends_a_name(clinic: Clinic) -> None:
    with clinic.work(clinic.ada) as work:
        token, _ = made(work)
        with pytest.raises(ForbiddenError):
            tokens.create(work, NewToken(user(work, "oscar"), "other site"))
        for actor in (clinic.grace, clinic.helen, clinic.oscar):
            with pytest.raises(ForbiddenError):
                made(clinic.by(work, actor))
            with pytest.raises(ForbiddenError):
                tokens.revoke(clinic.by(work, actor), token)


@pytest.mark.parametrize(
    "values",
    [{"name": " "}, {"name": "x" * 101}, {"scopes": []}, {"expires_at": NOW}],
    ids=lambda case: str(list(case)),
)
def test_what_makes_no_token_is_refused(sqlite_clinic: Clinic, values: dict[str, Any]) -> None:
    with sqlite_clinic.work(sqlite_clinic.ada) as work, pytest.raises(InvalidInputError):
        made(work, **values)


def test_nobody_acts_as_the_service_or_as_a_disabled_user(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work(sqlite_clinic.system) as work:
        with pytest.raises(ForbiddenError):
            tokens.create(work, NewToken(user(work, "system"), "x"))
        users.disable(work, user(work), "left")
        with pytest.raises(ForbiddenError):
            made(work)


def test_a_token_is_named_by_its_first_digits(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work(sqlite_clinic.ada) as work:
        token, _ = made(work)
        here = [sqlite_clinic.site(work)]
        assert tokens.token_named(work, here, token.id.hex[:8]) == token
        for prefix in ("", "zz"):
            with pytest.raises(NotFoundError):
                tokens.token_named(work, here, prefix)
