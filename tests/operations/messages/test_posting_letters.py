"""Letters on a real database: who gets one, what it says, and what counts as told once it is in the post."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from fakes.clinic import NOON, Clinic, lived_in, open_clinic
from sqlmodel import select

from surveillance.core.words import AttemptState, Channel, ContactKind, Privacy, ReminderState, Step
from surveillance.operations.care import corrections, lifecycle
from surveillance.operations.messages import letters
from surveillance.operations.messages.letters import Posted, Task
from surveillance.operations.registry.patients import NewContact
from surveillance.store.tables import AuditEvent, Contact, Patient

ADDRESS = "1 Elm Street\nSpringfield VT 05156"
BY_POST = {"phone": "", "email": "", "consents": (), "postal_address": ADDRESS}
LATER = timedelta(minutes=11)
LETTER = (Step.ON_BOOKING, Channel.LETTER)


@pytest.fixture
def clinic(engine: sa.Engine) -> Clinic:
    return open_clinic(engine)


@pytest.fixture
def waiting(engine: sa.Engine) -> Clinic:
    """Anna can be reached by post alone, and her visit is booked."""

    def live(clinic: Clinic) -> None:
        clinic.book(clinic.patient(contact=BY_POST))
        clinic.tick(NOON + LATER)

    return lived_in(engine, "by post", live)


def tasks(clinic: Clinic) -> list[Task]:
    with clinic.work() as work:
        return letters.tasks(work, [clinic.site(work)])


def task(clinic: Clinic) -> Task:
    (found,) = tasks(clinic)
    return found


def post(clinic: Clinic, *printed: Task) -> Posted:
    marks: dict[UUID, str] = {each.row.id: each.letter.mark for each in printed if each.letter}
    with clinic.work() as work:
        return letters.posted(work, [clinic.site(work)], marks)


def test_who_has_only_a_postal_address_gets_the_text_of_the_message_in_a_neutral_frame(waiting: Clinic) -> None:
    found = task(waiting).letter
    assert found is not None
    assert (found.sender, found.to, found.date, found.paper) == (
        "Elm Clinic",
        ("Anna Ash", "1 Elm Street", "Springfield VT 05156"),
        "June 1, 2026",
        "letter",
    )
    assert found.subject == "Your appointment on Wednesday, June 24, 2026"
    assert found.frame.dear == "Dear Anna Ash,"
    assert "Wednesday, June 24, 2026, 9:30 AM" in found.text
    assert "Hello" not in found.text
    assert "/p/" not in found.text


def test_a_posted_letter_is_told_kept_and_audited_and_no_reminder_repeats_it(waiting: Clinic) -> None:
    printed = task(waiting)
    waiting.clock.turn(hours=2)
    assert [each.row.id for each in post(waiting, printed).told] == [printed.row.id]
    row, (attempt,) = waiting.row(*LETTER), waiting.attempts()
    assert (row.state, row.told_day, row.told_at) == (ReminderState.DELIVERED, date(2026, 6, 24), time(9, 30))
    assert (row.resolution, row.sent_at) == ("told: letter posted", waiting.clock.now)
    assert printed.letter is not None
    assert (attempt.body, attempt.subject) == (printed.letter.text, printed.letter.subject)
    assert (attempt.transport, attempt.state, attempt.finished_at) == ("post", AttemptState.ACCEPTED, row.sent_at)
    assert attempt.to_address == f"Anna Ash\n{ADDRESS}"
    assert "message.done" in {event.action for event in waiting.all(AuditEvent)}
    assert tasks(waiting) == []


def test_posted_twice_counts_once(waiting: Clinic) -> None:
    printed = task(waiting)
    post(waiting, printed)
    again = post(waiting, printed)
    assert (again.told, [why for _, why in again.not_told]) == (
        [],
        ["it is not to be told any more: take the letter back if you can"],
    )
    assert len(waiting.attempts()) == 1


def test_a_letter_that_says_something_else_by_now_is_printed_again(waiting: Clinic) -> None:
    printed = task(waiting)
    (visit,) = {row.appointment_id for row in waiting.rows()}
    waiting.move(visit, date(2026, 6, 24), time(11))
    found = post(waiting, printed)
    assert (found.told, [why for _, why in found.not_told]) == ([], ["it says something else by now: print it again"])
    assert waiting.row(*LETTER).state is ReminderState.TASK
    assert post(waiting, task(waiting)).told


def test_a_visit_that_moves_after_the_letter_is_a_letter_again(waiting: Clinic) -> None:
    post(waiting, task(waiting))
    (visit,) = {row.appointment_id for row in waiting.rows()}
    waiting.clock.turn(hours=1)
    waiting.move(visit, date(2026, 6, 29))
    waiting.tick(waiting.clock.turn(minutes=11))
    found = task(waiting)
    assert found.row.step is Step.CHANGE
    assert found.letter is not None
    assert "Monday, June 29, 2026" in found.letter.text


def test_the_dead_get_no_letter_even_if_it_was_printed(waiting: Clinic) -> None:
    printed = task(waiting)
    with waiting.work() as work:
        lifecycle.died(work, work.session.exec(select(Patient)).one(), NOON.date(), "letter")
    assert tasks(waiting) == []
    found = post(waiting, printed)
    assert (found.told, len(found.not_told)) == ([], 1)
    assert waiting.attempts() == []


def late(clinic: Clinic, **contact: str) -> Task:
    """The visit moves when the post is too slow already."""
    visit = clinic.book(clinic.patient(contact=BY_POST | contact))
    clinic.tick(NOON + LATER)
    post(clinic, task(clinic))
    clinic.clock.now = datetime(2026, 6, 22, 14, 0, tzinfo=UTC)
    clinic.move(visit, date(2026, 6, 25))
    clinic.tick(clinic.clock.turn(minutes=11))
    (found,) = [each for each in tasks(clinic) if each.row.step is Step.CHANGE]
    return found


def test_a_letter_that_would_come_too_late_is_printed_with_a_warning_where_there_is_no_phone(clinic: Clinic) -> None:
    found = late(clinic)
    assert found.letter is not None
    assert found.late == "post takes 3 working days and the visit is on 2026-06-24"


def test_a_letter_that_would_come_too_late_is_a_call_where_there_is_a_phone(waiting: Clinic) -> None:
    with waiting.work() as work:
        row = work.session.exec(select(Contact)).one()
        patient = work.session.get_one(Patient, row.patient_id)
        corrections.change_contact(work, patient, row, {"phone": "+1 202-555-0101"})
    waiting.clock.now = datetime(2026, 6, 22, 14, 0, tzinfo=UTC)
    found = task(waiting)
    assert (found.letter, found.phone) == (None, "+12025550101")
    assert found.fault == "call instead: post takes 3 working days and the visit is on 2026-06-24"


def test_nobody_is_written_to_of_a_visit_that_is_over(waiting: Clinic) -> None:
    waiting.clock.now = datetime(2026, 6, 25, 14, 0, tzinfo=UTC)
    assert task(waiting).fault == "the visit of 2026-06-24 is over: settle it as not needed any more"


def test_without_a_postal_address_none_is_printed(clinic: Clinic) -> None:
    clinic.book(clinic.patient(contact=BY_POST | {"postal_address": ""}))
    clinic.tick(NOON + LATER)
    assert task(clinic).fault == "there is no postal address: find another way to reach the patient"


def test_a_letter_to_a_parent_says_whom_it_is_about_in_the_parents_language(engine: sa.Engine) -> None:
    clinic = open_clinic(engine, languages=("en", "ar"), privacy=Privacy.FULL, country="DE", phone="+49 30 23125 200")
    parent = NewContact(ContactKind.PARENT, "Ruth Ash", language="ar", postal_address="Am Wald 1\n10115 Berlin")
    clinic.book(clinic.patient(contacts=[parent]))
    clinic.tick(NOON + LATER)
    found = task(clinic).letter
    assert found is not None
    assert (found.to[0], found.direction, found.language, found.paper) == ("Ruth Ash", "rtl", "ar", "A4")
    assert found.frame.about == "بخصوص: Anna Ash"
