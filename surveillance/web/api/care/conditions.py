"""The diseases of a patient: recorded, described better, taken back."""

from uuid import UUID

from surveillance.operations.care import diagnoses
from surveillance.operations.care.diagnoses import NewCondition
from surveillance.store.planning import conditions as store
from surveillance.store.tables import Condition
from surveillance.web.access import Permission
from surveillance.web.api.answering import must_match
from surveillance.web.api.call import Call
from surveillance.web.api.models.common import ReasonGiven
from surveillance.web.api.models.conditions import ConditionCreate, ConditionPublic, ConditionUpdate
from surveillance.web.api.paging import Page
from surveillance.web.api.routing import Endpoints

endpoints = Endpoints("Plans")


@endpoints.get("/patients/{patient_id}/conditions", needs=Permission.VIEW)
def list_conditions(call: Call, patient_id: UUID) -> Page[ConditionPublic]:
    """The diseases of a patient, in the order of their recording; those that were taken back are left out."""
    rows = store.of_patient(call.session, call.patient(patient_id).id)
    return Page(items=[_public(row) for row in rows], next=None)


@endpoints.post("/patients/{patient_id}/conditions", needs=Permission.WORK, created="/conditions")
def create_condition(call: Call, patient_id: UUID, new: ConditionCreate) -> ConditionPublic:
    """Record a disease. Until a plan follows it, it stands on the board."""
    return _public(diagnoses.add(call.work, call.patient(patient_id), NewCondition(**new.model_dump())))


@endpoints.get("/conditions/{condition_id}", needs=Permission.VIEW)
def get_condition(call: Call, condition_id: UUID) -> ConditionPublic:
    """One disease, taken back or not."""
    return _public(call.row(Condition, condition_id, "condition"))


@endpoints.patch("/conditions/{condition_id}", needs=Permission.WORK)
def update_condition(call: Call, condition_id: UUID, changes: ConditionUpdate) -> ConditionPublic:
    """Describe a disease better; what is left out stays."""
    row = call.row(Condition, condition_id, "condition")
    must_match(call, _public(row))
    named = changes.model_dump(exclude_unset=True, exclude={"reason"})
    given = {name: value for name, value in named.items() if value is not None or name == "diagnosed_on"}
    diagnoses.describe(call.work, row, given, changes.reason)
    return _public(row)


@endpoints.post("/conditions/{condition_id}/retraction", needs=Permission.WORK)
def retract_condition(call: Call, condition_id: UUID, why: ReasonGiven) -> ConditionPublic:
    """Take back a disease that no plan follows or followed."""
    row = call.row(Condition, condition_id, "condition")
    diagnoses.take_back(call.work, row, why.reason)
    return _public(row)


def _public(row: Condition) -> ConditionPublic:
    return ConditionPublic.model_validate(row)
