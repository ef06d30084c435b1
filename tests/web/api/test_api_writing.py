"""Writing through the API: a request that is sent twice is done once, and a patient's whole story by programs alone."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from api_program import Program, hire, token
from sqlmodel import select
from web_clinic import Clinic, Server

from surveillance import worker
from surveillance.core.words import Role
from surveillance.store import db, idempotency
from surveillance.store.tables import ApiToken, IdempotencyKey, Patient

KEY = {"Idempotency-Key": "5d1c6a52-8c1f-4c83-9f0e-2d5f6a1f4b10"}


@pytest.fixture
def anna(clinic: Clinic, server: Server) -> Program:
    return Program(server, token(clinic, clinic.user_id))


def ash(clinic: Clinic, **more: Any) -> dict[str, Any]:
    new = {"site_id": str(clinic.site_id), "mrn": "X1", "family_name": "Ash", "given_name": "Bo"}
    return new | {"birth_date": "2001-05-17"} | more


def patients(clinic: Clinic) -> list[str]:
    return clinic.do(lambda work: sorted(work.session.exec(select(Patient.mrn))))


# -- once ------------------------------------------------------------------------------------------------------


def test_a_request_that_is_sent_again_is_answered_again_and_done_once(anna: Program, clinic: Clinic) -> None:
    first = anna.client.post("/patients", json=ash(clinic), headers=KEY)
    other_order = dict(reversed(ash(clinic).items()))
    again = anna.client.post("/patients", json=other_order, headers=KEY)
    assert (first.status_code, "idempotency-replayed" in first.headers) == (201, False)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert (again.content, again.headers["location"]) == (first.content, first.headers["location"])
    assert anna.get(again.headers["location"].removeprefix("/api/v1"))["mrn"] == "X1"
    assert patients(clinic) == ["MRN-0001", "X1"]


def test_a_key_is_of_one_request_and_one_token(anna: Program, clinic: Clinic, server: Server) -> None:
    anna.client.post("/patients", json=ash(clinic), headers=KEY)
    for path, body in (("/patients", ash(clinic, mrn="X2")), ("/patients?dry_run=true", ash(clinic))):
        assert anna.refused("POST", path, json=body, headers=KEY) == (422, "idempotency-key-reused")
    other = Program(server, token(clinic, clinic.user_id))
    assert other.client.post("/patients", json=ash(clinic, mrn="X2"), headers=KEY).status_code == 201
    assert patients(clinic) == ["MRN-0001", "X1", "X2"]


def test_a_request_that_was_refused_may_be_mended_under_its_key(anna: Program, clinic: Clinic) -> None:
    unknown = ash(clinic, time_zone="Mars/Olympus")
    assert anna.refused("POST", "/patients", json=unknown, headers=KEY) == (422, "invalid")
    assert anna.client.post("/patients", json=ash(clinic), headers=KEY).status_code == 201


def test_a_key_that_is_in_use_is_told_so_at_once(anna: Program, clinic: Clinic) -> None:
    """SQLite lets one request write at a time; on PostgreSQL another transaction holds the key."""
    if clinic.app.engine.dialect.name == "sqlite":
        assert anna.client.post("/patients", json=ash(clinic), headers=KEY).status_code == 201
        return
    with db.writing(clinic.app.engine) as session:
        held = session.exec(select(ApiToken)).one()
        assert idempotency.take(session, held.id, KEY["Idempotency-Key"])
        assert anna.refused("POST", "/patients", json=ash(clinic), headers=KEY) == (409, "idempotency-key-in-use")
    assert anna.client.post("/patients", json=ash(clinic), headers=KEY).status_code == 201


def test_of_two_requests_at_once_one_is_done(anna: Program, clinic: Clinic) -> None:
    def post(_: int) -> int:
        return anna.client.post("/patients", json=ash(clinic), headers=KEY).status_code

    with ThreadPoolExecutor(4) as programs:
        statuses = set(programs.map(post, range(4)))
    assert statuses in ({201}, {201, 409})
    assert patients(clinic) == ["MRN-0001", "X1"]


def test_an_answer_is_kept_sealed_for_a_day(sqlite_clinic: Clinic, sqlite_server: Server) -> None:
    clinic = sqlite_clinic
    anna = Program(sqlite_server, token(clinic, clinic.user_id))
    wanted = {"site_id": str(clinic.site_id), "patient_id": str(clinic.patient_id)}
    address = anna.client.post("/feeds", json=wanted, headers=KEY).json()["https"]
    kept = clinic.do(lambda work: str(work.session.exec(select(IdempotencyKey)).one().answer))
    assert address.rpartition("/")[2].removesuffix(".ics") not in kept
    assert str(clinic.patient_id) not in kept
    assert anna.client.post("/feeds", json=wanted, headers=KEY).json()["https"] == address
    clinic.later(hours=24)
    assert anna.client.post("/feeds", json=wanted, headers=KEY).json()["https"] != address


def test_the_daily_sweep_forgets_what_counts_no_more(sqlite_clinic: Clinic, sqlite_server: Server) -> None:
    anna = Program(sqlite_server, token(sqlite_clinic, sqlite_clinic.user_id))
    anna.client.post("/patients", json=ash(sqlite_clinic), headers=KEY)

    def left() -> int:
        return len(sqlite_clinic.do(lambda work: list(work.session.exec(select(IdempotencyKey.key)))))

    worker.tick(sqlite_clinic.app, sqlite_clinic.now + timedelta(hours=10))
    assert left() == 1
    worker.tick(sqlite_clinic.app, sqlite_clinic.now + timedelta(hours=34))
    assert left() == 0


# -- a story ---------------------------------------------------------------------------------------------------


@pytest.fixture
def staff(clinic: Clinic, server: Server) -> tuple[Program, Program]:
    """Programs of the coordinator and of a clinician."""
    helen = hire(clinic, "helen", Role.CLINICIAN)
    return Program(server, token(clinic, clinic.user_id)), Program(server, token(clinic, helen, name="reading room"))


def statuses(program: Program, plan: str, item: str = "mri_primary") -> dict[int, str]:
    rows = program.get(f"/plans/{plan}")["examinations"]
    return {row["month"]: row["status"] for row in rows if row["item"] == item}


def test_what_may_be_chosen_is_previewed_with_what_that_leaves_out(
    staff: tuple[Program, Program],
) -> None:
    anna, _ = staff
    first, later, _ = anna.get("/protocols/asps-extremity")["items"][0]["phases"]
    assert (first["ends"], later["name"], later["choices"]) == ([24, 36], "later", [6, 8, 12])
    assert (first["grade"], first["year"], first["edition"]) == ("S", None, "undated copies")
    chosen = [{"item": "mri_primary.until", "months": 24}, {"item": "mri_primary.later", "months": 12}]
    body = {"anchor": "2026-09-01", "years": 6, "intervals": chosen}
    found = anna.post("/protocols/asps-extremity/preview", **body)
    months = [row["month"] for row in found["slots"] if row["item"] == "mri_primary"]
    assert months == [*range(3, 25, 3), 36, 48, 60, 72]
    assert [(each["item"], each["left_out"]) for each in found["departures"]] == [("mri_primary", [27, 30, 33, 42, 54])]
    body = {"json": {**body, "intervals": [{"item": "mri_primary.until", "months": 30}]}}
    assert anna.refused("POST", "/protocols/asps-extremity/preview", **body) == (422, "invalid")


def test_a_patients_story_from_enrolment_to_restart(clinic: Clinic, staff: tuple[Program, Program]) -> None:
    anna, helen = staff
    clinic.do(lambda work: setattr(clinic.site(work), "messages_from", date(2026, 11, 1)))
    site = anna.get("/sites")["items"][0]
    place = anna.post(f"/sites/{site['id']}/places", name="MRI 2", address="2 Example Street")
    unread = {"json": {"protocol": "esmo-sts-low"}}
    assert helen.refused("POST", f"/sites/{site['id']}/protocols", **unread) == (422, "invalid")
    helen.post(f"/sites/{site['id']}/protocols", protocol="asps-extremity", source_read=True)
    preview = anna.post("/protocols/asps-extremity/preview", anchor="2026-09-01", years=1)["slots"]
    assert [row["month"] for row in preview if row["item"] == "mri_primary"] == [3, 6, 9, 12]

    contact = {"phone": "+1 202 555 0101", "consents": ["sms"], "consent_method": "signed form"}
    patient = anna.post("/patients", **ash(clinic, contacts=[contact]))
    path = f"/patients/{patient['id']}"
    plan = anna.post(f"{path}/plans", protocol="asps-extremity", anchor="2026-09-01", intervals={"mri_primary": 3})
    assert statuses(anna, plan["id"])[3] == "due"
    assert plan["terms"][0]["intervals"] == {"mri_primary": 3}
    assert plan["departures"] == []

    # booked: what goes out is told before it is saved
    proposed = anna.get("/visits", patient_id=patient["id"], state="proposed")["items"][0]
    visit = {"day": proposed["day"], "at": "10:30", "place_id": place["id"]}
    (trip,) = anna.get(f"{path}/trips")["items"]
    assert trip["days"][0]["day"] == proposed["day"]
    assert {each["item"] for each in trip["examinations"]} == {"mri_primary", "chest_imaging"}
    assert [each["days"] for each in trip["days"][0]["fits"]] == [0, 0]
    foreseen = anna.client.post(f"{path}/visits?dry_run=true", json=visit).json()["messages"]
    booked = anna.post(f"{path}/visits", **visit)
    assert (booked["id"], booked["state"], booked["day"]) == (proposed["id"], "booked", "2026-12-01")
    assert [(each["step"], each["at"]) for each in booked["messages"]] == [
        (each["step"], each["at"]) for each in foreseen
    ]
    assert {"on_booking", "7d"} & {each["step"] for each in booked["messages"]}
    assert statuses(anna, plan["id"])[3] == "booked"
    moved = anna.post(f"/visits/{booked['id']}/move", day="2026-12-02", at="09:00", reason="asked by telephone")
    assert (moved["at"], moved["starts_at"]) == ("09:00", "2026-12-02T09:00:00Z")
    assert anna.refused("POST", f"/visits/{booked['id']}/outcomes", json={"outcomes": []}) == (422, "invalid")

    # recorded, reported, reviewed, told: MRI done, the CT was not
    clinic.later(days=9)
    outcomes = [
        {"item": "mri_primary", "outcome": "performed", "accession": "A1"},
        {"item": "chest_imaging", "outcome": "not_done", "reason": "scanner broken"},
    ]
    (study,) = anna.post(f"/visits/{booked['id']}/outcomes", outcomes=outcomes)["items"]
    assert (study["performed_on"], study["items"], study["visit_id"]) == ("2026-12-02", ["mri_primary"], booked["id"])
    assert anna.refused("POST", f"/studies/{study['id']}/review", json={"result": "clear"}) == (403, "forbidden")
    assert anna.post(f"/studies/{study['id']}/report", status="preliminary")["reported_on"] is None
    assert anna.post(f"/studies/{study['id']}/report")["to_review_since"] == "2026-12-02"
    helen.post(f"/studies/{study['id']}/review", result="clear")
    assert anna.post(f"/studies/{study['id']}/tell")["told_on"] == "2026-12-02"
    assert (statuses(anna, plan["id"])[3], statuses(anna, plan["id"], "chest_imaging")[3]) == ("reviewed", "due")

    # overdue: the chest stays undone until it is work, somebody calls, and the patient is away
    clinic.later(days=20)
    assert statuses(anna, plan["id"], "chest_imaging")[3] == "overdue"
    rows = anna.get("/worklist/overdue", patient_id=patient["id"])["items"]
    assert [row["what"] for row in rows] == ["Chest CT or chest X-ray, month 3"]
    anna.post("/worklist/actions", row=rows[0]["key"], kind="call", text="away until March")
    assert anna.get("/worklist/overdue", patient_id=patient["id"])["items"] == []
    hold = anna.post(f"/plans/{plan['id']}/holds", reason="away", review_on="2027-03-01")
    assert statuses(anna, plan["id"], "chest_imaging")[3] == "held"
    told = anna.get(f"{path}/explanations", item="chest_imaging", month=3)["items"][0]
    assert any("On hold (away)" in sentence for sentence in told["sentences"])
    clinic.later(days=70)
    difference = anna.post(f"/holds/{hold['id']}/resume", reason="is back")
    assert difference["changed"]
    assert statuses(anna, plan["id"], "chest_imaging")[6] in ("due", "overdue")

    # a recurrence ends the plan, and follow-up starts over
    assert anna.refused("POST", f"/plans/{plan['id']}/end", json={"reason": "recurrence"}) == (403, "forbidden")
    helen.post(f"/plans/{plan['id']}/end", reason="recurrence", restart_by="2027-06-01")
    assert anna.refused("POST", f"/plans/{plan['id']}/holds", json={"reason": "away", "review_on": "2027-04-01"}) == (
        409,
        "conflict",
    )
    again = anna.post(f"{path}/plans/restart", protocol="asps-extremity", anchor="2027-03-01", reason="resected")
    assert (again["number"], again["previous_id"]) == (2, plan["id"])
    assert [each["number"] for each in anna.get(f"{path}/plans")["items"]] == [2, 1]
    history = anna.get(f"{path}/history")["lines"]
    assert any("token the registry" in line for line in history)


def test_who_was_followed_elsewhere_comes_back(clinic: Clinic, staff: tuple[Program, Program]) -> None:
    anna, helen = staff
    path = f"/patients/{clinic.patient_id}"
    plan = anna.get(f"{path}/plans")["items"][0]
    assert anna.refused("POST", f"{path}/plans/return", json={"reason": "back"}) == (409, "conflict")
    helen.post(f"/plans/{plan['id']}/end", reason="transfer", accepted_by="City Hospital")
    study = {"items": ["mri_primary"], "performed_on": "2026-11-20", "modality": "MR"}
    again = anna.post(f"{path}/plans/return", reason="moved back", studies=[study])
    assert (again["previous_id"], again["anchor"], again["number"]) == (plan["id"], plan["anchor"], 2)


def test_what_was_recorded_wrongly_is_taken_back(anna: Program, clinic: Clinic) -> None:
    path = f"/patients/{clinic.patient_id}"
    released = anna.post(f"{path}/death", died_on="2026-11-20", source="letter")["items"]
    assert (released, anna.get(path)["died_on"]) == ([], "2026-11-20")
    plan = anna.get(f"{path}/plans")["items"][0]
    assert (plan["end_reason"], plan["ended_on"]) == ("death", "2026-11-20")
    wrong = {"kind": "death", "id": str(clinic.user_id), "reason": "another patient"}
    assert anna.refused("POST", f"{path}/retractions", json=wrong) == (404, "not-found")
    study = anna.get("/studies", patient_id=str(clinic.patient_id))["items"][0]
    back = anna.post(f"{path}/retractions", kind="study", id=study["id"], reason="another patient")
    assert back["retracted_at"] == "2026-11-23T08:00:00Z"
    assert study["id"] not in [each["id"] for each in anna.get("/studies")["items"]]


def test_a_result_is_carried_on_by_a_fact(staff: tuple[Program, Program], clinic: Clinic) -> None:
    anna, helen = staff
    study = anna.post(
        f"/patients/{clinic.patient_id}/studies", items=["mri_primary"], performed_on="2026-11-20", modality="MR"
    )
    path = f"/studies/{study['id']}"
    anna.post(f"{path}/report", day="2026-11-21")
    for body in (
        {"result": "recurrence", "next_action": "tumour board"},
        {"result": "inadequate"},
        {"result": "recurrence", "follow": {"kind": "hold", "reason": "treatment"}},  # without a review
    ):
        assert helen.refused("POST", f"{path}/review", json=body) == (422, "invalid")
    signed = helen.post(f"{path}/review", result="suspicious", next_action="biopsy")
    assert (signed["to_review_since"], signed["next_action_done_on"]) == (None, None)
    task = {"kind": "task", "what": "biopsy", "owner_id": str(clinic.user_id), "due_on": "2026-12-04"}
    assert anna.post(f"{path}/act", follow=task)["next_action_done_on"] == "2026-11-23"
    (row,) = anna.get("/result-tasks")["items"]
    result = anna.get(f"{path}/result")
    assert (result["follow_up"]["kind"], result["follow_up"]["task_id"]) == ("task", row["id"])
    assert [each["status"] for each in result["reports"]] == ["final"]
    link = {"kind": "link", "to": "task", "id": row["id"]}
    assert anna.refused("POST", f"{path}/act", json={"follow": link}) == (409, "conflict")
    assert anna.post(f"/result-tasks/{row['id']}/done", outcome="benign")["done_on"] == "2026-11-23"
    assert (anna.get("/result-tasks")["items"], len(anna.get("/result-tasks", done="true")["items"])) == ([], 1)
    anna.post(f"{path}/report", status="amended", note="a second reader")
    end = {"kind": "end", "reason": "recurrence", "restart_by": "2027-06-01"}
    assert helen.post(f"{path}/review", result="recurrence", follow=end)["result"] == "recurrence"
    assert anna.get(f"{path}/result")["follow_up"]["kind"] == "end"


def test_an_x_ray_is_no_mri_unless_a_clinician_rules_so(staff: tuple[Program, Program], clinic: Clinic) -> None:
    anna, helen = staff
    path = f"/patients/{clinic.patient_id}/studies"
    xray = {"items": ["mri_primary"], "performed_on": "2026-11-20", "modality": "CR"}
    assert anna.refused("POST", path, json=xray) == (422, "invalid")
    assert anna.refused("POST", path, json=xray | {"ruling": "metal"}) == (403, "forbidden")
    made = helen.post(path, **xray, ruling="metal in the limb")
    assert (made["modality"], made["modality_stated"]) == ("CR", True)


def test_decisions_about_a_plan(anna: Program, clinic: Clinic) -> None:
    plan = f"/plans/{anna.get(f'/patients/{clinic.patient_id}/plans')['items'][0]['id']}"
    chosen = {"item": "mri_primary", "month": 12}
    moved = anna.post(f"{plan}/moves", examination=chosen, day="2027-03-08", reason="school trip")
    skipped = anna.post(
        f"{plan}/skips", examination=chosen | {"item": "chest_imaging"}, review_on="2027-03-01", reason="CT in May"
    )
    extra = anna.post(f"{plan}/extras", item="mri_brain", target="2027-01-05", reason="headache")
    found = anna.get(plan)
    assert {each["id"] for each in found["decisions"]} == {moved["id"], skipped["id"]}
    assert [each["id"] for each in found["extras"]] == [extra["id"]]
    rows = {(row["item"], row["month"] or row["extra_id"]): row for row in found["examinations"]}
    assert (rows["mri_primary", 12]["target"], rows["mri_primary", 12]["moved"]) == ("2027-03-08", True)
    assert rows["chest_imaging", 12]["status"] == "skipped"
    assert rows["mri_brain", extra["id"]]["target"] == "2027-01-05"
    assert "mri_brain" in str(anna.get(f"/patients/{clinic.patient_id}/trips"))
    terms = {"since": "2027-04-01", "intervals": {"mri_primary": 6}, "reason": "TOSS"}
    shown = anna.client.post(f"{plan}/terms?dry_run=true", json=terms).json()
    done = anna.post(f"{plan}/terms", **terms)
    assert shown == done
    assert done["withdrawn"]
    assert len(anna.get(plan)["terms"]) == 2


def test_a_site_is_added_set_up_and_goes_live(clinic: Clinic, server: Server) -> None:
    ada = Program(server, token(clinic, hire(clinic, "ada", Role.ADMIN)))
    new = {"code": "DC1", "name": "Sarcoma unit", "short_name": "City Clinic", "time_zone": "America/New_York"}
    site = ada.post("/sites", **new, country="US", phone="(202) 555-0199", send_from="10:00")
    made = (site["phone"], site["send_from"], site["role"], site["messages_from"])
    assert made == ("+12025550199", "10:00", "admin", None)
    path = f"/sites/{site['id']}"
    tag = ada.client.get(path).headers["etag"]
    changed = ada.client.patch(path, json={"send_until": "18:30"}, headers={"If-Match": tag})
    assert (changed.json()["send_until"], changed.json()["send_from"]) == ("18:30", "10:00")
    assert ada.refused("POST", f"{path}/go-live", json={"day": "2026-12-01"}) == (409, "conflict")
    live = ada.post(f"/sites/{clinic.site_id}/go-live", day="2026-12-01")
    assert live["messages_from"] == "2026-12-01"
    place = ada.post(f"{path}/places", name="MRI 1")
    assert ada.client.patch(f"/places/{place['id']}", json={"address": "1 Example Street"}).json()["name"] == "MRI 1"
    ada.post(f"{path}/closures", day="2026-12-24", reason="scanner is serviced")
    assert [each["day"] for each in ada.get(f"{path}/closures")["items"]] == ["2026-12-24"]
    assert ada.post(f"{path}/closures/end", day="2026-12-24")["items"] == []


def test_calendar_addresses_and_pauses(anna: Program, clinic: Clinic, server: Server) -> None:
    feed = anna.post("/feeds", site_id=str(clinic.site_id), patient_id=str(clinic.patient_id), label="telephone")
    there = feed["https"].removeprefix("https://clinic.example")
    assert server.get(there).status_code == 200
    listed = anna.get("/feeds")["items"]
    assert ([each["label"] for each in listed], "https" in listed[0]) == (["telephone"], False)
    fresh = anna.post(f"/feeds/{feed['id']}/rotate", reason="telephone lost")
    assert server.get(there).status_code == 410
    assert anna.post(f"/feeds/{fresh['id']}/revoke")["revoked_at"] is not None

    site = str(clinic.site_id)
    anna.post("/dispatch/pause", site_id=site, reason="all times change")
    assert [each["why"] for each in anna.get("/dispatch")["paused"]] == ["all times change"]
    assert anna.refused("POST", "/dispatch/pause", json={"reason": "everywhere"}) == (403, "forbidden")
    assert anna.post("/dispatch/resume", site_id=site)["paused"] == []


# -- protocols -------------------------------------------------------------------------------------------------


def test_a_clinician_looks_again_at_a_source_and_the_site_is_asked_on_the_day(
    clinic: Clinic, server: Server, anna: Program
) -> None:
    sources = f"/sites/{clinic.site_id}/protocols/sources"
    look = {"protocol": "asps-extremity@2026.2", "source": "nccn", "found": "the same", "until": "2026-12-23"}
    assert anna.get(sources)["items"] == []
    assert anna.refused("POST", sources, json=look)[0] == 403
    helen = Program(server, token(clinic, hire(clinic, "helen", Role.CLINICIAN)))
    assert helen.refused("POST", sources, json=look | {"until": "2036-12-23"}) == (422, "invalid")
    assert helen.refused("POST", sources, json=look | {"protocol": "gist-high@2026.1"})[0] == 404
    made = helen.post(sources, **look)
    assert (made["protocol"], made["source"], made["until"]) == (look["protocol"], "nccn", "2026-12-23")
    assert anna.get(sources)["items"] == []
    clinic.later(days=30)
    (due,) = anna.get(sources)["items"]
    assert (due["source"], due["since"], due["expired"]) == ("nccn", "2026-12-23", False)
    assert "NCCN" in due["citation"]


def test_each_interval_tells_its_source_edition_and_grade_to_programs(anna: Program) -> None:
    sweden = anna.get("/protocols/sweden-sts-low")
    source = next(each for each in sweden["sources"] if each["id"] == "sweden")
    assert (source["edition"], source["year"], source["grade"]) == ("version 1.0 of 22 November 2017", 2017, "P-old")
    visit = next(item for item in sweden["items"] if item["code"] == "clinic_visit")
    assert (visit["kind"], {phase["grade"] for phase in visit["phases"]}) == ("visit", {"P-old"})
    assert sweden["status"] == "ready"
    kinds = {item["code"]: item["kind"] for item in anna.get("/protocols/nccn-sts-high")["items"]}
    assert (kinds["self_examination"], kinds["echocardiography"]) == ("advice", "test")
