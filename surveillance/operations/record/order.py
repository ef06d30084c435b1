"""The order of a visit: what is asked for, for whom, by when, and what whoever examines has to know of safety."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from surveillance.core.errors import NotFoundError
from surveillance.core.words import AppointmentState
from surveillance.operations.planning import flag_record
from surveillance.operations.planning.flag_record import FlagLine
from surveillance.operations.record.patient_record import flags_of
from surveillance.operations.work import Work
from surveillance.store.tables import Appointment, Patient, Place, Site
from surveillance.store.visits import appointments


@dataclass(frozen=True, slots=True)
class Order:
    """One visit as its place is asked for it. ``flags`` are the patient's; ``lines`` what is to be examined."""

    visit: Appointment
    patient: Patient
    site: Site
    place: str
    flags: Sequence[str]
    lines: Sequence[FlagLine]
    ordered_by: str

    @property
    def text(self) -> str:
        """As it is printed or pasted into another system."""
        return "\n".join(_text(self))


def order(work: Work, visit: Appointment) -> Order:
    """Raises NotFoundError where the visit is not booked."""
    if visit.state is not AppointmentState.BOOKED:
        raise NotFoundError(f"the visit of {visit.day} is {visit.state}; only what is booked has an order")
    patient = work.session.get_one(Patient, visit.patient_id)
    place = work.session.get(Place, visit.place_id) if visit.place_id else None
    lines = [line for line in appointments.lines(work.session, visit.id) if line.outcome is None]
    (found,) = flag_record.of_visits(work, [(visit, patient, lines)]).values()
    return Order(
        visit,
        patient,
        work.site(visit.site_id),
        place.name if place else "",
        list(flags_of(patient)),
        found,
        work.actor.name,
    )


def _text(made: Order) -> Iterator[str]:
    patient, visit, site = made.patient, made.visit, made.site
    yield f"{site.name}, {site.phone}"
    yield f"Patient: {patient.family_name}, {patient.given_name}, born {patient.birth_date}, MRN {patient.mrn}"
    at = f", {visit.at:%H:%M}" if visit.at else ""
    yield f"Visit: {visit.day}{at} ({visit.zone}){f', {made.place}' if made.place else ''}"
    yield f"Flags: {'; '.join(made.flags) or 'none on record'}"
    yield "Please examine:"
    for line in made.lines:
        yield f"- {line.title}{', contrast medium as usual' if line.contrast else ''}; wanted about {line.line.target}"
        if line.open:
            yield f"  NOT CONFIRMED: {line.open}; ask before you examine"
        elif line.why:
            day = f" on {line.confirmed_at:%Y-%m-%d}" if line.confirmed_at else ""
            yield f"  {line.why}; confirmed by {line.by}{day}: {line.reason}"
    if visit.note:
        yield f"Note: {visit.note}"
    yield f"Ordered by {made.ordered_by}"
