"""What leaves the service can be read by others: a second calendar parser, a spreadsheet, FHIR R4."""

import csv
import io
from dataclasses import replace
from datetime import date, timedelta

import furnished
import pytest
import sqlalchemy as sa
import vobject
from board_clinic import START, TODAY, Clinic, open_clinic
from fhir.resources.R4B.bundle import Bundle

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.words import AttemptState, Channel, HoldReason, Outcome, ReminderState, Result
from surveillance.operations import csv_text
from surveillance.operations.care import enrolment, holds, lifecycle, reviews
from surveillance.operations.exports import files
from surveillance.operations.fhir.codes import checked
from surveillance.operations.registry import patients
from surveillance.operations.visits import outcomes, reports
from surveillance.operations.work import Work
from surveillance.store.tables import Attempt, Patient

DAY = timedelta(days=1)
ANCHOR = date(2026, 8, 25)
URL = "https://clinic.example.org"


@pytest.fixture
def clinic(engine: sa.Engine) -> Clinic:
    return replace(furnished.once(engine, "exports", lambda: _lived_in(engine)))


def _lived_in(engine: sa.Engine) -> Clinic:
    """One patient examined, booked again and written to; one on hold whose name is a formula."""
    clinic = open_clinic(engine)
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work, "007", ANCHOR, enrolled_on=ANCHOR)
        visit = clinic.book(work, patient, TODAY)
        outcome = outcomes.OutcomeOf("mri_primary", Outcome.PERFORMED, accession="ACC1")
        (study,) = outcomes.record(work, visit, [outcome])
        reviews.sign(work, reports.report(work, study, TODAY), reviews.NewReview(TODAY, Result.CLEAR))
        clinic.book(work, patient, date(2027, 2, 24))
        sent = clinic.reminder(work, patient, state=ReminderState.SENT, appointment_id=visit.id)
        attempt = Attempt(
            site_id=clinic.site_id, reminder_id=sent.id, ordinal=1, channel=Channel.SMS, to_address="+12025550101",
            body="text", language="en", transport="console", created_at=work.now, deadline_at=work.now,
            in_doubt_from=work.now, finished_at=work.now, state=AttemptState.DELIVERED,
        )  # fmt: skip
        work.session.add(attempt)
        held = clinic.patient(work, "=1+1", family_name="@SUM(A1)", given_name="Björn")
        plan = enrolment.enrol(work, held, enrolment.Enrolment("asps-extremity", ANCHOR))
        holds.hold(work, plan, holds.NewHold(HoldReason.AWAY, TODAY + DAY, TODAY))
    return clinic


def patient_of(clinic: Clinic, work: Work, mrn: str) -> Patient:
    return patients.patient_named(work, [clinic.site_id], mrn)


def test_a_table_has_a_row_for_each_examination_and_no_formula(clinic):
    with clinic.work() as work:
        text = files.csv_text(work, [work.site(clinic.site_id)])
    rows = list(csv.DictReader(io.StringIO(text)))
    first = next(row for row in rows if row["mrn"] == "007")
    assert (first["item"], first["month"], first["status"], first["accession"], first["result"]) == (
        "mri_primary", "3", "reviewed", "ACC1", "clear",
    )  # fmt: skip
    assert {row["mrn"] for row in rows} == {"007", "'=1+1"}
    assert {row["family_name"] for row in rows if row["mrn"] != "007"} == {"'@SUM(A1)"}
    assert {row["status"] for row in rows if row["mrn"] != "007"} == {"held"}
    assert next(row["booked_on"] for row in rows if row["month"] == "6") == "2027-02-24"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_cell_never_begins_like_a_formula(text):
    assert csv_text.safe(text) == f"'{text}"
    assert csv_text.safe("007") == "007"
    assert csv_text.safe(None) is None


def test_a_byte_order_mark_is_written_once_and_only_if_wanted(clinic):
    with clinic.work() as work:
        site = work.site(clinic.site_id)
        assert files.csv_text(work, [site], bom=True).startswith("\ufeffsite,mrn")
        assert files.csv_text(work, [site]).startswith("site,mrn")


@pytest.mark.parametrize(("full", "summary"), [(False, False), (True, True)])
def test_a_calendar_file_names_examinations_only_if_asked(clinic, full, summary):
    with clinic.work() as work:
        patient = patient_of(clinic, work, "007")
        calendar = vobject.readOne(files.ics(work, work.site(clinic.site_id), URL, patient, full=full).decode())
    booked = [event for event in calendar.vevent_list if event.status.value == "CONFIRMED"]
    assert len(booked) == 2
    assert any("MRI" in event.summary.value for event in booked) is summary
    assert all(event.uid.value.endswith("@clinic.example.org") for event in booked)


def test_the_calendar_of_a_site_has_everyones_visits(clinic):
    with clinic.work() as work:
        made = files.ics(work, work.site(clinic.site_id), URL).decode()
    assert len(vobject.readOne(made).vevent_list) > 2


def test_the_dead_have_no_calendar(clinic):
    with clinic.work(START + DAY) as work:
        patient = patient_of(clinic, work, "007")
        lifecycle.died(work, patient, TODAY, "letter")
        with pytest.raises(ConflictError, match="no calendar any more"):
            files.ics(work, work.site(clinic.site_id), URL, patient)


def resources(text: str, kind: str) -> list:
    return [e.resource for e in Bundle.model_validate_json(text).entry if e.resource.get_resource_type() == kind]


@pytest.fixture
def one_patient(clinic: Clinic) -> str:
    with clinic.work() as work:
        return files.fhir(work, work.site(clinic.site_id), URL, patient_of(clinic, work, "007"))


def test_a_bundle_parses_back_and_every_reference_resolves(one_patient):
    bundle = Bundle.model_validate_json(one_patient)
    urls = {entry.fullUrl for entry in bundle.entry}
    assert len(urls) == len(bundle.entry)

    def references(value):
        if isinstance(value, dict):
            yield from [value["reference"]] if isinstance(value.get("reference"), str) else []
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    assert set(references(bundle.model_dump(mode="json"))) <= urls


def test_a_bundle_tells_the_chain_from_plan_to_report(one_patient):
    (patient,), (plan,) = resources(one_patient, "Patient"), resources(one_patient, "CarePlan")
    assert (patient.identifier[0].value, patient.gender) == ("007", "unknown")
    requests = {request.id: request for request in resources(one_patient, "ServiceRequest")}
    assert len(plan.activity) == len(requests)
    (done,) = [request for request in requests.values() if request.status == "completed"]
    (study,), (report,) = resources(one_patient, "ImagingStudy"), resources(one_patient, "DiagnosticReport")
    assert study.basedOn[0].reference == report.basedOn[0].reference == f"urn:uuid:{done.id}"
    assert (study.identifier[0].value, report.conclusion) == ("ACC1", "No sign of recurrence")
    booked = [visit for visit in resources(one_patient, "Appointment") if visit.status == "booked"]
    assert booked[0].basedOn[0].reference.removeprefix("urn:uuid:") in requests
    (message,) = resources(one_patient, "Communication")
    assert (message.status, message.medium[0].coding[0].code) == ("completed", "SMSWRIT")


def test_a_protocol_is_a_plan_definition_whose_actions_name_their_activities(one_patient):
    (plan,) = resources(one_patient, "PlanDefinition")
    activities = {f"{a.url}|{a.version}" for a in resources(one_patient, "ActivityDefinition")}
    assert {action.definitionCanonical for action in plan.action} == activities
    first = plan.action[0].action[0].timingTiming.repeat
    assert (int(first.period), int(first.periodMax), first.periodUnit, int(first.boundsRange.high.value)) == (
        3,
        6,
        "mo",
        36,
    )


def test_each_interval_of_a_plan_definition_says_where_it_was_read(one_patient):
    (plan,) = resources(one_patient, "PlanDefinition")
    read = [(each.label, each.display) for phase in plan.action[0].action for each in phase.documentation]
    assert [label for label, _ in read] == ["S", "S", "proposed"]
    assert "somebody else's text" in read[0][1]
    assert all(each.citation for action in plan.action for phase in action.action for each in phase.documentation)


def test_a_held_examination_is_a_request_on_hold_and_a_site_bundle_has_everyone(clinic):
    with clinic.work() as work:
        text = files.fhir(work, work.site(clinic.site_id), URL)
    assert len(resources(text, "Patient")) == 2
    assert {request.status for request in resources(text, "ServiceRequest")} == {"active", "on-hold", "completed"}


@pytest.mark.parametrize("code", ["bogus", None])
def test_a_code_that_fhir_does_not_know_is_refused(code):
    with pytest.raises(InvalidInputError, match=r"Appointment\.status"):
        checked({"resourceType": "Appointment", "status": code})
