"""Emails that come back: the patient is told another way, once, and nothing more goes to a mailbox that is none."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from fakes.bounces import ATTEMPT, report
from fakes.clinic import NOON, Carrier, Clinic, lived_in, open_clinic
from sqlmodel import select

from surveillance.core.errors import NotFoundError
from surveillance.core.people.care_gaps import GapKind
from surveillance.core.words import AttemptState, Channel, ConsentAct, ReminderState, Step
from surveillance.operations.care import corrections
from surveillance.operations.dispatch import bounces
from surveillance.operations.registry import consents
from surveillance.providers.base import DeliveryError, Failure, NumberTrouble
from surveillance.store.tables import AuditEvent, CareGap, Contact, Patient

MAILED = NOON + timedelta(minutes=11)
BOUNCED = MAILED + timedelta(minutes=2)
CALLED = (Step.ON_BOOKING, Channel.CALL)
BY_EMAIL = {"consents": (Channel.EMAIL,)}


@pytest.fixture
def mailed(engine: sa.Engine) -> Clinic:
    """Anna agreed to email only; the message on her booking was taken by the mail server."""

    def live(clinic: Clinic) -> None:
        clinic.book(clinic.patient(contact=BY_EMAIL))
        clinic.tick(MAILED)

    clinic = lived_in(engine, "mailed", live)
    clinic.clock.now = BOUNCED
    return clinic


def take(clinic: Clinic, *changes: str, **values: str) -> str:
    (attempt,) = [each for each in clinic.attempts() if each.channel is Channel.EMAIL]
    mail = report(*changes, **values).replace(ATTEMPT.encode(), str(attempt.id).encode())
    with clinic.work() as work:
        return bounces.take(work, bounces.read(mail))


def contact(clinic: Clinic) -> Contact:
    (row,) = clinic.all(Contact)
    return row


def test_a_bounce_is_a_call_at_once_and_the_mailbox_is_not_written_to_again(mailed: Clinic) -> None:
    take(mailed)
    (attempt,) = mailed.attempts()
    assert (attempt.state, attempt.error_code) == (AttemptState.UNDELIVERED, "5.1.1")
    assert "Recipient address rejected" in attempt.error_text
    email, call = mailed.row(Step.ON_BOOKING, Channel.EMAIL), mailed.row(*CALLED)
    assert (email.state, email.sent_at, call.state) == (ReminderState.FAILED, None, ReminderState.TASK)
    assert call.reason == "it came back: the mailbox or its domain does not exist (5.1.1); to be told by call"
    assert contact(mailed).email_failed_at == BOUNCED
    assert "contact.bounce" in {event.action for event in mailed.all(AuditEvent)}
    for days in (16, 20, 22):
        mailed.tick(NOON + timedelta(days=days))
    assert len(mailed.mail.taken) == 1


def test_the_same_bounce_twice_counts_once(mailed: Clinic) -> None:
    take(mailed)
    before = mailed.rows()
    assert take(mailed) == "it was known already"
    assert [(row.key, row.state) for row in mailed.rows()] == [(row.key, row.state) for row in before]


@pytest.mark.parametrize("changes", [("delayed", "4.4.1"), ("delivered", "2.0.0")])
def test_what_is_still_tried_or_arrived_changes_nothing(mailed: Clinic, changes: tuple[str, str]) -> None:
    take(mailed, *changes)
    assert mailed.row(Step.ON_BOOKING, Channel.EMAIL).state is ReminderState.SENT
    assert contact(mailed).email_failed_at is None


def test_a_full_mailbox_or_a_refusal_of_ours_is_told_otherwise_and_the_mailbox_stays(mailed: Clinic) -> None:
    take(mailed, "failed", "5.2.2")
    assert mailed.row(*CALLED).state is ReminderState.TASK
    assert contact(mailed).email_failed_at is None


@pytest.mark.parametrize("attempt", [ATTEMPT, "nothing of ours"])
def test_a_report_about_nothing_of_ours_is_refused(mailed: Clinic, attempt: str) -> None:
    mail = report().replace(ATTEMPT.encode(), attempt.encode())
    with pytest.raises(NotFoundError, match="no email that was sent from here"), mailed.work() as work:
        bounces.take(work, bounces.read(mail))


def test_a_bounce_days_after_the_visit_asks_nobody_to_call(mailed: Clinic) -> None:
    mailed.clock.now = NOON + timedelta(days=30)
    take(mailed)
    email = mailed.row(Step.ON_BOOKING, Channel.EMAIL)
    assert (email.state, email.resolution) == (ReminderState.FAILED, "its useful time had ended")
    assert CALLED not in mailed.states()


@pytest.mark.parametrize("mended", ["another address", "agreed anew"])
def test_a_mailbox_is_written_to_again_once_somebody_mended_it(mailed: Clinic, mended: str) -> None:
    take(mailed)
    with mailed.work() as work:
        row = work.session.exec(select(Contact)).one()
        if mended == "another address":
            patient = work.session.get_one(Patient, row.patient_id)
            corrections.change_contact(work, patient, row, {"email": "anna.ash@clinic.example"})
        consents.consent(work, row, Channel.EMAIL, ConsentAct.GIVEN, "by telephone")
    assert contact(mailed).email_failed_at is None
    mailed.tick(NOON + timedelta(days=16, hours=1))
    assert len(mailed.mail.taken) == 2


def test_who_has_no_other_way_stands_on_the_board_and_a_postal_address_is_one(engine: sa.Engine) -> None:
    clinic = open_clinic(engine)
    clinic.book(clinic.patient(contact=BY_EMAIL | {"phone": ""}))
    clinic.tick(MAILED)
    take(clinic)
    assert clinic.states()[Step.ON_BOOKING, Channel.LETTER] is ReminderState.TASK
    assert [gap.kind for gap in clinic.all(CareGap)] == [GapKind.UNREACHABLE]
    with clinic.work() as work:
        row = work.session.exec(select(Contact)).one()
        patient = work.session.get_one(Patient, row.patient_id)
        corrections.change_contact(work, patient, row, {"postal_address": "1 Elm Street\nSpringfield VT 05156"})
    assert clinic.all(CareGap) == []


def test_a_mailbox_that_is_refused_at_once_is_not_tried_again(engine: sa.Engine) -> None:
    clinic = open_clinic(engine)
    mail = clinic.mail
    assert isinstance(mail, Carrier)
    text = "the mail server refuses the recipient's address (550)"
    mail.answers.append(DeliveryError(Failure.PERMANENT, "550", text, trouble=NumberTrouble.NO_MAILBOX))
    clinic.book(clinic.patient(contact=BY_EMAIL))
    clinic.tick(MAILED)
    assert (contact(clinic).email_failed_why, clinic.row(*CALLED).state) == (text, ReminderState.TASK)
