"""A patient's own page over HTTP: which state shows what, that looking changes nothing, and what it takes to act."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import icalendar
import pytest
import sqlalchemy as sa
import structlog
from browser import PHONE
from sqlmodel import col, select
from staff import Staffed, Visitor, settings_of

from surveillance import logs
from surveillance.core.words import AppointmentState, Channel, Privacy
from surveillance.operations.calendars import page_addresses
from surveillance.operations.care import corrections, lifecycle
from surveillance.operations.patient_page import acts
from surveillance.operations.visits import booking
from surveillance.operations.wording import languages
from surveillance.operations.work import Work
from surveillance.store import db
from surveillance.store.registry import patients
from surveillance.store.tables import (
    Appointment,
    Contact,
    Feed,
    Number,
    Patient,
    PatientPage,
    RescheduleRequest,
    metadata,
)
from surveillance.web.pages.patient_page import entry


@dataclass
class Link:
    """A patient with a booked visit, and the link of a message."""

    clinic: Staffed
    secret: str
    page_id: UUID
    patient_id: UUID
    visit_id: UUID
    born: date

    @property
    def path(self) -> str:
        return f"/p/{self.secret}"

    @property
    def visit(self) -> str:
        return f"{self.path}/visits/{self.visit_id}"

    def row(self, work: Work) -> PatientPage:
        return work.session.get_one(PatientPage, self.page_id)

    def open(self, me: Visitor, born: date | None = None) -> httpx.Response:
        """Give a birth date."""
        given = born or self.born
        return me.post(f"{self.path}/more", day=given.day, month=given.month, year=given.year)


def linked(clinic: Staffed) -> Link:
    """The link of the patient who comes next, at a clinic that writes English and Spanish and tells all."""

    def change(work: Work) -> Link:
        row = work.session.exec(
            select(Appointment)
            .join(Contact, col(Contact.patient_id) == Appointment.patient_id)
            .where(Appointment.state == AppointmentState.BOOKED, col(Appointment.starts_at) > work.now)
            .where(col(Contact.phone).is_not(None), col(Contact.email).is_not(None))
            .order_by(col(Appointment.starts_at), col(Appointment.id))
        ).first()
        assert row is not None
        site = work.site(row.site_id)
        site.privacy, site.languages, site.first_names = Privacy.FULL, ["en", "es"], True
        for language in site.languages:
            languages.sign(work, site, language)
        patient = work.session.get_one(Patient, row.patient_id)
        contact = patients.contacts(work.session, patient.id)[0]
        page, secret = page_addresses.new_page(work, patient, contact, "en")
        return Link(clinic, secret, page.id, patient.id, row.id, patient.birth_date)

    return clinic.do(change)


@pytest.fixture
def link(staffed: Staffed) -> Link:
    return linked(staffed)


def everything(clinic: Staffed) -> dict[str, list[Any]]:
    """Every row of every table."""
    with db.reading(clinic.app.engine) as session:
        return {
            table.name: sorted(map(repr, session.connection().execute(sa.select(table)).all()))
            for table in metadata.sorted_tables
        }


# -- which state shows what ----------------------------------------------------------------------------------------


def patient_of(work: Work, link: Link) -> Patient:
    return work.session.get_one(Patient, link.patient_id)


def call_off(work: Work, link: Link) -> None:
    booking.cancel(work, booking.by_id(work, link.visit_id), "scanner broken")


def expire(work: Work, link: Link) -> None:
    link.row(work).expires_at = work.now


def lock(work: Work, link: Link) -> None:
    for number in range(1, 6):
        page_addresses.knows_birth_date(work, link.row(work), link.born + timedelta(days=number))


def remove(work: Work, link: Link) -> None:
    contact = work.session.get_one(Contact, link.row(work).contact_id)
    corrections.remove_contact(work, patient_of(work, link), contact, "moved out")


STATES: dict[str, tuple[Callable[[Work, Link], object], int, str, bool]] = {
    # what happened: what, the answer's status, what it says, whether it names the clinic and its number
    "a visit is booked": (lambda work, link: None, 200, "I will come", True),
    "the visit was called off": (call_off, 200, "This appointment will not take place.", True),
    "the link has expired": (expire, 410, "holds a new link", True),
    "staff closed the link": (
        lambda work, link: page_addresses.revoke(work, link.row(work)), 410, "This page is closed", False,
    ),
    "the patient has died": (
        lambda work, link: lifecycle.died(work, patient_of(work, link), work.now.date(), "family"),
        410, "This page is closed", False,
    ),
    "the reader is no contact any more": (remove, 410, "This page is closed", False),
    "somebody guessed too often": (lock, 200, "too many wrong dates", True),
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_each_state_says_what_is_to_be_known(link: Link, state: str) -> None:
    change, status, says, names = STATES[state]
    link.clinic.do(lambda work: change(work, link))
    answer = link.clinic.client().get(link.path)
    assert (answer.status_code, says in answer.text) == (status, True)
    assert ("Riverside" in answer.text) is names
    assert ("202-555-0100" in answer.text) is names
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow, noarchive"


def test_a_closed_link_does_not_tell_a_death_from_anything_else(link: Link) -> None:
    me = link.clinic.client()
    link.clinic.do(lambda work: page_addresses.revoke(work, link.row(work)))
    revoked = me.get(link.path).text
    link.clinic.do(lambda work: lifecycle.died(work, patient_of(work, link), work.now.date(), "family"))
    assert me.get(link.path).text == revoked


def test_an_unknown_link_is_answered_in_the_browsers_language_and_always_alike(link: Link) -> None:
    me = link.clinic.client()
    answers = {me.get(f"/p/{secret}").text for secret in ("x", link.secret[:-1], link.secret.swapcase())}
    assert len(answers) == 1
    answer = me.get("/p/x", **{"Accept-Language": "xx, de-AT;q=0.8, en;q=0.5"})
    assert (answer.status_code, "Dieser Link funktioniert nicht" in answer.text) == (404, True)
    assert 'lang="de"' in answer.text


def test_before_the_birth_date_nothing_is_told_but_day_place_and_first_name(link: Link) -> None:
    patient, titles = link.clinic.look(lambda work: patient_of(work, link).model_copy()), ("MRI", "chest", "CT")
    text = link.clinic.client().get(link.path).text
    assert patient.given_name in text
    for told in (patient.family_name, patient.mrn, str(patient.birth_date.year), "Planned for later", *titles):
        assert told not in text


# -- looking changes nothing -----------------------------------------------------------------------------------------


def test_nothing_that_is_looked_at_changes_anything(link: Link) -> None:
    me = link.clinic.client()
    before = everything(link.clinic)
    looks = ("", "?lang=es", "?done=confirmed", "/stop", "/visits/nothing/another-day", "/nothing")
    for path in (*(link.path + look for look in looks), f"{link.visit}/another-day", f"{link.visit}.ics", "/p/x"):
        for method in ("GET", "HEAD"):
            me.client.request(method, path)
    for path in ("/more", "/stop", "/start", "/language", "/calendar"):
        assert me.get(link.path + path).status_code in (200, 405)
    assert everything(link.clinic) == before
    assert me.client.head(link.path).status_code == 200


def test_a_form_without_this_browsers_cookie_is_asked_for_once_more(link: Link) -> None:
    before = everything(link.clinic)
    me = link.clinic.client()
    me.client.cookies.clear()
    answer = me.post(f"{link.visit}/confirm")
    assert (answer.status_code, "Please try once more" in answer.text) == (403, True)
    assert f'href="{link.path}"' in answer.text
    assert everything(link.clinic) == before
    again = me.get(link.path)  # the retry brought the cookie
    token = re.search(r'name="token" value="(\w+)"', again.text)
    assert token is not None
    assert me.client.post(f"{link.visit}/confirm", data={"token": token[1]}).status_code == 303


def test_no_secret_stands_in_the_log(link: Link, capsys: pytest.CaptureFixture[str], log_as_before: None) -> None:
    structlog.reset_defaults()
    logs.configure(as_json=True)
    me = link.clinic.client()
    me.get(link.path)
    me.post(f"{link.visit}/confirm")
    me.get(f"{link.visit}.ics")
    link.open(me)
    feed = me.post(f"{link.path}/calendar").text
    said = capsys.readouterr().err
    assert "/p/" in said
    assert link.secret not in said
    made = re.search(r"/calendar/(\w+)\.ics", feed)
    assert made is not None
    assert made[1] not in said


# -- the birth date --------------------------------------------------------------------------------------------------


def test_the_birth_date_opens_the_rest_in_this_browser_for_half_an_hour(link: Link) -> None:
    me, other = link.clinic.client(), link.clinic.client()
    assert "MRI" not in me.get(link.path).text
    answer = link.open(me)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=1800" in cookie
    text = me.follow(answer).text
    assert "MRI" in text
    assert "Planned for later" in text
    assert "MRI" not in other.get(link.path).text
    link.clinic.later(minutes=31)
    assert "MRI" not in me.get(link.path).text


def test_the_proof_of_one_page_opens_no_other_and_cannot_be_made_up(link: Link) -> None:
    other = linked(link.clinic)
    me = link.clinic.client()
    link.open(me)
    (name,) = [name for name in me.client.cookies if name.startswith("surveillance-page-")]
    proof = me.client.cookies[name]
    assert "MRI" not in me.get(other.path).text
    me.client.cookies.clear()
    for forged in (
        proof.replace(proof[-1], "0" if proof[-1] != "0" else "1"),
        f"9{proof}",
        "9999999999.",
        f"{'9' * 5000}.",
        "x.y",
        proof,
    ):
        me.client.cookies.set(name, forged, domain="localhost.local", path="/")
        assert ("MRI" in me.get(link.path).text) is (forged == proof)
    me.client.cookies.set(name.replace(link.page_id.hex[:8], other.page_id.hex[:8]), proof, domain="localhost.local")
    assert "MRI" not in me.get(other.path).text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Enter day, month and year as numbers."),
        ({"day": 31, "month": 2, "year": 1990}, "Enter day, month and year as numbers."),
        ({"day": "x", "month": "٣", "year": "1990"}, "Enter day, month and year as numbers."),
        ({"day": 1, "month": 1, "year": 1901}, "Tries left: 4"),
    ],
)
def test_a_birth_date_that_cannot_be_read_costs_no_try(link: Link, fields: dict[str, object], says: str) -> None:
    answer = link.clinic.client().post(f"{link.path}/more", **fields)
    assert (answer.status_code, says in answer.text) == (422, True)
    tries = 1 if "Tries" in says else 0
    assert link.clinic.look(lambda work: link.row(work).tries) == tries


def test_a_birth_date_may_be_typed_in_arabic_digits(link: Link) -> None:
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    born = {name: str(getattr(link.born, name)).translate(arabic) for name in ("day", "month", "year")}
    assert link.clinic.client().post(f"{link.path}/more", **born).status_code == 303


def test_the_fifth_wrong_date_locks_the_link_and_staff_see_it(link: Link) -> None:
    me = link.clinic.client()
    link.open(me)
    for number in range(1, 6):
        answer = link.open(me, link.born + timedelta(days=number))
    assert "too many wrong dates" in answer.text
    assert "too many wrong dates" in link.open(me).text
    assert "MRI" not in me.get(link.path).text, "a proof from before opens a locked page no more"
    shown = link.clinic.client("grace").get(f"/patients/{link.patient_id}/own-page").text
    assert re.search(r"locked.*?5 of 5", shown, re.DOTALL)
    assert "locked after wrong birth dates" in link.clinic.client("grace").get(f"/patients/{link.patient_id}").text


# -- acting ----------------------------------------------------------------------------------------------------------


def test_a_visit_is_confirmed_and_another_day_asked_for_by_the_link_alone(link: Link) -> None:
    me = link.clinic.client()
    assert "You told us that you will come" in me.follow(me.post(f"{link.visit}/confirm")).text
    offered = re.findall(r'name="days" value="([\d-]+)"', me.get(f"{link.visit}/another-day").text)
    answer = me.post(f"{link.visit}/another-day", days=offered[:2], part="morning", text=" after school ")
    assert "You asked for another day" in me.follow(answer).text
    request = link.clinic.look(lambda work: work.session.exec(select(RescheduleRequest)).one())
    assert (request.days, request.text) == (offered[:2], "Mornings suit best.\nafter school")
    me.post(f"{link.visit}/confirm")
    assert "You asked for another day" not in me.get(link.path).text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Choose a day, or write what suits you."),
        ({"other": "2020-01-01"}, "Choose a day after today."),
        ({"other": "soon"}, "Choose a day after today."),
        ({"days": ["2027-01-04", "2027-01-05", "2027-01-06"], "other": "2027-01-07"}, "Choose at most 3 days."),
        ({"text": "x" * 501}, "Write at most 500 characters."),
    ],
)
def test_a_wish_that_cannot_be_taken_comes_back_as_it_was_typed(
    link: Link, fields: dict[str, object], says: str
) -> None:
    answer = link.clinic.client().post(f"{link.visit}/another-day", **fields)
    assert (answer.status_code, says in answer.text) == (422, True)
    assert str(fields.get("text", "")) in answer.text
    assert link.clinic.look(lambda work: work.session.exec(select(RescheduleRequest)).all()) == []


def test_what_changed_meanwhile_is_told_and_another_patients_visit_is_not_there(link: Link) -> None:
    me = link.clinic.client()
    link.clinic.do(lambda work: call_off(work, link))
    for path in ("/confirm", "/another-day"):
        text = me.follow(me.post(link.visit + path, text="x")).text
        assert "This appointment has changed" in text
    assert me.get(f"{link.visit}/another-day").status_code == 303
    other = link.clinic.look(
        lambda work: work.session.exec(select(Appointment.id).where(Appointment.patient_id != link.patient_id)).first()
    )
    for path in (f"/visits/{other}/confirm", "/visits/x/confirm", f"/visits/{other}/another-day"):
        assert me.post(link.path + path, text="x").status_code == 404
    assert me.get(f"{link.path}/visits/{other}.ics").status_code == 404


def test_messages_are_stopped_by_the_link_alone_and_come_back(link: Link) -> None:
    me = link.clinic.client()
    assert "will call you instead" in me.get(f"{link.path}/stop").text
    assert me.post(f"{link.path}/stop").status_code == 422
    assert "You get no text messages" in me.follow(me.post(f"{link.path}/stop", channel="sms")).text
    here = select(Number).where(Number.opted_out_how == acts.HOW)
    assert link.clinic.look(lambda work: work.session.exec(here).one()).opted_out_at == link.clinic.now
    both = me.follow(me.post(f"{link.path}/stop", channel=["sms", "email"])).text
    assert both.count("Get them again") == 2
    link.clinic.later(minutes=1)
    for channel in Channel.SMS, Channel.EMAIL:
        again = me.follow(me.post(f"{link.path}/start", channel=channel.value)).text
        assert "You get our messages again." in again
    assert "Get them again" not in me.get(f"{link.path}/stop").text
    assert me.post(f"{link.path}/start", channel="letter").status_code == 404


def test_the_language_is_looked_at_by_anybody_and_stored_after_the_birth_date(link: Link) -> None:
    me = link.clinic.client()
    assert "Sus citas" in me.get(f"{link.path}?lang=es").text
    assert "Your appointments" in me.get(f"{link.path}?lang=de").text, "the clinic does not write German"
    me.post(f"{link.path}/language", language="es")
    assert link.clinic.look(lambda work: link.row(work).language) == "en"
    link.open(me)
    assert me.post(f"{link.path}/language", language="de").status_code == 404
    text = me.follow(me.post(f"{link.path}/language", language="es")).text
    assert "Sus citas" in text
    assert "Guardado" in text
    contact = link.clinic.look(lambda work: work.session.get_one(Contact, link.row(work).contact_id).language)
    assert contact == "es"


def test_what_a_form_answers_keeps_the_language_it_was_looked_at_in(link: Link) -> None:
    me = link.clinic.client()
    answer = me.post(f"{link.path}/more?lang=es", day=1, month=1, year=1901)
    assert "Esta fecha no es correcta" in answer.text
    assert f'href="{link.path}?lang=en"' in answer.text
    assert "Nos dijo que va a venir" in me.follow(me.post(f"{link.visit}/confirm?lang=es")).text


# -- the calendar ----------------------------------------------------------------------------------------------------


def test_a_visit_as_a_file_is_neutral_until_the_birth_date_was_given(link: Link) -> None:
    me = link.clinic.client()
    (event,) = icalendar.Calendar.from_ical(me.get(f"{link.visit}.ics").content).walk("VEVENT")
    assert str(event["UID"]).startswith(str(link.visit_id))
    assert str(event["SUMMARY"]) == "Appointment"
    link.open(me)
    answer = me.get(f"{link.visit}.ics")
    (full,) = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    assert "MRI" in str(full["SUMMARY"])
    assert (full["UID"], full["SEQUENCE"]) == (event["UID"], event["SEQUENCE"])
    assert answer.headers["content-disposition"] == 'attachment; filename="appointment.ics"'


def made_on(work: Work, link: Link) -> list[Feed]:
    return list(work.session.exec(select(Feed).where(Feed.page_id == link.page_id)))


def test_a_calendar_address_is_shown_once_replaced_and_closed(link: Link) -> None:
    me = link.clinic.client()
    assert me.follow(me.post(f"{link.path}/calendar")).status_code == 200
    assert (
        link.clinic.look(lambda work: work.session.exec(select(Feed).where(col(Feed.page_id).is_not(None))).all()) == []
    )
    link.open(me)
    first = me.post(f"{link.path}/calendar").text
    address = urlsplit(re.findall(r"http://localhost(/calendar/\w+\.ics)", first)[0]).path
    assert f"webcal://localhost{address}" in first
    assert me.get(address).status_code == 200
    assert address not in me.get(link.path).text
    (feed,) = link.clinic.look(lambda work: made_on(work, link))
    second = me.post(f"{link.path}/calendar/{feed.id}/replace").text
    assert me.get(address).status_code == 410
    for _ in range(2):
        me.post(f"{link.path}/calendar")
    assert me.post(f"{link.path}/calendar").status_code == 303, "three are enough"
    page = me.get(link.path).text
    assert page.count("Address made on") == 3
    assert "You have 3 addresses already" in page
    assert me.post(f"{link.path}/calendar/{feed.id}/close").status_code == 404, "it is closed already"
    for path in re.findall(r'action="([^"]+/close)"', page):
        assert "The address is closed" in me.follow(me.post(path)).text
    assert me.get(re.findall(r"http://localhost(/calendar/\w+\.ics)", second)[0]).status_code == 410


# -- how often -------------------------------------------------------------------------------------------------------


def test_a_client_and_a_link_that_ask_too_often_wait(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "LOOKS_BY_LINK", 3)
    monkeypatch.setattr(entry, "UNKNOWN_BY_CLIENT", 2)
    me = link.clinic.client()
    assert [me.get(link.path).status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = me.get(link.path)
    assert answer.headers["retry-after"] == "300"
    assert [me.get("/p/x").status_code for _ in range(3)] == [404, 404, 429]
    link.clinic.later(minutes=5)
    assert [me.get(path).status_code for path in (link.path, "/p/x")] == [200, 404]
    monkeypatch.setattr(entry, "LOOKS_BY_CLIENT", 1)
    me = link.clinic.client()
    assert [me.get(path).status_code for path in (link.path, link.path)] == [200, 429]


def test_what_is_sent_is_counted_over_all_processes(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "ACTS_BY_LINK", 2)
    elsewhere = settings_of(link.clinic, sms_transport="console")  # another process over the same database
    one, two = link.clinic.client(), elsewhere.client()
    sent = [each.post(f"{link.visit}/confirm").status_code for each in (one, two, one, two)]
    assert sent == [303, 303, 429, 429]
    assert one.get(link.path).status_code == 200


def test_wrong_birth_dates_on_many_links_are_counted_by_client(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    from surveillance.web.pages.patient_page import page as own_page

    monkeypatch.setattr(own_page, "WRONG_BY_CLIENT", 2)
    me, links = link.clinic.client(), [link, linked(link.clinic), linked(link.clinic)]
    sent = [each.open(me, date(1901, 1, 1)).status_code for each in links]
    assert sent == [422, 422, 429]
    assert link.open(me).status_code == 429
    link.clinic.later(minutes=16)
    assert link.open(me).status_code == 303


# -- staff -----------------------------------------------------------------------------------------------------------


def test_staff_make_a_link_at_the_desk_once_and_close_it(link: Link) -> None:
    grace, me = link.clinic.client("grace"), link.clinic.client()
    here = f"/patients/{link.patient_id}/own-page"
    contact = link.clinic.look(lambda work: link.row(work).contact_id)
    assert grace.post(here, contact=contact, language="de").status_code == 422, "the clinic does not write German"
    made = grace.post(here, contact=contact, language="es").text
    (path,) = set(re.findall(r"http://localhost(/p/\w+)", made))
    assert "<svg" in made
    assert "Sus citas" in me.get(path).text
    assert path not in grace.get(here).text
    grace.post(f"{here}/revoke", page=link.page_id)
    assert [me.get(each).status_code for each in (link.path, path)] == [410, 200]
    linked(link.clinic)
    assert "2 addresses closed" in grace.follow(grace.post(f"{here}/revoke", page="all", reason="phone lost")).text
    assert me.get(path).status_code == 410
    assert link.clinic.client("oscar").get(here).status_code == 404


# -- in a browser ----------------------------------------------------------------------------------------------------


def arabic(clinic: Staffed, link: Link) -> None:
    def change(work: Work) -> None:
        site = work.site(link.row(work).site_id)
        site.languages = ["en", "ar"]
        languages.sign(work, site, "ar")
        link.row(work).language = "ar"

    clinic.do(change)


def test_in_arabic_on_a_telephone_without_scripts(window: Callable[..., Any], link: Link) -> None:
    arabic(link.clinic, link)
    with window(None, PHONE, scripts=False) as shown:
        page = shown.open(link.path)
        assert "المكان: \u200e" in page.inner_text("main"), "a house number would stand behind its street"
        page.click("form[action*='/confirm'] button")
        assert "شكرًا لكم" in page.inner_text("main")
        page.click("a[href*='another-day']")
        page.check("input[name=days] >> nth=1")
        page.fill("textarea", "بعد المدرسة")
        page.click("main button")
        assert "طلبتم يومًا آخر" in page.inner_text("main")
        for name in ("day", "month", "year"):
            page.fill(f"#{name}", str(getattr(link.born, name)))
        page.click("form[action*='/more'] button")
        assert page.locator("html").get_attribute("dir") == "rtl"
        page.click("form[action$='/calendar'] button")
        assert "webcal://" in page.content()
        page.goto(f"{shown.address}{link.path}/stop")
        page.check("input[value=sms]")
        page.click("main button")
        assert "لا تصلكم رسائل نصية منا" in page.inner_text("main")
        assert shown.complaints == []


def test_every_screen_of_it_keeps_the_rules_of_accessibility(window: Callable[..., Any], link: Link) -> None:
    arabic(link.clinic, link)
    with window(None, PHONE) as shown:
        shown.sound(path=link.path)
        shown.sound(path=f"{link.path}/stop?lang=en")
        page = shown.open(f"{link.path}/visits/{link.visit_id}/another-day")
        page.click("main button")  # nothing chosen
        shown.sound()
        shown.open(link.path)
        page.fill("#year", "99")
        page.click("form[action*='/more'] button")
        shown.sound()
        for name in ("day", "month", "year"):
            page.fill(f"#{name}", str(getattr(link.born, name)))
        page.click("form[action*='/more'] button")
        shown.sound()
        page.click("form[action$='/calendar'] button")
        shown.sound()
    with window("grace", PHONE) as shown:
        shown.sound(path=f"/patients/{link.patient_id}/own-page")
