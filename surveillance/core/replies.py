"""What a reply says about being sent messages at all (design section 4 rule 10).

Single words follow Twilio's default keywords and the words that revoke consent by 47 CFR 64.1200(a)(10), with
the Spanish words in use. Everything else that holds such a word or phrase *might* be an opt-out: "don't stop"
and "STOP 12345" look alike to a machine, so the number is paused until a person decides.
"""

import re
import unicodedata
from enum import Enum


class Keyword(Enum):
    """A reply about messages themselves; ANOTHER_DAY is a person's to answer, NONE is everything else."""

    STOP = "STOP"
    START = "START"
    HELP = "HELP"
    ANOTHER_DAY = "ANOTHER DAY"
    NONE = None


_KEYWORDS = {
    Keyword.STOP: (
        "stop", "stopall", "stop all", "unsubscribe", "end", "quit", "revoke", "optout", "opt out", "cancel",
        "alto", "baja", "pare", "parar", "basta",
    ),
    Keyword.START: ("start", "yes", "unstop", "optin", "opt in", "alta"),
    Keyword.HELP: ("help", "info", "ayuda"),
}  # fmt: skip
_MEANINGS = {word: keyword for keyword, words in _KEYWORDS.items() for word in words}

# Written as ``_plain`` leaves text: small letters, no accents, no punctuation. A word stands at a word's start.
_PHRASES = (
    r"stop(?:s|ped|ping|all)?\b", r"unsubscri", r"end\b", r"quit\b", r"revo[ck]", r"opt(?:ed|ing)? ?out",
    r"cancel", r"leave me alone", r"no more\b", r"remove me", r"remove my", r"take me off", r"delete my",
    r"(?:do not|don ?t|dont|never|quit|no) (?:\w+ ){0,2}(?:text|messag|contact|sms|send|write)",
    r"(?:not|don ?t|dont) (?:want|wish|like)\b", r"wrong (?:number|person)", r"who (?:is|are) (?:this|you)",
    r"alto\b", r"bajas?\b", r"pare[ns]?\b", r"parar", r"basta\b", r"anul[ae]", r"deje", r"dejar? de",
    r"no (?:me|nos) (?:\w+ )?(?:escrib|mand|envi|llam|contact|molest)", r"ya no (?:me|nos|quiero|deseo)",
    r"no (?:quiero|deseo)", r"no (?:mas|mandar|enviar|escribir|envie|mande|escriba)", r"borre", r"elimin",
    r"numero equivocado", r"equivocad", r"se equivoc",
)  # fmt: skip
_MIGHT_BE = re.compile(rf"\b(?:{'|'.join(_PHRASES)})")


def classify_keyword(body: str, opt_out_type: str | None) -> Keyword:
    """The keyword that the whole reply is, whatever its case, accents, punctuation and white space.

    ``opt_out_type`` is Twilio's ``OptOutType``: present with Advanced Opt-Out, when Twilio has already answered;
    it then decides alone.
    """
    if opt_out_type:
        return _MEANINGS.get(opt_out_type.strip().lower(), Keyword.NONE)
    return _MEANINGS.get(_plain(body), Keyword.NONE)


def might_be_opt_out(body: str) -> bool:
    """Whether free text in English or Spanish holds a word or phrase with which people ask for no more messages.

    Meant to catch too much: what it catches costs a person one look, what it misses goes on texting somebody.
    """
    return _MIGHT_BE.search(_plain(body)) is not None


def _plain(body: str) -> str:
    """Small letters and digits of any script without accents, with single spaces between words."""
    letters = unicodedata.normalize("NFKD", body).casefold()
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[\W_]+", " ", bare.replace("'", "").replace("’", "")).strip()


# A wish to come on another day, not the news of being late or ill. It sorts the reply into its list and does no more.
_ANOTHER_DAY = re.compile(
    r"\b(?:re ?schedul|postpon|re ?arrang|re ?book|(?:an)?other (?:day|date|time|appointment)"
    r"|different (?:day|date|time)"
    r"|(?:change|move|switch) (?:\w+ ){0,3}(?:day|date|time|appointment|visit|scan|mri)"
    r"|(?:can ?not|cant|can t|unable to|won ?t|not able to) (?:\w+ ){0,2}(?:come|make it|attend|make that|make the)"
    r"|(?:does not|doesn ?t|doesnt|won ?t) (?:work|suit)|(?:later|earlier|next) (?:date|week|month)"
    r"|reprogram|aplaz|pospon|cambi\w* (?:\w+ ){0,3}(?:dia|fecha|hora|cita)|otr[oa] (?:dia|fecha|hora|cita)"
    r"|no (?:puedo|podre|podemos) (?:\w+ )?(?:ir|venir|asistir|llegar|acudir))"
)


def asks_another_day(body: str) -> bool:
    """Whether free text in English or Spanish seems to ask for another day of the visit."""
    return _ANOTHER_DAY.search(_plain(body)) is not None
