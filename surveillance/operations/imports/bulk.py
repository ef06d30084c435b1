"""New patients by the thousand: the same facts, rules and rows as one enrolment, written table by table.

A registry of 20,000 patients becomes about a million rows. One enrolment through the ORM takes some 40 ms; this
path derives the same rows with the same pure functions and hands them to the database's own bulk load.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from surveillance.core.folding import folded
from surveillance.core.people.care_gaps import GapKind
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.schedule.examinations import Derived, PlanFacts, derive
from surveillance.core.schedule.matching import Study as Evidence
from surveillance.core.schedule.trips import Trip
from surveillance.core.words import AppointmentState, Channel, ConsentAct, ContactKind, DeferralKind, Sex
from surveillance.operations.deferrals import granting
from surveillance.operations.deferrals.off_items import off_items
from surveillance.operations.imports.rows import ImportedPatient
from surveillance.operations.planning.replanning import follow_ups, horizon, propose_trips
from surveillance.operations.registry.working_days import site_calendar
from surveillance.operations.work import Work
from surveillance.store import bulk
from surveillance.store.audit.events import plain
from surveillance.store.planning import plans
from surveillance.store.registry import patients
from surveillance.store.tables import (
    Appointment,
    AppointmentItem,
    AuditEvent,
    AuditValue,
    CareGap,
    Consent,
    Contact,
    Deferral,
    ExaminationRow,
    FindingRow,
    Patient,
    PatientWord,
    Plan,
    PlanTerms,
    Site,
    Study,
    StudyItem,
)
from surveillance.store.visits import studies

BATCH = 1000  # patients; bounds the memory, and the progress bar moves
METHOD = "recorded in the imported file"

PATIENT = (
    "id", "site_id", "mrn", "family_name", "given_name", "folded", "birth_date", "sex", "time_zone", "mri_unsafe",
    "contrast_allergy", "egfr", "egfr_on", "interpreter", "sedation", "claustrophobia", "created_at",
)  # fmt: skip
CONTACT = (
    "id", "site_id", "patient_id", "kind", "name", "phone", "phone_given", "phone_mobile", "email", "language",
    "priority", "email_failed_why", "postal_address",
)  # fmt: skip
CONSENT = (
    "id", "site_id", "patient_id", "contact_id", "channel", "act", "address", "method", "at", "recorded_at",
    "recorded_by",
)  # fmt: skip
PLAN = (
    "id", "site_id", "patient_id", "number", "anchor", "enrolled_on", "horizon", "end_note", "recorded_at",
    "recorded_by",
)  # fmt: skip
TERMS = (
    "id", "site_id", "plan_id", "protocol_key", "intervals", "chosen_by", "reason", "recorded_at", "recorded_by",
)  # fmt: skip
DEFERRAL = (
    "id", "site_id", "patient_id", "plan_id", "kind", "subject", "item", "reason", "role", "since", "until", "cap",
    "settled_why", "recorded_at", "recorded_by",
)  # fmt: skip
STUDY = (
    "id", "site_id", "patient_id", "source", "modality", "modality_stated", "body_region", "performed_on",
    "next_action", "note", "history", "recorded_at", "recorded_by",
)  # fmt: skip
STUDY_ITEM = ("study_id", "item", "site_id")
EXAMINATION = (
    "id", "site_id", "patient_id", "plan_id",
    *(plans.IDS.get(name, name) for name in plans.FIELDS), "open", "withdrawn", "skip_settled",
)  # fmt: skip
GAP = ("patient_id", "kind", "site_id", "since", "plan_id")
WORD = ("patient_id", "word", "site_id")
FINDING = ("id", "site_id", "patient_id", "plan_id", "kind", "item", "month", "subject", "since")
VISIT = (
    "id", "site_id", "patient_id", "plan_id", "state", "day", "zone", "minutes", "outside", "sequence", "was_booked",
    "note", "changed_at", "changed_by",
)  # fmt: skip
LINE = ("id", "site_id", "appointment_id", "item", "month", "target", "outcome_reason")
EVENT = ("id", "site_id", "at", "user_id", "account", "action", "subject", "subject_id", "patient_id", "reason")
VALUE = ("event_id", "site_id", "after")


class BulkWriter:
    """Builds and loads the rows of new patients of one site."""

    def __init__(self, work: Work, site: Site) -> None:
        self.work = work
        self.site = site
        self.today = work.today(site)
        self.until = horizon(self.today)
        self.is_working = site_calendar(work.session, site, self.today).is_working
        self.site_id, self.user_id = site.id.hex, work.actor.user_id.hex
        self.recorded = (work.now, self.user_id)

    def batches(self, rows: Iterable[ImportedPatient]) -> Iterator[list[ImportedPatient]]:
        rest = iter(rows)
        while some := list(islice(rest, BATCH)):
            yield some

    def write(self, rows: Sequence[ImportedPatient]) -> None:
        """Load a batch, parents before children; every constraint of every table is checked by the database."""
        tables = _Tables()
        barred = patients.opted_out(self.work.session, [row.phone.e164 for row in rows if row.phone])
        for row in rows:
            self._patient(row, tables, barred)
        session = self.work.session
        session.flush()
        for table, columns, values in tables.in_order():
            bulk.load(session, table, columns, values)
        numbers = bulk.next_ids(session, AuditEvent, len(tables.events))
        events = [(number, *event) for number, (event, _) in zip(numbers, tables.events, strict=True)]
        bulk.load(session, AuditEvent, EVENT, events)
        after = [
            (number, self.site_id, value) for number, (_, value) in zip(numbers, tables.events, strict=True) if value
        ]
        bulk.load(session, AuditValue, VALUE, after)

    def _patient(self, row: ImportedPatient, tables: "_Tables", barred: Container[str | None]) -> None:
        get, patient_id = row.values.get, bulk.text_id()
        name = folded(row.values["given_name"], row.values["family_name"])
        tables.patients.append(
            (
                patient_id, self.site_id, row.mrn, row.values["family_name"], row.values["given_name"],
                name, row.values["birth_date"],
                get("sex", Sex.UNKNOWN), get("time_zone"), get("mri_unsafe", False), get("contrast_allergy", False),
                get("egfr"), get("egfr_on"), get("interpreter", False), get("sedation", False),
                get("claustrophobia", False), self.work.now,
            )
        )  # fmt: skip
        self._event(tables, "patient.import", "patient", patient_id, patient_id, plain(row.values))
        tables.words.extend((patient_id, word, self.site_id) for word in patients.search_words(name, row.mrn))
        self._contact(row, patient_id, tables)
        if row.protocol is None:
            tables.gaps.append((patient_id, GapKind.WITHOUT_PLAN, self.site_id, self.today, None))
            return
        plan_id = self._plan(row, row.protocol, patient_id, tables)
        if not _reachable(row, barred):
            tables.gaps.append((patient_id, GapKind.UNREACHABLE, self.site_id, self.today, plan_id))

    def _event(
        self, tables: "_Tables", action: str, subject: str, row_id: str, patient_id: str, value: Any = None
    ) -> None:
        """One event for each fact, as for one that is typed in; the values stand with the patient's."""
        event = (
            self.site_id, self.work.now, self.user_id, self.work.actor.account, action, subject, str(UUID(row_id)),
            patient_id, "",
        )  # fmt: skip
        tables.events.append((event, value))

    def _contact(self, row: ImportedPatient, patient_id: str, tables: "_Tables") -> None:
        get, phone = row.values.get, row.phone
        if phone is None and not get("email") and not get("postal_address"):
            return
        contact_id = bulk.text_id()
        tables.contacts.append(
            (
                contact_id, self.site_id, patient_id, get("contact_kind", ContactKind.SELF), get("contact_name", ""),
                phone.e164 if phone else None, phone.given if phone and not phone.e164 else "",
                phone.mobile if phone else True, get("email"), get("language"), 1, "",
                get("postal_address", ""),
            )
        )  # fmt: skip
        self._event(tables, "contact.add", "contact", contact_id, patient_id)
        for channel in get("consent", ()):
            consent_id = bulk.text_id()
            self._event(tables, "consent.given", "consent", consent_id, patient_id)
            address = (phone.e164 if phone else None) if channel is Channel.SMS else get("email")
            tables.consents.append(
                (
                    consent_id, self.site_id, patient_id, contact_id, channel, ConsentAct.GIVEN, address,
                    get("consent_method", METHOD), self.work.now, *self.recorded,
                )
            )  # fmt: skip

    def _plan(self, row: ImportedPatient, protocol: Protocol, patient_id: str, tables: "_Tables") -> str:
        plan_id, intervals = bulk.text_id(), row.values.get("intervals", {})
        anchor: date = row.values["anchor"]
        tables.plans.append((plan_id, self.site_id, patient_id, 1, anchor, self.today, self.until, "", *self.recorded))
        tables.terms.append(
            (
                bulk.text_id(), self.site_id, plan_id, protocol.key, intervals, self.user_id, "imported",
                *self.recorded,
            )
        )  # fmt: skip
        self._event(tables, "plan.enrol", "plan", plan_id, patient_id)
        self._off(off_items(self.work, protocol, intervals), patient_id, plan_id, tables)
        evidence = tuple(self._studies(row, protocol, patient_id, tables))
        terms = self.work.terms(protocol.key, intervals, None)
        derived = derive(PlanFacts(anchor, self.today, (terms,), studies=evidence), self.until)
        self._projection(derived, patient_id, plan_id, tables)
        self._visits(propose_trips(derived.examinations, follow_ups(protocol), self.today, self.is_working),
                     derived, patient_id, plan_id, tables)  # fmt: skip
        return plan_id

    def _off(self, items: Sequence[str], patient_id: str, plan_id: str, tables: "_Tables") -> None:
        """What the file switches off; whoever takes it in was asked when its rows were read."""
        role = granting.role_of(self.work, self.site.id) if items else None
        for item in items:
            until = granting.farthest(self.work, self.site.id, DeferralKind.OFF, self.today)
            row_id = bulk.text_id()
            tables.deferrals.append(
                (
                    row_id, self.site_id, patient_id, plan_id, DeferralKind.OFF, str(UUID(plan_id)), item, "imported",
                    role, self.today, until, until, "", *self.recorded,
                )
            )  # fmt: skip
            self._event(tables, "deferral.grant", "deferral", row_id, patient_id)

    def _studies(
        self, row: ImportedPatient, protocol: Protocol, patient_id: str, tables: "_Tables"
    ) -> Iterator[Evidence]:
        for items, day in row.values.get("studies", ()):
            study_id = bulk.text_id()
            modalities = next((m for code in items if (m := protocol.item(code).modalities)), ("OT",))
            tables.studies.append(
                (
                    study_id, self.site_id, patient_id, "import", modalities[0], False, "", day, "", "",
                    day + timedelta(days=studies.HISTORY_DAYS) < self.today, *self.recorded,
                )
            )  # fmt: skip
            self._event(tables, "study.add", "study", study_id, patient_id)
            tables.study_items.extend((study_id, item, self.site_id) for item in set(items))
            yield Evidence(study_id, frozenset(items), day)

    def _projection(self, derived: Derived, patient_id: str, plan_id: str, tables: "_Tables") -> None:
        owners = (self.site_id, patient_id, plan_id)
        tables.examinations.extend(
            (bulk.text_id(), *owners, *row, row.open, False, False) for row in derived.examinations
        )
        for finding in derived.findings:
            # A finding names its study as every other text does, with dashes.
            named = finding._replace(subject=str(UUID(finding.subject)) if finding.subject else "")
            tables.findings.append((bulk.text_id(), *owners, *named))

    def _visits(
        self, trips: Sequence[Trip], derived: Derived, patient_id: str, plan_id: str, tables: "_Tables"
    ) -> None:
        targets = {row.key: row.target for row in derived.examinations}
        for trip in trips:
            visit_id = bulk.text_id()
            tables.visits.append(
                (
                    visit_id, self.site_id, patient_id, plan_id, AppointmentState.PROPOSED, trip.day,
                    self.site.time_zone, 60, trip.outside, 0, False, "", *self.recorded,
                )
            )  # fmt: skip
            for key in trip.examinations:
                tables.lines.append((bulk.text_id(), self.site_id, visit_id, key.item, key.month, targets[key], ""))


def _reachable(row: ImportedPatient, barred: Container[str | None]) -> bool:
    """The rule of ``store.registry.care_gaps`` for the one contact that a file gives."""
    consents, phone = row.values.get("consent", ()), row.phone
    if row.values.get("postal_address") or (row.values.get("email") and Channel.EMAIL in consents):
        return True
    if phone is None or phone.e164 is None:
        return False
    return not phone.mobile or (Channel.SMS in consents and phone.e164 not in barred)


class _Tables:
    """Rows on their way to the database, in the order in which foreign keys want them."""

    def __init__(self) -> None:
        self.patients: list[tuple[Any, ...]] = []
        self.contacts: list[tuple[Any, ...]] = []
        self.consents: list[tuple[Any, ...]] = []
        self.plans: list[tuple[Any, ...]] = []
        self.terms: list[tuple[Any, ...]] = []
        self.deferrals: list[tuple[Any, ...]] = []
        self.words: list[tuple[Any, ...]] = []
        self.gaps: list[tuple[Any, ...]] = []
        self.studies: list[tuple[Any, ...]] = []
        self.study_items: list[tuple[Any, ...]] = []
        self.examinations: list[tuple[Any, ...]] = []
        self.findings: list[tuple[Any, ...]] = []
        self.visits: list[tuple[Any, ...]] = []
        self.lines: list[tuple[Any, ...]] = []
        self.events: list[tuple[tuple[Any, ...], Any]] = []

    def in_order(self) -> Iterator[tuple[Any, Sequence[str], list[tuple[Any, ...]]]]:
        yield Patient, PATIENT, self.patients
        yield Contact, CONTACT, self.contacts
        yield Consent, CONSENT, self.consents
        yield Plan, PLAN, self.plans
        yield PlanTerms, TERMS, self.terms
        yield Deferral, DEFERRAL, self.deferrals
        yield PatientWord, WORD, self.words
        yield CareGap, GAP, self.gaps
        yield Study, STUDY, self.studies
        yield StudyItem, STUDY_ITEM, self.study_items
        yield ExaminationRow, EXAMINATION, self.examinations
        yield FindingRow, FINDING, self.findings
        yield Appointment, VISIT, self.visits
        yield AppointmentItem, LINE, self.lines
