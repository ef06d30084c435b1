"""The OpenAPI document is true: what fits it is answered as it says, what does not is refused, nothing ever fails.

``API_EXAMPLES=200 pytest --hypothesis-seed=1 tests/web/test_api_schemathesis.py`` asks much longer.
"""

import os
import re
import shutil
from collections.abc import Iterator
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from api_program import hire, token
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.schemas import APIOperation, BaseSchema
from sqlmodel import col, select
from web_clinic import Clinic, open_clinic, web_of

from surveillance.core.words import Channel, HoldReason, ReminderState, Role
from surveillance.operations.accounts import users
from surveillance.operations.administration import sites
from surveillance.operations.care import enrolment, holds, overrides
from surveillance.operations.registry import patients
from surveillance.operations.visits import booking
from surveillance.operations.work import Catalogue, Work
from surveillance.store import db
from surveillance.store.tables import (
    Appointment,
    Contact,
    ExtraExamination,
    Feed,
    Inbound,
    Patient,
    Place,
    Plan,
    PlanHold,
    Reminder,
    Site,
    Study,
    User,
)
from surveillance.web.api import order as api

FEW = 2
EXAMPLES = int(os.environ.get("API_EXAMPLES", FEW))  # for each operation, as many that fit as that do not
load_all_checks()
CHECKED = [
    CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
        "missing_required_header",
        "unsupported_method",
        "allow_header_conformance",
        "ignored_auth",
    )
]
TABLES: dict[str, Any] = {
    "site_id": Site,
    "place_id": Place,
    "patient_id": Patient,
    "contact_id": Contact,
    "plan_id": Plan,
    "hold_id": PlanHold,
    "extra_id": ExtraExamination,
    "visit_id": Appointment,
    "cancel": Appointment,
    "keep": Appointment,
    "study_id": Study,
    "message_id": Reminder,
    "reply_id": Inbound,
    "feed_id": Feed,
    "owner_id": User,
    "user_id": User,
    "assigned_to": User,
}
WORDS = {
    "item": ["mri_primary", "chest_imaging", "mri_brain"],
    "items": ["mri_primary", "chest_imaging"],
    "protocol": ["asps-extremity"],
    "time_zone": ["Europe/London"],
    "country": ["GB"],
    "holidays": ["GB"],
    "phone": ["+12025550123"],
    "languages": ["en"],
}
NEAR = st.dates(date(2026, 10, 1), date(2027, 9, 1)) | st.dates(date(1890, 1, 1), date(2150, 12, 31))
_ID = re.compile("[0-9a-f]{8}-[0-9a-f-]{27}")


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path, catalogue: Catalogue) -> Iterator[Clinic]:
    file = shutil.copy(migrated_file, tmp_path_factory.mktemp("api") / "clinic.sqlite3")
    clinic = open_clinic(f"sqlite:///{file}", catalogue)
    clinic.do(lambda work: _populate(clinic, work))
    clinic.later(days=5)
    yield clinic
    clinic.app.close()


def _populate(clinic: Clinic, work: Work) -> None:
    """Patients with everything that a patient can have."""
    site, place = clinic.site(work), work.session.get_one(Place, clinic.place_id)
    site.messages_from = date(2026, 1, 1)
    for number in range(6):
        contact = patients.NewContact(phone="+1 202 555 0101", consents=[Channel.SMS])
        new = patients.NewPatient(f"X{number}", "Fiction", "Bo", date(1990, 1, 1), contacts=[contact])
        patient = patients.add_patient(work, site, new)
        plan = enrolment.enrol(work, patient, enrolment.Enrolment("asps-extremity", date(2026, 6, 1)))
        if number % 3 == 0:
            booking.book(work, patient, booking.Visit(date(2026, 11, 25), time(10), place))
        if number % 3 == 1:
            holds.hold(work, plan, holds.NewHold(HoldReason.AWAY, date(2027, 1, 5), date(2026, 11, 20)))
        overrides.extra(work, plan, overrides.NewExtra("mri_primary", date(2027, 1, 5), "repeat"))
        reply = {"from_number": "+12025550101", "to_number": "+12025550199", "body": "stop or not?"}
        work.session.add(Inbound(provider_id=f"SM{number}", received_at=work.now, **reply))
    for reminder in work.session.exec(select(Reminder).order_by(col(Reminder.key)).limit(5)):
        reminder.state = ReminderState.TASK


@pytest.fixture(scope="module")
def secret(clinic: Clinic) -> str:
    """Of somebody with enough of a role for every route: a clinician here, an administrator there."""
    helen = hire(clinic, "helen", Role.CLINICIAN)

    def administer(work: Work) -> None:
        new = sites.NewSite("BER1", "Sarkom", "Klinik", "Europe/Berlin", "DE", "030 123456")
        users.set_role(work, work.session.get_one(User, helen), sites.add_site(work, new), Role.ADMIN)

    clinic.do(administer)
    clinic.feed()
    return token(clinic, helen)


@pytest.fixture(scope="module")
def schema(clinic: Clinic) -> BaseSchema:
    schemathesis.openapi.format("date", NEAR.map(str))
    schemathesis.openapi.format("uuid", st.uuids().map(str))
    found = schemathesis.openapi.from_asgi("/openapi.json", web_of(clinic.app, lambda: clinic.now))
    found.config.generation.with_security_parameters = False
    return found


TAGS = sorted({str(tag) for route in api.routes() if route.include_in_schema for tag in route.tags})


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
def test_the_api_does_what_its_description_says(
    clinic: Clinic, schema: BaseSchema, secret: str, tag: str, mode: GenerationMode
) -> None:
    for found in schema.include(tag=tag).get_all_operations():
        _ask(found.ok(), mode, {name: _ids(clinic, table) for name, table in TABLES.items()} | WORDS, secret)


def _ask(operation: APIOperation, mode: GenerationMode, known: dict[str, list[str]], secret: str) -> None:
    headers = {"Authorization": f"Bearer {secret}"}

    @settings(
        max_examples=EXAMPLES,
        derandomize=EXAMPLES == FEW,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def ask(case: Case, data: st.DataObject) -> None:
        _steer(case, data, known, mode)
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=CHECKED, headers=headers)

    try:
        ask()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, operation.label  # nothing is sent that could be wrong


def _ids(clinic: Clinic, table: Any) -> list[str]:
    with db.reading(clinic.app.engine) as session:
        return [str(each) for each in session.exec(select(table.id).order_by(table.id))]


def _steer(case: Case, data: st.DataObject, known: dict[str, list[str]], mode: GenerationMode) -> None:
    """Random ids name nothing and random words mean nothing: most requests speak of what there is."""
    case.headers.pop("If-Match", None)
    if mode is GenerationMode.NEGATIVE:
        return
    case.headers.pop("Idempotency-Key", None)
    case.path_parameters = _meant(data, known, case.path_parameters)
    case.query, case.body = _meant(data, known, case.query), _meant(data, known, case.body)


def _meant(data: st.DataObject, known: dict[str, list[str]], value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _meant(data, known, each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_meant(data, known, each, name) for each in value]
    wanted = isinstance(value, str) and bool(known.get(name)) and (name in WORDS or bool(_ID.fullmatch(value)))
    return data.draw(st.sampled_from(known[name])) if wanted and data.draw(st.integers(0, 9)) else value
