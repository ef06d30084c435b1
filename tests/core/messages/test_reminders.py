"""Which messages are wanted: visits, windows, notices, keys and moments."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reminder_samples import JUNE_1, POLICY, VISIT_DAY, due, new_york, of_step, patient, steps, told, visit

from surveillance.core.messages.planned import first_visits, stem
from surveillance.core.messages.reminders import plan_messages, told_otherwise, wanted_reminders
from surveillance.core.words import Channel, Step

MINUTES_10 = timedelta(minutes=10)


def wanted(visits=(), dues=(), said=(), recipient=None):
    return wanted_reminders(POLICY, recipient or patient(), list(visits), dues, list(said))


def test_a_booked_visit_has_a_notice_on_booking_and_three_reminders():
    assert [(p.step, p.due_at, p.channel) for p in wanted([visit()])] == [
        (Step.ON_BOOKING, JUNE_1 + MINUTES_10, Channel.SMS),
        (Step.DAYS_7, new_york(date(2026, 6, 17), "10:00"), Channel.SMS),
        (Step.DAYS_3, new_york(date(2026, 6, 21), "10:00"), Channel.SMS),
        (Step.DAYS_1, new_york(date(2026, 6, 23), "10:00"), Channel.SMS),
    ]


def test_keys_are_the_stable_facts_of_the_contract():
    keys = [p.key for p in wanted([visit()], [due()])]
    assert keys == [
        "p1:on_booking:2026-06-24:sms",
        "p1:7d:2026-06-24:sms",
        "p1:3d:2026-06-24:sms",
        "p1:1d:2026-06-24:sms",
        "p1:overdue:2026-06-10:sms",
    ]


def test_a_notice_is_keyed_by_appointment_and_sequence():
    moved = visit(at=time(11), sequence=4, edited=JUNE_1 + timedelta(days=1))
    assert of_step(wanted([moved], said=[told(visit())]), Step.CHANGE).key == "a1:notice:4:sms"


def test_two_visits_on_one_day_make_one_message_that_tells_the_earlier_time():
    both = [visit(at=time(14), id="a1"), visit(at=time(8), id="a2")]
    assert [p.appointment_id for p in wanted(both)] == ["a2"] * 4


def test_a_visit_that_begins_before_midnight_utc_keeps_its_local_day():
    late = visit(at=time(22, 30))
    assert {p.subject_day for p in wanted([late])} == {VISIT_DAY}
    assert of_step(wanted([late]), Step.DAYS_1).due_at == new_york(date(2026, 6, 23), "10:00")


def test_the_moment_is_the_patients_local_time_not_the_sites():
    planned = wanted([visit()], recipient=patient(zone="America/Los_Angeles"))
    assert of_step(planned, Step.DAYS_1).due_at == datetime(2026, 6, 23, 17, 0, tzinfo=UTC)


def test_steps_past_at_booking_are_not_planned():
    booked = new_york(date(2026, 6, 21), "10:00")
    assert steps(wanted([visit(booked=booked)])) == [Step.ON_BOOKING, Step.DAYS_1]


def test_a_visit_booked_at_night_for_the_next_morning_sends_nothing_too_late():
    assert wanted([visit(booked=new_york(date(2026, 6, 23), "22:00"), at=time(8))]) == []


def test_nothing_is_planned_before_the_site_goes_live():
    planned = wanted([visit()], recipient=patient(messages_from=date(2026, 6, 21)))
    assert steps(planned) == [Step.DAYS_3, Step.DAYS_1]
    assert wanted([visit()], recipient=patient(messages_from=None)) == []


def test_the_first_day_begins_at_the_sites_midnight():
    """A patient far to the east is not written to while it is still the day before at the site."""
    tokyo = patient(zone="Asia/Tokyo", messages_from=date(2026, 6, 21))
    assert steps(wanted([visit()], recipient=tokyo)) == [Step.DAYS_1]  # 10:00 on the 21st is the 20th in New York


def test_an_import_of_old_overdue_examinations_causes_no_burst():
    assert wanted(dues=[due(date(2026, 1, 5), date(2026, 2, 5))]) == []


@pytest.mark.parametrize(
    ("known_at", "expected"),
    [
        (new_york(date(2026, 7, 8), "23:00"), "11:00"),
        (new_york(date(2026, 7, 9), "10:00"), "11:00"),
        (new_york(date(2026, 7, 9), "14:00"), "14:10"),
    ],
)
def test_enrolling_exactly_on_the_day_skips_nothing(known_at, expected):
    (message,) = wanted(dues=[due(known_at=known_at)])
    assert (message.step, message.due_at) == (Step.OVERDUE, new_york(date(2026, 7, 9), expected))


def test_a_booked_examination_is_not_called_overdue():
    assert wanted(dues=[due(booked=True)]) == []


def test_two_examinations_of_one_window_make_one_message_on_the_earlier_day():
    (message,) = wanted(dues=[due(overdue_from=date(2026, 7, 20)), due(overdue_from=date(2026, 7, 9))])
    assert message.due_at == new_york(date(2026, 7, 9), "11:00")


def test_book_now_counts_back_from_the_window_where_a_site_switches_it_on():
    on = replace(POLICY, steps={**POLICY.steps, Step.BOOK_NOW: replace(POLICY.steps[Step.BOOK_NOW], enabled=True)})
    planned = wanted_reminders(on, patient(), [], [due(date(2026, 8, 1), date(2026, 9, 1))], [])
    assert [(p.step, p.due_at) for p in planned] == [
        (Step.BOOK_NOW, new_york(date(2026, 7, 4), "11:00")),
        (Step.OVERDUE, new_york(date(2026, 9, 1), "11:00")),
    ]


def test_nothing_is_wanted_for_the_dead():
    changed = visit(at=time(11), sequence=1)
    assert wanted([changed], [due()], [told(visit())], patient(alive=False)) == []


def test_on_hold_nothing_but_a_call_about_a_changed_visit_is_wanted():
    cancelled = visit(sequence=1, edited=JUNE_1 + timedelta(days=2), cancelled=True)
    planned = wanted([cancelled], [due()], [told(visit())], patient(active=False))
    assert [(p.step, p.channel) for p in planned] == [(Step.CANCEL, Channel.CALL)]


# Notices: what was told against the truth.


def test_no_notice_if_the_truth_is_as_told():
    moved_and_back = visit(sequence=2, edited=JUNE_1 + timedelta(minutes=30))
    assert Step.CHANGE not in steps(wanted([moved_and_back], said=[told(visit())]))


@pytest.mark.parametrize("edit", [{"at": time(11)}, {"place": "Room 9"}, {"day": date(2026, 6, 25)}])
def test_a_change_of_time_place_or_day_is_told_ten_minutes_after_the_last_edit(edit):
    edited = JUNE_1 + timedelta(hours=2)
    notice = of_step(wanted([visit(sequence=1, edited=edited, **edit)], said=[told(visit())]), Step.CHANGE)
    assert notice.due_at == edited + MINUTES_10
    assert notice.subject_day == edit.get("day", VISIT_DAY)


def test_three_edits_make_one_notice():
    edits = [visit(at=time(10 + n), sequence=n, edited=JUNE_1 + timedelta(minutes=n)) for n in (1, 2, 3)]
    notices = [of_step(wanted([edit], said=[told(visit())]), Step.CHANGE) for edit in edits]
    assert len({notice.key for notice in notices}) == 3  # each replaces the one before
    assert notices[-1].due_at == edits[-1].edited_at + MINUTES_10


def test_what_was_never_told_needs_no_notice():
    assert wanted([visit(cancelled=True, sequence=1)]) == []
    assert Step.CHANGE not in steps(wanted([visit(at=time(11), sequence=1, edited=JUNE_1 + MINUTES_10)]))


def test_a_moved_visit_is_told_by_the_notice_and_not_as_a_new_booking_too():
    moved = visit(date(2026, 6, 30), sequence=1, edited=JUNE_1 + timedelta(days=1))
    assert steps(wanted([moved], said=[told(visit())])) == [Step.CHANGE, Step.DAYS_7, Step.DAYS_3, Step.DAYS_1]


def test_a_cancelled_visit_is_told_once_and_its_reminders_go():
    cancelled = visit(sequence=1, edited=JUNE_1 + timedelta(days=1), cancelled=True)
    (notice,) = wanted([cancelled], said=[told(visit())])
    assert (notice.step, notice.subject_day, notice.expires_at) == (Step.CANCEL, VISIT_DAY, visit().moment)
    said = [told(visit()), told(cancelled, notice.due_at, cancelled=True)]
    assert wanted([cancelled], said=said) == []


def test_a_new_visit_on_a_day_that_was_called_off_is_told_by_a_notice():
    """Its notice on booking would carry a key that has served: the day would never be heard of again."""
    off = visit(sequence=1, edited=JUNE_1 + timedelta(days=1), cancelled=True)
    anew = visit(at=time(15), id="a2", booked=JUNE_1 + timedelta(days=2))
    planned = wanted([off, anew], said=[told(visit()), told(off, off.edited_at + MINUTES_10, cancelled=True)])
    assert (planned[0].step, planned[0].key) == (Step.CHANGE, "a2:notice:0:sms")
    assert Step.ON_BOOKING not in steps(planned)


def test_cancelling_one_of_two_visits_of_a_day_does_not_call_off_the_day():
    early, late = visit(at=time(9), id="a1"), visit(at=time(14), id="a2")
    off = replace(early, cancelled=True, sequence=1, edited_at=JUNE_1 + timedelta(days=1))
    notice = wanted([off, late], said=[told(early)])[0]
    assert (notice.step, notice.appointment_id) == (Step.CHANGE, "a2")


def test_cancelling_the_later_of_two_visits_of_a_day_changes_nothing_for_the_patient():
    early, late = visit(at=time(9), id="a1"), visit(at=time(14), id="a2", sequence=1, cancelled=True)
    assert not {Step.CHANGE, Step.CANCEL} & set(steps(wanted([early, late], said=[told(early)])))


def test_moving_the_first_of_two_visits_away_tells_both_days():
    early, late = visit(at=time(9), id="a1"), visit(at=time(14), id="a2")
    moved = replace(early, day=date(2026, 6, 29), sequence=1, edited_at=JUNE_1 + timedelta(days=1))
    planned = wanted([moved, late], said=[told(early)])
    changes = {(each.appointment_id, each.subject_day) for each in planned if each.step is Step.CHANGE}
    assert changes == {("a1", date(2026, 6, 29)), ("a2", VISIT_DAY)}
    assert Step.ON_BOOKING not in steps(planned)


def test_moving_the_second_of_two_visits_away_is_told_by_a_notice_that_no_cap_can_drop():
    early, late = visit(at=time(9), id="a1"), visit(at=time(14), id="a2")
    moved = replace(late, day=date(2026, 6, 29), sequence=1, edited_at=JUNE_1 + timedelta(days=1))
    said = [told(late), told(early, JUNE_1 + timedelta(hours=1))]
    assert of_step(wanted([early, moved], said=said), Step.CHANGE).subject_day == date(2026, 6, 29)


def test_of_two_notices_about_one_day_the_one_that_has_to_come_first_wins():
    """Tonight a visit of tomorrow went to a day on which another was called off before."""
    later = date(2026, 7, 10)
    off = visit(later, id="a1", sequence=1, cancelled=True, edited=JUNE_1 + timedelta(days=1))
    moved = visit(later, id="a2", sequence=1, edited=new_york(date(2026, 6, 23), "22:00"))
    said = [told(off, off.edited_at + MINUTES_10, cancelled=True), told(visit(id="a2"))]
    notice = of_step(wanted([off, moved], said=said), Step.CHANGE)
    assert (notice.channel, notice.expires_at) == (Channel.CALL, visit().moment)


def test_a_visit_that_the_caps_would_hide_is_told_by_a_call():
    booked = new_york(date(2026, 6, 22), "12:00")
    sent = {f"k{day}": new_york(date(2026, 6, day), "10:00") for day in (18, 20, 22)}
    planned = plan_messages(POLICY, patient(), [visit(booked=booked)], [], [], sent, booked)
    assert [(each.step, each.channel, bool(each.dropped)) for each in planned] == [
        (Step.ON_BOOKING, Channel.SMS, True),
        (Step.DAYS_1, Channel.CALL, False),
    ]
    known = plan_messages(POLICY, patient(), [visit(booked=booked)], [], [told(visit())], sent, booked)
    assert [(each.step, bool(each.dropped)) for each in known] == [(Step.DAYS_1, True)]


def test_what_was_told_once_and_has_to_be_told_again_is_a_call():
    """Told of 9:30, then of an earlier visit, which is called off: the notice of 9:30 has had its turn."""
    first = visit(at=time(9, 30), id="a1", sequence=1)
    earlier = visit(at=time(8), id="a2")
    said = [
        replace(told(first), key="a1:notice:1:sms"),
        replace(told(earlier, JUNE_1 + timedelta(hours=1)), key="a2:notice:0:sms"),
    ]
    off = replace(earlier, cancelled=True, sequence=1, edited_at=JUNE_1 + timedelta(hours=2))
    notice = of_step(wanted([first, off], said=said), Step.CHANGE)
    assert (notice.key, notice.channel) == ("a1:notice:1.1:call", Channel.CALL)


@pytest.mark.parametrize(
    ("edited", "channel", "due_at"),
    [
        ("19:40", Channel.SMS, "19:50"),  # still today
        ("19:50", Channel.CALL, "19:50"),  # ten minutes later the hours are over, and at 9:00 it is too late
        ("23:00", Channel.CALL, "23:00"),
    ],
)
def test_a_notice_without_a_permitted_hour_before_the_visit_is_a_call_now(edited, channel, due_at):
    evening = date(2026, 6, 23)
    changed = visit(at=time(8), sequence=1, edited=new_york(evening, edited))
    notice = of_step(wanted([changed], said=[told(visit())]), Step.CHANGE)
    assert (notice.channel, notice.due_at) == (channel, new_york(evening, due_at))


def test_a_visit_moved_far_away_at_night_is_told_before_the_old_time_comes():
    night = new_york(date(2026, 6, 23), "22:00")
    moved = visit(date(2026, 8, 5), sequence=1, edited=night)
    notice = of_step(wanted([moved], said=[told(visit())]), Step.CHANGE)
    assert (notice.channel, notice.due_at, notice.expires_at) == (Channel.CALL, night, visit().moment)


def test_a_visit_that_is_over_needs_no_notice():
    cancelled = visit(sequence=1, edited=visit().moment + timedelta(days=1), cancelled=True)
    assert wanted([cancelled], said=[told(visit())]) == []


def test_an_appointment_that_is_not_given_is_not_called_off():
    assert wanted([], said=[told(visit())]) == []


@pytest.mark.parametrize(
    ("said", "others", "expected"),
    [([told(visit())], False, True), ([], True, True), ([], False, False), ([told(visit(at=time(8)))], False, False)],
)
def test_a_person_is_needed_only_where_nothing_else_tells_the_patient(said, others, expected):
    planned = wanted([visit()])
    late, later = of_step(planned, Step.DAYS_3), of_step(planned, Step.DAYS_1)
    assert told_otherwise(late, [later] if others else [], [visit()], said) is expected


ZONES = [
    "America/New_York",
    "Europe/Madrid",
    "Australia/Sydney",
    "America/Santiago",
    "Pacific/Auckland",
    "Asia/Kolkata",
]


@given(
    day=st.dates(date(2026, 1, 10), date(2027, 12, 31)),
    at=st.times(time(0), time(23, 59)),
    booked_before=st.integers(0, 60 * 24 * 30),
    zone=st.sampled_from(ZONES),
    place_zone=st.sampled_from(ZONES),
    was_told=st.booleans(),
)
@example(
    day=date(2026, 3, 9),
    at=time(9),
    booked_before=28800,
    zone="America/New_York",
    place_zone="America/New_York",
    was_told=False,
)
@example(
    day=date(2026, 11, 2),
    at=time(9),
    booked_before=28800,
    zone="America/New_York",
    place_zone="America/New_York",
    was_told=True,
)
@example(
    day=date(2026, 10, 26),
    at=time(9),
    booked_before=28800,
    zone="Europe/Madrid",
    place_zone="Europe/Madrid",
    was_told=True,
)
def test_every_message_is_planned_inside_the_send_hours_before_it_expires(
    day, at, booked_before, zone, place_zone, was_told
):
    booked = visit(day, at).moment - timedelta(minutes=booked_before)
    here = replace(visit(day, at, booked=booked, sequence=1), zone=place_zone)
    said = [told(replace(here, at=time(12, 34), sequence=0))] if was_told else []
    recipient = patient(zone=zone, messages_from=date(2020, 1, 1))
    planned = wanted([here], [due(day, day + timedelta(days=28), known_at=booked)], said, recipient)
    for message in planned:
        local = message.due_at.astimezone(ZoneInfo(zone))
        assert message.channel is Channel.CALL or time(9) <= local.time() < time(20)
        assert message.due_at < message.expires_at
        assert message.due_at >= booked
    assert len({stem(message.key) for message in planned}) == len(planned)


@given(st.permutations([visit(at=time(9), id="a1"), visit(at=time(14), id="a2"), visit(date(2026, 6, 30), id="a3")]))
def test_what_is_wanted_does_not_depend_on_the_order_of_the_facts(visits):
    assert wanted(visits) == wanted(sorted(visits, key=lambda each: each.appointment_id))
    assert first_visits(visits)[VISIT_DAY].appointment_id == "a1"
