"""Feeds: which visits they hold, what they tell, and when a client may keep what it has."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import icalendar
import pytest
import vobject
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.calendars.feeds import (
    ENGLISH,
    Audience,
    CalendarWords,
    FeedView,
    Visit,
    calendar,
    etag,
    events,
    is_shown,
    matches,
    not_modified,
    revision,
)
from surveillance.core.calendars.ical import Event, EventStatus, render
from surveillance.core.errors import ConfigurationError
from surveillance.core.words import AppointmentState, Privacy

GOLDEN = Path(__file__).parent / "ical"
DOMAIN = "clinic.example"
TODAY = date(2026, 2, 1)
CHANGED = datetime(2026, 1, 20, 14, 5, tzinfo=UTC)
NEUTRAL = FeedView(Audience.PATIENT, Privacy.NEUTRAL, phone="+44 20 7946 0123")
FULL = replace(NEUTRAL, privacy=Privacy.FULL)
STAFF = FeedView(Audience.STAFF, Privacy.NEUTRAL)
VIEWS = [NEUTRAL, FULL, STAFF, replace(STAFF, privacy=Privacy.FULL)]

BOOKED = Visit(
    uid="0b0f4a0e-6a54-4d0c-9d5e-0f6f0c1f7a01",
    sequence=3,
    changed_at=CHANGED,
    state=AppointmentState.BOOKED,
    day=date(2026, 2, 17),
    at=time(10, 30),
    zone="Europe/London",
    minutes=90,
    place="Sarcoma Oncology Imaging, Level 2",
    place_address="1 Example Street, London; entrance B",
    examinations=("MRI thigh", "CT chest"),
    patient_label="AB",
    link="https://clinic.example/p/fictional",
)
PROPOSED = replace(
    BOOKED,
    uid="0b0f4a0e-6a54-4d0c-9d5e-0f6f0c1f7a02",
    sequence=0,
    state=AppointmentState.PROPOSED,
    day=date(2026, 5, 19),
    at=None,
    place="",
    place_address="",
)
CANCELLED = replace(
    BOOKED,
    uid="0b0f4a0e-6a54-4d0c-9d5e-0f6f0c1f7a03",
    state=AppointmentState.CANCELLED,
    day=date(2026, 1, 27),
)
FULFILLED = replace(
    BOOKED,
    uid="0b0f4a0e-6a54-4d0c-9d5e-0f6f0c1f7a04",
    state=AppointmentState.FULFILLED,
    day=date(2025, 11, 18),
)
NOSHOW = replace(
    BOOKED,
    uid="0b0f4a0e-6a54-4d0c-9d5e-0f6f0c1f7a05",
    state=AppointmentState.NOSHOW,
    day=date(2026, 1, 19),
)
VISITS = [BOOKED, PROPOSED, CANCELLED, FULFILLED, NOSHOW]

SPANISH = CalendarWords(
    language="es-MX",
    name="Citas",
    name_full="Visitas de control",
    name_staff="Visitas de pacientes",
    title="Cita",
    title_full="{examinations}",
    title_staff="{patient}: cita",
    title_staff_full="{patient}: {examinations}",
    title_proposed="Por reservar: {title}",
    title_cancelled="Cancelada: {title}",
    title_noshow="No acudió: {title}",
    note_proposed="Este día es una previsión. Aún no hay nada reservado.",
    note_cancelled="Esta cita no tendrá lugar.",
    note_noshow="El paciente no acudió.",
    when="{date}, {time} ({zone})",
    when_day="{date}",
    where="Lugar: {place}",
    call="Preguntas o cambios: {phone}",
    link="Detalles: {link}",
    link_staff="Abrir (con contraseña): {link}",
    time_format="HH:mm",
)


def one(visit: Visit, view: FeedView = FULL) -> Event:
    [event] = events([visit], view, TODAY, DOMAIN)
    return event


def told(event: Event) -> str:
    return "\n".join([event.summary, event.description, event.location])


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("patient_neutral", NEUTRAL),
        ("patient_full_with_alarm", replace(FULL, alarm_minutes=120)),
        ("patient_spanish", replace(FULL, words=SPANISH)),
        ("staff_neutral", STAFF),
    ],
)
def test_a_feed_is_byte_for_byte_the_reviewed_file(name: str, view: FeedView) -> None:
    assert render(calendar(VISITS, view, TODAY, DOMAIN)) == (GOLDEN / f"{name}.ics").read_bytes()


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.ics")), ids=lambda file: file.stem)
def test_two_parsers_read_the_same_from_each_reviewed_file(file: Path) -> None:
    one_way: list[Any] = list(icalendar.Calendar.from_ical(file.read_bytes()).events)
    other_way = list(vobject.readOne(file.read_bytes().decode()).vevent_list)
    assert len(one_way) == len(other_way) > 0
    for ours, theirs in zip(one_way, other_way, strict=True):
        assert ours["UID"] == theirs.uid.value
        assert ours["SUMMARY"] == theirs.summary.value
        assert ours["DESCRIPTION"] == theirs.description.value
        assert ours["DTSTART"].dt == theirs.dtstart.value
        assert ours["DTEND"].dt == theirs.dtend.value
        assert str(ours["SEQUENCE"]) == theirs.sequence.value


def test_a_proposal_is_one_tentative_day_whatever_hour_was_noted() -> None:
    for visit in (PROPOSED, replace(PROPOSED, at=time(9, 0))):
        event = one(visit)
        assert (event.day, event.start, event.status) == (PROPOSED.day, None, EventStatus.TENTATIVE)
        assert event.summary == "To be booked: MRI thigh, CT chest"
        assert "Nothing is booked yet" in event.description


def test_a_booking_has_its_moment_in_utc_and_its_local_time_as_text() -> None:
    event = one(replace(BOOKED, zone="America/New_York"))
    assert event.start == datetime(2026, 2, 17, 15, 30, tzinfo=UTC)
    assert event.end == datetime(2026, 2, 17, 17, 0, tzinfo=UTC)
    assert "Tuesday, February 17, 2026, 10:30 AM (America/New_York)" in event.description


@pytest.mark.parametrize(
    ("day", "at", "utc", "text"),
    [
        (date(2026, 1, 15), time(10, 30), datetime(2026, 1, 15, 10, 30, tzinfo=UTC), "10:30"),  # winter
        (date(2026, 7, 15), time(10, 30), datetime(2026, 7, 15, 9, 30, tzinfo=UTC), "10:30"),  # summer
        (date(2026, 3, 28), time(10, 30), datetime(2026, 3, 28, 10, 30, tzinfo=UTC), "10:30"),
        (date(2026, 3, 29), time(10, 30), datetime(2026, 3, 29, 9, 30, tzinfo=UTC), "10:30"),  # clocks went on
        (date(2026, 10, 25), time(10, 30), datetime(2026, 10, 25, 10, 30, tzinfo=UTC), "10:30"),  # and back
        (date(2026, 3, 29), time(1, 30), datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "02:00"),  # a skipped hour
        (date(2026, 10, 25), time(1, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "01:30"),  # the first of two
    ],
)
def test_london_keeps_its_wall_clock_on_both_sides_of_a_clock_change(
    day: date, at: time, utc: datetime, text: str
) -> None:
    view = replace(FULL, words=replace(ENGLISH, language="en-GB", time_format="HH:mm"))
    feed = render(calendar([replace(BOOKED, day=day, at=at)], view, TODAY, DOMAIN))
    read: Any = icalendar.Calendar.from_ical(feed).events[0]
    for start in (read["DTSTART"].dt, vobject.readOne(feed.decode()).vevent.dtstart.value):
        assert start == utc
        assert start.utcoffset() == timedelta(0)
    assert f", {text} (Europe/London)" in one(replace(BOOKED, day=day, at=at), view).description


def test_the_uid_outlives_each_change_and_the_sequence_is_the_stored_one() -> None:
    moved = replace(BOOKED, day=date(2026, 2, 24), sequence=4, changed_at=CHANGED + timedelta(days=1))
    before, after, gone = one(BOOKED), one(moved), one(replace(moved, state=AppointmentState.CANCELLED))
    assert before.uid == after.uid == gone.uid == f"{BOOKED.uid}@{DOMAIN}"
    assert (before.sequence, after.sequence) == (3, 4)
    assert after.stamp == moved.changed_at


@pytest.mark.parametrize("visit", [CANCELLED, NOSHOW], ids=lambda visit: visit.state)
@pytest.mark.parametrize(("days", "shown"), [(0, True), (30, True), (31, False)])
def test_what_was_called_off_stays_30_days_and_goes(visit: Visit, days: int, shown: bool) -> None:
    found = events([visit], STAFF, CHANGED.date() + timedelta(days=days), DOMAIN)
    assert [event.status for event in found] == ([EventStatus.CANCELLED] if shown else [])


def test_the_30_days_are_counted_in_the_place_where_the_visit_was() -> None:
    late_evening = replace(CANCELLED, changed_at=datetime(2026, 1, 20, 23, 30, tzinfo=UTC))
    day_31 = date(2026, 2, 20)
    assert is_shown(replace(late_evening, zone="Asia/Tokyo"), FULL, day_31)
    assert not is_shown(late_evening, FULL, day_31)


@pytest.mark.parametrize(
    ("visit", "view", "title"),
    [
        (BOOKED, NEUTRAL, "Appointment"),
        (BOOKED, FULL, "MRI thigh, CT chest"),
        (BOOKED, STAFF, "AB: appointment"),
        (BOOKED, replace(STAFF, privacy=Privacy.FULL), "AB: MRI thigh, CT chest"),
        (PROPOSED, NEUTRAL, "To be booked: Appointment"),
        (CANCELLED, NEUTRAL, "Cancelled: Appointment"),
        (CANCELLED, STAFF, "Cancelled: AB: appointment"),
        (NOSHOW, STAFF, "Did not attend: AB: appointment"),
        (FULFILLED, FULL, "MRI thigh, CT chest"),
        (replace(BOOKED, examinations=()), FULL, "Appointment"),
        (BOOKED, replace(NEUTRAL, words=SPANISH), "Cita"),
    ],
)
def test_a_title_says_what_its_reader_may_know(visit: Visit, view: FeedView, title: str) -> None:
    assert one(visit, view).summary == title


@pytest.mark.parametrize("view", [NEUTRAL, STAFF], ids=lambda view: view.audience)
def test_a_neutral_feed_names_no_examination_and_no_oncology(view: FeedView) -> None:
    feed = render(calendar(VISITS, view, TODAY, DOMAIN)).decode().replace("\r\n ", "").lower()
    assert not [word for word in ("mri", "ct chest", "thigh", "oncology", "sarcoma", "imaging") if word in feed]
    assert "1 example street" in feed


def test_a_patient_is_named_in_staff_feeds_alone_and_by_initials() -> None:
    marked = replace(BOOKED, patient_label="QZX")
    assert "QZX" in told(one(marked, STAFF))
    assert "QZX" not in told(one(marked, FULL)) + told(one(marked, NEUTRAL))


def test_a_staff_entry_links_to_a_page_that_wants_a_sign_in() -> None:
    event = one(BOOKED, replace(STAFF, phone="+44 20 7946 0123"))
    assert f"Open (sign-in needed): {BOOKED.link}" in event.description
    assert event.url == BOOKED.link
    assert "7946" not in event.description


def test_a_visit_not_attended_and_a_dropped_proposal_are_in_no_patients_feed() -> None:
    dropped = replace(PROPOSED, state=AppointmentState.CANCELLED)
    assert events([NOSHOW, dropped], FULL, TODAY, DOMAIN) == []


def test_only_a_booked_visit_rings() -> None:
    ringing = events(VISITS, replace(FULL, alarm_minutes=60), TODAY, DOMAIN)
    assert [event.uid for event in ringing if event.alarm_minutes] == [f"{BOOKED.uid}@{DOMAIN}"]
    assert not [event for event in events(VISITS, FULL, TODAY, DOMAIN) if event.alarm_minutes]


def test_lines_without_a_fact_are_left_out() -> None:
    bare = replace(BOOKED, place="", place_address="", link="")
    text = one(bare, replace(FULL, phone="")).description
    assert text == "Tuesday, February 17, 2026, 10:30 AM (Europe/London)"


@given(st.permutations(VISITS), st.sampled_from(VIEWS))
def test_feed_and_revision_do_not_depend_on_the_order_of_rows(visits: list[Visit], view: FeedView) -> None:
    assert render(calendar(visits, view, TODAY, DOMAIN)) == render(calendar(VISITS, view, TODAY, DOMAIN))
    assert revision(visits, view, TODAY, DOMAIN) == revision(VISITS, view, TODAY, DOMAIN)


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": 4},
        {"changed_at": CHANGED + timedelta(microseconds=1)},
        {"state": AppointmentState.FULFILLED},
        {"uid": "other"},
    ],
    ids=str,
)
def test_each_change_of_a_row_makes_a_new_revision(change: dict[str, Any]) -> None:
    changed = replace(BOOKED, **change)
    assert revision([changed], FULL, TODAY) != revision([BOOKED], FULL, TODAY)


@pytest.mark.parametrize(
    "view",
    [
        NEUTRAL,
        STAFF,
        replace(FULL, words=SPANISH),
        replace(FULL, words=replace(ENGLISH, title_cancelled="Off: {title}")),
        replace(FULL, phone=""),
        replace(FULL, alarm_minutes=60),
    ],
)
def test_each_change_of_the_view_makes_a_new_revision(view: FeedView) -> None:
    assert revision(VISITS, view, TODAY) != revision(VISITS, FULL, TODAY)


def test_what_else_the_feed_shows_makes_a_new_revision() -> None:
    assert revision(VISITS, FULL, TODAY, DOMAIN, "2026a") != revision(VISITS, FULL, TODAY, DOMAIN, "2026b")


def test_a_revision_stays_from_day_to_day_until_a_cancelled_visit_goes() -> None:
    days = [CHANGED.date() + timedelta(days=n) for n in range(40)]
    tags = [revision([BOOKED, CANCELLED], FULL, day) for day in days]
    assert len(set(tags[:31])) == len(set(tags[31:])) == 1
    assert tags[30] != tags[31]


def test_a_revision_is_the_same_for_every_spelling_of_a_moment() -> None:
    elsewhere = replace(BOOKED, changed_at=CHANGED.astimezone(timezone(timedelta(hours=9))))
    assert revision([elsewhere], FULL, TODAY) == revision([BOOKED], FULL, TODAY)


def test_an_entity_tag_is_strong_quoted_and_known_for_ever() -> None:
    # Worked out once: a tag that differs between processes or releases would make every client fetch anew.
    assert etag([("a", 1, CHANGED, AppointmentState.BOOKED)]) == '"9535fe1edbcf3be71adc56056d455c7fbbc777d6"'
    assert etag([("a", "b")]) != etag([("ab",)]) != etag([("a",), ("b",)])


@pytest.mark.parametrize(
    ("header", "same"),
    [
        ('"one"', True),
        ('W/"one"', True),
        ('"two", "one"', True),
        ('"two","three" , W/"one"', True),
        ("*", True),
        (" * ", True),
        ('"two"', False),
        ('"one, two"', False),
        ("one", False),
        ("", False),
        ('"ONE"', False),
    ],
)
def test_if_none_match_is_read_as_http_defines_it(header: str, same: bool) -> None:
    assert matches(header, '"one"') is same


AT_CHANGE = format_datetime(CHANGED, usegmt=True)
BEFORE = format_datetime(CHANGED - timedelta(seconds=1), usegmt=True)


@pytest.mark.parametrize(
    ("if_none_match", "if_modified_since", "unchanged"),
    [
        (None, None, False),
        ('"one"', None, True),
        ('"one"', BEFORE, True),  # If-None-Match decides alone
        ('"two"', AT_CHANGE, False),
        ("", AT_CHANGE, False),
        (None, AT_CHANGE, True),
        (None, BEFORE, False),
        (None, "yesterday", False),
        (None, "Thu, 99 Jan 2026 00:00:00 GMT", False),
        (None, "Tue, 20 Jan 2026 14:05:00 -0000", True),
    ],
)
def test_not_modified_asks_the_tag_before_the_date(
    if_none_match: str | None, if_modified_since: str | None, unchanged: bool
) -> None:
    changed = CHANGED + timedelta(microseconds=300)  # HTTP dates have whole seconds
    assert not_modified(if_none_match, if_modified_since, '"one"', changed) is unchanged


@given(st.text())
def test_a_broken_date_is_no_reason_to_fail(header: str) -> None:
    assert not not_modified(None, header, '"one"', None)


@pytest.mark.parametrize(
    ("field", "text", "reason"),
    [
        ("title", "{examinations}", r"calendar\.title \(en\): .* must have no placeholder"),
        ("title_staff", "{name}: visit", r"must have \{patient\}"),
        ("when", "{date}", r"must have \{date\}, \{time\}, \{zone\}"),
        ("where", "Place: {place!r}", r"must have \{place\}"),
        ("where", "Place: {place.__class__}", r"must have \{place\}"),
        ("where", "Place: {place", "unpaired brace"),
        ("language", "xx-nowhere", "no known language"),
        ("language", "", "no known language"),
    ],
)
def test_a_text_with_wrong_placeholders_is_refused(field: str, text: str, reason: str) -> None:
    texts: dict[str, Any] = {field: text}
    with pytest.raises(ConfigurationError, match=reason):
        replace(ENGLISH, **texts)


def test_every_text_of_a_language_is_in_use() -> None:
    names = set(ENGLISH.texts()) - {"language", "date_format", "time_format"}
    texts: dict[str, Any] = {name: f"<{name}> {ENGLISH.texts()[name]}" for name in names}
    marked = replace(ENGLISH, **texts)
    by_day = replace(BOOKED, uid="by day", at=None)
    used = "".join(
        render(calendar([*VISITS, by_day], replace(view, words=marked), TODAY, DOMAIN)).decode() for view in VIEWS
    ).replace("\r\n ", "")
    assert {name for name in names if f"<{name}>" not in used} == set()
