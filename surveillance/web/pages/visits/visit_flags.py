"""Answering for the safety flags of a booked visit, and the order that tells of them."""

from uuid import UUID

from fastapi.responses import Response

from surveillance.operations.planning import preconditions
from surveillance.operations.record import order as record_order
from surveillance.operations.visits import booking
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages
from surveillance.web.pages.visits import flag_fields
from surveillance.web.pages.visits.booking_form import flags
from surveillance.web.pages.visits.flag_fields import FlagFields
from surveillance.web.pages.visits.visit import Shown, opened

pages = Pages(prefix="/visits")


def _fields(shown: Shown) -> FlagFields:
    return flag_fields.of_visit(shown.context, shown.patient, shown.row, shown.lines, shown.row.day)


def _page(shown: Shown, form: Form, status: int | None = None) -> Response:
    context = shown.context
    return context.page(
        "visits/flags.html",
        form=form,
        status=status,
        v=shown,
        patient=shown.patient,
        flags=flags(shown.patient),
        asking=_fields(shown),
        lines=shown.flag_lines,
        back=context.back(""),
    )


@pages.get("/{visit_id}/flags", needs=Permission.WORK)
def flags_form(context: PageContext, visit_id: UUID) -> Response:
    shown = opened(context, visit_id)
    if not shown.booked:
        return context.go(shown.address)
    chosen = {f"instead-{item}": code or flag_fields.ITSELF for item, code in _fields(shown).chosen.items()}
    return _page(shown, Form.filled(**chosen), 200)


@pages.post("/{visit_id}/flags", needs=Permission.WORK)
def answer(context: PageContext, visit_id: UUID) -> Response:
    """Confirm the flags with a reason, or do instead what the protocol names."""
    shown, form = opened(context, visit_id), context.form
    preconditions.lock(context.work, shown.patient.id)
    context.session.refresh(shown.row)
    answers = _fields(shown).read(form)
    if form.ok:
        with form.trying(context.session):
            booking.answer(context.work, shown.row, answers)
    if form.errors:
        shown.say_plainly(form)
        return _page(shown, form)
    return context.done(context.back(shown.address), f"The safety flags of the visit of {shown.when} are answered for.")


@pages.get("/{visit_id}/order", needs=Permission.VIEW)
def order(context: PageContext, visit_id: UUID) -> Response:
    """The order of a visit, to print."""
    shown = opened(context, visit_id)
    if not shown.booked:
        return context.go(shown.address)
    made = record_order.order(context.work, shown.row)
    return context.page("visits/order.html", status=200, v=shown, patient=shown.patient, order=made)
