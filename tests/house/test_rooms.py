"""The rooms of the house: few modules in each, an order that the build holds, and a word of what each is for."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PACKAGE = TOP / "surveillance"
MOST = 15  # modules in a folder, as many as a person takes in at a look

ROOMS = sorted(
    {file.parent for file in PACKAGE.rglob("*.py") if "_data" not in file.parts},
    key=lambda folder: folder.as_posix(),
)
THEMES = [folder for folder in ROOMS if len(folder.relative_to(PACKAGE).parts) >= 2]


@pytest.mark.parametrize("folder", ROOMS, ids=lambda folder: folder.relative_to(TOP).as_posix())
def test_no_folder_holds_more_than_one_takes_in_at_a_look(folder: Path) -> None:
    assert len([file for file in folder.glob("*.py") if file.name != "__init__.py"]) <= MOST


@pytest.mark.parametrize("folder", THEMES, ids=lambda folder: folder.relative_to(TOP).as_posix())
def test_a_room_says_in_at_most_three_lines_what_it_is_for_and_nothing_else(folder: Path) -> None:
    if folder.name == "tables":
        return  # the tables are one vocabulary: their room is the list of them
    body = ast.parse((folder / "__init__.py").read_text(encoding="utf-8")).body
    (only,) = body
    assert isinstance(only, ast.Expr)
    assert isinstance(only.value, ast.Constant)
    assert 1 <= len(str(only.value.value).strip().splitlines()) <= 3


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    command = [sys.executable, "-c", code, "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env={"PYTHONPATH": str(folder)})


@pytest.mark.parametrize(
    ("file", "planted"),
    [
        ("operations/registry/consents.py", "from surveillance.operations.messages import scheduling"),
        ("operations/dispatch/sending.py", "from surveillance.operations.planning import replanning"),
        ("core/schedule/slots.py", "from surveillance.core.messages import caps"),
        ("store/registry/patients.py", "from surveillance.store.board import lists"),
        ("web/pages/visits/booking.py", "from surveillance.web.pages.record import patient"),
        ("cli/messages/messages.py", "from surveillance.cli.visits import visits"),
        ("operations/pantry/__init__.py", ""),
    ],
)
def test_the_build_refuses_an_import_against_the_order_and_a_room_without_a_place(
    tmp_path: Path, file: str, planted: str
) -> None:
    shutil.copytree(PACKAGE, tmp_path / "surveillance", ignore=shutil.ignore_patterns("static", "templates"))
    shutil.copy(TOP / "pyproject.toml", tmp_path)
    target = tmp_path / "surveillance" / file
    target.parent.mkdir(exist_ok=True)
    before = target.read_text(encoding="utf-8") if target.exists() else ""
    target.write_text(f"{before}\n{planted}\n", encoding="utf-8")
    told = lint(tmp_path)
    assert told.returncode == 1, told.stdout + told.stderr
    assert "BROKEN" in told.stdout or "surveillance.operations.pantry" in told.stdout
