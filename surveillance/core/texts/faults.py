"""The rules that message texts must keep, checked when a book is loaded (design section 4 rule 11)."""

from collections.abc import Iterator, Set
from string import Formatter

from surveillance.core.messages.policy import PLANNED_STEPS
from surveillance.core.protocols.faults import Fault
from surveillance.core.replies.vocabulary import is_keyword
from surveillance.core.texts.encoding import encoding
from surveillance.core.texts.invitations import wrong_invitations
from surveillance.core.texts.message_book import LIMIT, MessageBook, Template, telltale
from surveillance.core.words import Privacy, Step

_ALWAYS = frozenset({"greeting", "clinic", "phone", "link"})
_VISIT = frozenset({"date", "time", "confirm", "reschedule"})
_USUAL_COUNTS = 201  # one hundred and more have a category of their own in Arabic
_DUE = (Step.OVERDUE, Step.BOOK_NOW)

# The answers to replies: what they need, and what they may hold beside it.
ANSWERS = {
    "stop_confirmation": ({"clinic"}, {"phone"}),
    "start_confirmation": ({"clinic"}, {"phone"}),
    "help": ({"clinic", "phone"}, set[str]()),
    "confirmed": ({"clinic", "date", "time"}, {"phone"}),
    "noted": ({"clinic", "date", "phone"}, {"time"}),
}


def faults(book: MessageBook) -> Iterator[Fault]:
    """Every rule that the texts break, with the path of keys in their file."""
    for name, placeholders in (("greeting", {"first_name"}), ("time_there", {"time"})):
        yield from _placeholder_faults((name,), getattr(book, name), placeholders, placeholders | {"clinic", "phone"})
    for name, (needed, allowed) in ANSWERS.items():
        yield from _answer_faults(book, name, needed, allowed)
    yield from _reply_faults(book)
    yield from _sheet_faults(book)
    yield from _calendar_faults(book)
    yield from _frame_faults(book)
    if Step.ANSWER in book.steps:
        yield Fault(("steps", Step.ANSWER.value), "answer has no text of its own: it says what somebody asked for")
    for step in PLANNED_STEPS:
        for privacy in Privacy:
            path = ("steps", step.value, privacy.value)
            template = book.steps.get(step, {}).get(privacy)
            if template is None:
                yield Fault(path, f"the texts of {step} at level {privacy} are missing")
            else:
                yield from _template_faults(book, step, privacy, template, path)


def _answer_faults(book: MessageBook, name: str, needed: Set[str], more: Set[str]) -> Iterator[Fault]:
    text = getattr(book, name)
    yield from _placeholder_faults((name,), text, needed, needed | more)
    if told := telltale(text, book.forbidden):
        yield Fault((name,), f"a neutral text must not say {told!r}")
    if encoding(text).characters > LIMIT:
        yield Fault((name,), f"longer than {LIMIT} characters even before it is filled")


def _sheet_faults(book: MessageBook) -> Iterator[Fault]:
    for name, text in book.sheet.texts().items():
        if not name.endswith("_full") and (told := telltale(text, book.forbidden)):
            yield Fault(("sheet", name), f"a neutral text must not say {told!r}")
    for category, text in book.sheet.counts.items():
        if told := telltale(text, book.forbidden):
            yield Fault(("sheet", "counts", category), f"a neutral text must not say {told!r}")
    plural = book.calendar.locale.plural_form
    for category in sorted({plural(number) for number in range(1, _USUAL_COUNTS)} - set(book.sheet.counts)):
        yield Fault(("sheet", "counts"), f"{category!r} is missing: the language counts with it")


def _frame_faults(book: MessageBook) -> Iterator[Fault]:
    """What stands around emails and letters, and on the patient's own page, is the same at both levels: neutral."""
    frames = (("email", book.email.texts()), ("letter", book.letter.texts()), ("page", book.page.texts()))
    for section, words in frames:
        for name, text in words.items():
            if told := telltale(text, book.forbidden):
                yield Fault((section, name), f"a neutral text must not say {told!r}")


def _calendar_faults(book: MessageBook) -> Iterator[Fault]:
    for name, text in book.calendar.texts().items():
        neutral = not name.endswith(("_full", "_staff"))
        if neutral and (told := telltale(text, book.forbidden)):
            yield Fault(("calendar", name), f"a neutral text must not say {told!r}")


def needed_by(step: Step) -> frozenset[str]:
    """The placeholders without which the reader of a text is left alone."""
    return frozenset({"clinic", "phone"} if step in _DUE else {"clinic", "phone", "date", "time"})


def allowed_in(step: Step, privacy: Privacy) -> frozenset[str]:
    """The placeholders that a text may hold."""
    allowed = _ALWAYS if step in _DUE else _ALWAYS | _VISIT
    if privacy is Privacy.FULL:
        allowed |= {"examinations"} if step in _DUE else {"examinations", "place"}
    return allowed


def _template_faults(
    book: MessageBook, step: Step, privacy: Privacy, template: Template, path: tuple[str, ...]
) -> Iterator[Fault]:
    needed, allowed = needed_by(step), allowed_in(step, privacy)
    for name, text in zip(("sms", "subject", "body"), template.texts, strict=True):
        here = (*path, name)
        yield from _placeholder_faults(here, text, needed if name != "subject" else frozenset(), allowed)
        if privacy is Privacy.NEUTRAL and (told := telltale(text, book.forbidden)):
            yield Fault(here, f"a neutral text must not say {told!r}")
        if name == "sms" and encoding(text).characters > LIMIT:
            yield Fault(here, f"longer than {LIMIT} characters even before it is filled")
        for invited in wrong_invitations(text):
            yield Fault(here, f"must not invite to reply {invited.word!r}: {invited.why}")


def _placeholder_faults(path: tuple[str, ...], text: str, needed: Set[str], allowed: Set[str]) -> Iterator[Fault]:
    try:
        parsed = [
            (name, spec or conversion) for _, name, spec, conversion in Formatter().parse(text) if name is not None
        ]
    except ValueError:
        yield Fault(path, "has an unpaired brace")
        return
    names = {name for name, extra in parsed if not extra}
    listed = ", ".join(f"{{{name}}}" for name in sorted(allowed))
    for name in sorted({name for name, extra in parsed if extra or name not in allowed}):
        yield Fault(path, f"{{{name}}} cannot be used here in this way; known are {listed}")
    for name in sorted(needed - names):
        yield Fault(path, f"{{{name}}} is missing: the reader needs it")


def _reply_faults(book: MessageBook) -> Iterator[Fault]:
    """CANCEL, END, YES, STOP and their like are taken by providers: such a reply would stop all messages."""
    words = [*book.confirm, *book.reschedule]
    for name, own in (("confirm", book.confirm), ("reschedule", book.reschedule)):
        for number, word in enumerate(own):
            if is_keyword(word):
                yield Fault(("replies", name, number), f"{word!r} already stops or starts all messages; choose another")
    if not book.confirm or not book.reschedule or len({word.casefold() for word in words}) < len(words):
        yield Fault(("replies",), "confirm and reschedule need at least one word each, and none may stand twice")
