"""What a reply to a message means (design section 4 rule 10).

The words are data, one vocabulary for each language. A reply means something only if every word of it is understood;
a wish for another day alone may stand in a longer text, since a person reads it anyway. What holds a word of opting
out and is not plainly an opt-out *might* be one: "don't stop" and "STOP 12345" look alike to a machine.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from surveillance.core.languages import candidates
from surveillance.core.replies.folding import Word, one_slip_apart, words
from surveillance.core.replies.phrases import Phrases


class Meaning(StrEnum):
    """What a reply asks for. UNCLEAR is a person's to answer, THANKS needs no answer."""

    CONFIRM = "CONFIRM"
    ANOTHER_DAY = "ANOTHER DAY"
    STOP = "STOP"
    START = "START"
    HELP = "HELP"
    MIGHT_BE_STOP = "MIGHT BE STOP"
    THANKS = "THANKS"
    UNCLEAR = "UNCLEAR"


class Part(StrEnum):
    """What a phrase of a vocabulary is. The last four say nothing by themselves or nothing alone."""

    STOP = "stop"
    START = "start"
    HELP = "help"
    CONFIRM = "confirm"
    ANOTHER_DAY = "another_day"
    THANKS = "thanks"
    MIGHT_BE_STOP = "might_be_stop"
    PERSON = "person"  # whatever else is said, a person reads it: news of a death, "not", "but"
    FILLER = "filler"  # "please", "doctor": changes no meaning
    CONFIRM_WORD = "confirm word"  # the word that was told, such as C; only as the whole reply
    ANOTHER_DAY_WORD = "another day word"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How people answer in one language: phrases (core.replies.phrases) by what they are.

    ``accents``: whether they tell words apart where they are typed, as in Vietnamese.
    """

    language: str
    phrases: tuple[tuple[str, Part], ...]
    accents: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply means, and by the vocabulary of which language (empty: none was needed).

    ``provider_keyword``: the provider has answered already. ``might_be_stop``: something in it may ask for no more
    messages, so the number waits for a person; not set where the meaning is STOP itself. ``assent``: a bare YES, which
    providers take for START and people say to anything.
    """

    meaning: Meaning
    language: str = ""
    provider_keyword: bool = False
    might_be_stop: bool = False
    assent: bool = False


# Twilio's defaults, whatever the files hold; "opt out" by 47 CFR 64.1200(a)(10), which names the others too.
PROVIDER_KEYWORDS = {
    **dict.fromkeys(("stop", "unsubscribe", "end", "quit", "stopall", "revoke", "optout", "cancel"), Meaning.STOP),
    **dict.fromkeys(("start", "yes", "unstop"), Meaning.START),
    **dict.fromkeys(("help", "info"), Meaning.HELP),
}
_ASSENT = "yes"
_BUILT_IN = Vocabulary(
    "",
    (*((word, Part(meaning.lower())) for word, meaning in PROVIDER_KEYWORDS.items()), ("opt out", Part.STOP)),
)
_POLITE = frozenset({Part.THANKS, Part.FILLER})
_WHOLE = (  # what the whole reply must be, together with polite words
    (frozenset({Part.STOP}), Meaning.STOP),
    (frozenset({Part.START}), Meaning.START),
    (frozenset({Part.HELP}), Meaning.HELP),
    (frozenset({Part.CONFIRM, Part.CONFIRM_WORD}), Meaning.CONFIRM),
    (frozenset({Part.ANOTHER_DAY, Part.ANOTHER_DAY_WORD}), Meaning.ANOTHER_DAY),
    (frozenset({Part.THANKS}), Meaning.THANKS),
)
_CONTRARY = frozenset(Part) - _POLITE - {Part.ANOTHER_DAY, Part.ANOTHER_DAY_WORD, Part.MIGHT_BE_STOP, Part.STOP}
_KEPT = (Meaning.CONFIRM, Meaning.ANOTHER_DAY, Meaning.START, Meaning.HELP)
_LONG = 9  # letters of a keyword that one slip leaves recognisable; cancel and cancer are one slip apart

_Found = Mapping[int, frozenset[str]]  # lengths in words and what they are, at one place of a text


@dataclass(frozen=True, slots=True)
class _Segment:
    """A stretch of a reply: what it may be (nothing if unknown) and in which language."""

    parts: frozenset[str]
    language: str = ""


def read(body: str, opt_out_type: str | None, vocabularies: Mapping[str, Vocabulary], prefer: str = "") -> Reading:
    """What a reply means.

    ``opt_out_type`` is Twilio's ``OptOutType``: present with Advanced Opt-Out, when Twilio has already answered; it
    then decides alone. ``prefer`` is the contact's language: it decides where languages disagree. Opt-outs are looked
    for in all of them.
    """
    answered = bool(opt_out_type and opt_out_type.strip())
    said = _bare(body)
    keyword = PROVIDER_KEYWORDS.get(_bare(opt_out_type or "")) or PROVIDER_KEYWORDS.get(said)
    if keyword is not None:
        return Reading(keyword, provider_keyword=True, assent=said == _ASSENT)
    text = words(body)
    known = {"": _BUILT_IN, **vocabularies}
    found = {tag: _everywhere(vocabulary, text) for tag, vocabulary in known.items()}
    meaning, language = _meaning(found, len(text), _own(prefer, vocabularies))
    stops = _holds_opt_out(found, text, known)
    if stops is not None and meaning not in (Meaning.STOP, *_KEPT):
        return Reading(Meaning.MIGHT_BE_STOP, stops, answered, might_be_stop=True)
    return Reading(meaning, language, answered, stops is not None and meaning is not Meaning.STOP)


def is_keyword(word: str) -> bool:
    """Whether a provider takes this reply for itself, so that no message may ask for it."""
    return read(word, None, {}).meaning is not Meaning.UNCLEAR


def _bare(body: str) -> str:
    """What Twilio reads: one word in its own letters; white space and punctuation around it are forgiven."""
    bare = body.strip()
    while bare and unicodedata.category(bare[0])[0] in "PZC":
        bare = bare[1:]
    while bare and unicodedata.category(bare[-1])[0] in "PZC":
        bare = bare[:-1]
    return bare.lower() if bare.isascii() else ""


def _own(prefer: str, vocabularies: Mapping[str, Vocabulary]) -> str:
    """The vocabulary of the preferred language; the built-in one if there is none."""
    return next((tag for tag in candidates(prefer) if tag in vocabularies), "") if prefer else ""


def _meaning(found: Mapping[str, Sequence[_Found]], length: int, own: str) -> tuple[Meaning, str]:
    """As the contact's own language has it, else as all languages together have it."""
    if own:
        segments = _segments({tag: found[tag] for tag in ("", own)}, length, own)
        alone = _whole(segments)
        if alone is not None:
            return alone, _language(segments, own)
    segments = _segments(found, length, own)
    return _whole(segments) or Meaning.UNCLEAR, _language(segments, own)


def _segments(found: Mapping[str, Sequence[_Found]], length: int, own: str) -> list[_Segment]:
    """The text from left to right, each time the longest phrase."""
    segments, position = [], 0
    while position < length:
        longest, tied = _longest(found, position)
        segments.append(_chosen(tied, own) if tied else _Segment(frozenset()))
        position += longest
    return segments


def _longest(found: Mapping[str, Sequence[_Found]], position: int) -> tuple[int, Mapping[str, frozenset[str]]]:
    """The words that the longest phrase here has, and what each language makes of it; one word if nobody knows it."""
    longest = max((max(places[position], default=0) for places in found.values()), default=0)
    tied = {tag: places[position][longest] for tag, places in found.items() if longest in places[position]}
    return longest or 1, tied


def _chosen(tied: Mapping[str, frozenset[str]], own: str) -> _Segment:
    """What languages make of the same phrase: the preferred one decides; among others a word with a meaning does.

    What is built in yields to every language: there "yes" also begins a sentence.
    """
    if own in tied:
        return _Segment(_surest(tied[own]), own)
    languages = {tag: parts for tag, parts in tied.items() if tag} or tied
    parts = frozenset(part for said in languages.values() for part in said)
    telling = _surest(parts - {Part.FILLER, Part.PERSON} or parts - {Part.FILLER} or parts)
    return _Segment(telling, next(tag for tag, said in languages.items() if said & telling))


def _surest(parts: frozenset[str]) -> frozenset[str]:
    """A word that is an opt-out also begins like one."""
    return parts - {Part.MIGHT_BE_STOP} if Part.STOP in parts else parts


def _whole(segments: Sequence[_Segment]) -> Meaning | None:
    """What the segments say together; None where that is not understood."""
    sure = {part for segment in segments if len(segment.parts) == 1 for part in segment.parts}
    unsure = {part for segment in segments if len(segment.parts) > 1 for part in segment.parts}
    unknown = any(not segment.parts for segment in segments)
    if not unknown and not unsure:
        telling = sure - {Part.FILLER}
        if telling - {Part.THANKS}:
            telling -= {Part.THANKS}
        for parts, meaning in _WHOLE:
            if telling and telling <= parts:
                return meaning
    if Part.ANOTHER_DAY in sure and not (sure | unsure) & _CONTRARY:
        return Meaning.ANOTHER_DAY
    return None


def _language(segments: Iterable[_Segment], own: str) -> str:
    """The language that said most of what was said; ``own`` where it said as much as any."""
    telling = [segment.language for segment in segments if segment.language and segment.parts - {Part.FILLER}]
    counted = sorted(set(telling), key=lambda tag: (-telling.count(tag), tag != own))
    return counted[0] if counted else ""


def _holds_opt_out(
    found: Mapping[str, Sequence[_Found]], text: Sequence[Word], vocabularies: Mapping[str, Vocabulary]
) -> str | None:
    """The language in which something in the text may be an opt-out; None where nothing may.

    Words of opting out count wherever they stand. What only might be one does not count within a longer phrase
    ("fin de semaine").
    """
    for tag, places in found.items():
        if any(Part.STOP in parts for lengths in places for parts in lengths.values()):
            return tag
    position = 0
    while position < len(text):
        length, tied = _longest(found, position)
        position += length
        for tag, parts in tied.items():
            if Part.MIGHT_BE_STOP in parts:
                return tag
    for tag, vocabulary in vocabularies.items():
        if any(one_slip_apart(word.bare[0], keyword) for word in text for keyword in _long_keywords(vocabulary)):
            return tag
    return None


@lru_cache(maxsize=256)
def _phrases(vocabulary: Vocabulary) -> Phrases:
    return Phrases(vocabulary.phrases, accents=vocabulary.accents)


def _everywhere(vocabulary: Vocabulary, text: Sequence[Word]) -> list[_Found]:
    phrases = _phrases(vocabulary)
    return [phrases.at(text, start) for start in range(len(text))]


@lru_cache(maxsize=256)
def _long_keywords(vocabulary: Vocabulary) -> tuple[str, ...]:
    """Its words of opting out that are long enough to be known with one slip."""
    folded = (words(phrase) for phrase, part in vocabulary.phrases if part is Part.STOP)
    return tuple(form[0].bare[0] for form in folded if len(form) == 1 and len(form[0].bare[0]) >= _LONG)
