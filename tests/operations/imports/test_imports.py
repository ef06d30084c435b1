"""A registry from a file: all or nothing, each mistake by line and column, the same file twice changes nothing."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from approving import approved
from sqlmodel import col, select

from surveillance import bootstrap, paths
from surveillance.catalogue.messages import load_messages
from surveillance.catalogue.policy import load_policy
from surveillance.catalogue.protocols import load_all
from surveillance.catalogue.replies import load_replies
from surveillance.core.errors import InvalidFileError
from surveillance.core.words import AppointmentState
from surveillance.operations.administration import sites
from surveillance.operations.care import enrolment
from surveillance.operations.imports import apply, compare, reading
from surveillance.operations.imports import rows as imports_rows
from surveillance.operations.registry import patients
from surveillance.operations.visits.results import NewStudy
from surveillance.operations.work import Catalogue, Work
from surveillance.store import db
from surveillance.store.tables import (
    Appointment,
    AuditEvent,
    Consent,
    Contact,
    ExaminationRow,
    FindingRow,
    ImportBatch,
    Patient,
    Plan,
    PlanTerms,
    Site,
    Study,
    metadata,
)

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
HEADER = "mrn,family_name,given_name,birth_date,sex,phone,email,language,consent,protocol,anchor,intervals,studies"
ALMA = (
    "007,Winters,Alma,1988-03-14,female,(202) 555-0101,alma@mail.example,en,sms;email,asps-extremity,2026-01-31,,"
    "mri_primary+chest_imaging=2026-04-29;mri_primary=2026-08-01"
)
BERG = "008,Berg,Tomas,1975-07-02,m,,,,,,,,"


@dataclass
class PageContext:
    engine: sa.Engine
    catalogue: Catalogue
    folder: Path

    def work(self, session: db.Session) -> Work:
        return Work(session, NOW, bootstrap.system_actor(session), self.catalogue)

    def file(self, *lines: str, name: str = "registry.csv", encoding: str = "utf-8") -> Path:
        path = self.folder / name
        path.write_bytes("\n".join(lines).encode(encoding))
        return path

    def take_in(self, *lines: str) -> compare.Comparison:
        """Import a file as the command does; raises AssertionError where a row is wrong."""
        with db.writing(self.engine) as session:
            work = self.work(session)
            site = session.exec(select(Site)).one()
            sheet = reading.read(self.file(*lines))
            parsed = imports_rows.parse(work, site, sheet)
            found = compare.compare(work, site, parsed.rows)
            assert [str(error) for error in [*parsed.errors, *found.conflicts]] == []
            apply.apply(work, site, sheet, found)
            return found

    def errors(self, *lines: str) -> list[str]:
        with db.reading(self.engine) as session:
            work = Work(session, NOW, bootstrap.system_actor(session), self.catalogue)
            site = session.exec(select(Site)).one()
            parsed = imports_rows.parse(work, site, reading.read(self.file(*lines)))
            found = compare.compare(work, site, parsed.rows)
            return [str(error) for error in [*parsed.errors, *found.conflicts]]

    def dump(self) -> dict[str, int]:
        with self.engine.connect() as connection:
            count = sa.func.count()
            return {
                t.name: connection.execute(sa.select(count).select_from(t)).scalar_one() for t in metadata.sorted_tables
            }


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    folder = paths.config_folder()
    messages = load_messages(folder / "messages")
    return Catalogue(
        load_all(folder / "protocols"),
        load_policy(folder / "reminders.yaml"),
        messages,
        load_replies(folder / "replies", messages),
    )


@pytest.fixture
def context(engine: sa.Engine, catalogue: Catalogue, tmp_path: Path) -> PageContext:
    made = PageContext(engine, catalogue, tmp_path)
    with db.writing(engine) as session:
        work = made.work(session)
        site = sites.add_site(
            work, sites.NewSite("GB1", "Clinic", "Clinic", "America/New_York", "US", "(202) 555-0100")
        )
        approved(work, site)
    return made


def test_a_row_becomes_a_patient_with_contact_consents_plan_studies_and_proposals(context: PageContext) -> None:
    context.take_in(HEADER, ALMA, BERG)
    with db.reading(context.engine) as session:
        patient = session.exec(select(Patient).where(Patient.mrn == "007")).one()
        contact = session.exec(select(Contact).where(Contact.patient_id == patient.id)).one()
        assert (contact.phone, contact.email, contact.language) == ("+12025550101", "alma@mail.example", "en")
        assert len(session.exec(select(Consent).where(Consent.contact_id == contact.id)).all()) == 2
        plan = session.exec(select(Plan).where(Plan.patient_id == patient.id)).one()
        assert (plan.anchor, plan.enrolled_on) == (date(2026, 1, 31), NOW.date())
        done = session.exec(
            select(col(ExaminationRow.item), col(ExaminationRow.month)).where(col(ExaminationRow.study_id).is_not(None))
        )
        assert sorted(done) == [("chest_imaging", 3), ("mri_primary", 3), ("mri_primary", 6)]
        proposed = session.exec(select(Appointment).where(Appointment.state == AppointmentState.PROPOSED)).all()
        assert min(visit.day for visit in proposed) > NOW.date()
        assert session.exec(select(Plan).join(Patient).where(Patient.mrn == "008")).all() == []


def test_the_bulk_path_writes_the_rows_that_one_enrolment_by_hand_writes(context: PageContext) -> None:
    context.take_in(HEADER, ALMA)
    with db.writing(context.engine) as session:
        work = context.work(session)
        site = session.exec(select(Site)).one()
        twin = patients.add_patient(work, site, patients.NewPatient("T", "Winters", "Alma", date(1988, 3, 14)))
        studies = [
            NewStudy(["mri_primary", "chest_imaging"], date(2026, 4, 29)),
            NewStudy(["mri_primary"], date(2026, 8, 1)),
        ]
        enrolment.enrol(work, twin, enrolment.Enrolment("asps-extremity", date(2026, 1, 31), studies=studies))
        rows = {mrn: _rows(session, mrn) for mrn in ("007", "T")}
    assert rows["007"] == rows["T"]
    assert len(rows["T"][0]) > 15


def _rows(session: db.Session, mrn: str) -> tuple[list[tuple[object, ...]], list[object], list[object]]:
    """Examinations, findings and proposals without ids."""
    patient = session.exec(select(Patient).where(Patient.mrn == mrn)).one()
    skip = {"id", "patient_id", "plan_id", "study_id"}
    examinations = sorted(
        tuple((name, str(value)) for name, value in row.model_dump().items() if name not in skip)
        for row in session.exec(select(ExaminationRow).where(ExaminationRow.patient_id == patient.id))
    )
    findings = sorted(
        (row.kind, row.item, str(row.month), row.since)
        for row in session.exec(select(FindingRow).where(FindingRow.patient_id == patient.id))
    )
    visits = sorted(
        (row.day, row.outside, row.zone)
        for row in session.exec(select(Appointment).where(Appointment.patient_id == patient.id))
    )
    return examinations, list(findings), list(visits)


def test_what_was_chosen_of_the_first_years_comes_with_a_row(context: PageContext) -> None:
    cells = {"intervals": "mri_primary=4; mri_primary.until=24; mri_primary.later=12", "anchor": "2024-12-01"}
    values = dict(zip(HEADER.split(","), ALMA.split(","), strict=True)) | cells
    context.take_in(HEADER, ",".join(values.values()))
    with db.reading(context.engine) as session:
        terms = session.exec(select(PlanTerms)).one()
        assert terms.intervals == {"mri_primary": 4, "mri_primary.until": 24, "mri_primary.later": 12}
        rows = session.exec(select(ExaminationRow).where(ExaminationRow.item == "mri_primary"))
        assert sorted(row.month for row in rows if row.month and row.month > 20) == [24, 36]


def test_the_same_file_twice_changes_nothing_but_the_batch(context: PageContext) -> None:
    context.take_in(HEADER, ALMA, BERG)
    before = context.dump()
    found = context.take_in(HEADER, ALMA, BERG)
    assert (len(found.new), len(found.changed), len(found.unchanged)) == (0, 0, 2)
    after = context.dump()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"import_batch", "audit_event", "audit_value"}


def test_a_new_phone_and_a_new_study_are_taken_in_and_blank_cells_change_nothing(context: PageContext) -> None:
    context.take_in(HEADER, ALMA)
    header = "mrn,family_name,given_name,birth_date,sex,phone,protocol,anchor,studies"
    row = "007,Winters,Alma,1988-03-14,,(202) 555-0102,asps-extremity,2026-01-31,chest_imaging=2026-07-30"
    found = context.take_in(header, row)
    assert set(found.changed[0].fields) == {"phone"}
    with db.reading(context.engine) as session:
        contact = session.exec(select(Contact)).one()
        assert (contact.phone, contact.email) == ("+12025550102", "alma@mail.example")
        assert session.exec(select(Patient)).one().sex == "female"
        assert len(session.exec(select(Study)).all()) == 3
        row = session.exec(
            select(ExaminationRow).where(ExaminationRow.item == "chest_imaging", ExaminationRow.month == 6)
        ).one()
        assert row.study_id is not None
        actions = session.exec(select(AuditEvent.action)).all()
        assert "contact.edit" in actions
        assert "study.add" in actions


def test_a_phone_that_is_none_never_blocks_but_is_kept_as_given(context: PageContext) -> None:
    found = context.take_in(HEADER, BERG.replace("m,,", "m,12-34,"))
    assert "saved as given" in found.new[0].warnings[0]
    with db.reading(context.engine) as session:
        contact = session.exec(select(Contact)).one()
        assert (contact.phone, contact.phone_given) == (None, "12-34")


def test_a_number_that_cannot_be_dialled_never_replaces_one_that_can(context: PageContext) -> None:
    context.take_in(HEADER, ALMA)
    found = context.take_in(HEADER, ALMA.replace("(202) 555-0101", "12-34").replace("alma@", "other@"))
    assert set(found.changed[0].fields) == {"email"}
    assert "unless a good number is on record" in found.changed[0].row.warnings[0]
    with db.reading(context.engine) as session:
        contact = session.exec(select(Contact)).one()
        assert (contact.phone, contact.email) == ("+12025550101", "other@mail.example")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"birth_date": "14/03/1988"}, "line 2, birth_date: '14/03/1988' is not a date; write YYYY-MM-DD"),
        ({"birth_date": "1889-12-31"}, "line 2, birth_date: 1889-12-31 is not between 1890 and today (2026-11-23)"),
        ({"birth_date": "1988-02-30"}, "line 2, birth_date: '1988-02-30' is not a date; write YYYY-MM-DD"),
        ({"mrn": ""}, "line 2, mrn: is empty"),
        ({"mrn": "7" * 201}, "line 2, mrn: is longer than 200 characters"),
        ({"given_name": '"Al\x07ma"'}, "line 2, given_name: holds characters that cannot be shown"),
        ({"sex": "w"}, "line 2, sex: 'w' is not one of male, female, other, unknown"),
        ({"email": "alma at home"}, "line 2, email: 'alma at home' is not an email address"),
        ({"anchor": "2027-01-01"}, "line 2, anchor: 2027-01-01 lies after today (2026-11-23)"),
        ({"anchor": "1980-01-01"}, "line 2, anchor: 1980-01-01 lies before the birth date"),
        ({"anchor": ""}, "line 2, anchor: protocol and anchor go together; one of them is empty"),
        ({"protocol": "asps"}, "line 2, protocol: there is no protocol 'asps'"),
        ({"protocol": "nccn-sts-high"}, "line 2, protocol: protocol nccn-sts-high is not approved at GB1"),
        ({"intervals": "mri_primary=5"}, "line 2, intervals: mri_primary cannot be repeated every 5 months"),
        ({"intervals": "mri_primary.until=30"}, "line 2, intervals: mri_primary.until cannot be month 30"),
        ({"intervals": "mri_primary.later=off"}, "line 2, intervals: mri_primary.later is a number of months"),
        ({"intervals": "mri"}, "line 2, intervals: 'mri' is not ITEM=MONTHS, such as mri_primary=3"),
        ({"studies": "mri_primary"}, "line 2, studies: 'mri_primary' is not ITEM=YYYY-MM-DD"),
        ({"studies": "pet=2026-03-01"}, "line 2, studies: asps-extremity@2026.2 has no item pet"),
        ({"studies": "mri_primary=2027-01-01"}, "line 2, studies: 2027-01-01 lies before birth or after today"),
        ({"consent": "pigeon"}, "line 2, consent: 'pigeon' is not a list of sms and email"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value.split(":")[0].replace("line 2, ", ""),
)
def test_a_wrong_cell_is_named_by_line_and_column(context: PageContext, cells: dict[str, str], expected: str) -> None:
    values = dict(zip(HEADER.split(","), ALMA.split(","), strict=True)) | cells
    [error] = context.errors(HEADER, ",".join(values.values()))
    assert error.startswith(expected)


def test_an_mrn_that_stands_twice_names_both_lines(context: PageContext) -> None:
    assert context.errors(HEADER, ALMA, ALMA) == ["line 3, mrn: MRN '007' stands in line 2 already"]


def test_another_name_or_birth_date_under_a_known_mrn_goes_to_a_person(context: PageContext) -> None:
    context.take_in(HEADER, ALMA)
    errors = context.errors(HEADER, ALMA.replace("Winters", "Summers").replace("1988-03-14", "1988-03-15"))
    assert [error.split(":")[0] for error in errors] == ["line 2, family_name", "line 2, birth_date"]
    assert context.errors(HEADER, ALMA.replace("Winters", "WINTERS")) == []


def test_another_anchor_for_a_standing_plan_goes_to_a_person(context: PageContext) -> None:
    context.take_in(HEADER, ALMA)
    [error] = context.errors(HEADER, ALMA.replace("2026-01-31", "2026-02-01"))
    assert error.startswith("line 2, anchor: 2026-02-01 differs from 2026-01-31")


def test_leading_zeros_of_an_mrn_stay(context: PageContext) -> None:
    context.take_in(HEADER, ALMA)
    with db.reading(context.engine) as session:
        assert session.exec(select(Patient.mrn)).one() == "007"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04\x00\x00", "this Excel workbook cannot be read"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Excel file (.xls), or one with a password"),
        (b"%PDF-1.7\0", "neither a CSV file nor an Excel workbook"),
        (b"", "the file is empty"),
        (b"mrn;family_name\n1;M\x81ller\n", "not cp1252 text"),
        (b"mrn,family_name,given_name,birth_date,shoe_size\n", "unknown column 'shoe_size'"),
        (b"mrn,family_name,given_name,brith_date\n", "did you mean birth_date?"),
        (b"mrn,family_name\n", "missing column given_name, birth_date"),
        (b"mrn,mrn,family_name,given_name,birth_date\n", "column mrn stands twice"),
        (b'mrn,family_name,given_name,birth_date\n1,"a,b,c\n', "not readable as CSV"),
        (b"mrn,family_name,given_name,birth_date\n1,a,b,2000-01-01,extra\n", "5 cells, but the header names 4 columns"),
    ],
    ids=[
        "damaged",
        "old Excel",
        "other",
        "empty",
        "encoding",
        "unknown column",
        "typing error",
        "missing",
        "twice",
        "quote",
        "ragged",
    ],
)
def test_a_file_that_is_no_registry_is_refused_with_file_line_and_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidFileError, match=r"^bad\.csv:\d+: ") as refused:
        reading.read(path)
    assert reason in str(refused.value)


def test_semicolons_other_headers_and_another_encoding_are_read(tmp_path: Path) -> None:
    path = tmp_path / "german.csv"
    path.write_bytes("Patient ID;Surname;Vorname;DOB\n1;Müller;Jörg;1960-01-02\n".encode("cp1252"))
    sheet = reading.read(path, encoding="cp1252", mapping={"Vorname": "given_name"})
    assert sheet.rows[0][1] == {"mrn": "1", "family_name": "Müller", "given_name": "Jörg", "birth_date": "1960-01-02"}


def test_breaks_and_wide_spaces_in_a_name_become_plain_spaces(context: PageContext) -> None:
    context.take_in(HEADER, ALMA.replace(",Alma,", ',"Alma\u00a0\n Maria",'))
    with db.reading(context.engine) as session:
        assert session.exec(select(Patient.given_name)).one() == "Alma Maria"


def test_a_batch_is_on_record(context: PageContext) -> None:
    context.take_in(HEADER, ALMA, BERG)
    with db.reading(context.engine) as session:
        batch = session.exec(select(ImportBatch)).one()
        assert (batch.file_name, batch.added, batch.changed) == ("registry.csv", 2, 0)
