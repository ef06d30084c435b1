"""Moving and cancelling a visit, with what that brings before it is done: messages, slots, what is to book again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final
from uuid import UUID

from fastapi.responses import Response

from surveillance.core.schedule.offers import Offer, Offers, fit
from surveillance.core.words import AppointmentState
from surveillance.operations.administration import places as administration_places
from surveillance.operations.planning import preconditions
from surveillance.operations.visits import booking, preview_effects
from surveillance.operations.visits.offers import Leg, Proposer, Told
from surveillance.store.tables import Appointment, Patient, Place
from surveillance.store.visits import appointments
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.forms import LONGEST_TEXT, Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages
from surveillance.web.pages.visits import trip_fields
from surveillance.web.pages.visits.booking_form import Ahead, silences
from surveillance.web.pages.visits.trip_fields import Trip
from surveillance.web.pages.visits.visit import Shown, opened
from surveillance.web.render import dated, day

pages = Pages(prefix="/visits")

SAVE: Final = "save"  # what the button that saves asks for; any other only shows what would happen


# -- moving ------------------------------------------------------------------------------------------------------


@dataclass
class Moving:
    """The form that moves a visit: like one trip of a booking, with a reason."""

    shown: Shown
    form: Form
    strict: bool = False

    def __post_init__(self) -> None:
        shown = self.shown
        plan = preconditions.plan_of(shown.context.work, shown.row.plan_id)
        self.proposer = Proposer(shown.context.work, shown.patient, plan, without=shown.row.id)
        if not self.strict:
            self.form = trip_fields.filled(self.form, [self.leg], shown.row.place_id, self.form.value("do"))

    @cached_property
    def proposed(self) -> Leg:
        """Its examinations and the best days for them, without the day as it is."""
        keys = [appointments.key(line) for line in self.shown.open_lines]
        leg = self.proposer.legs([self.proposer.of_keys(keys)], {})[0]
        others = tuple(offer for offer in leg.offers.days if offer.day != self.shown.row.day)
        return Leg(leg.choices, Offers(others, leg.offers.left_out))

    @cached_property
    def asked(self) -> list[date]:
        """The days that the patient asked for, in their order."""
        return (
            [date.fromisoformat(day) for day in self.shown.reschedule_request.days]
            if self.shown.reschedule_request
            else []
        )

    @cached_property
    def leg(self) -> Leg:
        """The day as it is comes first, since often only the time changes; then what was asked for, then the best."""
        choices, offers = self.proposed.choices, self.proposed.offers
        known = {offer.day for offer in offers.days}
        more = [day for day in dict.fromkeys((self.shown.row.day, *self.asked)) if day not in known]
        ahead = [day for day in more if day >= self.proposer.today]
        first = [Offer(day, False, tuple(fit(choice.row, day) for choice in choices)) for day in ahead]
        return Leg(choices, Offers((*first, *offers.days), offers.left_out))

    @cached_property
    def told(self) -> list[Told]:
        return self.proposer.told([(offer.day, self.leg.choices) for offer in self.leg.offers.days])

    @cached_property
    def places(self) -> list[Place]:
        return administration_places.places(self.shown.context.work, self.shown.site)

    @property
    def place_choices(self) -> list[tuple[str, str]]:
        return [(str(place.id), place.name + (" (outside)" if place.outside else "")) for place in self.places]

    def read(self, form: Form) -> Trip:
        return trip_fields.read(form, 0, self.leg, self.places)

    def must_change(self, trip: Trip) -> None:
        """Nobody is told of a move that is none."""
        row, place = self.shown.row, trip.place.id if trip.place else None
        if (trip.day, trip.at, place, trip.minutes) == (row.day, row.at, row.place_id, row.minutes):
            self.form.fault("day-0", "Nothing is changed yet: choose another day, time or place")

    def change(self, trip: Trip) -> Callable[[], Sequence[Appointment]]:
        """What moves the visit; its note stays."""
        row, form = self.shown.row, self.form
        visit = trip.visit(row.note)
        reason = form.text("reason", "the reason", longest=LONGEST_TEXT)
        return lambda: [booking.move(self.shown.context.work, row, visit, reason)] if visit else []

    def ahead(self) -> Ahead:
        form = self.form.but()
        trip = self.read(form)
        told = self.proposer.told([(trip.day, self.leg.choices)])[0] if trip.day else None
        warnings = trip_fields.clocks(trip, self.shown.zone)
        if told is not None and told.closed:
            warnings = [f"{self.shown.site.short_name} does not work on {day(told.day)}: {told.closed}.", *warnings]
        return _ahead(self.shown, form, [(trip, told, warnings)], self.change(trip))


def _ahead(
    shown: Shown,
    form: Form,
    trips: Sequence[tuple[Trip, Told | None, list[str]]],
    change: Callable[[], Sequence[Appointment]],
) -> Ahead:
    """What a change would bring; it is tried only after a form was sent, since a look must write nothing."""
    if form.errors:
        return Ahead(trips, list(form.errors.values()))
    if shown.context.request.method == "GET":
        return Ahead(trips, tried=False)
    found = preview_effects.preview(shown.context.work, shown.patient, change)
    if found.fault:
        form.fault("", dated(found.fault))
        shown.say_plainly(form)
        return Ahead(trips, [trip_fields.sentence(form.errors[""])])
    return Ahead(trips, (), found, silences(shown.context, shown.site))


@pages.get("/{visit_id}/move", needs=Permission.WORK)
def move_form(context: PageContext, visit_id: UUID) -> Response:
    shown = opened(context, visit_id)
    if not shown.movable:
        return context.go(shown.address)
    row = shown.row
    form = Form.filled(**{"at-0": row.at, "place-0": row.place_id, "minutes-0": row.minutes})
    return _moving(Moving(shown, form), 200)


def _moving(moving: Moving, status: int | None = None, template: str = "visits/move.html") -> Response:
    shown = moving.shown
    return shown.context.page(
        template,
        form=moving.form,
        status=status,
        v=shown,
        m=moving,
        patient=shown.patient,
        ahead=moving.ahead(),
        fields=trip_fields,
        part=shown.context.request.query_params.get("part", ""),
        back=shown.context.back(""),
        words=words,
    )


@pages.post("/{visit_id}/move", needs=Permission.WORK)
def move(context: PageContext, visit_id: UUID) -> Response:
    """Move the visit, or show again what that would bring."""
    saving = context.form.value("do") == SAVE
    shown = _locked(context, visit_id) if saving else opened(context, visit_id)
    moving = Moving(shown, context.form, strict=saving)
    if not saving:
        return _moving(moving, 200)
    trip = moving.read(moving.form)
    moving.must_change(trip)
    change = moving.change(trip)
    old = shown.when
    if moving.form.ok:
        with moving.form.trying(context.session):
            change()
    if moving.form.errors:
        shown.say_plainly(moving.form)
        return _moving(moving)
    return context.done(context.back(shown.address), f"Moved from {old} to {trip_fields.when(trip)}.")


def _locked(context: PageContext, visit_id: UUID) -> Shown:
    """The visit, read after nobody else can change it any more."""
    shown = opened(context, visit_id)
    preconditions.lock(context.work, shown.patient.id)
    context.session.refresh(shown.row)
    return shown


@pages.post("/{visit_id}/move/live", needs=Permission.WORK)
def move_live(context: PageContext, visit_id: UUID) -> Response:
    row = context.row(Appointment, visit_id)
    shown = Shown(context, row, context.row(Patient, row.patient_id))
    return _moving(Moving(shown, context.form), 200, "visits/_move-live.html")


# -- cancelling --------------------------------------------------------------------------------------------------


@pages.get("/{visit_id}/cancel", needs=Permission.WORK)
def cancel_form(context: PageContext, visit_id: UUID) -> Response:
    shown = opened(context, visit_id)
    if not shown.booked:
        return context.go(shown.address)
    return _cancelling(shown, Form.filled(item=[line.item for line in shown.open_lines]), 200)


def _cancelling(shown: Shown, form: Form, status: int | None = None, template: str = "visits/cancel.html") -> Response:
    ahead = _ahead(shown, form.but(), (), _cancellation(shown, form, "a rehearsal"))
    return shown.context.page(
        template,
        form=form,
        status=status,
        v=shown,
        patient=shown.patient,
        ahead=ahead,
        back=shown.context.back(""),
        words=words,
    )


def _cancellation(shown: Shown, form: Form, reason: str) -> Callable[[], Sequence[Appointment]]:
    """What cancels the ticked examinations; all of them is the visit itself."""
    items = [item for item in form.many("item") if any(line.item == item for line in shown.open_lines)]

    def change() -> Sequence[Appointment]:
        whole = len(items) == len(shown.open_lines)
        booking.cancel(shown.context.work, shown.row, reason, items=None if whole else items)
        return [shown.row]

    return change


@pages.post("/{visit_id}/cancel", needs=Permission.WORK)
def cancel(context: PageContext, visit_id: UUID) -> Response:
    """Cancel the visit or a part of it, or show again what that would bring."""
    form = context.form
    shown = opened(context, visit_id)
    if form.value("do") != SAVE:
        return _cancelling(shown, form, 200)
    reason = form.text("reason", "the reason", required=True, longest=LONGEST_TEXT)
    if not form.many("item"):
        form.fault("item", "Choose what is cancelled")
    if form.ok:
        with form.trying(context.session):
            _cancellation(shown, form, reason)()
    if form.errors:
        shown.say_plainly(form)
        return _cancelling(shown, form)
    left = "The visit" if shown.row.state is AppointmentState.CANCELLED else "A part of the visit"
    return context.done(context.back(f"/patients/{shown.patient.id}"), f"{left} of {shown.when} is cancelled.")


@pages.post("/{visit_id}/cancel/live", needs=Permission.WORK)
def cancel_live(context: PageContext, visit_id: UUID) -> Response:
    row = context.row(Appointment, visit_id)
    shown = Shown(context, row, context.row(Patient, row.patient_id))
    return _cancelling(shown, context.form, 200, "visits/_cancel-ahead.html")
