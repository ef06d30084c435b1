"""What is known about a number when it writes: who has it, what was said to it, which visits stand (rule 10)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.languages import candidates, english_name
from surveillance.core.messages.answers import Answer, kind_of
from surveillance.core.replies.context import Context, Holder, Said, Standing, When
from surveillance.core.replies.vocabulary import Reading
from surveillance.core.words import AppointmentState, AttemptState, Step
from surveillance.operations.messages.patient_context import zone_of
from surveillance.operations.work import Work
from surveillance.store.messages import reminders as store
from surveillance.store.registry import patients
from surveillance.store.tables import Appointment, Attempt, Contact, Patient, Reminder, RescheduleRequest
from surveillance.store.visits import appointments

# What the patient has, or may have. A message that was refused or did not arrive told nobody anything.
_WENT_OUT = (AttemptState.IN_FLIGHT, AttemptState.ACCEPTED, AttemptState.DELIVERED, AttemptState.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class Facts:
    """The context of a reply, and the rows behind its ids. ``contacts`` are those with the number, by patient."""

    context: Context
    patients: Mapping[str, Patient]
    contacts: Mapping[str, Contact]
    visits: Mapping[str, Appointment]

    @property
    def first(self) -> str:
        """The patient who was last written to at this number, else the first who has it; "" where nobody has."""
        return next((said.patient for said in self.context.said), next(iter(self.patients), ""))


def gather(work: Work, phone: str, pictures: int = 0) -> Facts:
    """Everything that decides about a reply from a number, with the patients who have it locked."""
    contacts: dict[str, Contact] = {}
    for contact in sorted(patients.holders(work.session, phone), key=lambda row: (str(row.patient_id), row.priority)):
        contacts.setdefault(str(contact.patient_id), contact)
    held = {key: found for key in contacts if (found := store.lock_patient(work.session, UUID(key)))}
    visits = {str(row.id): row for patient in held.values() for row in _visits(work, patient)}
    asked = _asked_for_another_day(work, [patient.id for patient in held.values()])
    number = patients.number(work.session, phone)
    apart = len({patient.site_id for patient in held.values()}) > 1
    context = Context(
        holders=[_holder(work, patient, named=not apart) for patient in held.values()],
        visits={key: _standing(row, another_day_asked=row.id in asked) for key, row in visits.items()},
        said=list(_said(work, [patient.id for patient in held.values()], phone)),
        barred=number is not None and number.opted_out_at is not None,
        paused=number is not None and number.paused_at is not None,
        pictures=pictures,
        zone=next((zone_of(patient, work.site(patient.site_id)) for patient in held.values()), "UTC"),
        apart=apart,
    )
    return Facts(context, held, contacts, visits)


def _holder(work: Work, patient: Patient, *, named: bool) -> Holder:
    """Clinics whose patients share a number do not learn each other's names."""
    name = (
        f"{patient.family_name}, {patient.given_name}" if named else f"a patient of {work.site(patient.site_id).code}"
    )
    return Holder(str(patient.id), name, patient.died_on is not None)


def _visits(work: Work, patient: Patient) -> list[Appointment]:
    """The visits that have or had a time."""
    rows = appointments.of_patient(work.session, patient.id, *AppointmentState)
    return [row for row in rows if row.was_booked and row.at is not None and row.starts_at is not None]


def _asked_for_another_day(work: Work, patient_ids: Sequence[UUID]) -> set[UUID]:
    """The visits for which another day was asked, and nobody found one yet."""
    statement = select(col(RescheduleRequest.appointment_id)).where(
        col(RescheduleRequest.patient_id).in_(patient_ids), col(RescheduleRequest.settled_at).is_(None)
    )
    return set(work.session.exec(statement)) if patient_ids else set()


def _standing(row: Appointment, *, another_day_asked: bool) -> Standing:
    assert row.at is not None  # noqa: S101  # asked by _visits
    assert row.starts_at is not None  # noqa: S101
    return Standing(
        visit=str(row.id),
        patient=str(row.patient_id),
        when=When(row.day, row.at, row.zone, str(row.place_id or "")),
        starts_at=row.starts_at,
        booked=row.state is AppointmentState.BOOKED,
        confirmed=row.confirmed_at is not None,
        another_day_asked=another_day_asked,
    )


def _said(work: Work, patient_ids: Sequence[UUID], phone: str) -> Iterator[Said]:
    """What went to the number about these patients, the newest first."""
    statement = (
        select(Reminder, Attempt)
        .join(Attempt, col(Attempt.reminder_id) == col(Reminder.id))
        .where(col(Reminder.patient_id).in_(patient_ids), Attempt.to_address == phone)
        .where(col(Attempt.state).in_(_WENT_OUT))
        .order_by(col(Attempt.created_at).desc(), col(Attempt.ordinal).desc())
    )
    for row, attempt in work.session.exec(statement) if patient_ids else ():
        kind = kind_of(row.key) if row.step is Step.ANSWER else None
        when = None
        if kind is None and row.told_day is not None and row.told_at is not None:
            when = When(row.told_day, row.told_at, row.told_zone, str(row.told_place_id or ""))
        yield Said(
            patient=str(row.patient_id),
            moment=attempt.created_at,
            visit=str(row.appointment_id or ""),
            when=when,
            cancelled=row.told_cancelled,
            written=kind is Answer.STAFF,
            answer=kind is not None and kind is not Answer.STAFF,
        )


def language(work: Work, facts: Facts, patient_id: str = "") -> str:
    """The language of whoever has the number: of one patient's contact, or of the one last written to; "" if nobody."""
    about = patient_id or facts.first
    contact = facts.contacts.get(about)
    if contact is None:
        return ""
    return contact.language or next(iter(work.site(contact.site_id).languages), "")


def foreign(work: Work, facts: Facts, reading: Reading) -> str:
    """A note for staff where a reply is in another language than its number is written to in."""
    spoken = language(work, facts)
    if not reading.language or not spoken or reading.language in candidates(spoken):
        return ""
    return f"wrote in {english_name(reading.language)}"
