"""A POST that is sent again with its Idempotency-Key is not done again: it gets the answer of the first time.

After draft-ietf-httpapi-idempotency-key-header. The answer is written in the transaction of the work itself, so that
either both stand or neither; one that was refused changed nothing, is not kept, and may be mended and sent again with
the same key. An answer tells of patients and may hold a secret, so it is kept sealed, and for a day only.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlmodel import Session

from surveillance.store import idempotency as store
from surveillance.store.tables import IdempotencyKey
from surveillance.web.api.call import Caller
from surveillance.web.problems import Kind, ProblemError


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent, and sent again."""

    status: int
    body: str
    headers: dict[str, str]


def fingerprint(method: str, path: str, query: str, body: bytes) -> str:
    """The same for the same request, however its JSON is spaced and ordered."""
    try:
        content = json.dumps(json.loads(body), sort_keys=True) if body else ""
    except ValueError:
        content = body.hex()
    return sha256(f"{method} {path}?{query} {content}".encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Claim:
    """The key of a request, held while the request is worked on."""

    session: Session
    caller: Caller
    key: str
    fingerprint: str
    now: datetime

    def earlier(self) -> Answer | None:
        """The answer that this request has got before.

        Raises:
            ProblemError: another request holds the key now, or used it before.
        """
        if not store.take(self.session, self.caller.token.id, self.key):
            raise ProblemError(Kind.KEY_IN_USE, "a request with this Idempotency-Key is being worked on")
        row = store.kept(self.session, self.caller.token.id, self.key)
        if row is None:
            return None
        if self.now - row.created_at >= store.KEPT:
            self.session.delete(row)
            self.session.flush()
            return None
        if row.fingerprint != self.fingerprint:
            raise ProblemError(Kind.KEY_REUSED, "this Idempotency-Key was used for another request")
        return Answer(**self.caller.seal.open(row.answer["sealed"]))

    def keep(self, answer: Answer) -> None:
        sealed: dict[str, Any] = {"status": answer.status, "body": answer.body, "headers": answer.headers}
        row = IdempotencyKey(
            token_id=self.caller.token.id,
            key=self.key,
            fingerprint=self.fingerprint,
            status=answer.status,
            answer={"sealed": self.caller.seal.close(sealed)},
            created_at=self.now,
        )
        self.session.add(row)
        self.session.flush()
