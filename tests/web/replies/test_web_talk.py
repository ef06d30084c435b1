"""Writing to a patient, answering a reply, and noting what a patient says of a visit, over HTTP and in a browser."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from uuid import UUID

import pytest
from browser import PHONE as NARROW
from browser import Screen
from sqlmodel import col, select
from staff import HERE, Staffed, settings_of

from surveillance.core.words import AppointmentState, Channel, ConsentAct, Source, Step
from surveillance.operations.registry import consents
from surveillance.operations.replies import receiving
from surveillance.store.registry import patients
from surveillance.store.tables import Appointment, Contact, Inbound, Patient, Reminder, RescheduleRequest
from surveillance.store.visits import appointments
from surveillance.web.render import short_day

MRN = "000117"  # Amara Diallo, with a visit that is booked soon
PHONE = "+12025550199"


@pytest.fixture
def home(staffed: Staffed) -> str:
    """Amara agreed to SMS to this number; the address of her page."""

    def known(work) -> UUID:
        patient = work.session.exec(select(Patient).where(Patient.mrn == MRN)).one()
        (contact,) = patients.contacts(work.session, patient.id)
        contact.phone = PHONE
        consents.consent(work, contact, Channel.SMS, ConsentAct.GIVEN, "signed form")
        return patient.id

    return f"/patients/{staffed.do(known)}"


def contact(staffed: Staffed) -> str:
    return staffed.look(lambda work: str(work.session.exec(select(Contact.id).where(Contact.phone == PHONE)).one()))


def wrote(staffed: Staffed, body: str) -> UUID:
    sent = {"MessageSid": f"SM{body}", "From": PHONE, "To": "+12025550100", "Body": body}
    row = staffed.do(lambda work: receiving.receive(work, sent))
    return row.id


def written(staffed: Staffed) -> list[str]:
    rows = select(Reminder).where(Reminder.step == Step.ANSWER, col(Reminder.text) != "").order_by(Reminder.created_at)
    return staffed.look(lambda work: [row.text for row in work.session.exec(rows)])


def visit(staffed: Staffed) -> Appointment:
    patient = staffed.patient_id(MRN)
    (row,) = staffed.look(lambda work: appointments.of_patient(work.session, patient, AppointmentState.BOOKED))
    return row


def test_staff_write_to_a_patient_and_see_what_it_comes_to(staffed: Staffed, home: str) -> None:
    grace, to = staffed.client("grace"), contact(staffed)
    shown = grace.get(home).text
    assert f'action="{home}/write"' in shown
    assert "the patient, +1 202-555-0199" in shown.lower()
    assert "Enter what the patient is to read" in grace.post(f"{home}/write", contact=to, text=" ").text
    long = grace.post(f"{home}/write", contact=to, text="x" * 321)
    assert (long.status_code, "The text has 321 characters" in long.text) == (422, True)
    preview = grace.post(f"{home}/write", contact=to, text="¿Mañana a las 9?", preview="yes")
    assert (preview.status_code, "16 characters of 320 (GSM-7), 1 part" in preview.text) == (200, True)
    assert "¿Mañana a las 9?</textarea>" in preview.text
    live = grace.post(f"{home}/write/size", live=True, text="日" * 71).text
    assert "71 characters of 320 (UCS-2), 2 parts. “日” is outside the GSM alphabet" in live
    assert written(staffed) == []
    done = grace.follow(grace.post(f"{home}/write", contact=to, text="Bring your “old” pictures"))
    assert "goes out now, or as soon as the hours for messages begin" in done.text
    assert written(staffed) == ['Bring your "old" pictures']
    assert "Conversation of" in grace.get("/messages?step=answer").text
    assert "Wrote to the patient" in done.text.split('id="history"')[1]


def test_the_cost_of_a_text_is_told_where_a_price_is_set(staffed: Staffed, home: str) -> None:
    priced = settings_of(staffed, sms_price=Decimal("0.02"), currency="EUR")
    shown = priced.client("grace").post(f"{home}/write/size", live=True, text="x" * 161).text
    assert "161 characters of 320 (GSM-7), 2 parts, 0.04 EUR" in shown


def test_a_contact_who_cannot_be_written_to_is_named_with_the_reason(staffed: Staffed, home: str) -> None:
    staffed.do(lambda work: consents.opt_out(work, PHONE, "at the desk"))
    page = staffed.client("grace").get(f"{home}/write").text
    assert "Nobody can be written to by SMS" in page
    assert "this number opted out of text messages; call instead" in page
    refused = staffed.client("grace").post(f"{home}/write", contact=contact(staffed), text="hello")
    assert (refused.status_code, written(staffed)) == (422, [])


def test_an_answer_settles_the_reply_and_decides_about_the_number(staffed: Staffed, home: str) -> None:
    grace, reply = staffed.client("grace"), wrote(staffed, "STOP 12345")
    path = f"{home}/replies/{reply}"
    page = grace.get(path).text
    assert "It may be an opt-out: nothing is sent to this number until somebody decides." in page
    assert "To write back is to say that it was no opt-out." in page
    assert f'href="/visits/{visit(staffed).id}"' in page
    fields = {"contact": contact(staffed), "text": "Did you want to end our messages?"}
    assert "33 characters" in grace.post(f"{path}/answer", preview="yes", **fields).text
    assert grace.post(f"{path}/answer", contact=fields["contact"], text="").status_code == 422
    done = grace.follow(grace.post(f"{path}/answer", **fields)).text
    assert "The reply is settled." in done
    assert "Settled: answered: Did you want to end our messages? (Grace Okafor)" in done
    assert (written(staffed), grace.get(path).status_code) == ([fields["text"]], 404)


def test_what_a_patient_says_of_a_visit_is_noted_and_shown_wherever_the_visit_is(staffed: Staffed, home: str) -> None:
    grace, at = staffed.client("grace"), f"/visits/{visit(staffed).id}"
    assert f"comes on {short_day(visit(staffed).day)}: noted." in grace.follow(grace.post(f"{at}/confirm")).text
    assert visit(staffed).confirmed_how is Source.STAFF
    assert "That was known." in grace.follow(grace.post(f"{at}/confirm")).text
    for where in (at, home):
        assert "onfirmed to the clinic on 24 Nov 2026" in grace.get(where).text
    assert "Enter what was said" in grace.post(f"{at}/wish", wish="").text
    assert "is not after today" in grace.post(f"{at}/wish", wish="ill", **{"day-1": "2026-11-24"}).text
    done = grace.follow(grace.post(f"{at}/wish", wish="works that day", **{"day-1": "2026-12-09"}))
    assert "is on the board until the visit is moved" in done.text
    for where in (at, f"{at}/move", home, "/?list=reschedule"):
        shown = grace.get(where).text
        assert "works that day" in shown
        assert "9 Dec 2026" in shown
    offered = grace.get(f"{at}/move").text.partition('value="2026-12-09"')[2]
    assert ">asked for<" in offered.partition("</label>")[0].replace("\n", "")
    assert "Enter what was agreed" in grace.post(f"{at}/wish/settle", agreed="").text
    assert "the visit stays as it is" in grace.follow(grace.post(f"{at}/wish/settle", agreed="comes after all")).text
    assert grace.post(f"{at}/wish/settle", agreed="again").status_code == 409
    request = staffed.look(lambda work: work.session.exec(select(RescheduleRequest)).one())
    assert (request.settlement, request.days) == ("comes after all", ["2026-12-09"])


def test_the_lists_of_the_day_tell_who_confirmed(staffed: Staffed, home: str) -> None:
    grace, day = staffed.client("grace"), visit(staffed).day
    grace.post(f"/visits/{visit(staffed).id}/confirm")
    assert "confirmed to the clinic on 24 Nov 2026" in grace.get(f"/calendar?view=day&site={HERE}&day={day}").text
    staffed.later(days=(visit(staffed).day - staffed.now.date()).days)
    assert "confirmed to the clinic on 24 Nov 2026" in staffed.client("grace").get("/board/day").text


@pytest.mark.browser
def test_characters_are_counted_while_somebody_types(
    staffed: Staffed, home: str, window: Callable[..., AbstractContextManager[Screen]]
) -> None:
    reply = wrote(staffed, "Where do I park?")
    with window("grace", NARROW) as screen:
        page = screen.open(f"{home}/replies/{reply}")
        page.get_by_label("Answer").press_sequentially("Behind the house")
        page.get_by_text("16 characters of 320 (GSM-7), 1 part.").wait_for()
        screen.sound()
        page.get_by_role("button", name="Send and settle").click()
        page.get_by_text("The reply is settled.").wait_for()
    handling = staffed.look(lambda work: work.session.get_one(Inbound, reply).handling)
    assert handling == "answered: Behind the house"
