"""A clinic's first day: a registry of 500 from a file, a first round of bookings, a calendar that others read."""

import csv
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random

import sqlalchemy as sa
import vobject
from approving import approved
from fakes.clinic import catalogue
from sqlmodel import col, select

from surveillance import bootstrap
from surveillance.core.words import AppointmentState, Role
from surveillance.operations.administration import places, sites
from surveillance.operations.calendars import feed_contents, feeds
from surveillance.operations.imports import apply, compare, reading
from surveillance.operations.imports import rows as imports_rows
from surveillance.operations.proof import check
from surveillance.operations.visits import booking
from surveillance.operations.work import Work
from surveillance.store import db
from surveillance.store.tables import Appointment, ExaminationRow, Feed, Membership, Patient, Place, Site, User

NOW = datetime(2026, 11, 23, 14, tzinfo=UTC)
PATIENTS, BOOKED = 500, 25
COLUMNS = ("mrn", "family_name", "given_name", "birth_date", "phone", "consent", "protocol", "anchor", "studies")


def registry_file(path: Path) -> Path:
    """Treatment ended up to twelve years ago; nobody was lost yet, everybody was seen in the last months."""
    chance = Random(500)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(PATIENTS):
            anchor = NOW.date() - timedelta(days=chance.randrange(60, 4400))
            last = NOW.date() - timedelta(days=chance.randrange(20, 80))
            studies = f"mri_primary+chest_imaging={last}" if last > anchor + timedelta(days=45) else ""
            row = [f"{number:05d}", f"Family{number}", "Given", date(1970, 1, 1), f"(202) 555-{number:04d}", "sms"]
            writer.writerow([*row, "asps-extremity", anchor, studies])
    return path


def test_a_registry_of_500_is_imported_planned_booked_in_part_and_read_as_a_calendar(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    with db.writing(sqlite_engine) as session:
        work = Work(session, NOW, bootstrap.system_actor(session), catalogue())
        site = _opened(work)
        _import(work, site, registry_file(tmp_path / "registry.csv"))
    with db.writing(sqlite_engine) as session:
        work = Work(session, NOW, bootstrap.system_actor(session), catalogue())
        booked = _book_the_first(work)
        feed, _ = feeds.create(work, feeds.NewFeed(session.exec(select(Site)).one()))
    with db.reading(sqlite_engine) as session:
        work = Work(session, NOW, bootstrap.system_actor(session), catalogue())
        _check_rows(session)
        _check_calendar(work, session.get_one(Feed, feed.id), booked)
    with db.reading(sqlite_engine) as session:
        assert check.check(Work(session, NOW, bootstrap.system_actor(session), catalogue())) == []


def _opened(work: Work) -> Site:
    new = sites.NewSite("NYC1", "Riverside", "Riverside", "America/New_York", "US", "(202) 555-0100")
    site = sites.add_site(work, new)
    places.add_place(work, site, "MRI 2")
    approved(work, site)
    ada = User(username="ada", name="Ada", created_at=NOW)
    work.session.add(ada)
    work.session.flush()
    work.session.add(Membership(user_id=ada.id, site_id=site.id, role=Role.COORDINATOR))
    return site


def _import(work: Work, site: Site, path: Path) -> None:
    sheet = reading.read(path)
    parsed = imports_rows.parse(work, site, sheet)
    found = compare.compare(work, site, parsed.rows)
    assert (parsed.errors, found.conflicts, len(found.new)) == ([], [], PATIENTS)
    apply.apply(work, site, sheet, found)


def _book_the_first(work: Work) -> set[str]:
    """The first proposals of all become visits, on their proposed day; their ids are what calendars know them by."""
    place = work.session.exec(select(Place)).one()
    proposed = select(Appointment).where(Appointment.state == AppointmentState.PROPOSED)
    rows = work.session.exec(proposed.order_by(col(Appointment.day), col(Appointment.id)).limit(BOOKED)).all()
    wanted = [(row.id, row.patient_id, row.day) for row in rows]
    for number, (_, patient_id, day) in enumerate(wanted):
        visit = booking.Visit(day, time(9 + number % 7), place)
        booking.book(work, work.session.get_one(Patient, patient_id), visit)
    return {str(visit_id) for visit_id, _, _ in wanted}


def _check_rows(session: db.Session) -> None:
    """Everybody has a next examination of both items, and every open one is booked or proposed."""
    open_rows = session.exec(select(ExaminationRow).where(col(ExaminationRow.open).is_(True))).all()
    assert len({(row.patient_id, row.item) for row in open_rows}) == 2 * PATIENTS
    assert len({row.booking_id for row in open_rows if row.booking_id}) == BOOKED


def _check_calendar(work: Work, feed: Feed, booked: set[str]) -> None:
    content = feed_contents.rendered(work, feed_contents.outline(work, feed, "https://clinic.example"))
    events = vobject.readOne(content.decode()).vevent_list
    by_status = {"CONFIRMED": set(), "TENTATIVE": set()}
    for event in events:
        by_status[event.status.value].add(event.uid.value.partition("@")[0])
    assert by_status["CONFIRMED"] == booked
    assert len(by_status["TENTATIVE"]) > PATIENTS
