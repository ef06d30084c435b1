"""What a use case gathered and passes on says the same at its end as what is read afresh."""

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from clinic import ANCHOR, CHEST, DAY, MRI, TODAY, Clinic

from surveillance.core.schedule.examinations import Key
from surveillance.core.words import EndReason, HoldReason, Outcome
from surveillance.operations.care import enrolment, holds, lifecycle, overrides
from surveillance.operations.messages.patient_context import patient_context
from surveillance.operations.planning import gathered, replanning
from surveillance.operations.planning.gathered import Gathered
from surveillance.operations.visits import booking, outcomes
from surveillance.operations.work import Work
from surveillance.store.tables import OverrideKind, Patient, Plan

VISIT = date(2026, 12, 1)


def snapshot(work: Work, now: Gathered) -> dict[str, Any]:
    """All that is known of a plan, by value."""
    lines = {row.id: [(line.id, line.target) for line in now.visits.lines(row.id)] for row in now.visits.every()}
    return {
        "facts": now.facts(work),
        "examinations": now.stored.examinations,
        "findings": set(now.stored.findings),
        "visits": now.visits.every(),
        "lines": lines,
    }


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whenever a plan or a patient's messages are made anew, what was handed over is compared with what stands."""
    seen: list[str] = []
    replan, renew = replanning.replan, replanning.scheduling.renew

    def replanned(work: Work, plan: Plan, now: Gathered | None = None) -> Any:
        changes = replan(work, plan, now)
        if now is not None:
            seen.append("plan")
            assert snapshot(work, now) == snapshot(work, gathered.gather(work, now.patient, plan))
        return changes

    def renewed(work: Work, patient: Patient, course: Any = None, visits: Any = None) -> Any:
        handed, fresh = patient_context(work, patient, course, visits), patient_context(work, patient)
        seen.append("messages")
        assert (handed.plan, handed.on_hold, handed.visits) == (fresh.plan, fresh.on_hold, fresh.visits)
        assert sorted(handed.dues, key=str) == sorted(fresh.dues, key=str)
        return renew(work, patient, course, visits)

    monkeypatch.setattr(replanning, "replan", replanned)
    monkeypatch.setattr(replanning.scheduling, "renew", renewed)
    return seen


def hold(clinic: Clinic, work: Work, scene: Any, item: str | None = None) -> Any:
    new = holds.NewHold(HoldReason.AWAY, TODAY + 30 * DAY, TODAY, item, cancel=[scene.visit.id])
    return holds.hold(work, scene.plan, new)


def skip(clinic: Clinic, work: Work, scene: Any) -> None:
    new = overrides.NewOverride(OverrideKind.SKIP, Key(MRI, 6), "at sea", TODAY + 60 * DAY)
    overrides.override(work, scene.plan, new)


def extra(clinic: Clinic, work: Work, scene: Any) -> None:
    row = overrides.extra(work, scene.plan, overrides.NewExtra(CHEST, TODAY + 5 * DAY, "a shadow"))
    clinic.book(work, scene.patient, TODAY + 5 * DAY, Key(CHEST, None, str(row.id)))


def partly(clinic: Clinic, work: Work, scene: Any) -> None:
    booking.cancel(work, scene.visit, "scanner broken", items=[CHEST])
    outcomes.reopen(work, scene.visit, CHEST, "mended")


def noshow(clinic: Clinic, work: Work, scene: Any) -> None:
    later = clinic.by(work, clinic.grace)
    later.now = work.now + (VISIT - TODAY)
    outcomes.record(later, scene.visit, [outcomes.OutcomeOf(item, Outcome.NOSHOW) for item in (MRI, CHEST)])


ACTS: dict[str, Callable[[Clinic, Work, Any], object]] = {
    "book": lambda clinic, work, scene: clinic.book(work, scene.patient, date(2027, 3, 1)),
    "book one item": lambda clinic, work, scene: clinic.book(work, scene.patient, date(2027, 3, 1), Key(MRI, 6)),
    "book far ahead": lambda clinic, work, scene: clinic.book(work, scene.patient, date(2030, 9, 2)),
    "move": lambda clinic, work, scene: clinic.move(work, scene.visit, date(2026, 12, 3)),
    "move to another slot": lambda clinic, work, scene: clinic.move(work, scene.visit, date(2027, 3, 1)),
    "cancel": lambda clinic, work, scene: booking.cancel(work, scene.visit, "scanner broken"),
    "cancel a part and take it back": partly,
    "nobody came": noshow,
    "a study": lambda clinic, work, scene: clinic.scan(work, scene.patient, TODAY),
    "hold": hold,
    "hold one item": lambda clinic, work, scene: hold(clinic, work, scene, MRI),
    "hold and resume": lambda clinic, work, scene: holds.resume(work, scene.plan, hold(clinic, work, scene), TODAY),
    "skip": skip,
    "an extra one": extra,
    "other intervals": lambda clinic, work, scene: enrolment.change_terms(
        clinic.by(work, clinic.helen),
        scene.plan,
        enrolment.NewTerms(TODAY + DAY, "less often", intervals={MRI: 6, CHEST: 6}),
    ),
    "another anchor": lambda clinic, work, scene: enrolment.correct_anchor(work, scene.plan, ANCHOR - 20 * DAY, "typo"),
    "end and reopen": lambda clinic, work, scene: (
        lifecycle.end(clinic.by(work, clinic.helen), scene.plan, lifecycle.NewEnd(EndReason.COMPLETED, TODAY)),
        lifecycle.reopen(work, scene.plan, "a mistake"),
    ),
    "restart": lambda clinic, work, scene: enrolment.restart(
        work, scene.patient, enrolment.Enrolment("asps-extremity", TODAY - DAY, reason="resected again")
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_is_passed_on_is_what_stands(clinic: Clinic, compared: list[str], act: str) -> None:
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        scene = SimpleNamespace(patient=patient, plan=plan, visit=clinic.book(work, patient, VISIT))
        compared.clear()
        ACTS[act](clinic, work, scene)
    assert "messages" in compared
