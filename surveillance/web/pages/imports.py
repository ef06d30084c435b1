"""Many patients from a file: upload → columns → difference → yes → progress → the rows that did not go in."""

from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any
from uuid import UUID

from fastapi.responses import Response
from sqlalchemy.orm import Mapped
from sqlmodel import col, select
from starlette.background import BackgroundTask

from surveillance.core.errors import ConflictError
from surveillance.operations.imports import difference, explained, headers, uploads
from surveillance.store.tables import ImportUpload, Patient, UploadState
from surveillance.web.access import Permission
from surveillance.web.deps import Background
from surveillance.web.desk import Desk
from surveillance.web.forms import Form
from surveillance.web.pages import Pages

pages = Pages(prefix="/imports")

LISTED = 50
SAMPLES = 3  # rows that are shown while columns are chosen
SHOWN_PROBLEMS = 50
AT_ONCE = 500  # values in one question to the database
_FORM = 64 * 1024  # bytes of an upload that are not the file
_CSV = "text/csv; charset=utf-8"
TEMPLATES = {
    UploadState.UPLOADED: "imports/columns.html",
    UploadState.COMPARED: "imports/difference.html",
    UploadState.APPLYING: "imports/progress.html",
    UploadState.APPLIED: "imports/result.html",
    UploadState.FAILED: "imports/result.html",
    UploadState.DISCARDED: "imports/result.html",
}


@pages.get("", needs=Permission.RECORD)
def start(desk: Desk, page: int = 1) -> Response:
    return _start(desk, page)


def _start(desk: Desk, page: int = 1) -> Response:
    skip = (max(page, 1) - 1) * LISTED
    taken = uploads.taken_in(desk.work, desk.site_ids, skip, LISTED + 1)
    return desk.page(
        "imports/start.html",
        sites={site.id: site for site in desk.sites},
        waiting=uploads.under_way(desk.work, desk.site_ids),
        taken=taken[:LISTED],
        earlier=desk.address(page=page - 1 if page > 2 else "") if page > 1 else None,
        later=desk.address(page=page + 1) if len(taken) > LISTED else None,
        words=uploads.WORDS,
        columns=explained.COLUMNS,
        required=explained.REQUIRED,
    )


@pages.get("/template.csv", needs=Permission.RECORD)
def template(_desk: Desk) -> Response:
    return _download("patients.csv", [explained.template()])


@pages.post("", needs=Permission.RECORD, largest=uploads.LARGEST + _FORM)
def upload(desk: Desk) -> Response:
    form, file = desk.form, desk.form.files.get("file")
    code = form.one_of("site", "the clinic", [site.code for site in desk.sites])
    if file is None or not file.filename:
        form.fault("file", "Choose a CSV file or an Excel workbook")
    if file is not None and form.ok:
        data = file.file.read(uploads.LARGEST + 1)
        name = PurePath((file.filename or "").replace("\\", "/")).name
        with form.trying(desk.session, "file"):
            received = uploads.receive(desk.work, desk.site(code), name, data)
    if form.errors:
        return _start(desk)
    return desk.go(f"/imports/{received.id}")


@pages.get("/{upload_id}", needs=Permission.RECORD)
def show(desk: Desk, upload_id: UUID) -> Response:
    return _show(desk, _upload(desk, upload_id))


@pages.get("/{upload_id}/columns", needs=Permission.RECORD)
def columns_again(desk: Desk, upload_id: UUID) -> Response:
    """Choose the columns anew, after a look at what they bring."""
    row = _upload(desk, upload_id)
    return _columns(desk, row) if row.state is UploadState.COMPARED else _show(desk, row)


@pages.post("/{upload_id}/columns", needs=Permission.RECORD)
def columns(desk: Desk, upload_id: UUID) -> Response:
    row, form = _upload(desk, upload_id), desk.form
    names = [headers.LEFT_OUT, *explained.COLUMNS]
    chosen = {
        label: form.one_of(f"column-{place}", f"what {label!r} stands for", names, required=False)
        for place, label in enumerate(row.mapping)
    }
    _check(form, list(chosen.values()))
    if form.ok:
        with form.trying(desk.session, "column-0"):
            uploads.choose(desk.work, row, chosen)
    if form.errors:
        return _columns(desk, row)
    return desk.go(f"/imports/{row.id}")


def _check(form: Form, chosen: list[str]) -> None:
    """What a person can mend at once, at the box where it is mended."""
    for place, column in enumerate(chosen):
        if column and column in chosen[:place]:
            form.fault(f"column-{place}", f"{_column_name(column)} is chosen twice")
    free = chosen.index(headers.LEFT_OUT) if headers.LEFT_OUT in chosen else 0
    if missing := [_column_name(column) for column in explained.REQUIRED if column not in chosen]:
        form.fault(f"column-{free}", f"Choose the column for {' and for '.join(missing)}")


@pages.post("/{upload_id}/confirm", needs=Permission.RECORD)
def confirm(desk: Desk, upload_id: UUID) -> Response:
    """Yes: a worker takes the file in from here; the one beside this server begins at once."""
    row = _upload(desk, upload_id)
    with desk.form.trying(desk.session):
        uploads.confirm(desk.work, row, skip_errors=desk.form.flag("skip_errors"))
    if desk.form.errors:
        return _show(desk, row)
    answer = desk.go(f"/imports/{row.id}")
    background: Background | None = desk.request.app.state.background
    if background is not None:
        answer.background = BackgroundTask(background.kick, "imports")
    return answer


@pages.post("/{upload_id}/discard", needs=Permission.RECORD)
def discard(desk: Desk, upload_id: UUID) -> Response:
    row = _upload(desk, upload_id)
    with desk.form.trying(desk.session):
        uploads.discard(desk.work, row)
    if desk.form.errors:
        return _show(desk, row)
    return desk.done("/imports", f"{row.file_name} was discarded.")


@pages.get("/{upload_id}/progress", needs=Permission.RECORD)
def progress(desk: Desk, upload_id: UUID, told: int = 0) -> Response:
    """The bar alone, asked for every second; ``told`` is how much was read out last."""
    row = _upload(desk, upload_id)
    if row.state is not UploadState.APPLYING or not desk.live:
        return desk.go(f"/imports/{row.id}")
    return desk.page("imports/_bar.html", upload=row, percent=_percent(row), told=told)


@pages.get("/{upload_id}/rows.csv", needs=Permission.RECORD)
def wrong_rows(desk: Desk, upload_id: UUID) -> Response:
    """The rows that did not go in, to mend and load again."""
    row = _upload(desk, upload_id)
    if not row.problems:
        raise ConflictError("there are no such rows, or they were dropped after thirty days")
    _look_at(desk, row, row.problems)
    desk.afterwards.append(lambda work: work.audit("import.export", work.session.get_one(ImportUpload, upload_id)))
    name = f"{PurePath(row.file_name).stem} - to mend.csv"
    return _download(name, difference.error_rows(list(row.mapping), row.problems))


# -- what the pages share ----------------------------------------------------------------------------------------


def _upload(desk: Desk, upload_id: UUID) -> ImportUpload:
    """The upload, of a site where the user may do this; its content is read only where it is needed."""
    uploads.load(desk.work, upload_id)
    return desk.row(ImportUpload, upload_id)


def _show(desk: Desk, row: ImportUpload) -> Response:
    if row.state is UploadState.UPLOADED:
        return _columns(desk, row)
    site = desk.work.site(row.site_id)
    wrong = row.problems[:SHOWN_PROBLEMS]
    _look_at(desk, row, wrong)
    return desk.page(
        TEMPLATES[row.state],
        upload=row,
        site=site,
        percent=_percent(row),
        told=0,
        wrong=wrong,
        before=uploads.taken_in_before(desk.work, row),
        column=_column_name,
    )


def _columns(desk: Desk, row: ImportUpload) -> Response:
    grid, site = uploads.grid_of(row), desk.work.site(row.site_id)
    remembered = headers.remembered(desk.work, site, grid.labels) is not None
    samples = [
        [cells[place] for _, cells in grid.rows[:SAMPLES] if place < len(cells) and cells[place].strip()]
        for place in range(len(grid.labels))
    ]
    form = desk.form
    if not form.errors:
        form = Form.filled(**{f"column-{place}": row.mapping[label] for place, label in enumerate(row.mapping)})
    return desk.page(
        "imports/columns.html",
        form=form,
        upload=row,
        site=site,
        grid=grid,
        rows=list(zip(row.mapping, samples, strict=True)),
        remembered=remembered,
        options=[(name, column.name) for name, column in explained.COLUMNS.items()],
        required=[explained.COLUMNS[name].name for name in explained.REQUIRED],
    )


def _look_at(desk: Desk, row: ImportUpload, wrong: Sequence[difference.Problem]) -> None:
    """The difference shows what is on record of these patients; so does what is wrong with a row, by its MRN."""
    shown = [each["patient"] for kind in ("changed", "alike") for each in row.preview.get(kind, ()) if each["patient"]]
    _looked(desk, row, col(Patient.id), [UUID(each) for each in shown])
    place = next((place for place, column in enumerate(row.mapping.values()) if column == "mrn"), None)
    if place is not None:
        _looked(desk, row, col(Patient.mrn), [cells[place] for each in wrong if len(cells := each["cells"]) > place])


def _looked(desk: Desk, row: ImportUpload, column: Mapped[Any], values: Sequence[Any]) -> None:
    for start in range(0, len(values), AT_ONCE):
        wanted = column.in_(values[start : start + AT_ONCE])
        desk.looked(*desk.session.exec(select(Patient).where(Patient.site_id == row.site_id, wanted)))


def _percent(row: ImportUpload) -> int:
    return 100 * row.done // max(row.total, 1)


def _column_name(column: str) -> str:
    known = explained.COLUMNS.get(column)
    return known.name if known else column


def _download(name: str, parts: Iterable[str]) -> Response:
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in " -_.") else "_" for letter in name)
    return Response("".join(parts), media_type=_CSV, headers={"Content-Disposition": f'attachment; filename="{plain}"'})
