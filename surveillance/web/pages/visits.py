"""One visit: what, where and when, the messages that go with it, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi.responses import Response

from surveillance.core import plain
from surveillance.core.examinations import Key
from surveillance.core.words import AppointmentState, Outcome, ReminderState
from surveillance.operations import booking, history, outcomes, plan_record, planning, wishes
from surveillance.operations.outcomes import OutcomeOf
from surveillance.operations.situations import zone_of
from surveillance.store import appointments, reminders, studies
from surveillance.store.tables import (
    Appointment,
    AppointmentItem,
    Patient,
    Place,
    Reminder,
    RescheduleWish,
    Site,
    Study,
)
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.forms import LONGEST_TEXT, Form
from surveillance.web.pages import Pages, trip_fields
from surveillance.web.pages.booking_form import flags
from surveillance.web.render import clock, day

pages = Pages(prefix="/visits")

NOSHOW: Final = "noshow"  # the button that says in one click that nobody came
_ASKED: Final = (Outcome.PERFORMED, Outcome.NOT_DONE, Outcome.NOSHOW)
_EVENTS: Final = 50


@dataclass
class Shown:
    """A visit with everything that a page says about it."""

    desk: Desk
    row: Appointment
    patient: Patient

    @property
    def site(self) -> Site:
        return self.desk.work.site(self.row.site_id)

    @property
    def address(self) -> str:
        return f"/visits/{self.row.id}"

    @cached_property
    def lines(self) -> list[AppointmentItem]:
        return appointments.lines(self.desk.session, self.row.id)

    @property
    def open_lines(self) -> list[AppointmentItem]:
        return [line for line in self.lines if line.outcome is None]

    @cached_property
    def titles(self) -> dict[str, str]:
        return plan_record.titles_of_patient(self.desk.work, self.patient.id)

    @cached_property
    def place(self) -> Place | None:
        return self.desk.session.get(Place, self.row.place_id) if self.row.place_id else None

    @property
    def booked(self) -> bool:
        return self.row.state is AppointmentState.BOOKED

    @property
    def over(self) -> bool:
        """Whether its day has come, so that somebody can say what became of it."""
        return self.booked and self.row.day <= self.desk.today(self.row)

    @property
    def ahead(self) -> bool:
        """Whether it is still to come, so that the patient can say anything about it."""
        starts = self.row.starts_at
        return self.booked and starts is not None and starts > self.desk.work.now

    @cached_property
    def wish(self) -> RescheduleWish | None:
        """The wish for another day that waits."""
        return wishes.open_wish(self.desk.work, self.row.id)

    @property
    def movable(self) -> bool:
        return self.booked and all(line.outcome in (None, Outcome.CANCELLED) for line in self.lines)

    def name(self, key: Key) -> str:
        title = self.titles.get(key.item, plain.item(key.item))
        return f"{title}, {'extra' if key.month is None else f'month {key.month}'}"

    def line_name(self, line: AppointmentItem) -> str:
        return self.name(appointments.key(line))

    @property
    def when(self) -> str:
        """``Tue 1 Dec 2026, 10:30``, local at the place."""
        return ", ".join(part for part in (day(self.row.day), clock(self.row.at)) if part)

    @cached_property
    def zone(self) -> str:
        """The zone whose clock the patient lives by."""
        return zone_of(self.patient, self.site)

    @cached_property
    def messages(self) -> list[Reminder]:
        rows = reminders.of_patient(self.desk.session, self.patient.id)
        return [row for row in rows if row.appointment_id == self.row.id and row.state is not ReminderState.VOIDED]

    @cached_property
    def studies(self) -> dict[str, Study]:
        """What was made at this visit, by item."""
        rows = studies.of_patient(self.desk.session, self.patient.id)
        mine = [row for row in rows if row.appointment_id == self.row.id]
        return {item: row for row in mine for item in studies.items(self.desk.session, row.id)}

    def say_plainly(self, form: Form) -> None:
        """The mistakes of a form without the codes of items."""
        trip_fields.say_plainly(form, self.titles, self.name)


def opened(desk: Desk, visit_id: UUID) -> Shown:
    """A visit of one of the user's sites; a look at it is a look at the patient."""
    row = desk.row(Appointment, visit_id)
    return Shown(desk, row, desk.patient(row.patient_id))


@pages.get("/{visit_id}", needs=Permission.VIEW)
def show(desk: Desk, visit_id: UUID) -> Response:
    return page(opened(desk, visit_id), Form({}), 200)


def page(shown: Shown, form: Form, status: int | None = None) -> Response:
    desk = shown.desk
    return desk.page(
        "visit/show.html",
        form=form,
        status=status,
        v=shown,
        patient=shown.patient,
        flags=flags(shown.patient),
        clocks=_clocks(shown),
        history=history.gather(desk.work, shown.patient, shown.titles, _EVENTS, subject=str(shown.row.id)),
        zone=shown.site.time_zone,
        asked=[(each, words.OUTCOME[each]) for each in _ASKED],
        back=desk.back(""),
        words=words,
    )


def _clocks(shown: Shown) -> str:
    """When the visit is by the patient's own clock, where that is another one."""
    starts = shown.row.starts_at
    if starts is None or starts.astimezone(ZoneInfo(shown.zone)).replace(tzinfo=None) == starts.astimezone(
        ZoneInfo(shown.row.zone)
    ).replace(tzinfo=None):
        return ""
    local = starts.astimezone(ZoneInfo(shown.zone))
    return f"{day(local.date())}, {clock(local.time())} ({shown.zone})"


# -- what became of it -------------------------------------------------------------------------------------------


@pages.post("/{visit_id}/outcomes", needs=Permission.WORK)
def record(desk: Desk, visit_id: UUID) -> Response:
    """Record what became of each examination; those of which nothing is said stay unknown."""
    shown, form = opened(desk, visit_id), desk.form
    given = _nobody_came(shown) if form.value("do") == NOSHOW else _outcomes(shown, form)
    if form.ok and not given:
        form.fault(f"outcome-{shown.lines[0].item}" if shown.lines else "", "Say what became of an examination")
    if form.ok:
        with form.trying(desk.session):
            booking.record(desk.work, shown.row, given)
    if form.errors:
        shown.say_plainly(form)
        return page(shown, form)
    return desk.done(desk.back(shown.address), f"Recorded for {shown.patient.given_name}: {_said(shown, given)}.")


def _nobody_came(shown: Shown) -> list[OutcomeOf]:
    return [OutcomeOf(line.item, Outcome.NOSHOW) for line in shown.open_lines]


def _outcomes(shown: Shown, form: Form) -> list[OutcomeOf]:
    found = []
    for line in shown.open_lines:
        name, item = shown.line_name(line), line.item
        outcome = form.choice(f"outcome-{item}", f"what became of {name}", Outcome, required=False)
        on = form.day(f"on-{item}", f"the day of {name}")
        reason = form.text(f"reason-{item}", "the reason", longest=LONGEST_TEXT)
        accession = form.text(f"accession-{item}", "the accession number")
        if outcome is None:
            continue
        if outcome is Outcome.NOT_DONE and not reason:
            form.fault(f"reason-{item}", f"Say why {name} was not done")
        if on is not None and on > shown.desk.today(shown.row):
            form.fault(f"on-{item}", f"The day of {name} cannot lie after today")
        done = outcome is Outcome.PERFORMED
        found.append(OutcomeOf(item, outcome, reason, accession or None if done else None, on if done else None))
    return found


def _said(shown: Shown, given: Sequence[OutcomeOf]) -> str:
    return "; ".join(
        f"{shown.titles.get(one.item, plain.item(one.item))} {words.OUTCOME[one.outcome]}" for one in given
    )


@pages.get("/{visit_id}/reopen/{item}", needs=Permission.WORK)
def reopen_form(desk: Desk, visit_id: UUID, item: str) -> Response:
    return _reopening(opened(desk, visit_id), item, Form({}), 200)


def _reopening(shown: Shown, item: str, form: Form, status: int | None = None) -> Response:
    line = outcomes.line_of(shown.desk.work, shown.row, item)
    return shown.desk.page("visit/reopen.html", form=form, status=status, v=shown, line=line, words=words)


@pages.post("/{visit_id}/reopen/{item}", needs=Permission.WORK)
def reopen(desk: Desk, visit_id: UUID, item: str) -> Response:
    """A recorded outcome was wrong: the examination is booked again."""
    shown, form = opened(desk, visit_id), desk.form
    reason = form.text("reason", "the reason", required=True, longest=LONGEST_TEXT)
    if form.ok:
        with form.trying(desk.session):
            booking.reopen(desk.work, shown.row, item, reason)
            planning.replan_patient(desk.work, shown.patient)
    if form.errors:
        shown.say_plainly(form)
        return _reopening(shown, item, form)
    return desk.done(shown.address, "The outcome is taken back; the examination is booked as before.")
