"""The fictional clinic of ``config/demo/clinic.yaml``."""

from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from surveillance.catalogue import yaml_lines
from surveillance.core.words import Role, Sex

Day = Annotated[date, BeforeValidator(lambda value: date.fromisoformat(value) if isinstance(value, str) else value)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DemoSite(_Part):
    code: str
    name: str
    short_name: str
    time_zone: str
    country: str
    holidays: str
    phone: str
    languages: list[str]


class DemoPlace(_Part):
    name: str
    address: str
    phone: str
    outside: bool = False


class DemoUser(_Part):
    username: str
    name: str
    role: Role


class DemoPatient(_Part):
    """``months``: how long ago the treatment ended; ``story``: what happened since."""

    mrn: str
    name: tuple[str, str]
    born: Day
    sex: Sex
    months: int
    story: str
    language: str = "en"


class DemoReply(_Part):
    """What a patient wrote back from the phone that is on record."""

    mrn: str
    hours_ago: int
    text: str


class DemoClinic(_Part):
    """``password`` opens every account of the staff: everybody who reads the file knows it."""

    password: str
    site: DemoSite
    places: list[DemoPlace]
    users: list[DemoUser]
    patients: list[DemoPatient]
    replies: list[DemoReply] = []


def load(path: Path) -> DemoClinic:
    """Raises InvalidFileError that names file, line and reason."""
    return yaml_lines.validate(yaml_lines.read(path), DemoClinic)
