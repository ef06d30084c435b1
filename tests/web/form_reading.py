"""What a form on a page holds, as a browser would send it, and what the summary on top of it says."""

import re
from html import unescape

_NAME, _VALUE = re.compile(r'\sname="([^"]*)"'), re.compile(r'\svalue="([^"]*)"')
_SUMMARY = re.compile(r'href="#([^"]+)">([^<]*)<')
_SELECT = re.compile(r"<select[^>]*>.*?</select>", re.DOTALL)
_CHOSEN = re.compile(r'<option value="([^"]*)" selected')


def as_shown(page: str) -> dict[str, str]:
    """The fields of the main part of a page as they stand; boxes and radios only where they are ticked."""
    main = page.partition("<main")[2]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", main):
        name, value = _NAME.search(tag), _VALUE.search(tag)
        ticked = ("checkbox" not in tag and "radio" not in tag) or " checked" in tag
        if name and ticked:
            found[name[1]] = unescape(value[1]) if value else ""
    for select in _SELECT.findall(main):
        name, chosen = _NAME.search(select), _CHOSEN.search(select)
        first = re.search(r'<option value="([^"]*)"', select)
        found[name[1]] = chosen[1] if chosen else first[1]
    found.pop("token", None)
    return found


def mistakes(page: str) -> dict[str, str]:
    """What the summary on top of a form says, by the field that each line leads to."""
    summary = page.partition("nhsuk-error-summary__list")[2].partition("</ul>")[0]
    return {field: unescape(words.strip()) for field, words in _SUMMARY.findall(summary)}
