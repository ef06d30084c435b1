"""Safety flags through the API: a program gets the refusal, the answers and the order."""

from api_program import Program, hire, token
from web_clinic import Clinic, Server

from surveillance.core.words import Role

WHY = "the implant is MR conditional at 1.5 T"


def test_a_program_of_a_clinician_answers_for_a_flag_and_one_of_a_coordinator_may_not(
    clinic: Clinic, server: Server
) -> None:
    anna = Program(server, token(clinic, clinic.user_id))
    helen = Program(server, token(clinic, hire(clinic, "helen", Role.CLINICIAN)))
    proposed = anna.get("/visits", patient_id=str(clinic.patient_id), state="proposed")["items"][0]
    anna.client.patch(f"/patients/{clinic.patient_id}", json={"mri_unsafe": True, "reason": "pacemaker"})
    visit = {"day": proposed["day"], "at": "10:30", "place_id": str(clinic.place_id)}
    path = f"/patients/{clinic.patient_id}/visits"
    assert anna.refused("POST", path, json=visit) == (422, "invalid")
    assert anna.refused("POST", path, json=visit | {"flags_reason": WHY})[0] == 422
    booked = helen.post(path, **visit, flags_reason=WHY)
    confirmed = {line["item"]: line["flags_confirmed"] for line in booked["examinations"]}
    assert confirmed["mri_primary"] == ["mri_unsafe"]
    told = helen.get(f"/visits/{booked['id']}/flags")["examinations"]
    assert [(each["why"], each["unconfirmed"], each["reason"]) for each in told if each["why"]] == [
        ("the patient is MRI-unsafe", "", WHY)
    ]
    assert WHY in anna.get(f"/visits/{booked['id']}/order")["text"]
    anna.client.patch(f"/patients/{clinic.patient_id}", json={"egfr": 20, "egfr_on": "2026-01-05", "reason": "lab"})
    (row,) = anna.get("/worklist/flags")["items"]
    assert "eGFR 20" in row["why"]
    helen.post(f"/visits/{booked['id']}/flags", flags_reason="dialysis the same day")
    assert anna.get("/worklist/flags")["items"] == []
