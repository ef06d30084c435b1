"""The diseases of a patient: described better, or taken back."""

from typing import Any
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.words import Side
from surveillance.operations.care import diagnoses
from surveillance.operations.care.diagnoses import NewCondition
from surveillance.operations.planning import conditions
from surveillance.store.planning import conditions as store
from surveillance.store.tables import Condition, Patient
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.care.changes import home, page
from surveillance.web.pages.routing import Pages

pages = Pages(prefix="/patients")

TAKE_BACK = "take-back"  # the button that takes a disease back
SIDES = [(side.value, said) for side, said in words.SIDE.items()]


def read(form: Form, *, required: bool = True) -> NewCondition | None:
    """A disease as a form describes it; None where it is not described."""
    diagnosis = form.text("diagnosis", "the diagnosis", required=required)
    side = form.choice("side", "the side", Side, required=False)
    described = NewCondition(
        diagnosis,
        code=form.text("code", "the code", longest=32),
        code_system=form.text("code_system", "the list that the code is from"),
        body_site=form.text("body_site", "where the primary is"),
        side=side or Side.UNKNOWN,
        grade=form.text("grade", "the grade", longest=64),
        margin=form.text("margin", "the margin", longest=64),
        stage=form.text("stage", "the stage", longest=64),
        diagnosed_on=form.day("diagnosed_on", "the day of the diagnosis"),
    )
    return described if diagnosis else None


@pages.get("/{patient_id}/conditions/{condition_id}", needs=Permission.WORK)
def describe_page(context: PageContext, patient_id: UUID, condition_id: UUID) -> Response:
    patient = context.patient(patient_id)
    row = conditions.by_id(context.work, patient, condition_id)
    filled: dict[str, Any] = {name: getattr(row, name) or "" for name in diagnoses.EDITABLE}
    return _describe_page(context, patient, row, Form.filled(**filled))


@pages.post("/{patient_id}/conditions/{condition_id}", needs=Permission.WORK)
def describe(context: PageContext, patient_id: UUID, condition_id: UUID) -> Response:
    """Say more of a disease, or take one back that no plan follows."""
    patient, form = context.patient(patient_id), context.form
    row = conditions.by_id(context.work, patient, condition_id)
    reason = form.text("reason", "the reason", longest=1000)
    if form.value("do") == TAKE_BACK:
        with form.trying(context.session):
            diagnoses.take_back(context.work, row, reason)
        said = "The condition is taken back."
    else:
        described = read(form)
        if form.ok and described is not None:
            given = {name: getattr(described, name) for name in diagnoses.EDITABLE}
            with form.trying(context.session):
                diagnoses.describe(context.work, row, given, reason)
        said = "The condition is described."
    if form.ok:
        return context.done(home(patient, "plan"), said)
    return _describe_page(context, patient, row)


def _describe_page(context: PageContext, patient: Patient, row: Condition, form: Form | None = None) -> Response:
    planned = store.has_plan(context.session, row.id)
    name = conditions.name(row)
    return page(
        context, "care/condition.html", patient, form=form, condition=row, name=name, planned=planned, sides=SIDES
    )
