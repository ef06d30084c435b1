"""The API from outside: who may come in, what is refused how, pages of lists, and what is kept in the audit trail."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from api_program import BOTH, Program, hire, token
from sqlmodel import col, select
from web_clinic import Clinic, Server

from surveillance.core.words import Role
from surveillance.operations.accounts import tokens, users
from surveillance.operations.accounts.tokens import Scope
from surveillance.operations.administration import sites as administration_sites
from surveillance.operations.calendars import feeds
from surveillance.operations.registry import patients
from surveillance.operations.work import Work
from surveillance.store.tables import ApiToken, Appointment, AuditEvent, Contact, Plan, Study, User
from surveillance.web import access, problems
from surveillance.web.api import order as api
from surveillance.web.api.routing import PREFIX, Endpoints
from surveillance.web.app import create_app

Stranger = tuple[Clinic, Program]


@pytest.fixture
def anna(clinic: Clinic, server: Server) -> Program:
    """A program that acts as the coordinator, on SQLite and on PostgreSQL."""
    return Program(server, token(clinic, clinic.user_id))


@pytest.fixture
def program(sqlite_clinic: Clinic, sqlite_server: Server) -> Program:
    """A program that acts as the coordinator, where no database makes any difference."""
    return Program(sqlite_server, token(sqlite_clinic, sqlite_clinic.user_id))


def events(clinic: Clinic, action: str) -> list[tuple[UUID | None, str]]:
    """Patient and account of each event of a kind."""

    def look(work: Work) -> list[tuple[UUID | None, str]]:
        statement = select(AuditEvent).where(AuditEvent.action == action).order_by(col(AuditEvent.id))
        return [(event.patient_id, event.account) for event in work.session.exec(statement)]

    return clinic.do(look)


# -- the door --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer srv_never", "Basic YTpi", "Bearer ü"])
def test_without_a_token_nobody_learns_what_a_body_must_look_like(sqlite_server: Server, given: str) -> None:
    headers = {"Authorization": given.encode(), "Content-Type": "text/plain"}
    answer = sqlite_server.client.post("/api/v1/patients", headers=headers, content="{")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="surveillance"')
    assert answer.json()["type"] == "/api/v1/problems/unauthorized"


def test_a_token_ends_when_it_expires_is_revoked_or_its_user_is_disabled(
    sqlite_clinic: Clinic, sqlite_server: Server
) -> None:
    clinic = sqlite_clinic
    helen, ivan = hire(clinic, "helen", Role.CLINICIAN), hire(clinic, "ivan", Role.COORDINATOR)

    def expiring(work: Work) -> str:
        end = work.now + timedelta(hours=1)
        return tokens.create(work, tokens.NewToken(clinic.user(work), "short", BOTH, end))[1]

    short, revoked, disabled = clinic.do(expiring), token(clinic, helen, name="gone"), token(clinic, ivan)
    held = [Program(sqlite_server, secret) for secret in (short, revoked, disabled)]
    assert [each.get("/sites")["items"][0]["code"] for each in held] == ["LDN1"] * 3
    clinic.later(hours=1)

    def end(work: Work) -> None:
        tokens.revoke(work, work.session.exec(select(ApiToken).where(ApiToken.name == "gone")).one())
        users.disable(work, work.session.get_one(User, ivan), "has left")

    clinic.do(end)
    for each in held:
        answer = each.client.get("/sites")
        assert (answer.status_code, 'error="invalid_token"' in answer.headers["www-authenticate"]) == (401, True)


def test_a_token_does_no_more_than_its_scopes(sqlite_clinic: Clinic, sqlite_server: Server) -> None:
    reader = Program(sqlite_server, token(sqlite_clinic, sqlite_clinic.user_id, [Scope.READ]))
    writer = Program(sqlite_server, token(sqlite_clinic, sqlite_clinic.user_id, [Scope.WRITE]))
    reader.get("/patients")
    assert reader.post("/patients/search", text="fiction")["items"]
    pause = {"json": {"site_id": str(sqlite_clinic.site_id), "reason": "new scanner"}}
    assert reader.refused("POST", "/dispatch/pause", **pause) == (403, "insufficient-scope")
    assert writer.refused("GET", "/patients") == (403, "insufficient-scope")
    assert writer.client.post("/dispatch/pause", **pause).status_code == 200
    challenge = reader.client.post("/dispatch/pause", **pause).headers["www-authenticate"]
    assert 'error="insufficient_scope", scope="write"' in challenge


def test_a_role_that_is_not_enough_is_told_before_anything_else(sqlite_clinic: Clinic, sqlite_server: Server) -> None:
    viewer = Program(sqlite_server, token(sqlite_clinic, hire(sqlite_clinic, "vera", Role.VIEWER)))
    assert viewer.get(f"/patients/{sqlite_clinic.patient_id}")["mrn"] == "MRN-0001"
    assert viewer.refused("POST", "/patients", json={"nonsense": 1}) == (403, "forbidden")
    coordinator = Program(sqlite_server, token(sqlite_clinic, sqlite_clinic.user_id))
    approval = {"json": {"protocol": "norway-sts-high"}}
    assert coordinator.refused("POST", f"/sites/{sqlite_clinic.site_id}/protocols", **approval) == (403, "forbidden")


@pytest.fixture
def stranger(sqlite_clinic: Clinic, sqlite_server: Server) -> Stranger:
    """A clinician and administrator of another site, who has a role for every route, though not here."""

    def found(work: Work) -> tuple[UUID, UUID]:
        sites = [
            administration_sites.add_site(
                work, administration_sites.NewSite(code, code, code, "Europe/Berlin", "DE", "030 123456")
            )
            for code in ("BER1", "BER2")
        ]
        return sites[0].id, sites[1].id

    first, second = sqlite_clinic.do(found)
    oscar = hire(sqlite_clinic, "oscar", Role.CLINICIAN, first)
    sqlite_clinic.do(
        lambda work: users.set_role(work, work.session.get_one(User, oscar), work.site(second), Role.ADMIN)
    )
    return sqlite_clinic, Program(sqlite_server, token(sqlite_clinic, oscar))


def ids(clinic: Clinic) -> dict[str, UUID]:
    """One record of each kind of the clinic's."""
    secret, visit = clinic.feed(), clinic.book(date(2026, 12, 1))

    def look(work: Work) -> dict[str, UUID]:
        patient, feed = clinic.patient(work), feeds.resolve(work.session, secret)
        assert feed is not None
        contact = patients.add_contact(work, patient, patients.NewContact(phone="+1 202 555 0123"), 1)
        plan = work.session.exec(select(Plan)).one()
        study = work.session.exec(select(Study)).first()
        assert study is not None
        return {
            "site_id": clinic.site_id,
            "place_id": clinic.place_id,
            "patient_id": patient.id,
            "contact_id": contact.id,
            "plan_id": plan.id,
            "visit_id": visit,
            "study_id": study.id,
            "feed_id": feed.id,
        }

    return clinic.do(look)


def test_what_belongs_to_another_site_does_not_exist(stranger: Stranger) -> None:
    clinic, oscar = stranger
    known = {name: str(value) for name, value in ids(clinic).items()}
    asked = 0
    for route in api.routes():
        names = {name for name in known if f"{{{name}}}" in route.path}
        if route.methods == {"GET"} and names:
            path = route.path.removeprefix(PREFIX).format(**known)
            assert oscar.refused("GET", path) == (404, "not-found"), path
            asked += 1
    assert asked > 15
    for path in ("/patients", "/visits", "/studies", "/messages", "/feeds"):
        assert oscar.get(path)["items"] == []
        assert oscar.refused("GET", path, params={"site_id": known["site_id"]}) != (403, "forbidden")
    assert oscar.post("/patients/search", text="fiction")["items"] == []
    booking = {"day": "2026-12-01", "at": "10:30", "place_id": known["place_id"]}
    assert oscar.refused("POST", f"/patients/{known['patient_id']}/visits", json=booking) == (404, "not-found")
    ended = {"reason": "completed"}
    assert oscar.refused("POST", f"/plans/{known['plan_id']}/end", json=ended) == (404, "not-found")
    feed = {"site_id": oscar.get("/sites")["items"][0]["id"], "patient_id": known["patient_id"]}
    assert oscar.refused("POST", "/feeds", json=feed) == (404, "not-found")


# -- bad requests ----------------------------------------------------------------------------------------------


def test_an_address_tells_which_methods_it_knows(program: Program) -> None:
    answer = program.client.delete("/patients")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert program.client.put(f"/patients/{uuid4()}").headers["allow"] == "GET, PATCH"


REFUSED = {
    "no JSON": ({"content": "{", "headers": {"Content-Type": "application/json"}}, 400, "malformed"),
    "no text": ({"content": b"\xff\xfe", "headers": {"Content-Type": "application/json"}}, 400, "malformed"),
    "a form": ({"data": {"text": "fiction"}}, 415, "unsupported-media-type"),
    "no type": ({"content": "{}"}, 415, "unsupported-media-type"),
    "a member too many": ({"json": {"text": "a", "txt": "b"}}, 422, "invalid"),
    "a number for a text": ({"json": {"text": 5}}, 422, "invalid"),
    "half a letter": (
        {"content": '{"text": "\\ud800"}', "headers": {"Content-Type": "application/json"}},
        422,
        "invalid",
    ),
    "a character of control": ({"json": {"text": "a\u0000"}}, 422, "invalid"),
    "an unknown parameter": ({"json": {"text": "a"}, "params": {"sight": "x"}}, 422, "invalid"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_body_is_refused_with_its_kind(program: Program, case: str) -> None:
    options, status, kind = REFUSED[case]
    assert program.refused("POST", "/patients/search", **options) == (status, kind)


def test_what_is_wrong_is_pointed_at_and_never_repeated(program: Program, sqlite_clinic: Clinic) -> None:
    contact = {"phone": "+1 202 555 0123", "consents": ["letter"]}
    new = {"site_id": str(sqlite_clinic.site_id), "mrn": "1", "family_name": "Okafor", "birth_date": 20010517}
    answer = program.client.post("/patients", json=new | {"contacts": [contact]})
    assert {each["pointer"] for each in answer.json()["errors"]} == {
        "#/given_name",
        "#/birth_date",
        "#/contacts/0/consents/0",
    }
    assert "Okafor" not in answer.text
    assert "20010517" not in answer.text


def test_a_body_that_is_too_large_is_refused_as_a_problem(program: Program) -> None:
    def pieces() -> Iterator[bytes]:
        yield from [b'{"text": "', *[b"x" * 100_000] * 11, b'"}']

    headers = {"Content-Type": "application/json"}
    for content in (b'{"text": "' + b"x" * 1024 * 1024 + b'"}', pieces()):
        refusal = program.refused("POST", "/patients/search", content=content, headers=headers)
        assert refusal == (413, "content-too-large")


@pytest.mark.parametrize("path", ["/patients/001", "/nothing", "/worklist/nothing", "/protocols/nothing"])
def test_an_address_of_nothing_is_not_found(program: Program, path: str) -> None:
    assert program.refused("GET", path) == (404, "not-found")


def test_every_kind_of_problem_says_what_it_means(sqlite_server: Server) -> None:
    for kind in problems.Kind:
        found = sqlite_server.get(problems.uri(kind)).json()
        assert (found["status"], found["meaning"]) == (problems.STATUS[kind], problems.MEANING[kind])
    assert sqlite_server.get("/api/v1/problems/none").status_code == 404


# -- lists in pages --------------------------------------------------------------------------------------------


def register(anna: Program, clinic: Clinic, mrn: str, family: str = "Ash", **more: Any) -> Any:
    new = {"site_id": str(clinic.site_id), "mrn": mrn, "family_name": family, "given_name": "Bo"}
    return anna.post("/patients", **(new | {"birth_date": "2001-05-17"} | more))


def pages(anna: Program, path: str) -> list[list[Any]]:
    """Every page of a list, by the header Link alone."""
    found, following = [], path
    while following:
        answer = anna.client.get(following)
        found.append(answer.json()["items"])
        link = answer.headers.get("link", "")
        assert (answer.json()["next"] is None) is (not link)
        following = link.partition(">")[0].removeprefix("<").removeprefix(PREFIX)
    return found


def test_pages_show_each_row_once_though_all_have_the_same_name(anna: Program, clinic: Clinic) -> None:
    made = {register(anna, clinic, f"X{number}")["id"] for number in range(7)} | {str(clinic.patient_id)}
    found = pages(anna, "/patients?limit=3")
    assert [len(page) for page in found] == [3, 3, 2]
    assert {row["id"] for page in found for row in page} == made
    assert [row["family_name"] for row in found[0]] == ["Fiction", "Ash", "Ash"]
    assert "Ash" not in anna.client.get("/patients?limit=3").headers["link"]


def test_a_patient_is_found_by_whatever_is_known(program: Program, sqlite_clinic: Clinic) -> None:
    for number in range(3):
        register(program, sqlite_clinic, f"X{number}", contacts=[{"phone": "+1 202 555 0123"}])
    found = program.post("/patients/search", text="+1 202 555 0123", limit=2)
    assert (len(found["items"]), found["next"]) == (2, None)
    for text in ("bo ÁSH", "x1", "2001-05-17"):
        assert program.post("/patients/search", text=text)["items"], text


def test_visits_messages_and_the_board_come_in_pages(anna: Program, clinic: Clinic) -> None:
    for number in range(3):
        patient = register(anna, clinic, f"X{number}", contacts=[{"email": "bo@example.org"}])
        anna.post(f"/patients/{patient['id']}/plans", protocol="asps-extremity", anchor="2026-09-01")
    visits = [row for page in pages(anna, "/visits?limit=5&state=proposed") for row in page]
    assert len({row["id"] for row in visits}) == len(visits) > 10
    assert [row["day"] for row in visits] == sorted(row["day"] for row in visits)
    rows = [row["key"] for page in pages(anna, "/worklist/due?limit=2") for row in page]
    counted = {each["list"]: each["rows"] for each in anna.get("/worklist")["counts"]}
    assert len(set(rows)) == len(rows) == counted["due"] > 3


def test_a_row_of_the_board_that_goes_between_two_pages_costs_no_other(anna: Program, clinic: Clinic) -> None:
    for number in range(4):
        register(anna, clinic, f"X{number}")
    first = anna.get("/worklist/without_plan", limit=2)
    gone = first["items"][-1]["patient_id"]
    anna.post(f"/patients/{gone}/plans", protocol="asps-extremity", anchor="2026-09-01")
    second = anna.get("/worklist/without_plan", limit=4, cursor=first["next"])
    seen = {row["patient_id"] for row in first["items"] + second["items"]}
    assert len(seen) == 4


def test_a_cursor_is_of_one_list_and_one_token(anna: Program, clinic: Clinic, server: Server) -> None:
    register(anna, clinic, "X1")
    cursor = anna.get("/patients", limit=1)["next"]
    other = Program(server, token(clinic, clinic.user_id))
    for reader, path in ((anna, "/visits"), (other, "/patients")):
        assert reader.refused("GET", path, params={"cursor": cursor}) == (422, "invalid")
    assert anna.refused("GET", "/patients", params={"cursor": "nonsense"}) == (422, "invalid")
    assert anna.refused("GET", "/patients", params={"limit": "201"}) == (422, "invalid")


# -- the trail -------------------------------------------------------------------------------------------------


def test_a_look_is_audited_with_the_token_behind_the_user(anna: Program, clinic: Clinic) -> None:
    anna.get(f"/patients/{clinic.patient_id}")
    anna.get(f"/patients/{clinic.patient_id}/plans")
    assert events(clinic, "patient.view") == [(clinic.patient_id, "token the registry")] * 2
    anna.get("/patients")
    anna.post("/patients/search", text="nobody")
    assert events(clinic, "patient.find") == [(clinic.patient_id, "token the registry")]
    used = clinic.do(lambda work: work.session.exec(select(ApiToken)).one().last_used_at)
    assert used == clinic.now


def test_a_dry_run_is_a_look_and_changes_nothing(anna: Program, clinic: Clinic) -> None:
    visit = {"day": "2026-12-01", "at": "10:30", "place_id": str(clinic.place_id)}
    answer = anna.client.post(f"/patients/{clinic.patient_id}/visits?dry_run=true", json=visit)
    assert (answer.status_code, answer.json()["state"]) == (201, "booked")
    states = clinic.do(lambda work: set(work.session.exec(select(Appointment.state))))
    assert states == {"proposed"}
    assert events(clinic, "visit.book") == []
    assert events(clinic, "patient.view") == [(clinic.patient_id, "token the registry")]


def test_the_audit_log_is_for_administrators_and_shows_who_looked(sqlite_clinic: Clinic, sqlite_server: Server) -> None:
    anna = Program(sqlite_server, token(sqlite_clinic, sqlite_clinic.user_id))
    register(anna, sqlite_clinic, "X1")
    assert anna.refused("POST", "/audit/search", json={}) == (403, "forbidden")
    ada = Program(sqlite_server, token(sqlite_clinic, hire(sqlite_clinic, "ada", Role.ADMIN)))
    found = ada.post("/audit/search", action="patient.add", mrn="X1")["items"]
    assert [(each["who"], each["account"]) for each in found] == [("Anna Coordinator", "token the registry")]
    first = ada.post("/audit/search", limit=3)
    second = ada.post("/audit/search", limit=3, cursor=first["next"])
    numbers = [each["number"] for each in first["items"] + second["items"]]
    assert len(set(numbers)) == 6
    assert len(events(sqlite_clinic, "audit.view")) == 3


# -- corrections -----------------------------------------------------------------------------------------------


def test_a_correction_is_refused_if_the_record_is_another_now(anna: Program, clinic: Clinic) -> None:
    path = f"/patients/{clinic.patient_id}"
    tag = anna.client.get(path).headers["etag"]
    changed = anna.client.patch(path, json={"egfr": 55, "egfr_on": "2026-11-02"}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["egfr"]) == (200, 55)
    assert changed.headers["etag"] == anna.client.get(path).headers["etag"] != tag
    stale = {"json": {"interpreter": True}, "headers": {"If-Match": tag}}
    assert anna.refused("PATCH", path, **stale) == (412, "precondition-failed")
    assert anna.refused("PATCH", path, json={"family_name": "Other"}) == (422, "invalid")
    named = anna.client.patch(path, json={"family_name": "Other", "reason": "married"})
    assert named.json()["family_name"] == "Other"
    nobody = anna.client.patch(path, json={"owner_id": None, "egfr": None, "egfr_on": None})
    assert (nobody.json()["owner_id"], nobody.json()["egfr"]) == (None, None)


def test_contacts_and_the_ledger_of_consent(anna: Program, clinic: Clinic) -> None:
    contact = anna.post(f"/patients/{clinic.patient_id}/contacts", kind="parent", phone="+1 202 555 0124")
    assert (contact["phone"], contact["consents"]) == ("+12025550124", [])
    path = f"/contacts/{contact['id']}"
    anna.post(f"{path}/consents", channel="sms", act="given", method="signed form")
    clinic.later(minutes=1)
    anna.post(f"{path}/consents", channel="sms", act="withdrawn", method="by telephone")
    assert [each["act"] for each in anna.get(path)["consents"]] == ["withdrawn"]
    assert [each["act"] for each in anna.get(f"{path}/consents")["items"]] == ["given", "withdrawn"]
    assert anna.client.patch(path, json={"phone": "not known"}).json()["phone_given"] == "not known"
    assert anna.post(f"{path}/remove", reason="has moved away")["removed_at"] is not None
    assert anna.get(f"/patients/{clinic.patient_id}/contacts")["items"] == []
    removed = clinic.do(lambda work: [row.removed_at for row in work.session.exec(select(Contact))])
    assert removed == [clinic.now]


# -- the description -------------------------------------------------------------------------------------------


def test_the_document_lists_the_api_alone_and_every_route_of_it(sqlite_clinic: Clinic) -> None:
    found = create_app(sqlite_clinic.app).openapi()
    assert all(path.startswith(PREFIX) for path in found["paths"])
    listed = [operation for item in found["paths"].values() for operation in item.values()]
    assert len(listed) == sum(route.include_in_schema for route in api.routes())
    for operation in listed:
        assert operation["security"] == [{"token": ["read"]}] or operation["security"] == [{"token": ["write"]}]
        assert {"401", "403", "422", "503"} <= set(operation["responses"])
        assert operation["summary"]
    assert len({operation["operationId"] for operation in listed}) == len(listed)
    assert found["info"]["license"]["identifier"] == "Apache-2.0"


def test_a_route_that_does_not_say_what_it_needs_cannot_be_made() -> None:
    with pytest.raises(TypeError):
        Endpoints("Test").get("/unsaid")  # type: ignore[call-arg]
    for route in api.routes():
        assert access.stated(route.endpoint) is not None

    def unsaid() -> None: ...

    with pytest.raises(TypeError, match="does not say what it needs"):
        Endpoints("Test").router.add_api_route("/unsaid", unsaid, response_model=None)


def test_nothing_is_said_about_what_is_inside(
    sqlite_clinic: Clinic, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a mistake about Ada Fiction")

    monkeypatch.setattr(users, "sites_of", fail)
    answer: httpx.Response = program.client.get("/sites")
    assert (answer.status_code, answer.json()["type"]) == (500, "/api/v1/problems/internal")
    assert "Ada" not in answer.text
