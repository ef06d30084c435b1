"""One Bundle of everything about one patient or one site (FHIR R4, type collection)."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any
from uuid import UUID

from fhir.resources.R4B.bundle import Bundle
from sqlmodel import col, select

from surveillance.core.protocols.protocol import Item, Protocol
from surveillance.core.words import AppointmentState, AttemptState
from surveillance.operations.fhir import records
from surveillance.operations.fhir.codes import COMMUNICATION, checked
from surveillance.operations.fhir.definitions import definitions
from surveillance.operations.work import Work
from surveillance.store.planning import conditions, plans
from surveillance.store.registry import patients
from surveillance.store.tables import AppointmentItem, Attempt, ExaminationRow, Patient, Place, Plan, Reminder, Site
from surveillance.store.visits import appointments, studies

Resource = dict[str, Any]
Requests = dict[tuple[UUID, str, int | None, UUID | None], UUID]  # plan, item, month, extra → examination
SENT: tuple[AttemptState, ...] = tuple(COMMUNICATION)


def bundle(work: Work, site: Site, people: Iterable[Patient], base: str) -> Bundle:
    """A validated Bundle; ``base`` is the address of this service, for canonical names and the MRN's system.

    Raises:
        InvalidInputError: a code that FHIR does not know, which would be a fault of this program.
    """
    found: list[Resource] = [records.organization(site)]
    found += [records.location(place) for place in work.session.exec(select(Place).where(Place.site_id == site.id))]
    protocols: dict[str, Protocol] = {}
    for person in people:
        found += _person(work, site, person, base, protocols)
    for protocol in protocols.values():
        found += definitions(protocol, base)
    return Bundle.model_validate(
        checked(
            {
                "resourceType": "Bundle",
                "type": "collection",
                "timestamp": work.now.isoformat(),
                "entry": [{"fullUrl": _full_url(resource, base), "resource": resource} for resource in found],
            }
        )
    )


def _full_url(resource: Resource, base: str) -> str:
    """Resources with a UUID are named by it; others by where they could be fetched."""
    try:
        return records.urn(UUID(resource["id"]))
    except ValueError:
        return f"{base}/{resource['resourceType']}/{resource['id']}"


def _person(work: Work, site: Site, person: Patient, base: str, protocols: dict[str, Protocol]) -> Iterator[Resource]:
    session, today = work.session, work.today(site)
    yield records.patient(person, site, patients.contacts(session, person.id), base)
    requests: Requests = {}
    yield from map(records.condition, conditions.of_patient(session, person.id))
    for plan in reversed(plans.all_plans(session, person.id)):
        protocol = work.protocol(plans.terms_in_force(session, plan.id)[-1].protocol_key)
        protocols[protocol.key] = protocol
        yield from _plan(work, plan, protocol, today, base, requests)
    yield from _visits(work, person, requests)
    by_study = _by_study(work, person)
    for study in studies.of_patient(session, person.id):
        yield from records.study(study, studies.items(session, study.id), by_study.get(study.id, []))
    yield from _messages(work, person)


def _plan(
    work: Work,
    plan: Plan,
    protocol: Protocol,
    today: date,
    base: str,
    requests: Requests,
) -> Iterator[Resource]:
    """The plan, and a request for each examination that is open or done; visits and studies refer to these."""
    rows = sorted(plans.projected(work.session, plan.id).values(), key=lambda row: (row.target, row.item))
    wanted = [row for row in rows if row.study_id is not None or (row.open and row.cell_end > today)]
    for row in wanted:
        requests[(plan.id, row.item, row.month, row.extra_id)] = row.id
    yield records.care_plan(plan, protocol, [row.id for row in wanted], base)
    for row in wanted:
        item = _item(protocol, row)
        yield records.service_request(row, plans.examination(row), protocol, item, today, base)


def _by_study(work: Work, person: Patient) -> dict[UUID, list[UUID]]:
    """The examinations that each study fulfilled."""
    statement = select(ExaminationRow).where(
        ExaminationRow.patient_id == person.id,
        col(ExaminationRow.study_id).is_not(None),
        col(ExaminationRow.withdrawn).is_(False),
    )
    found: dict[UUID, list[UUID]] = {}
    for row in work.session.exec(statement.order_by(col(ExaminationRow.item))):
        if row.study_id is not None:
            found.setdefault(row.study_id, []).append(row.id)
    return found


def _item(protocol: Protocol, row: ExaminationRow) -> Item | None:
    return next((item for item in protocol.items if item.code == row.item), None)


def _visits(work: Work, person: Patient, requests: Requests) -> Iterator[Resource]:
    visits = appointments.of_patient(work.session, person.id, *AppointmentState)
    lines = appointments.lines_of(work.session, [visit.id for visit in visits])
    for visit in visits:
        own: list[AppointmentItem] = lines.get(visit.id, [])
        keys = [(visit.plan_id, line.item, line.month, line.extra_id) for line in own]
        yield records.appointment(visit, own, [requests[key] for key in keys if key in requests])


def _messages(work: Work, person: Patient) -> Iterator[Resource]:
    statement = (
        select(Attempt, Reminder)
        .join(Reminder, col(Reminder.id) == col(Attempt.reminder_id))
        .where(Reminder.patient_id == person.id, col(Attempt.state).in_(SENT))
        .order_by(col(Attempt.created_at))
    )
    for attempt, reminder in work.session.exec(statement):
        yield records.communication(attempt, reminder)
