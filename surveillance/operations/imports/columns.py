"""The columns of an import file and how each cell is read."""

from collections.abc import Callable
from datetime import date
from typing import Any
from unicodedata import category
from zoneinfo import ZoneInfo

from surveillance.core.words import Channel, ContactKind, Sex
from surveillance.operations.registry.phones import read_address, read_email

YES = {"yes", "y", "true", "1", "x", "ja", "oui", "si", "sí"}
NO = {"no", "n", "false", "0", "nein", "non"}
SEXES = {"m": Sex.MALE, "f": Sex.FEMALE, "o": Sex.OTHER, "u": Sex.UNKNOWN}


LONGEST = 200  # characters of a name or a number


def text(cell: str) -> str:
    """One line: breaks and the wide spaces of spreadsheets become plain spaces."""
    line = " ".join(cell.split())
    if len(line) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    if any(category(letter) == "Cc" for letter in line):
        raise ValueError("holds characters that cannot be shown")
    return line


def day(cell: str) -> date:
    """ISO only: 03/04/2026 is the third of April here and the fourth of March there."""
    try:
        return date.fromisoformat(cell)
    except ValueError as error:
        raise ValueError(f"{cell!r} is not a date; write YYYY-MM-DD") from error


def yes_or_no(cell: str) -> bool:
    plain = cell.casefold()
    if plain not in YES | NO:
        raise ValueError(f"{cell!r} is neither yes nor no")
    return plain in YES


def number(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError as error:
        raise ValueError(f"{cell!r} is not a number") from error
    if not 0 <= value <= 300:
        raise ValueError(f"{cell} is outside 0 to 300")
    return value


def sex(cell: str) -> Sex:
    plain = cell.casefold()
    if plain in SEXES:
        return SEXES[plain]
    try:
        return Sex(plain)
    except ValueError as error:
        raise ValueError(f"{cell!r} is not one of male, female, other, unknown") from error


def kind(cell: str) -> ContactKind:
    try:
        return ContactKind(cell.casefold())
    except ValueError as error:
        raise ValueError(f"{cell!r} is not one of self, parent, carer") from error


def email(cell: str) -> str:
    found = read_email(cell)
    if found is None:
        raise ValueError(f"{cell!r} is not an email address")
    return found


def postal_address(cell: str) -> str:
    """``1 Elm Street; Springfield VT 05156``: a semicolon or a new line in the cell ends a line of the address."""
    return read_address(cell.replace(";", "\n"))


def zone(cell: str) -> str:
    try:
        ZoneInfo(cell)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{cell!r} is not a time zone such as Europe/Berlin") from error
    return cell


def intervals(cell: str) -> dict[str, int | None]:
    """``mri_primary=3; chest_imaging=6; mri_brain=off``, in months."""
    found: dict[str, int | None] = {}
    for part in filter(None, (piece.strip() for piece in cell.split(";"))):
        item, _, months = (piece.strip() for piece in part.partition("="))
        if not item or not (months.isdigit() or months == "off"):
            raise ValueError(f"{part!r} is not ITEM=MONTHS, such as mri_primary=3")
        found[item] = None if months == "off" else int(months)
    return found


def studies(cell: str) -> tuple[tuple[tuple[str, ...], date], ...]:
    """``mri_primary+chest_imaging=2026-03-02; chest_imaging=2026-06-01``: what was done on which day."""
    found = []
    for part in filter(None, (piece.strip() for piece in cell.split(";"))):
        items, _, on = (piece.strip() for piece in part.partition("="))
        names = tuple(filter(None, (piece.strip() for piece in items.split("+"))))
        if not names or not on:
            raise ValueError(f"{part!r} is not ITEM=YYYY-MM-DD, such as mri_primary+chest_imaging=2026-03-02")
        found.append((names, day(on)))
    return tuple(found)


def channels(cell: str) -> tuple[Channel, ...]:
    """``sms; email``"""
    try:
        return tuple(Channel(piece.strip().casefold()) for piece in cell.replace(",", ";").split(";") if piece.strip())
    except ValueError as error:
        raise ValueError(f"{cell!r} is not a list of sms and email") from error


COLUMNS: dict[str, Callable[[str], Any]] = {
    "mrn": text,
    "family_name": text,
    "given_name": text,
    "birth_date": day,
    "sex": sex,
    "time_zone": zone,
    "contact_kind": kind,
    "contact_name": text,
    "phone": text,
    "email": email,
    "postal_address": postal_address,
    "language": text,
    "consent": channels,
    "consent_method": text,
    "mri_unsafe": yes_or_no,
    "contrast_allergy": yes_or_no,
    "egfr": number,
    "egfr_on": day,
    "interpreter": yes_or_no,
    "sedation": yes_or_no,
    "claustrophobia": yes_or_no,
    "protocol": text,
    "anchor": day,
    "intervals": intervals,
    "studies": studies,
}
REQUIRED = ("mrn", "family_name", "given_name", "birth_date")
FLAGS = ("mri_unsafe", "contrast_allergy", "egfr", "egfr_on", "interpreter", "sedation", "claustrophobia")

# Headers that registries commonly use for the same thing.
ALIASES = {
    "patient_id": "mrn",
    "patient_number": "mrn",
    "hospital_number": "mrn",
    "medical_record_number": "mrn",
    "last_name": "family_name",
    "surname": "family_name",
    "lastname": "family_name",
    "firstname": "given_name",
    "first_name": "given_name",
    "forename": "given_name",
    "date_of_birth": "birth_date",
    "dob": "birth_date",
    "birthdate": "birth_date",
    "birthday": "birth_date",
    "gender": "sex",
    "mobile": "phone",
    "mobile_phone": "phone",
    "phone_number": "phone",
    "telephone": "phone",
    "mail": "email",
    "e_mail": "email",
    "email_address": "email",
    "address": "postal_address",
    "home_address": "postal_address",
    "end_of_treatment": "anchor",
    "anchor_date": "anchor",
    "timezone": "time_zone",
}
