"""Finding patients: by MRN, name, birth date and phone, the best first, never at another site."""

from datetime import date

import pytest
import sqlalchemy as sa
from board_clinic import Clinic, open_clinic

from surveillance.operations.care import corrections
from surveillance.operations.registry import patients, search
from surveillance.operations.work import Work

PEOPLE = {
    "ann": ("Núñez", "Ann Marie", date(1998, 5, 14)),
    "100": ("Annas", "Bo", date(1990, 1, 2)),
    "101": ("García Márquez", "Ana", date(1998, 5, 14)),
    "102": ("Smith", "Marie-Ann", date(1990, 2, 1)),
}


@pytest.fixture
def clinic(engine: sa.Engine) -> Clinic:
    clinic = open_clinic(engine)
    with clinic.work() as work:
        for mrn, (family, given, born) in PEOPLE.items():
            contact = patients.NewContact(
                phone="+1 202 555 0123" if mrn == "102" else "",
            )
            site = work.site(clinic.site_id)
            patients.add_patient(work, site, patients.NewPatient(mrn, family, given, born, contacts=[contact]))
    return clinic


def found(clinic: Clinic, work: Work, text: str, limit: int = 50) -> list[str]:
    return [each.mrn for each in search.find(work, [work.site(clinic.site_id)], text, limit).patients]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ann", ["ann", "100"]),  # the MRN, then the name that begins so
        ("ANN", ["ann", "100"]),
        ("nunez", ["ann"]),
        ("marie nú", ["ann"]),
        ("rie-a", ["102"]),  # where no word begins so, any part of a name
        ("márq", ["101"]),
        ("10", ["100", "101", "102"]),
        ("101", ["101"]),
        ("14.05.1998", ["101", "ann"]),
        ("marquez 14 May 1998", ["101"]),
        ("01/02/1990", ["102", "100"]),  # in Britain the first of February, then the second of January
        ("+1 (202) 555-0123", ["102"]),
        ("+12025550123", ["102"]),
        ("nobody", []),
        ("   ", []),
        ("%", []),
    ],
)
def test_a_patient_is_found_by_what_is_known_of_them(clinic: Clinic, text: str, expected: list[str]) -> None:
    with clinic.work() as work:
        assert found(clinic, work, text) == expected


def test_a_patient_is_found_by_the_new_name_and_not_by_the_old_one(clinic: Clinic) -> None:
    with clinic.work() as work:
        patient = patients.patient_named(work, [clinic.site_id], "100")
        corrections.edit_patient(work, patient, {"family_name": "Österberg"}, "married")
        assert (found(clinic, work, "oster"), found(clinic, work, "annas")) == (["100"], [])


def test_nobody_is_found_at_no_site_and_no_more_than_asked_for(clinic: Clinic) -> None:
    with clinic.work() as work:
        assert search.find(work, [], "ann") == search.Found()
        assert len(found(clinic, work, "10", limit=2)) == 2
