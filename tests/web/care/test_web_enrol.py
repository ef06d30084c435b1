"""Enrolling by plain forms: everything asked at once, nothing lost, and what the page says meanwhile."""

from datetime import date

from form_reading import mistakes
from sqlmodel import select
from staff import HERE, NOW, Staffed

from surveillance.core.words import Channel, ContactKind
from surveillance.operations.accounts import users
from surveillance.operations.registry import sites
from surveillance.store.planning import plans
from surveillance.store.registry import patients
from surveillance.store.tables import Approval, AuditEvent, Patient, Study

TODAY = date(2026, 11, 24)
ADA = {
    "site": HERE,
    "mrn": "A-77",
    "family_name": "Okafor-Lind",
    "given_name": "Ada",
    "birth_date": "1998-05-14",
    "sex": "female",
    "claustrophobia": "yes",
    "egfr": "58,5",
    "egfr_on": "2026-10-02",
    "contacts": ["0", "1"],
    "contact-0-kind": "self",
    "contact-0-phone": "(202) 555-0177",
    "contact-0-consent": ["sms"],
    "contact-0-how": "signed form",
    "contact-0-when": "2026-11-20",
    "contact-1-kind": "parent",
    "contact-1-name": "Ngozi Okafor",
    "contact-1-phone": "call the neighbour",
    "contact-1-email": "ngozi@mail.example",
    "contact-1-language": "es",
}
PLAN = {
    "protocol": "asps-extremity@2026.2",
    "anchor": "2025-09-01",
    "interval-mri_primary": "6",
    "interval-mri_brain": "12",
    "scans": ["0", "3"],
    "scan-0-day": "2026-09-02",
    "scan-0-items": ["mri_primary", "chest_imaging"],
    "scan-3-day": "",
}


def send(clinic: Staffed, do: str, who: str = "grace", path: str = "/patients/new", **fields: object):
    return clinic.client(who).post(path, do=do, **(ADA | PLAN | fields))


def someone(work, mrn="A-77") -> Patient:
    return work.session.exec(select(Patient).where(Patient.mrn == mrn)).one()


def test_a_whole_enrolment_is_one_form(staffed):
    grace = staffed.client("grace")
    owner = staffed.look(lambda work: users.user_named(work, "ivan").id)
    answer = grace.post("/patients/new", do="enrol", owner_id=owner, **ADA, **PLAN)
    assert answer.headers["location"].startswith("/patients/"), answer.text
    assert "Ada Okafor-Lind is enrolled. The first trip is proposed for " in grace.follow(answer).text

    def look(work):
        ada = someone(work)
        assert (ada.egfr, ada.egfr_on, ada.claustrophobia, ada.mri_unsafe) == (58.5, date(2026, 10, 2), True, False)
        assert ada.owner_id == owner
        own, mother = patients.contacts(work.session, ada.id)
        assert (own.phone, own.language, mother.kind) == ("+12025550177", None, ContactKind.PARENT)
        assert (mother.phone, mother.phone_given, mother.language) == (None, "call the neighbour", "es")
        ((key, line),) = patients.consents(work.session, ada.id).items()
        assert (key, line.method) == ((own.id, Channel.SMS), "signed form")
        assert line.at.isoformat() == "2026-11-20T17:00:00+00:00"  # noon in New York
        (plan,) = plans.active_plans(work.session, ada.id)
        assert (plan.anchor, plan.enrolled_on) == (date(2025, 9, 1), TODAY)
        (terms,) = plans.terms_in_force(work.session, plan.id)
        assert terms.intervals == {"mri_primary": 6, "mri_brain": 12}
        (study,) = work.session.exec(select(Study).where(Study.patient_id == ada.id))
        assert study.performed_on == date(2026, 9, 2)

    staffed.look(look)


def test_all_mistakes_are_told_at_once_beside_their_fields_and_nothing_is_lost(staffed):
    answer = send(
        staffed,
        "enrol",
        **{
            "mrn": "000102",  # Tomas Berg's
            "birth_date": "2030-01-01",
            "time_zone": "Europe/Atlantis",
            "egfr_on": "",
            "contact-0-phone": "",
            "contact-0-how": "",
            "contact-1-email": "not an address",
            "anchor": "2026-12-24",
            "interval-mri_primary": "5",
            "scan-3-day": "2026-01-01",
        },
    )
    assert answer.status_code == 422
    told = mistakes(answer.text)
    for field, words in {
        "mrn": "MRN 000102 is taken at Riverside Clinic: Tomas Berg",
        "birth_date": "The birth date must lie between 1890 and today",
        "time_zone": "'Europe/Atlantis' is no time zone",
        "egfr_on": "Enter the day of the eGFR",
        "contact-0-phone": "Enter the phone number for which consent was given",
        "contact-0-how": "Enter how consent was given or withdrawn",
        "contact-1-email": "Enter an email address in the correct format",
        "anchor": "The end of treatment cannot lie after today",
        "interval-mri_primary": "Choose how often: MRI of the primary site",
        "scan-3-items": "Choose what was examined on that day",
    }.items():
        assert told[field].startswith(words), field
        assert f'id="{field}"' in answer.text
    for kept in (
        'value="Okafor-Lind"',
        'value="58,5"',
        'value="call the neighbour"',
        'value="2026-12-24"',
        'value="2026-09-02"',
    ):
        assert kept in answer.text
    assert staffed.look(lambda work: patients.by_mrn(work.session, staffed.site_id(), "A-77")) is None


def test_a_plan_without_any_examination_is_refused_and_leaves_nobody_behind(staffed):
    off = dict.fromkeys(("interval-mri_primary", "interval-chest_imaging"), "off") | {"interval-mri_brain": ""}
    answer = send(staffed, "enrol", **off)
    assert answer.status_code == 422
    assert "Choose at least one examination to repeat" in answer.text
    assert staffed.look(lambda work: patients.by_mrn(work.session, staffed.site_id(), "A-77")) is None


def test_a_patient_can_be_registered_without_a_plan_and_enrolled_later(staffed):
    grace = staffed.client("grace")
    answer = grace.post("/patients/new", do="register", **(ADA | {"contacts": ["0"], "contact-0-phone": "2025"}))
    assert answer.status_code == 303, answer.text
    patient_id = staffed.patient_id("A-77")
    page = grace.get(f"/patients/{patient_id}/enrol")
    assert "Enrol Ada Okafor-Lind" in page.text
    assert grace.post(f"/patients/{patient_id}/enrol", do="enrol", anchor="1990-01-01").status_code == 422
    answer = grace.post(f"/patients/{patient_id}/enrol", do="enrol", **PLAN)
    assert "is enrolled" in grace.follow(answer).text
    assert "There is an active plan" in grace.get(f"/patients/{patient_id}/enrol").text
    again = grace.post(f"/patients/{patient_id}/enrol", do="enrol", **PLAN)
    assert again.status_code == 422
    assert "has an active plan" in again.text


def test_rows_come_and_go_without_scripts_and_all_else_stays(staffed):
    more = send(staffed, "add-contacts").text
    assert 'name="contact-2-phone"' in more
    assert 'value="ngozi@mail.example"' in more
    assert more.count('autofocus="autofocus"') == 1
    fewer = send(staffed, "remove-contacts-0").text
    assert 'name="contact-0-phone"' not in fewer
    assert 'value="ngozi@mail.example"' in fewer
    assert 'id="scan-4-day"' in send(staffed, "add-scans").text
    alone = send(staffed, "remove-contacts-0", contacts=["0"]).text
    assert 'name="contact-1-phone"' in alone  # an empty row instead of the last one
    assert send(staffed, "add-contacts", contacts=[str(row) for row in range(500)]).status_code == 200


def test_the_page_shows_the_schedule_the_duplicates_and_the_phones_as_a_plain_form(staffed):
    page = send(staffed, "show", mrn="000102", given_name="Alma", family_name="Winters", birth_date="1988-03-14").text
    assert "Trips a year" in page
    assert "First trip" in page
    assert "<svg" in page
    assert "Read as +1 202-555-0177" in page
    assert "Cannot be read as a phone number: it will be kept as typed" in page
    assert "Berg, Tomas" in page
    assert "same MRN at RIVERSIDE" in page
    assert "same birth date, same name" in page
    assert page.index("Winters, Alma") < page.index("Berg, Tomas")
    looks = staffed.look(
        lambda work: [event.action for event in work.session.exec(select(AuditEvent)) if event.at == NOW]
    )
    assert looks.count("patient.find") == 2


def test_each_part_comes_live_while_the_form_is_filled_in(staffed):
    grace = staffed.client("grace")
    who = grace.post("/patients/new/live?part=who", live=True, **ADA, **PLAN).text
    assert 'hx-target="#likely"' in who
    assert 'hx-target="#contact-1-said"' in who
    assert "<svg" not in who
    schedule = grace.post("/patients/new/live?part=schedule", live=True, **ADA, **PLAN).text
    assert "<svg" in schedule
    assert "month" in schedule
    assert 'hx-target="#chosen"' in grace.post("/patients/new/live?part=protocol", live=True, **ADA, **PLAN).text
    unknown = grace.post("/patients/new/live?part=schedule", live=True, **(ADA | PLAN | {"scans": ["3"]})).text
    assert "Last scan unknown: MRI of the primary site; Chest CT or chest X-ray" in unknown.replace("\n", "")
    young = ADA | {"birth_date": "2012-05-14", "contacts": ["0"]}
    assert "The patient is 14 years old" in grace.post("/patients/new/live?part=who", live=True, **young).text


def test_a_site_without_a_protocol_says_who_can_approve_one(staffed):
    def retract(work):
        for row in work.session.exec(select(Approval).where(Approval.site_id == staffed.site_id())):
            row.retracted_at, row.retracted_by, row.retracted_reason = work.now, work.actor.user_id, "a test"

    staffed.do(retract)
    page = staffed.client("grace").get("/patients/new").text
    assert "has approved no protocol yet" in page
    assert "Dr Helen Marsh" in page
    assert 'value="enrol"' not in page
    assert send(staffed, "enrol").status_code == 422
    assert send(staffed, "register").status_code == 303


def test_who_may_enrol_and_at_which_site(staffed):
    assert send(staffed, "register", who="visitor").status_code == 403
    assert staffed.client("visitor").get("/patients/new").status_code == 403
    assert send(staffed, "register", who="oscar").status_code == 404  # Riverside does not exist for who works elsewhere
    assert send(staffed, "register", who="grace", site="ELSEWHERE").status_code == 404
    known = staffed.patient_id("000102")
    assert staffed.client("oscar").get(f"/patients/{known}/enrol").status_code == 404
    assert send(staffed, "enrol", who="admin").status_code == 303


def test_a_language_that_the_site_has_not_approved_is_flagged(staffed):
    def only_english(work):
        sites.site_by_code(work, HERE).languages = ["en"]

    staffed.do(only_english)
    page = send(staffed, "show").text
    assert "has not approved messages in Spanish: they go out in English" in page


def test_the_end_of_the_first_years_is_chosen_and_what_that_leaves_out_is_said(staffed):
    grace = staffed.client("grace")
    chosen = {"interval-mri_primary-until": "24", "interval-mri_primary-later": "12", "interval-mri_primary": ""}
    page = send(staffed, "show", **chosen).text
    for label in ("MRI of the primary site: until", "MRI of the primary site: later", "month 36"):
        assert label in page
    said = "MRI of the primary site leaves out months 27, 30, 33, 42 and 54 of the protocol"
    assert said in page
    answer = send(staffed, "enrol", **chosen)
    assert "so often until month 24" in grace.get(answer.headers["location"]).text

    def look(work):
        [plan] = plans.active_plans(work.session, someone(work).id)
        (terms,) = plans.terms_in_force(work.session, plan.id)
        assert terms.intervals == {"mri_primary.until": 24, "mri_primary.later": 12, "mri_brain": 12}

    staffed.look(look)


def test_two_choices_that_do_not_go_together_are_told_before_anybody_is_enrolled(staffed):
    chosen = {"interval-mri_primary-until": "24", "interval-mri_primary-later": "8"}
    assert "cannot be repeated every 8 months" in send(staffed, "show", **chosen).text
    refused = send(staffed, "enrol", **chosen)
    assert refused.status_code == 422
    assert "months 24–60: 6, 9, 12" in refused.text
