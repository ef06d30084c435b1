"""The calendar writer, read back with two parsers that know nothing of it."""

import re
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import icalendar
import pytest
import vobject
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.calendars.ical import Calendar, Event, EventStatus, render
from surveillance.core.errors import InvalidInputError

STAMP = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
START = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
TIMED = Event("1@example.org", 2, STAMP, "Appointment", start=START, end=START + timedelta(hours=1))
ALL_DAY = Event("2@example.org", 0, STAMP, "To be booked", day=date(2028, 2, 29), status=EventStatus.TENTATIVE)

# A run of blanks longer than a line cannot be folded without a blank line, at which vobject stops.
signs = st.one_of(st.sampled_from([*'\\;,:nN" \t\r\n', "\udc80", "\u2029"]), st.characters())
texts = st.text(signs, max_size=300).filter(lambda text: not re.search(r"\s{70}", text))


def cleaned(text: str) -> str:
    """What a reader should get: line breaks of all kinds alike, no other control characters, no outer blanks."""
    kept = "".join(sign for sign in text if sign in "\n\r\t\x85" or unicodedata.category(sign) != "Cc")
    kept = re.sub("\r\n|[\r\n\x85\u2028\u2029]", "\n", kept.strip())
    return kept.encode("utf-8", "replace").decode()


def by_icalendar(feed: bytes) -> Any:
    return icalendar.Calendar.from_ical(feed)


def by_vobject(feed: bytes) -> Any:
    return vobject.readOne(feed.decode())


def lines(event: Event, **settings: Any) -> list[str]:
    return render(Calendar("Visits", [event], **settings)).decode().replace("\r\n ", "").split("\r\n")


@given(texts, texts)
def test_any_text_comes_back_through_vobject(summary: str, description: str) -> None:
    event = replace(TIMED, summary="S" + summary, description="D" + description)
    read = by_vobject(render(Calendar("Visits", [event]))).vevent
    assert read.summary.value == cleaned(event.summary)
    assert read.description.value == cleaned(event.description)


@given(texts, texts)
def test_any_text_comes_back_through_icalendar(summary: str, description: str) -> None:
    event = replace(TIMED, summary="S" + summary, description="D" + description)
    read = by_icalendar(render(Calendar("Visits", [event]))).events[0]
    assert read["SUMMARY"] == cleaned(event.summary)
    assert read["DESCRIPTION"] == cleaned(event.description)


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_every_line_has_at_most_75_octets_and_whole_characters(name: str, summary: str, url: str) -> None:
    feed = render(Calendar(name, [replace(TIMED, summary=summary, url=url)]))
    assert feed.endswith(b"\r\n")
    for line in feed.removesuffix(b"\r\n").split(b"\r\n"):
        assert len(line) <= 75
        assert not re.search("[\x00-\x08\x0a-\x1f\x7f]", line.decode("utf-8"))


@given(st.integers(0, 80), st.sampled_from(["é", "€", "🩻", ",", "\\", "\n"]))
def test_a_line_is_never_cut_inside_a_character_or_an_escape(offset: int, sign: str) -> None:
    summary = "x" + "x" * offset + sign * 40 + "x"
    feed = render(Calendar("Visits", [replace(TIMED, summary=summary)]))
    assert by_vobject(feed).vevent.summary.value == summary
    pieces = [piece for piece in feed.decode().split("\r\n") if piece.startswith((" ", "SUMMARY"))]
    assert all((len(piece) - len(piece.rstrip("\\"))) % 2 == 0 for piece in pieces)


@pytest.mark.parametrize("length", [74, 75, 76, 149, 150, 151])
def test_a_line_is_folded_only_when_it_is_too_long(length: int) -> None:
    location = "x" * (length - len("LOCATION:"))
    feed = render(Calendar("Visits", [replace(TIMED, location=location)])).decode()
    pieces = re.search(r"LOCATION:[^\r]*(\r\n [^\r]*)*", feed)
    assert pieces is not None
    assert pieces.group().count("\r\n ") == (0 if length <= 75 else 1 if length <= 149 else 2)


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x85", "\u2028", "\x0b"])
def test_a_text_cannot_smuggle_in_a_property(break_: str) -> None:
    evil = f"x{break_}ATTENDEE:mailto:evil@example.org"
    event = replace(TIMED, uid=evil, summary=evil, description=evil, location=evil, url=evil)
    feed = render(Calendar(evil, [event], description=evil))
    assert not re.search(rb"^ATTENDEE", feed, re.MULTILINE)
    assert "ATTENDEE" not in by_icalendar(feed).events[0]


def test_a_moment_is_written_in_utc() -> None:
    summer = datetime(2026, 7, 1, 10, 30, tzinfo=timezone(timedelta(hours=2)))
    written = lines(replace(TIMED, start=summer, end=summer + timedelta(minutes=45)))
    assert {"DTSTART:20260701T083000Z", "DTEND:20260701T091500Z"} <= set(written)


def test_a_whole_day_ends_on_the_day_after() -> None:
    read = by_icalendar(render(Calendar("Visits", [ALL_DAY]))).events[0]
    assert (read["DTSTART"].dt, read["DTEND"].dt) == (date(2028, 2, 29), date(2028, 3, 1))
    assert by_vobject(render(Calendar("Visits", [ALL_DAY]))).vevent.dtend.value == date(2028, 3, 1)


@pytest.mark.parametrize(
    ("event", "takes_time"),
    [
        (TIMED, True),
        (replace(TIMED, status=EventStatus.CANCELLED), False),
        (replace(TIMED, status=EventStatus.TENTATIVE), False),
        (ALL_DAY, False),
        (replace(ALL_DAY, status=EventStatus.CONFIRMED), False),
    ],
)
def test_only_a_confirmed_hour_takes_time(event: Event, takes_time: bool) -> None:
    written = lines(event)
    assert f"STATUS:{event.status}" in written
    assert ("TRANSP:OPAQUE" in written) is takes_time
    assert ("TRANSP:TRANSPARENT" in written) is not takes_time
    assert ("X-MICROSOFT-CDO-BUSYSTATUS:FREE" in written) is not takes_time


def test_the_stored_change_is_stamp_and_last_change() -> None:
    written = lines(TIMED)
    assert {"SEQUENCE:2", "DTSTAMP:20260105T090000Z", "LAST-MODIFIED:20260105T090000Z"} <= set(written)
    assert "CLASS:PRIVATE" in written


def test_a_calendar_has_its_name_for_every_kind_of_client() -> None:
    head = lines(TIMED, description="All of them", refresh=timedelta(hours=1, minutes=30))
    assert {"NAME:Visits", "X-WR-CALNAME:Visits", "X-WR-CALDESC:All of them", "METHOD:PUBLISH"} <= set(head)
    assert {"REFRESH-INTERVAL;VALUE=DURATION:PT1H30M", "X-PUBLISHED-TTL:PT1H30M"} <= set(head)
    assert not any(line.startswith("METHOD") for line in lines(TIMED, method=None))


def test_an_alarm_counts_back_from_the_start_and_a_cancelled_visit_has_none() -> None:
    event = replace(TIMED, alarm_minutes=90)
    alarm = by_icalendar(render(Calendar("Visits", [event]))).events[0].walk("VALARM")[0]
    assert (alarm["TRIGGER"].dt, alarm["ACTION"], alarm["DESCRIPTION"]) == (
        timedelta(minutes=-90),
        "DISPLAY",
        "Appointment",
    )
    assert "BEGIN:VALARM" not in lines(replace(event, status=EventStatus.CANCELLED))
    assert "BEGIN:VALARM" not in lines(TIMED)


def test_a_text_says_its_language() -> None:
    assert "SUMMARY;LANGUAGE=es-MX:Cita" in lines(replace(TIMED, summary="Cita"), language="es-MX")


def test_a_link_keeps_its_signs() -> None:
    link = "https://example.org/p?a=1,2;b=c%20d"
    assert f"URL:{link}" in lines(replace(TIMED, url=link))


def test_a_calendar_without_entries_is_still_one() -> None:
    feed = render(Calendar("Visits", []))
    assert by_icalendar(feed).events == []
    assert by_vobject(feed).version.value == "2.0"


def test_equal_calendars_give_equal_bytes() -> None:
    assert render(Calendar("Visits", [TIMED, ALL_DAY])) == render(Calendar("Visits", (TIMED, ALL_DAY)))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"start": None, "end": None}, "either a start or a day"),
        ({"day": date(2026, 1, 15)}, "either a start or a day"),
        ({"start": START.replace(tzinfo=None)}, "without a zone"),
        ({"stamp": STAMP.replace(tzinfo=None)}, "without a zone"),
        ({"end": START}, "not after a start"),
        ({"start": None, "day": date(2026, 1, 15)}, "not after a start"),
        ({"sequence": -1}, "negative"),
        ({"alarm_minutes": -5}, "negative"),
    ],
)
def test_an_impossible_entry_is_refused_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInputError, match=f"1@example.org: .*{reason}"):
        replace(TIMED, **changes)


def test_a_calendar_is_refused_without_a_language_tag_or_with_a_hasty_refresh() -> None:
    with pytest.raises(InvalidInputError, match="no language tag"):
        Calendar("Visits", [], language="en:x\r\n")
    with pytest.raises(InvalidInputError, match="under a minute"):
        Calendar("Visits", [], refresh=timedelta(seconds=59))
