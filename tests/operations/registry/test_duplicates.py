"""Who is being entered may be here already."""

from datetime import date

import pytest
from sqlmodel import select

from surveillance.core.words import ContactKind
from surveillance.operations.registry import duplicates, patients
from surveillance.operations.registry.duplicates import Entered
from surveillance.store.tables import Site


@pytest.fixture
def people(clinic):
    """Ada at one clinic, her mother's phone, her namesake at the other, and a stranger."""
    with clinic.work(clinic.system) as work:
        here, there = (work.session.exec(select(Site).where(Site.code == code)).one() for code in ("DC1", "DC2"))
        for site, mrn, family, given, born, phone in (
            (here, "A1", "Okafor", "Ada", date(1998, 5, 4), "(202) 555-0101"),
            (here, "A2", "Birch", "Ben", date(1998, 5, 4), "(202) 555-0102"),
            (there, "A1", "Núñez", "Inés", date(1970, 2, 3), "(202) 555-0103"),
            (there, "A3", "Okafor", "Ada", date(1998, 4, 5), "(202) 555-0104"),
        ):
            reach = patients.NewContact(ContactKind.PARENT, "", phone)
            patients.add_patient(work, site, patients.NewPatient(mrn, family, given, born, contacts=[reach]))
        yield work, here, there


def seen(work, sites, **entered):
    found = duplicates.likely(work, [site.id for site in sites], Entered(**entered))
    return [(one.site, one.patient.mrn, "; ".join(one.why)) for one in found]


def test_likely_duplicates_are_ranked_and_say_why(people):
    work, here, there = people
    both = [here, there]
    assert seen(work, both) == []
    assert seen(work, both, given_name="Ada", family_name="Okafor") == []  # a name alone is nobody's
    ada = {"given_name": "ADA", "family_name": "Okafor-Lind", "birth_date": date(1998, 5, 4)}
    assert seen(work, both, **ada) == [("DC1", "A1", "same birth date, similar name")]
    ada |= {"family_name": "Okafor", "mrn": "A1", "phones": ["+12025550103"]}
    assert seen(work, both, **ada) == [
        ("DC1", "A1", "same MRN at DC1; same birth date, same name"),
        ("DC2", "A1", "same MRN at DC2; same phone (parent's)"),
        ("DC2", "A3", "same name, birth date nearly the same"),
    ]
    assert seen(work, both, given_name="Ines", family_name="nunez", birth_date=date(1970, 2, 3)) == [
        ("DC2", "A1", "same birth date, same name")
    ]


def test_nobody_of_a_foreign_site_and_not_the_edited_one_is_shown(people):
    work, here, _ = people
    known = Entered("A1", "Ada", "Okafor", date(1998, 5, 4), ["+12025550104"])
    (own,) = duplicates.likely(work, [here.id], known)
    assert own.patient.mrn == "A1"
    assert (
        seen(work, [here], birth_date=date(1998, 5, 4), given_name="Ada", family_name="Okafor", but=own.patient.id)
        == []
    )
    assert seen(work, [], mrn="A1") == []


def test_every_look_for_duplicates_goes_by_an_index(people):
    """At 100,000 patients a table that is read through would be felt with each field."""
    work, here, _ = people
    connection = work.session.connection()
    if connection.dialect.name != "sqlite":
        return
    entered = Entered("A1", "Ada", "Okafor", date(1998, 5, 4), ["+12025550101"])
    statements = []
    connection.connection.driver_connection.set_trace_callback(statements.append)
    duplicates.likely(work, [here.id], entered)
    connection.connection.driver_connection.set_trace_callback(None)
    for statement in (one for one in statements if one.startswith("SELECT")):
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()
        assert not [row for row in plan if str(row[-1]).startswith("SCAN")], (statement, plan)
