"""Phrases as people write them into a vocabulary, found in the words of a text.

A phrase is words and four signs: ``(a|b c)`` one of these, ``[a|b]`` one of these or nothing, ``word*`` with any
ending, ``…`` up to three words whatever they are. Each step of the search is bounded, so no text makes it slow.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product

from surveillance.core.errors import InvalidInputError
from surveillance.core.replies.folding import Word, words

GAP = "…"
_LONGEST_GAP = 3  # words
_MOST_FORMS = 500  # that one phrase may stand for
_STEM = 2  # letters before * by which endings are found
_SIGNS = re.compile(r"\(([^()\[\]]*)\)|\[([^()\[\]]*)\]|([^\s()\[\]|]+)|(\S)")


@dataclass(frozen=True, slots=True)
class Step:
    """One word of a phrase: as written, or the beginning of a word (``open``), or a gap (no word)."""

    word: Word | None
    open: bool = False


Form = tuple[Step, ...]


@dataclass(slots=True)
class _Node:
    exact: dict[str, "_Node"] = field(default_factory=dict)
    loose: dict[str, list["_Node"]] = field(default_factory=dict)  # by the word without its accents
    stems: dict[str, list[tuple[str, "_Node"]]] = field(default_factory=dict)
    gap: "_Node | None" = None
    tags: set[str] = field(default_factory=set)


class Phrases:
    """Tagged phrases, ready to be found. ``accents`` tell words apart where they are typed (Vietnamese)."""

    def __init__(self, tagged: Iterable[tuple[str, str]], *, accents: bool = False) -> None:
        self._accents = accents
        self._root = _Node()
        for phrase, tag in tagged:
            for form in forms(phrase):
                self._add(form, tag)

    def at(self, text: Sequence[Word], start: int) -> dict[int, frozenset[str]]:
        """How many words, from ``start`` on, are a phrase with which tags."""
        found: dict[int, frozenset[str]] = {}
        states = [(self._root, 0)]
        for position in range(start, len(text)):
            states = [state for node, skips in states for state in self._after(node, skips, text[position])]
            if not states:
                break
            if tags := frozenset(tag for node, _ in states for tag in node.tags):
                found[position - start + 1] = tags
        return found

    def _after(self, node: _Node, skips: int, word: Word) -> Iterator[tuple[_Node, int]]:
        """The states that ``word`` leads to. ``skips``: how many more words the gap before this node may take."""
        for following in self._next(node, word):
            yield following, 0
            if following.gap is not None:
                yield following.gap, _LONGEST_GAP
        if skips:
            yield node, skips - 1

    def _next(self, node: _Node, word: Word) -> Iterator[_Node]:
        """The nodes that ``word`` leads to."""
        spellings = word.marked if self._accents else word.bare
        for spelling in spellings:
            if spelling in node.exact:
                yield node.exact[spelling]
            yield from (child for stem, child in node.stems.get(spelling[:_STEM], ()) if spelling.startswith(stem))
        if self._accents and not word.has_marks:
            yield from (child for spelling in word.bare for child in node.loose.get(spelling, ()))

    def _add(self, form: Form, tag: str) -> None:
        node = self._root
        for step in form:
            node = self._child(node, step)
        node.tags.add(tag)

    def _child(self, node: _Node, step: Step) -> _Node:
        if step.word is None:
            node.gap = node.gap or _Node()
            return node.gap
        key = (step.word.marked if self._accents else step.word.bare)[0]
        if step.open:
            known = node.stems.setdefault(key[:_STEM], [])
            return next((child for stem, child in known if stem == key), None) or _grown(known, key)
        if key not in node.exact:
            node.exact[key] = child = _Node()
            if self._accents and step.word.has_marks:
                node.loose.setdefault(step.word.bare[0], []).append(child)
        return node.exact[key]


def _grown(known: list[tuple[str, _Node]], stem: str) -> _Node:
    child = _Node()
    known.append((stem, child))
    return child


@lru_cache(maxsize=4096)
def forms(phrase: str) -> tuple[Form, ...]:
    """Everything that a phrase stands for.

    Raises:
        InvalidInputError: a bracket has no partner, nothing is left of it, it begins or ends with a gap, a word before
            ``*`` is too short, or it stands for too many.
    """
    choices = [list(_choices(match, phrase)) for match in _SIGNS.finditer(phrase.replace("...", GAP))]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > _MOST_FORMS:
        raise InvalidInputError(f"{phrase!r} stands for {count} phrases, more than {_MOST_FORMS}; write it as several")
    return tuple(_checked(tuple(step for part in parts for step in part), phrase) for parts in product(*choices))


def _choices(match: re.Match[str], phrase: str) -> Iterator[Form]:
    one_of, perhaps, plain, stray = match.groups()
    if stray:
        raise InvalidInputError(f"{phrase!r} has {stray!r} without its partner")
    if perhaps is not None:
        yield ()
    for text in (plain,) if plain is not None else (one_of if perhaps is None else perhaps).split("|"):
        yield tuple(_steps(text, phrase))


def _steps(text: str, phrase: str) -> Iterator[Step]:
    for part in text.split():
        if part == GAP:
            yield Step(None)
            continue
        folded = words(part)
        for number, word in enumerate(folded, start=1):
            last = number == len(folded)
            if last and part.endswith("*") and len(word.bare[0]) < _STEM:
                raise InvalidInputError(f"{phrase!r} has less than {_STEM} letters before '*'")
            yield Step(word, open=last and part.endswith("*"))


def _checked(form: Form, phrase: str) -> Form:
    if not form or form[0].word is None or form[-1].word is None:
        raise InvalidInputError(f"{phrase!r} must begin and end with a word, whatever is left out")
    return form
