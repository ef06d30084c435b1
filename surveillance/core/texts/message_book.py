"""Message texts: strict templates by step, privacy level and language (design section 4 rule 11).

A template holds ``{placeholder}`` and nothing cleverer. The neutral level names no examination, no part of the
body and no kind of clinic, because a telephone lies open on tables.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time

from surveillance.core.calendars.feed_words import CalendarWords
from surveillance.core.dates import to_utc
from surveillance.core.errors import InvalidInputError
from surveillance.core.folding import bare
from surveillance.core.languages import candidates, is_known, locale_of, number_in
from surveillance.core.texts.encoding import Encoding, encoding, is_gsm, straight
from surveillance.core.texts.frames import EmailWords, LetterWords
from surveillance.core.texts.page_words import PageWords
from surveillance.core.texts.schedule_sheet import SheetWords
from surveillance.core.words import Privacy, Step

LIMIT = 320  # characters of one SMS
_DOUBLE_STOP = re.compile(r"(?<!\.)\.\.(?!\.)")  # a sentence that ends in "p.m."


@dataclass(frozen=True, slots=True)
class Template:
    """One step's texts at one privacy level: the SMS, and the email's subject and plain body."""

    sms: str
    subject: str
    body: str

    @property
    def texts(self) -> tuple[str, str, str]:
        return self.sms, self.subject, self.body


@dataclass(frozen=True, slots=True)
class MessageBook:
    """All texts in one language (config/messages/<language>.yaml).

    ``greeting`` is a sentence of its own, used where the site allows the first name. ``time_there`` replaces the
    bare time for a patient whose clock differs from the one at the place. ``confirm`` and ``reschedule`` are the
    words a reply may consist of, the first being the one that is told. ``forbidden`` are words that no neutral
    text may hold; ``*`` at the end forbids all words that begin so, at the start all that end so. ``sms_dates`` are
    Babel's forms of the date for an SMS: the first one that leaves it GSM-7 is used, else the first of all.
    ``confirmed`` and ``noted`` answer whoever confirmed a visit or needs another day.
    """

    language: str
    greeting: str
    time_there: str
    confirm: tuple[str, ...]
    reschedule: tuple[str, ...]
    stop_confirmation: str
    start_confirmation: str
    help: str
    confirmed: str
    noted: str
    forbidden: tuple[str, ...]
    sms_dates: tuple[str, ...]
    steps: Mapping[Step, Mapping[Privacy, Template]]
    calendar: CalendarWords
    sheet: SheetWords
    email: EmailWords
    letter: LetterWords
    page: PageWords


@dataclass(frozen=True, slots=True)
class Details:
    """What fills a template. ``day`` and ``at`` are local at the visit's place (``zone``); none for steps without
    a visit. ``first_name`` only where the site allows it. ``place`` and ``examinations`` are used at full level.
    """

    clinic: str
    phone: str
    patient_zone: str
    first_name: str | None = None
    day: date | None = None
    at: time | None = None
    zone: str = ""
    place: str = ""
    examinations: str = ""
    link: str = ""  # the address of the patient's own page


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as it goes out."""

    sms: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What an SMS looks like and costs; ``cost`` in the currency of the price of one part, None without one."""

    text: str
    encoding: Encoding
    cost: Decimal | None

    @property
    def outside(self) -> str:
        """The letters that make it UCS-2, each once."""
        return "".join(dict.fromkeys(letter for letter in self.text if not is_gsm(letter)))


@dataclass(frozen=True, slots=True)
class Choice:
    """The book to use, the locale for its dates, and whether the patient's own language was not to be had."""

    language: str
    locale: str
    fell_back: bool


def choose_language(wanted: str, available: Sequence[str], site_languages: Sequence[str]) -> Choice:
    """The patient's language in its region, else in its script, else as such, else the first of the site's
    that is available.

    ``available`` are the books that the site approved. A region without a book of its own still decides how
    dates and times are written.

    Raises:
        InvalidInputError: none of the site's languages is available either.
    """
    tag = wanted.replace("_", "-")
    for language in candidates(tag):
        if language in available:
            return Choice(language, tag if is_known(tag) else language, fell_back=False)
    for language in site_languages:
        if language in available:
            return Choice(language, language, fell_back=True)
    listed = ", ".join(site_languages) or "none named"
    raise InvalidInputError(f"no approved messages in {wanted!r} or in the site's languages ({listed}); approve one")


def render(book: MessageBook, step: Step, privacy: Privacy, details: Details, locale: str) -> Rendered:
    """The texts of one step, filled.

    Raises:
        InvalidInputError: a detail that the text needs is missing, the SMS is too long, or a neutral text would
            hold a forbidden word (such as a clinic's name that tells what it treats).
    """
    template = book.steps[step][privacy]
    values = _values(book, details, locale)
    subject, body = (_fill(text, values) for text in (template.subject, template.body))
    cheap = {"date": _sms_date(book, details.day, locale)} if details.day else {}
    sms = _fill(template.sms, {**values, **cheap})
    if privacy is Privacy.NEUTRAL:
        # Without the greeting: a patient's name is no hint, whatever it means in some language.
        bare = " ".join(_fill(text, {**values, "greeting": ""}) for text in template.texts)
        if told := telltale(bare, book.forbidden):
            raise InvalidInputError(f"a neutral message must not say {told!r}; mend the site's short name or the text")
    if (length := encoding(sms).characters) > LIMIT:
        raise InvalidInputError(f"the SMS has {length} characters, more than {LIMIT}; shorten the text or the names")
    return Rendered(sms, " ".join(subject.split()), body)


def fill_answer(book: MessageBook, text: str, details: Details, locale: str) -> str:
    """One of the book's answers as an SMS, such as ``book.confirmed``: a site may have another wording of it.

    Raises:
        InvalidInputError: a detail that the text needs is missing, or it becomes too long.
    """
    cheap = {"date": _sms_date(book, details.day, locale)} if details.day else {}
    sms = _fill(text, {**_values(book, details, locale), **cheap})
    if (length := encoding(sms).characters) > LIMIT:
        raise InvalidInputError(f"the SMS has {length} characters, more than {LIMIT}; shorten the text or the names")
    return sms


def preview(text: str, price: Decimal | None = None) -> Preview:
    """How ``text`` goes out, and what it costs at ``price`` for each part."""
    found = encoding(text)
    return Preview(text, found, None if price is None else price * found.parts)


def telltale(text: str, forbidden: tuple[str, ...]) -> str | None:
    """The first word of ``text`` that a neutral message may not hold, whatever its case and accents."""
    found = re.search(_pattern(forbidden), bare(text))
    return found.group() if found else None


def telltale_at(text: str, forbidden: tuple[str, ...]) -> tuple[str, int] | None:
    """As ``telltale``, as it is written in ``text``, with the place of its first letter from 0."""
    places = [place for place, letter in enumerate(text) for _ in bare(letter)]
    found = re.search(_pattern(forbidden), "".join(map(bare, text)))
    if found is None:
        return None
    start = places[found.start()]
    return text[start : places[found.end() - 1] + 1], start


@lru_cache
def _pattern(forbidden: tuple[str, ...]) -> re.Pattern[str]:
    parts = (
        ("" if word.startswith("*") else r"\b", re.escape(bare(word.strip("*"))), "" if word.endswith("*") else r"\b")
        for word in forbidden
    )
    return re.compile("|".join(map("".join, parts)))


def _fill(text: str, values: Mapping[str, str]) -> str:
    numbers = {"phone": number_in(text, values["phone"])} if "phone" in values else {}
    try:
        filled = straight(text.format_map({**values, **numbers})).strip()
    except KeyError as error:
        raise InvalidInputError(f"the text needs {{{error.args[0]}}}, which is not known for this message") from error
    return _DOUBLE_STOP.sub(".", filled)


def _values(book: MessageBook, details: Details, locale: str) -> dict[str, str]:
    """The placeholders that have something to say; an empty detail counts as missing."""
    values = {
        "clinic": details.clinic,
        "phone": details.phone,
        "place": details.place,
        "examinations": details.examinations,
        "link": details.link,
        "confirm": book.confirm[0],
        "reschedule": book.reschedule[0],
    }
    if details.day is not None and details.at is not None:
        shown = format_time(details.at, book.calendar.time_format, locale=locale_of(locale))
        values["date"] = format_date(details.day, book.calendar.date_format, locale=locale_of(locale))
        values["time"] = shown if _same_clock(details) else book.time_there.format(time=shown)
    filled = {name: value for name, value in values.items() if value}
    first_name = details.first_name
    return {**filled, "greeting": book.greeting.format(first_name=first_name) if first_name else ""}


def _sms_date(book: MessageBook, day: date, locale: str) -> str:
    """The date in the first form that is GSM-7: ``sábado`` or ``août`` alone would double the price of a message."""
    forms = [straight(format_date(day, form, locale=locale_of(locale))) for form in book.sms_dates]
    return next((form for form in forms if encoding(form).name == "GSM-7"), forms[0])


def _same_clock(details: Details) -> bool:
    """Whether the patient's clock and the one at the place agree when the visit begins."""
    if details.day is None or details.at is None:
        return True
    moment: datetime = to_utc(details.day, details.at, details.zone)
    here, there = (moment.astimezone(ZoneInfo(zone)) for zone in (details.patient_zone, details.zone))
    return here.utcoffset() == there.utcoffset()
