"""A program that speaks to the API with a token, and the staff of the web tests' clinic to act for."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx
from web_clinic import Clinic, Server

from surveillance.core.words import Role
from surveillance.operations.accounts import tokens
from surveillance.operations.accounts.tokens import Scope
from surveillance.operations.work import Work
from surveillance.store.tables import Membership, User

BOTH = (Scope.READ, Scope.WRITE)


class Program:
    """Calls with one token; an answer below 400 is its JSON, any other is a failure of the test."""

    def __init__(self, server: Server, secret: str) -> None:
        self.client = httpx.Client(
            base_url=f"{str(server.client.base_url).rstrip('/')}/api/v1", headers={"Authorization": f"Bearer {secret}"}
        )

    def get(self, path: str, **query: Any) -> Any:
        return _told(self.client.get(path, params=query))

    def post(self, path: str, **body: Any) -> Any:
        return _told(self.client.post(path, json=body))

    def refused(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        """The status of a refusal and the last part of its type."""
        answer = self.client.request(method, path, **options)
        assert answer.status_code >= 400, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
        return answer.status_code, answer.json()["type"].rpartition("/")[2]


def _told(answer: httpx.Response) -> Any:
    assert answer.status_code < 400, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def hire(clinic: Clinic, username: str, role: Role, site_id: UUID | None = None) -> UUID:
    """Somebody who works at the clinic's site, or at another one."""

    def change(work: Work) -> UUID:
        user = User(username=username, name=username.title(), must_change_password=False, created_at=work.now)
        work.session.add(user)
        work.session.flush()
        work.session.add(Membership(user_id=user.id, site_id=site_id or clinic.site_id, role=role))
        return user.id

    return clinic.do(change)


def token(clinic: Clinic, user_id: UUID, scopes: Sequence[Scope] = BOTH, name: str = "the registry") -> str:
    def change(work: Work) -> str:
        user = work.session.get_one(User, user_id)
        return tokens.create(work, tokens.NewToken(user, name, scopes))[1]

    return clinic.do(change)
