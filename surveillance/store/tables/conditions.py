"""What is followed: each disease of a patient, by itself (design section 2, FHIR Condition)."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from surveillance.core.words import Side
from surveillance.store.tables.columns import Identified, OfSite, Recorded, Retractable, one_of


class Condition(Identified, OfSite, Recorded, Retractable, table=True):
    """One disease of a patient; a second primary is another one. Each has at most one active plan.

    ``number`` counts the patient's diseases as they were recorded. ``code_system`` is the address of the list that
    ``code`` is from, as FHIR has it. ``body_site`` and ``side`` say where the primary is: what an item of the primary
    site examines. All words may be empty: of plans from before nobody had asked.
    """

    __table_args__ = (
        sa.UniqueConstraint("patient_id", "number"),
        sa.CheckConstraint("number > 0", name="counted_from_one"),
    )
    patient_id: UUID = Field(foreign_key="patient.id", index=True)
    number: int = 1
    diagnosis: str = ""
    code: str = ""
    code_system: str = ""
    body_site: str = ""
    side: Side = one_of(Side, default=Side.UNKNOWN)
    grade: str = ""
    margin: str = ""
    stage: str = ""
    diagnosed_on: date | None = None
