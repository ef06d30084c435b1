"""Why an examination is due when it is, in plain sentences, and who changed what (design section 1).

The sentences are read off the recorded facts and the row derived from them; nothing is remembered apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlmodel import col, select

from surveillance.core.dates import DAY, add_months
from surveillance.core.errors import NotFoundError
from surveillance.core.protocols.choices import phase_at
from surveillance.core.protocols.clocks import BEGINNINGS
from surveillance.core.protocols.protocol import UNTIL, Item, Phase, Protocol
from surveillance.core.protocols.sources import GRADES
from surveillance.core.schedule.examinations import Examination, Key
from surveillance.core.schedule.status import current, status
from surveillance.core.words import AppointmentState, Status
from surveillance.operations.record.trail import trail
from surveillance.operations.work import Work
from surveillance.store.planning import plans
from surveillance.store.tables import (
    ExtraExamination,
    Override,
    OverrideKind,
    Patient,
    Plan,
    PlanHold,
    PlanTerms,
    Study,
    User,
)
from surveillance.store.visits import appointments, studies


@dataclass(frozen=True, slots=True)
class Explanation:
    """One examination: why its days are what they are, then who changed what, the newest first."""

    key: Key
    title: str
    status: Status
    sentences: tuple[str, ...]
    history: tuple[str, ...]


def explain(work: Work, patient: Patient, item: str | None = None, key: Key | None = None) -> list[Explanation]:
    """One examination by its key, or the one whose time it is of an item, or of every item.

    Raises:
        NotFoundError: no plan, no such item, or no such examination in it.
    """
    newest = next(iter(plans.all_plans(work.session, patient.id)), None)
    if newest is None:
        raise NotFoundError(f"patient {patient.mrn} has no plan yet")
    plan = _Plan(work, patient, newest)
    return [plan.explanation(row) for row in plan.chosen(item, key)]


class _Plan:
    """A plan with all its rows while its examinations are explained."""

    def __init__(self, work: Work, patient: Patient, plan: Plan) -> None:
        self.work, self.patient, self.plan = work, patient, plan
        session = work.session
        self.today = work.today(work.site(plan.site_id))
        self.rows = [plans.examination(row) for row in plans.projected(session, plan.id).values()]
        self.terms = plans.terms_in_force(session, plan.id)
        self.overrides = plans.overrides(session, plan.id)
        statement = select(PlanHold).where(PlanHold.plan_id == plan.id, col(PlanHold.retracted_at).is_(None))
        self.holds = list(session.exec(statement.order_by(col(PlanHold.start))))

    def chosen(self, item: str | None, key: Key | None) -> list[Examination]:
        if key is not None:
            found = [row for row in self.rows if row.key == key]
            wanted = f"{key.item}@{key.month}" if key.month is not None else f"{key.item} (extra)"
        else:
            items = dict.fromkeys(row.item for row in self.rows if item in (None, row.item))
            per_item = ([row for row in self.rows if row.item == code] for code in items)
            found = [row for rows in per_item if (row := self._current(rows)) is not None]
            wanted = item or "examination"
        if not found:
            raise NotFoundError(f"the plan of patient {self.patient.mrn} has no {wanted}; see 'plan show'")
        return found

    def _current(self, rows: list[Examination]) -> Examination | None:
        """The one whose time it is; in an ended plan the last one."""
        return current(rows, self.today) or max(rows, key=lambda row: row.target, default=None)

    def explanation(self, row: Examination) -> Explanation:
        study = self.study(row.study)
        reading = studies.reading(study) if study else None
        stands = status(row, self.today, reading)
        item = self.item_of(row)
        title = f"{item.title if item else row.item}, {self.place_of(row)}"
        sentences = [*self.origin(row), *self.window(row), *self.before(row), *self.decisions(row), *self.days(row)]
        sentences += [*self.visit(row, study), self.standing(row, stands), *self.after(row)]
        return Explanation(row.key, title, stands, tuple(sentences), trail(self.work, self.patient, self.plan))

    # -- where it comes from -----------------------------------------------------------------------------------

    def terms_of(self, row: Examination) -> PlanTerms:
        """The terms under which the slot was cut: the last ones that began before its unmoved target."""
        planned = row.target if row.month is None else add_months(self.plan.anchor, row.month)
        return [terms for terms in self.terms if terms.since is None or terms.since <= planned][-1]

    def protocol_of(self, row: Examination) -> Protocol:
        return self.work.protocol(self.terms_of(row).protocol_key)

    def item_of(self, row: Examination) -> Item | None:
        """The item; None where the terms in force at the target do not know it any more."""
        items = [item for terms in reversed(self.terms) for item in self.work.protocol(terms.protocol_key).items]
        own = [item for item in self.protocol_of(row).items if item.code == row.item]
        return next((item for item in [*own, *items] if item.code == row.item), None)

    @staticmethod
    def place_of(row: Examination) -> str:
        return "an extra examination" if row.month is None else f"month {row.month}"

    def origin(self, row: Examination) -> Iterator[str]:
        if row.month is None:
            yield self.asked_for(row)
            return
        anchor, planned = self.plan.anchor, add_months(self.plan.anchor, row.month)
        terms, protocol = self.terms_of(row), self.protocol_of(row)
        yield f"{BEGINNINGS[protocol.clock]} {anchor} (the anchor); {row.month} months later is {planned}."
        phase = phase_at(protocol, terms.intervals, row.item, row.month)
        span = f" in months {phase.start} to {phase.end or 'the end'}" if phase else ""
        yield f"{protocol.title} ({protocol.key}) asks for it every {row.interval} months{span}."
        yield self.choice(terms, row, phase)
        if phase is not None:
            yield from self.source(protocol, phase)

    def choice(self, terms: PlanTerms, row: Examination, phase: Phase | None) -> str:
        """Who chose the interval and where its phase ends, when and why."""
        chosen = terms.intervals.get(f"{row.item}.{phase.name}" if phase and phase.name else row.item)
        what = "The protocol's default was kept" if chosen is None else f"Every {chosen} months was chosen"
        if chosen is not None and chosen != row.interval:
            what = f"Every {chosen} months was chosen, which this phase does not allow, so its default holds"
        until = terms.intervals.get(f"{row.item}.{UNTIL}")
        if until is not None and phase is not None and until in (phase.start, phase.end):
            what += f", {'from' if until == phase.start else 'to'} month {until}"
        since = f" from {terms.since} on" if terms.since else ""
        return f"{what}{since} by {self.name(terms.chosen_by)} on {self.day(terms)}{_because(terms.reason)}."

    def source(self, protocol: Protocol, phase: Phase) -> Iterator[str]:
        source = protocol.source_of(phase)
        if source is not None:
            yield f"Source: {source.cited}; {GRADES[protocol.grade_of(phase)]}."
        if phase.note:
            yield phase.note

    def asked_for(self, row: Examination) -> str:
        asked = self.work.session.get_one(ExtraExamination, UUID(row.extra or ""))
        return (
            f"{self.name(asked.recorded_by)} asked for it on {asked.requested_on} beside the protocol, for"
            f" {asked.target}{_because(asked.reason)}."
        )

    def window(self, row: Examination) -> Iterator[str]:
        early, late = (row.target - row.window_start).days, (row.window_end - row.target).days
        reach = f"{early} days" if early == late else f"{early} days before and {late} days after"
        yield f"On time is {row.window_start} to {row.window_end}: {reach} around {row.target}."

    # -- what came before and what people decided --------------------------------------------------------------

    def before(self, row: Examination) -> Iterator[str]:
        previous = self.neighbour(row, -1)
        if previous is None:
            return
        what = f"The one before ({self.place_of(previous)}, {previous.target})"
        study = self.study(previous.study)
        if study is not None:
            yield f"{what} was done on {study.performed_on}."
        elif previous.skip_review_on is not None:
            yield f"{what} was skipped."
        elif previous.lost_to_hold:
            yield f"{what} was not done because of a hold."
        elif self.today >= previous.cell_end:
            yield f"{what} was missed."
        else:
            yield f"{what} is still open."

    def neighbour(self, row: Examination, step: int) -> Examination | None:
        if row.month is None:
            return None
        own = sorted((r for r in self.rows if r.item == row.item and r.month is not None), key=lambda r: r.target)
        index = own.index(row) + step
        return own[index] if 0 <= index < len(own) else None

    def decisions(self, row: Examination) -> Iterator[str]:
        for word in self.overrides:
            if self.concerns(word, row):
                by = f"{self.name(word.recorded_by)} on {self.day(word)}{_because(word.reason)}"
                yield f"{self.sentence(word)} by {by}."
        for hold in self.holds:
            if hold.item in (None, row.item) and _meets(hold, row):
                until = f"until {hold.resumed_on}" if hold.resumed_on else f"to be reviewed on {hold.review_on}"
                by = f"{self.name(hold.recorded_by)}{_because(hold.note)}"
                yield f"On hold ({hold.reason}) from {hold.start} {until}, by {by}."

    def concerns(self, word: Override, row: Examination) -> bool:
        extra = str(word.extra_id) if word.extra_id else None
        if word.study_id is not None:
            return word.item == row.item and str(word.study_id) == row.study
        if word.kind is OverrideKind.KNOWN_BLANK:
            return word.item == row.item
        return Key(word.item, word.month, extra) == row.key

    @staticmethod
    def sentence(word: Override) -> str:
        return {
            OverrideKind.MOVE: f"It was moved to {word.day}",
            OverrideKind.SKIP: f"It was skipped, to be looked at again on {word.day},",
            OverrideKind.COUNTS: "The early study was ruled to count",
            OverrideKind.EXTRA_EVIDENCE: "The early study was ruled to be extra evidence",
            OverrideKind.KNOWN_BLANK: "That no earlier study exists was confirmed",
            OverrideKind.FITS: "That the study counts although its modality or region is another was ruled",
        }[word.kind]

    # -- which rule made the days ------------------------------------------------------------------------------

    def days(self, row: Examination) -> Iterator[str]:
        """The rule that moved the days away from the plain window, if one did (schedule rules 6, 8 and 9)."""
        if row.month is None or not row.open:
            return
        previous, entered, plain = self.neighbour(row, -1), self.plan.enrolled_on, row.window_end + DAY
        if row.held_until is not None and row.cell_start <= row.held_until < row.cell_end:
            yield f"It is due since the hold ended on {row.held_until}, and overdue from {row.overdue_from}."
        elif previous is not None and previous.open and row.due_from == row.overdue_from == row.cell_start:
            yield (
                f"If the one before stays undone until {row.cell_start}, this one takes its place that day;"
                f" the item then counts as overdue since {row.overdue_since}."
            )
        elif row.cell_start <= entered < row.cell_end and entered > row.window_end:
            yield (
                f"The enrolment on {entered} came after the window: due at once, with a grace of one tolerance,"
                f" so overdue from {row.overdue_from}."
            )
        elif row.overdue_from < plain:
            yield (
                f"One and a half intervals after the last examination are over on {row.overdue_from}:"
                " it is overdue from then, before its window ends."
            )
        else:
            yield f"It is due from {row.due_from} and overdue from {row.overdue_from}."
        lead = (row.target - row.order_from).days
        yield f"It is to order from {row.order_from}" + (f", {lead} days ahead." if lead > 0 else ".")

    # -- what is arranged, and what follows --------------------------------------------------------------------

    def visit(self, row: Examination, study: Study | None) -> Iterator[str]:
        yield from self.inadequate(row)
        if study is not None:
            accession = f" (accession {study.accession})" if study.accession else ""
            yield f"It was done on {study.performed_on}{accession}, recorded by {self.name(study.recorded_by)}."
        elif row.booked_on is not None:
            yield f"A visit is booked for {row.booked_on}."
        else:
            for day in self.proposed(row):
                yield f"The proposed day is {day}, the site's nearest working day that suits the trip."

    def inadequate(self, row: Examination) -> Iterator[str]:
        """Why a study that was made in its time has not settled it."""
        for found in studies.of_patient(self.work.session, self.patient.id):
            inside = row.cell_start <= found.performed_on < row.cell_end
            if found.repeat_by and inside and row.item in studies.items(self.work.session, found.id):
                yield f"The study of {found.performed_on} was inadequate; another one is wanted by {found.repeat_by}."

    def proposed(self, row: Examination) -> list[date]:
        visits = appointments.of_plan(self.work.session, self.plan.id, AppointmentState.PROPOSED)
        lines = appointments.lines_of(self.work.session, [visit.id for visit in visits])
        return [visit.day for visit in visits if row.key in map(appointments.key, lines.get(visit.id, []))]

    def standing(self, row: Examination, stands: Status) -> str:
        word = str(stands).replace("_", " ")
        if stands is Status.OVERDUE:
            return f"Today ({self.today}) it is overdue, since {row.overdue_since}."
        if stands is Status.ENDED:
            return f"Today ({self.today}) it is ended, as the plan ended on {self.plan.ended_on}."
        return f"Today ({self.today}) it is {word}."

    def after(self, row: Examination) -> Iterator[str]:
        following = self.neighbour(row, 1)
        if following is not None and self.plan.ended_on is None:
            yield f"Next comes {self.place_of(following)}, around {following.target}."

    # -- small things ------------------------------------------------------------------------------------------

    def study(self, study_id: str | None) -> Study | None:
        return self.work.session.get(Study, UUID(study_id)) if study_id else None

    def name(self, user_id: UUID) -> str:
        user = self.work.session.get(User, user_id)
        return user.name if user else "somebody unknown"

    def day(self, row: PlanTerms | Override) -> date:
        return row.recorded_at.date()


def _because(reason: str) -> str:
    return f" ({reason.strip()})" if reason.strip() else ""


def _meets(hold: PlanHold, row: Examination) -> bool:
    return hold.start < row.cell_end and (hold.resumed_on is None or hold.resumed_on >= row.cell_start)
