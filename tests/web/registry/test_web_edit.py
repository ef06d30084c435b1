"""Correcting identity, contacts and consents in the browser: with reasons, and saying what it causes."""

import pytest
from form_reading import as_shown
from sqlmodel import select
from staff import Staffed

from surveillance.core.words import Channel, ConsentAct
from surveillance.operations.registry import consents
from surveillance.store.registry import patients
from surveillance.store.tables import AuditEvent, Contact, Number, Patient

MRN = "000117"  # Amara Diallo, with a visit that is booked soon
PHONE = "+12025550199"


@pytest.fixture
def amara(staffed: Staffed):
    """Her number is known here; the addresses of her pages."""

    def known(work):
        patient = work.session.exec(select(Patient).where(Patient.mrn == MRN)).one()
        (contact,) = patients.contacts(work.session, patient.id)
        contact.phone = PHONE
        consents.consent(work, contact, Channel.SMS, ConsentAct.GIVEN, "signed form")
        return patient.id, contact.id

    patient_id, contact_id = staffed.do(known)
    return f"/patients/{patient_id}", f"/patients/{patient_id}/contacts/{contact_id}"


def seen(staffed: Staffed, read):
    def look(work):
        patient = work.session.exec(select(Patient).where(Patient.mrn == MRN)).one()
        return read(work, patient)

    return staffed.look(look)


def test_an_identity_changes_only_with_a_reason(staffed, amara):
    home, _ = amara
    grace = staffed.client("grace")
    page = grace.get(f"{home}/edit").text
    form = as_shown(page) | {"family_name": "Diallo-Reed", "sedation": "yes"}
    refused = grace.post(f"{home}/edit", **form)
    assert refused.status_code == 422
    assert "Say why the name, the birth date or the MRN changes" in refused.text
    assert 'value="Diallo-Reed"' in refused.text
    taken = grace.post(f"{home}/edit", **(form | {"mrn": "000101", "reason": "typing error"}))
    assert "is another patient&#39;s" in taken.text
    answer = grace.post(f"{home}/edit", **(form | {"reason": "married"}))
    assert "Saved." in grace.follow(answer).text
    assert seen(staffed, lambda work, one: (one.family_name, one.sedation)) == ("Diallo-Reed", True)
    nothing = grace.post(f"{home}/edit", **(as_shown(grace.get(f"{home}/edit").text)))
    assert "Nothing is changed yet" in nothing.text


def test_another_time_zone_moves_the_messages_that_are_planned(staffed, amara):
    home, _ = amara
    grace = staffed.client("grace")
    form = as_shown(grace.get(f"{home}/edit").text) | {"time_zone": "America/Los_Angeles"}
    assert "Saved." in grace.follow(grace.post(f"{home}/edit", **form)).text
    assert seen(staffed, lambda work, one: one.time_zone) == "America/Los_Angeles"


def test_contacts_are_added_changed_and_removed_with_a_reason(staffed, amara):
    home, contact = amara
    grace = staffed.client("grace")
    assert "Enter a phone number, an email address" in grace.post(f"{home}/contacts/new", kind="carer").text
    fields = {"kind": "parent", "name": "Awa Diallo", "phone": "07", "email": "awa@mail.example"}
    consent = {"consent": ["email"], "how": "by telephone"}
    page = grace.follow(grace.post(f"{home}/contacts/new", **fields, **consent)).text
    assert "Awa Diallo (parent)" in page
    assert "is not a phone number that can be used; it is kept as given" in page.replace("\n", "")
    assert "by telephone" in page
    changed = as_shown(grace.get(contact).text) | {"phone": "(202) 555-0188"}
    page = grace.follow(grace.post(contact, **changed)).text
    assert "The consent to SMS was for the address before: ask again." in page
    again = as_shown(grace.get(contact).text)
    assert "nothing would change" in grace.post(contact, **again).text
    assert "Enter an email address in the correct format" in grace.post(contact, **(again | {"email": "x"})).text
    assert grace.post(f"{contact}/remove").status_code == 422
    page = grace.follow(grace.post(f"{contact}/remove", remove_reason="moved out")).text
    assert "is not written to any more" in page
    assert grace.get(contact).status_code == 404
    assert seen(staffed, lambda work, one: [row.name for row in patients.contacts(work.session, one.id)]) == [
        "Awa Diallo"
    ]


def test_consent_is_given_and_withdrawn_with_how_and_when(staffed, amara):
    _, contact = amara
    grace = staffed.client("grace")
    refused = grace.post(f"{contact}/consent", channel="sms", act="withdrawn")
    assert refused.status_code == 422
    assert 'id="c1-sms-how-error"' in refused.text
    late = {"c1-sms-how": "at the desk", "c1-sms-when": "2031-01-01"}
    assert "cannot lie after today" in grace.post(f"{contact}/consent", channel="sms", act="given", **late).text
    said = {"c1-sms-how": "at the desk"}
    page = grace.follow(grace.post(f"{contact}/consent", channel="sms", act="withdrawn", **said)).text
    assert "Consent to SMS withdrawn" in page
    assert "planned message" in page
    assert page.count("at the desk") >= 2  # as it stands, and in the history
    assert "Tue 24 Nov 2026, 08:00" in page
    assert grace.post(f"{contact}/consent", channel="call", act="given").status_code == 404


def test_an_opt_out_at_the_desk_binds_the_number_and_start_takes_it_back(staffed, amara):
    home, contact = amara
    grace = staffed.client("grace")
    number = lambda: staffed.look(lambda work: work.session.get(Number, PHONE))  # noqa: E731
    assert grace.post(f"{contact}/number", do="opt-out", **{"c1-number-how": ""}).status_code == 422
    page = grace.follow(grace.post(f"{contact}/number", do="opt-out", **{"c1-number-how": "by telephone"})).text
    assert "No SMS goes to this number any more, at any site. 1 contact has it." in page
    assert "opted out" in page
    assert number().opted_out_how == "by telephone"
    staffed.later(minutes=5)
    page = grace.follow(grace.post(f"{contact}/number", do="opt-in", **{"c1-number-how": "by letter"})).text
    assert "The number may be written to again. 1 consent stands again." in page
    staffed.do(lambda work: consents.pause_number(work, PHONE, "a reply that may be an opt-out"))
    assert "a reply that may be an opt-out" in grace.get(f"{home}/contacts").text
    assert "The number is released" in grace.follow(grace.post(f"{contact}/number", do="release")).text
    assert number().paused_at is None
    actions = staffed.look(lambda work: {event.action for event in work.session.exec(select(AuditEvent))})
    assert {"number.opt_out", "number.opt_in", "number.release"} <= actions


def test_who_may_look_and_who_may_change(staffed, amara):
    home, contact = amara
    visitor, admin = staffed.client("visitor"), staffed.client("admin")
    page = visitor.get(f"{home}/contacts")
    assert page.status_code == 200
    assert "<form method" not in page.text.partition("<main")[2]
    for path in (f"{home}/edit", contact, f"{home}/contacts/new"):
        assert visitor.get(path).status_code == 403
        assert admin.get(path).status_code == 200
    for path in (f"{home}/edit", contact, f"{contact}/remove", f"{contact}/consent", f"{contact}/number"):
        assert visitor.post(path, do="opt-out").status_code == 403
        assert staffed.client("oscar").post(path).status_code == 404
    other = staffed.look(lambda work: work.session.exec(select(Contact).where(Contact.phone != PHONE)).first())
    assert staffed.client("grace").get(f"{home}/contacts/{other.id}").status_code == 404
