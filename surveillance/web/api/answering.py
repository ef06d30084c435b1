"""One transaction for one request: looked at or changed, audited, and kept for a request that is sent again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, TypeAdapter

from surveillance.bootstrap import App
from surveillance.operations.accounts import tokens
from surveillance.operations.accounts.tokens import Scope
from surveillance.store import db
from surveillance.store.calendars import feeds as store
from surveillance.web.access import Permission
from surveillance.web.api import idempotency
from surveillance.web.api.call import Call, Caller
from surveillance.web.api.idempotency import Answer, Claim
from surveillance.web.api.paging import Page
from surveillance.web.page_context import audit_looks
from surveillance.web.problems import Kind, ProblemError

REPLAYED = "Idempotency-Replayed"

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Order:
    """What a route asks for and how it answers. ``location`` is the address of what it makes, but for the id."""

    method: str
    needs: Permission
    scope: Scope
    location: str = ""
    tagged: bool = False

    @property
    def status(self) -> int:
        return 201 if self.location else 200


def answer(
    request: Request,
    body: bytes,
    function: Function,
    adapter: TypeAdapter[Any],
    order: Order,
    values: Mapping[str, Any],
) -> Response:
    """Do what the route's function does, and answer with what it returns."""
    given = dict(values)
    conditions = {name: given.pop(name, None) for name in ("idempotency_key", "if_match", "dry_run")}
    app: App = request.app.state.app
    now: datetime = request.app.state.clock()
    asked = _Asked(request, app, request.state.caller, order, adapter, lambda call: function(call, **given), now)
    if order.scope is Scope.READ:
        return _sent(asked.look())
    if order.method == "PATCH":
        return _sent(asked.change(None, conditions["if_match"], dry_run=bool(conditions["dry_run"])))
    key = conditions["idempotency_key"]
    mark = idempotency.fingerprint(order.method, request.url.path, request.url.query, body)
    return _sent(asked.change((key, mark) if key else None, None, dry_run=bool(conditions["dry_run"])))


def _sent(answer_: Answer) -> Response:
    return Response(answer_.body, answer_.status, answer_.headers, media_type="application/json")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose parameters were read."""

    request: Request
    app: App
    caller: Caller
    order: Order
    adapter: TypeAdapter[Any]
    run: Callable[[Call], Any]
    now: datetime

    def look(self) -> Answer:
        """Reads only; whose data is shown is written down before it is sent."""
        with db.reading(self.app.engine) as session:
            store.one_view(session)
            call = self._call(session)
            made = self._made(self.run(call))
        self._remember(call)
        return made

    def change(self, key: tuple[str, str] | None, if_match: str | None, *, dry_run: bool) -> Answer:
        """One writing transaction with one commit; a dry run takes everything back."""
        with db.writing(self.app.engine) as session:
            call = self._call(session)
            claim = Claim(session, self.caller, *key, self.now) if key else None
            if claim is not None and (earlier := claim.earlier()) is not None:
                return Answer(earlier.status, earlier.body, earlier.headers | {REPLAYED: "true"})
            call.if_match = if_match
            made = self._made(self.run(call))
            if dry_run:
                session.rollback()
            else:
                audit_looks(call.work, call.looks)
                self._note_use(session)
                if claim is not None:
                    claim.keep(made)
        if dry_run:
            self._remember(call)
        return made

    def _call(self, session: Any) -> Call:
        work = self.app.work(session, self.caller.actor, self.now)
        return Call(self.request, self.app, work, self.caller, self.order.needs)

    def _made(self, result: Any) -> Answer:
        body = self.adapter.dump_json(result, by_alias=True).decode()
        headers: dict[str, str] = {}
        if self.order.tagged:
            headers["ETag"] = etag(result)
        if self.order.location:
            headers["Location"] = f"{self.order.location}/{result.id}"
        if isinstance(result, Page) and result.next and self.order.method == "GET":
            following = self.request.url.include_query_params(cursor=result.next)
            headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'  # RFC 8288
        return Answer(self.order.status, body, headers)

    def _remember(self, call: Call) -> None:
        """After a look: whose data was shown (45 CFR 164.312(b)), and that the token is in use. Often nothing."""
        if not call.looks and not call.afterwards and not tokens.use_is_due(self.caller.token, self.now):
            return
        with db.writing(self.app.engine) as session:
            work = self.app.work(session, self.caller.actor, self.now)
            audit_looks(work, call.looks)
            for note in call.afterwards:
                note(work)
            self._note_use(session)

    def _note_use(self, session: Any) -> None:
        if tokens.use_is_due(self.caller.token, self.now):
            tokens.note_use(session, self.caller.token, self.now)


def etag(model: BaseModel) -> str:
    """Another for another state of a record."""
    return f'"{sha256(model.model_dump_json().encode()).hexdigest()[:32]}"'


def must_match(call: Call, current: BaseModel) -> None:
    """Raises ProblemError where the record is not any more what the program read (RFC 9110 section 13.1.1)."""
    given = call.if_match
    if given is not None and given.strip() != "*" and etag(current) not in [each.strip() for each in given.split(",")]:
        raise ProblemError(Kind.STALE, "the record has changed since this ETag was given; read it again")
