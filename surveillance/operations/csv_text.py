"""CSV as spreadsheets read it, with no cell that one takes for a formula."""

from typing import Any

BOM = "\ufeff"  # makes Excel read the file as UTF-8


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: an apostrophe stands before it (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
