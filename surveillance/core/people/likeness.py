"""How alike two names, or two birth dates, are: what makes one look twice before somebody is entered again."""

from datetime import date
from difflib import SequenceMatcher
from typing import Final

SAME: Final = 1.0
SIMILAR: Final = 0.6  # one of two names the same is enough where the birth date is: people marry


def of_names(one: str, other: str) -> float:
    """From 0 to 1, whatever the order of the words; names come without case and accents.

    Each word of the shorter name is compared with the word of the longer one that it resembles most, so that a
    second given name, or its lack, makes no difference.
    """
    fewer, more = sorted((one.split(), other.split()), key=len)
    if not fewer:
        return 0.0
    return sum(max(_of_words(word, candidate) for candidate in more) for word in fewer) / len(fewer)


def _of_words(one: str, other: str) -> float:
    return 1.0 if one == other else SequenceMatcher(None, one, other, autojunk=False).ratio()


def of_days(one: date, other: date) -> bool:
    """Whether one day may be the other mistyped: day and month swapped, or one of year, month and day wrong."""
    if one == other or (one.year, one.month, one.day) == (other.year, other.day, other.month):
        return True
    same = (one.year == other.year, one.month == other.month, one.day == other.day)
    return sum(same) == 2
