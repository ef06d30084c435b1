"""Walks over all routes: what is shown is escaped and in the audit trail, a look changes nothing, a forged form does
nothing, and a record is found under its own patient alone.

A page that is added is walked by itself; one that shows the clinic otherwise by its query stands in ``ALSO``.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Final
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from approving import approved
from sqlmodel import SQLModel, col, select
from staff import HERE, NOW, Staffed, Visitor, copied
from test_route_permissions import FIRST, Asking, Route, complete, routes_of, samples_of
from web_clinic import web_of

from surveillance.core.words import AppointmentState
from surveillance.operations.board import worklist
from surveillance.operations.board.worklist import Worklist
from surveillance.operations.csv_text import BOM
from surveillance.operations.imports import uploads
from surveillance.operations.work import Work
from surveillance.store import db
from surveillance.store.tables import Appointment, AuditEvent, Patient, PatientWord, Plan, Site
from surveillance.web.access import Permission

# Text that breaks out of markup, of an attribute, of a template and of a spreadsheet's cell where it is not made safe.
EVIL: Final = "=<i>Q\"'{{7*7}}"
RAW: Final = re.compile(r"""<i>Q|<[^<>]*i(&gt;|>)Q["']|i&gt;Q("|&#34;|&quot;)('|&#39;)49""")
OTHER: Final = "esmo-sts-high@2026.1"  # another protocol that patients may be moved to
WRITTEN: Final = frozenset(
    {"note", "reason", "text", "label", "method", "source", "next_action", "end_note", "outcome_reason", "accession"}
)
NAMED: Final = frozenset(
    {"name", "short_name", "address", "body", "file_name", "opted_out_how", "paused_why", "stopped_why", "why"}
    | {"handling", "failure", "error_text", "resolution", "retracted_reason", "last_error"}
)
KEPT: Final = frozenset({"audit_event", "counter", "sender", "consent", "patient"})  # patients' names: ``poison``
# What a look may write: that it was one, that a session or a token is in use, that a calendar was fetched.
OF_LOOKS: Final = frozenset({"audit_event", "audit_value", "web_session", "api_token", "feed"})
ALSO: Final[Mapping[str, tuple[str, ...]]] = {
    "/messages": ("?list=sent", "?list=failed", "?list=doubt", "?list=tasks"),
    "/calendar": ("?view=month", "?view=week&cancelled=yes"),
    "/board/rows.csv": tuple(f"?list={each}" for each in Worklist),
    "/admin/audit/events.csv": ("?mrn=nobody",),
}
LIVE: Final = frozenset({"/", "/board/{name}/{subject}", "/patients/{patient_id}/examinations/{examination_id}"})


def poison(work: Work) -> None:
    """Everything that a person may have typed is dangerous; each patient's names tell who it is."""
    for table in SQLModel.metadata.sorted_tables:
        for column in table.columns if table.name not in KEPT else ():
            if column.name not in WRITTEN | NAMED or column.primary_key or isinstance(column.type, sa.Enum):
                continue
            where = column.is_not(None) if column.name in WRITTEN else sa.and_(column.is_not(None), column != "")
            evil = sa.literal(EVIL, sa.String()) + sa.cast(column, sa.String())
            work.session.connection().execute(sa.update(table).where(where).values({column.name: evil}))
    for number, patient in enumerate(work.session.exec(select(Patient).order_by(col(Patient.mrn)))):
        patient.family_name = f"{EVIL}F{number:03}F{patient.family_name}"
        patient.given_name = f"{EVIL}G{number:03}G{patient.given_name}"
        patient.mrn = f"{EVIL}M{number:03}M{patient.mrn}"


def more(work: Work, site_id: UUID) -> dict[str, list[str]]:
    """Addresses beside those of the sample: a visit to come, a row of each kind on the board, words that are found."""
    visit = work.session.exec(
        select(Appointment).where(
            Appointment.site_id == site_id, Appointment.state == AppointmentState.BOOKED, Appointment.day > NOW.date()
        )
    ).first()
    assert visit is not None
    word = work.session.exec(select(PatientWord.word).where(PatientWord.patient_id == visit.patient_id)).first()
    rows = {row.kind: row for each in Worklist for row in worklist.rows(work, [site_id], each)}
    visits = {f"/visits/{{visit_id}}{part}": [f"/visits/{visit.id}{part}"] for part in ("", "/move", "/cancel")}
    return visits | {
        "/search": [f"/search?q={word}"],
        "/messages": [f"/messages?patient={word}"],
        "/calendar": [f"/calendar?view=day&day={visit.day}"],
        "/board/{name}/{subject}": [f"/board/{row.key.replace(':', '/', 1)}" for row in rows.values()],
    }


def compared(work: Work) -> UUID:
    """A file that would change what is on record of somebody."""
    site = work.session.exec(select(Site).where(Site.code == HERE)).one()
    somebody = work.session.exec(select(Patient).where(Patient.site_id == site.id)).first()
    assert somebody is not None
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(["mrn", "family_name", "given_name", "birth_date"])
    lines.writerow([somebody.mrn, somebody.family_name, f"{EVIL}another", somebody.birth_date])
    lines.writerow([f"{EVIL}1", EVIL, EVIL, "nonsense"])
    upload = uploads.receive(work, site, f"{EVIL}.csv", out.getvalue().encode())
    uploads.choose(work, upload, {name: name for name in upload.mapping})
    return upload.id


@dataclass(frozen=True)
class Seen:
    """An answer, and whose data the audit trail says that it showed."""

    route: Route
    address: str
    answer: httpx.Response
    patients: frozenset[UUID]
    actions: frozenset[str]

    def __str__(self) -> str:
        return f"{self.route} at {self.address} ({self.answer.status_code})"


class Walk:
    """Everybody who is needed to open every route, each with one session."""

    def __init__(self, clinic: Staffed) -> None:
        self.clinic = clinic
        self.routes = list(routes_of(web_of(clinic.app, clinic.clock)))
        self.samples = samples_of(clinic)
        self._askers = {name: Asking(clinic, name) for name in ("helen", "admin")}
        self._visitors = {name: clinic.client(name) for name in self._askers}
        self._last = self._events(0)[-1].id or 0
        self._more = clinic.look(lambda work: more(work, clinic.site_id()))
        self._more["/imports/{upload_id}"] = [f"/imports/{clinic.do(compared)}"]
        self.seen: list[Seen] = []
        self.sent: list[Seen] = []

    def who(self, route: Route) -> str:
        return "admin" if route.needs is Permission.ADMINISTER else "helen"

    def visitor(self, route: Route) -> Visitor:
        return self._visitors[self.who(route)]

    def ask(self, route: Route, path: str) -> httpx.Response:
        visitor = self.visitor(route)
        if route.is_api:
            headers = {"Authorization": f"Bearer {self._askers[self.who(route)].token}"}
            return visitor.client.request(route.method, path, headers=headers)
        return Asking.page(visitor, route, path)

    def look(self) -> None:
        """Every GET, each at all its addresses."""
        for route in (route for route in self.routes if route.method == "GET"):
            path = route.filled(self.samples)
            also = [f"{path}{query}" for query in ALSO.get(route.path, ())]
            for address in dict.fromkeys((path, *also, *self._more.get(route.path, ()))):
                self.seen.append(self._noted(route, address, self.ask(route, address)))
                if route.path in LIVE:
                    self.seen.append(self._noted(route, address, self.visitor(route).live(address)))

    def type_everywhere(self) -> None:
        """Every form of the pages that were seen, with the same dangerous text in all its fields."""
        done = {"/sign-out", "/account/password"}
        for seen in list(self.seen):
            for address, names in forms_of(seen):
                if address.partition("?")[0] in done:
                    continue
                done.add(address.partition("?")[0])
                visitor = self.visitor(seen.route)
                answer = visitor.post(address, live="/live" in address, **dict.fromkeys(names, EVIL))
                if answer.status_code == 303:  # the next page says what was done, and may name whom with
                    answer = visitor.follow(answer)
                self.sent.append(self._noted(seen.route, address, answer))

    def _noted(self, route: Route, address: str, answer: httpx.Response) -> Seen:
        events = self._events(self._last)
        self._last = max((event.id or 0 for event in events), default=self._last)
        patients = frozenset(event.patient_id for event in events if event.patient_id)
        return Seen(route, address, answer, patients, frozenset(event.action for event in events))

    def _events(self, after: int) -> list[AuditEvent]:
        statement = select(AuditEvent).where(col(AuditEvent.id) > after).order_by(col(AuditEvent.id))
        return self.clinic.look(lambda work: list(work.session.exec(statement)))

    def content(self) -> dict[str, list[tuple[object, ...]]]:
        """All tables that a look must not change."""
        with db.reading(self.clinic.app.engine) as session:
            return {
                table.name: sorted(map(tuple, session.connection().execute(sa.select(table))), key=repr)
                for table in SQLModel.metadata.sorted_tables
                if table.name not in OF_LOOKS
            }


def forms_of(seen: Seen) -> Iterator[tuple[str, set[str]]]:
    """Where each form of a page is sent, by each of its buttons, and the names of its fields."""
    for head, body in re.findall(r"<form([^>]*)>(.*?)</form>", seen.answer.text, re.DOTALL):
        if 'method="post"' not in head:
            continue
        names = set(re.findall(r'<(?:input|select|textarea|button)[^>]*\sname="([^"]*)"', body)) - {"token"}
        actions = re.findall(r'\saction="([^"]*)"', head) or [seen.address]
        for address in [*actions, *re.findall(r'\s(?:formaction|hx-post)="([^"]*)"', head + body)]:
            yield unescape(address).partition("#")[0] or seen.address, names


@pytest.fixture(scope="module")
def walk(furnished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    with copied(furnished, tmp_path_factory.mktemp("walk")) as clinic:
        complete(clinic)
        clinic.do(lambda work: approved(work, work.session.get_one(Site, clinic.site_id()), OTHER), "helen")
        clinic.do(poison)
        yield Walk(clinic)


@pytest.fixture(scope="module")
def looked(walk: Walk) -> Walk:
    """The walk after all its looks, which must have changed nothing."""
    before = walk.content()
    walk.look()
    after = walk.content()
    assert [name for name in before if before[name] != after[name]] == [], "a GET changed these tables"
    return walk


@pytest.fixture(scope="module")
def typed(looked: Walk) -> Walk:
    looked.type_everywhere()
    return looked


def test_a_look_changes_nothing_and_every_page_answers(looked: Walk) -> None:
    broken = [str(seen) for seen in looked.seen if seen.answer.status_code >= 500 and seen.route.path != "/readyz"]
    assert broken == []
    assert sum(seen.answer.status_code == 200 for seen in looked.seen) > 100


def test_nothing_that_somebody_typed_is_markup(looked: Walk) -> None:
    assert not (found := _markup(looked.seen)), "\n".join(found)
    assert sum("&lt;i&gt;Q" in seen.answer.text for seen in looked.seen) > 60


def _markup(answers: Iterable[Seen]) -> list[str]:
    return [
        f"{seen}: {seen.answer.text[max(0, raw.start() - 120) : raw.end() + 60]!r}"
        for seen in answers
        if "html" in seen.answer.headers.get("content-type", "") and (raw := RAW.search(seen.answer.text))
    ]


def test_no_cell_of_a_file_is_a_formula(looked: Walk) -> None:
    files = [seen for seen in looked.seen if seen.answer.headers.get("content-type", "").startswith("text/csv")]
    wrong = [
        f"{seen}: {cell!r}"
        for seen in files
        for row in csv.reader(io.StringIO(seen.answer.text.removeprefix(BOM)))
        for cell in row
        if cell.startswith(("=", "+", "@", "\t", "\r")) or re.match(r"-(?!\d+$)", cell)
    ]
    assert len(files) >= 5
    assert not wrong, "\n".join(wrong)


def test_whose_data_was_shown_stands_in_the_trail(looked: Walk) -> None:
    """45 CFR 164.312(b). A look at the audit log itself is one event, whomever its lines name."""
    assert not (wrong := _untold(looked, looked.seen)), "\n".join(wrong)
    assert sum(bool(seen.patients) for seen in looked.seen) > 60


def _untold(walk: Walk, answers: Iterable[Seen]) -> list[str]:
    tokens = walk.clinic.look(_tokens)
    return [
        f"{seen}: {token}"
        for seen in answers
        if not any(action.startswith("audit.") for action in seen.actions)
        for token, patient_id in tokens.items()
        if token in seen.answer.text and patient_id not in seen.patients
    ]


def _tokens(work: Work) -> dict[str, UUID]:
    return {
        found: patient.id
        for patient in work.session.exec(select(Patient))
        for text in (patient.family_name, patient.given_name, patient.mrn)
        for found in re.findall(r"[FGM]\d{3}[FGM]", text)
    }


def test_no_answer_is_kept_on_the_way_or_read_as_something_else(looked: Walk) -> None:
    wrong = []
    for seen in (seen for seen in looked.seen if seen.answer.status_code < 500):
        headers = seen.answer.headers
        if headers["cache-control"] != "no-store" and not seen.route.path.startswith("/calendar/{secret}"):
            wrong.append(f"{seen}: {headers['cache-control']}")
        if (
            headers["x-content-type-options"] != "nosniff"
            or "default-src 'self'" not in headers["content-security-policy"]
        ):
            wrong.append(f"{seen}: {headers}")
        name = headers.get("content-disposition", "")
        if name and not re.fullmatch(r'attachment; filename="[\w .-]+\.(csv|ics)"', name):
            wrong.append(f"{seen}: {name}")
        if "csv" in headers.get("content-type", "") and not name:
            wrong.append(f"{seen}: no name")
    assert not wrong, "\n".join(wrong)


# -- what is sent ------------------------------------------------------------------------------------------------


def test_a_form_with_dangerous_text_everywhere_is_answered_as_safely(typed: Walk) -> None:
    assert not (broken := [str(seen) for seen in typed.sent if seen.answer.status_code >= 500]), broken
    assert not (found := _markup(typed.sent)), "\n".join(found)
    assert not (wrong := _untold(typed, typed.sent)), "\n".join(wrong)
    assert len(typed.sent) > 60


def forms(walk: Walk) -> Iterable[Route]:
    return (route for route in walk.routes if route.method != "GET" and not route.path.startswith("/webhooks/"))


def test_a_forged_request_does_nothing(walk: Walk) -> None:
    """Another service's page can make a browser send its cookie, but knows no token; to the API a cookie is nothing."""
    before = walk.content()
    got_in = []
    for route in forms(walk):
        client, path = walk.visitor(route).client, route.filled(walk.samples)
        token = walk.visitor(route).token
        tries = [{"data": {"token": "forged"}}, {"data": {"token": token}, "headers": {"Sec-Fetch-Site": "cross-site"}}]
        for sent in tries:
            answer = client.request(route.method, path, **sent)  # type: ignore[arg-type]
            if answer.status_code != (401 if route.is_api else 403):
                got_in.append(f"{route}: {answer.status_code}")
    assert not got_in, "\n".join(got_in)
    assert walk.content() == before


def test_a_record_is_found_under_its_own_patient_alone(walk: Walk) -> None:
    """``/patients/{somebody else of the same clinic}/studies/{study}`` is no address, to look at or to change."""
    mine = UUID(walk.samples["patient_id"])
    other = walk.clinic.look(
        lambda work: work.session.exec(
            select(Plan.patient_id).where(
                col(Plan.ended_on).is_(None), Plan.patient_id != mine, Plan.site_id == walk.clinic.site_id(HERE)
            )
        ).first()
    )
    assert other is not None
    swapped = walk.samples | {"patient_id": str(other)}
    nested = {*FIRST, "reply_id", "fact_id"} - {"patient_id"}
    routes = [each for each in walk.routes if "patient_id" in each.names and nested & set(each.names)]
    assert len(routes) > 20
    before = walk.content()
    wrong = [
        f"{route}: {answer.status_code}"
        for route in routes
        if (answer := walk.ask(route, route.filled(swapped))).status_code != 404
    ]
    assert not wrong, "\n".join(wrong)
    assert walk.content() == before
