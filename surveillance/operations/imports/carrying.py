"""Carrying a confirmed file in, some hundred patients at a time, so that nobody waits for ten thousand.

Each chunk is one transaction that holds its patients and the counter of the rows dealt with. A crash loses the chunk
at hand, and whoever comes next goes on at the counter; two workers at one file would each take other rows.
"""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from traceback import extract_tb
from typing import Final
from uuid import UUID

import structlog
from sqlmodel import col, select

from surveillance.core.errors import SurveillanceError, UnavailableError
from surveillance.operations.imports import difference, uploads
from surveillance.operations.imports.apply import write
from surveillance.operations.imports.compare import Comparison, compare
from surveillance.operations.imports.headers import as_sheet
from surveillance.operations.imports.rows import CellError, parse
from surveillance.operations.imports.sheets import Grid, Sheet
from surveillance.operations.job_context import JobContext
from surveillance.operations.work import Actor, Work
from surveillance.store import db, locks
from surveillance.store.tables import ImportUpload, UploadState, User

log = structlog.get_logger(__name__)

CHUNK: Final = 300  # rows in one transaction: about 0.3 s with plans and studies on SQLite
BREATH: Final = 0.12  # seconds between two: SQLite lets a writer who waits try again every 0.1


def carry_in(context: JobContext, stopping: threading.Event) -> Counter[str]:
    """Take in what people have confirmed, and drop what nobody needs any more; of several workers one does it."""
    confirmed = select(col(ImportUpload.id)).where(ImportUpload.state == UploadState.APPLYING)
    with db.reading(context.engine) as session:
        waiting = list(session.exec(confirmed.order_by(col(ImportUpload.changed_at))))
        outdated = uploads.outdated(context.work(session))
    done: Counter[str] = Counter()
    if outdated:
        with db.writing(context.engine) as session:
            done["files_dropped"] = uploads.forget(context.work(session))
    for upload_id in waiting:
        with locks.alone(context.engine, "import of a file") as mine:
            if mine:
                done += _file(context, upload_id, stopping)
    return done


def _file(context: JobContext, upload_id: UUID, stopping: threading.Event) -> Counter[str]:
    """One file, or its failure as a state that people see.

    Raises:
        UnavailableError: the database went away; the next tick goes on.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="import") as aside:
        going = aside.submit(_chunks, context, upload_id, stopping)
        error = going.exception()
    if isinstance(error, UnavailableError):
        raise error
    if error is None:
        return Counter(patients_imported=going.result())
    log.error("an import failed", about=str(upload_id), why=type(error).__name__, at=_steps(error))
    with db.writing(context.engine) as session:
        _failed(context.work(session), upload_id, error)
    return Counter(errors=1)


def _steps(error: BaseException) -> str:
    """Where it failed. A database's own words would quote the row, and with it a patient."""
    return " > ".join(f"{Path(step.filename).stem}:{step.lineno}" for step in extract_tb(error.__traceback__))


def _chunks(context: JobContext, upload_id: UUID, stopping: threading.Event) -> int:
    with db.reading(context.engine) as session:
        upload = uploads.load(context.work(session), upload_id)
        if upload.state is not UploadState.APPLYING:
            return 0
        grid, actor = uploads.grid_of(upload), _actor(session.get_one(User, upload.user_id))
        sheet = as_sheet(grid, upload.mapping)
    taken, breath = 0, BREATH if context.engine.dialect.name == "sqlite" else 0
    while not stopping.is_set():
        with db.writing(context.engine) as session:
            work = Work(session, context.clock(), actor, context.catalogue)
            more, number = next_chunk(work, upload_id, grid, sheet)
        taken += number
        if not more:
            break
        stopping.wait(breath)
    return taken


def _actor(user: User) -> Actor:
    return Actor(user.id, user.name)


def next_chunk(work: Work, upload_id: UUID, grid: Grid, sheet: Sheet) -> tuple[bool, int]:
    """The next rows of a file; whether there are more, and how many patients were added or changed.

    Everything is checked and compared again, as the registry may have changed since it was shown.
    """
    upload = uploads.load(work, upload_id, lock=True)
    if upload.state is not UploadState.APPLYING:
        return False, 0
    site, known = work.site(upload.site_id), {problem["line"] for problem in upload.problems}
    rows = sheet.rows[upload.done : upload.done + CHUNK]
    parsed = parse(work, site, replace(sheet, rows=[(line, cells) for line, cells in rows if line not in known]))
    found = compare(work, site, parsed.rows)
    write(work, site, found)
    _count(upload, grid, found, [*parsed.errors, *found.conflicts])
    upload.done += len(rows)
    upload.changed_at = work.now
    work.session.flush()
    if upload.done >= len(sheet.rows):
        uploads.close(work, upload)
    return upload.state is UploadState.APPLYING, len(found.new) + len(found.changed)


def _count(upload: ImportUpload, grid: Grid, found: Comparison, errors: list[CellError]) -> None:
    fresh = difference.problems(grid, errors)
    if fresh:
        upload.problems = [*upload.problems, *fresh]
    counts = Counter(upload.counts)
    counts.update(added_in=len(found.new), changed_in=len(found.changed), unchanged_in=len(found.unchanged))
    upload.counts = {**counts, "error": len(upload.problems)}


def _failed(work: Work, upload_id: UUID, error: BaseException) -> None:
    """Only our own errors are known to name no patient that the person may not see."""
    upload = uploads.load(work, upload_id, lock=True)
    if upload.state is UploadState.APPLYING:
        told = str(error) if isinstance(error, SurveillanceError) else f"an unforeseen fault ({type(error).__name__})"
        upload.state, upload.failure, upload.changed_at = UploadState.FAILED, told, work.now
        work.audit("import.failed", upload, after={"failure": told, "done": upload.done})
