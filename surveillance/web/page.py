"""The frame that all pages share."""

from html import escape
from pathlib import Path
from string import Template

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"


def page(title: str, body: str) -> str:
    """A whole page. ``title`` is text and is escaped, ``body`` is HTML."""
    return filled("frame", title=escape(title), body=body)


def filled(name: str, **values: str) -> str:
    """A template with its ``$placeholders`` filled; what is put in must be HTML already."""
    text = (TEMPLATES / f"{name}.html").read_text(encoding="utf-8")
    return Template(text).substitute(values)
