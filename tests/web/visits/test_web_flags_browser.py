"""Safety flags in a real browser: the fields come and go as the form changes, and every page of them is sound."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from browser import Screen
from staff import Staffed
from test_web_booking_browser import visit

from surveillance.operations.care import corrections
from surveillance.store.tables import Patient

pytestmark = pytest.mark.browser
Window = Callable[..., AbstractContextManager[Screen]]
NEW, UNSAFE = "000101", "000160"


def test_the_question_stands_on_the_form_while_the_examination_is_ticked(window: Window, staffed: Staffed) -> None:
    patient_id = staffed.patient_id(NEW)
    staffed.do(
        lambda work: corrections.edit_patient(work, work.session.get_one(Patient, patient_id), {"mri_unsafe": True}),
        "grace",
    )
    with window("helen") as shown:
        page = shown.open(f"/patients/{patient_id}/book")
        page.locator("#flags", has_text="the patient is MRI-unsafe").wait_for()
        shown.sound()
        page.get_by_label("MRI of the primary site, month 3").uncheck()
        page.locator("#flags").wait_for(state="hidden")
        page.get_by_label("MRI of the primary site, month 3").check()
        page.locator("#flags_reason").fill("MR conditional at 1.5 T")
        page.keyboard.press("Tab")
        page.locator("#ahead-said", has_not_text="Say why").wait_for()
        page.locator("[value='time-0-10:00']").click()
        page.locator("#ahead-said", has_text="day before").wait_for()
        assert page.input_value("#flags_reason") == "MR conditional at 1.5 T"
        page.get_by_role("button", name="Book", exact=True).click()
        page.get_by_text("Booked: Tue 22 Dec 2026").wait_for()


def test_every_page_about_flags_is_sound(window: Window, staffed: Staffed) -> None:
    own = visit(staffed, UNSAFE)
    for who in ("grace", "helen"):
        with window(who) as shown:
            for path in (own, f"{own}/flags", f"{own}/order", f"{own}/move", "/?list=flags"):
                shown.sound(path=path)
    with window("helen") as shown:
        page = shown.open(f"{own}/flags")
        page.get_by_role("button", name="Confirm").click()
        page.locator(".nhsuk-error-summary").wait_for()
        shown.sound()
