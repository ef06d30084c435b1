"""A site's own wording of one text: why it is refused, what to mind, and what was approved (design section 4 rule 11).

Every place is counted in characters from 1, as an editor shows it.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date
from hashlib import sha256
from string import Formatter
from types import MappingProxyType
from typing import Any, Final

from surveillance.core.errors import InvalidInputError
from surveillance.core.texts.encoding import encoding, is_gsm, straight
from surveillance.core.texts.faults import allowed_in, needed_by
from surveillance.core.texts.invitations import wrong_invitations
from surveillance.core.texts.message_book import LIMIT, Details, MessageBook, Rendered, Template, render, telltale_at
from surveillance.core.words import Privacy, Step

PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {"sms": "the text message", "subject": "the subject of the email", "body": "the email"}
)
_STOP: Final = re.compile(r"\bSTOP\b")
# Each weekday of a long month at the end of which days have two digits, and months whose letters cost more.
_LONG_DAYS: Final = (*(date(2026, 9, day) for day in range(20, 27)), date(2026, 8, 26), date(2027, 3, 16))
_FAR: Final = ("Pacific/Auckland", "America/New_York")
_RULES: Final = frozenset({"forbidden"})  # of a book: what no patient reads


@dataclass(frozen=True, slots=True)
class Remark:
    """What is wrong, or to be minded, with ``part`` (``sms``, ``subject`` or ``body``); ``at``: where, if in one place.

    ``reason`` is a clause that goes on from the part: "the text message " + "says 'MRI' at character 12: …".
    """

    part: str
    reason: str
    at: int | None = None

    def __str__(self) -> str:
        return f"{PARTS[self.part]} {self.reason}"


def with_texts(book: MessageBook, own: Mapping[tuple[Step, Privacy], Template]) -> MessageBook:
    """The book with some of its texts replaced."""
    steps = {step: dict(levels) for step, levels in book.steps.items()}
    for (step, privacy), template in own.items():
        steps.setdefault(step, {})[privacy] = template
    return replace(book, steps=MappingProxyType({step: MappingProxyType(levels) for step, levels in steps.items()}))


def filled(book: MessageBook, step: Step, privacy: Privacy, template: Template, details: Details) -> Rendered:
    """One wording as it would go out. Raises InvalidInputError as ``message_book.render`` does."""
    return render(with_texts(book, {(step, privacy): template}), step, privacy, details, book.language)


# -- refused ---------------------------------------------------------------------------------------------------


def refusals(
    book: MessageBook, step: Step, privacy: Privacy, template: Template, details: Iterable[Details]
) -> list[Remark]:
    """Why a site must not use this wording; ``details`` are the site's own names with invented visits."""
    found = [
        remark
        for part, text in zip(PARTS, template.texts, strict=True)
        for remark in _of_part(book, step, privacy, part, text)
    ]
    return found or _once_filled(book, step, privacy, template, details)


def _of_part(book: MessageBook, step: Step, privacy: Privacy, part: str, text: str) -> Iterator[Remark]:
    if not text.strip():
        yield Remark(part, "is empty")
        return
    yield from _of_placeholders(step, privacy, part, text)
    if privacy is Privacy.NEUTRAL and (told := telltale_at(text, book.forbidden)):
        word, place = told
        yield _at(part, place, f"says {word!r}", "a neutral text must not tell what kind of care this is")
    for invited in wrong_invitations(text):
        yield _at(part, invited.at, f"invites to reply {invited.word!r}", invited.why)
    if part == "sms" and (length := encoding(straight(text)).characters) > LIMIT:
        yield Remark(part, f"has {length} characters before it is filled; {LIMIT} is the most")


def _at(part: str, place: int, what: str, why: str) -> Remark:
    return Remark(part, f"{what} at character {place + 1}: {why}", place + 1)


def _of_placeholders(step: Step, privacy: Privacy, part: str, text: str) -> Iterator[Remark]:
    if (brace := _unpaired(text)) is not None:
        yield _at(part, brace, f"has a single {text[brace]!r}", "braces hold a placeholder, such as {clinic}")
        return
    allowed = allowed_in(step, privacy)
    listed = ", ".join(f"{{{name}}}" for name in sorted(allowed))
    names = _names(text)
    for field in (found for found in names if found not in allowed):
        place = max(text.find(f"{{{field}"), 0)
        yield _at(part, place, f"holds {{{field}}}", f"nothing fills it in; known here are {listed}")
    # A number may be left out knowingly: see ``warnings``.
    for name in sorted(needed_by(step) - {"phone"} - set(names)) if part != "subject" else ():
        yield Remark(part, f"does not hold {{{name}}}: the reader needs it")


def _names(text: str) -> list[str]:
    """What stands between braces; a placeholder with anything behind its name counts as another name."""
    parsed = [(name, conversion, spec) for _, name, spec, conversion in Formatter().parse(text) if name is not None]
    return list(
        dict.fromkeys(
            name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            for name, conversion, spec in parsed
        )
    )


def _unpaired(text: str) -> int | None:
    """The place of the first brace that has no partner, or stands inside a pair; ``{{`` and ``}}`` are no braces."""
    open_at: int | None = None
    place = 0
    while place < len(text):
        letter = text[place]
        if open_at is None and text[place : place + 2] in ("{{", "}}"):
            place += 1
        elif letter == "{":
            if open_at is not None:
                return place
            open_at = place
        elif letter == "}":
            if open_at is None:
                return place
            open_at = None
        place += 1
    return open_at


def _once_filled(
    book: MessageBook, step: Step, privacy: Privacy, template: Template, details: Iterable[Details]
) -> list[Remark]:
    for each in details:
        try:
            filled(book, step, privacy, template, each)
        except InvalidInputError as error:
            return [Remark("sms", f"cannot go out as it would be filled here: {error}")]
    return []


def varied(details: Details) -> list[Details]:
    """The same names with visits whose dates are written long, for a patient at home and for one far away."""
    zones = dict.fromkeys((details.patient_zone, *_FAR))
    return [replace(details, day=day, patient_zone=zone) for zone in zones for day in _LONG_DAYS]


# -- to be minded ----------------------------------------------------------------------------------------------


def warnings(book: MessageBook, step: Step, privacy: Privacy, template: Template, details: Details) -> list[Remark]:
    """What makes this wording dear or leaves its reader without a way to answer. It must not be one that is refused."""
    found = [*_costly(book, step, privacy, template, details)]
    silent = [part for part in ("sms", "body") if "phone" not in _names(getattr(template, part))]
    found += [Remark(part, "gives no {phone}: its reader cannot call") for part in silent]
    if step is Step.ON_BOOKING and not _STOP.search(template.sms):
        found.append(Remark("sms", "does not say that STOP ends the messages; the first message of a visit should"))
    return found


def _costly(book: MessageBook, step: Step, privacy: Privacy, template: Template, details: Details) -> Iterator[Remark]:
    sent = filled(book, step, privacy, template, details).sms
    usual = book.steps[step][privacy]
    brought = encoding(filled(book, step, privacy, usual, details).sms)
    found = encoding(sent)
    if found.name == "UCS-2" and all(map(is_gsm, straight(usual.sms))):
        yield from _letters(template.sms, sent)
    more = f"{found.parts} parts and costs as much as {found.parts} messages"
    if found.parts > max(brought.parts, 1):
        yield Remark("sms", f"takes {more}; the text that the service brings takes {brought.parts}")
    elif found.parts > 1:
        yield Remark("sms", f"takes {more}, as the usual one")


def _letters(text: str, sent: str) -> Iterator[Remark]:
    """Each letter of the wording that is outside GSM-7 and stays so when it is sent; else what is filled in has it."""
    twice = "makes the message cost twice as much"
    own = [(place, letter) for place, letter in enumerate(text) if not all(map(is_gsm, straight(letter)))]
    for place, letter in own:
        instead = "".join(each for each in unicodedata.normalize("NFKD", letter) if is_gsm(each))
        mend = f"write {instead} or another word" if instead else "leave it out"
        yield Remark("sms", f"holds {letter!r} at character {place + 1}, which {twice}: {mend}", place + 1)
    if not own:
        foreign = ", ".join(repr(letter) for letter in dict.fromkeys(sent) if not is_gsm(letter))
        yield Remark("sms", f"is filled with {foreign}, which {twice}")


def straightened(text: str) -> list[Remark]:
    """Typographic letters that are sent as plain ones, so that they cost nothing: “ goes out as "; one remark."""
    changed = [(place, letter) for place, letter in enumerate(text) if straight(letter) != letter]
    listed = ", ".join(f"{letter} at character {place + 1}" for place, letter in changed if letter.isprintable())
    unseen = [place + 1 for place, letter in changed if not letter.isprintable()]
    parts = [listed] if listed else []
    parts += [f"an unusual space or mark at character {place}" for place in unseen]
    return (
        [Remark("sms", f"holds {', '.join(parts)}; plain letters are sent instead", changed[0][0] + 1)] if parts else []
    )


# -- what was approved -----------------------------------------------------------------------------------------


def digest(book: MessageBook) -> str:
    """The fingerprint of everything in a book that a patient reads; another one means: look again."""
    written = json.dumps(_canonical(book), ensure_ascii=False, sort_keys=True)
    return sha256(written.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if is_dataclass(value):
        return {each.name: _canonical(getattr(value, each.name)) for each in fields(value) if each.name not in _RULES}
    if isinstance(value, Mapping):
        return {str(key): _canonical(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(each) for each in value]
    return str(value)
