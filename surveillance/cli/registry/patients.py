"""``surveillance patient``: add, find, show and edit patients, and record a death."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from surveillance.cli import show
from surveillance.cli.context import Answer, Job, confirming, reading, writing
from surveillance.cli.messages import planned
from surveillance.cli.options import ContactName, Email, Kind, Language, Mrn, On, Phone, Postal, iso_day
from surveillance.cli.planning import changes
from surveillance.cli.record import patient_details, plan_details
from surveillance.core.errors import InvalidInputError
from surveillance.core.words import Channel, ContactKind, Sex
from surveillance.operations.accounts import users
from surveillance.operations.care import corrections, lifecycle
from surveillance.operations.planning import differences
from surveillance.operations.registry import patients, search
from surveillance.store.audit.events import picture
from surveillance.store.registry import patients as store

app = typer.Typer(help="Patients: add, find, show, edit; record a death.", no_args_is_help=True)

Born = Annotated[date, typer.Option(parser=iso_day, metavar="DATE", help="Birth date, like 1998-05-14.")]
NewBorn = Annotated[date | None, typer.Option("--born", parser=iso_day, metavar="DATE", help="Birth date.")]
Zone = Annotated[str | None, typer.Option("--zone", help="The patient's own time zone; '' for the site's.")]


@dataclass(frozen=True, slots=True)
class Flags:
    """What is to be known before an examination; what is not named stays as it is."""

    mri_unsafe: Annotated[bool | None, typer.Option("--mri-unsafe/--mri-safe", help="An implant that forbids MRI.")] = (
        None
    )
    contrast_allergy: Annotated[
        bool | None, typer.Option("--contrast-allergy/--no-contrast-allergy", help="Allergy.")
    ] = None
    egfr: Annotated[float | None, typer.Option(help="Kidney function, mL/min/1.73 m².")] = None
    egfr_on: Annotated[date | None, typer.Option(parser=iso_day, metavar="DATE", help="The day of the eGFR.")] = None
    interpreter: Annotated[bool | None, typer.Option("--interpreter/--no-interpreter", help="Needs one.")] = None
    sedation: Annotated[bool | None, typer.Option("--sedation/--no-sedation", help="Needs it.")] = None
    claustrophobia: Annotated[bool | None, typer.Option("--claustrophobia/--no-claustrophobia", help="Has it.")] = None

    @property
    def named(self) -> dict[str, Any]:
        """The flags that were named. Raises InvalidInputError for an eGFR without its day, or a day alone."""
        found = {name: value for name, value in asdict(self).items() if value is not None}
        if ("egfr" in found) is not ("egfr_on" in found):
            raise InvalidInputError("an eGFR and its day belong together: --egfr 55 --egfr-on 2026-10-02")
        return found


NO_FLAGS: Final = Flags()


@app.command("add")
@writing
def add_patient(
    job: Job,
    mrn: Mrn,
    family: Annotated[str, typer.Option(help="Family name.")],
    given: Annotated[str, typer.Option(help="Given name.")],
    born: Born,
    sex: Annotated[Sex, typer.Option(help="Administrative.")] = Sex.UNKNOWN,
    zone: Zone = None,
    phone: Phone = "",
    email: Email = "",
    postal: Postal = "",
    language: Language = None,
    contact: Kind = ContactKind.SELF,
    contact_name: ContactName = "",
    consent: Annotated[list[Channel] | None, typer.Option(help="Consent given for this channel. Repeatable.")] = None,
    consent_how: Annotated[str, typer.Option(help="How it was given: signed form, by telephone, …")] = "",
    flags: Flags = NO_FLAGS,
) -> Answer:
    """Register a patient with a first contact.

    Example: surveillance patient add 00417 --family Okafor --given Ada --born 1998-05-14 --phone 07700900123
    --consent sms --consent-how "signed form" --site LDN1 --as anna
    """
    lines = postal.replace(";", "\n")
    person = patients.NewContact(
        contact, contact_name, phone, email, language, consent or (), consent_how, postal_address=lines
    )
    _check_consent(person)
    who = [person] if phone or email or postal or contact_name else []
    new = patients.NewPatient(mrn, family, given, born, sex, zone or None, flags.named, who)
    patient = patients.add_patient(job.work, job.site(), new)
    job.seen.append(patient)
    added = store.contacts(job.work.session, patient.id)
    problems = [line for row in added for line in patient_details.phone_problems(job.work, row)]
    said = f"Added {patient.given_name} {patient.family_name}, MRN {patient.mrn}. Next: 'enrol {patient.mrn}'."
    data = picture(patient) | {"contacts": [picture(row) for row in added], "problems": problems}
    return Answer([said], data, warnings=problems)


def _check_consent(person: patients.NewContact) -> None:
    for channel in person.consents:
        if channel not in (Channel.SMS, Channel.EMAIL):
            raise InvalidInputError(f"consent is for sms or email; a {channel} needs none here")
        if not (person.phone if channel is Channel.SMS else person.email).strip():
            raise InvalidInputError(f"consent for {channel} needs {'--phone' if channel is Channel.SMS else '--email'}")
    if person.consents and not person.consent_method.strip():
        raise InvalidInputError("say how consent was given with --consent-how (signed form, by telephone, …)")


@app.command()
@reading
def find(
    job: Job,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="MRN, part of the name, birth date or phone.")],
) -> Answer:
    """Find patients by MRN, any part of the name, birth date or phone.

    Example: surveillance patient find okafor
    """
    if not text.strip():
        raise InvalidInputError("say whom to look for: an MRN, part of a name, a birth date or a phone number")
    result = search.find(job.work, job.sites(), text)
    job.seen, job.action = result.patients, "patient.find"
    found, data = show.table("", "MRN", "Name", "Born", "Site", "Plan"), []
    for row in result.patients:
        code, state = job.work.site(row.site_id).code, patient_details.plan_state(job.work, row)
        show.add(found, row.mrn, f"{row.given_name} {row.family_name}", row.birth_date.isoformat(), code, state)
        data.append(picture(row) | {"site": code, "plan": state})
    more = [f"These {search.MOST} are the likeliest of more: type more of the name."] if result.more else []
    return Answer([show.section(found, f"Nobody is found by {text!r}."), *more], data)


@app.command("show")
@reading
def show_patient(
    job: Job,
    mrn: Mrn,
    history: Annotated[int, typer.Option(min=0, max=1000, help="How many lines of history.")] = 10,
) -> Answer:
    """Everything about one patient: contacts, plan, examinations, visits, studies, holds, history.

    Example: surveillance patient show 00417
    """
    patient = job.patient(mrn)
    page = patient_details.gather(job.work, patient, history)
    return Answer(page.parts, page.data)


@app.command()
@confirming
def edit(
    job: Job,
    mrn: Mrn,
    new_mrn: Annotated[str | None, typer.Option(help="The right MRN.")] = None,
    family: Annotated[str | None, typer.Option(help="Family name.")] = None,
    given: Annotated[str | None, typer.Option(help="Given name.")] = None,
    born: NewBorn = None,
    sex: Annotated[Sex | None, typer.Option(help="Administrative.")] = None,
    zone: Zone = None,
    owner: Annotated[str | None, typer.Option(metavar="USER", help="Whose patient this is; '' for nobody's.")] = None,
    flags: Flags = NO_FLAGS,
    reason: Annotated[str, typer.Option(help="Why; needed for a name, a birth date or an MRN.")] = "",
) -> Answer:
    """Correct what is recorded about a patient.

    Example: surveillance patient edit 00417 --family "Okafor-Lind" --reason "married" --as anna
    """
    patient = job.patient(mrn)
    given_values = {"mrn": new_mrn, "family_name": family, "given_name": given, "birth_date": born, "sex": sex}
    values: dict[str, Any] = {name: value for name, value in given_values.items() if value is not None}
    values |= flags.named
    if zone is not None:
        values["time_zone"] = zone or None
    if owner is not None:
        values["owner_id"] = users.user_named(job.work, owner).id if owner else None
    if not values:
        raise InvalidInputError("say what to change; 'patient edit --help' lists it")
    before = corrections.edit_patient(job.work, patient, values, reason)
    after = picture(patient, before)
    found = show.table(f"Patient {mrn}", "Value", "Before", "After")
    for name in before:
        show.add(
            found,
            name.replace("_", " ").removesuffix(" id"),
            _said(job, name, before[name]),
            _said(job, name, after[name]),
        )
    data = {"mrn": patient.mrn, "before": before, "after": after}
    return Answer(["Done."], data, [found], compared=data)


def _said(job: Job, name: str, value: object) -> object:
    """A value in words: an owner by name."""
    return plan_details.person(job.work, UUID(str(value))) if name == "owner_id" and value else value


@app.command()
@confirming
def died(
    job: Job,
    mrn: Mrn,
    on: On,
    source: Annotated[str, typer.Option(help="How you know: letter of the GP, register, family.")],
) -> Answer:
    """Record a death: nothing more is due or sent, and calendars and pages close.

    Example: surveillance patient died 00417 --on 2026-11-30 --source "letter of the GP" --as anna
    """
    patient = job.patient(mrn)
    before = differences.picture(job.work, patient)
    released = lifecycle.died(job.work, patient, on, source)
    found = changes.since(job.work, patient, before)
    name = f"{patient.given_name} {patient.family_name}"
    handed = planned.handed_over(job.work, patient)
    change = [
        f"{name}, MRN {patient.mrn}: died on {show.day(on)}.",
        *found.shown(),
        *patient_details.to_release(job.work, released),
        *handed,
    ]
    data = {"mrn": patient.mrn, "died_on": on, "released": [row.id for row in released]} | found.data
    return Answer(["Recorded."], data, change, compared=found.data)
