"""Feeds over real HTTP, on both databases, read back with two independent parsers."""

import json
import time as clock
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import httpx
import icalendar
import pytest
import sqlalchemy as sa
import vobject
from sqlmodel import select
from web_clinic import Clinic, Server, found, serving

from surveillance import logs
from surveillance.core.words import AppointmentState, HoldReason, Privacy
from surveillance.operations.accounts import users
from surveillance.operations.calendars import feed_contents, feeds
from surveillance.operations.care import holds, lifecycle
from surveillance.operations.registry import patients
from surveillance.store import db
from surveillance.store.calendars import feeds as store
from surveillance.store.planning import plans
from surveillance.store.tables import Appointment, AuditEvent, Death, Feed, Place

TUESDAY = date(2026, 12, 1)


def fetch(server: Server, secret: str, **headers: str) -> httpx.Response:
    return server.get(f"/calendar/{secret}.ics", **headers)


def noted(clinic: Clinic, secret: str) -> None:
    """Wait for the book-keeping of the first fetch, which follows its answer."""
    deadline = clock.monotonic() + 10
    while clock.monotonic() < deadline:
        with db.reading(clinic.app.engine) as session:
            if found(feeds.resolve(session, secret)).shown_tag:
                return
        clock.sleep(0.01)
    raise AssertionError("the fetch was never written down")


def entries(answer: httpx.Response) -> dict[str, icalendar.Event]:
    """The entries of a feed by the id of their visit; vobject must read the same ones."""
    assert answer.status_code == 200, answer.text
    read = {str(event["UID"]): event for event in icalendar.Calendar.from_ical(answer.content).walk("VEVENT")}
    again = vobject.readOne(answer.text)
    assert {event.uid.value for event in again.contents.get("vevent", [])} == set(read)
    assert all(uid.endswith("@clinic.example") for uid in read)
    return {uid.partition("@")[0]: event for uid, event in read.items()}


def test_a_booked_visit_is_a_moment_in_utc_and_a_proposed_one_a_tentative_day(clinic: Clinic, server: Server) -> None:
    visit = clinic.book(date(2027, 6, 1), time(10, 30))  # summer time
    answer = fetch(server, clinic.feed())
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert "content-disposition" not in answer.headers
    assert answer.headers["cache-control"].startswith("private")
    assert answer.headers["referrer-policy"] == "no-referrer"
    shown = entries(answer)
    booked = shown.pop(str(visit))
    assert booked["DTSTART"].dt == datetime(2027, 6, 1, 9, 30, tzinfo=UTC)
    assert (booked["STATUS"], booked["TRANSP"], booked["SUMMARY"]) == ("CONFIRMED", "OPAQUE", "Appointment")
    assert "10:30" in booked["DESCRIPTION"]
    assert "+44 20 7946 0123" in booked["DESCRIPTION"]
    proposed = dict(clinic.proposed())
    assert len(proposed) > 3
    assert {UUID(uid): event["DTSTART"].dt for uid, event in shown.items()} == proposed
    assert all(event["STATUS"] == "TENTATIVE" and event["TRANSP"] == "TRANSPARENT" for event in shown.values())


def test_a_neutral_feed_names_neither_patient_nor_examination_nor_clinic(clinic: Clinic, server: Server) -> None:
    clinic.book(TUESDAY)
    text = fetch(server, clinic.feed()).text
    unfolded = text.replace("\r\n ", "")
    for told in ("MRI", "Chest", "Sarcoma", "Ada", "Fiction", "MRN-0001"):
        assert told not in unfolded
    assert "1 Example Street" in unfolded


def test_a_full_feed_names_the_examinations_as_the_protocol_does(clinic: Clinic, server: Server) -> None:
    visit = clinic.book(TUESDAY)
    event = entries(fetch(server, clinic.feed(privacy=Privacy.FULL)))[str(visit)]
    assert event["SUMMARY"] == "Chest CT or chest X-ray, MRI of the primary site"
    assert event["LOCATION"] == "Sarcoma Imaging, 1 Example Street, London"


def test_a_feed_speaks_its_readers_language(clinic: Clinic, server: Server) -> None:
    clinic.book(TUESDAY)
    text = fetch(server, clinic.feed(language="es")).text
    assert "SUMMARY;LANGUAGE=es:Cita" in text
    assert "NAME:Citas" in text


@pytest.mark.parametrize("kind", ["user", "site"])
def test_a_staff_feed_has_initials_and_a_link_and_no_name(clinic: Clinic, server: Server, kind: str) -> None:
    visit = clinic.book(TUESDAY)
    answer = fetch(server, clinic.feed(kind))
    event = entries(answer)[str(visit)]
    assert event["SUMMARY"] == "AF: appointment"
    assert event["URL"] == f"https://clinic.example/patients/{clinic.patient_id}"
    unfolded = answer.text.replace("\r\n ", "")
    for told in ("Ada", "Fiction", "MRN-0001", "2001"):
        assert told not in unfolded


def test_a_coordinators_feed_holds_only_patients_she_looks_after(clinic: Clinic, server: Server) -> None:
    clinic.book(TUESDAY)
    secret = clinic.feed("user")
    assert entries(fetch(server, secret))

    def hand_over(work: Any) -> None:
        clinic.patient(work).owner_id = None

    clinic.do(hand_over)
    assert entries(fetch(server, secret)) == {}
    assert entries(fetch(server, clinic.feed("site")))


def test_a_feed_holds_no_other_patients_visits(clinic: Clinic, server: Server) -> None:
    visit = clinic.book(TUESDAY)

    def another(work: Any) -> str:
        new = patients.NewPatient("MRN-0002", "Other", "Bo", date(1990, 1, 1))
        patient = patients.add_patient(work, clinic.site(work), new)
        return feeds.create(work, feeds.NewFeed(clinic.site(work), patient))[1]

    assert entries(fetch(server, clinic.do(another))) == {}
    assert str(visit) in entries(fetch(server, clinic.feed()))


# -- conditions ------------------------------------------------------------------------------------------------


def test_a_reader_who_has_the_feed_gets_304_and_no_bytes(clinic: Clinic, server: Server) -> None:
    clinic.book(TUESDAY)
    secret = clinic.feed()
    first = fetch(server, secret)
    noted(clinic, secret)
    tag, modified = first.headers["etag"], first.headers["last-modified"]
    assert tag.startswith('"')
    for headers in ({"if_none_match": tag}, {"if_none_match": f"W/{tag}"}, {"if_modified_since": modified}):
        clinic.later(hours=1)
        again = fetch(server, secret, **headers)
        assert (again.status_code, again.content) == (304, b""), headers
        assert (again.headers["etag"], again.headers["last-modified"]) == (tag, modified)
    assert fetch(server, secret, if_none_match='"other"', if_modified_since=modified).status_code == 200


def test_bytes_and_tag_stay_the_same_while_nothing_changes(clinic: Clinic, server: Server) -> None:
    clinic.book(TUESDAY)
    secret = clinic.feed()
    first = fetch(server, secret)
    clinic.later(hours=15)
    second = fetch(server, secret)
    assert (first.content, first.headers["etag"]) == (second.content, second.headers["etag"])


def test_head_tells_the_headers_of_get_and_no_bytes(clinic: Clinic, server: Server) -> None:
    clinic.book(TUESDAY)
    path = f"/calendar/{clinic.feed()}.ics"
    got, head = server.client.get(path), server.client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "last-modified", "content-type", "content-length", "cache-control"):
        assert head.headers[name] == got.headers[name]


def test_moving_a_visit_raises_its_sequence_and_changes_the_tag_but_not_its_uid(clinic: Clinic, server: Server) -> None:
    visit, secret = clinic.book(TUESDAY), clinic.feed()
    before = fetch(server, secret)
    clinic.later(minutes=5)
    clinic.move(visit, TUESDAY + timedelta(days=1), time(14, 0))
    after = fetch(server, secret, if_none_match=before.headers["etag"])
    old, new = entries(before)[str(visit)], entries(after)[str(visit)]
    assert new["SEQUENCE"] > old["SEQUENCE"]
    assert new["DTSTART"].dt == datetime(2026, 12, 2, 14, 0, tzinfo=UTC)
    assert after.headers["etag"] != before.headers["etag"]


def changes(clinic: Clinic) -> dict[str, Any]:
    """What a reader of a full feed sees change, each as an operation on the database."""

    def place(work: Any) -> None:
        work.session.get_one(Place, clinic.place_id).address = "2 Other Street"

    def phone(work: Any) -> None:
        clinic.site(work).phone = "+442079460999"

    def proposals(work: Any) -> None:
        plan = found(plans.active_plan(work.session, clinic.patient_id))
        booked = [row.id for row in work.session.exec(select(Appointment)) if row.state == AppointmentState.BOOKED]
        new = holds.NewHold(HoldReason.AWAY, date(2027, 2, 1), work.today(clinic.site(work)), keep=tuple(booked))
        holds.hold(work, plan, new)

    return {"place": place, "phone": phone, "proposals": proposals}


@pytest.mark.parametrize("change", ["place", "phone", "proposals"])
@pytest.mark.parametrize("condition", ["if_none_match", "if_modified_since"])
def test_a_change_that_no_visit_tells_of_reaches_the_reader_too(
    clinic: Clinic, server: Server, change: str, condition: str
) -> None:
    clinic.book(TUESDAY)
    secret = clinic.feed()
    before = fetch(server, secret)
    has = {"if_none_match": before.headers["etag"], "if_modified_since": before.headers["last-modified"]}
    clinic.later(minutes=5)
    clinic.do(changes(clinic)[change])
    after = fetch(server, secret, **{condition: has[condition]})
    assert after.status_code == 200
    assert after.content != before.content


def test_a_new_name_changes_the_initials_of_a_staff_feed(clinic: Clinic, server: Server) -> None:
    visit, secret = clinic.book(TUESDAY), clinic.feed("site")
    tag = fetch(server, secret).headers["etag"]

    def rename(work: Any) -> None:
        clinic.patient(work).family_name = "Østergaard"

    clinic.do(rename)
    assert entries(fetch(server, secret, if_none_match=tag))[str(visit)]["SUMMARY"] == "AØ: appointment"


def test_a_cancelled_visit_is_struck_for_thirty_days_and_then_gone(clinic: Clinic, server: Server) -> None:
    visit, secret = clinic.book(TUESDAY), clinic.feed()
    clinic.cancel(visit)
    for day in (0, 30):
        clinic.now = datetime(2026, 11, 23, 8, tzinfo=UTC) + timedelta(days=day)
        event = entries(fetch(server, secret))[str(visit)]
        assert (event["STATUS"], event["TRANSP"]) == ("CANCELLED", "TRANSPARENT")
        assert event["SUMMARY"].startswith("Cancelled:")
    clinic.later(days=1)
    assert str(visit) not in entries(fetch(server, secret))


# -- closing ---------------------------------------------------------------------------------------------------


def test_a_revoked_feed_is_gone_and_an_unknown_one_was_never_there(clinic: Clinic, server: Server) -> None:
    secret = clinic.feed()
    assert fetch(server, secret).status_code == 200
    clinic.revoke(secret)
    assert fetch(server, secret).status_code == 410
    assert fetch(server, "never-was-one").status_code == 404
    assert fetch(server, "x" * 5000).status_code == 404


def test_rotating_closes_the_old_address_and_opens_one_for_the_same_reader(clinic: Clinic, server: Server) -> None:
    visit, old = clinic.book(TUESDAY), clinic.feed(privacy=Privacy.FULL, language="es")
    new = clinic.do(lambda work: feeds.rotate(work, found(feeds.resolve(work.session, old)))[1])
    assert fetch(server, old).status_code == 410
    assert "Visitas de seguimiento" in fetch(server, new).text
    assert str(visit) in entries(fetch(server, new))


def test_a_patients_feed_closes_with_the_patients_death_and_opens_when_that_was_an_error(
    clinic: Clinic, server: Server
) -> None:
    secret = clinic.feed()
    clinic.do(lambda work: lifecycle.died(work, clinic.patient(work), date(2026, 11, 22), "letter"))
    assert fetch(server, secret).status_code == 410
    clinic.do(
        lambda work: lifecycle.retract(
            work, clinic.patient(work), work.session.exec(select(Death)).one(), "another patient"
        )
    )
    assert fetch(server, secret).status_code == 200


def test_disabling_a_user_closes_her_feeds_for_good(clinic: Clinic, server: Server) -> None:
    secret = clinic.feed("user")
    assert fetch(server, secret).status_code == 200
    clinic.do(lambda work: users.disable(work, clinic.user(work), "left"))
    assert fetch(server, secret).status_code == 410
    clinic.do(lambda work: users.enable(work, clinic.user(work), "back"))
    assert fetch(server, secret).status_code == 410


def test_who_no_longer_works_at_a_site_no_longer_sees_its_calendar(clinic: Clinic, server: Server) -> None:
    secret = clinic.feed("user")
    clinic.do(lambda work: users.set_role(work, clinic.user(work), clinic.site(work), None))
    assert fetch(server, secret).status_code == 410


# -- book-keeping and secrets ----------------------------------------------------------------------------------


def stored(clinic: Clinic, secret: str) -> Feed:
    with db.reading(clinic.app.engine) as session:
        return found(feeds.resolve(session, secret))


def eventually(clinic: Clinic, secret: str, fetches: int) -> Feed:
    """A fetch is written down after it has been answered."""
    for _ in range(200):
        if stored(clinic, secret).fetches == fetches:
            break
        clock.sleep(0.01)
    return stored(clinic, secret)


def test_polling_writes_at_most_once_a_minute_and_loses_no_count(clinic: Clinic, server: Server) -> None:
    secret = clinic.feed()
    for _ in range(5):
        fetch(server, secret)
    first = eventually(clinic, secret, 1)
    assert (first.fetches, first.last_fetched_at) == (1, clinic.now)
    clinic.later(seconds=61)
    fetch(server, secret)
    second = eventually(clinic, secret, 6)
    assert (second.fetches, second.last_fetched_at) == (6, clinic.now)


def test_counts_that_wait_are_written_when_the_service_stops(sqlite_clinic: Clinic) -> None:
    secret = sqlite_clinic.feed()
    with serving(sqlite_clinic) as server:
        for _ in range(3):
            fetch(server, secret)
    assert stored(sqlite_clinic, secret).fetches == 3


def test_a_fetch_is_no_audited_change(clinic: Clinic, server: Server) -> None:
    def events(work: Any) -> int:
        return len(work.session.exec(select(AuditEvent)).all())

    secret = clinic.feed()
    before = clinic.do(events)
    fetch(server, secret)
    eventually(clinic, secret, 1)
    assert clinic.do(events) == before


def test_a_database_that_cannot_write_still_serves_the_feed(sqlite_clinic: Clinic, sqlite_server: Server) -> None:
    secret = sqlite_clinic.feed()
    with sqlite_clinic.app.engine.connect() as other, other.begin():  # holds the write lock
        answer = fetch(sqlite_server, secret)
        assert answer.status_code == 200


def test_a_secret_is_nowhere_in_the_database(clinic: Clinic, server: Server) -> None:
    secret = clinic.feed()
    fetch(server, secret)
    eventually(clinic, secret, 1)
    engine = clinic.app.engine
    with engine.connect() as connection:
        for table in sa.inspect(engine).get_table_names():
            rows = connection.execute(sa.text(f'SELECT * FROM "{table}"')).all()  # names come from the database
            assert secret not in repr(rows), table


def test_a_secret_is_in_no_line_of_the_log(
    sqlite_clinic: Clinic, capsys: pytest.CaptureFixture[str], log_as_before: None
) -> None:
    logs.configure(as_json=True)
    secret = sqlite_clinic.feed()
    with serving(sqlite_clinic) as server:
        fetch(server, secret)
        server.client.get(f"/p/{secret}/visits")
        server.client.get(f"/calendar/{secret}.ics?x={secret}")
        server.client.put(f"/calendar/{secret}.ics")
        server.client.get(f"/calendar/{secret}/")
    told = capsys.readouterr().err
    lines = [json.loads(line) for line in told.splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert len(requests) == 5
    assert secret not in told
    assert len({line["reader"] for line in requests}) == 1
    assert feeds.hashed(secret).startswith(requests[0]["reader"])


# -- one visit, and scale --------------------------------------------------------------------------------------


def test_the_file_of_one_visit_has_the_uid_of_the_feed(clinic: Clinic, server: Server) -> None:
    visit = clinic.book(TUESDAY)

    def one(work: Any) -> bytes:
        row = work.session.get_one(Appointment, visit)
        return feed_contents.visit_ics(work, row, "https://clinic.example", "en", Privacy.FULL)

    (event,) = icalendar.Calendar.from_ical(clinic.do(one)).walk("VEVENT")
    in_feed = entries(fetch(server, clinic.feed(privacy=Privacy.FULL)))[str(visit)]
    assert event.to_ical() == in_feed.to_ical()


def test_a_patients_feed_is_found_by_an_index(clinic: Clinic) -> None:
    """Without one each poll of each patient would read every visit of all sites."""
    secret = clinic.feed()
    with db.reading(clinic.app.engine) as session:
        feed = found(feeds.resolve(session, secret))
        if clinic.app.engine.dialect.name == "postgresql":
            session.connection().execute(sa.text("SET enable_seqscan = off"))
        plan = explained(session, feed)
    assert "ix_appointment_feed" in plan


def explained(session: db.Session, feed: Feed) -> str:
    told: list[str] = []

    def explain(connection: sa.Connection, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT appointment"):
            prefix = "EXPLAIN " if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
            told.extend(map(str, connection.exec_driver_sql(prefix + statement, parameters).all()))

    connection = session.connection()
    sa.event.listen(connection, "before_cursor_execute", explain)
    day = timedelta(days=1)
    store.revisions(session, feed, store.Span(TUESDAY - day, TUESDAY + day, datetime(2026, 11, 1, tzinfo=UTC)))
    return "\n".join(told)


def test_a_304_reads_neither_names_nor_examinations(clinic: Clinic, server: Server, statements: list[str]) -> None:
    secret = clinic.feed("site", privacy=Privacy.FULL)
    clinic.book(TUESDAY)
    tag = fetch(server, secret).headers["etag"]
    statements.clear()
    assert fetch(server, secret, if_none_match=tag).status_code == 304
    assert not [statement for statement in statements if "appointment_item" in statement]
    assert not [statement for statement in statements if "mrn" in statement]
