"""What a form reads from what was typed, and what it says of mistakes."""

from datetime import date, time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.core.errors import ConflictError, ForbiddenError
from surveillance.core.words import Role
from surveillance.store import db
from surveillance.store.tables import Counter
from surveillance.web.forms import WHOLE, Form
from surveillance.web.page_context import own_address


def sent(**fields: str) -> Form:
    return Form({name: [value] for name, value in fields.items()})


@pytest.mark.parametrize(
    ("typed", "read"),
    [("10:30", time(10, 30)), ("9", time(9)), ("0930", time(9, 30)), ("14.15", time(14, 15)), ("08:05:00", time(8, 5))],
)
def test_a_time_is_read_as_people_write_it(typed: str, read: time) -> None:
    assert sent(at=typed).clock("at", "the time") == read


@pytest.mark.parametrize("typed", ["25:00", "10:75", "noon", "1:2:3:4"])
def test_a_time_that_is_none_is_told(typed: str) -> None:
    form = sent(at=typed)
    assert form.clock("at", "the time") is None
    assert form.error("at") == "The time must be a time, like 10:30"


@pytest.mark.parametrize(
    ("method", "typed", "said"),
    [
        ("text", "", "Enter the thing"),
        ("text", "x" * 201, "The thing must be 200 characters or fewer"),
        ("text", "a\0b", "The thing holds a character that cannot be kept"),
        ("day", "2026-02-30", "The thing must be a real day, like 2026-12-01"),
        ("number", "a lot", "The thing must be a number"),
    ],
)
def test_each_mistake_says_what_to_do(method: str, typed: str, said: str) -> None:
    form = sent(thing=typed)
    getattr(form, method)("thing", "the thing", required=True)
    assert form.error("thing") == said


def test_what_is_right_is_read() -> None:
    form = Form({"day": ["2026-12-01"], "count": ["12"], "size": ["1,5"], "role": ["viewer"], "id": [str(UUID(int=7))]})
    assert form.day("day", "the day") == date(2026, 12, 1)
    assert form.whole("count", "the count", 1, 20) == 12
    assert form.number("size", "the size") == 1.5
    assert form.choice("role", "a role", Role) is Role.VIEWER
    assert form.record("id", "a record") == UUID(int=7)
    assert form.ok


def test_what_was_not_on_the_page_cannot_be_chosen() -> None:
    form = sent(role="queen", id="1", one="c", count="21")
    form.choice("role", "a role", Role)
    form.record("id", "a record")
    form.one_of("one", "a or b", ("a", "b"))
    form.whole("count", "the count", 1, 20)
    assert form.errors == {
        "role": "Choose a role from the list",
        "id": "Choose a record from the list",
        "one": "Choose a or b",
        "count": "The count must be a number from 1 to 20",
    }


@given(st.text(max_size=50))
def test_nothing_that_can_be_typed_breaks_a_form(typed: str) -> None:
    form = sent(field=typed)
    for read in (form.text, form.day, form.clock, form.number, form.record):
        read("field", "the field")
    form.whole("field", "the field", 0, 9)
    form.choice("field", "the field", Role)


def test_a_refused_operation_leaves_nothing_behind_and_its_reason_on_the_form(engine) -> None:
    form = sent()
    with db.writing(engine) as session:
        session.add(Counter(name="before"))
        with form.trying(session):
            session.add(Counter(name="inside"))
            session.flush()
            raise ConflictError("this is taken")
        session.add(Counter(name="after"))
    assert form.errors == {WHOLE: "This is taken"}
    with db.reading(engine) as session:
        assert {name for name in ("before", "inside", "after") if session.get(Counter, name)} == {"before", "after"}


def test_what_the_user_may_not_do_at_all_is_no_mistake_of_the_form(sqlite_engine) -> None:
    with db.writing(sqlite_engine) as session, pytest.raises(ForbiddenError), sent().trying(session):
        raise ForbiddenError("no")


@pytest.mark.parametrize(
    ("address", "followed"),
    [("/patients?x=1", True), ("//evil.example/", False), ("https://evil.example", False), ("/\\evil", False)],
)
def test_only_addresses_of_our_own_are_followed(address: str, followed: bool) -> None:
    assert own_address(address, "/") == (address if followed else "/")
