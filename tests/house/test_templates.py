"""Templates have the rooms of the pages: who changes a page finds its template in the folder of the same name."""

import re
from pathlib import Path

WEB = Path(__file__).parents[2] / "surveillance" / "web"
TEMPLATES = WEB / "templates"
SHARED = {"", "parts"}  # base.html, ui.html, the errors; and what several rooms include
NAMED = re.compile(r'"((?:(\w+)/)?[\w-]+\.html)"')


def rooms_asked_by(folder: Path, suffix: str) -> list[tuple[str, str, str]]:
    """Who names a template: its own room, where it stands, and the room of the template."""
    return [
        (file.relative_to(folder).parts[0], f"{file.relative_to(WEB)}: {name}", room)
        for file in sorted(folder.rglob(f"*.{suffix}"))
        if len(file.relative_to(folder).parts) > 1
        for name, room in NAMED.findall(file.read_text(encoding="utf-8"))
    ]


def test_a_page_renders_templates_of_its_own_room_and_shared_ones() -> None:
    asked = rooms_asked_by(WEB / "pages", "py")
    assert len(asked) > 80
    assert [where for own, where, room in asked if room not in SHARED | {own}] == []


def test_a_template_includes_those_of_its_own_room_and_shared_ones() -> None:
    asked = rooms_asked_by(TEMPLATES, "html")
    assert len(asked) > 200
    assert [where for own, where, room in asked if room not in SHARED | {own}] == []


def test_every_template_has_a_room_with_pages_and_is_used() -> None:
    rooms = {file.parent.name for file in TEMPLATES.rglob("*.html") if file.parent != TEMPLATES} - SHARED
    assert rooms == {folder.name for folder in (WEB / "pages").iterdir() if folder.is_dir()} - {"__pycache__"}
    text = "".join(file.read_text(encoding="utf-8") for file in [*WEB.rglob("*.py"), *TEMPLATES.rglob("*.html")])
    unused = [str(file.relative_to(TEMPLATES)) for file in TEMPLATES.rglob("*.html") if file.name not in text]
    assert [name for name in unused if not name.startswith("record/calendar-")] == []  # named by the view that is shown
