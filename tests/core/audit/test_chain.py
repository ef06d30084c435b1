"""The chain over the audit trail as pure data: what a link covers, and what a break is called."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest

from surveillance.core.audit.chain import START, Event, Head, Joint, Values, fault, forge

EVENT = Event(
    id=7,
    at=datetime(2026, 11, 23, 15, 0, 0, 120, tzinfo=UTC),
    site="s",
    user="u",
    account="front-desk",
    action="patient.edit",
    subject="patient",
    subject_id="p",
    patient="p",
    reason="married",
)
VALUES = Values("salt", {"family_name": "Ash"}, {"family_name": "Birch"})
OTHER: dict[str, Any] = {"id": 8, "at": EVENT.at + timedelta(microseconds=1)}
COVERED = list(Event.__dataclass_fields__)


def chained(*values: Values | None) -> list[Joint]:
    """One event for each of ``values``, with the ids 101, 102, …, sealed one after the other."""
    head, joints = Head(), []
    for place, each in enumerate(values, start=1):
        event = replace(EVENT, id=100 + place)
        link = forge(head, event, each)
        joints.append(Joint(link, event, each))
        head = link.head
    return joints


def test_the_first_link_follows_nothing_and_each_next_one_the_link_before() -> None:
    first, second = chained(VALUES, None)
    assert first.link == forge(Head(0, START), replace(EVENT, id=101), VALUES)
    assert (second.link.number, second.link.values_digest) == (2, "")
    assert forge(Head(1, START), replace(EVENT, id=102), None).hash != second.link.hash
    assert str(Head(2, "abc")) == "2:abc"


@pytest.mark.parametrize("name", COVERED)
def test_a_link_covers_every_field_of_the_event(name: str) -> None:
    changed = replace(EVENT, **{name: OTHER.get(name, "x")})
    assert forge(Head(), changed, VALUES).hash != forge(Head(), EVENT, VALUES).hash


@pytest.mark.parametrize(
    "values",
    [
        replace(VALUES, salt="pepper"),
        replace(VALUES, before=None),
        replace(VALUES, after={"family_name": "birch"}),
        Values("salt", VALUES.after, VALUES.before),
    ],
)
def test_a_link_covers_values_and_salt(values: Values) -> None:
    assert forge(Head(), EVENT, values).hash != forge(Head(), EVENT, VALUES).hash


def test_the_same_event_is_the_same_however_it_is_read() -> None:
    elsewhere = replace(EVENT, at=EVENT.at.astimezone(timezone(timedelta(hours=-5))))
    reordered = Values("s", None, {"b": [1, 2.5, None], "a": "ß"}), Values("s", None, {"a": "ß", "b": [1, 2.5, None]})
    assert forge(Head(), elsewhere, reordered[0]) == forge(Head(), EVENT, reordered[1])


def test_fields_do_not_run_into_each_other() -> None:
    one, two = replace(EVENT, action="a", subject="bc"), replace(EVENT, action="ab", subject="c")
    assert forge(Head(), one, None).hash != forge(Head(), two, None).hash


Tampering = Callable[[list[Joint]], list[Joint]]


def at(place: int, **changes: Any) -> Tampering:
    def tamper(joints: list[Joint]) -> list[Joint]:
        return [replace(joint, **changes) if number == place else joint for number, joint in enumerate(joints, start=1)]

    return tamper


def event_changed(joints: list[Joint]) -> list[Joint]:
    return at(2, event=replace(EVENT, id=102, reason="another"))(joints)


def link_changed(**changes: Any) -> Tampering:
    return lambda joints: at(2, link=replace(joints[1].link, **changes))(joints)


def event_and_link_made_anew(joints: list[Joint]) -> list[Joint]:
    event = replace(EVENT, id=102, reason="another")
    return at(2, event=event, link=forge(Head(1, joints[0].link.hash), event, VALUES))(joints)


def swapped(joints: list[Joint]) -> list[Joint]:
    """Two events change places, each with its link's content."""
    second, third = joints[1], joints[2]
    links = replace(third.link, number=2), replace(second.link, number=3)
    return [joints[0], replace(third, link=links[0]), replace(second, link=links[1]), joints[3]]


VALUES_CHANGED = (2, 102, "the values of the event were changed")
CHANGED = "the event, or this link or the one before it, was changed"
TAMPERING: dict[str, tuple[Tampering, list[tuple[int, int, str]]]] = {
    "nothing": (lambda joints: joints, []),
    "values erased with their row": (at(2, values=None), []),
    "values blanked with their salt": (at(2, values=Values("", None, None)), []),
    "an event changed": (event_changed, [(2, 102, CHANGED)]),
    "an event deleted": (at(2, event=None), [(2, 102, "the event is missing")]),
    "a value changed": (at(2, values=replace(VALUES, after={"family_name": "Beech"})), [VALUES_CHANGED]),
    "a salt blanked alone": (at(2, values=replace(VALUES, salt="")), [VALUES_CHANGED]),
    "values blanked but not their salt": (at(2, values=Values("salt", None, None)), [VALUES_CHANGED]),
    "values added": (at(4, values=VALUES), [(4, 104, "values were added to the event")]),
    "a link changed": (link_changed(hash="f" * 64), [(2, 102, CHANGED), (3, 103, CHANGED)]),
    "a digest changed": (link_changed(values_digest="f" * 64), [(2, 102, CHANGED)]),
    "a link made anew": (event_and_link_made_anew, [(3, 103, CHANGED)]),
    "a link deleted": (
        lambda joints: [joints[0], *joints[2:]],
        [(3, 103, "link 2 before it is missing")],
    ),
    "two links deleted": (lambda joints: [joints[0], joints[3]], [(4, 104, "2 links before it are missing")]),
    "two links swapped": (swapped, [(2, 103, CHANGED), (3, 102, CHANGED), (4, 104, CHANGED)]),
}  # fmt: skip


def faults(joints: list[Joint]) -> Iterator[tuple[int, int, str]]:
    """Number, event and fault of each link that is not as it was sealed."""
    for before, joint in pairwise([None, *joints]):
        assert joint is not None
        if what := fault(before.link.head if before else Head(), joint):
            yield joint.link.number, joint.link.event_id, what


@pytest.mark.parametrize("name", TAMPERING)
def test_each_kind_of_tampering_is_named_at_its_link(name: str) -> None:
    tamper, expected = TAMPERING[name]
    assert list(faults(tamper(chained(VALUES, VALUES, VALUES, None)))) == expected


def test_what_was_erased_is_known_as_such() -> None:
    kept, erased, blanked, never = chained(VALUES, VALUES, VALUES, None)
    erased, blanked = replace(erased, values=None), replace(blanked, values=Values("", None, None))
    assert [joint.erased for joint in (kept, erased, blanked, never)] == [False, True, True, False]


def test_an_erased_value_cannot_be_guessed_back() -> None:
    """Whoever knows the digest and guesses the value still lacks 128 bits of salt."""
    (joint,) = chained(VALUES)
    assert joint.link.values_digest != Values("", VALUES.before, VALUES.after).digest()
