"""What one patient looks like: identity, flags, contacts with consent, plans, visits, studies, history."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from rich.console import RenderableType
from sqlmodel import col, select

from surveillance.cli import show, words
from surveillance.cli.record import plan_details
from surveillance.core import plain
from surveillance.core.words import AppointmentState, Channel
from surveillance.operations.record.patient_record import FLAGS, LOW_EGFR
from surveillance.operations.record.trail import LOOKS, TOLD_BY_ITS_ACT
from surveillance.operations.registry import reachability
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.planning import plans
from surveillance.store.registry import patients
from surveillance.store.tables import (
    Appointment,
    AppointmentItem,
    AuditEvent,
    AuditValue,
    Contact,
    Patient,
    Plan,
    Study,
    User,
)
from surveillance.store.visits import appointments, studies


@dataclass(frozen=True, slots=True)
class Page:
    """A patient made ready to be shown: parts for a person, data for a machine."""

    parts: list[RenderableType]
    data: dict[str, Any]


def gather(work: Work, patient: Patient, history: int) -> Page:
    """Everything about a patient as it stands today at the site."""
    contacts = patients.contacts(work.session, patient.id)
    visits = _visits(work, patient.id)
    found = studies.of_patient(work.session, patient.id)
    parts: list[RenderableType] = [
        show.heading(f"{patient.given_name} {patient.family_name}, MRN {patient.mrn}"),
        show.fields(_identity(work, patient)),
        _contact_table(work, contacts),
    ]
    pages = []
    for plan in plans.all_plans(work.session, patient.id):
        page = plan_details.gather(work, plan)
        pages.append(page.data)
        parts += [show.heading(f"Plan {plan.number}{'' if plan.ended_on is None else ', ended'}"), *page.parts]
    if not pages:
        parts.append(f"\nNo plan: 'enrol {patient.mrn}' gives one.")
    parts += [_visit_table(work, visits), _study_table(work, found)]
    data = picture(patient) | {
        "site": work.site(patient.site_id).code,
        "contacts": [_contact_data(work, row) for row in contacts],
        "plans": pages,
        "visits": [picture(row) | {"examinations": [picture(line) for line in lines]} for row, lines in visits],
        "studies": [picture(row) | {"items": sorted(studies.items(work.session, row.id))} for row in found],
    }
    if history:
        events = _history(work, patient, history)
        parts.append(_history_table(work, patient, events))
        data["history"] = [_event_data(event, value) for event, value in events]
    return Page(parts, data)


def _identity(work: Work, patient: Patient) -> list[tuple[str, object]]:
    site = work.site(patient.site_id)
    today = work.today(site)
    age = plain.age(patient.birth_date, today)
    flags = [text for name, text in FLAGS.items() if getattr(patient, name)]
    if patient.egfr is not None:
        low = ", LOW" if patient.egfr < LOW_EGFR else ""
        flags.append(f"eGFR {patient.egfr:g} on {patient.egfr_on}{low}")
    lines: list[tuple[str, object]] = [
        ("Born", f"{patient.birth_date} ({age} years)"),
        ("Sex", words.SEX[patient.sex]),
        ("Site", f"{site.code}, {site.name}"),
        ("Time zone", patient.time_zone or f"{site.time_zone} (the site's)"),
        ("Flags", show.joined(flags)),
        ("Owner", plan_details.person(work, patient.owner_id)),
    ]
    return lines + ([("Died", show.day(patient.died_on))] if patient.died_on else [])


def plan_state(work: Work, patient: Patient) -> str:
    """One line on where a patient's follow-up stands."""
    if patient.died_on is not None:
        return f"died {patient.died_on}"
    every = plans.all_plans(work.session, patient.id)
    if not every:
        return "no plan"
    newest: Plan = every[0]
    if newest.ended_on is None:
        key = plans.terms_in_force(work.session, newest.id)[-1].protocol_key
        held = any(hold.resumed_on is None for hold in plans.holds(work.session, newest.id))
        return f"{key} from {newest.anchor}{', on hold' if held else ''}"
    reason = words.END[newest.end_reason] if newest.end_reason else ""
    return f"ended {newest.ended_on}: {reason}"


# -- contacts --------------------------------------------------------------------------------------------------


def phone_problems(work: Work, contact: Contact) -> list[str]:
    """Why a contact's phone cannot be written to, in words."""
    (found,) = reachability.of_contacts(work, contact.patient_id, [contact])
    return [f"contact {contact.priority}: {problem}" for problem in reachability.problems(found, date.isoformat)]


def contact_cells(work: Work, contact: Contact) -> dict[str, str]:
    """A contact in words, as the columns of its table."""
    (found,) = reachability.of_contacts(work, contact.patient_id, [contact])
    return {
        "Who": f"{contact.kind} {contact.name}".strip(),
        "Phone": show.cell_of(contact.phone or contact.phone_given),
        "Consent to SMS": reachability.consent_words(found, Channel.SMS, date.isoformat),
        "Email": show.cell_of(contact.email),
        "Consent to email": reachability.consent_words(found, Channel.EMAIL, date.isoformat),
        "Postal address": show.cell_of(contact.postal_address.replace("\n", ", ")),
        "Language": contact.language or "the site's",
        "Problems": show.joined(reachability.problems(found, date.isoformat), "–"),
    }


def _contact_table(work: Work, contacts: list[Contact]) -> RenderableType:
    cells = {row.priority: contact_cells(work, row) for row in contacts}
    found = show.table("Contacts", "No.", *next(iter(cells.values()), {}))
    for number, values in cells.items():
        show.add(found, number, *values.values())
    return show.section(found, "nobody to write to; 'contact add' adds somebody.")


def _contact_data(work: Work, row: Contact) -> dict[str, Any]:
    given = patients.consents(work.session, row.patient_id)
    consents = {
        str(channel): picture(given[row.id, channel], ("act", "at", "method", "address"))
        for channel in Channel
        if (row.id, channel) in given
    }
    return picture(row) | {"consents": consents, "problems": phone_problems(work, row)}


# -- visits and studies ----------------------------------------------------------------------------------------


def _visits(work: Work, patient_id: UUID) -> list[tuple[Appointment, list[AppointmentItem]]]:
    rows = appointments.of_patient(work.session, patient_id, *AppointmentState)
    lines = appointments.lines_of(work.session, [row.id for row in rows])
    return [(row, lines.get(row.id, [])) for row in rows]


def visit_line(work: Work, visit: Appointment) -> str:
    """A visit in one line: when in local time, where, what it covers."""
    covered = show.joined([words.name(appointments.key(line)) for line in appointments.lines(work.session, visit.id)])
    return f"{plan_details.visit_when(work, visit)}: {covered}"


def _confirmed(visit: Appointment) -> str:
    booked = visit.state is AppointmentState.BOOKED
    return f"confirmed {plain.SOURCE[visit.confirmed_how]}" if booked and visit.confirmed_how else ""


def _visit_table(work: Work, visits: list[tuple[Appointment, list[AppointmentItem]]]) -> RenderableType:
    found = show.table("Visits", "Id", "When", "State", "Examinations", "Note")
    for row, lines in visits:
        covered = show.joined([_covered(line) for line in lines])
        note = row.note or ("no working day is left in a window" if row.outside else "") or _confirmed(row)
        show.add(found, words.short(row.id), plan_details.visit_when(work, row), words.VISIT[row.state], covered, note)
    return show.section(found, "none.")


def _covered(line: AppointmentItem) -> str:
    name = words.name(appointments.key(line))
    if line.outcome is None:
        return name
    why = f": {line.outcome_reason}" if line.outcome_reason else ""
    return f"{name} ({words.OUTCOME[line.outcome]}{why})"


def to_release(work: Work, released: Iterable[Appointment]) -> list[str]:
    """The visits whose scanner slots somebody must give back."""
    return [f"Release the slot: {visit_line(work, row)} ({words.short(row.id)})" for row in released]


def _study_table(work: Work, found_studies: list[Study]) -> RenderableType:
    titles = ("Id", "Accession", "Of", "Modality", "Done", "Reported", "Reviewed", "Result", "Told", "Next action")
    found = show.table("Studies", *titles)
    for row in found_studies:
        result = words.RESULT[row.result] if row.result else None
        done = f" (carried on since {row.next_action_done_on})" if row.next_action_done_on else ""
        action = f"{row.next_action}{done}".strip()
        items = show.joined(sorted(studies.items(work.session, row.id)))
        days = (row.performed_on, row.reported_on, row.reviewed_on)
        show.add(found, words.short(row.id), row.accession, items, row.modality, *days, result, row.told_on, action)
    return show.section(found, "none.")


# -- history ---------------------------------------------------------------------------------------------------


def _history(work: Work, patient: Patient, limit: int) -> list[tuple[AuditEvent, AuditValue | None]]:
    """The last changes, newest first; who only looked is left out."""
    left_out = (~col(AuditEvent.action).startswith(action) for action in (*LOOKS, *TOLD_BY_ITS_ACT))
    statement = (
        select(AuditEvent, AuditValue)
        .outerjoin(AuditValue, col(AuditValue.event_id) == col(AuditEvent.id))
        .where(AuditEvent.patient_id == patient.id, *left_out)
        .order_by(col(AuditEvent.id).desc())
        .limit(limit)
    )
    return [(event, value) for event, value in work.session.exec(statement)]


def _history_table(work: Work, patient: Patient, events: list[tuple[AuditEvent, AuditValue | None]]) -> RenderableType:
    zone = work.site(patient.site_id).time_zone
    found = show.table("History, newest first", "When", "Who", "Account", "What", "Change", "Reason")
    for event, value in events:
        user = work.session.get(User, event.user_id)
        what = event.action.replace(".", ": ").replace("_", " ")
        who = user.name if user else ""
        show.add(found, show.moment(event.at, zone), who, event.account, what, _changed(value), event.reason)
    return show.section(found, "none.")


def _changed(value: AuditValue | None) -> str:
    """What a change replaced by what, without ids; a new record is told by its name alone."""
    if value is None or value.before is None or value.after is None:
        return ""
    names = [name for name in value.after if name in value.before and not name.endswith(("_id", "_by"))]
    return "; ".join(
        f"{name.replace('_', ' ')}: {show.cell_of(value.before[name])} → {show.cell_of(value.after[name])}"
        for name in names
    )


def _event_data(event: AuditEvent, value: AuditValue | None) -> dict[str, Any]:
    values = {"before": value.before, "after": value.after} if value else {}
    return picture(event, ("at", "action", "account", "user_id", "reason")) | values
