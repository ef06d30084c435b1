"""Reading phone numbers, mailboxes and postal addresses as typed. A bad one never blocks saving: it becomes work."""

import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

LANDLINES = {PhoneNumberType.FIXED_LINE, PhoneNumberType.UAN, PhoneNumberType.TOLL_FREE, PhoneNumberType.PREMIUM_RATE}


@dataclass(frozen=True, slots=True)
class Phone:
    """``e164`` is None where ``problem`` tells why the number cannot be used; ``mobile`` False for a landline."""

    given: str
    e164: str | None
    mobile: bool
    problem: str = ""


def read_phone(text: str, country: str) -> Phone:
    """Read a phone number as it is dialled in ``country`` (ISO 3166), or in international form."""
    given = text.strip()
    try:
        number = phonenumbers.parse(given, country)
    except phonenumbers.NumberParseException:
        return Phone(given, None, mobile=False, problem=f"{given!r} is not a phone number")
    if not phonenumbers.is_valid_number(number):
        return Phone(given, None, mobile=False, problem=f"{given!r} is not a number that can exist in its country")
    # A message to a number with an extension would go to the switchboard.
    mobile = phonenumbers.number_type(number) not in LANDLINES and not number.extension
    return Phone(given, phonenumbers.format_number(number, PhoneNumberFormat.E164), mobile)


def readable(e164: str) -> str:
    """A phone number as people write and dial it from anywhere: +44 20 7946 0000."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(e164), PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return e164


def read_address(text: str) -> str:
    """A postal address as it stands on an envelope, line by line."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


_MAILBOX = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]+")


def read_email(text: str) -> str | None:
    """The address, or None if it cannot be one. Whether the mailbox exists only a delivery can tell."""
    given = text.strip()
    return given if _MAILBOX.fullmatch(given) else None
