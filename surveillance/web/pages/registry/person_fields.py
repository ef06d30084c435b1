"""Who somebody is and how to reach them, read from a form; the same fields when one enrols and when one edits."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from surveillance.core.errors import InvalidInputError
from surveillance.core.words import Channel, ContactKind, Sex
from surveillance.operations.registry.patients import NewContact, NewPatient
from surveillance.operations.registry.phones import Phone, read_email, read_phone, readable
from surveillance.operations.wording import languages as wording_languages
from surveillance.operations.work import Work
from surveillance.store.tables import Patient, Site
from surveillance.web import words
from surveillance.web.forms import Form

OLDEST: Final = date(1890, 1, 1)
LONGEST_MRN: Final = 64
LONGEST_ADDRESS: Final = 400
CONSENTED: Final = (Channel.SMS, Channel.EMAIL)  # a call and a letter need none
FLAGS: Final = {
    "mri_unsafe": "MRI unsafe (implant)",
    "contrast_allergy": "Allergy to contrast medium",
}
NEEDS: Final = {"interpreter": "Interpreter", "sedation": "Sedation", "claustrophobia": "Claustrophobia"}
HOW: Final = ("signed form", "by telephone", "at the desk", "by letter", "by email")


# -- identity and needs ----------------------------------------------------------------------------------------


def identity(form: Form, today: date) -> NewPatient:
    """What can be read of who somebody is, with flags and needs; the mistakes stand on the form."""
    born = birth_date(form, today)
    return NewPatient(
        mrn=form.text("mrn", "the MRN", required=True, longest=LONGEST_MRN),
        family_name=form.text("family_name", "the family name", required=True),
        given_name=form.text("given_name", "the given name"),
        birth_date=born or today,
        sex=form.choice("sex", "the sex", Sex, required=False) or Sex.UNKNOWN,
        time_zone=zone(form),
        flags=flags(form, today, born),
    )


def birth_date(form: Form, today: date) -> date | None:
    born = form.day("birth_date", "the birth date", required=True)
    if born is not None and not OLDEST <= born <= today:
        form.fault("birth_date", "The birth date must lie between 1890 and today")
        return None
    return born


def zone(form: Form) -> str | None:
    """The patient's own time zone; None for the site's."""
    given = form.text("time_zone", "the time zone")
    if given and given not in zones():
        form.fault("time_zone", f"{given!r} is no time zone; choose one from the list, such as Europe/Berlin")
    return given or None


@lru_cache(maxsize=1)
def zones() -> list[str]:
    """The zones in which somebody can live, by region and city."""
    regions = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return sorted(name for name in available_timezones() if name.startswith(regions))


def flags(form: Form, today: date, born: date | None) -> dict[str, Any]:
    """Every flag and need as it was ticked; an eGFR and its day belong together."""
    ticked: dict[str, Any] = {name: form.flag(name) for name in (*FLAGS, *NEEDS)}
    egfr = form.number("egfr", "the eGFR")
    if egfr is not None and not 0 < egfr < 300:
        form.fault("egfr", "The eGFR must lie between 1 and 299 mL/min/1.73 m²")
    on = form.day("egfr_on", "the day of the eGFR")
    if form.value("egfr").strip() and not form.value("egfr_on").strip():
        form.fault("egfr_on", "Enter the day of the eGFR")
    if form.value("egfr_on").strip() and not form.value("egfr").strip():
        form.fault("egfr", "Enter the eGFR of that day")
    if on is not None and not (born or OLDEST) <= on <= today:
        form.fault("egfr_on", "The day of the eGFR must lie between birth and today")
    return ticked | {"egfr": egfr, "egfr_on": on}


# -- contacts --------------------------------------------------------------------------------------------------


def contact(form: Form, at: str, work: Work, site: Site) -> NewContact | None:
    """One person to write to, from the fields that begin with ``at``; None where nothing was filled in.

    A phone that cannot be read is no mistake: it is kept as typed and becomes work.
    """
    name, phone = form.text(f"{at}name", "the name"), form.text(f"{at}phone", "the phone number")
    mailbox = email(form, at)
    channels = consents(form, at, {Channel.SMS: phone, Channel.EMAIL: mailbox})
    how, when = consent_word(form, at, work, site) if channels else ("", None)
    kind = form.choice(f"{at}kind", "who this is", ContactKind, required=False) or ContactKind.SELF
    spoken = language(form, at, work)
    postal = postal_address(form, at)
    if not (phone or mailbox or postal or name or channels):
        return None
    return NewContact(kind, name, phone, mailbox, spoken, channels, how, when, postal)


def postal_address(form: Form, at: str) -> str:
    """The lines of an address, for letters."""
    return form.text(f"{at}postal_address", "the postal address", longest=LONGEST_ADDRESS)


def email(form: Form, at: str) -> str:
    """A mailbox; other than a phone, one that cannot be read is a mistake."""
    given = form.text(f"{at}email", "the email address")
    if given and read_email(given) is None:
        form.fault(f"{at}email", "Enter an email address in the correct format, like name@example.com")
    return given


def consents(form: Form, at: str, addresses: dict[Channel, str]) -> list[Channel]:
    """The channels to which somebody agreed; each needs an address to which it holds."""
    channels = [channel for channel in CONSENTED if channel in form.many(f"{at}consent")]
    for channel in channels:
        if not addresses[channel]:
            field, what = ("phone", "phone number") if channel is Channel.SMS else ("email", "email address")
            form.fault(f"{at}{field}", f"Enter the {what} for which consent was given")
    return channels


def consent_word(form: Form, at: str, work: Work, site: Site) -> tuple[str, datetime | None]:
    """How and when consent was given or withdrawn; None for now, and noon of an earlier day at the site."""
    how = form.text(f"{at}how", "how consent was given or withdrawn", required=True)
    day, today = form.day(f"{at}when", "the day of consent"), work.today(site)
    if day is not None and not OLDEST <= day <= today:
        form.fault(f"{at}when", "The day of consent cannot lie after today")
        return how, None
    return how, None if day in (None, today) else datetime.combine(day, time(12), ZoneInfo(site.time_zone))


def language(form: Form, at: str, work: Work) -> str | None:
    """The language of messages; None for the site's first."""
    name, had = f"{at}language", form.value(f"{at}language_was")
    return form.one_of(name, "a language from the list", [*work.catalogue.messages, had], required=False) or None


def languages(work: Work, site: Site, had: str = "") -> list[tuple[str, str]]:
    """The languages to choose from: those in which there are messages; the site's first goes without saying."""
    first = site.languages[0]
    named = dict.fromkeys([*sorted(work.catalogue.messages), had])
    others = [(code, words.language_name(code)) for code in named if code and code != first]
    return [("", words.language_name(first)), *others]


# -- what is said back -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """What the page answers to a contact at once: the phone as it was understood, and what to mind."""

    phone: str
    good: bool
    language: str


def said(form: Form, at: str, work: Work, site: Site) -> Said:
    text = form.value(f"{at}phone").strip()
    phone = read_phone(text, site.country) if text else None
    answer, good = _phone_said(phone) if phone else ("", True)
    return Said(answer, good, fallen_back(work, site, form.value(f"{at}language")))


def _phone_said(phone: Phone) -> tuple[str, bool]:
    if phone.e164 is None:
        return "Cannot be read as a phone number: it will be kept as typed and become work on the board.", False
    number = readable(phone.e164)
    return (number, True) if phone.mobile else (f"{number} is a landline: calls only, no SMS.", False)


def fallen_back(work: Work, site: Site, wanted: str) -> str:
    """Words where the site has not approved messages in a language; empty where it has."""
    name = words.language_name(wanted or site.languages[0])
    try:
        choice = wording_languages.choose(work, site, wanted)
    except InvalidInputError:
        return f"{site.short_name} has approved no language of messages yet: nothing goes out by itself."
    if not choice.fell_back:
        return ""
    instead = words.language_name(choice.language)
    return f"{site.short_name} has not approved messages in {name}: they go out in {instead}."


def filled(patient: Patient) -> dict[str, Any]:
    """The fields of a patient as a form starts with them."""
    own = ("mrn", "family_name", "given_name", "birth_date", "sex", "time_zone", "owner_id", "egfr_on")
    values = {name: getattr(patient, name) for name in own}
    ticked = {name: getattr(patient, name) for name in (*FLAGS, *NEEDS)}
    return values | ticked | {"egfr": None if patient.egfr is None else f"{patient.egfr:g}"}


def sexes() -> list[tuple[str, str]]:
    return [(sex, words.SEX[sex]) for sex in (Sex.FEMALE, Sex.MALE, Sex.OTHER, Sex.UNKNOWN)]


def kinds() -> Iterator[tuple[str, str]]:
    return ((kind, words.CONTACT[kind]) for kind in ContactKind)
