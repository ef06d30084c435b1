"""Reports of the provider in every order, doubled, late, and about what nobody knows: the end is always the same."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from fakes.clinic import NOON, Clinic, open_clinic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from surveillance.core.messages.delivery import StatusCallback
from surveillance.core.words import AttemptState, ReminderState
from surveillance.operations.dispatch import callbacks, provider_results
from surveillance.operations.messages import acts
from surveillance.operations.messages.acts import TaskOutcome
from surveillance.operations.work import Work
from surveillance.providers.base import Accepted, DeliveryError, Failure
from surveillance.store.registry import patients
from surveillance.store.tables import Attempt, Callback, Reminder

SID = "SM-the-one"
ANSWER = "the provider's own answer"
NO_ANSWER = DeliveryError(Failure.AMBIGUOUS, "no_answer", "the provider did not answer; the message may have been sent")
ENDS = {
    "delivered": (AttemptState.DELIVERED, ReminderState.DELIVERED),
    "undelivered": (AttemptState.UNDELIVERED, ReminderState.PLANNED),  # 30003: tried again in some hours
    "failed": (AttemptState.UNDELIVERED, ReminderState.PLANNED),
    "": (AttemptState.ACCEPTED, ReminderState.SENT),
}


@st.composite
def lives(draw: st.DrawFn) -> tuple[str, list[str]]:
    """How a message ended, and all that was heard of it, in the order in which it was heard."""
    end = draw(st.sampled_from(sorted(ENDS)))
    heard = ["accepted", "queued", "sending", "sent", ANSWER, *([end] if end else [])]
    again = draw(st.lists(st.sampled_from(heard), max_size=4))
    strangers = draw(st.lists(st.just("somebody else's"), max_size=2))
    return end, draw(st.permutations([*heard, *again, *strangers]))


@pytest.fixture
def work(engine: sa.Engine) -> Iterator[Work]:
    """A message of which nobody knows yet whether the provider took it."""
    clinic: Clinic = open_clinic(engine)
    clinic.book(clinic.patient())
    clinic.sms.answers = [NO_ANSWER]
    clinic.tick(NOON + timedelta(minutes=11))
    with clinic.work() as work:
        yield work


def hear(work: Work, attempt: Attempt, what: str) -> None:
    if what == ANSWER:
        provider_results.accepted(work, provider_results.locked(work, attempt.id), Accepted(SID, "queued", "sender", 1))
    elif what == "somebody else's":
        callbacks.status(work, StatusCallback(f"SM-{uuid4().hex}", "delivered", None), uuid4())
    else:
        code = 30003 if what in ("undelivered", "failed") else None
        callbacks.status(work, StatusCallback(SID, what, code), attempt.id)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives())
def test_whatever_the_order_the_message_ends_as_it_ended(work: Work, life: tuple[str, list[str]]) -> None:
    end, heard = life
    taken_back = work.session.begin_nested()
    attempt = work.session.exec(select(Attempt)).one()
    for what in heard:
        hear(work, attempt, what)
    reminder = work.session.get_one(Reminder, attempt.reminder_id)
    assert (attempt.provider_id, attempt.state, reminder.state) == (SID, *ENDS[end])
    assert len(work.session.exec(select(Attempt)).all()) == 1
    stored = work.session.exec(select(Callback).where(Callback.provider_id == SID)).all()
    assert {row.status for row in stored} == set(heard) - {ANSWER, "somebody else's"}
    assert all(row.applied for row in stored)
    taken_back.rollback()
    work.session.expire_all()


def test_an_opt_out_that_the_provider_reports_late_binds_whatever_became_of_the_message(work: Work) -> None:
    """A person was asked what became of it, and has settled it; nobody is to be written to all the same."""
    attempt = work.session.exec(select(Attempt)).one()
    pair = provider_results.locked(work, attempt.id)
    provider_results.to_person(work, pair, "nobody knows it")
    acts.done(work, pair[1], TaskOutcome.NOT_REACHED)
    callbacks.status(work, StatusCallback(SID, "undelivered", 21610), attempt.id)
    number = patients.number(work.session, attempt.to_address)
    assert number is not None
    assert number.opted_out_at is not None
    assert pair[1].state is ReminderState.FAILED
