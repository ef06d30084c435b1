"""A file on its way in: columns chosen, difference shown, confirmed, carried in by chunks, and what may go wrong."""

import csv
import io
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from clinic import NOW, Clinic, catalogue, events, open_clinic
from sqlmodel import col, select
from structlog.testing import capture_logs

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError, UnavailableError
from surveillance.operations.imports import carrying, difference, headers, uploads
from surveillance.operations.job_context import JobContext
from surveillance.operations.work import Actor, Work
from surveillance.store import db
from surveillance.store.tables import Contact, ImportBatch, ImportUpload, Patient, Plan, UploadState

HEADER = "MRN,Surname,First name,Date of birth,Phone,Protocol,Anchor"
COLUMNS = {
    "MRN": "mrn", "Surname": "family_name", "First name": "given_name", "Date of birth": "birth_date",
    "Phone": "phone", "Protocol": "protocol", "Anchor": "anchor",
}  # fmt: skip


def row(mrn: str, name: str = "Winters", born: str = "1988-03-14", phone: str = "", anchor: str = "") -> str:
    return f"{mrn},{name},Alma,{born},{phone},{'asps-extremity' if anchor else ''},{anchor}"


@dataclass
class PageContext:
    """The clinic with an office that carries files in; ``now`` is turned by hand."""

    clinic: Clinic
    engine: sa.Engine
    now: datetime = NOW
    stopping: threading.Event = field(default_factory=threading.Event)

    def context(self) -> JobContext:
        return JobContext(self.engine, catalogue(), {}, "", self.clinic.system, lambda: self.now)

    def do(self, act: Callable[[Work], Any], actor: Actor | None = None) -> Any:
        with db.writing(self.engine) as session:
            return act(Work(session, self.now, actor or self.clinic.grace, catalogue()))

    def upload(self, *rows: str, header: str = HEADER) -> UUID:
        data = "\n".join([header, *rows]).encode()
        return self.do(lambda work: uploads.receive(work, self.clinic.site(work), "registry.csv", data).id)

    def compared(self, *rows: str) -> UUID:
        upload_id = self.upload(*rows)
        self.do(lambda work: uploads.choose(work, uploads.load(work, upload_id), COLUMNS))
        return upload_id

    def confirm(self, upload_id: UUID, *, skip_errors: bool = False, actor: Actor | None = None) -> UUID:
        self.do(lambda work: uploads.confirm(work, uploads.load(work, upload_id), skip_errors=skip_errors), actor)
        return upload_id

    def carry(self) -> Any:
        return carrying.carry_in(self.context(), self.stopping)

    def row(self, upload_id: UUID) -> ImportUpload:
        with db.reading(self.engine) as session:
            return session.get_one(ImportUpload, upload_id)

    def mrns(self) -> list[str]:
        with db.reading(self.engine) as session:
            return list(session.exec(select(col(Patient.mrn)).order_by(col(Patient.mrn))))


@pytest.fixture
def context(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> PageContext:
    monkeypatch.setattr(carrying, "CHUNK", 2)
    monkeypatch.setattr(carrying, "BREATH", 0)
    return PageContext(open_clinic(engine), engine)


@pytest.fixture
def sqlite_desk(sqlite_engine: sa.Engine) -> PageContext:
    """With chunks of their real size."""
    return PageContext(open_clinic(sqlite_engine), sqlite_engine)


def test_a_file_goes_from_its_upload_to_the_registry(context: PageContext) -> None:
    context.confirm(context.compared(row("1", phone="(202) 555-0101"), row("2")))
    context.carry()
    upload_id = context.compared(
        row("1", phone="(202) 555-0102"),
        row("2"),
        row("3", name="Berg", anchor="2026-09-01"),
        row("4", born="1.2.1990"),
    )
    compared = context.row(upload_id)
    assert (compared.state, compared.total) == (UploadState.COMPARED, 4)
    assert compared.counts == {"new": 1, "changed": 1, "unchanged": 1, "error": 1, "alike": 0}
    assert compared.preview["changed"][0]["what"] == [["phone", "+12025550101", "+12025550102"]]
    assert compared.preview["new"][0]["plan"].endswith("from 1 Sep 2026")
    context.confirm(upload_id, skip_errors=True, actor=context.clinic.helen)
    assert context.carry()["patients_imported"] == 2
    done = context.row(upload_id)
    assert (done.state, done.done, done.content, done.preview) == (UploadState.APPLIED, 4, None, {})
    assert context.mrns() == ["1", "2", "3"]
    with db.reading(context.engine) as session:
        batch = session.get_one(ImportBatch, done.batch_id)
        assert (batch.added, batch.changed, batch.unchanged) == (1, 1, 1)
        assert batch.user_id == context.clinic.helen.user_id
        work = Work(session, NOW, context.clinic.grace, catalogue())
        assert [event.action for event, _ in events(work, "import")] == ["import", "import"]
        assert session.exec(select(Contact)).one().phone == "+12025550102"
        assert session.exec(select(Plan)).one().anchor == date(2026, 9, 1)


def test_a_crash_loses_no_patient_and_doubles_none(context: PageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database goes away in the middle of the second chunk; the next tick goes on where the counter stands."""
    upload_id = context.confirm(context.compared(*(row(str(number)) for number in range(5))))
    original, calls = carrying.write, []

    def dies(*arguments: Any) -> None:
        original(*arguments)
        calls.append(arguments)
        if len(calls) == 2:
            raise UnavailableError("the power went")

    monkeypatch.setattr(carrying, "write", dies)
    with pytest.raises(UnavailableError):
        context.carry()
    assert (context.row(upload_id).done, context.mrns()) == (2, ["0", "1"])
    assert context.row(upload_id).state is UploadState.APPLYING
    context.carry()
    assert context.mrns() == ["0", "1", "2", "3", "4"]
    assert context.row(upload_id).counts["added_in"] == 5


def test_a_worker_that_is_stopped_leaves_the_rest_to_the_next(
    context: PageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = context.confirm(context.compared(*(row(str(number)) for number in range(3))))
    monkeypatch.setattr(context.stopping, "wait", lambda _seconds: context.stopping.set())
    context.carry()
    assert (context.row(upload_id).done, context.row(upload_id).state) == (2, UploadState.APPLYING)
    context.stopping = threading.Event()
    context.carry()
    assert context.row(upload_id).state is UploadState.APPLIED


def test_a_chunk_that_fails_is_told_and_the_import_can_go_on(
    context: PageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = context.confirm(context.compared(*(row(str(number)) for number in range(4))))
    with monkeypatch.context() as broken:
        original = carrying.compare
        broken.setattr(carrying, "compare", lambda *given: original(*given) if not context.mrns() else 1 / 0)
        with capture_logs() as logs:
            context.carry()
    [told] = [entry for entry in logs if entry["event"] == "an import failed"]
    assert told["why"] == "ZeroDivisionError"
    assert "carrying:" in told["at"]
    assert "exc_info" not in told, "a database's error quotes the row"
    failed = context.row(upload_id)
    assert (failed.state, failed.done) == (UploadState.FAILED, 2)
    assert failed.failure == "an unforeseen fault (ZeroDivisionError)"
    context.confirm(upload_id)
    context.carry()
    assert context.mrns() == ["0", "1", "2", "3"]
    assert context.row(upload_id).counts["added_in"] == 4


def test_a_file_that_was_taken_in_by_half_may_as_well_be_loaded_again(context: PageContext) -> None:
    rows = [row(str(number), name=f"Name{number}") for number in range(4)]
    context.confirm(context.compared(*rows[:2]))
    context.carry()
    again = context.compared(*rows)
    assert context.row(again).counts == {"new": 2, "changed": 0, "unchanged": 2, "error": 0, "alike": 0}


def test_a_user_who_lost_the_right_meanwhile_imports_nothing(context: PageContext) -> None:
    upload_id = context.confirm(context.compared(row("1")))
    context.do(lambda work: work.session.execute(sa.text("DELETE FROM membership")))
    context.carry()
    assert context.row(upload_id).state is UploadState.FAILED
    assert "Grace may not do this" in context.row(upload_id).failure
    assert context.mrns() == []


def test_what_the_registry_says_meanwhile_goes_to_a_person_and_not_into_the_record(context: PageContext) -> None:
    upload_id = context.confirm(context.compared(row("1"), row("2")))
    with db.writing(context.engine) as session:
        work = Work(session, NOW, context.clinic.grace, catalogue())
        context.clinic.patient(work, "2", family_name="Somebody", given_name="Else")
    context.carry()
    done = context.row(upload_id)
    assert (done.state, done.counts["added_in"], done.counts["error"]) == (UploadState.APPLIED, 1, 1)
    assert [fault[0] for fault in done.problems[0]["faults"]] == ["family_name", "given_name", "birth_date"]


def test_wrong_rows_are_fetched_mended_and_loaded_again(context: PageContext) -> None:
    upload_id = context.compared(row("1", phone="+1 202 555 0101", born="1.2.1990"), row("2"))
    with pytest.raises(ConflictError, match="1 rows are wrong"):
        context.confirm(upload_id)
    wrong = context.row(upload_id)
    text = "".join(difference.error_rows(list(wrong.mapping), wrong.problems)).removeprefix("\ufeff")
    [header, cells] = csv.reader(io.StringIO(text))
    assert header == [*HEADER.split(","), "line", "what is wrong"]
    assert cells[4:] == ["'+1 202 555 0101", "", "", "2", "birth date: '1.2.1990' is not a date; write YYYY-MM-DD"]
    again = context.upload(text.replace("1.2.1990", "1990-02-01", 1).split("\r\n")[1], header=",".join(header))
    mapping = context.row(again).mapping
    assert mapping == {**COLUMNS, "line": "", "what is wrong": ""}
    context.do(lambda work: uploads.choose(work, uploads.load(work, again), mapping))
    assert context.row(again).counts["error"] == 0
    context.confirm(again)
    context.carry()
    with db.reading(context.engine) as session:
        assert session.exec(select(Contact)).one().phone == "+12025550101"


def test_the_columns_of_a_file_are_remembered_for_its_site(sqlite_desk: PageContext) -> None:
    header = "Nummer,Nachname,Vorname,Geburtstag,Bemerkung"
    chosen = {"Nummer": "mrn", "Nachname": "family_name", "Vorname": "given_name", "Geburtstag": "birth_date"}
    first = sqlite_desk.upload("1,Winters,Alma,1988-03-14,tea", header=header)
    assert sqlite_desk.row(first).mapping["Nachname"] == headers.LEFT_OUT
    sqlite_desk.do(lambda work: uploads.choose(work, uploads.load(work, first), chosen))
    again = sqlite_desk.upload("1988-03-14,2,Winters,Alma,tea", header="Geburtstag,Nummer,Nachname,Vorname,Bemerkung")
    assert sqlite_desk.row(again).mapping == {**chosen, "Bemerkung": ""}


def test_the_same_name_and_birth_date_under_another_number_is_a_warning(context: PageContext) -> None:
    context.do(
        lambda work: context.clinic.patient(
            work, "900", family_name="Wínters", given_name="ALMA", birth_date=date(1988, 3, 14)
        )
    )
    upload_id = context.compared(row("1"), row("2", name="Berg"), row("3", name="Berg"), row("900"))
    found = context.row(upload_id)
    assert [(each["mrn"], each["other"], bool(each["patient"])) for each in found.preview["alike"]] == [
        ("1", "900", True),
        ("3", "2", False),
    ]
    assert found.counts["alike"] == 2


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "line 1: the file is empty"),
        (b"MRN,Surname\n", "a header but no rows"),
        (b"%PDF\0", "neither a CSV file nor an Excel workbook"),
        (b"MRN\n" + b"1\n" * uploads.LARGEST, "larger than 20 MB"),
    ],
    ids=["empty", "no rows", "other", "large"],
)
def test_a_file_that_is_no_registry_is_refused_at_the_door(sqlite_desk: PageContext, data: bytes, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        sqlite_desk.do(lambda work: uploads.receive(work, sqlite_desk.clinic.site(work), "a.csv", data))


def test_columns_that_do_not_fit_are_refused_and_the_file_waits(sqlite_desk: PageContext) -> None:
    upload_id = sqlite_desk.upload(row("1"))
    for mapping, reason in (({}, "missing column mrn"), ({**COLUMNS, "Phone": "mrn"}, "column mrn stands twice")):
        with pytest.raises(InvalidInputError, match=reason):
            sqlite_desk.do(lambda work, mapping=mapping: uploads.choose(work, uploads.load(work, upload_id), mapping))
    assert sqlite_desk.row(upload_id).state is UploadState.UPLOADED


def test_only_those_who_may_write_at_the_site_load_a_file(sqlite_desk: PageContext) -> None:
    clinic, upload_id = sqlite_desk.clinic, sqlite_desk.upload(row("1"))
    for step in (uploads.discard, lambda work, upload: uploads.choose(work, upload, COLUMNS)):
        with pytest.raises(ForbiddenError):
            sqlite_desk.do(lambda work, step=step: step(work, uploads.load(work, upload_id)), clinic.oscar)
    with pytest.raises(ForbiddenError):
        sqlite_desk.do(lambda work: uploads.receive(work, clinic.site(work), "a.csv", b"MRN\n1\n"), clinic.oscar)


def test_a_file_that_is_done_with_takes_no_further_step(sqlite_desk: PageContext) -> None:
    upload_id = sqlite_desk.compared(row("1"))
    sqlite_desk.do(lambda work: uploads.discard(work, uploads.load(work, upload_id)))
    assert sqlite_desk.row(upload_id).content is None
    with pytest.raises(ConflictError, match="this file is discarded"):
        sqlite_desk.confirm(upload_id)
    same = sqlite_desk.confirm(sqlite_desk.compared(row("1")))
    with pytest.raises(ConflictError, match="being taken in"):
        sqlite_desk.do(lambda work: uploads.discard(work, uploads.load(work, same)))
    sqlite_desk.carry()
    nothing_new = sqlite_desk.compared(row("1"))
    with pytest.raises(ConflictError, match="nothing to take in"):
        sqlite_desk.confirm(nothing_new)
    assert sqlite_desk.do(lambda work: uploads.taken_in_before(work, uploads.load(work, nothing_new))).id == same


def test_files_that_nobody_confirms_and_wrong_rows_that_nobody_fetches_are_dropped(context: PageContext) -> None:
    waiting = context.compared(row("1"))
    done = context.confirm(context.compared(row("2"), row("3", born="never")), skip_errors=True)
    context.carry()
    context.now += timedelta(days=8)
    context.carry()
    assert (context.row(waiting).state, context.row(waiting).content) == (UploadState.DISCARDED, None)
    assert len(context.row(done).problems) == 1
    context.now += timedelta(days=23)
    assert context.carry()["files_dropped"] == 1
    assert (context.row(done).problems, context.row(done).state) == ([], UploadState.APPLIED)
    assert context.carry()["files_dropped"] == 0


def test_ten_thousand_patients_go_in_while_others_work(
    sqlite_desk: PageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two chunks the lock is free: somebody else writes while the file goes in."""
    monkeypatch.setattr(carrying, "CHUNK", 1000)
    rows = [row(f"{number:05d}", name=f"Name{number}") for number in range(10_000)]
    sqlite_desk.confirm(sqlite_desk.compared(*rows))
    ended = threading.Event()

    def carry() -> None:
        sqlite_desk.carry()
        ended.set()

    thread = threading.Thread(target=carry)
    thread.start()
    turns = 0
    while not ended.wait(0.1):
        sqlite_desk.do(lambda work: work.session.execute(sa.text("UPDATE site SET name = name")))
        turns += 1
    thread.join()
    assert len(sqlite_desk.mrns()) == 10_000
    assert turns > 3
