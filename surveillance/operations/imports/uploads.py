"""A file on its way in, step by step: uploaded → compared → applying → applied, failed or discarded.

Each function is one step and one transaction. The file itself is carried in by ``carrying``, in the background.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import defer
from sqlmodel import col, select

from surveillance.core.errors import ConflictError, InvalidFileError, InvalidInputError
from surveillance.operations.imports import difference, headers
from surveillance.operations.imports.apply import record_batch
from surveillance.operations.imports.compare import compare
from surveillance.operations.imports.namesakes import namesakes
from surveillance.operations.imports.reading import read_grid
from surveillance.operations.imports.rows import parse
from surveillance.operations.imports.sheets import Grid, packed, unpacked
from surveillance.operations.registry import consents
from surveillance.operations.work import Work, found
from surveillance.store.audit.events import picture
from surveillance.store.tables import ImportBatch, ImportUpload, Site, UploadState, User

LARGEST: Final = 20 * 1024 * 1024  # bytes of a file that comes through the browser
UNCONFIRMED: Final = timedelta(days=7)  # how long a file waits for a person's yes
KEPT: Final = timedelta(days=30)  # how long the rows that did not go in can be fetched
_DONE = (UploadState.APPLIED, UploadState.DISCARDED)
_PICTURED = ("file_name", "digest", "state", "total", "counts", "skip_errors")


def receive(work: Work, site: Site, file_name: str, data: bytes) -> ImportUpload:
    """Keep a file whose columns are still to be chosen; it is read to the end, and nothing of it is taken in.

    Raises:
        InvalidInputError: it is too large, or cannot be read; every reason names its line.
    """
    work.require(site.id, *consents.WRITERS)
    if len(data) > LARGEST:
        raise InvalidInputError(f"the file is larger than {LARGEST // 1024**2} MB; split it")
    grid = _readable(file_name, data)
    upload = ImportUpload(
        site_id=site.id,
        user_id=work.actor.user_id,
        file_name=file_name,
        digest=grid.digest,
        content=packed(grid),
        mapping=headers.suggested(work, site, grid.labels),
        total=len(grid.rows),
        created_at=work.now,
        changed_at=work.now,
    )
    work.session.add(upload)
    work.session.flush()
    work.audit("import.upload", upload, after=picture(upload, _PICTURED))
    return upload


def _readable(file_name: str, data: bytes) -> Grid:
    try:
        grid = read_grid(file_name, data)
    except InvalidFileError as error:
        raise InvalidInputError(_told(error)) from error
    if not grid.rows:
        raise InvalidInputError("the file has a header but no rows below it")
    return grid


def _told(error: InvalidFileError) -> str:
    return "; ".join(f"line {problem.line}: {problem.reason}" for problem in error.problems)


def grid_of(upload: ImportUpload) -> Grid:
    """The cells of a file that has not been dropped yet. Raises ConflictError once it has been."""
    if upload.content is None:
        raise ConflictError("this file was dropped once it was dealt with; load it again")
    return unpacked(upload.content)


def choose(work: Work, upload: ImportUpload, mapping: Mapping[str, str]) -> None:
    """Say what each header stands for; the choice is remembered, and the file is compared with the registry.

    Raises:
        InvalidInputError: a required column is missing, or one was chosen twice.
        ConflictError: the file is being applied, or is done with.
    """
    _begin(work, upload, UploadState.UPLOADED, UploadState.COMPARED)
    site, grid = work.site(upload.site_id), grid_of(upload)
    chosen = {label: mapping.get(label, headers.LEFT_OUT) for label in grid.labels}
    try:
        sheet = headers.as_sheet(grid, chosen)
    except InvalidFileError as error:
        raise InvalidInputError("; ".join(problem.reason for problem in error.problems)) from error
    headers.remember(work, site, grid.labels, chosen)
    headers.remember(work, site, [*grid.labels, *difference.ADDED], chosen)  # the wrong rows, mended, come back so
    parsed = parse(work, site, sheet)
    compared = compare(work, site, parsed.rows)
    alike = namesakes(work, site, compared.new)
    upload.mapping, upload.total, upload.changed_at = chosen, len(sheet.rows), work.now
    upload.problems = difference.problems(grid, [*parsed.errors, *compared.conflicts])
    upload.preview = difference.preview(compared, alike, sheet.warnings, parsed.rows)
    upload.counts = {
        "new": len(compared.new),
        "changed": len(compared.changed),
        "unchanged": len(compared.unchanged),
        "error": len(upload.problems),
        "alike": len(alike),
    }
    upload.state = UploadState.COMPARED
    work.session.flush()


def confirm(work: Work, upload: ImportUpload, *, skip_errors: bool) -> None:
    """Take the file in: a worker carries it in from here, in this person's name. One that failed is carried on.

    Raises:
        ConflictError: it is not waiting for this, rows are wrong and ``skip_errors`` was not chosen, or nothing is
            left to take in.
    """
    _begin(work, upload, UploadState.COMPARED, UploadState.FAILED)
    wrong = len(upload.problems)
    if wrong and not (skip_errors or upload.skip_errors):
        raise ConflictError(f"{wrong} rows are wrong: mend the file, or take in the other rows only")
    if not upload.counts["new"] + upload.counts["changed"]:
        raise ConflictError("there is nothing to take in: no row is new or changed")
    before = picture(upload, _PICTURED)
    upload.state, upload.failure = UploadState.APPLYING, ""
    upload.skip_errors = upload.skip_errors or (skip_errors and wrong > 0)
    upload.user_id, upload.changed_at = work.actor.user_id, work.now
    work.session.flush()
    work.audit("import.confirm", upload, before=before, after=picture(upload, _PICTURED))


def discard(work: Work, upload: ImportUpload) -> None:
    """Drop a file; what a failed import took in before it failed stays, and is put on record.

    Raises:
        ConflictError: it is being applied, or is done with.
    """
    _begin(work, upload, UploadState.UPLOADED, UploadState.COMPARED, UploadState.FAILED)
    before = picture(upload, _PICTURED)
    if upload.done:
        close(work, upload)
    upload.state, upload.problems = UploadState.DISCARDED, []
    _drop(work, upload)
    work.audit("import.discard", upload, before=before, after=picture(upload, _PICTURED))


def close(work: Work, upload: ImportUpload) -> None:
    """All that goes in is in: one batch is put on record for the whole file, and its content is dropped."""
    counts = {name: upload.counts.get(f"{name}_in", 0) for name in ("added", "changed", "unchanged")}
    batch = record_batch(work, work.site(upload.site_id), upload.file_name, upload.digest, counts)
    upload.state, upload.batch_id = UploadState.APPLIED, batch.id
    _drop(work, upload)


def _drop(work: Work, upload: ImportUpload) -> None:
    upload.content, upload.preview, upload.changed_at = None, {}, work.now
    work.session.flush()


def _begin(work: Work, upload: ImportUpload, *states: UploadState) -> None:
    """The upload, locked, as it stands now and in one of ``states``."""
    work.require(upload.site_id, *consents.WRITERS)
    load(work, upload.id, lock=True)
    if upload.state not in states:
        raise ConflictError(f"this file is {WORDS[upload.state]}; somebody was quicker, look again")


WORDS: Final = {
    UploadState.UPLOADED: "waiting for its columns",
    UploadState.COMPARED: "waiting for your yes",
    UploadState.APPLYING: "being taken in",
    UploadState.APPLIED: "taken in",
    UploadState.FAILED: "stopped by a fault",
    UploadState.DISCARDED: "discarded",
}


# -- looking -----------------------------------------------------------------------------------------------------


def load(work: Work, upload_id: UUID, *, lock: bool = False) -> ImportUpload:
    """An upload without its content, which is read once somebody asks for it. Raises NotFoundError."""
    statement = select(ImportUpload).where(ImportUpload.id == upload_id).options(_without("content"))
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return found(work.session.exec(statement).first(), "file", str(upload_id))


def _without(column: str) -> Any:
    return defer(getattr(ImportUpload, column))


def under_way(work: Work, site_ids: Iterable[UUID]) -> list[ImportUpload]:
    """The files of sites that wait for a person or a worker, the newest first."""
    statement = (
        select(ImportUpload)
        .where(col(ImportUpload.site_id).in_(list(site_ids)), col(ImportUpload.state).not_in(_DONE))
        .options(*map(_without, ("content", "problems", "preview")))
    )
    return list(work.session.exec(statement.order_by(col(ImportUpload.created_at).desc())))


def taken_in(
    work: Work, site_ids: Iterable[UUID], skip: int = 0, limit: int = 50
) -> list[tuple[ImportBatch, UUID | None, User]]:
    """What was taken in at sites, through the browser (with its upload) or by a command, and by whom; newest first."""
    statement = (
        select(ImportBatch, col(ImportUpload.id), User)
        .join(User, col(User.id) == col(ImportBatch.user_id))
        .outerjoin(ImportUpload, col(ImportUpload.batch_id) == col(ImportBatch.id))
        .where(col(ImportBatch.site_id).in_(list(site_ids)))
        .order_by(col(ImportBatch.at).desc(), col(ImportBatch.id))
    )
    return [
        (batch, upload_id, user) for batch, upload_id, user in work.session.exec(statement.offset(skip).limit(limit))
    ]


def taken_in_before(work: Work, upload: ImportUpload) -> ImportUpload | None:
    """The last time that this very file was taken in at the site."""
    statement = select(ImportUpload).where(
        ImportUpload.site_id == upload.site_id,
        ImportUpload.digest == upload.digest,
        ImportUpload.state == UploadState.APPLIED,
        ImportUpload.id != upload.id,
    )
    return work.session.exec(statement.order_by(col(ImportUpload.changed_at).desc())).first()


# -- what nobody needs any more ------------------------------------------------------------------------------------


def forget(work: Work) -> int:
    """Drop files that nobody confirmed, and rows that did not go in and were not fetched; how many were dropped."""
    rows = [load(work, each, lock=True) for each in outdated(work)]
    for row in rows:
        if row.state is UploadState.FAILED and row.done:
            close(work, row)
        elif row.state is not UploadState.APPLIED:
            row.state = UploadState.DISCARDED
        row.problems = []
        _drop(work, row)
    return len(rows)


def outdated(work: Work) -> list[UUID]:
    """Uploads that hold patients' data longer than anybody needs it."""
    row = ImportUpload
    waiting = col(row.state).in_((UploadState.UPLOADED, UploadState.COMPARED))
    ended = col(row.state).in_((UploadState.APPLIED, UploadState.FAILED))
    filled = col(row.content).is_not(None) | (sa.cast(col(row.problems), sa.String) != "[]")
    old = (waiting & (col(row.changed_at) < work.now - UNCONFIRMED)) | (ended & (col(row.changed_at) < work.now - KEPT))
    return list(work.session.exec(select(col(row.id)).where(filled, old)))
