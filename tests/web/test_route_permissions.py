"""Every route × role × site: who may open what, and that nothing of another site exists.

A route states what it needs; a route that states nothing, or whose address holds something that this test cannot
fill in, fails here. What is asked for is stated by ``access.HOLDERS`` alone. In every run one role that may and one
that may not ask each route, at their own site and at another one; 'make long' lets every role ask.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sampling import Sampling
from sqlmodel import SQLModel, col, select
from staff import BY_ROLE, HERE, THERE, THERE_TOO, Staffed, Visitor, open_app
from web_clinic import web_of

from surveillance.core.texts.message_book import Template
from surveillance.core.words import EndReason, HoldReason, Privacy, Role, Step
from surveillance.operations.accounts import tokens, users
from surveillance.operations.board import worklist
from surveillance.operations.calendars import feeds
from surveillance.operations.care import holds
from surveillance.operations.imports import uploads
from surveillance.operations.messages import pauses
from surveillance.operations.wording import site_wording
from surveillance.operations.work import Work
from surveillance.store import tables
from surveillance.web import access
from surveillance.web.access import Permission
from surveillance.web.app import create_app

ROLES = list(Role)
VERSIONS = "before=asps-extremity@2026.2&after=esmo-sts-high@2026.1"
LET_IN = {200, 201, 204, 206, 303, 400, 409, 412, 415, 422, 429}  # what the route itself may answer to an empty request
API = "/api/v1"


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    needs: Permission

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def names(self) -> list[str]:
        return re.findall(r"{(\w+)", self.path)

    @property
    def is_api(self) -> bool:
        return self.path.startswith(API)

    def filled(self, samples: Mapping[str, str]) -> str:
        if self.path.startswith("/patients/{patient_id}/reopen"):  # only a plan that has ended can go on again
            samples = {**samples, "patient_id": samples["ended"]}
        if self.path.endswith("/rotate") and not self.is_api:  # the other one was revoked by then
            samples = {**samples, "feed_id": samples["other_feed"]}
        query = f"?{VERSIONS}" if self.path in ("/protocols/compare", "/protocols/migrate") else ""
        return re.sub(r"{(\w+)[^}]*}", lambda found: samples[found[1]], self.path) + query


def routes_of(web: FastAPI) -> Iterator[Route]:
    for route in iter_route_contexts(web.routes):
        needs = access.stated(route.endpoint)
        if needs is None:
            assert route.path == "/static", f"{route.path} does not state what it needs"
            continue
        for method in sorted(set(route.methods or ()) - {"HEAD"}):
            yield Route(method, str(route.path), needs)


@pytest.fixture(scope="module")
def routes(furnished) -> list[Route]:
    clinic = Staffed(open_app(f"sqlite:///{furnished}"))
    found = routes_of(web_of(clinic.app, clinic.clock))
    # Programs last: their bodies are complete, so what they ask for happens, and a removed contact stays away.
    return sorted(found, key=lambda route: (route.is_api, route.method))


# -- one record of each kind at the home site ------------------------------------------------------------------------

FIRST: Mapping[str, type[SQLModel]] = {
    "patient_id": tables.Patient, "plan_id": tables.Plan, "visit_id": tables.Appointment, "study_id": tables.Study,
    "contact_id": tables.Contact, "message_id": tables.Reminder, "feed_id": tables.Feed, "hold_id": tables.PlanHold,
    "place_id": tables.Place, "upload_id": tables.ImportUpload, "extra_id": tables.ExtraExamination,
    "override_id": tables.Override, "terms_id": tables.PlanTerms, "examination_id": tables.ExaminationRow,
    "batch_id": tables.ImportBatch, "consent_id": tables.Consent, "action_id": tables.BoardAction,
    "text_id": tables.SiteText, "task_id": tables.ResultTask,
}  # fmt: skip
FIXED: Mapping[str, str] = {
    "secret": "x" * 32, "kind": "study", "name": "overdue", "protocol": "asps-extremity",
    "key": "asps-extremity@2026.2", "report": "up-to-date", "worklist": "overdue", "what": "note",
    "item": "mri_primary", "month": "3", "day": "2026-11-24",
    "language": "en", "step": "7d", "level": "neutral",
}  # fmt: skip


def examined(work: Work, site: tables.Site) -> tables.Appointment:
    """A visit of a patient on an active plan who was examined at it: what belongs to a patient here is of this one."""
    visit = work.session.exec(
        select(tables.Appointment)
        .join(tables.Plan, col(tables.Plan.id) == tables.Appointment.plan_id)
        .join(tables.Contact, col(tables.Contact.patient_id) == tables.Appointment.patient_id)
        .join(tables.Study, col(tables.Study.appointment_id) == tables.Appointment.id)
        .join(tables.StudyItem, col(tables.StudyItem.study_id) == tables.Study.id)
        .where(tables.Appointment.site_id == site.id, tables.StudyItem.item == FIXED["item"])
        .where(col(tables.Plan.ended_on).is_(None), col(tables.Contact.phone).is_not(None))
        .join(tables.Patient, col(tables.Patient.id) == tables.Appointment.patient_id)
        .order_by(tables.Patient.mrn, tables.Appointment.day)
    ).first()
    assert visit is not None
    return visit


def samples_of(clinic: Staffed) -> dict[str, str]:
    """What stands for each name in an address: a record of the home site."""

    def pick(work: Work) -> dict[str, str]:
        site = work.session.exec(select(tables.Site).where(tables.Site.code == HERE)).one()
        found = dict(FIXED) | {"site_id": str(site.id), "code": HERE, "site": HERE}
        visit = examined(work, site)
        for name, table in FIRST.items():
            statement = select(table).where(col(table.site_id) == site.id)  # type: ignore[attr-defined]
            for owner in ("patient_id", "plan_id"):
                if owner in table.model_fields:
                    statement = statement.where(getattr(table, owner) == getattr(visit, owner))
            if table is tables.PlanHold:
                statement = statement.where(col(tables.PlanHold.resumed_on).is_(None))
            row = work.session.exec(statement).first()
            found[name] = str(row.id if row is not None else UUID(int=0))  # type: ignore[attr-defined]
        found |= {"patient_id": str(visit.patient_id), "visit_id": str(visit.id), "plan_id": str(visit.plan_id)}
        user = users.user_named(work, "grace")
        found |= {"user_id": str(user.id), "username": "ivan"}
        feeds_there = work.session.exec(select(tables.Feed).where(tables.Feed.patient_id == visit.patient_id)).all()
        found["other_feed"] = str(feeds_there[-1].id if feeds_there else UUID(int=0))
        token = work.session.exec(select(tables.ApiToken).where(tables.ApiToken.user_id == user.id)).first()
        reply = work.session.exec(select(tables.Inbound)).first()
        ended = work.session.exec(select(tables.Plan).where(tables.Plan.end_reason == EndReason.TRANSFER)).one()
        overdue = worklist.rows(work, [site.id], worklist.Worklist.OVERDUE)[0]
        found |= {"fact_id": found["study_id"], "id": found["study_id"], "ended": str(ended.patient_id)}
        found |= {"row": overdue.key, "subject": overdue.subject}
        found["token_id"] = str(token.id if token else UUID(int=0))
        found["reply_id"] = str(reply.id if reply else UUID(int=0))
        deferral = work.session.exec(select(tables.Deferral).where(tables.Deferral.site_id == site.id)).first()
        found["deferral_id"] = str(deferral.id if deferral else UUID(int=0))
        return found

    return clinic.look(pick)


# What a form must name for its record to be found at all.
CLOSED_DAY, SENDER = date(2026, 12, 28), "+12025550199"
FIELDS: Mapping[str, Mapping[str, str]] = {
    "/admin/sites/{code}/closures/remove": {"day": str(CLOSED_DAY)},
    "/messages/sending/sender": {"sender": SENDER},
    "/messages/sending/seen": {"sender": SENDER},
    "/patients/{patient_id}/contacts/{contact_id}/consent": {"channel": "sms", "act": "given"},
    "/protocols/migrate": {"before": "asps-extremity@2026.2", "after": "esmo-sts-high@2026.1"},
    "/calendar/closures": {"site": HERE, "day": str(CLOSED_DAY)},
}


def complete(clinic: Staffed) -> None:
    """Records that no story of the demo has: a file on its way in, an import, a token of Grace's, sending paused."""

    def add(work: Work) -> None:
        site = work.session.exec(select(tables.Site).where(tables.Site.code == HERE)).one()
        user = users.user_named(work, "grace")
        common = {"site_id": site.id, "user_id": user.id, "file_name": "registry.csv", "digest": "0"}
        uploads.receive(work, site, "registry.csv", b"mrn,family_name,given_name,birth_date\n1,A,B,1990-01-01\n")
        work.session.add(tables.ImportBatch(**common, added=0, changed=0, unchanged=0, at=work.now))
        visit = examined(work, site)
        patient = work.session.get_one(tables.Patient, visit.patient_id)
        for _ in range(2):
            feeds.create(work, feeds.NewFeed(site, patient))
        today = work.today(site)
        hold = holds.NewHold(HoldReason.AWAY, today + timedelta(days=30), today, FIXED["item"])
        holds.hold(work, work.session.get_one(tables.Plan, visit.plan_id), hold)
        study = work.session.exec(select(tables.Study).where(tables.Study.patient_id == patient.id)).first()
        recorded = {"recorded_at": work.now, "recorded_by": user.id}
        about = {"site_id": site.id, "patient_id": patient.id, "study_id": study.id} | recorded
        work.session.add(tables.ResultTask(**about, what="call", owner_id=user.id, due_on=today))
        work.session.add(tables.Closure(site_id=site.id, day=CLOSED_DAY, reason="stocktaking"))
        work.session.add(tables.Sender(name=SENDER, next_free_at=work.now, stopped_at=work.now, stopped_why="30034"))
        phone = work.session.exec(select(tables.Contact.phone).where(tables.Contact.patient_id == patient.id)).first()
        reply = {"from_number": phone, "to_number": "+12025550100", "body": "Where do I park?", "received_at": work.now}
        work.session.add(tables.Inbound(provider_id="SM1", **reply))
        tokens.create(work, tokens.NewToken(user, "a program"))
        pauses.pause(work, site, "a fire drill")
        sms = "{clinic}: {date}, {time}. {phone}"
        which = site_wording.Which(FIXED["language"], Step(FIXED["step"]), Privacy(FIXED["level"]))
        site_wording.draft(work, site, which, Template(sms, "{date}", sms))

    clinic.do(add)


def tokens_for(clinic: Staffed, username: str) -> str:
    def make(work: Work) -> str:
        user = users.user_named(work, username)
        return tokens.create(work, tokens.NewToken(user, "test", tuple(tokens.Scope)))[1]

    return clinic.do(make)


# -- a body of the right shape, so that an answer is about who asks and not about a missing field ---------------

SHAPED: Mapping[str, object] = {"date": "2026-11-24", "date-time": "2026-11-24T08:00:00Z", "time": "10:30:00"}
IN_BODIES = {"site_id", "place_id", "id", "row", "item"}
BY_TYPE: Mapping[str, object] = {"boolean": False, "integer": 1, "number": 1.0, "object": {}}


def body_for(document: Mapping[str, Any], route: Route, samples: Mapping[str, str]) -> object:
    """The least that the route's model takes, about the home site where it names one."""
    operation = document["paths"][route.path][route.method.lower()]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return least(document, content["schema"], samples) if content else None


def least(document: Mapping[str, Any], schema: Mapping[str, Any], samples: Mapping[str, str]) -> object:
    if "$ref" in schema:
        return least(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]], samples)
    if "const" in schema:
        return schema["const"]
    if chosen := schema.get("examples") or schema.get("enum"):
        return chosen[0]
    if several := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return least(document, several[0], samples)
    kind = schema.get("type")
    if kind == "object":
        wanted = [*schema.get("required", ()), *(IN_BODIES & schema.get("properties", {}).keys())]
        return {
            name: samples[name] if name in IN_BODIES else least(document, schema["properties"][name], samples)
            for name in wanted
        }
    if kind == "array":
        return [least(document, schema["items"], samples)] * schema.get("minItems", 0)
    if schema.get("format") == "uuid":
        return str(UUID(int=0))
    return SHAPED.get(schema.get("format", ""), BY_TYPE.get(str(kind), "x"))


# -- asking ----------------------------------------------------------------------------------------------------


class Asking:
    """Somebody who tries one route after the other, signed in anew where one of them ended the session."""

    def __init__(self, clinic: Staffed, username: str | None) -> None:
        self.clinic, self.username = clinic, username
        self.document = web_of(clinic.app, clinic.clock).openapi()
        self.token = tokens_for(clinic, username) if username else ""
        self.program, self.visitor = clinic.client(), clinic.client(username)

    def __call__(self, route: Route, samples: Mapping[str, str]) -> httpx.Response:
        path = route.filled(samples)
        if route.is_api:
            headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            sent = body_for(self.document, route, samples)
            more = {"json": sent} if sent is not None else {}
            return self.program.client.request(route.method, path, headers=headers, **more)
        answer = self.page(self.visitor, route, path)
        if self.username and self.ended(answer):
            self.visitor = self.clinic.client(self.username)
            answer = self.page(self.visitor, route, path)
        return answer

    def ended(self, answer: httpx.Response) -> bool:
        """A route before, such as the one to sign out, ended the session or gave it another cookie."""
        forged = answer.status_code == 403 and "not valid any more" in answer.text
        return forged or (answer.status_code == 303 and answer.headers["location"].startswith("/sign-in"))

    @staticmethod
    def page(visitor: Visitor, route: Route, path: str) -> httpx.Response:
        return visitor.get(path) if route.method == "GET" else visitor.post(path, **FIELDS.get(route.path, {}))


def dealt(sample: Sampling, routes: list[Route], role: Role, where: str) -> list[Route]:
    """The routes that ``role`` is to ask: of those who may one each, and of those who may not."""
    return [route for route in routes if role in askers(sample, route, where)]


def askers(sample: Sampling, route: Route, where: str) -> list[Role]:
    may = [role for role in ROLES if access.allows(role, route.needs)]
    may_not = [role for role in ROLES if role not in may]
    return sample.of(may, 1, f"{where} {route}") + sample.of(may_not, 1, f"{where} {route}")


def asks_in_vain(route: Route, answer: httpx.Response) -> bool:
    """Nobody is signed in: a program is told so, a person is led to where one can."""
    if route.is_api:
        return answer.status_code == 401
    return answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")


def test_every_name_in_an_address_is_known_here(staffed: Staffed, routes: list[Route]) -> None:
    samples = samples_of(staffed)
    unknown = {name for route in routes for name in route.names if name not in samples}
    assert unknown == set(), "give samples_of a record of each"


def test_nobody_comes_in_without_signing_in(staffed: Staffed, routes: list[Route]) -> None:
    ask, samples = Asking(staffed, None), samples_of(staffed)
    guarded = [route for route in routes if route.needs is not Permission.PUBLIC]
    open_to_all = [str(route) for route in guarded if not asks_in_vain(route, ask(route, samples))]
    assert open_to_all == []


@pytest.mark.parametrize("everything", [False, True])
def test_every_route_is_asked_by_somebody_who_may_and_somebody_who_may_not(
    routes: list[Route], sample: Sampling, everything: bool
) -> None:
    sample = replace(sample, everything=everything)
    for route in routes:
        asking = askers(sample, route, HERE)
        allowed = {access.allows(role, route.needs) for role in asking}
        assert allowed == {access.allows(role, route.needs) for role in ROLES}
        assert len(asking) == (len(ROLES) if everything else len(allowed))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_at_its_own_site_what_it_may_and_nothing_else(
    staffed: Staffed, routes: list[Route], sample: Sampling, role: Role
) -> None:
    complete(staffed)
    ask = Asking(staffed, BY_ROLE[role])
    samples = samples_of(staffed)
    wrong = []
    for route in (route for route in dealt(sample, routes, role, HERE) if route.needs in access.HOLDERS):
        status = ask(route, samples).status_code
        allowed = access.allows(role, route.needs)
        if (status not in LET_IN) if allowed else (status != 403):
            wrong.append(f"{route} needs {route.needs}: {role} got {status}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", ROLES)
def test_nothing_of_another_site_exists(staffed: Staffed, routes: list[Route], sample: Sampling, role: Role) -> None:
    complete(staffed)
    ask = Asking(staffed, THERE_TOO[role])
    samples = samples_of(staffed)
    names = staffed.look(
        lambda work: {
            written
            for patient in work.session.exec(select(tables.Patient))
            if work.site(patient.site_id).code == HERE
            for written in (
                f"{patient.family_name}, {patient.given_name}",
                f"{patient.given_name} {patient.family_name}",
                f'"{patient.family_name}"',
            )
        }
    )
    wrong = []
    for route in (route for route in dealt(sample, routes, role, THERE) if route.needs is not Permission.PUBLIC):
        answer = ask(route, samples)
        about = set(route.names) - set(FIXED)
        if about and access.allows(role, route.needs) and answer.status_code != 404:
            wrong.append(f"{route}: {role} of {THERE} got {answer.status_code}")
        if found := [name for name in names if name in answer.text]:
            wrong.append(f"{route}: {role} of {THERE} read the name {found[0]}")
    assert not wrong, "\n".join(wrong)


def test_a_route_that_states_nothing_stops_the_application(staffed: Staffed, monkeypatch: pytest.MonkeyPatch) -> None:
    from surveillance.web.monitoring import health

    def forgotten() -> None:
        """A route that nobody thought about."""

    health.router.add_api_route("/forgotten", forgotten)
    try:
        with pytest.raises(TypeError, match="/forgotten"):
            create_app(staffed.app)
    finally:
        health.router.routes.pop()


def test_a_page_that_states_nothing_cannot_be_made() -> None:
    from surveillance.web.pages.routing import Pages

    make: Callable[..., object] = Pages().get
    with pytest.raises(TypeError):
        make("/forgotten")
