"""The examinations of a plan: what every fact together makes of the slots (schedule rules 5 to 11).

``derive`` is the heart of the service. It takes all facts of one plan and says, for each obligation, when it is
to order, due and overdue, what fulfils it and what is booked for it. Its result does not depend on today: the
rows can be stored, and where an examination stands on a day follows from the row and the day (``status``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property, partial
from itertools import pairwise

from surveillance.core.dates import DAY, add_months, days
from surveillance.core.schedule.facts import Booking, Derived, Examination, Finding, FindingKind, Hold, Key, PlanFacts
from surveillance.core.schedule.matching import Extra, Matches, Study, fulfilled, left_for_slots, match
from surveillance.core.schedule.rhythms import Slot
from surveillance.core.schedule.slots import slots

__all__ = ["Booking", "Derived", "Examination", "Finding", "FindingKind", "Hold", "Key", "PlanFacts", "derive"]

# Half the cost of calling the class; at an import every plan's rows are made in one go.
_row = partial(tuple.__new__, Examination)


def derive(facts: PlanFacts, until: date) -> Derived:
    """Every examination whose target is not after ``until``, and what does not fit together.

    Pure in the strictest sense: the same facts give the same rows on any day, in whatever order they arrived.
    """
    rows: list[Examination] = []
    findings: list[Finding] = []
    for item in facts.items:
        own, odd = _Item(facts, item, until).derive()
        rows.extend(own)
        findings.extend(odd)
    findings.extend(_strangers(facts))
    return Derived(tuple(rows), tuple(findings))


def _strangers(facts: PlanFacts) -> Iterator[Finding]:
    for booking in sorted(facts.bookings, key=lambda b: (b.day, b.id)):
        if booking.item not in facts.items:
            yield Finding(FindingKind.BOOKED_UNWANTED, booking.item, booking.month, booking.id, booking.day)


class _Item:
    """One item of a plan while its examinations are derived."""

    def __init__(self, facts: PlanFacts, item: str, until: date) -> None:
        self.facts = facts
        self.item = item
        self.until = until
        made = [study for study in facts.studies if item in study.items and self._in_plan(study.performed_on)]
        self.studies = [study for study in made if study.repeat_by is None]
        self.inadequate = [study for study in made if study.repeat_by is not None]
        self.spans = _spans(facts.holds, item)
        self.studied = [study.performed_on for study in self.studies]
        self.moves = {month: day for (code, month), day in sorted(facts.moves.items()) if code == item}
        self.skips = {key.extra or key.month: day for key, day in facts.skips.items() if key.item == item}
        self.extras = sorted((e for e in facts.extras if e.item == item), key=lambda e: (e.target, e.id))
        self.unskipped = [extra for extra in self.extras if extra.id not in self.skips]
        self.cut = partial(
            slots, item, facts.anchor, facts.terms, studied=self.studied, done=self._done, moves=self.moves
        )
        self.slots = self.cut(until)
        self.matches: Matches = match(item, self.slots, self.unskipped, self.studies)

    def _in_plan(self, day: date) -> bool:
        return day >= self.facts.anchor and (self.facts.ended_on is None or day <= self.facts.ended_on)

    @cached_property
    def _left_for_slots(self) -> list[Study]:
        return left_for_slots(self.item, self.unskipped, self.studies)

    def _done(self, slot: Slot, before: date) -> bool:
        return fulfilled(slot, before, self._left_for_slots)

    def derive(self) -> tuple[list[Examination], list[Finding]]:
        wanted = [slot for slot in self.slots if self._exists(slot)]
        placed, findings = self._place_bookings(wanted)
        rows: list[Examination] = []
        before: Examination | None = None
        for slot in wanted:
            before = self._examination(slot, before, placed.get(slot.month))
            rows.append(before)
        rows.extend(self._extra(extra, placed) for extra in self.extras)
        findings.extend(self._odd(wanted, rows))
        return rows, findings

    def _exists(self, slot: Slot) -> bool:
        """Past slots exist only where a study matches; nothing begins after the plan's end (rules 8 and 10)."""
        if slot.month in self.matches.slots:
            return True
        ended_on = self.facts.ended_on
        return slot.cell_end > self.facts.enrolled_on and (ended_on is None or slot.cell_start <= ended_on)

    # -- dates -----------------------------------------------------------------------------------------------

    def _examination(self, slot: Slot, before: Examination | None, booking: Booking | None) -> Examination:
        _, month, interval, _, lead_days, target, window_start, window_end, cell_start, cell_end, moved = slot
        study = self.matches.slots.get(month)
        held_from, held_until = self._hold_of(slot) if self.spans else (None, None)
        due_from, overdue_from, overdue_since = self._dates(slot, before, held_from, held_until)
        order_from = target - days(lead_days)
        if before is not None and before.booking is None and before.open:
            # Until the one before is settled, a booking would count for that one (rule 11).
            order_from = max(order_from, cell_start)
        ended_on = self.facts.ended_on
        return _row(
            (
                self.item,
                month,
                None,
                interval,
                target,
                window_start,
                window_end,
                cell_start,
                cell_end,
                min(order_from, due_from),
                due_from,
                overdue_from,
                overdue_since,
                study.id if study else None,
                booking.id if booking else None,
                booking.day if booking else None,
                self.skips.get(month),
                held_from,
                held_until,
                ended_on is not None and study is None and cell_end > ended_on,
                moved,
            )
        )

    def _dates(
        self, slot: Slot, before: Examination | None, held_from: date | None, held_until: date | None
    ) -> tuple[date, date, date]:
        """When the slot is due and overdue, and since when the item has been overdue."""
        due_from, overdue_from = slot.window_start, slot.window_end + DAY
        if held_until is not None and slot.cell_start <= held_until < slot.cell_end:
            return self._resumed(slot, before, held_until)
        follows = before is not None and before.cell_end == slot.cell_start  # else the item was off in between
        if before is not None and before.open and follows and (held_from is None or held_from > slot.cell_start):
            # The cell before may end empty; from then on this one is due, and overdue without a break (rule 6).
            return slot.cell_start, slot.cell_start, before.overdue_since
        entered = self.facts.enrolled_on
        if slot.cell_start <= entered < slot.cell_end and entered > slot.window_end:
            due_from, overdue_from = entered, self._grace(slot, entered)
        limit = self._gap_limit(slot, before)
        if limit is not None and limit < overdue_from:
            due_from, overdue_from = min(due_from, limit), limit
        return due_from, overdue_from, overdue_from

    def _resumed(self, slot: Slot, before: Examination | None, resumed_on: date) -> tuple[date, date, date]:
        """After a hold the slot of that day is due at once (rule 9), unless the one before was examined after all."""
        owed = before is not None and before.study is None and before.skip_review_on is None
        due_from = resumed_on if owed else max(slot.window_start, resumed_on)
        closed = resumed_on > slot.window_end
        overdue_from = self._grace(slot, resumed_on) if closed else slot.window_end + DAY
        return due_from, overdue_from, overdue_from

    def _grace(self, slot: Slot, entered: date) -> date:
        """Who comes in after the window closed gets one tolerance to be examined, but never longer than the cell."""
        return min(entered + days(slot.tolerance + 1), slot.cell_end)

    def _gap_limit(self, slot: Slot, before: Examination | None) -> date | None:
        """The first day that is over one and a half intervals after the last examination before the cell.

        Where there is none, they count from the day on which the item was asked for, last time it was switched on.

        It binds only where a person let an early study count, a change of interval left out a target, or a
        patient enrols long after the last scan; never before the enrolment or the change that brought the slot.
        A move, a skip or a hold is a person's word and is respected.
        """
        if slot.moved or (before is not None and before.study is None):
            return None
        begun = self._begun(slot)
        last = max((day for day in self.studied if day < slot.cell_start), default=max(self.facts.enrolled_on, begun))
        last = max(last, begun)
        interval = add_months(last, slot.interval) - last
        limit = max(last + days(interval.days * 3 // 2 + 1), self.facts.enrolled_on)
        return max([limit, *(day for day in self._changes() if day <= slot.target)])

    def _begun(self, slot: Slot) -> date:
        """Since when the item has been asked for up to the slot without being off in between: at first the anchor."""
        begun, asked = self.facts.anchor, False
        for terms in self.facts.terms:
            if terms.since is not None and terms.since > slot.target:
                break
            wanted = self.item in terms.rhythms
            if wanted and not asked:
                begun = terms.since or self.facts.anchor
            asked = wanted
        return begun

    def _changes(self) -> Iterator[date]:
        """The days on which another rhythm of the item took effect."""
        for before, now in pairwise(self.facts.terms):
            if now.since is not None and before.rhythms.get(self.item) != now.rhythms.get(self.item):
                yield now.since

    def _hold_of(self, slot: Slot) -> tuple[date | None, date | None]:
        """The last hold that meets the slot's cell; one that is resumed on the cell's first day meets it too."""
        for start, end in reversed(self.spans):
            if start < slot.cell_end and (end is None or end >= slot.cell_start):
                return start, end
        return None, None

    def _extra(self, extra: Extra, placed: Mapping[int | str, Booking]) -> Examination:
        study = self.matches.extras.get(extra.id)
        booking = placed.get(extra.id)
        start, end = self.spans[-1] if self.spans else (None, None)
        overdue_from = extra.window_end + DAY
        if end is not None and end > overdue_from:
            overdue_from = end + days(extra.tolerance + 1)
        return Examination(
            self.item,
            None,
            extra.id,
            0,
            extra.target,
            extra.window_start,
            extra.window_end,
            extra.requested_on,
            date.max,
            extra.requested_on,
            max(extra.window_start, extra.requested_on),
            overdue_from,
            overdue_from,
            study.id if study else None,
            booking.id if booking else None,
            booking.day if booking else None,
            self.skips.get(extra.id),
            start,
            end,
            self.facts.ended_on is not None and study is None,
            False,
        )

    # -- bookings and what does not fit ------------------------------------------------------------------------

    def _place_bookings(self, wanted: Sequence[Slot]) -> tuple[dict[int | str, Booking], list[Finding]]:
        """A booking counts for the slot whose cell holds its day (rule 11), one for an extra counts for that."""
        placed: dict[int | str, Booking] = {}
        findings: list[Finding] = []
        bookings = [booking for booking in self.facts.bookings if booking.item == self.item]
        for booking in sorted(bookings, key=lambda b: (b.day, b.id)):
            slot = _holding(wanted, booking.day)
            place = self._place_of(booking, slot)
            month = place if isinstance(place, int) else None
            if place is None:
                if not self._beyond_horizon(booking):
                    findings.append(self._finding(FindingKind.BOOKED_UNWANTED, booking))
                continue
            if place in placed:
                findings.append(self._finding(FindingKind.BOOKED_TWICE, booking, month))
            elif self._settled(place, booking.day):
                findings.append(self._finding(FindingKind.BOOKED_UNWANTED, booking, month))
            elif month is not None and slot is not None and _left_behind(booking, slot):
                findings.append(self._finding(FindingKind.BOOKED_OUTSIDE_WINDOW, booking, month))
            placed.setdefault(place, booking)
        return placed, findings

    def _place_of(self, booking: Booking, slot: Slot | None) -> int | str | None:
        if self.facts.ended_on is not None:
            return None
        if booking.extra is not None and any(booking.extra == extra.id for extra in self.extras):
            return booking.extra
        return slot.month if slot else None

    def _beyond_horizon(self, booking: Booking) -> bool:
        """Its slot exists, but nobody looks that far yet."""
        slot = _holding(self.cut(date.max), booking.day)
        return self.facts.ended_on is None and slot is not None and slot.target > self.until

    def _settled(self, place: int | str, day: date) -> bool:
        """Skipped, or done before the booked ``day``: the visit is not needed any more."""
        study = self.matches.extras.get(place) if isinstance(place, str) else self.matches.slots.get(place)
        return place in self.skips or (study is not None and study.performed_on < day)

    def _finding(self, kind: FindingKind, booking: Booking, month: int | None = None) -> Finding:
        return Finding(kind, self.item, booking.month if month is None else month, booking.id, booking.day)

    def _odd(self, wanted: Sequence[Slot], rows: Sequence[Examination]) -> Iterator[Finding]:
        months = {slot.month for slot in wanted}
        for study, month in self.matches.waiting:
            if month in months:
                yield Finding(FindingKind.STUDY_EARLY, self.item, month, study.id, study.performed_on)
        moved = {slot.month for slot in wanted if slot.moved}
        for month, day in self.moves.items():
            done = month in moved or month in self.matches.slots or self.facts.ended_on is not None
            if not done and day <= self.until:
                yield Finding(FindingKind.MOVE_NOT_POSSIBLE, self.item, month, "", day)
        yield from self._unknown_past(rows)
        yield from self._protocol_end(rows)
        yield from self._repeat()

    def _unknown_past(self, rows: Sequence[Examination]) -> Iterator[Finding]:
        """Enrolled after the first window closed and no study on record: somebody must ask when the last one was."""
        facts = self.facts
        left = facts.away_since or date.min  # what was made up to then is not the last one
        done = any(study.performed_on > left for study in (*self.studies, *self.inadequate))
        known = self.item in facts.known_blank or done
        if known or not self.slots or facts.ended_on is not None:
            return
        asked_from_anchor = self.item in facts.terms[0].rhythms
        if asked_from_anchor and facts.enrolled_on > self.slots[0].window_end and rows:
            yield Finding(FindingKind.LAST_SCAN_UNKNOWN, self.item, None, "", facts.enrolled_on)

    def _protocol_end(self, rows: Sequence[Examination]) -> Iterator[Finding]:
        """From the day on which nothing is to come: the last one is done or over, or the rhythm ended before."""
        facts = self.facts
        final = facts.terms[-1].rhythms.get(self.item)
        if facts.ended_on is not None or final is None or not final.ends:
            return
        month = final.beats[-1].month
        if add_months(facts.anchor, month) > self.until or any(slot.target > self.until for slot in self.cut(date.max)):
            return
        last = next((row for row in reversed(rows) if row.month is not None), None)
        done = [study.performed_on for study in self.studies if last and study.id == last.study]
        over = done or ([last.cell_end] if last else [])
        since = max([facts.enrolled_on, *over, *self._changes()])
        yield Finding(FindingKind.PROTOCOL_ENDS, self.item, month, "", since)

    def _repeat(self) -> Iterator[Finding]:
        """The last study of no use is to be repeated, until an adequate one or a visit for it is there.

        A hold in force and the end of the plan are later words than the day by which it was wanted.
        """
        held = bool(self.spans) and self.spans[-1][1] is None
        if not self.inadequate or held or self.facts.ended_on is not None:
            return
        last = max(self.inadequate, key=lambda study: (study.performed_on, study.id))
        booked = [booking.day for booking in self.facts.bookings if booking.item == self.item]
        if last.repeat_by is not None and not any(day >= last.performed_on for day in (*self.studied, *booked)):
            yield Finding(FindingKind.REPEAT_WANTED, self.item, None, last.id, last.repeat_by)


def _holding(slots_: Iterable[Slot], day: date) -> Slot | None:
    return next((slot for slot in slots_ if slot.cell_start <= day < slot.cell_end), None)


def _left_behind(booking: Booking, slot: Slot) -> bool:
    """The slot was elsewhere when the visit was booked, and its window does not hold the visit any more."""
    return slot.target != booking.target and not slot.window_start <= booking.day <= slot.window_end


def _spans(holds: Iterable[Hold], item: str) -> list[tuple[date, date | None]]:
    """The holds of an item, its own and the plan's, as spans of days in order, overlapping ones joined."""
    own = sorted(
        (
            (hold.start, hold.resumed_on)
            for hold in holds
            if hold.item in (None, item) and (hold.resumed_on is None or hold.start < hold.resumed_on)
        ),
        key=lambda span: span[0],
    )
    joined: list[tuple[date, date | None]] = []
    for start, end in own:
        if joined and (joined[-1][1] is None or start <= joined[-1][1]):
            first, last = joined[-1]
            joined[-1] = (first, None if last is None or end is None else max(last, end))
        else:
            joined.append((start, end))
    return joined
