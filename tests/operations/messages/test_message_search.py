"""Messages among many, the life of one, and what holds all of them back, on both databases."""

from datetime import date, timedelta

import pytest
from clinic import DAY, NOW, Clinic

from surveillance.core.errors import ConflictError
from surveillance.core.words import Channel, ReminderState, Step
from surveillance.operations.dispatch import senders
from surveillance.operations.messages import acts, life, pauses, search, state
from surveillance.operations.messages.lists import Which
from surveillance.operations.messages.search import Search
from surveillance.operations.work import Work
from surveillance.store.messages import reminders as store
from surveillance.store.tables import Reminder, Sender

VISIT = date(2026, 12, 1)


def planned(clinic: Clinic, work: Work, mrn: str = "001") -> dict[Step, Reminder]:
    """A patient with a visit on 1 December, and the messages about it."""
    clinic.site(work).messages_from = date(2026, 1, 1)
    patient, _ = clinic.enrolled(work, mrn)
    clinic.book(work, patient, VISIT)
    return {row.step: row for row in store.of_patient(work.session, patient.id)}


def steps(clinic: Clinic, work: Work, **asked: object) -> list[Step]:
    lines = search.search(work, [clinic.site(work)], Search(**asked))  # type: ignore[arg-type]
    return [line.row.step for line in lines]


def test_a_search_narrows_by_patient_step_channel_and_local_day(clinic: Clinic) -> None:
    with clinic.work() as work:
        planned(clinic, work)
        everything = [Step.ON_BOOKING, Step.DAYS_7, Step.DAYS_3, Step.DAYS_1]
        assert steps(clinic, work) == everything
        for text in ("ash", "sh", "001", "(202) 555-0101"):
            assert steps(clinic, work, text=text) == everything
        assert steps(clinic, work, text="nobody") == []
        assert steps(clinic, work, step=Step.DAYS_3) == [Step.DAYS_3]
        assert steps(clinic, work, channel=Channel.EMAIL) == []
        assert steps(clinic, work, day=VISIT - DAY) == [Step.DAYS_1]
        assert search.search(work, [clinic.site(work)], Search(), skip=3, limit=2)[0].row.step is Step.DAYS_1
        assert search.waiting(work, [clinic.site_id])[Which.UPCOMING] == 4


def test_each_list_holds_its_states_and_the_newest_of_what_is_over_first(clinic: Clinic) -> None:
    with clinic.work() as work:
        rows = planned(clinic, work)
        for step, age in ((Step.DAYS_7, 2), (Step.DAYS_3, 1)):
            rows[step].state, rows[step].sent_at = ReminderState.DELIVERED, NOW - timedelta(hours=age)
        rows[Step.DAYS_1].state, rows[Step.DAYS_1].sent_at = ReminderState.TASK, NOW
        rows[Step.ON_BOOKING].state = ReminderState.DROPPED
        work.session.flush()
        assert steps(clinic, work, which=Which.SENT) == [Step.DAYS_3, Step.DAYS_7]
        assert steps(clinic, work, which=Which.SENT, day=VISIT) == []
        assert steps(clinic, work, which=Which.DOUBT) == steps(clinic, work, which=Which.TASKS) == [Step.DAYS_1]
        assert steps(clinic, work, which=Which.FAILED) == [Step.ON_BOOKING]
        assert search.waiting(work, [clinic.site_id]) == {Which.DOUBT: 1, Which.TASKS: 1}


def test_a_life_tells_why_a_message_is_not_sent_again(clinic: Clinic) -> None:
    with clinic.work() as work:
        rows = planned(clinic, work)
        ahead = life.life(work, rows[Step.DAYS_1])
        assert (ahead.visit and ahead.visit.day, ahead.not_again) == (VISIT, "it is planned")
        assert "Tuesday, December 1, 2026, 10:30" in ahead.text
        rows[Step.DAYS_1].state = ReminderState.FAILED
        work.session.flush()
        assert life.life(work, rows[Step.DAYS_1]).not_again is None
        rows[Step.DAYS_1].sent_at = NOW
        work.session.flush()
        with pytest.raises(ConflictError, match="it was sent, or may have been"):
            acts.resend(work, rows[Step.DAYS_1])


def test_what_holds_messages_back_is_told_for_the_sites_at_hand(clinic: Clinic) -> None:
    with clinic.work(clinic.ada) as work:
        here = clinic.site(work)
        assert state.state(work, [here]).silent == [here]
        here.messages_from = date(2026, 1, 1)
        assert state.state(work, [here]).goes_out
        pauses.pause(work, here, "new scanner")
        work.session.add(Sender(name="+15005550006", next_free_at=NOW))
        work.session.flush()
        senders.stop(work, "+15005550006", "suspended")
        found = state.state(work, [here])
        assert [(each.row.why, each.by) for each in found.paused] == [("new scanner", "Ada")]
        assert [sender.stopped_why for sender in found.stopped] == ["suspended"]
        assert state.state(work, []).paused == []
