"""Which account an identity of the hospital opens, and that none is ever made."""

from dataclasses import replace

import pytest
from clinic import Clinic, change, events
from sqlmodel import func, select

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError
from surveillance.core.people.identity import Identity
from surveillance.operations.accounts import single_sign_on, users
from surveillance.operations.accounts.sessions import Refused
from surveillance.operations.accounts.single_sign_on import CLOSED, UNKNOWN
from surveillance.operations.work import Work
from surveillance.store.tables import User

GRACE = Identity("https://id.hospital.example", "u-17", "grace", "grace@clinic.example", email_verified=True)


def opened(work: Work, identity: Identity) -> str:
    """The user name that an identity opens, or why none."""
    found = single_sign_on.account_of(work.session, identity)
    return found.why if isinstance(found, Refused) else found.username


@pytest.mark.parametrize(
    ("identity", "opens"),
    [
        (GRACE, "grace"),
        (replace(GRACE, username=" GRACE "), "grace"),
        (replace(GRACE, username=""), "helen"),  # by email
        (replace(GRACE, username="", email="GRACE@clinic.example"), "helen"),
        (replace(GRACE, username="", email_verified=False), UNKNOWN.why),
        (replace(GRACE, username="nobody", email="nobody@clinic.example"), UNKNOWN.why),
        (replace(GRACE, username="", email="team@clinic.example"), UNKNOWN.why),  # two accounts have it
        (replace(GRACE, username="system", email=""), UNKNOWN.why),
        (replace(GRACE, username="", email=""), UNKNOWN.why),
        (replace(GRACE, username="oscar"), CLOSED.why),
    ],
)
def test_who_is_matched(sqlite_clinic: Clinic, identity: Identity, opens: str) -> None:
    with sqlite_clinic.work(sqlite_clinic.system) as work:
        emails = {"helen": "Grace@Clinic.example", "ada": "team@clinic.example", "grace": "team@clinic.example"}
        for name, email in emails.items():
            users.user_named(work, name).email = email
        users.disable(work, users.user_named(work, "oscar"), "left")
        before = work.session.exec(select(func.count()).select_from(User)).one()
        assert opened(work, identity) == opens
        assert work.session.exec(select(func.count()).select_from(User)).one() == before


def test_after_the_first_use_only_issuer_and_subject_count(clinic: Clinic) -> None:
    with clinic.work(clinic.system) as work:
        single_sign_on.admit(work, GRACE)
        _, after, _ = change(work, "user.single_sign_on")
        assert after == {"single_sign_on": GRACE.issuer, "as": "grace"}
        assert opened(work, replace(GRACE, username="renamed", email="")) == "grace"
        assert opened(work, replace(GRACE, subject="u-18")) == UNKNOWN.why
        assert opened(work, replace(GRACE, issuer="https://other.example")) == UNKNOWN.why
        users.disable(work, users.user_named(work, "grace"), "left")
        assert single_sign_on.admit(work, GRACE) == CLOSED
        assert [event.reason for event, _ in events(work, "user.sign_in_refused")] == ["single sign-on"]


def test_a_link_is_forgotten_with_a_reason_by_an_administrator(clinic: Clinic) -> None:
    with clinic.work(clinic.ada) as work:
        grace = users.user_named(work, "grace")
        with pytest.raises(ConflictError):
            single_sign_on.unlink(work, grace, "never linked")
        single_sign_on.admit(work, GRACE)
        with pytest.raises(InvalidInputError):
            single_sign_on.unlink(work, grace, " ")
        with pytest.raises(ForbiddenError):
            single_sign_on.unlink(clinic.by(work, clinic.helen), grace, "mine")
        single_sign_on.unlink(work, grace, "linked to the wrong person")
        assert change(work, "user.single_sign_on")[2] == "linked to the wrong person"
        assert opened(work, replace(GRACE, subject="u-18")) == "grace"
