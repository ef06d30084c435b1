"""The board's queries and ``core.schedule.status.status`` say the same of every examination, on every day."""

import random
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from board_clinic import START, TODAY, Clinic, open_clinic
from sqlmodel import col, select

from surveillance.core.schedule.examinations import Key
from surveillance.core.schedule.status import status
from surveillance.core.words import AppointmentState, HoldReason, Status
from surveillance.operations.board import worklist
from surveillance.operations.board.worklist import Worklist
from surveillance.operations.care import holds, overrides
from surveillance.operations.work import Work
from surveillance.store.planning import plans
from surveillance.store.tables import ExaminationRow, OverrideKind, Patient, Plan
from surveillance.store.visits import appointments

DAY = timedelta(days=1)
SAME = {Status.OVERDUE: Worklist.OVERDUE, Status.DUE: Worklist.DUE, Status.TO_ORDER: Worklist.TO_ORDER}


def lived(clinic: Clinic, work: Work, chance: random.Random, number: int) -> None:
    """A patient to whom things happened: scans, a hold, a skip, a move, an extra, a visit."""
    anchor = TODAY - chance.randrange(900) * DAY
    enrolled_on = max(anchor, TODAY - chance.randrange(400) * DAY)
    days = sorted(anchor + chance.randrange(1, 900) * DAY for _ in range(chance.randrange(6)))
    studies = clinic.scanned(*(day for day in days if day <= TODAY))
    patient, plan = clinic.enrolled(work, f"R{number}", anchor, enrolled_on=enrolled_on, studies=studies)
    for happening in chance.sample([_held, _skipped, _moved, _extra, _visited], 2):
        happening(clinic, work, chance, patient, plan)


def _open(work: Work, plan: Plan, chance: random.Random) -> ExaminationRow | None:
    rows = [row for row in plans.projected(work.session, plan.id).values() if row.open and row.cell_end > TODAY]
    return chance.choice(rows[:2]) if rows else None


def _held(clinic: Clinic, work: Work, chance: random.Random, patient: Patient, plan: Plan) -> None:
    start = max(plan.anchor, TODAY - chance.randrange(200) * DAY)
    row = holds.hold(work, plan, holds.NewHold(HoldReason.AWAY, TODAY + 90 * DAY, start, keep=_visits(work, plan)))
    if chance.random() < 0.6:
        holds.resume(work, plan, row, start + chance.randrange((TODAY - start).days + 1) * DAY)


def _visits(work: Work, plan: Plan) -> list[UUID]:
    return [row.id for row in appointments.of_plan(work.session, plan.id, AppointmentState.BOOKED)]


def _skipped(clinic: Clinic, work: Work, chance: random.Random, patient: Patient, plan: Plan) -> None:
    row = _open(work, plan, chance)
    if row is not None:
        key = Key(row.item, row.month, str(row.extra_id) if row.extra_id else None)
        overrides.override(work, plan, overrides.NewOverride(OverrideKind.SKIP, key, "why", TODAY + 30 * DAY))


def _moved(clinic: Clinic, work: Work, chance: random.Random, patient: Patient, plan: Plan) -> None:
    row = _open(work, plan, chance)
    if row is not None and row.month is not None and row.target > TODAY + 20 * DAY:
        move = overrides.NewOverride(OverrideKind.MOVE, Key(row.item, row.month), "why", row.target - 5 * DAY)
        overrides.override(work, plan, move)


def _extra(clinic: Clinic, work: Work, chance: random.Random, patient: Patient, plan: Plan) -> None:
    overrides.extra(work, plan, overrides.NewExtra("mri_primary", TODAY + chance.randrange(60) * DAY, "repeat"))


def _visited(clinic: Clinic, work: Work, chance: random.Random, patient: Patient, plan: Plan) -> None:
    row = _open(work, plan, chance)
    if row is None or row.month is None or row.booked_on is not None or row.held_from is not None:
        return
    day = max(row.target, TODAY)
    if row.cell_start <= day < row.cell_end:
        clinic.book(work, patient, day)


def shown(work: Work, clinic: Clinic) -> Mapping[UUID, Worklist]:
    found: dict[UUID, Worklist] = {}
    for name in SAME.values():
        for row in worklist.rows(work, [clinic.site_id], name, limit=10_000):
            assert row.examination_id is not None
            assert row.examination_id not in found, "an examination is on one of the three lists only"
            found[row.examination_id] = name
    return found


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_the_board_agrees_with_the_status_of_every_examination(engine: sa.Engine, seed: int) -> None:
    clinic, chance = open_clinic(engine), random.Random(seed)
    with clinic.work() as work:
        for number in range(25):
            lived(clinic, work, chance, number)
    seen = set()
    for days in (0, 1, 14, 45, 90, 200, 400):
        with clinic.work(START + timedelta(days=days)) as work:
            today = TODAY + days * DAY
            rows = work.session.exec(select(ExaminationRow).where(col(ExaminationRow.withdrawn).is_(False))).all()
            stood = {row.id: status(plans.examination(row), today) for row in rows}
            assert shown(work, clinic) == {key: SAME[state] for key, state in stood.items() if state in SAME}
            unknown = worklist.rows(work, [clinic.site_id], Worklist.OUTCOME_UNKNOWN)
            over = {row.booking_id for row in rows if stood[row.id] is Status.OUTCOME_UNKNOWN}
            assert over <= {row.appointment_id for row in unknown}
            seen |= set(stood.values())
    assert seen >= {*SAME, Status.HELD, Status.SKIPPED, Status.MISSED, Status.BOOKED, Status.OUTCOME_UNKNOWN}
