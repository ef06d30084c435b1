"""What somebody typed on a telephone, as words that can be compared.

Gone are case, width (NFKC), accents, Arabic vowel signs and letter forms, marks of direction, invisible letters, the
look of emoji and all punctuation. Chinese has no spaces, so each of its characters is a word.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from surveillance.core.folding import without_marks

_APOSTROPHES = "'’‘`´ʼ＇"
_SAME = str.maketrans(
    {
        **dict.fromkeys(_APOSTROPHES, ""),
        "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ؤ": "و", "ئ": "ي", "ء": "",
        "ـ": "", "œ": "oe", "æ": "ae", "ı": "i",
    }
)  # fmt: skip
_BARE = str.maketrans({"đ": "d", "ø": "o", "ł": "l"})  # letters that no accent comes off
_INVISIBLE = ("Cf", "Me", "Cs")
_VARIATION = range(0xFE00, 0xFE10)
_SKIN = range(0x1F3FB, 0x1F400)
_MANY = re.compile(r"([^\W\d_])\1{2,}")


@dataclass(frozen=True, slots=True)
class Word:
    """One word with its accents and without them; two spellings of each where a letter was held down ("stoppp")."""

    marked: tuple[str, ...]
    bare: tuple[str, ...]

    @property
    def has_marks(self) -> bool:
        return self.marked != self.bare


def words(text: str) -> tuple[Word, ...]:
    """The words, numbers and emoji of a text."""
    return tuple(_word(piece) for piece in _pieces(_folded(text)))


def _folded(text: str) -> str:
    """Small letters in one width, with accents. Written and invisible ways to differ are gone."""
    shown = "".join(letter for letter in text if not _is_unseen(letter))
    small = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", shown).casefold())
    return small.translate(_SAME)


def _is_unseen(letter: str) -> bool:
    code = ord(letter)
    return code in _VARIATION or code in _SKIN or unicodedata.category(letter) in _INVISIBLE


def _pieces(text: str) -> Iterator[str]:
    piece = ""
    for letter in text:
        kind = unicodedata.category(letter)
        alone = kind == "So" or _is_han(letter)
        if not alone and (kind[0] in "LN" or (piece and kind[0] == "M")):
            piece += _digit(letter)
            continue
        if piece:
            yield piece
        piece = ""
        if alone:
            yield letter
    if piece:
        yield piece


def _digit(letter: str) -> str:
    value = unicodedata.decimal(letter, None)
    return letter if value is None else str(value)


def _is_han(letter: str) -> bool:
    return "\u3400" <= letter <= "\u9fff" or "\uf900" <= letter <= "\ufaff" or "\U00020000" <= letter <= "\U0003ffff"


def _word(piece: str) -> Word:
    marked = _spellings(piece)
    return Word(marked, tuple(_without_marks(spelling) for spelling in marked))


def _spellings(piece: str) -> tuple[str, ...]:
    """``stoppp`` is stop or stopp; one letter alone ("ccc") is no word with a letter held down."""
    if len(set(piece)) == 1 or not _MANY.search(piece):
        return (piece,)
    return _MANY.sub(r"\1", piece), _MANY.sub(r"\1\1", piece)


def _without_marks(word: str) -> str:
    return without_marks(word, lambda letter: unicodedata.category(letter) == "Mn").translate(_BARE)


def one_slip_apart(one: str, other: str) -> bool:
    """Whether one letter left out, put in, taken for another or swapped with its neighbour makes the two the same."""
    shorter, longer = sorted((one, other), key=len)
    if one == other or len(longer) - len(shorter) > 1:
        return False
    same = next((at for at, pair in enumerate(zip(shorter, longer, strict=False)) if pair[0] != pair[1]), len(shorter))
    if len(shorter) < len(longer):
        return shorter[same:] == longer[same + 1 :]
    swapped = longer[same + 1 : same + 2] + longer[same : same + 1] + longer[same + 2 :]
    return shorter[same + 1 :] == longer[same + 1 :] or shorter[same:] == swapped
