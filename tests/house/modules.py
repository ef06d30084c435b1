"""The index of modules in docs/architecture.md: ``python tests/house/modules.py`` writes it anew."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).parents[2]
PAGE: Final = TOP / "docs" / "architecture.md"
BEGIN, END = "<!-- modules -->\n", "<!-- end of modules -->\n"
LAYERS: Final = (
    "core",
    "operations",
    "store",
    "providers",
    "catalogue",
    "prover",
    "web/pages",
    "web/api",
    "web",
    "cli",
    "",
)
TOLD: Final = (
    "core",
    "operations",
    "store",
    "providers",
    "catalogue",
    "prover",
)  # with what each is for; a page says so itself


def index() -> str:
    """Every module, by layer and room."""
    lines = [line for layer in LAYERS for line in _layer(layer)]
    return BEGIN + "\n" + "\n".join(lines) + "\n\n" + END


def _layer(layer: str) -> Iterator[str]:
    yield f"\n### {layer or 'at the top'}\n"
    top = TOP / "surveillance" / layer
    inner = {each for each in LAYERS if each.startswith(f"{layer}/")} if layer else set(LAYERS)
    for room in sorted({file.parent for file in top.rglob("*.py")}) if layer else [top]:
        path = room.relative_to(TOP / "surveillance").as_posix()
        if any(path == each or path.startswith(f"{each}/") for each in inner):
            continue
        files = [file for file in sorted(room.glob("*.py")) if file.stem != "__init__"]
        name = room.relative_to(top).as_posix() if room != top else ""
        if files and layer in TOLD:
            yield from (f"- `{'/'.join(filter(None, (name, file.stem)))}`: {_meaning(file)}" for file in files)
        elif files:
            yield f"- {f'`{name}`: ' if name else ''}" + ", ".join(file.stem for file in files)


def _meaning(file: Path) -> str:
    """The first sentence of a module's docstring."""
    said = " ".join((ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split("\n\n")[0].split())
    return said.split(". ")[0].split("; ")[0].rstrip(".:")


def with_index(page: str) -> str:
    """The page with the index as it should be."""
    before, _, rest = page.partition(BEGIN)
    return before + index() + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(with_index(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
