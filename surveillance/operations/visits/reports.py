"""The life of a study's report, and telling the patient: facts with dates of their own, each recorded by somebody."""

from collections.abc import Sequence
from datetime import date

from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.results import report_life
from surveillance.core.results.report_life import Version
from surveillance.core.words import ReportStatus, Role
from surveillance.operations.planning import preconditions
from surveillance.operations.work import Work, found
from surveillance.store.audit.events import picture
from surveillance.store.tables import Study, StudyReport
from surveillance.store.visits import obligations

RECORDERS = (Role.COORDINATOR, Role.CLINICIAN)
_REPORT = ("report_status", "reported_on", "to_review_since")


def report(work: Work, study: Study, day: date, status: ReportStatus = ReportStatus.FINAL, note: str = "") -> Study:
    """A version of the report has arrived. One that no review has seen asks for a review, whatever was reviewed before.

    Raises:
        InvalidInputError: an impossible day, or a version that cannot follow those there are.
    """
    work.require(study.site_id, *RECORDERS)
    must_stand(work, study)
    check_between(work, study, f"{status} report", study.performed_on, day)
    rows = obligations.versions(work.session, study.id)
    if why := report_life.refusal(versions_of(rows), status, day):
        raise InvalidInputError(why)
    before = picture(study, _REPORT)
    if report_life.corrects_day(versions_of(rows), status):
        _correct_day(work, study, rows, day)
    else:
        keep_version(work, study, status, day, note)
    stand(work, study)
    work.audit("study.report", study, before=before, after=picture(study, _REPORT) | {"day": day}, reason=note)
    return study


def stand_again(work: Work, row: StudyReport) -> None:
    """A version of a report was taken back: the study stands as the others say."""
    study = found(work.session.get(Study, row.study_id), "study", str(row.study_id))
    before = picture(study, _REPORT)
    stand(work, study)
    work.audit("study.report", study, before=before, after=picture(study, _REPORT))


def versions_of(rows: Sequence[StudyReport]) -> list[Version]:
    return [Version(row.status, row.day, row.read_on is not None) for row in rows]


def keep_version(work: Work, study: Study, status: ReportStatus, day: date, note: str = "") -> StudyReport:
    """Write a version down; ``stand`` says what the study is then."""
    row = StudyReport(
        site_id=study.site_id,
        patient_id=study.patient_id,
        study_id=study.id,
        number=obligations.next_number(work.session, study.id),
        status=status,
        day=day,
        note=note.strip(),
        recorded_at=work.now,
        recorded_by=work.actor.user_id,
    )
    work.session.add(row)
    work.session.flush()
    return row


def _correct_day(work: Work, study: Study, rows: Sequence[StudyReport], day: date) -> None:
    """The final report arrived on another day than was recorded; who has read it has read it."""
    wrong = next(row for row in rows if row.status is ReportStatus.FINAL)
    if wrong.read_on is not None and day > wrong.read_on:
        raise InvalidInputError(
            f"the report of {day} cannot be later than its review on {wrong.read_on};"
            " what came after it is amended or corrected"
        )
    right = keep_version(work, study, ReportStatus.FINAL, day, wrong.note)
    right.read_on, right.read_by = wrong.read_on, wrong.read_by
    wrong.retracted_at, wrong.retracted_by, wrong.retracted_reason = work.now, work.actor.user_id, "another day"
    work.session.flush()


def stand(work: Work, study: Study) -> None:
    """What the versions of the report add up to, on the study."""
    found_now = report_life.standing(versions_of(obligations.versions(work.session, study.id)))
    study.report_status, study.reported_on, study.to_review_since = found_now
    work.session.flush()


def tell(work: Work, study: Study, day: date) -> Study:
    """The patient was told the result. Raises InvalidInputError where nobody reviewed it, or not as it stands now."""
    work.require(study.site_id, *RECORDERS)
    if study.reviewed_on is None:
        raise InvalidInputError("a clinician reviews the result before the patient is told")
    if study.to_review_since is not None:
        raise InvalidInputError(
            f"a clinician reviews the {study.report_status} report before the patient is told what it says"
        )
    check_between(work, study, "telling", study.reviewed_on, day)
    return put(work, study, "study.tell", told_on=day)


def check_between(work: Work, study: Study, what: str, earliest: date, day: date) -> None:
    """Raises InvalidInputError for a day before ``earliest`` or after today."""
    today = work.today(work.site(study.site_id))
    if not earliest <= day <= today:
        raise InvalidInputError(f"the {what} on {day} must lie between {earliest} and today ({today})")


def must_stand(work: Work, study: Study) -> None:
    """Lock the patient and read the study again. Raises ConflictError where it was retracted."""
    preconditions.lock(work, study.patient_id)
    work.session.refresh(study)
    if study.retracted_at is not None:
        raise ConflictError(f"this study was retracted: {study.retracted_reason}")


def put(work: Work, study: Study, action: str, reason: str = "", **values: object) -> Study:
    """Set what is known of a study, with its event. Raises ConflictError where it was retracted."""
    must_stand(work, study)
    before = picture(study, values)
    study.sqlmodel_update(values)
    work.session.add(study)
    work.session.flush()
    work.audit(action, study, before=before, after=picture(study, values), reason=reason)
    return study
