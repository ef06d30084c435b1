"""What stands around the text of an email and of a printed letter (config/messages, ``email`` and ``letter``)."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from string import Formatter
from types import MappingProxyType

from surveillance.core.errors import ConfigurationError
from surveillance.core.languages import direction, number_in

_PLACEHOLDERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "email.why": frozenset({"clinic"}),
        "letter.dear": frozenset({"name"}),
        "letter.about": frozenset({"name"}),
        "letter.why": frozenset({"phone"}),
    }
)


class _Words:
    """Raises ConfigurationError for a text with a placeholder that it may not have, or without one that it needs."""

    SECTION = ""

    def __post_init__(self) -> None:
        for name, text in self.texts().items():
            _check(f"{self.SECTION}.{name}", text)

    def texts(self) -> dict[str, str]:
        """Every text by its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]


def _check(name: str, text: str) -> None:
    wanted = _PLACEHOLDERS.get(name, frozenset())
    try:
        found = {part[1] for part in Formatter().parse(text) if part[1] is not None}
    except ValueError as error:
        raise ConfigurationError(f"{name}: {text!r} has an unpaired brace") from error
    if found != wanted:
        needed = ", ".join(f"{{{placeholder}}}" for placeholder in sorted(wanted)) or "no placeholder"
        raise ConfigurationError(f"{name}: {text!r} must have {needed}")


@dataclass(frozen=True, slots=True)
class EmailWords(_Words):
    """``page`` names the patient's own page, ``page_visit`` what can be done there about a visit that stands.

    ``why`` says why the email came and where emails are stopped.
    """

    SECTION = "email"
    page: str
    page_visit: str
    why: str


@dataclass(frozen=True, slots=True)
class LetterWords(_Words):
    """``about`` names the patient where the letter goes to somebody else; ``why`` tells how to get no more letters."""

    SECTION = "letter"
    dear: str
    about: str
    why: str
    regards: str


@dataclass(frozen=True, slots=True)
class EmailFrame:
    """What is added to one email. ``label`` says what ``link``, the patient's page, is good for."""

    label: str
    link: str
    why: str


def email_frame(words: EmailWords, clinic: str, link: str, *, visit: bool) -> EmailFrame:
    """``visit``: the email tells of a visit that stands, which can be confirmed there."""
    return EmailFrame(words.page_visit if visit else words.page, link, words.why.format(clinic=clinic))


def email_text(body: str, frame: EmailFrame) -> str:
    """The plain text of an email. "-- " begins what mail programs fold away (RFC 3676 section 4.3)."""
    return f"{body.rstrip()}\n\n{frame.label}:\n{frame.link}\n\n-- \n{frame.why}\n"


_NUMBER = re.compile(r"\u200e?(\+\d[\d ()./-]{5,}\d)")
# Dark on white, 4.5 to 1 and more (WCAG 1.4.3). All inline: programs drop style sheets, and nothing is to be loaded.
_BODY = "margin:0;padding:16px;background:#ffffff;color:#1d2429;font:17px/1.5 Arial,Helvetica,sans-serif"
_COLUMN = "max-width:36em;margin:0 auto"
_BUTTON = (
    "display:inline-block;padding:12px 18px;border-radius:4px;background:#00577a;color:#ffffff;"
    "font-weight:bold;text-decoration:none"
)
_WHY = "margin-top:28px;padding-top:12px;border-top:1px solid #c5ced4;color:#4a545b;font-size:15px"


def email_html(subject: str, body: str, frame: EmailFrame, locale: str) -> str:
    """The same as a page: paragraphs, a button for the patient's page, and why it came. It loads nothing."""
    parts = (part.strip() for part in body.split("\n\n"))
    inner = "\n".join(f"<p>{_lines(part)}</p>" for part in parts if part)
    link, label, why = (html.escape(text) for text in (frame.link, frame.label, frame.why))
    return (
        f'<!doctype html>\n<html lang="{html.escape(locale)}" dir="{direction(locale)}">\n<head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{html.escape(subject)}</title>'
        f'</head>\n<body style="{_BODY}">\n<main style="{_COLUMN}">\n{inner}\n'
        f'<p><a href="{link}" style="{_BUTTON}">{label}</a></p>\n<p style="{_WHY}">{why}</p>\n</main>\n</body></html>\n'
    )


def _lines(text: str) -> str:
    return html_numbers(text, 'style="white-space:nowrap"').replace("\n", "<br>\n")


def html_numbers(text: str, attributes: str) -> str:
    """``text`` as HTML, its phone numbers on one line each and left to right in whatever script."""
    return _NUMBER.sub(rf'<bdi dir="ltr" {attributes}>\1</bdi>', html.escape(text))


@dataclass(frozen=True, slots=True)
class LetterFrame:
    """The lines of one letter around its text."""

    dear: str
    about: str
    why: str
    regards: str


def letter_frame(words: LetterWords, to: str, about: str, phone: str) -> LetterFrame:
    """``to`` is who gets it; ``about`` the patient, empty where that is the same."""
    return LetterFrame(
        words.dear.format(name=to),
        words.about.format(name=about) if about else "",
        words.why.format(phone=number_in(words.why, phone)),
        words.regards,
    )
