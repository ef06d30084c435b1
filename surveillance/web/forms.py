"""What a person typed into a form, read field by field. Each mistake is kept beside its field and nothing is lost:
the form is shown again as it was sent, with what to mend."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, time
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel import Session
from starlette.datastructures import FormData, UploadFile

from surveillance.core.errors import ForbiddenError, SurveillanceError, UnavailableError
from surveillance.web import render

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

WHOLE = ""  # the key of a mistake that no single field made
LONGEST = 200  # characters of a line
LONGEST_TEXT = 4000
_SPOKEN_CLOCK = re.compile(r"(\d{1,2})[:.h]?(\d{2})?")


class Form:
    """The fields of a form as they were sent, and the mistakes found in them."""

    def __init__(self, fields: Mapping[str, Sequence[str]], files: Mapping[str, UploadFile] | None = None) -> None:
        self._fields = fields
        self.files = files or {}
        self.errors: dict[str, str] = {}

    @classmethod
    def filled(cls, **values: Any) -> "Form":
        """A form that starts with values: those of a record that is edited, or what the page proposes."""
        return cls({name: _written(value) for name, value in values.items()})

    @classmethod
    def sent(cls, data: FormData) -> "Form":
        """The form as the browser sent it."""
        fields: dict[str, list[str]] = {}
        files: dict[str, UploadFile] = {}
        for name, value in data.multi_items():
            if isinstance(value, UploadFile):
                files[name] = value
            else:
                fields.setdefault(name, []).append(value)
        return cls(fields, files)

    # -- as it was typed ---------------------------------------------------------------------------------------

    def value(self, name: str, default: str = "") -> str:
        """What stands in a field, for showing it again."""
        return next(iter(self._fields.get(name, ())), default)

    def many(self, name: str) -> list[str]:
        """All values that were chosen under one name."""
        return [value for value in self._fields.get(name, ()) if value]

    def but(self, **changes: Sequence[str]) -> "Form":
        """The same form without its mistakes, some fields otherwise: so a form grows by a row and loses nothing."""
        return Form({**self._fields, **changes}, self.files)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def names(self) -> Iterable[str]:
        return self._fields.keys()

    # -- as what it means --------------------------------------------------------------------------------------

    def text(self, name: str, what: str, *, required: bool = False, longest: int = LONGEST) -> str:
        """A line or, with a greater ``longest``, a text; without white space around it."""
        given = self.value(name).strip()
        if required and not given:
            self.fault(name, f"Enter {what}")
        if len(given) > longest:
            self.fault(name, f"{_sentence(what)} must be {longest} characters or fewer")
        if "\0" in given:
            self.fault(name, f"{_sentence(what)} holds a character that cannot be kept")
        return given

    def day(self, name: str, what: str, *, required: bool = False) -> date | None:
        """A day; a browser sends it as YYYY-MM-DD whatever it shows."""
        given = self.text(name, what, required=required)
        if not given:
            return None
        try:
            return date.fromisoformat(given)
        except ValueError:
            self.fault(name, f"{_sentence(what)} must be a real day, like 2026-12-01")
            return None

    def clock(self, name: str, what: str, *, required: bool = False) -> time | None:
        """A time of the day: 9, 9:30, 0930, 14.15."""
        given = self.text(name, what, required=required)
        found = _SPOKEN_CLOCK.fullmatch(given.removesuffix(":00") if given.count(":") == 2 else given)
        if found is not None and int(found[1]) < 24 and int(found[2] or 0) < 60:
            return time(int(found[1]), int(found[2] or 0))
        if given:
            self.fault(name, f"{_sentence(what)} must be a time, like 10:30")
        return None

    def whole(self, name: str, what: str, least: int, most: int, *, required: bool = False) -> int | None:
        """A whole number from ``least`` to ``most``."""
        given = self.text(name, what, required=required)
        if not given:
            return None
        if not given.isascii() or not given.isdigit() or not least <= int(given[:9]) <= most:
            self.fault(name, f"{_sentence(what)} must be a number from {least} to {most}")
            return None
        return int(given)

    def number(self, name: str, what: str, *, required: bool = False) -> float | None:
        """A number that may have a fraction, with a point or a comma."""
        given = self.text(name, what, required=required)
        if not given:
            return None
        try:
            return float(given.replace(",", "."))
        except ValueError:
            self.fault(name, f"{_sentence(what)} must be a number")
            return None

    def choice(self, name: str, what: str, kind: type[E], *, required: bool = True) -> E | None:
        """One of an enumeration's values."""
        return self._chosen(name, what, kind, required=required)

    def one_of(self, name: str, what: str, allowed: Iterable[str], *, required: bool = True) -> str:
        """One of some values that stand on the page."""
        given = self.value(name)
        if (required and not given) or (given and given not in set(allowed)):
            self.fault(name, f"Choose {what}")
            return ""
        return given

    def record(self, name: str, what: str, *, required: bool = True) -> UUID | None:
        """The id of a record; whether the user may touch it is asked by whoever looks it up."""
        return self._chosen(name, what, UUID, required=required)

    def _chosen(self, name: str, what: str, read: Callable[[str], T], *, required: bool) -> T | None:
        given = self.value(name)
        if not given:
            if required:
                self.fault(name, f"Choose {what}")
            return None
        try:
            return read(given)
        except ValueError:
            self.fault(name, f"Choose {what} from the list")
            return None

    def flag(self, name: str) -> bool:
        """Whether a box was ticked."""
        return bool(self.value(name))

    # -- mistakes ----------------------------------------------------------------------------------------------

    @property
    def ok(self) -> bool:
        return not self.errors

    def fault(self, name: str, message: str) -> None:
        """Keep a mistake beside its field; the first one of a field stays."""
        self.errors.setdefault(name, message)

    def error(self, name: str) -> str:
        return self.errors.get(name, "")

    @contextmanager
    def trying(self, session: Session, field: str = WHOLE) -> Iterator[None]:
        """Do something that may be refused: what it wrote is taken back, and the reason stands on the form.

        Nothing is tried while the form itself has mistakes; the block must then not be entered, so ask ``ok`` first.
        What the user may not do at all, or a database that is gone, is no mistake of the form and goes on up.
        """
        try:
            with session.begin_nested():
                yield
                session.flush()
        except (ForbiddenError, UnavailableError):
            raise
        except SurveillanceError as error:
            self.fault(field, _sentence(render.dated(str(error))))


def _written(value: Any) -> list[str]:
    """A value as a form field holds it."""
    if value is None or value is False:
        return []
    if value is True:
        return ["yes"]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [part for each in value for part in _written(each)]
    if isinstance(value, time):
        return [value.strftime("%H:%M")]
    return [str(value)]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
