"""A patient's plan as a timeline: every fact has its sign, and the table tells all that the drawing shows."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_samples import ANCHOR, ASPS, CHEST, MRI, months, plan, plans, scan

from surveillance.core.dates import add_months
from surveillance.core.drawings import svg as strokes
from surveillance.core.drawings.plan_timeline import Done, Pause, PlanPicture, months_in_view, of_plan
from surveillance.core.drawings.signs import mark_sign
from surveillance.core.drawings.timeline import MarkKind, Timeline, Turn, panels, spelled, table
from surveillance.core.drawings.timeline_sheet import SHEET, render, render_strip
from surveillance.core.schedule.examinations import Booking, Hold, Key, PlanFacts, derive
from surveillance.core.schedule.matching import Extra
from surveillance.core.schedule.slots import terms
from surveillance.core.schedule.status import Reading

SVG = "{http://www.w3.org/2000/svg}"
TITLES = {MRI: "MRI of the site", CHEST: "Chest imaging"}


def picture(facts: PlanFacts, today: date, **more: object) -> PlanPicture:
    shown = months_in_view(facts.anchor, today, facts.ended_on)
    rows = derive(facts, add_months(facts.anchor, shown)).examinations
    done = [Done(s.id, s.performed_on, s.items, Reading(s.performed_on, s.performed_on), s.id) for s in facts.studies]
    pauses = [Pause(hold.item, hold.start, hold.resumed_on, "pregnancy") for hold in facts.holds]
    made = PlanPicture("Ada", facts.anchor, shown, today, TITLES, rows, done, pauses, ended_on=facts.ended_on)
    return replace(made, **more)


def marks(timeline: Timeline) -> list[tuple[str, date]]:
    return [(mark.kind.value, mark.day) for mark in timeline.lanes[0].marks]


def said(timeline: Timeline, month: int | None) -> str:
    return next(window.said for window in timeline.lanes[0].windows if window.month == month)


CASES = [
    pytest.param(plan(scan("s", months(3.1))), ("done", months(3.1)), f"done and reviewed ({spelled(months(3.1))})"),
    pytest.param(
        plan(bookings=(Booking("b", MRI, months(3.2), 3, months(3)),)),
        ("booked", months(3.2)),
        f"booked: {spelled(months(3.2))}",
    ),
    pytest.param(
        plan(skips={Key(MRI, 3): months(5)}),
        ("skipped", months(3)),
        f"skipped, to be looked at again on {spelled(months(5))}",
    ),
    pytest.param(plan(), None, "due"),
]


@pytest.mark.parametrize(("facts", "mark", "words"), CASES, ids=["done", "booked", "skipped", "due"])
def test_what_became_of_an_examination_has_a_sign_and_words(
    facts: PlanFacts, mark: tuple[str, date] | None, words: str
) -> None:
    shown = of_plan(picture(facts, months(3.1)))
    assert marks(shown) == ([mark] if mark else [])
    assert said(shown, 3) == words


def test_overdue_and_missed_stand_where_they_arose() -> None:
    late = of_plan(picture(plan(), months(4)))
    assert marks(late) == [("overdue", months(3) + timedelta(days=15))]
    assert said(late, 3) == f"overdue since {spelled(months(3) + timedelta(days=15))}"
    missed = of_plan(picture(plan(), months(5)))
    assert marks(missed)[0] == ("missed", months(3))
    assert said(missed, 3) == "missed"


def test_a_visit_that_is_over_asks_what_became_of_it() -> None:
    facts = plan(bookings=(Booking("b", MRI, months(3), 3, months(3)),))
    assert marks(of_plan(picture(facts, months(3.2)))) == [("outcome unknown", months(3))]


def test_an_extra_examination_and_a_study_beside_the_plan_are_told_apart() -> None:
    facts = plan(scan("one", months(3)), scan("two", months(3.5)), extras=(Extra("x", MRI, months(5), 7, months(4)),))
    shown = of_plan(picture(facts, months(4)))
    assert ("extra evidence", months(3.5)) in marks(shown)
    assert [window.name for window in shown.lanes[0].windows][:3] == ["month 3", "extra", "month 6"]
    words = [text.text for text in ET.fromstring(render_strip(shown)).iter(f"{SVG}text")]
    assert {"extra examination", "done beside the plan"} <= set(words)


def test_holds_and_turns_are_drawn_and_told() -> None:
    facts = plan(holds=(Hold(None, months(2), months(4), months(5)),))
    turn = Turn(months(5), "every 6 months")
    shown = of_plan(picture(facts, months(4.5), turns=(turn,)))
    assert [(span.start, span.end) for span in shown.lanes[0].spans] == [(months(2), months(4))]
    rows = [(row.what, row.when, row.said) for row in table(shown)]
    assert ("hold", f"{spelled(months(2))} to {spelled(months(4))}", "pregnancy") in rows
    assert ("plan", spelled(months(5)), "every 6 months") in rows
    tips = [title.text for title in ET.fromstring(render_strip(shown)).iter(f"{SVG}title")]
    assert f"every 6 months: {spelled(months(5))}" in tips


def test_an_ended_plan_is_drawn_up_to_its_end_without_today() -> None:
    facts = plan(scan("s", months(3)), ended_on=months(7))
    shown = of_plan(picture(facts, months(20)))
    assert shown.today is None
    assert [(panel.first, panel.last) for panel in panels(shown)] == [(0, 12)]
    assert [window.month for window in shown.lanes[0].windows] == [3, 6]


@pytest.mark.parametrize(("today", "expected"), [(0, 36), (12, 36), (13, 60), (40, 120), (97, 180), (170, 240)])
def test_two_years_ahead_are_always_in_view(today: int, expected: int) -> None:
    assert months_in_view(ANCHOR, add_months(ANCHOR, today), None) == expected


def test_an_item_that_was_never_asked_for_has_no_lane() -> None:
    assert [lane.title for lane in of_plan(picture(plan(), ANCHOR)).lanes] == ["MRI of the site"]
    both = plan(terms=(terms(ASPS, {}),))
    assert [lane.title for lane in of_plan(picture(both, ANCHOR)).lanes] == ["MRI of the site", "Chest imaging"]


def test_a_mark_at_the_end_of_a_panel_is_drawn_with_its_window() -> None:
    facts = plan(*(scan(f"s{month}", months(month)) for month in range(3, 36, 3)))
    shown = of_plan(picture(facts, months(45)))
    (missed,) = [mark for mark in shown.lanes[0].marks if mark.day == months(36)]
    assert [panel.name for panel in panels(shown) if panel.shows(missed)] == ["Years 1–3"]


def test_each_sign_has_a_shape_of_its_own() -> None:
    shapes = set()
    for kind in MarkKind:
        group = ET.Element("g")
        mark_sign(group, kind, 0, 0)
        shapes.add(tuple((part.tag, part.get("d") or part.get("r") or part.get("width")) for part in group))
    assert len(shapes) == len(MarkKind)


@pytest.mark.parametrize("back", [strokes.BAND, "#ffffff"])
@pytest.mark.parametrize("ink", [strokes.INK, strokes.SOFT])
def test_text_stands_out_from_what_is_behind_it(ink: str, back: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1."""
    bright, dark = sorted((luminance(ink), luminance(back)), reverse=True)
    assert (bright + 0.05) / (dark + 0.05) >= 4.5


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@given(plans(), st.integers(0, 4000))
@settings(max_examples=40)
def test_any_plan_can_be_drawn_and_its_table_tells_all_of_it(facts: PlanFacts, days: int) -> None:
    shown = of_plan(picture(facts, facts.anchor + timedelta(days=days)))
    for drawn in (render(shown), render_strip(shown)):
        for element in ET.fromstring(drawn).iter():
            assert element.get("style") is None
            for name in ("x", "x1", "x2", "cx"):
                assert 0 <= float(element.get(name, "0")) <= SHEET[0]
    rows = table(shown)
    assert all(before.day <= after.day for before, after in pairwise(rows))
    windows = [window for lane in shown.lanes for window in lane.windows]
    assert len([row for row in rows if row.on_time]) == len(windows)
    assert all(window.said for window in windows)
