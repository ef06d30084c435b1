"""One visit: what, where and when, the messages that go with it, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi.responses import Response

from surveillance.core import plain
from surveillance.core.schedule.examinations import Key
from surveillance.core.words import AppointmentState, Outcome, ReminderState
from surveillance.operations.messages.patient_context import zone_of
from surveillance.operations.planning import plan_record, replanning
from surveillance.operations.record import history
from surveillance.operations.visits import outcomes, reschedule_requests
from surveillance.operations.visits import outcomes as visits_outcomes
from surveillance.operations.visits.outcomes import OutcomeOf
from surveillance.store.messages import reminders
from surveillance.store.tables import (
    Appointment,
    AppointmentItem,
    Patient,
    Place,
    Reminder,
    RescheduleRequest,
    Site,
    Study,
)
from surveillance.store.visits import appointments, studies
from surveillance.web import words
from surveillance.web.access import Permission
from surveillance.web.forms import LONGEST_TEXT, Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.routing import Pages
from surveillance.web.pages.visits import trip_fields
from surveillance.web.pages.visits.booking_form import flags
from surveillance.web.render import clock, day

pages = Pages(prefix="/visits")

NOSHOW: Final = "noshow"  # the button that says in one click that nobody came
_ASKED: Final = (Outcome.PERFORMED, Outcome.NOT_DONE, Outcome.NOSHOW)
_EVENTS: Final = 50


@dataclass
class Shown:
    """A visit with everything that a page says about it."""

    context: PageContext
    row: Appointment
    patient: Patient

    @property
    def site(self) -> Site:
        return self.context.work.site(self.row.site_id)

    @property
    def address(self) -> str:
        return f"/visits/{self.row.id}"

    @cached_property
    def lines(self) -> list[AppointmentItem]:
        return appointments.lines(self.context.session, self.row.id)

    @property
    def open_lines(self) -> list[AppointmentItem]:
        return [line for line in self.lines if line.outcome is None]

    @cached_property
    def titles(self) -> dict[str, str]:
        return plan_record.titles_of_patient(self.context.work, self.patient.id)

    @cached_property
    def place(self) -> Place | None:
        return self.context.session.get(Place, self.row.place_id) if self.row.place_id else None

    @property
    def booked(self) -> bool:
        return self.row.state is AppointmentState.BOOKED

    @property
    def over(self) -> bool:
        """Whether its day has come, so that somebody can say what became of it."""
        return self.booked and self.row.day <= self.context.today(self.row)

    @property
    def ahead(self) -> bool:
        """Whether it is still to come, so that the patient can say anything about it."""
        starts = self.row.starts_at
        return self.booked and starts is not None and starts > self.context.work.now

    @cached_property
    def reschedule_request(self) -> RescheduleRequest | None:
        """The wish for another day that waits."""
        return reschedule_requests.open_request(self.context.work, self.row.id)

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
        rows = reminders.of_patient(self.context.session, self.patient.id)
        return [row for row in rows if row.appointment_id == self.row.id and row.state is not ReminderState.VOIDED]

    @cached_property
    def studies(self) -> dict[str, Study]:
        """What was made at this visit, by item."""
        rows = studies.of_patient(self.context.session, self.patient.id)
        mine = [row for row in rows if row.appointment_id == self.row.id]
        return {item: row for row in mine for item in studies.items(self.context.session, row.id)}

    def say_plainly(self, form: Form) -> None:
        """The mistakes of a form without the codes of items."""
        trip_fields.say_plainly(form, self.titles, self.name)


def opened(context: PageContext, visit_id: UUID) -> Shown:
    """A visit of one of the user's sites; a look at it is a look at the patient."""
    row = context.row(Appointment, visit_id)
    return Shown(context, row, context.patient(row.patient_id))


@pages.get("/{visit_id}", needs=Permission.VIEW)
def show(context: PageContext, visit_id: UUID) -> Response:
    return page(opened(context, visit_id), Form({}), 200)


def page(shown: Shown, form: Form, status: int | None = None) -> Response:
    context = shown.context
    return context.page(
        "visits/visit.html",
        form=form,
        status=status,
        v=shown,
        patient=shown.patient,
        flags=flags(shown.patient),
        clocks=_clocks(shown),
        history=history.gather(context.work, shown.patient, shown.titles, _EVENTS, subject=str(shown.row.id)),
        zone=shown.site.time_zone,
        asked=[(each, words.OUTCOME[each]) for each in _ASKED],
        back=context.back(""),
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
def record(context: PageContext, visit_id: UUID) -> Response:
    """Record what became of each examination; those of which nothing is said stay unknown."""
    shown, form = opened(context, visit_id), context.form
    given = _nobody_came(shown) if form.value("do") == NOSHOW else _outcomes(shown, form)
    if form.ok and not given:
        form.fault(f"outcome-{shown.lines[0].item}" if shown.lines else "", "Say what became of an examination")
    if form.ok:
        with form.trying(context.session):
            visits_outcomes.record(context.work, shown.row, given)
    if form.errors:
        shown.say_plainly(form)
        return page(shown, form)
    return context.done(context.back(shown.address), f"Recorded for {shown.patient.given_name}: {_said(shown, given)}.")


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
        modality = form.text(f"modality-{item}", "the modality", longest=16)
        ruling = form.text(f"ruling-{item}", "why it counts all the same", longest=LONGEST_TEXT)
        if outcome is None:
            continue
        if outcome is Outcome.NOT_DONE and not reason:
            form.fault(f"reason-{item}", f"Say why {name} was not done")
        if on is not None and on > shown.context.today(shown.row):
            form.fault(f"on-{item}", f"The day of {name} cannot lie after today")
        done = outcome is Outcome.PERFORMED
        found.append(
            OutcomeOf(item, outcome, reason, accession or None, on, modality, ruling=ruling)
            if done
            else OutcomeOf(item, outcome, reason)
        )
    return found


def _said(shown: Shown, given: Sequence[OutcomeOf]) -> str:
    return "; ".join(
        f"{shown.titles.get(one.item, plain.item(one.item))} {words.OUTCOME[one.outcome]}" for one in given
    )


@pages.get("/{visit_id}/reopen/{item}", needs=Permission.WORK)
def reopen_form(context: PageContext, visit_id: UUID, item: str) -> Response:
    return _reopening(opened(context, visit_id), item, Form({}), 200)


def _reopening(shown: Shown, item: str, form: Form, status: int | None = None) -> Response:
    line = outcomes.line_of(appointments.lines(shown.context.session, shown.row.id), item)
    return shown.context.page("visits/reopen.html", form=form, status=status, v=shown, line=line, words=words)


@pages.post("/{visit_id}/reopen/{item}", needs=Permission.WORK)
def reopen(context: PageContext, visit_id: UUID, item: str) -> Response:
    """A recorded outcome was wrong: the examination is booked again."""
    shown, form = opened(context, visit_id), context.form
    reason = form.text("reason", "the reason", required=True, longest=LONGEST_TEXT)
    if form.ok:
        with form.trying(context.session):
            visits_outcomes.reopen(context.work, shown.row, item, reason)
            replanning.replan_patient(context.work, shown.patient)
    if form.errors:
        shown.say_plainly(form)
        return _reopening(shown, item, form)
    return context.done(shown.address, "The outcome is taken back; the examination is booked as before.")
