"""``surveillance messages bounce``: what mail servers report goes in here, by a pipe or from files."""

import os
import sys
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from surveillance import bootstrap
from surveillance.bootstrap import App
from surveillance.cli import show
from surveillance.cli.context import WrongUseError, opened
from surveillance.core.errors import InvalidInputError, NotFoundError, UnavailableError
from surveillance.operations.dispatch import bounces
from surveillance.store import db

ASIDE = Path("data/bounces-aside")


def bounce(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]…", help="Mails; standard input without.")
    ] = None,
    recipient: Annotated[str, typer.Option(help="The address it was sent to, where the mail server tells it.")] = "",
    aside: Annotated[Path, typer.Option(help="Folder that keeps what is no report about one of our emails.")] = ASIDE,
) -> None:
    """Take reports of emails that could not be delivered (RFC 3464); each is acted on once.

    Exit status 2: something was none of ours, and is kept aside. 1: try again later, nothing was lost or changed.

    Example: surveillance messages bounce --recipient "$ORIGINAL_RECIPIENT" < report.eml
    """
    mails = [_read(path) for path in files] if files else [sys.stdin.buffer.read()]
    with opened() as app:
        strange = [line for raw in mails if (line := _take(app, raw, recipient, aside))]
    if strange:
        raise WrongUseError("\n".join(strange))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}") from error


def _take(app: App, raw: bytes, recipient: str, aside: Path) -> str:
    """One mail in a transaction of its own; why it was put aside, or nothing."""
    try:
        report = bounces.read(raw, recipient)
        with db.writing(app.engine) as session:
            work = app.work(session, bootstrap.system_actor(session), bootstrap.utc_now())
            said = bounces.take(work, report)
    except (InvalidInputError, NotFoundError) as error:
        return f"{error}; it is kept in {_keep(raw, aside)}"
    show.say(said)
    return ""


def _keep(raw: bytes, aside: Path) -> Path:
    """Named by its content, so that the same mail is kept once; for the owner alone, as it may name a patient."""
    path = aside / f"{sha256(raw).hexdigest()[:16]}.eml"
    try:
        aside.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(raw)
    except OSError as error:
        raise UnavailableError(f"cannot write {path}: {error.strerror}") from error
    return path
