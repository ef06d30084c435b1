"""Writes the reference cases as one folder for whoever builds a scheduler: data, logic, cases, questions, forms."""

import hashlib
import json
from pathlib import Path
from typing import Any

from surveillance.catalogue import cases
from surveillance.catalogue.case_set import MANIFEST, CaseSet
from surveillance.core.errors import ConflictError
from surveillance.operations.cases import running
from surveillance.operations.cases.form import Answer, Question


def export(which: CaseSet, folder: Path) -> list[str]:
    """The files of the set with its manifest. Raises ConflictError where the folder holds anything already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(f"{folder} is not empty; nothing was written")
    files = which.files() | _made(which)
    files[MANIFEST] = _json(which.manifest() | {"files": _digests(files)})
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return sorted(files)


def schemas() -> dict[str, Any]:
    """The JSON Schemas of a question and of an answer, by file name."""
    return {
        "question.schema.json": Question.model_json_schema(by_alias=True),
        "answer.schema.json": Answer.model_json_schema(by_alias=True, mode="validation"),
    }


def _made(which: CaseSet) -> dict[str, bytes]:
    """What follows from the set: the questions as an engine gets them, one a line, and the forms."""
    lines = [running.asked(case, which.shipped) for case in cases.chosen(which.groups)]
    made = {"questions.jsonl": "".join(f"{line}\n" for line in lines).encode()}
    return made | {name: _json(schema) for name, schema in schemas().items()}


def _digests(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(body).hexdigest() for name, body in sorted(files.items())}


def _json(value: Any) -> bytes:
    return f"{json.dumps(value, indent=2, ensure_ascii=False)}\n".encode()
