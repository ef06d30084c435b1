"""Message texts as files: what is refused, on which line."""

import pytest

from surveillance.catalogue.messages import load_book, load_messages
from surveillance.core.errors import ConfigurationError, InvalidFileError
from surveillance.core.words import Privacy, Step
from surveillance.paths import config_folder

FOLDER = config_folder() / "messages"
ENGLISH = (FOLDER / "en.yaml").read_text(encoding="utf-8")


def test_the_shipped_books_are_english_and_spanish_with_every_text():
    books = load_messages(FOLDER)
    assert sorted(books) == ["en", "es"]
    for book in books.values():
        assert {(step, level) for step in book.steps for level in book.steps[step]} == {
            (step, level) for step in Step for level in Privacy
        }
        assert book.calendar.language == book.language


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("language: en", "language: es", "must be 'en', as the file is named"),
        ("language: en", "language: english", "language"),
        (
            "it is time to arrange your next appointment.",
            "it is time to arrange your next scan.",
            "must not say 'scan'",
        ),
        ("your appointment is on {date}", "your appointment is on {day}", "{day} cannot be used here"),
        ("your appointment is on {date}", "your appointment is soon", "{date} is missing"),
        ("confirm: [C,", "confirm: [STOP,", "'STOP' already stops or starts"),
        ('title_proposed: "Proposed: {title}"', 'title_proposed: "Proposed"', "must have {title}"),
        ('made: "As of {date}"', 'made: "As of today"', "must have {date}"),
        ('title: "Your appointments"', 'title: "Your scans"', "must not say 'scan'"),
        ("stop_confirmation:", "stop_conformation:", "did you mean stop_confirmation?"),
        ('subject: "Your appointment on {date}"', "subject: 5", "must be text"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_line(tmp_path, old, new, reason):
    path = tmp_path / "en.yaml"
    path.write_text(ENGLISH.replace(old, new, 1), encoding="utf-8")
    line = ENGLISH[: ENGLISH.index(old)].count("\n") + 1
    with pytest.raises(InvalidFileError) as refused:
        load_book(path)
    assert [problem for problem in refused.value.problems if problem.line == line and reason in problem.reason]


def test_the_mistakes_of_all_files_are_told_at_once(tmp_path):
    for language in ("en", "es"):
        text = (FOLDER / f"{language}.yaml").read_text(encoding="utf-8")
        (tmp_path / f"{language}.yaml").write_text(text.replace("  7d:", "  9d:"), encoding="utf-8")
    with pytest.raises(InvalidFileError) as refused:
        load_messages(tmp_path)
    assert {problem.file.rpartition("/")[2] for problem in refused.value.problems} == {"en.yaml", "es.yaml"}


def test_a_folder_without_texts_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="no message texts"):
        load_messages(tmp_path)
    with pytest.raises(ConfigurationError, match="not a directory"):
        load_messages(tmp_path / "nowhere")
