"""How a text message is encoded, and so what it costs: 3GPP TS 23.038 (GSM 7-bit default alphabet).

A message of GSM-7 letters has 160 characters, or 153 in each part of a longer one; one other letter makes the
whole message UCS-2 with 70 or 67. So Babel's narrow spaces and a text editor's curly quotes double the price.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from surveillance.core.languages import runs_right_to_left

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # sent as an escape and a letter: two characters
_STRAIGHT = str.maketrans(
    {
        "\u00a0": " ", "\u2007": " ", "\u2009": " ", "\u200a": " ", "\u202f": " ", "\u2002": " ", "\u2003": " ",
        "\u200b": "", "\u00ad": "", "\ufeff": "",
        "‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
        "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "…": "...",
    }
)  # fmt: skip
_MARKS = str.maketrans({"\u200e": "", "\u200f": ""})  # which way a line runs


@dataclass(frozen=True, slots=True)
class Encoding:
    """``characters`` as the network counts them: an extended GSM letter and an emoji are two."""

    name: str  # GSM-7 or UCS-2
    characters: int
    parts: int


def straight(text: str) -> str:
    """The text with plain spaces, straight quotes and hyphens in place of their typographic kin.

    Marks of direction stay where letters run from right to left: without them numbers are shown in reverse.
    """
    plain = text.translate(_STRAIGHT)
    return plain if runs_right_to_left(plain) else plain.translate(_MARKS)


def encoding(text: str) -> Encoding:
    """How ``text`` goes out as SMS."""
    if all(map(is_gsm, text)):
        costs = [2 if letter in _EXTENDED else 1 for letter in text]
        return Encoding("GSM-7", sum(costs), _parts(costs, single=160, each=153))
    costs = [2 if ord(letter) > 0xFFFF else 1 for letter in text]
    return Encoding("UCS-2", sum(costs), _parts(costs, single=70, each=67))


def parts_as_gsm(text: str) -> int:
    """How many parts the text would have if each of its letters were one of the GSM alphabet."""
    return _parts([2 if letter in _EXTENDED else 1 for letter in text], single=160, each=153)


def is_gsm(letter: str) -> bool:
    """Whether a letter may stand in a GSM-7 message; any other one makes the whole message UCS-2."""
    return letter in _BASIC or letter in _EXTENDED


def _parts(costs: Iterable[int], single: int, each: int) -> int:
    """A letter that counts two is never divided between parts, so some parts may end one short."""
    costs = list(costs)
    if sum(costs) <= single:
        return math.ceil(sum(costs) / single)
    parts, free = 1, each
    for cost in costs:
        if cost > free:
            parts, free = parts + 1, each
        free -= cost
    return parts
