"""A patient's record: everything in view, in few queries, in plain words, and the same as the board says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa
from clinic import ANCHOR, CHEST, DAY, MRI, NOW, TODAY, Clinic

from surveillance.core.drawings.timeline import MarkKind
from surveillance.core.schedule.examinations import Key
from surveillance.core.words import AttemptState, Channel, EndReason, HoldReason, ReminderState, Result, Step
from surveillance.operations.board import acts, worklist
from surveillance.operations.calendars import feeds
from surveillance.operations.care import corrections, enrolment, holds, lifecycle, overrides, reviews
from surveillance.operations.planning import plan_record
from surveillance.operations.record import history, patient_record
from surveillance.operations.record.conversation import Side
from surveillance.operations.record.patient_record import PatientRecord
from surveillance.operations.registry import consents
from surveillance.operations.visits import booking
from surveillance.operations.work import Work
from surveillance.store.board.worklist import Worklist
from surveillance.store.tables import Attempt, Inbound, OverrideKind, Patient, Reminder


@contextmanager
def counted(clinic: Clinic) -> Iterator[list[str]]:
    """The statements that are sent to the database meanwhile."""
    sent: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        sent.append(statement)

    sa.event.listen(clinic.engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(clinic.engine, "before_cursor_execute", note)


def test_everything_about_a_patient_is_in_view(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        visit = clinic.book(work, patient, date(2026, 12, 1))
        feeds.create(work, feeds.NewFeed(clinic.site(work), patient=patient))
        corrections.edit_patient(work, patient, {"mri_unsafe": True, "egfr": 25.0, "egfr_on": TODAY})
        record = patient_record.gather(work, patient)
        assert (record.age, list(record.flags)) == (25, ["MRI UNSAFE", "eGFR 25 on 23 Nov 2026, LOW"])
        assert [reach.contact.phone for reach in record.reaches] == ["+12025550101"]
        assert record.plan is not None
        assert record.plan.title(MRI) == "MRI of the primary site"
        (booked,) = [each for each in record.visits if each.booked]
        assert (booked.row.id, booked.when) == (visit.id, "1 Dec 2026, 10:30, Scanner")
        assert [line.item for line in booked.lines] == [CHEST, MRI]
        assert len(record.feeds) == 1
        assert record.name(work.actor.user_id) == "Grace"


def test_the_next_step_is_what_the_board_says(clinic: Clinic) -> None:
    with clinic.work(day=date(2027, 1, 4)) as work:
        patient, _ = clinic.enrolled(work, enrolled_on=date(2026, 9, 1))
        record = patient_record.gather(work, patient)
        board = worklist.rows(work, [clinic.site_id], Worklist.OVERDUE)
        assert {row.since for row in board} == {date(2026, 12, 16)}
        assert [row for row in record.steps if row.list is Worklist.OVERDUE] == board
        assert record.steps[0] == board[0]


def test_the_queries_do_not_grow_with_the_years(clinic: Clinic) -> None:
    def look(work: Work, patient: Patient) -> tuple[PatientRecord, int]:
        work.session.flush()
        work.session.expunge_all()
        fresh = work.session.get_one(Patient, patient.id)
        with counted(clinic) as sent:
            record = patient_record.gather(Work(work.session, work.now, work.actor, work.catalogue), fresh)
        return record, len(sent)

    with clinic.work() as work:
        patient, _ = clinic.enrolled(work, enrolled_on=ANCHOR)
        clinic.scan(work, patient, ANCHOR + 10 * DAY)
        few, before = look(work, patient)
        patient = work.session.get_one(Patient, patient.id)
        for number in range(8):
            row = clinic.book(work, patient, date(2026, 12, 1) + number * DAY)
            booking.cancel(work, row, "moved away")
        for day in range(11, 41, 2):
            clinic.scan(work, patient, ANCHOR + day * DAY)
        many, after = look(work, patient)
    assert (len(few.studies), len(many.studies)) == (1, 16)
    assert len(many.visits) >= 8
    assert after - before <= 4  # a list of the board that was empty has rows now
    assert after < 60


def test_plans_are_in_view_with_what_ended_and_followed_them(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        clinic.scan(work, patient, date(2026, 11, 20))
        ended = lifecycle.NewEnd(EndReason.RECURRENCE, TODAY, "local", restart_by=TODAY + 90 * DAY)
        lifecycle.end(clinic.by(work, clinic.helen), plan, ended)
    later = TODAY + 60 * DAY
    with clinic.work(day=later) as work:
        patient = work.session.get_one(Patient, patient.id)
        enrolment.restart(work, patient, enrolment.Enrolment("asps-extremity", later - 5 * DAY))
        record = patient_record.gather(work, patient)
        assert [found.plan.number for found in record.plans] == [2, 1]
        old = plan_record.timeline(record.plans[1], record.when())
        assert [turn.label for turn in old.turns] == ["ended: recurrence"]
        assert {mark.kind for lane in old.lanes for mark in lane.marks} == {MarkKind.DONE}
        assert record.name(record.plans[1].plan.end_signed_by) == "Helen"


def test_a_change_of_intervals_is_a_turn_of_the_timeline(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        patient, plan = sqlite_clinic.enrolled(work)
        enrolment.change_terms(work, plan, enrolment.NewTerms(date(2027, 6, 1), "TOSS", None, {MRI: 6, CHEST: 6}))
        record = patient_record.gather(work, patient)
        assert record.plan is not None
        shown = plan_record.timeline(record.plan, {})
        assert [(turn.day, turn.label) for turn in shown.turns] == [(date(2027, 6, 1), "now every 6 months")]
        assert shown.months == 36
        assert len(shown.lanes[0].windows) > 6  # beyond the horizon of the stored rows


# -- what was said -----------------------------------------------------------------------------------------------


def planned(work: Work, patient: Patient, at: datetime, state: ReminderState, reason: str = "") -> Reminder:
    row = Reminder(
        site_id=patient.site_id, patient_id=patient.id, key=f"{at}", step=Step.DAYS_7, channel=Channel.SMS,
        subject_day=TODAY, due_at=at, expires_at=at + DAY, created_at=at, changed_at=at, state=state, reason=reason,
    )  # fmt: skip
    work.session.add(row)
    work.session.flush()
    return row


def sent(work: Work, patient: Patient, at: datetime, state: AttemptState, **failure: str) -> None:
    attempt = Attempt(
        site_id=patient.site_id, reminder_id=planned(work, patient, at, ReminderState.SENT).id, ordinal=1,
        channel=Channel.SMS, to_address="+12025550101", body="DC1: your appointment is on Tuesday", language="en",
        transport="console", state=state, created_at=at, deadline_at=at, in_doubt_from=at, finished_at=at, **failure,
    )  # fmt: skip
    work.session.add(attempt)
    work.session.flush()


def test_messages_replies_and_calls_are_one_conversation(clinic: Clinic) -> None:
    with clinic.work(day=date(2027, 1, 4)) as work:
        patient, _ = clinic.enrolled(work, enrolled_on=ANCHOR)
        sent(work, patient, NOW, AttemptState.DELIVERED)
        sent(work, patient, NOW + DAY, AttemptState.UNDELIVERED, error_text="Unreachable", error_code="30003")
        reply = Inbound(
            provider_id="SM1", from_number="+12025550101", to_number="+1", body="What time?", received_at=NOW + 2 * DAY
        )
        work.session.add(reply)
        row = worklist.find_row(work, [clinic.site_id], patient_record.steps(work, patient)[0].key)
        acts.act(work, row, acts.WorklistAction.CALL, text="no answer")
        said = patient_record.gather(work, patient).conversation.entries
        assert [(entry.side, entry.state) for entry in said] == [
            (Side.OUT, "delivered"),
            (Side.OUT, "not delivered"),
            (Side.IN, "waits for an answer"),
            (Side.STAFF, ""),
        ]
        assert said[0].text == "DC1: your appointment is on Tuesday"
        assert said[1].detail == "Unreachable 30003"
        assert (said[2].open, said[2].reply_id) == (True, reply.id)
        assert (said[3].what, said[3].text, said[3].user_id) == ("Call", "no answer", work.actor.user_id)


def test_what_waits_for_a_person_is_open_and_what_was_planned_lies_ahead(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        planned(work, patient, NOW, ReminderState.TASK, "no consent")
        planned(work, patient, NOW + DAY, ReminderState.DROPPED, "one a day")
        planned(work, patient, NOW + 2 * DAY, ReminderState.VOIDED, "moved")
        planned(work, patient, NOW + 9 * DAY, ReminderState.PLANNED)
        found = patient_record.gather(work, patient).conversation
        told = [(entry.detail, entry.open) for entry in found.entries if not entry.text]
        assert told == [("no consent", True), ("one a day", False)]
        assert [entry.what for entry in found.ahead] == ["SMS, 7 days before"]


def test_what_is_planned_names_the_way_that_is_left_after_an_opt_out(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        planned(work, patient, NOW + 9 * DAY, ReminderState.PLANNED)
        consents.opt_out(work, "+12025550101", "at the desk")
        (ahead,) = patient_record.gather(work, patient).conversation.ahead
        assert ahead.what == "call by staff, 7 days before"
        assert ahead.detail == "the phone opted out of SMS, no email address"


# -- the history -------------------------------------------------------------------------------------------------


def test_each_change_tells_who_why_before_and_after_in_plain_words(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        visit = clinic.book(work, patient, date(2026, 12, 1))
        clinic.move(work, visit, date(2026, 12, 2), reason="scanner serviced")
        corrections.edit_patient(
            work, patient, {"family_name": "Ash-Lind", "owner_id": clinic.grace.user_id}, "married"
        )
        new = holds.NewHold(HoldReason.PREGNANCY, TODAY + 90 * DAY, TODAY, keep=[visit.id], note="told us")
        holds.hold(work, plan, new)
        found = history.gather(work, patient, {MRI: "MRI of the primary site"}).events
        assert [event.what for event in found[:4]] == [
            "Put the plan on hold", "Changed the patient's record", "Moved a visit", "Booked a visit",
        ]  # fmt: skip
        assert {event.who for event in found} == {"Grace"}
        hold, edited, moved = ({c.label: (c.before, c.after) for c in event.changes} for event in found[:3])
        assert hold["reason"] == (None, "pregnancy")
        assert hold["review on"] == (None, "21 Feb 2027")
        assert edited == {"family name": ("Ash", "Ash-Lind"), "owner": ("nothing", "Grace")}
        assert moved["day"] == ("1 Dec 2026", "2 Dec 2026")
        assert found[2].reason == "scanner serviced"
        booked = {change.label: change.after for change in found[3].changes}
        assert booked["examinations"] == "chest imaging, month 3, MRI of the primary site, month 3"
        assert booked["time"] == "10:30"
        assert booked["place"] == "Scanner"


def test_the_history_goes_on_from_page_to_page(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        patient, _ = sqlite_clinic.enrolled(work)
        for name in ("Ada", "Eve", "Ida"):
            corrections.edit_patient(work, patient, {"given_name": name}, "misheard")
        whole = history.gather(work, patient, {})
        first = history.gather(work, patient, {}, limit=2)
        rest = history.gather(work, patient, {}, limit=50, before=first.more)
        assert [*first.events, *rest.events] == list(whole.events)
        assert (whole.more, rest.more) == (None, None)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("mri_unsafe", True, "yes"),
        ("intervals", {MRI: 6, CHEST: None}, "MRI of the primary site every 6 months, chest imaging off"),
        ("at", "10:30:00", "10:30"),
        ("result", "suspicious", "suspicious"),
        ("end_reason", "patient_wish", "the patient's wish"),
        ("at_moment", "2026-11-24T02:30:00+00:00", "23 Nov 2026"),
        ("phone", None, ""),
        ("egfr", 25.0, "25"),
    ],
)
def test_values_are_told_as_a_person_writes_them(sqlite_clinic: Clinic, name: str, value: object, words: str) -> None:
    with sqlite_clinic.work() as work:
        patient = sqlite_clinic.patient(work)
        said: Callable[[str, object], str] = history._Words(work, patient, {MRI: "MRI of the primary site"}, []).said
        assert said(name, value) == words


def test_a_ruling_and_a_review_are_told(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        patient, plan = sqlite_clinic.enrolled(work)
        study = sqlite_clinic.scan(work, patient, TODAY - DAY, MRI, reported_on=TODAY)
        new = reviews.NewReview(TODAY, Result.SUSPICIOUS, "biopsy")
        reviews.sign(sqlite_clinic.by(work, sqlite_clinic.helen), study, new)
        key = Key(CHEST, 3)
        new = overrides.NewOverride(OverrideKind.SKIP, key, "CT elsewhere", TODAY + timedelta(days=60))
        overrides.override(work, plan, new)
        skipped, reviewed = history.gather(work, patient, {}).events[:2]
        assert (skipped.what, skipped.reason) == ("Skipped an examination", "CT elsewhere")
        assert (reviewed.what, reviewed.who) == ("Reviewed a report", "Helen")
        assert ("result", "nothing", "suspicious") in [(c.label, c.before, c.after) for c in reviewed.changes]
