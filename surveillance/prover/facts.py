"""The raw facts of a batch of patients, by a number of queries that does not grow with it, on SQLite and PostgreSQL."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from surveillance.prover.schedule import PlanFacts, Row, term

DAYS = "anchor enrolled_on horizon ended_on restart_by since start review_on resumed_on day target requested_on died_on"
DAYS += " performed_on repeat_by until cell_end overdue_from overdue_since skip_review_on held_from held_until"
TYPES: dict[str, Any] = dict.fromkeys(DAYS.split(), sa.Date()) | {"intervals": sa.JSON()}
KEPT = "retracted_at IS NULL"
STUDY = """study JOIN study_item ON study_item.study_id = study.id LEFT JOIN appointment_item AS line
 ON line.appointment_id = study.appointment_id AND line.item = study_item.item"""
VISIT = "appointment JOIN appointment_item AS line ON line.appointment_id = appointment.id"
STAFF = "membership JOIN user_account ON user_account.id = membership.user_id"
SHOWN = "plan_id item month extra_id cell_end overdue_from overdue_since study_id booking_id"
SHOWN += " skip_review_on held_from held_until ended open"


class PatientFacts(NamedTuple):
    """What was said about a patient and not taken back. ``staff``: of the site, the disabled too, with their role."""

    patient: Row
    site: Row
    staff: Mapping[UUID, Row]
    deaths: Sequence[Row]
    gaps: Sequence[Row]
    aside: Sequence[Row]  # rows of the board that are hidden until a day
    deferrals: Sequence[Row]  # that stand
    conditions: Sequence[Row]  # diseases, each followed by a plan of its own
    plans: Sequence[PlanFacts]


def read(connection: sa.Connection, ids: Sequence[UUID]) -> list[PatientFacts]:
    about = partial(_rows, connection, ids)
    patients = about("patient", "id mrn site_id died_on")
    sites = {rows[0].site_id for rows in patients.values()}
    site = _rows(connection, sites, "site", "id code time_zone")
    staff = _rows(connection, sites, STAFF, "site_id user_id role name disabled_at system")
    deaths, gaps = about("death", "patient_id died_on", KEPT), about("gap", "patient_id kind number")
    aside = about("board_action", "patient_id worklist subject until at", "until IS NOT NULL")
    columns = "patient_id plan_id kind subject item until role recorded_by"
    put_off, diseases = (
        about("deferral", columns, "settled_at IS NULL"),
        about("condition", "patient_id number id", KEPT),
    )
    parts = (deaths, gaps, aside, put_off, diseases, _plans(connection, about))
    return [
        PatientFacts(row, site[row.site_id][0], {each.user_id: each for each in staff[row.site_id]}, *of)
        for [row] in patients.values()
        for of in [[part[row.id] for part in parts]]
    ]


def _plans(connection: sa.Connection, about: Any) -> Mapping[UUID, list[PlanFacts]]:
    columns = " month extra_id repeat_by modality modality_stated"
    studies = about(STUDY, "study.patient_id study.id study_item.item performed_on" + columns, KEPT)
    columns = "patient_id id condition_id number anchor enrolled_on horizon ended_on"
    columns += " end_reason end_signed_by restart_by"
    plans = [plan for rows in about("plan", columns).values() for plan in rows]
    of = partial(_rows, connection, [plan.id for plan in plans])
    terms = of("plan_terms", "plan_id since protocol_key intervals recorded_at", KEPT)
    keys = {row.protocol_key for rows in terms.values() for row in rows}
    texts = {key: row.document for key, [row] in _rows(connection, keys, "protocol_version", "key document").items()}
    holds = of("plan_hold", "plan_id id item start review_on resumed_on", KEPT)
    words = of("override", "plan_id id kind item month extra_id study_id day recorded_at", KEPT)
    extras = of("extra_examination", "plan_id id item target tolerance requested_on", KEPT)
    bookings = of(VISIT, "plan_id appointment.id day item extra_id", "state = 'booked' AND outcome IS NULL")
    shown = of("examination", SHOWN, "NOT withdrawn")
    over = of("finding", "plan_id item", "kind = 'protocol_ends'")
    found: dict[UUID, list[PlanFacts]] = defaultdict(list)
    for plan in sorted(plans, key=lambda plan: plan.number):
        by_day = sorted({row.since or date.min: row for row in terms[plan.id]}.items())
        chosen = [term(day, texts[row.protocol_key], tuple(row.intervals.items())) for day, row in by_day]
        said = (studies[plan.patient_id], holds[plan.id], words[plan.id], extras[plan.id], bookings[plan.id])
        rows = {(row.item, row.month, row.extra_id): row for row in shown[plan.id]}
        found[plan.patient_id].append(PlanFacts(plan, chosen, *said, rows, {row.item for row in over[plan.id]}))
    return found


def _rows(connection: sa.Connection, ids: Collection[Any], source: str, columns: str, where: str = "") -> Any:
    """The rows of a table, or of joined ones, in the order of their recording, by the first of their columns."""
    picked = []
    for name in columns.split():
        short = name.rpartition(".")[2]
        kind = sa.Uuid() if f"_{short}".endswith(("_id", "_by")) else sa.types.NULLTYPE
        picked.append(sa.literal_column(name, TYPES.get(short, kind)).label(short))
    asked = picked[0].element.in_(ids)
    statement = sa.select(*picked).select_from(sa.text(source)).where(asked, sa.text(where or "1 = 1"))
    found: dict[UUID, list[Row]] = defaultdict(list)
    for row in connection.execute(statement.order_by(*(each for each in picked if each.name == "recorded_at"))):
        found[row[0]].append(row)
    return found
