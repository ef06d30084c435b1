"""What can go wrong, as one family: raised deep, translated once at the edge (exit code, HTTP status)."""

from dataclasses import dataclass


class SurveillanceError(Exception):
    """Something a person can mend; the message says what is wrong, where, and how to mend it."""


class InvalidInputError(SurveillanceError):
    """A value that was given is not usable."""


class NotFoundError(SurveillanceError):
    """What was named does not exist, or not at a site the user works at."""


class BeyondLimitError(InvalidInputError):
    """It lies further than the role of whoever acts may decide; somebody in another role may."""


class ConflictError(SurveillanceError):
    """The change contradicts what is recorded."""


class ForbiddenError(SurveillanceError):
    """The user may not do this here."""


class UnavailableError(SurveillanceError):
    """Something the service needs (database, provider) does not answer."""


class ConfigurationError(SurveillanceError):
    """A setting or a file of the configuration is not usable."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a file: where it stands and how to mend it."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class InvalidFileError(ConfigurationError):
    """A file was refused; ``problems`` holds one entry for each thing wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))
