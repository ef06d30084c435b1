"""What could be booked and what it would bring, before anything is; and the calendar of a site."""

from datetime import date, datetime, time

import pytest
import sqlalchemy as sa
from clinic import CHEST, DAY, MRI, TODAY, Clinic, proposed

from surveillance.core.calendars.grid import View, days
from surveillance.core.errors import ForbiddenError
from surveillance.core.schedule.examinations import Key
from surveillance.core.words import AppointmentState, Channel, ConsentAct, Status, Step
from surveillance.operations.administration import places
from surveillance.operations.care import overrides
from surveillance.operations.record import site_calendar
from surveillance.operations.registry import consents
from surveillance.operations.visits import booking
from surveillance.operations.visits.offers import Proposer
from surveillance.operations.visits.preview_effects import Preview, preview
from surveillance.store.messages import reminders
from surveillance.store.registry import patients
from surveillance.store.visits import appointments

VISIT = date(2026, 12, 1)  # the target of month 3, a Tuesday


def live(work, clinic):
    """A clinic that sends messages."""
    clinic.site(work).messages_from = TODAY
    work.session.flush()


def keys(choices):
    return [choice.row.key for choice in choices]


def test_what_it_is_time_for_goes_on_one_trip_on_the_best_days(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work)
        other, _ = clinic.enrolled(work, "002")
        clinic.book(work, other, VISIT + DAY)
        places.close_on(clinic.by(work, clinic.ada), clinic.site(work), date(2026, 11, 30), "Scanner service")
        proposer = Proposer(work, patient, plan)
        choices = proposer.choices()
        assert keys(proposer.usual(choices)) == [Key(CHEST, 3), Key(MRI, 3)]
        assert keys(choices) == [Key(CHEST, 3), Key(MRI, 3), Key(CHEST, 6), Key(MRI, 6)]
        (leg,) = proposer.legs(proposer.trips(proposer.usual(choices), split=False), {})
        assert [offer.day.day for offer in leg.offers.days] == [1, 2, 3, 4, 27]
        assert [(each.day.day, each.why) for each in leg.offers.left_out] == [(30, "Scanner service")]
        told = proposer.told([(offer.day, leg.choices) for offer in leg.offers.days])
        assert [one.booked for one in told] == [0, 1, 0, 0, 0]
        assert told[1].places[0].place == "Scanner"
        assert told[1].places[0].times == (time(10, 30),)


def test_who_asks_for_one_examination_gets_what_goes_on_its_trip(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work, intervals={"clinic_visit": 3})
        extra = overrides.extra(work, plan, overrides.NewExtra(CHEST, TODAY + 21 * DAY, "shadow"))
        proposer = Proposer(work, patient, plan)
        by_key = {key: row_id for key, (row_id, _) in proposer.stored.items()}
        assert keys(proposer.together([by_key[Key(MRI, 3)]])) == [Key(MRI, 3), Key(CHEST, 3)]
        late = by_key[Key(CHEST, None, str(extra.id))]
        assert keys(proposer.together([late])) == [Key(CHEST, None, str(extra.id)), Key(MRI, 3)]
        assert keys(proposer.together([by_key[Key("clinic_visit", 3)]])) == [Key("clinic_visit", 3)]
        assert keys(proposer.together([by_key[Key(MRI, 9)]])) == [Key(MRI, 9)]
        assert len(proposer.together([])) == 3


def test_separate_trips_go_on_different_days_and_a_visit_follows_its_imaging(clinic):
    with clinic.work() as work:
        patient, plan = clinic.enrolled(work, intervals={"clinic_visit": 3})
        proposer = Proposer(work, patient, plan)
        chosen = proposer.usual(proposer.choices())
        trips = proposer.trips(chosen, split=True)
        assert [keys(trip) for trip in trips] == [[Key(CHEST, 3), Key(MRI, 3)], [Key("clinic_visit", 3)]]
        _, follow_up = proposer.legs(trips, {0: date(2026, 12, 4)})
        assert {offer.day for offer in follow_up.offers.days} <= {date(2026, 12, day) for day in range(6, 12)}
        apart = proposer.legs(proposer.trips(chosen[:1] + chosen[-1:], split=True), {})
        assert len({leg.offers.days[0].day for leg in apart}) == 2


def planned(work, patient):
    return [(row.key, row.state) for row in reminders.of_patient(work.session, patient.id)]


def booked(work, clinic, patient, day, *examinations):
    return preview(work, patient, lambda: [clinic.book(work, patient, day, *examinations)])


def test_a_rehearsal_tells_the_messages_and_leaves_nothing(clinic):
    with clinic.work() as work:
        live(work, clinic)
        patient, plan = clinic.enrolled(work)
        before = [row.id for row in proposed(work, plan)], planned(work, patient)
        found = booked(work, clinic, patient, VISIT + DAY)
        assert [message.step for message in found.goes_out] == [Step.ON_BOOKING, Step.DAYS_7, Step.DAYS_3, Step.DAYS_1]
        assert [f"{message.at:%d %H:%M}" for message in found.goes_out][1:] == ["25 10:00", "29 10:00", "01 10:00"]
        assert all(message.choice.channel is Channel.SMS and "DC1" in message.text for message in found.goes_out)
        assert {state for _, state in found.standing} == {Status.BOOKED}
        assert [message.step for message in found.voided] == [Step.OVERDUE]
        assert ([row.id for row in proposed(work, plan)], planned(work, patient)) == before


WAYS = {
    "no consent": ({"consents": []}, Channel.CALL, ("no consent to SMS", "no email address")),
    "no phone": ({"phone": "", "consents": []}, Channel.LETTER, ("no phone number", "no email address")),
    "email": (
        {"email": "a@example.org", "consents": [Channel.EMAIL]}, Channel.EMAIL, ("no consent to SMS",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WAYS)
def test_a_rehearsal_says_by_which_way_and_why_not_by_another(sqlite_clinic, case):
    values, channel, why = WAYS[case]
    with sqlite_clinic.work() as work:
        live(work, sqlite_clinic)
        patient, _ = sqlite_clinic.enrolled(work)
        contact = patients.contacts(work.session, patient.id)[0]
        consents.consent(work, contact, Channel.SMS, ConsentAct.WITHDRAWN, "telephone")
        contact.phone = None if values.get("phone") == "" else contact.phone
        contact.email = values.get("email")
        work.session.flush()
        for each in values["consents"]:
            consents.consent(work, contact, each, ConsentAct.GIVEN, "telephone")
        found = booked(work, sqlite_clinic, patient, VISIT + DAY)
        assert {(message.choice.channel, message.choice.why) for message in found.goes_out} == {(channel, why)}


def test_what_is_refused_is_told_and_changes_nothing(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        clinic.book(work, patient, VISIT, Key(MRI, 3))
        found = booked(work, clinic, patient, VISIT + DAY, Key(MRI, 3))
        assert found == Preview(fault="mri_primary@3 is booked for 2026-12-01; move or cancel that visit")
        with pytest.raises(ForbiddenError):
            booked(clinic.by(work, clinic.ada), clinic, patient, VISIT + DAY)


def test_moving_and_cancelling_tell_what_is_voided_and_what_slot_it_counts_for(clinic):
    with clinic.work() as work:
        live(work, clinic)
        patient, _ = clinic.enrolled(work)
        visit = clinic.book(work, patient, date(2026, 12, 10))
        far = preview(work, patient, lambda: [clinic.move(work, visit, date(2027, 3, 1))])
        assert {(old.month, new.month) for old, new in far.slots} == {(3, 6)}
        assert visit.day == date(2026, 12, 10)
        assert [f"{message.at:%d %b}" for message in far.voided] == ["23 Nov", "03 Dec", "07 Dec", "09 Dec"]
        gone = preview(work, patient, lambda: [booking.cancel(work, visit, "ill"), visit][1:])
        assert {state for _, state in gone.standing} == {Status.DUE}
        assert len(gone.voided) == 4
        assert visit.state is AppointmentState.BOOKED


# -- the calendar of a site --------------------------------------------------------------------------------------


def shown(work, clinic, view=View.DAY, day=VISIT, **options):
    return site_calendar.of_days(work, clinic.site(work), days(view, day), options.pop("of_a_day", 9), **options)


def test_a_calendar_has_the_days_with_their_visits_by_time(clinic):
    with clinic.work() as work:
        late, _ = clinic.enrolled(work, "001")
        early, _ = clinic.enrolled(work, "002")
        clinic.book(work, late, VISIT, at=time(15), minutes=30)
        clinic.book(work, early, VISIT, at=time(9, 30))
        places.close_on(clinic.by(work, clinic.ada), clinic.site(work), VISIT, "Audit")
        month = shown(work, clinic, View.MONTH, of_a_day=1)
        one = month[VISIT]
        assert (one.booked, one.proposed, one.more, one.closed, one.working) == (2, 0, 1, "Audit", False)
        assert [visit.entry.mrn for visit in one.visits] == ["002"]
        assert not month[date(2026, 12, 5)].working
        assert month[date(2026, 12, 3)].working
        day = shown(work, clinic)[VISIT]
        assert [(visit.entry.at, visit.place) for visit in day.visits] == [
            (time(9, 30), "Scanner"),
            (time(15), "Scanner"),
        ]
        covered = site_calendar.covered(work, day.visits)
        assert covered[day.visits[0].entry.id][1] == "MRI of the primary site, month 3"


def test_a_calendar_keeps_to_its_site_place_owner_and_hides_what_was_called_off(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        patient.owner_id = clinic.grace.user_id
        visit = clinic.book(work, patient, VISIT)
        place = clinic.scanner(work).id
        work.session.flush()
        assert len(shown(work, clinic, place_id=place, owner_id=clinic.grace.user_id)[VISIT].visits) == 1
        assert not shown(work, clinic, place_id=clinic.scanner(work, "Other scanner").id)[VISIT].visits
        assert not shown(work, clinic, owner_id=clinic.helen.user_id)[VISIT].visits
        there = work.site(clinic.scanner(work, "Other scanner").site_id)
        assert not site_calendar.of_days(work, there, days(View.DAY, VISIT), 9)[VISIT].visits
        booking.cancel(work, visit, "ill")
        states = {one.entry.state for one in shown(work, clinic)[VISIT].visits}
        assert AppointmentState.CANCELLED not in states
        assert AppointmentState.CANCELLED in {
            one.entry.state for one in shown(work, clinic, called_off=True)[VISIT].visits
        }


def test_a_calendar_asks_as_often_for_many_visits_as_for_one(sqlite_clinic: Clinic):
    with sqlite_clinic.work() as work:
        sent: list[str] = []
        sa.event.listen(work.session.connection(), "before_cursor_execute", lambda *given: sent.append(given[2]))
        numbers = []
        for mrn in ("001", "002", "003"):
            patient, _ = sqlite_clinic.enrolled(work, mrn)
            sqlite_clinic.book(work, patient, VISIT)
            work.session.flush()
            sent.clear()
            site_calendar.covered(work, shown(work, sqlite_clinic)[VISIT].visits)
            numbers.append(len(sent))
        assert len(set(numbers)) == 1
        counting = next(statement for statement in sent if "GROUP BY" in statement)
        given = (sqlite_clinic.site_id.hex, "2026-12-01", "2026-12-01", "booked", "proposed", "fulfilled")
        plan = work.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {counting}", given)
        assert "ix_appointment" in str(plan.all())


def test_the_times_of_a_visit_are_those_on_the_wall_when_the_clocks_change(clinic):
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)  # month 6 may be done on Sunday 14 March 2027, when the clocks go on
        visit = clinic.book(work, patient, date(2027, 3, 14), at=time(2, 30))
        assert visit.starts_at == datetime.fromisoformat("2027-03-14T07:00+00:00")  # 03:00 by the new clock
        assert appointments.lines(work.session, visit.id)
