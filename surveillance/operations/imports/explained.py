"""The columns of a file in words: what a person chooses from, and a template that says what to write where."""

import csv
import io
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from surveillance.operations.csv_text import BOM
from surveillance.operations.imports.sheets import NOTES


@dataclass(frozen=True, slots=True)
class Column:
    """``name`` as it stands in a list, ``write`` what belongs into a cell, ``example`` one such cell."""

    name: str
    write: str
    example: str = ""


_YES_NO: Final = "yes or no"
COLUMNS: Final = MappingProxyType(
    {
        "mrn": Column("MRN", "the medical record number; zeros in front are kept", "000731"),
        "family_name": Column("Family name", "text", "Winters"),
        "given_name": Column("Given name", "text", "Alma"),
        "birth_date": Column("Birth date", "a day as YYYY-MM-DD", "1988-03-14"),
        "sex": Column("Sex", "male, female, other or unknown", "female"),
        "time_zone": Column("Time zone", "only where it is not the clinic's", "America/Chicago"),
        "contact_kind": Column("Who answers", "self, parent or carer", "self"),
        "contact_name": Column("Name of who answers", "only where it is not the patient"),
        "phone": Column("Phone", "as it is dialled, or with + and the country", "(202) 555-0171"),
        "email": Column("Email", "one address", "alma@mail.example"),
        "postal_address": Column(
            "Postal address", "for letters; a semicolon between its lines", "1 Elm Street; Springfield VT 05156"
        ),
        "language": Column("Language", "of messages: a code such as en or es", "en"),
        "consent": Column("Consent", "to which messages: sms, email, or both", "sms; email"),
        "consent_method": Column("How consent was given", "text", "signed form of 2 March 2026"),
        "mri_unsafe": Column("MRI unsafe", _YES_NO, "no"),
        "contrast_allergy": Column("Contrast allergy", _YES_NO, "no"),
        "egfr": Column("eGFR", "mL/min/1.73 m²", "90"),
        "egfr_on": Column("Day of the eGFR", "a day as YYYY-MM-DD", "2026-08-20"),
        "interpreter": Column("Needs an interpreter", _YES_NO, "no"),
        "sedation": Column("Needs sedation", _YES_NO, "no"),
        "claustrophobia": Column("Claustrophobia", _YES_NO, "no"),
        "protocol": Column("Protocol", "one that the clinic has approved; with the anchor it enrols", "asps-extremity"),
        "anchor": Column("Anchor", "the day that the protocol counts from, such as the end of treatment", "2026-01-31"),
        "intervals": Column("Intervals", "months, where not the protocol's own", "mri_primary=3; chest_imaging=6"),
        "studies": Column("Studies done", "what on which day", "mri_primary+chest_imaging=2026-04-29"),
    }
)


def template() -> str:
    """A CSV file to fill in; the rows that explain and show an example are passed over when it is loaded."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    rows = ([column.write for column in COLUMNS.values()], [column.example for column in COLUMNS.values()])
    for mark, (first, *others) in zip(NOTES, rows, strict=True):
        writer.writerow([f"{mark} {first}", *others])
    return BOM + out.getvalue()
