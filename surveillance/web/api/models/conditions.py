"""The diseases of a patient."""

from uuid import UUID

from pydantic import Field

from surveillance.core.words import Side
from surveillance.web.api.models.common import Day, Line, Model, Moment, Said


class ConditionCreate(Model):
    """One disease: a second primary is another one."""

    diagnosis: Said = Field(description="In words.", examples=["myxofibrosarcoma"])
    code: Line = Field(default="", max_length=32, examples=["C49.2"])
    code_system: Line = Field(default="", description="The address of the list that the code is from.")
    body_site: Line = Field(default="", description="Where the primary is.", examples=["thigh"])
    side: Side = Side.UNKNOWN
    grade: Line = Field(default="", max_length=64)
    margin: Line = Field(default="", max_length=64)
    stage: Line = Field(default="", max_length=64)
    diagnosed_on: Day | None = None


class ConditionUpdate(Model):
    """What is known better; what is left out stays."""

    diagnosis: Said | None = None
    code: Line | None = Field(default=None, max_length=32)
    code_system: Line | None = None
    body_site: Line | None = None
    side: Side | None = None
    grade: Line | None = Field(default=None, max_length=64)
    margin: Line | None = Field(default=None, max_length=64)
    stage: Line | None = Field(default=None, max_length=64)
    diagnosed_on: Day | None = Field(default=None, description="null takes it away.")
    reason: Line = ""


class ConditionPublic(Model):
    id: UUID
    site_id: UUID
    patient_id: UUID
    number: int = Field(description="1 for a patient's first disease.")
    diagnosis: str = Field(description="Empty where nobody said: of plans from before it was asked.")
    code: str
    code_system: str
    body_site: str
    side: Side
    grade: str
    margin: str
    stage: str
    diagnosed_on: Day | None
    recorded_at: Moment
    retracted_at: Moment | None
