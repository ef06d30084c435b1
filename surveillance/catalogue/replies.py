"""Vocabularies of replies from their files (config/replies/<language>.yaml), one for each language of messages."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from surveillance.catalogue import yaml_lines
from surveillance.core.errors import ConfigurationError, InvalidFileError, Problem
from surveillance.core.replies.faults import faults, faults_between
from surveillance.core.replies.vocabulary import Part, Vocabulary
from surveillance.core.texts.message_book import MessageBook

Phrase = Annotated[str, Field(min_length=1, max_length=500)]
Some = Annotated[list[Phrase], Field(min_length=1)]


class VocabularyDocument(BaseModel):
    """The form of the file; the lists are the parts of core.replies.vocabulary."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: Annotated[str, Field(pattern="^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$")]
    accents: bool = False
    stop: Some
    start: Some
    help: Some
    confirm: Some
    another_day: Some
    thanks: Some
    might_be_stop: list[Phrase] = []
    person: list[Phrase] = []
    filler: list[Phrase] = []


_FROM_FILE = (
    Part.STOP, Part.START, Part.HELP, Part.CONFIRM, Part.ANOTHER_DAY, Part.THANKS, Part.MIGHT_BE_STOP, Part.PERSON,
    Part.FILLER,
)  # fmt: skip


def load_replies(directory: Path, books: Mapping[str, MessageBook]) -> dict[str, Vocabulary]:
    """All ``*.yaml`` of a directory by language, with the reply words that the message texts name.

    Raises:
        ConfigurationError: there is no such directory, or a language has messages and no replies, or the other way.
        InvalidFileError: with the problems of all files, each on its line.
    """
    if not directory.is_dir():
        raise ConfigurationError(f"{directory} is not a directory; the words of replies are looked for there")
    paths = {path.stem: path for path in sorted(directory.glob("*.yaml"))}
    _require_pairs(directory, set(paths), set(books))
    documents = {tag: yaml_lines.read(path) for tag, path in paths.items()}
    read: dict[str, Vocabulary] = {}
    problems: list[Problem] = []
    for tag, document in documents.items():
        try:
            read[tag] = _vocabulary(document, books[tag])
        except InvalidFileError as error:
            problems += error.problems
    problems = problems or [
        _problem(documents[tag], phrase, fault.path, fault.reason) for tag, phrase, fault in faults_between(read)
    ]
    if problems:
        raise InvalidFileError(problems)
    return read


def _require_pairs(directory: Path, replies: set[str], messages: set[str]) -> None:
    for tag in sorted(messages - replies):
        raise ConfigurationError(f"messages/{tag}.yaml has no {directory / tag}.yaml; a language needs both files")
    for tag in sorted(replies - messages):
        raise ConfigurationError(f"{directory / tag}.yaml has no messages/{tag}.yaml; a language needs both files")


def _vocabulary(document: yaml_lines.Document, book: MessageBook) -> Vocabulary:
    """Raises InvalidFileError with one problem for each mistake, each on its line."""
    part = yaml_lines.validate(document, VocabularyDocument)
    if part.language != book.language:
        raise InvalidFileError([document.problem(["language"], f"must be {book.language!r}, as the file is named")])
    made = Vocabulary(part.language, tuple(_phrases(part, book)), part.accents)
    problems = [_problem(document, phrase, fault.path, fault.reason) for phrase, fault in faults(made)]
    if problems:
        raise InvalidFileError(sorted(problems, key=lambda problem: problem.line))
    return made


def _phrases(part: VocabularyDocument, book: MessageBook) -> Iterator[tuple[str, Part]]:
    yield from ((word, Part.CONFIRM_WORD) for word in book.confirm)
    yield from ((word, Part.ANOTHER_DAY_WORD) for word in book.reschedule)
    for name in _FROM_FILE:
        yield from ((phrase, name) for phrase in getattr(part, name.value))


def _problem(document: yaml_lines.Document, phrase: str, path: tuple[str | int, ...], reason: str) -> Problem:
    """On the line of the phrase where the file holds it."""
    listed = document.data.get(str(path[0]), [])
    return document.problem([*path, listed.index(phrase)] if phrase in listed else ["language"], reason)
