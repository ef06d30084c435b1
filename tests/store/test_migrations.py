"""The service's own migration: up, down and up again over data in every table, and what its constraints refuse."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from sqlmodel import SQLModel, select

from surveillance.core.words import FollowUp, ReportStatus
from surveillance.store import db, tables
from surveillance.store.proof import rules
from surveillance.store.visits import obligations

TABLES = SQLModel.metadata.sorted_tables
DAY, MOMENT = date(2026, 11, 23), datetime(2026, 11, 23, 8, tzinfo=UTC)
OTHER_DAY = date(2026, 11, 24)
# A value of each kind of column; what a rule of the table asks for besides stands below.
BY_KIND: Mapping[type, Any] = {
    bool: False, int: 1, float: 1.5, date: DAY, time: time(8), datetime: MOMENT, str: "xxxxxxxx", bytes: b"x",
    object: {},
}  # a JSON value is any object  # fmt: skip
SPECIAL: Mapping[str, Mapping[str, Any]] = {
    "contact": {"phone": "+12025550101"},
    "examination": {"extra_id": None},
    "plan": {"ended_on": None, "end_reason": None},
    "plan_hold": {"resumed_on": None, "retracted_at": None},
    "attempt": {"finished_at": None},
    "study": {"retracted_at": None, "repeat_by": None},
    "study_follow_up": {"hold_id": None, "plan_id": None, "task_id": None, "retracted_at": None},
}


def value(column: sa.Column[Any]) -> Any:
    if isinstance(column.type, sa.Enum):
        return column.type.enums[0]
    kind = getattr(column.type, "impl", column.type)  # SQLModel's own types stand around one of the database's
    found = BY_KIND[kind.python_type]
    return found[: kind.length] if isinstance(found, str) else found


def sample(table: sa.Table, known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A row of a table that refers to the rows there are."""
    row: dict[str, Any] = {}
    for column in table.columns:
        parents = [key.column for key in column.foreign_keys]
        if parents and parents[0].table is not table:
            row[column.name] = known[parents[0].table.name][parents[0].name]
        elif isinstance(column.type, sa.Uuid):
            row[column.name] = None if column.nullable else uuid4()
        else:
            row[column.name] = value(column)
    return row | SPECIAL.get(table.name, {})


def fill(engine: sa.Engine) -> dict[str, dict[str, Any]]:
    """One row in every table."""
    known: dict[str, dict[str, Any]] = {}
    with db.writing(engine) as session:
        for table in TABLES:
            known[table.name] = sample(table, known)
            insert(session, table, known[table.name])
    return known


def insert(session: Any, table: sa.Table, row: Mapping[str, Any]) -> None:
    """Past the model's own checks: what the database itself says to a value."""
    columns = [
        sa.column(column.name, sa.String() if isinstance(column.type, sa.Enum) else column.type)
        for column in table.columns
    ]
    session.execute(sa.insert(sa.table(table.name, *columns)).values(dict(row)))


def counts(engine: sa.Engine) -> dict[str, int]:
    with db.reading(engine) as session:
        return {table.name: session.scalar(sa.select(sa.func.count()).select_from(table)) for table in TABLES}


def shape(engine: sa.Engine) -> dict[str, Any]:
    """What stands in the database: columns, keys, indexes and checks of each table."""
    found = sa.inspect(engine)
    return {
        name: (
            sorted((column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(name)),
            sorted((str(key["name"]), key["constrained_columns"]) for key in found.get_foreign_keys(name)),
            sorted((str(index["name"]), bool(index["unique"])) for index in found.get_indexes(name)),
            sorted(str(check["name"]) for check in found.get_check_constraints(name)),
        )
        for name in sorted(found.get_table_names())
    }


# -- up and down -----------------------------------------------------------------------------------------------


def test_the_schema_goes_down_with_data_in_every_table_and_comes_up_as_it_was(engine, database_url):
    before = shape(engine)
    fill(engine)
    assert set(counts(engine).values()) == {1}
    db.downgrade(database_url, "base")
    assert sa.inspect(engine).get_table_names() == ["alembic_version"]
    db.upgrade(database_url)
    assert shape(engine) == before
    assert set(counts(engine).values()) == {0}
    fill(engine)


def test_the_migrations_make_what_the_tables_say(engine):
    config = db._alembic()
    config.attributes["engine"] = engine
    command.check(config)  # raises where a column, an index or a key differs


def test_every_table_knows_its_site_or_has_a_reason_not_to():
    """So that tables can be partitioned by site and no query reaches across (design 9)."""
    without = {table.name for table in TABLES if "site_id" not in table.columns}
    assert without == {
        "site", "user_account", "protocol_version",  # of the whole service
        "number", "inbound", "callback", "sender", "dispatch_pause",  # of a phone number or a sender
        "heartbeat", "counter", "promise_check",  # of a process
        "api_token", "idempotency_key", "recovery_code", "sign_in_failure", "web_session",  # of a user
        "audit_seal",  # of the audit trail as a whole
    }  # fmt: skip


# -- from the version before -----------------------------------------------------------------------------------


def as_of(engine: sa.Engine, names: Sequence[str]) -> dict[str, sa.Table]:
    """Tables as the database has them, of whatever version."""
    found = sa.MetaData()
    found.reflect(engine, only=names)
    return {name: found.tables[name] for name in names}


# accession → what was known of a study in version 0004; a review was by the one user there is
STUDIES: Mapping[str, Mapping[str, Any]] = {
    "unreported": {},
    "unread": {"reported_on": OTHER_DAY},
    "read": {"reported_on": DAY, "reviewed_on": DAY, "result": "clear"},
    "ticked": {
        "reported_on": DAY,
        "reviewed_on": DAY,
        "result": "suspicious",
        "next_action": "biopsy",
        "next_action_done_on": OTHER_DAY,
    },
    "open": {"reported_on": DAY, "reviewed_on": OTHER_DAY, "result": "recurrence", "next_action": "tumour board"},
}
NOTHING = dict.fromkeys(("reported_on", "reviewed_on", "reviewed_by", "result", "next_action_done_on", "told_on"))
NAMES = ("user_account", "site", "patient", "protocol_version", "plan", "finding", "override", "audit_event")


def fill_before(engine: sa.Engine) -> dict[str, UUID]:
    """One of each in version 0004, and the studies; who recorded a report and a tick stands in the audit trail."""
    found = sa.inspect(engine)
    columns = {name: {each["name"] for each in found.get_columns(name)} for name in (*NAMES, "study")}
    every, ids = SQLModel.metadata.tables, {}
    known: dict[str, dict[str, Any]] = {name: {"id": None} for name in ("appointment", "extra_examination", "study")}

    def keep(session: Any, name: str, **facts: Any) -> dict[str, Any]:
        row = sample(every[name], known) | facts
        insert(session, every[name], {key: value for key, value in row.items() if key in columns[name]})
        return row

    with db.writing(engine) as session:
        for name in NAMES[:-1]:
            known[name] = keep(session, name)
        for accession, facts in STUDIES.items():
            reviewer = known["user_account"]["id"] if "result" in facts else None
            told = NOTHING | {"accession": accession, "reviewed_by": reviewer, "retracted_at": None} | facts
            ids[accession] = keep(session, "study", **told)["id"]
        for number, (action, accession) in enumerate((("study.report", "read"), ("study.acted", "ticked")), start=1):
            keep(session, "audit_event", id=number, action=action, subject_id=str(ids[accession]), at=LATER)
    return ids


LATER = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def test_what_was_reported_reviewed_and_ticked_before_stays_as_it_was_told(engine, database_url):
    db.downgrade(database_url, "0005")
    ids = fill_before(engine)
    db.upgrade(database_url)
    with db.reading(engine) as session:
        rows = {row.accession: row for row in session.exec(select(tables.Study))}
        assert {name: (row.report_status, row.to_review_since) for name, row in rows.items()} == {
            "unreported": (None, None),
            "unread": (ReportStatus.FINAL, OTHER_DAY),
            "read": (ReportStatus.FINAL, None),
            "ticked": (ReportStatus.FINAL, None),
            "open": (ReportStatus.FINAL, None),
        }
        versions = {row.study_id: row for row in session.exec(select(tables.StudyReport))}
        assert set(versions) == set(ids.values()) - {ids["unreported"]}
        assert (versions[ids["read"]].recorded_at, versions[ids["unread"]].recorded_at) == (LATER, MOMENT)
        assert [versions[ids[name]].read_on for name in ("unread", "read", "open")] == [None, DAY, OTHER_DAY]
        (row,) = session.exec(select(tables.StudyFollowUp))
        assert (row.study_id, row.kind, row.reason, row.day) == (ids["ticked"], FollowUp.NOTED, "biopsy", OTHER_DAY)
        assert row.recorded_at == LATER
        site = session.exec(select(tables.Site)).one()
        assert (site.report_days, site.review_days, site.told_days) == (14, 7, 7)  # reports as before
        assert list(rules.wrong_reports(session)) == list(rules.wrong_obligations(session)) == []
        patient = rows["open"].patient_id
        assert obligations.undecided(session, patient)


def test_what_the_version_before_has_no_words_for_does_not_keep_a_database_from_going_back(engine, database_url):
    known = fill(engine)
    now = as_of(engine, ("study", "finding", "override"))
    with engine.begin() as connection:
        study = sa.update(now["study"]).values(result="inadequate", repeat_by=DAY, reported_on=None)
        connection.execute(study)
        connection.execute(sa.update(now["finding"]).values(kind="repeat_wanted"))
        connection.execute(sa.update(now["override"]).values(kind="fits"))
    db.downgrade(database_url, "0005")
    was = as_of(engine, ("study", "finding", "override"))
    with engine.connect() as connection:
        (row,) = connection.execute(sa.select(was["study"].c.result, was["study"].c.reported_on)).all()
        assert row == ("indeterminate", known["study"]["reviewed_on"])
        assert connection.scalar(sa.select(sa.func.count()).select_from(was["finding"])) == 0
        assert connection.scalar(sa.select(sa.func.count()).select_from(was["override"])) == 0
    db.upgrade(database_url)


# -- what the database refuses ---------------------------------------------------------------------------------


@pytest.fixture
def filled(engine) -> dict[str, dict[str, Any]]:
    return fill(engine)


def accepts(session: Any, table: type[SQLModel], row: Mapping[str, Any], **changes: Any) -> bool:
    """Whether the database takes one more row like ``row`` with another id and these values; it is not kept."""
    own = {"id": uuid4()} if isinstance(row.get("id"), UUID) else {}
    point = session.begin_nested()
    try:
        insert(session, table.__table__, {**row, **own, **changes})
    except sa.exc.IntegrityError:
        return False
    finally:
        point.rollback()
    return True


# table, what would have to differ for the row to be a good one, what makes it a bad one
REFUSED: dict[str, tuple[type[SQLModel], dict[str, Any], dict[str, Any]]] = {
    "a second active plan": (tables.Plan, {"number": 2, "ended_on": DAY, "end_reason": "death"}, {"ended_on": None}),
    "an end without a reason": (
        tables.Plan,
        {"number": 2, "ended_on": DAY, "end_reason": "death"},
        {"end_reason": None},
    ),
    "an enrolment before the anchor": (
        tables.Plan,
        {"number": 2, "ended_on": DAY, "end_reason": "death"},
        {"anchor": OTHER_DAY},
    ),
    "two attempts in flight for one number": (
        tables.Attempt,
        {"to_address": "+12025550102", "provider_id": "SM2"},
        {"to_address": "xxxxxxxx"},
    ),
    "one provider's id twice": (
        tables.Attempt,
        {"to_address": "+12025550102", "provider_id": "SM2"},
        {"provider_id": "xxxxxxxx"},
    ),
    "one message planned twice": (tables.Reminder, {"key": "other"}, {"key": "xxxxxxxx"}),
    "a review before the report": (tables.Study, {"accession": "A2"}, {"report_status": None}),
    "an inadequate study without a day to repeat it": (
        tables.Study,
        {"accession": "A2", "result": "inadequate", "repeat_by": DAY},
        {"repeat_by": None},
    ),
    "a repeat of a clear study": (tables.Study, {"accession": "A2"}, {"repeat_by": DAY}),
    "two facts that carry on one result": (tables.StudyFollowUp, {"retracted_at": MOMENT}, {"retracted_at": None}),
    "an extra examination that is none": (tables.StudyFollowUp, {"retracted_at": MOMENT}, {"extra_id": None}),
    "to go on without a reason": (
        tables.StudyFollowUp,
        {"retracted_at": MOMENT, "kind": "continue", "extra_id": None},
        {"reason": ""},
    ),
    "a task that is done and nothing came of it": (tables.ResultTask, {}, {"outcome": ""}),
    "a version of a report twice": (tables.StudyReport, {"number": 2}, {"number": 1}),
    "a review without a result": (tables.Study, {"accession": "A2"}, {"result": None}),
    "a report before the study": (tables.Study, {"accession": "A2"}, {"performed_on": OTHER_DAY}),
    "telling before the review": (tables.Study, {"accession": "A2"}, {"reviewed_on": None, "result": None}),
    "an accession number twice": (tables.Study, {"accession": "A2"}, {"accession": "xxxxxxxx"}),
    "an MRN twice": (tables.Patient, {"mrn": "002"}, {"mrn": "xxxxxxxx"}),
    "an empty MRN": (tables.Patient, {"mrn": "002"}, {"mrn": ""}),
    "a death before birth": (tables.Patient, {"mrn": "002"}, {"birth_date": OTHER_DAY}),
    "a phone number as it was dialled": (tables.Contact, {}, {"phone": "202 555 0101"}),
    "a second hold of an item": (tables.PlanHold, {"item": "other"}, {"item": "xxxxxxxx"}),
    "a hold reviewed before its start": (tables.PlanHold, {"item": "other"}, {"review_on": date(2026, 1, 1)}),
    "an override without a reason": (tables.Override, {}, {"reason": ""}),
    "a move to no day": (tables.Override, {}, {"day": None}),
    "a booked visit without a time": (tables.Appointment, {"state": "booked"}, {"at": None}),
    "an item twice in a visit": (tables.AppointmentItem, {"item": "other"}, {"item": "xxxxxxxx"}),
    "an examination twice": (tables.ExaminationRow, {"month": 2}, {"month": 1}),
    "an examination of neither slot nor extra": (tables.ExaminationRow, {"month": 2}, {"month": None}),
    "a window that ends before it begins": (tables.ExaminationRow, {"month": 2}, {"window_start": OTHER_DAY}),
}


def test_the_database_refuses_what_must_never_be_and_only_that(engine, filled):
    with db.reading(engine) as session:
        for case, (table, good, bad) in REFUSED.items():
            row = filled[table.__tablename__]
            assert accepts(session, table, row, **good), f"{case}: the good row is refused"
            assert not accepts(session, table, row, **(good | bad)), f"{case} is accepted"


def test_no_word_outside_its_enumeration_is_stored(engine, filled):
    words = [(table, column) for table in TABLES for column in table.columns if isinstance(column.type, sa.Enum)]
    assert len(words) >= 20
    with db.reading(engine) as session:
        for table, column in words:
            with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
                session.execute(sa.text(f"UPDATE {table.name} SET {column.name} = 'nonsense'"))


def test_a_row_that_others_refer_to_cannot_go(engine, filled):
    with db.reading(engine) as session:
        for name in ("site", "patient", "plan", "user_account", "appointment"):
            with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
                session.execute(sa.text(f"DELETE FROM {name}"))
