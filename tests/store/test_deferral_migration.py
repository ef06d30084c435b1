"""The upgrade to deferrals, on a database of the version before with people who are put off in it."""

from datetime import date, timedelta

from fakes.clinic import NOON, Clinic, open_clinic
from sqlmodel import select

from surveillance.core.schedule.examinations import Key
from surveillance.core.words import DeferralKind, EndReason, HoldReason, Role
from surveillance.operations.board import acts, worklist
from surveillance.operations.board.acts import WorklistAction
from surveillance.operations.care import enrolment, holds, lifecycle, overrides
from surveillance.operations.proof import check
from surveillance.operations.work import Actor, Work
from surveillance.store import db
from surveillance.store.tables import Deferral, Membership, OverrideKind, Plan, User

TODAY, DAY = date.today(), timedelta(days=1)  # noqa: DTZ011  # a migration knows no other day than the machine's
SAME = ("kind", "subject", "item", "until", "role", "patient_id", "plan_id")


def signed(clinic: Clinic, work: Work) -> Work:
    """Helen, a clinician, in the same transaction."""
    helen = User(username="helen", name="Helen", created_at=NOON)
    work.session.add(helen)
    work.session.flush()
    work.session.add(Membership(user_id=helen.id, site_id=clinic.site_id, role=Role.CLINICIAN))
    work.session.flush()
    return Work(work.session, work.now, Actor(helen.id, helen.name), work.catalogue)


def furnish(clinic: Clinic) -> None:
    ids = [clinic.patient(mrn, f"+1 202-555-010{mrn}", anchor=TODAY - 61 * DAY) for mrn in "123456"]
    with clinic.work() as work:
        helen = signed(clinic, work)
        held, off, skipped, moved, ended, late = (clinic.plan(work, each) for each in ids)
        holds.hold(helen, held, holds.NewHold(HoldReason.AWAY, TODAY + 60 * DAY, TODAY))
        enrolment.change_terms(
            helen, off, enrolment.NewTerms(TODAY, "seen elsewhere", intervals={"chest_imaging": None})
        )
        word = overrides.NewOverride(OverrideKind.SKIP, Key("mri_primary", 3), "asked", TODAY + 40 * DAY)
        overrides.override(helen, skipped, word)
        word = overrides.NewOverride(OverrideKind.MOVE, Key("mri_primary", 3), "abroad", TODAY + 45 * DAY)
        overrides.override(helen, moved, word)
        lifecycle.end(helen, ended, lifecycle.NewEnd(EndReason.RECURRENCE, TODAY, restart_by=TODAY + 80 * DAY))
        (row,) = worklist.rows(work, [clinic.site_id], worklist.Worklist.TO_ORDER)[:1]
        acts.act(helen, row, WorklistAction.SNOOZE, until=TODAY + 20 * DAY, text="on holiday")
        assert late.ended_on is None


def standing(clinic: Clinic) -> set[tuple[object, ...]]:
    with db.reading(clinic.app.engine) as session:
        rows = session.exec(select(Deferral).where(Deferral.settled_at.is_(None)))
        return {tuple(getattr(row, name) for name in SAME) for row in rows}


def test_what_puts_somebody_off_before_the_upgrade_is_a_deferral_after_it(engine, database_url) -> None:
    clinic = open_clinic(engine)
    clinic.clock.now = NOON.replace(year=TODAY.year, month=TODAY.month, day=TODAY.day)
    furnish(clinic)
    before = standing(clinic)
    assert {row[0] for row in before} == set(DeferralKind) - {DeferralKind.TRANSFER}
    engine.dispose()
    db.downgrade(database_url, "0004")
    db.upgrade(database_url)
    kept = {row for row in before if row[0] is not DeferralKind.OFF}
    after = standing(clinic)
    assert {row for row in after if row[0] is not DeferralKind.OFF} == kept
    (off,) = [row for row in after if row[0] is DeferralKind.OFF]
    assert (off[2], off[3]) == ("chest_imaging", TODAY + 92 * DAY)  # nobody had said until when
    with clinic.work() as work:
        assert len(list(work.session.exec(select(Plan)))) == 6
        assert [str(each) for each in check.check(work) if "defer" in str(each) or each.rule == "put off by name"] == []
