"""The rules that vocabularies of replies must keep, checked when they are loaded (design section 4 rule 10)."""

from collections.abc import Iterator, Mapping

from surveillance.core.errors import InvalidInputError
from surveillance.core.protocols.faults import Fault
from surveillance.core.replies.phrases import GAP, Form, forms
from surveillance.core.replies.vocabulary import PROVIDER_KEYWORDS, Part, Vocabulary

_ANSWERS = (Part.CONFIRM, Part.CONFIRM_WORD, Part.ANOTHER_DAY, Part.ANOTHER_DAY_WORD)
_TOLD = (Part.CONFIRM_WORD, Part.ANOTHER_DAY_WORD)
_Meanings = dict[tuple[object, ...], tuple[str, Part]]


def faults(vocabulary: Vocabulary) -> Iterator[tuple[str, Fault]]:
    """What is wrong within one vocabulary, with the phrase it is about."""
    meanings: _Meanings = {}
    for phrase, part in vocabulary.phrases:
        try:
            made = forms(phrase)
        except InvalidInputError as error:
            yield phrase, Fault((part.value,), str(error))
            continue
        if part is Part.CONFIRM and (GAP in phrase or "..." in phrase):
            yield phrase, Fault((part.value,), f"{phrase!r} must not skip words: one of them may be a 'not'")
        for form in made:
            first, earlier = meanings.setdefault(_key(form, accents=vocabulary.accents), (phrase, part))
            if earlier is not part:
                reason = f"{phrase!r} is also {first!r} under {earlier}; one phrase means one thing"
                yield phrase, Fault((part.value,), reason)
                break


def faults_between(vocabularies: Mapping[str, Vocabulary]) -> Iterator[tuple[str, str, Fault]]:
    """Answers that ask for no more messages in another language, with the language and the phrase."""
    stops = {
        _key(form, accents=False): tag
        for tag, vocabulary in vocabularies.items()
        for phrase, part in vocabulary.phrases
        if part is Part.STOP
        for form in forms(phrase)
    }
    stops |= {_key(form, accents=False): "every language" for word in _opt_outs() for form in forms(word)}
    for tag, vocabulary in vocabularies.items():
        for phrase, part in vocabulary.phrases:
            where = next((stops[key] for form in forms(phrase) if (key := _key(form, accents=False)) in stops), None)
            if part in _ANSWERS and where and not (vocabulary.accents and where == tag):
                source = f"replies in messages/{tag}.yaml: " if part in _TOLD else ""
                yield (
                    tag,
                    phrase,
                    Fault((part.value,), f"{source}{phrase!r} ends all messages in {where}; choose another"),
                )


def _opt_outs() -> list[str]:
    return [word for word, meaning in PROVIDER_KEYWORDS.items() if meaning == "STOP"]


def _key(form: Form, *, accents: bool) -> tuple[object, ...]:
    return tuple((step.word and (step.word.marked if accents else step.word.bare)[0], step.open) for step in form)
