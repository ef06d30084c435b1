"""Language tags (BCP 47): what a tag falls back to, and which way its letters run."""

import unicodedata
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global

LEFT_TO_RIGHT_MARK = "\u200e"
_RIGHT_TO_LEFT = frozenset({"R", "AL"})


def locale_of(tag: str) -> Locale:
    """Raises ValueError or UnknownLocaleError where Babel knows no such language or region."""
    return Locale.parse(tag.replace("_", "-"), sep="-")


def is_known(tag: str) -> bool:
    """Whether dates and times can be written as this tag wants them."""
    try:
        locale_of(tag)
    except (ValueError, UnknownLocaleError):
        return False
    return True


def candidates(wanted: str) -> tuple[str, ...]:
    """The tags that speak this language, the nearest first: region, script, base.

    ``zh-CN`` is read by those who read ``zh-Hans``, ``zh-TW`` is not: a base that is written in another script is
    no candidate.
    """
    tag = wanted.replace("_", "-")
    base = tag.partition("-")[0]
    script = _script(tag)
    written = (f"{base}-{script}",) if script else ()
    same = (base,) if _script(base) == script else ()
    return tuple(dict.fromkeys((tag, *written, *same)))


def direction(tag: str) -> str:
    """``rtl`` or ``ltr``, as the ``dir`` of a page has it."""
    return locale_of(tag).text_direction if is_known(tag) else "ltr"


def english_name(tag: str) -> str:
    """``Spanish``: a language as English names it; what is none stays as it is written."""
    return (locale_of(tag).get_display_name("en") or tag) if is_known(tag) else tag


def runs_right_to_left(text: str) -> bool:
    """Whether the text holds a letter of a script that runs from right to left."""
    return any(letter.isalpha() and unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in text)


def number_in(text: str, number: str) -> str:
    """A phone number, or an address that begins with one, as it goes into ``text``: after Arabic letters its groups
    would be shown in reverse order."""
    return LEFT_TO_RIGHT_MARK + number if number and runs_right_to_left(text) else number


@lru_cache
def _script(tag: str) -> str:
    """The script that the tag names, else the likely one of its language there; empty if nobody knows."""
    base, *parts = tag.split("-")
    for part in parts:
        if len(part) == 4 and part.isalpha():
            return part.title()
    likely = get_global("likely_subtags")
    found = next((likely[key] for key in ("_".join((base, *parts)), base) if key in likely), "")
    return next((part for part in found.split("_") if len(part) == 4), "")
