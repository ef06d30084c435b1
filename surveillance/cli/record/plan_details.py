"""What one plan looks like: terms, trips a year, items, examinations, decisions, holds, and what does not fit."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from rich.console import RenderableType
from rich.text import Text
from sqlmodel import col, select

from surveillance.cli import show, words
from surveillance.cli.planning import changes
from surveillance.core.protocols import interval_words
from surveillance.core.protocols.choices import item_of
from surveillance.core.schedule.examinations import Examination
from surveillance.core.schedule.status import Reading, current, late, status
from surveillance.core.words import AppointmentState, Status
from surveillance.operations.planning import differences
from surveillance.operations.planning.plan_record import extras, holds, spelled_years, titles, years
from surveillance.operations.work import Work
from surveillance.store.audit.events import picture
from surveillance.store.planning import plans
from surveillance.store.tables import Appointment, Override, Place, Plan, Study, User
from surveillance.store.visits import appointments
from surveillance.store.visits import studies as study_store


@dataclass(frozen=True, slots=True)
class Page:
    """A plan made ready to be shown: parts for a person, data for a machine."""

    parts: list[RenderableType]
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the tables of a plan are made of."""

    today: date
    rows: list[Examination]
    studies: dict[str, Study]
    visits: dict[str, Appointment]
    titles: dict[str, str]


def gather(work: Work, plan: Plan) -> Page:
    """Everything about one plan as it stands today at its site."""
    facts = _facts(work, plan)
    data = picture(plan) | {
        "terms": [picture(row) for row in plans.terms_in_force(work.session, plan.id)],
        "trips_a_year": years(work, plan),
        "examinations": [_data(facts, row) for row in facts.rows],
        "holds": [picture(row) for row in holds(work, plan)],
        "decisions": [picture(row) for row in plans.overrides(work.session, plan.id)],
        "findings": [finding._asdict() for finding in differences.findings(work, plan)],
    }
    parts: list[RenderableType] = [show.fields(_summary(work, plan)), _items(facts), _examinations(work, facts)]
    parts += [f"To look at: {changes.told(finding)}" for finding in differences.findings(work, plan)]
    parts += [table for table in (_hold_table(work, plan), _decisions(work, plan)) if table is not None]
    return Page(parts, data)


def _facts(work: Work, plan: Plan) -> Facts:
    rows = [plans.examination(row) for row in plans.projected(work.session, plan.id).values()]
    rows.sort(key=lambda row: (row.target, row.item))
    return Facts(
        work.today(work.site(plan.site_id)),
        rows,
        {str(row.id): row for row in study_store.of_patient(work.session, plan.patient_id)},
        {str(row.id): row for row in _visits(work, {row.booking for row in rows if row.booking})},
        titles(work, plans.terms_in_force(work.session, plan.id)),
    )


def _visits(work: Work, ids: Iterable[str]) -> list[Appointment]:
    wanted = [UUID(text) for text in ids]
    return list(work.session.exec(select(Appointment).where(col(Appointment.id).in_(wanted)))) if wanted else []


# -- the plan itself -------------------------------------------------------------------------------------------


def _summary(work: Work, plan: Plan) -> list[tuple[str, object]]:
    terms = plans.terms_in_force(work.session, plan.id)
    clock = work.protocol(terms[-1].protocol_key).counts_from
    lines: list[tuple[str, object]] = [("Anchor", f"{show.day(plan.anchor)} ({clock})")]
    lines += [("Enrolled on", plan.enrolled_on)]
    for row in terms:
        label = "Protocol" if row.since is None else f"From {row.since}"
        codes = {code: code for code in map(item_of, row.intervals)}  # what a command calls them
        chosen = show.joined(interval_words.said(row.intervals, codes), "defaults")
        lines.append((label, f"{row.protocol_key}; {chosen}; chosen by {person(work, row.chosen_by)}"))
    told = interval_words.advised(work.protocol(terms[-1].protocol_key), terms[-1].intervals)
    lines += [("Advice", show.joined(told))] if told else []
    lines.append(("Trips a year", spelled_years(years(work, plan))))
    if plan.ended_on is not None and plan.end_reason is not None:
        signed = f", signed by {person(work, plan.end_signed_by)}" if plan.end_signed_by else ""
        lines.append(("Ended", f"{show.day(plan.ended_on)}: {words.END[plan.end_reason]}{signed}"))
        lines += [("Note", plan.end_note)] if plan.end_note else []
    if plan.restart_by is not None:
        lines.append(("Restart by", plan.restart_by))
    return lines


def person(work: Work, user_id: UUID | None) -> str:
    user = work.session.get(User, user_id) if user_id else None
    return user.name if user else "nobody"


# -- items and examinations ------------------------------------------------------------------------------------


def _reading(facts: Facts, row: Examination) -> Reading | None:
    study = facts.studies.get(row.study) if row.study else None
    return study_store.reading(study) if study else None


def _status(facts: Facts, row: Examination) -> Status:
    return status(row, facts.today, _reading(facts, row))


def _items(facts: Facts) -> RenderableType:
    found = show.table("Items", "Item", "Examination", "Last done", "Now", "Next")
    for item in dict.fromkeys(row.item for row in facts.rows):
        own = [row for row in facts.rows if row.item == item]
        done = [facts.studies[row.study].performed_on for row in own if row.study in facts.studies]
        following = current(own, facts.today)
        state = words.status(_status(facts, following)) if following else Text("nothing open")
        upcoming = f"{show.day(following.target)} ({words.name(following)})" if following else None
        show.add(found, item, facts.titles.get(item, item), max(done, default=None), state, upcoming)
    return show.section(found, "the plan asks for nothing.")


def _examinations(work: Work, facts: Facts) -> RenderableType:
    found = show.table("Examinations", "Name", "Target", "On time from", "until", "Status", "Details")
    for row in facts.rows:
        state = words.status(_status(facts, row), late=late(row, facts.today))
        start, end = row.window_start.isoformat(), row.window_end.isoformat()
        show.add(found, words.name(row), row.target, start, end, state, _detail(work, facts, row))
    return show.section(found, "none yet.")


def _detail(work: Work, facts: Facts, row: Examination) -> str:
    match _status(facts, row):
        case Status.PERFORMED | Status.REPORTED | Status.REVIEWED:
            study = facts.studies.get(row.study or "")
            return f"on {show.day(study.performed_on)}" if study else ""
        case Status.BOOKED | Status.OUTCOME_UNKNOWN:
            visit = facts.visits.get(row.booking or "")
            return visit_when(work, visit) if visit else show.day(row.booked_on)
        case Status.OVERDUE:
            days = (facts.today - row.overdue_since).days
            return f"since {show.day(row.overdue_since)} ({days} days)"
        case Status.SKIPPED:
            return f"look at it again on {show.day(row.skip_review_on)}"
        case Status.HELD:
            return f"since {show.day(row.held_from)}"
        case Status.UPCOMING | Status.TO_ORDER | Status.DUE:
            return "moved by hand" if row.moved else ""
    return ""


def visit_when(work: Work, visit: Appointment) -> str:
    """Local time with its zone, and the place: ``Tue 2026-12-01 10:30 GMT, MRI 2``."""
    place = work.session.get(Place, visit.place_id) if visit.place_id else None
    when = show.moment(visit.starts_at, visit.zone) if visit.starts_at else show.day(visit.day)
    return f"{when}, {place.name}" if place else when


def _data(facts: Facts, row: Examination) -> dict[str, Any]:
    return row._asdict() | {"name": words.name(row), "status": _status(facts, row), "late": late(row, facts.today)}


# -- holds and decisions ---------------------------------------------------------------------------------------


def _hold_table(work: Work, plan: Plan) -> RenderableType | None:
    found = show.table("Holds", "Id", "Of", "Because of", "From", "Review on", "Resumed", "Note")
    for row in holds(work, plan):
        of, because = row.item or "the whole plan", words.HOLD[row.reason]
        show.add(found, words.short(row.id), of, because, row.start, row.review_on, row.resumed_on, row.note)
    return found if found.row_count else None


def _decisions(work: Work, plan: Plan) -> RenderableType | None:
    found = show.table("Decisions", "Id", "What", "Examination", "Day", "By", "Reason")
    for row in plans.overrides(work.session, plan.id):
        name = _override_name(row)
        by = person(work, row.recorded_by)
        show.add(found, words.short(row.id), words.OVERRIDE[row.kind], name, row.day, by, row.reason)
    for extra in extras(work, plan):
        by = person(work, extra.recorded_by)
        show.add(found, words.short(extra.id), "extra examination", extra.item, extra.target, by, extra.reason)
    return found if found.row_count else None


def _override_name(row: Override) -> str:
    if row.extra_id is not None:
        return f"{row.item}@x{words.short(row.extra_id)}"
    return row.item if row.month is None else f"{row.item}@{row.month}"


def booked(work: Work, plan: Plan) -> list[Appointment]:
    """The booked visits of a plan, by day."""
    return appointments.of_plan(work.session, plan.id, AppointmentState.BOOKED)


def examinations_of(work: Work, visit: Appointment) -> list[Examination]:
    """The open examinations that a booked visit covers."""
    rows = plans.projected(work.session, visit.plan_id).values()
    return [plans.examination(row) for row in rows if row.booking_id == visit.id]
