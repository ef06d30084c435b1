"""This engine's answer to a question: everything that was asked for, out of the core."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from surveillance.core import dates
from surveillance.core.errors import InvalidInputError
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.schedule import status, trips
from surveillance.core.schedule.examinations import Derived, Examination, Key, derive
from surveillance.core.schedule.gaps import longest_gap
from surveillance.core.schedule.reconcile import reconcile
from surveillance.core.words import Status
from surveillance.operations.cases import facts as reading
from surveillance.operations.cases.form import (
    Answer,
    ChangesAnswer,
    ExaminationAnswer,
    FindingAnswer,
    GapAnswer,
    MonthStatus,
    PlaceAnswer,
    Question,
    RateAnswer,
    StatusAnswer,
    TripAnswer,
    UpToDateAnswer,
    YearAnswer,
)

_DONE = {Status.PERFORMED, Status.REPORTED, Status.REVIEWED}
_WORK = {Status.TO_ORDER, Status.DUE, Status.OVERDUE}


def answer(question: Question) -> Answer:
    """A protocol that breaks a rule is refused in the answer. Raises InvalidInputError for facts of no use."""
    try:
        known = reading.protocols_of(question)
        return _Answering(question, known).answer()
    except reading.RefusedError as error:
        return Answer.model_validate({"case": question.case, "refused": error.reasons})
    except ValueError as error:  # such as a site that is closed for a year
        raise InvalidInputError(f"these facts have no answer: {error}") from error


class _Answering:
    """One question while it is answered."""

    def __init__(self, question: Question, known: Mapping[str, Protocol]) -> None:
        self.question, self.known = question, known
        self.facts = reading.plan_facts(question.facts, known)
        self.derived = derive(self.facts, question.facts.until)
        self.rows = self.derived.examinations
        self.readings = reading.readings(question.facts)
        self.is_working = reading.calendar(question.site).is_working
        self.performed = {study.id: study.performed_on for study in self.facts.studies}

    def answer(self) -> Answer:
        asked, today = self.question, self.question.on_day
        return Answer(
            case=asked.case,
            examinations=[self._examination(row) for row in self.rows],
            findings=_findings(self.derived),
            trips=self._trips(today) if today else [],
            trips_a_year=[self._year(year) for year in asked.years],
            up_to_date=[UpToDateAnswer(day=day, up_to_date=self._up_to_date(day)) for day in asked.up_to_date],
            rate=self._rate(today) if today else None,
            gaps=self._gaps(today) if today else [],
            changes=self._changes(),
            at=[self._at(_local_day(each.utc, each.zone)) for each in asked.at],
            moments=[_moment(each.local, each.zone) for each in asked.moments],
            local_days=[_local_day(each.utc, each.zone) for each in asked.local_days],
        )

    def _examination(self, row: Examination) -> ExaminationAnswer:
        study, today = row.study or "", self.question.on_day
        made = examination(row, self.question.days, self.performed.get(study), self.readings.get(study))
        if today and row.open:
            made.proposed, made.proposed_outside_window = trips.propose(row, today, self.is_working)
        return made

    def _status(self, row: Examination, today: date) -> Status:
        return status.status(row, today, self.readings.get(row.study or ""))

    def _at(self, today: date) -> list[MonthStatus]:
        rows = [row for row in self.rows if row.month is not None]
        return [MonthStatus(item=row.item, month=row.month or 0, status=self._status(row, today)) for row in rows]

    # -- trips, rates and gaps -----------------------------------------------------------------------------------

    def _trips(self, today: date) -> list[TripAnswer]:
        after = reading.followers(self.known, self.question.facts)
        work = [row for row in self.rows if self._status(row, today) in _WORK]
        imaging = trips.trips((row for row in work if row.item not in after), today, self.is_working)
        visits = [row for row in work if row.item in after]
        found = trips.with_visits(imaging, visits, after, today, self.is_working)
        return [
            TripAnswer(day=trip.day, examinations=_places(trip.examinations), outside_window=trip.outside)
            for trip in found
        ]

    def _year(self, year: int) -> YearAnswer:
        rows = [row for row in self.rows if row.month is not None]
        return YearAnswer(year=year, trips=trips.trips_a_year(rows, self.facts.anchor, year, self.is_working))

    def _rate(self, today: date) -> RateAnswer:
        """Rule 14: in window ÷ (performed + missed); held and pre-enrolment examinations are left out."""
        count: Counter[str] = Counter()
        for row in self.rows:
            now = self._status(row, today)
            if now in _DONE and row.study and self.performed[row.study] >= self.facts.enrolled_on:
                count[status.timing(row, self.performed[row.study])] += 1
            elif now in (Status.MISSED, Status.SKIPPED):
                count[now] += 1
        of = count["on_time"] + count["early"] + count["late"] + count["missed"]
        names = ("on_time", "early", "late", "skipped")
        return RateAnswer(**{name: count[name] for name in names}, of=of)

    def _up_to_date(self, today: date) -> bool:
        running = [row for row in self.rows if row.month is not None and today < row.cell_end]
        row = min(running, key=lambda row: row.target, default=None)
        if row is None:
            return False
        last = max((on for on in self.performed.values() if on <= today), default=None)
        return status.up_to_date(last, row.interval, self._tolerance(row), today)

    def _tolerance(self, row: Examination) -> int:
        return next(
            beat.tolerance
            for terms in self.facts.terms
            if row.item in terms.rhythms
            for beat in terms.rhythms[row.item].beats
            if beat.interval == row.interval
        )

    def _gaps(self, today: date) -> list[GapAnswer]:
        found = [(item, longest_gap(self.facts, self.rows, {item}, today)) for item in self.question.gaps_of]
        return [
            GapAnswer(item=item, days=gap.days, start=gap.start.day, end=gap.end.day if gap.end else None)
            for item, gap in found
            if gap is not None
        ]

    def _changes(self) -> ChangesAnswer | None:
        if self.question.before is None:
            return None
        before = derive(reading.plan_facts(self.question.before, self.known), self.question.before.until)
        made = reconcile(self.derived, before.examinations)
        return ChangesAnswer(
            add=_places(row.key for row in made.add),
            move=_places(change.after.key for change in made.move),
            cancel=_places(row.key for row in made.cancel),
            keep=_places(row.key for row in made.keep),
        )


def examination(
    row: Examination, days: Iterable[date], performed_on: date | None, reading_: status.Reading | None
) -> ExaminationAnswer:
    """A row as the form tells it, with its status on each of the days."""
    return ExaminationAnswer(
        item=row.item,
        month=row.month,
        extra=row.extra,
        interval=row.interval,
        target=row.target,
        window=(row.window_start, row.window_end),
        cell=(row.cell_start, None if row.cell_end == date.max else row.cell_end - dates.DAY),
        order_from=row.order_from,
        due_from=row.due_from,
        overdue_from=row.overdue_from,
        overdue_since=row.overdue_since,
        fulfilled_by=row.study,
        booked=row.booking,
        moved=row.moved,
        timing=status.timing(row, performed_on) if performed_on else None,
        statuses=[
            StatusAnswer(day=day, status=status.status(row, day, reading_), late=status.late(row, day)) for day in days
        ],
    )


def _findings(derived: Derived) -> list[FindingAnswer]:
    return [
        FindingAnswer(
            kind=each.kind.value, item=each.item, month=each.month, about=each.subject or None, since=each.since
        )
        for each in derived.findings
    ]


def _places(keys: Iterable[Key]) -> list[PlaceAnswer]:
    return [PlaceAnswer(item=key.item, month=key.month, extra=key.extra) for key in keys]


# -- time --------------------------------------------------------------------------------------------------------


def _moment(local: str, zone: str) -> str:
    on, at = local.split(" ")
    try:
        moment = dates.to_utc(date.fromisoformat(on), time.fromisoformat(at), _known(zone))
    except (ValueError, OverflowError):
        raise InvalidInputError(f"{local} is no local time") from None
    return f"{moment:%Y-%m-%dT%H:%MZ}"


def _local_day(utc: str, zone: str) -> date:
    try:
        return dates.local_day(datetime.fromisoformat(utc.replace("Z", "+00:00")), _known(zone))
    except (ValueError, OverflowError):
        raise InvalidInputError(f"{utc} is no moment") from None


def _known(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInputError(f"there is no time zone {zone}") from None
    return zone
