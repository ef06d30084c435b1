"""The form of a booking: what is ticked, the trips that follow, the days that fit, and what saving would bring."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final
from uuid import UUID

from surveillance.core.words import AppointmentState
from surveillance.operations.administration import places as administration_places
from surveillance.operations.messages import state as message_state
from surveillance.operations.messages.patient_context import zone_of
from surveillance.operations.record.patient_record import FLAGS
from surveillance.operations.visits import booking, day_load, preview_effects
from surveillance.operations.visits.offers import Choice, Leg, Proposer, Told
from surveillance.operations.visits.preview_effects import Preview
from surveillance.store.tables import Appointment, Patient, Place, Plan, Site, User
from surveillance.store.visits import appointments
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.visits import trip_fields
from surveillance.web.pages.visits.trip_fields import Trip
from surveillance.web.render import clock, dated, day

ONE: Final = "one"
SPLIT: Final = "split"


@dataclass
class Booking:
    """The form of a booking for a patient with an active plan."""

    context: PageContext
    patient: Patient
    plan: Plan
    form: Form
    strict: bool = False  # the form is about to be saved: nothing of it is put right in silence

    def __post_init__(self) -> None:
        self.proposer = Proposer(self.context.work, self.patient, self.plan)
        if not self.strict:
            asked = self.form.value("do")
            self.form = trip_fields.filled(self.form, self.legs, self.usual_place, asked)

    @property
    def site(self) -> Site:
        return self.proposer.site

    @property
    def address(self) -> str:
        return f"/patients/{self.patient.id}/book"

    @cached_property
    def places(self) -> list[Place]:
        return administration_places.places(self.context.work, self.site)

    @property
    def place_choices(self) -> list[tuple[str, str]]:
        return [(str(place.id), place.name + (" (outside)" if place.outside else "")) for place in self.places]

    @cached_property
    def usual_place(self) -> UUID | None:
        return day_load.usual_place(self.context.work, self.site)

    @cached_property
    def choices(self) -> list[Choice]:
        return self.proposer.choices(self.asked, every=self.every)

    @property
    def every(self) -> bool:
        """Whether examinations further ahead are shown, too."""
        return bool(self.form.value("all")) or self.form.value("do") == "all"

    @cached_property
    def asked(self) -> frozenset[UUID]:
        """The examinations that are ticked; of a new form those whose time it is."""
        if self.form.value("chosen"):
            return frozenset(_ids(self.form.many("examination")))
        query = self.context.request.query_params
        exactly = _preselected(self.context, self.proposer)
        if exactly:
            return exactly
        of_row = frozenset(_ids(query.getlist("examination")))
        return frozenset(choice.id for choice in self.proposer.together(of_row))

    @property
    def chosen(self) -> list[Choice]:
        return [choice for choice in self.choices if choice.id in self.asked]

    @cached_property
    def trips_apart(self) -> str:
        """One trip, or several where the rule sees no common day; or as somebody chose."""
        given = self.form.value("trips")
        if given in (ONE, SPLIT):
            return given
        return SPLIT if len(self.proposer.grouped(self.chosen)) > 1 else ONE

    @cached_property
    def legs(self) -> list[Leg]:
        trips = self.proposer.trips(self.chosen, split=self.trips_apart == SPLIT)
        days = {number: trip_fields.day_so_far(self.form, number) for number in range(len(trips))}
        return self.proposer.legs(trips, {number: each for number, each in days.items() if each is not None})

    @cached_property
    def told(self) -> list[list[Told]]:
        """What each offered day means, trip by trip: one query for all of them."""
        wanted = [(offer.day, leg.choices) for leg in self.legs for offer in leg.offers.days]
        found = iter(self.proposer.told(wanted))
        return [[next(found) for _ in leg.offers.days] for leg in self.legs]

    def read(self, form: Form) -> list[Trip]:
        """The trips; mistakes stand on ``form``."""
        if not self.legs:
            form.fault("examination", "Choose at least one examination")
        if len({choice.row.item for leg in self.legs for choice in leg.choices}) < len(self.chosen):
            form.fault("examination", "Choose each kind of examination once")
        return [trip_fields.read(form, number, leg, self.places) for number, leg in enumerate(self.legs)]

    def book(self, trips: Sequence[Trip]) -> list[Appointment]:
        note = self.form.text("note", "the note")
        visits = [visit for trip in trips if (visit := trip.visit(note)) is not None]
        return [booking.book(self.context.work, self.patient, visit) for visit in visits]

    def taken(self) -> list[str]:
        """What was ticked and has been booked by somebody else since the form was opened."""
        return [
            _booked_meanwhile(self.context, self.proposer.name(key), row.booking)
            for key, (row_id, row) in self.proposer.stored.items()
            if row_id in self.asked and row.booking is not None
        ]


def _ids(values: Sequence[str]) -> list[UUID]:
    found = []
    for value in values:
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found


def _preselected(context: PageContext, proposer: Proposer) -> frozenset[UUID]:
    """What the address asks for: items by code (``mri_primary`` or ``mri_primary@9``), or all of a proposed visit."""
    query = context.request.query_params
    found: set[UUID] = set()
    names = [name for value in query.getlist("items") for name in value.split(",") if name]
    for visit_id in _ids(query.getlist("visit")):
        names += [
            f"{line.item}@{line.month}" if line.month is not None else f"{line.item}@{line.extra_id}"
            for line in appointments.lines(context.session, visit_id)
        ]
    for name in names:
        item, _, which = name.partition("@")
        open_rows = [
            (row_id, row)
            for row_id, row in proposer.stored.values()
            if row.item == item and row.open and row.booking is None and which in ("", str(row.month), row.extra)
        ]
        found |= {row_id for row_id, _ in open_rows[:1]}
    return frozenset(found)


def _booked_meanwhile(context: PageContext, name: str, visit_id: str | None) -> str:
    visit = context.session.get_one(Appointment, UUID(visit_id or ""))
    who = context.session.get_one(User, visit.changed_by).name
    return f"{name} was booked meanwhile by {who} for {day(visit.day)}, {clock(visit.at)}"


# -- what would happen -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ahead:
    """What saving would bring: trip by trip, the messages, or what is ``missing`` for that.

    A page that is only looked at has not ``tried`` it yet, since even a trial writes.
    """

    trips: Sequence[tuple[Trip, Told | None, list[str]]] = ()
    missing: Sequence[str] = ()
    preview: Preview = field(default_factory=Preview)
    silent: Sequence[str] = ()
    tried: bool = True


def ahead(made: Booking) -> Ahead:
    """Nothing is written: the booking is tried and taken back."""
    form = made.form.but()
    trips = made.read(form)
    known = [(trip.day, trip.leg.choices) for trip in trips if trip.day is not None]
    told = iter(made.proposer.told(known))
    shown = [(trip, one := next(told) if trip.day else None, list(_warnings(made, trip, one))) for trip in trips]
    if form.errors:
        return Ahead(shown, list(form.errors.values()))
    found = preview_effects.preview(made.context.work, made.patient, lambda: made.book(trips))
    if found.fault:
        form.fault("", dated(found.fault))
        trip_fields.say_plainly(form, made.proposer.titles, made.proposer.name)
        return Ahead(shown, [trip_fields.sentence(form.errors[""])])
    return Ahead(shown, (), found, silences(made.context, made.site))


def _warnings(made: Booking, trip: Trip, told: Told | None) -> Iterator[str]:
    """What somebody should know before booking this trip."""
    if trip.day is not None and told is not None and told.closed:
        yield f"{made.site.short_name} does not work on {day(trip.day)}: {told.closed}."
    yield from trip_fields.clocks(trip, zone_of(made.patient, made.site))
    if trip.day is not None:
        for other in _same_day(made, trip):
            yield f"The patient has another visit that day, at {clock(other.at)}; one message tells of the first."
    if trip.place is not None and trip.place.outside:
        yield f"{trip.place.name} is outside: its report has to be asked for."


def _same_day(made: Booking, trip: Trip) -> list[Appointment]:
    rows = appointments.of_patient(made.context.session, made.patient.id, AppointmentState.BOOKED)
    return [row for row in rows if row.day == trip.day]


def silences(context: PageContext, site: Site) -> list[str]:
    """Why nothing goes out at all at the moment."""
    state = message_state.state(context.work, [site])
    found = [f"{each.short_name} is not live yet: no message goes out." for each in state.silent]
    return found + (["Sending is paused: messages wait until it is resumed."] if state.paused else [])


def flags(patient: Patient) -> list[str]:
    """What whoever does the examination has to know."""
    return [text for name, text in FLAGS.items() if getattr(patient, name)]
