"""What somebody types to find a patient: a name, an MRN, a birth date in any of its written forms, a phone number."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from surveillance.core.folding import folded

MONTHS = (
    ("jan", "january", "ene", "enero", "januar"), ("feb", "february", "febrero", "februar"),
    ("mar", "march", "marzo", "marz"), ("apr", "april", "abr", "abril"), ("may", "mayo", "mai"),
    ("jun", "june", "junio", "juni"), ("jul", "july", "julio", "juli"), ("aug", "august", "ago", "agosto"),
    ("sep", "sept", "september", "septiembre"), ("oct", "october", "octubre", "okt", "oktober"),
    ("nov", "november", "noviembre"), ("dec", "december", "dic", "diciembre", "dez", "dezember"),
)  # fmt: skip
_MONTH_OF = {word: number for number, words in enumerate(MONTHS, start=1) for word in words}
_NUMBERS = re.compile(r"(\d{1,4})[-./](\d{1,2})[-./](\d{1,4})\.?")
_EIGHT = re.compile(r"\d{8}")
_DAY = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\.?")
_YEAR = re.compile(r"\d{4}")
_PHONE = re.compile(r"\+?[\d\s()./-]{5,}")
OLDEST = 1890


@dataclass(frozen=True, slots=True)
class Wanted:
    """``words`` of a name or an MRN, all of which must be found; ``born``: one of these days, where one was given.

    ``whole`` is everything as it was typed, for an MRN with spaces; ``phone`` is the text where it may be a number.
    """

    whole: str
    words: tuple[str, ...]
    born: tuple[date, ...]
    phone: str


def read(text: str, *, month_first: bool = False) -> Wanted:
    """Read what was typed. Of 5/6/1998 both days are looked for, first that which the country writes so."""
    whole = " ".join(text.split())
    words: list[str] = []
    born: list[date] = []
    tokens = whole.replace(",", " ").split()
    while tokens:
        taken, days = _leading_day(tokens, month_first)
        if taken:
            born.extend(days)
        else:
            words.append(folded(tokens[0]))
        tokens = tokens[max(taken, 1) :]
    phone = whole if _PHONE.fullmatch(whole) and sum(letter.isdigit() for letter in whole) >= 5 else ""
    return Wanted(whole, tuple(word for word in words if word), tuple(dict.fromkeys(born)), phone)


def _leading_day(tokens: list[str], month_first: bool) -> tuple[int, list[date]]:
    """The day that the first words write, and how many words it took."""
    numbers = _NUMBERS.fullmatch(tokens[0])
    if numbers:
        days = list(_of_numbers(*numbers.groups(), month_first=month_first))
        return (1, days) if days else (0, [])
    if _EIGHT.fullmatch(tokens[0]):
        days = list(_real(int(tokens[0][:4]), int(tokens[0][4:6]), int(tokens[0][6:])))
        return (1, days) if days else (0, [])
    return _spelled(tokens)


def _of_numbers(first: str, second: str, third: str, *, month_first: bool) -> Iterator[date]:
    if len(first) == 4:
        yield from _real(int(first), int(second), int(third))
    elif len(third) == 4:
        pairs = [(int(second), int(first)), (int(first), int(second))]  # day first, month first
        for month, day in reversed(pairs) if month_first else pairs:
            yield from _real(int(third), month, day)


def _spelled(tokens: list[str]) -> tuple[int, list[date]]:
    """14 May 1998, May 14 1998; a number besides may be the day in either place."""
    given = [folded(token) for token in tokens[:3]]
    if len(given) < 3 or not _YEAR.fullmatch(given[2]):
        return 0, []
    for month, day in ((given[1], given[0]), (given[0], given[1])):
        number, match = _MONTH_OF.get(month.rstrip(".")), _DAY.fullmatch(day)
        if number is not None and match is not None:
            return 3, list(_real(int(given[2]), number, int(match[1])))
    return 0, []


def _real(year: int, month: int, day: int) -> Iterator[date]:
    try:
        if year >= OLDEST:
            yield date(year, month, day)
    except ValueError:
        return
