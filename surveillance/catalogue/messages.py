"""Message books from their files (config/messages/<language>.yaml), one for each language."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from surveillance.catalogue import yaml_lines
from surveillance.core.calendars.feed_words import CalendarWords
from surveillance.core.errors import ConfigurationError, InvalidFileError, Problem
from surveillance.core.texts.faults import faults
from surveillance.core.texts.frames import EmailWords, LetterWords
from surveillance.core.texts.message_book import MessageBook, Template
from surveillance.core.texts.page_words import PageWords
from surveillance.core.texts.schedule_sheet import SheetWords
from surveillance.core.words import Privacy, Step

Text = Annotated[str, Field(min_length=1, max_length=4000)]
Plural = Literal["zero", "one", "two", "few", "many", "other"]  # Unicode CLDR
Word = Annotated[str, Field(min_length=1, max_length=40)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TemplatePart(_Part):
    sms: Text
    subject: Text
    body: Text


class RepliesPart(_Part):
    confirm: list[Word]
    reschedule: list[Word]


class CalendarPart(_Part):
    """The fields of core.calendars.feed_words.CalendarWords, which also checks their placeholders."""

    name: Text
    name_full: Text
    name_staff: Text
    title: Text
    title_full: Text
    title_staff: Text
    title_staff_full: Text
    title_proposed: Text
    title_cancelled: Text
    title_noshow: Text
    note_proposed: Text
    note_cancelled: Text
    note_noshow: Text
    when: Text
    when_day: Text
    where: Text
    call: Text
    link: Text
    link_staff: Text
    date_format: Text = "full"
    time_format: Text = "short"


class SheetPart(_Part):
    """The fields of core.texts.schedule_sheet.SheetWords, which also checks their placeholders."""

    title: Text
    title_full: Text
    made: Text
    booked: Text
    when: Text
    booked_none: Text
    planned: Text
    planned_note: Text
    planned_none: Text
    counts: dict[Plural, Text]
    call: Text
    calendar: Text
    calendar_note: Text


class EmailPart(_Part):
    """The fields of core.texts.frames.EmailWords, which also checks their placeholders."""

    page: Text
    page_visit: Text
    why: Text


class LetterPart(_Part):
    """The fields of core.texts.frames.LetterWords, which also checks their placeholders."""

    dear: Text
    about: Text
    why: Text
    regards: Text


class BookDocument(_Part):
    """The form of the file; a missing step or level is told by the book's own rules."""

    language: Annotated[str, Field(pattern="^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$")]
    greeting: Text
    time_there: Text
    replies: RepliesPart
    stop_confirmation: Text
    start_confirmation: Text
    help: Text
    confirmed: Text
    noted: Text
    forbidden: Annotated[list[Word], Field(min_length=1)]
    sms_dates: list[Word] = []
    steps: dict[Step, dict[Privacy, TemplatePart]]
    calendar: CalendarPart
    sheet: SheetPart
    email: EmailPart
    letter: LetterPart
    page: dict[str, Text]  # the fields of core.texts.page_words.PageWords


def load_messages(directory: Path) -> dict[str, MessageBook]:
    """All ``*.yaml`` of a directory by language.

    Raises:
        ConfigurationError: there is no such directory, or no book in it.
        InvalidFileError: with the problems of all files, each on its line.
    """
    if not directory.is_dir():
        raise ConfigurationError(f"{directory} is not a directory; message texts are looked for there")
    books: dict[str, MessageBook] = {}
    problems: list[Problem] = []
    for path in sorted(directory.glob("*.yaml")):
        try:
            book = load_book(path)
        except InvalidFileError as error:
            problems += error.problems
        else:
            books[book.language] = book
    if problems:
        raise InvalidFileError(problems)
    if not books:
        raise ConfigurationError(f"{directory} holds no message texts; put en.yaml there")
    return books


def load_book(path: Path) -> MessageBook:
    """One file; its name is its language.

    Raises:
        InvalidFileError: with one problem for each mistake, each on its line.
    """
    document = yaml_lines.read(path)
    part = yaml_lines.validate(document, BookDocument)
    if part.language != path.stem:
        raise InvalidFileError([document.problem(["language"], f"must be {path.stem!r}, as the file is named")])
    frames = _email(document, part), _letter(document, part), _page(document, part)
    book = _book(part, _calendar(document, part), _sheet(document, part), *frames)
    problems = [document.problem(fault.path, fault.reason) for fault in faults(book)]
    if problems:
        raise InvalidFileError(sorted(problems, key=lambda problem: problem.line))
    return book


def _calendar(document: yaml_lines.Document, part: BookDocument) -> CalendarWords:
    try:
        return CalendarWords(language=part.language, **part.calendar.model_dump())
    except ConfigurationError as error:
        name = str(error).partition(" ")[0].removeprefix("calendar.")
        raise InvalidFileError([document.problem(["calendar", name], str(error))]) from error


def _sheet(document: yaml_lines.Document, part: BookDocument) -> SheetWords:
    try:
        return SheetWords(**part.sheet.model_dump())
    except ConfigurationError as error:
        name = str(error).partition(":")[0].removeprefix("sheet.")
        raise InvalidFileError([document.problem(["sheet", *name.split(".")], str(error))]) from error


def _email(document: yaml_lines.Document, part: BookDocument) -> EmailWords:
    try:
        return EmailWords(**part.email.model_dump())
    except ConfigurationError as error:
        raise InvalidFileError([document.problem(str(error).partition(":")[0].split("."), str(error))]) from error


def _letter(document: yaml_lines.Document, part: BookDocument) -> LetterWords:
    try:
        return LetterWords(**part.letter.model_dump())
    except ConfigurationError as error:
        raise InvalidFileError([document.problem(str(error).partition(":")[0].split("."), str(error))]) from error


def _page(document: yaml_lines.Document, part: BookDocument) -> PageWords:
    known = {field.name for field in fields(PageWords)}
    problems = [document.problem(["page", name], "is not a text of the page") for name in part.page.keys() - known]
    problems += [document.problem(["page"], f"{name!r} is missing") for name in known - part.page.keys()]
    if problems:
        raise InvalidFileError(sorted(problems, key=lambda problem: (problem.line, problem.reason)))
    try:
        return PageWords(**part.page)
    except ConfigurationError as error:
        raise InvalidFileError([document.problem(str(error).partition(":")[0].split("."), str(error))]) from error


def _book(
    part: BookDocument,
    calendar: CalendarWords,
    sheet: SheetWords,
    email: EmailWords,
    letter: LetterWords,
    page: PageWords,
) -> MessageBook:
    return MessageBook(
        language=part.language,
        greeting=part.greeting,
        time_there=part.time_there,
        confirm=tuple(part.replies.confirm),
        reschedule=tuple(part.replies.reschedule),
        stop_confirmation=part.stop_confirmation,
        start_confirmation=part.start_confirmation,
        help=part.help,
        confirmed=part.confirmed,
        noted=part.noted,
        forbidden=tuple(part.forbidden),
        sms_dates=tuple(part.sms_dates) or (calendar.date_format, "long"),
        steps=MappingProxyType({step: _level(levels) for step, levels in part.steps.items()}),
        calendar=calendar,
        sheet=sheet,
        email=email,
        letter=letter,
        page=page,
    )


def _level(levels: Mapping[Privacy, TemplatePart]) -> Mapping[Privacy, Template]:
    return MappingProxyType({level: Template(text.sms, text.subject, text.body) for level, text in levels.items()})
