"""Texts as they are compared: without case and accents, so that "Núñez" is found by "nunez".

A patient's name is stored folded as well, so a folding that changes needs a migration.
"""

import unicodedata
from collections.abc import Callable


def folded(*texts: str) -> str:
    """Names as they are searched and compared: words without case and accents, one space between them."""
    return " ".join(bare(" ".join(texts)).split())


def bare(text: str) -> str:
    """Without case and accents, letter by letter: white space stays as it was."""
    apart = unicodedata.normalize("NFKD", text).casefold()
    return without_marks(apart, lambda letter: unicodedata.combining(letter) != 0)


def without_marks(text: str, is_mark: Callable[[str], bool]) -> str:
    """Taken apart (Unicode's NFKD), and without the marks that stood on letters."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not is_mark(letter))
