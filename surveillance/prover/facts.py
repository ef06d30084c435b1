"""The raw facts of a batch of patients, by a number of queries that does not grow with it, on SQLite and PostgreSQL."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from surveillance.prover.obligations import Finding, Key, PlanFacts, Row, Term, term

DAYS = "anchor enrolled_on horizon ended_on restart_by since start review_on resumed_on day target requested_on died_on"
DAYS += " performed_on until cell_end order_from due_from overdue_from overdue_since skip_review_on booked_on held_from"
TYPES: dict[str, Any] = dict.fromkeys((*DAYS.split(), "held_until"), sa.Date()) | {"intervals": sa.JSON()}
KEPT = "retracted_at IS NULL"
STUDY = """study JOIN study_item ON study_item.study_id = study.id LEFT JOIN appointment_item AS line
 ON line.appointment_id = study.appointment_id AND line.item = study_item.item"""
VISIT = "appointment JOIN appointment_item AS line ON line.appointment_id = appointment.id"
STAFF = "membership JOIN user_account ON user_account.id = membership.user_id"
SHOWN = """id plan_id item month extra_id target cell_end order_from due_from overdue_from overdue_since study_id
 booking_id booked_on skip_review_on held_from held_until ended open"""


@dataclass(frozen=True)
class StoredPlan:
    """A plan's facts beside what is stored and shown of it."""

    facts: PlanFacts
    chosen: Sequence[Row]  # its terms as somebody signed them
    shown: Mapping[Key, Row]
    findings: set[Finding]


@dataclass(frozen=True)
class PatientFacts:
    patient: Row
    site: Row
    staff: Mapping[UUID, Row]  # of the site, the disabled too: name, role, disabled_at
    deaths: Sequence[Row]
    gaps: Sequence[Row]
    actions: Sequence[Row]  # of people on the board, with a day until which a row is hidden
    plans: Sequence[StoredPlan]


def read(connection: sa.Connection, ids: Sequence[UUID]) -> list[PatientFacts]:
    """Everything that was said about these patients and not taken back."""
    about = partial(_rows, connection, ids, "patient_id")
    patients = _rows(connection, ids, "id", "patient", "id site_id died_on")
    sites = sorted({rows[0].site_id for rows in patients.values()})
    site = _rows(connection, sites, "id", "site", "id time_zone")
    staff = _rows(connection, sites, "site_id", STAFF, "site_id user_id role name disabled_at system")
    deaths, gaps = about("death", "patient_id died_on", KEPT), about("gap", "patient_id kind")
    actions = about("board_action", "patient_id worklist subject kind until user_id at", "until IS NOT NULL")
    studies = about(STUDY, "study.patient_id study.id study_item.item performed_on month extra_id", KEPT)
    plans = _plans(connection, about, studies)
    return [
        PatientFacts(
            patient,
            site[patient.site_id][0],
            {row.user_id: row for row in staff[patient.site_id]},
            *(found[patient.id] for found in (deaths, gaps, actions, plans)),
        )
        for [patient] in patients.values()
    ]


def _plans(connection: sa.Connection, about: Any, studies: Mapping[UUID, list[Row]]) -> Mapping[UUID, list[StoredPlan]]:
    columns = "id patient_id number anchor enrolled_on horizon ended_on end_reason end_signed_by restart_by"
    plans = [plan for rows in about("plan", columns).values() for plan in rows]
    of = partial(_rows, connection, [plan.id for plan in plans], "plan_id")
    terms = of("plan_terms", "plan_id since protocol_key intervals chosen_by recorded_at", KEPT)
    documents = _documents(connection, {row.protocol_key for rows in terms.values() for row in rows})
    holds = of("plan_hold", "plan_id item start review_on resumed_on recorded_by", KEPT)
    overrides = of("override", "plan_id kind item month extra_id study_id day recorded_by recorded_at", KEPT)
    extras = of("extra_examination", "plan_id id item target tolerance requested_on", KEPT)
    columns = "appointment.plan_id appointment.id day item month extra_id target"
    bookings = of(VISIT, columns, "appointment.state = 'booked' AND line.outcome IS NULL")
    shown = of("examination", SHOWN, "NOT withdrawn")
    findings = of("finding", "plan_id kind item month subject since")
    found: dict[UUID, list[StoredPlan]] = defaultdict(list)
    for plan in sorted(plans, key=lambda plan: plan.number):
        in_order = sorted(terms[plan.id], key=lambda row: (row.since or date.min, str(row.recorded_at)))
        chosen = list({row.since: row for row in in_order}.values())
        words = sorted(overrides[plan.id], key=lambda row: str(row.recorded_at))
        said = (holds[plan.id], words, extras[plan.id], bookings[plan.id])
        facts = PlanFacts(plan, [_term(row, documents) for row in chosen], studies[plan.patient_id], *said)
        rows = {(row.item, row.month, row.extra_id): row for row in shown[plan.id]}
        stored = {Finding(row.kind, row.item, row.month, row.subject, row.since) for row in findings[plan.id]}
        found[plan.patient_id].append(StoredPlan(facts, chosen, rows, stored))
    return found


def _rows(connection: sa.Connection, ids: Sequence[UUID], key: str, source: str, columns: str, where: str = "") -> Any:
    """The rows of a table, or of joined ones, by what they belong to."""
    names = {name.rpartition(".")[2]: name for name in columns.split()}
    picked = [sa.literal_column(name, _type(short)).label(short) for short, name in names.items()]
    asked = sa.literal_column(names[key], sa.Uuid()).in_(ids)
    statement = sa.select(*picked).select_from(sa.text(source)).where(asked, sa.text(where or "1 = 1"))
    found: dict[UUID, list[Row]] = defaultdict(list)
    for row in connection.execute(statement):
        found[getattr(row, key)].append(row)
    return found


def _type(name: str) -> Any:
    return sa.Uuid() if name == "id" or name.endswith(("_id", "_by")) and name not in TYPES else TYPES.get(name)


def _documents(connection: sa.Connection, keys: set[str]) -> dict[str, str]:
    asked = sa.bindparam("keys", sorted(keys), expanding=True)
    found = connection.execute(
        sa.text("SELECT key, document FROM protocol_version WHERE key IN :keys").bindparams(asked)
    )
    return {row.key: row.document for row in found}


def _term(row: Row, documents: Mapping[str, str]) -> Term:
    return _shared(documents[row.protocol_key], tuple(sorted(row.intervals.items())))._replace(
        since=row.since or date.min
    )


@lru_cache(maxsize=1024)
def _shared(document: str, chosen: tuple[tuple[str, int | None], ...]) -> Term:
    return term(date.min, json.loads(document), dict(chosen))
