"""Vocabularies of replies as files: what is refused, and on which line."""

from dataclasses import replace
from pathlib import Path

import pytest

from surveillance.catalogue.messages import load_messages
from surveillance.catalogue.replies import load_replies
from surveillance.core.errors import ConfigurationError, InvalidFileError
from surveillance.core.replies.vocabulary import Meaning, read
from surveillance.paths import config_folder

BOOKS = {tag: book for tag, book in load_messages(config_folder() / "messages").items() if tag in ("en", "es", "vi")}
SMALL = """language: {language}
stop:
  - {stop}
start: [{language} start]
help: [{language} help]
confirm:
  - {confirm}
another_day:
  - later (day|date)
thanks: [thanks]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for language, stop in (("en", "stop"), ("es", "baja"), ("vi", "dừng")):
        (tmp_path / f"{language}.yaml").write_text(
            SMALL.format(language=language, stop=stop, confirm="coming"), encoding="utf-8"
        )
    return tmp_path


def test_the_words_of_a_file_and_those_that_the_messages_tell_are_read(folder: Path) -> None:
    words = load_replies(folder, BOOKS)
    assert read("Coming, thanks", None, words, "es").meaning is Meaning.CONFIRM
    assert read("a later date?", None, words, "en").meaning is Meaning.ANOTHER_DAY
    assert read("R", None, words, "es").meaning is Meaning.ANOTHER_DAY


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "reason"),
    [
        ("en", "  - coming", "  - BAJA", 7, "'BAJA' ends all messages in es"),
        ("en", "  - coming", "  - Cancel", 7, "'Cancel' ends all messages in every language"),
        ("es", "  - later (day|date)", "  - (stop|later)", 9, "'(stop|later)' ends all messages in every language"),
        ("en", "  - coming", "  - dung", 7, "'dung' ends all messages in vi"),
        ("en", "  - coming", "  - Thanks", 10, "'thanks' is also 'Thanks' under confirm; one phrase means one thing"),
        ("en", "  - coming", "  - will … come", 7, "must not skip words"),
        ("en", "  - coming", "  - (coming", 7, "has '(' without its partner"),
        ("en", "  - coming", '  - "[coming]"', 7, "must begin and end with a word"),
        ("en", "  - coming", "  - coming …", 7, "must begin and end with a word"),
        ("en", "  - coming", "  - c*", 7, "less than 2 letters before '*'"),
        ("en", "  - coming", f"  - {' '.join(['(a|b)'] * 10)}", 7, "stands for 1024 phrases"),
        ("en", "confirm:", "confrim:", 6, "did you mean confirm?"),
        ("en", "thanks: [thanks]", "thanks: []", 10, "at least 1 item"),
        ("en", "language: en", "language: es", 1, "must be 'en', as the file is named"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_line(
    folder: Path, file: str, old: str, new: str, line: int, reason: str
) -> None:
    path = folder / f"{file}.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InvalidFileError) as refused:
        load_replies(folder, BOOKS)
    assert any(
        problem.file == str(path) and problem.line == line and reason in problem.reason
        for problem in refused.value.problems
    ), str(refused.value)


def test_a_word_that_the_messages_tell_must_not_end_messages_in_another_language(folder: Path) -> None:
    books = BOOKS | {"en": replace(BOOKS["en"], confirm=("Baja",))}
    with pytest.raises(InvalidFileError, match=r"replies in messages/en.yaml: 'Baja' ends all messages in es"):
        load_replies(folder, books)


def test_a_language_needs_its_messages_and_its_replies(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"vi\.yaml has no messages/vi\.yaml; a language needs both files"):
        load_replies(folder, {tag: BOOKS[tag] for tag in ("en", "es")})
    (folder / "es.yaml").unlink()
    with pytest.raises(ConfigurationError, match=r"messages/es\.yaml has no .*es\.yaml; a language needs both files"):
        load_replies(folder, BOOKS)
    with pytest.raises(ConfigurationError, match="is not a directory"):
        load_replies(folder / "nowhere", BOOKS)
