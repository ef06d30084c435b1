"""Words that a text must not invite a patient to reply with: providers take them to stop or start all messages.

Source: Twilio's default keywords of a long code, and 47 CFR 64.1200(a)(10). The provider acts on them whatever the
text promised, so "Reply YES to confirm" confirms nothing and "Reply CANCEL" ends all messages.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from surveillance.core.replies.vocabulary import PROVIDER_KEYWORDS, Meaning

PROVIDERS = frozenset(
    {
        "stop", "unsubscribe", "end", "quit", "stopall", "revoke", "optout", "cancel",
        "start", "yes", "unstop", "help", "info",
    }
)  # fmt: skip
PLAIN = frozenset({"stop", "start", "help"})  # what a text may name, where it says what they do
_DOES = {
    Meaning.STOP: "stops all messages",
    Meaning.START: "starts all messages",
    Meaning.HELP: "is answered with a text about this service",
}
_TAKEN = PROVIDER_KEYWORDS | {
    **dict.fromkeys(("alto", "baja", "pare", "parar", "basta"), Meaning.STOP),
    "alta": Meaning.START,
    "ayuda": Meaning.HELP,
}
_WORD = re.compile(r"(?<![\w{])[^\W\d_]{2,}(?![\w}])")
_QUOTED = re.compile(r"""["'“”„«»‘’‚「『]\s*([^\W\d_]{2,})\s*["'“”„«»‘’」』]""")
# To write back, in the languages of the books, and what may stand before the word itself.
_ASKED = re.compile(
    r"(?:\b(?:reply|text|send|answer|respond|write|responda|responde|conteste|escriba|envíe|répondez|envoyez|écrivez"
    r"|antworten sie|schreiben sie|senden sie|antworte|envie|escreva|trả lời|nhắn|soạn)"
    r"|أرسلوا|أرسل|ردوا|回复|回覆|发送)"
    r"\s*:?\s*(?:with |back |con |par |avec |mit |com |the word |la palabra |le mot |das wort |a palavra |ب)?\s*"
    r"([^\W\d_]{2,})",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?。！？؟\n]+")
# What a stop word must not be told to do: something about the visit.
_VISIT = re.compile(
    r"\{(?:date|time|confirm|reschedule)\}|confirm|reschedul|rearrang|another day|reprogram|bestätig|verschieb"
    r"|remarc|desmarc|absag|تأكيد|确认|改期|xác nhận|đổi hẹn"
    r"|(?:cancel|anul|annul|cancelar|stornier)\w*\s+(?:\w+\s+){0,2}"
    r"(?:appointment|visit|cita|visita|rendez|consulta|termin)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Invitation:
    """A word that a text invites to reply with and must not; ``at`` is the place of its first letter, from 0."""

    word: str
    at: int
    why: str


def wrong_invitations(text: str) -> Iterator[Invitation]:
    """Each word, in capitals, in quotes or after "reply", that the network or this service takes otherwise.

    STOP, START and HELP, and the words of other languages that this service takes as they are meant, may be named
    in a sentence of their own that is not about a visit.
    """
    told: set[int] = set()
    for sentence in _SENTENCE.finditer(text):
        for word, at in _words(sentence.group()):
            why, place = _why(word, sentence.group()), sentence.start() + at
            if why and place not in told:
                told.add(place)
                yield Invitation(word, place, why)


def _words(sentence: str) -> Iterator[tuple[str, int]]:
    yield from ((found.group(), found.start()) for found in _WORD.finditer(sentence) if found.group().isupper())
    for pattern in (_QUOTED, _ASKED):
        yield from ((found.group(1), found.start(1)) for found in pattern.finditer(sentence))


def _why(word: str, sentence: str) -> str:
    plain = word.casefold()
    keyword = _TAKEN.get(plain)
    if plain in PROVIDERS - PLAIN:
        return f"the network takes it itself: it {_DOES[PROVIDER_KEYWORDS[plain]]}"
    if keyword in _DOES and _VISIT.search(sentence):
        return f"it {_DOES[keyword]} and does nothing about a visit; name it in a sentence of its own"
    return ""
