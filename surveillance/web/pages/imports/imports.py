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
from surveillance.operations.imports import columns as imports_columns
from surveillance.operations.imports import difference, explained, headers, uploads
from surveillance.store.tables import ImportUpload, Patient, UploadState
from surveillance.web.access import Permission
from surveillance.web.deps import Background
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages

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
def start(context: PageContext, page: int = 1) -> Response:
    return _start(context, page)


def _start(context: PageContext, page: int = 1) -> Response:
    skip = (max(page, 1) - 1) * LISTED
    taken = uploads.taken_in(context.work, context.site_ids, skip, LISTED + 1)
    return context.page(
        "imports/start.html",
        sites={site.id: site for site in context.sites},
        waiting=uploads.under_way(context.work, context.site_ids),
        taken=taken[:LISTED],
        earlier=context.address(page=page - 1 if page > 2 else "") if page > 1 else None,
        later=context.address(page=page + 1) if len(taken) > LISTED else None,
        words=uploads.WORDS,
        columns=explained.COLUMNS,
        required=imports_columns.REQUIRED,
    )


@pages.get("/template.csv", needs=Permission.RECORD)
def template(_desk: PageContext) -> Response:
    return _download("patients.csv", [explained.template()])


@pages.post("", needs=Permission.RECORD, largest=uploads.LARGEST + _FORM)
def upload(context: PageContext) -> Response:
    form, file = context.form, context.form.files.get("file")
    code = form.one_of("site", "the clinic", [site.code for site in context.sites])
    if file is None or not file.filename:
        form.fault("file", "Choose a CSV file or an Excel workbook")
    if file is not None and form.ok:
        data = file.file.read(uploads.LARGEST + 1)
        name = PurePath((file.filename or "").replace("\\", "/")).name
        with form.trying(context.session, "file"):
            received = uploads.receive(context.work, context.site(code), name, data)
    if form.errors:
        return _start(context)
    return context.go(f"/imports/{received.id}")


@pages.get("/{upload_id}", needs=Permission.RECORD)
def show(context: PageContext, upload_id: UUID) -> Response:
    return _show(context, _upload(context, upload_id))


@pages.get("/{upload_id}/columns", needs=Permission.RECORD)
def columns_again(context: PageContext, upload_id: UUID) -> Response:
    """Choose the columns anew, after a look at what they bring."""
    row = _upload(context, upload_id)
    return _columns(context, row) if row.state is UploadState.COMPARED else _show(context, row)


@pages.post("/{upload_id}/columns", needs=Permission.RECORD)
def columns(context: PageContext, upload_id: UUID) -> Response:
    row, form = _upload(context, upload_id), context.form
    names = [headers.LEFT_OUT, *explained.COLUMNS]
    chosen = {
        label: form.one_of(f"column-{place}", f"what {label!r} stands for", names, required=False)
        for place, label in enumerate(row.mapping)
    }
    _check(form, list(chosen.values()))
    if form.ok:
        with form.trying(context.session, "column-0"):
            uploads.choose(context.work, row, chosen)
    if form.errors:
        return _columns(context, row)
    return context.go(f"/imports/{row.id}")


def _check(form: Form, chosen: list[str]) -> None:
    """What a person can mend at once, at the box where it is mended."""
    for place, column in enumerate(chosen):
        if column and column in chosen[:place]:
            form.fault(f"column-{place}", f"{_column_name(column)} is chosen twice")
    free = chosen.index(headers.LEFT_OUT) if headers.LEFT_OUT in chosen else 0
    if missing := [_column_name(column) for column in imports_columns.REQUIRED if column not in chosen]:
        form.fault(f"column-{free}", f"Choose the column for {' and for '.join(missing)}")


@pages.post("/{upload_id}/confirm", needs=Permission.RECORD)
def confirm(context: PageContext, upload_id: UUID) -> Response:
    """Yes: a worker takes the file in from here; the one beside this server begins at once."""
    row = _upload(context, upload_id)
    with context.form.trying(context.session):
        uploads.confirm(context.work, row, skip_errors=context.form.flag("skip_errors"))
    if context.form.errors:
        return _show(context, row)
    answer = context.go(f"/imports/{row.id}")
    background: Background | None = context.request.app.state.background
    if background is not None:
        answer.background = BackgroundTask(background.kick, "imports")
    return answer


@pages.post("/{upload_id}/discard", needs=Permission.RECORD)
def discard(context: PageContext, upload_id: UUID) -> Response:
    row = _upload(context, upload_id)
    with context.form.trying(context.session):
        uploads.discard(context.work, row)
    if context.form.errors:
        return _show(context, row)
    return context.done("/imports", f"{row.file_name} was discarded.")


@pages.get("/{upload_id}/progress", needs=Permission.RECORD)
def progress(context: PageContext, upload_id: UUID, told: int = 0) -> Response:
    """The bar alone, asked for every second; ``told`` is how much was read out last."""
    row = _upload(context, upload_id)
    if row.state is not UploadState.APPLYING or not context.live:
        return context.go(f"/imports/{row.id}")
    return context.page("imports/_bar.html", upload=row, percent=_percent(row), told=told)


@pages.get("/{upload_id}/rows.csv", needs=Permission.RECORD)
def wrong_rows(context: PageContext, upload_id: UUID) -> Response:
    """The rows that did not go in, to mend and load again."""
    row = _upload(context, upload_id)
    if not row.problems:
        raise ConflictError("there are no such rows, or they were dropped after thirty days")
    _look_at(context, row, row.problems)
    context.afterwards.append(lambda work: work.audit("import.export", work.session.get_one(ImportUpload, upload_id)))
    name = f"{PurePath(row.file_name).stem} - to mend.csv"
    return _download(name, difference.error_rows(list(row.mapping), row.problems))


# -- what the pages share ----------------------------------------------------------------------------------------


def _upload(context: PageContext, upload_id: UUID) -> ImportUpload:
    """The upload, of a site where the user may do this; its content is read only where it is needed."""
    uploads.load(context.work, upload_id)
    return context.row(ImportUpload, upload_id)


def _show(context: PageContext, row: ImportUpload) -> Response:
    if row.state is UploadState.UPLOADED:
        return _columns(context, row)
    site = context.work.site(row.site_id)
    wrong = row.problems[:SHOWN_PROBLEMS]
    _look_at(context, row, wrong)
    return context.page(
        TEMPLATES[row.state],
        upload=row,
        site=site,
        percent=_percent(row),
        told=0,
        wrong=wrong,
        before=uploads.taken_in_before(context.work, row),
        column=_column_name,
    )


def _columns(context: PageContext, row: ImportUpload) -> Response:
    grid, site = uploads.grid_of(row), context.work.site(row.site_id)
    remembered = headers.remembered(context.work, site, grid.labels) is not None
    samples = [
        [cells[place] for _, cells in grid.rows[:SAMPLES] if place < len(cells) and cells[place].strip()]
        for place in range(len(grid.labels))
    ]
    form = context.form
    if not form.errors:
        form = Form.filled(**{f"column-{place}": row.mapping[label] for place, label in enumerate(row.mapping)})
    return context.page(
        "imports/columns.html",
        form=form,
        upload=row,
        site=site,
        grid=grid,
        rows=list(zip(row.mapping, samples, strict=True)),
        remembered=remembered,
        options=[(name, column.name) for name, column in explained.COLUMNS.items()],
        required=[explained.COLUMNS[name].name for name in imports_columns.REQUIRED],
    )


def _look_at(context: PageContext, row: ImportUpload, wrong: Sequence[difference.Problem]) -> None:
    """The difference shows what is on record of these patients; so does what is wrong with a row, by its MRN."""
    shown = [each["patient"] for kind in ("changed", "alike") for each in row.preview.get(kind, ()) if each["patient"]]
    _looked(context, row, col(Patient.id), [UUID(each) for each in shown])
    place = next((place for place, column in enumerate(row.mapping.values()) if column == "mrn"), None)
    if place is not None:
        _looked(context, row, col(Patient.mrn), [cells[place] for each in wrong if len(cells := each["cells"]) > place])


def _looked(context: PageContext, row: ImportUpload, column: Mapped[Any], values: Sequence[Any]) -> None:
    for start in range(0, len(values), AT_ONCE):
        wanted = column.in_(values[start : start + AT_ONCE])
        context.looked(*context.session.exec(select(Patient).where(Patient.site_id == row.site_id, wanted)))


def _percent(row: ImportUpload) -> int:
    return 100 * row.done // max(row.total, 1)


def _column_name(column: str) -> str:
    known = explained.COLUMNS.get(column)
    return known.name if known else column


def _download(name: str, parts: Iterable[str]) -> Response:
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in " -_.") else "_" for letter in name)
    return Response("".join(parts), media_type=_CSV, headers={"Content-Disposition": f'attachment; filename="{plain}"'})
