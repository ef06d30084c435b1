"""Trips to offer: what could be booked for a patient together, on which days, and what each day would mean."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from surveillance.core.schedule.offers import Fit, Offer
from surveillance.operations.planning import conditions
from surveillance.operations.visits.offers import Choice, Leg, Proposer
from surveillance.web.access import Permission
from surveillance.web.api.call import Call
from surveillance.web.api.models.common import QueryFlag
from surveillance.web.api.models.visits import FitPublic, OfferPublic, TripExamination, TripPublic
from surveillance.web.api.paging import Page
from surveillance.web.api.routing import Endpoints

endpoints = Endpoints("Visits")


@endpoints.get("/patients/{patient_id}/trips", needs=Permission.VIEW)
def propose_trips(
    call: Call,
    patient_id: UUID,
    split: Annotated[QueryFlag, Query(description="As several trips, where they could be one.")] = False,
    condition_id: Annotated[UUID | None, Query(description="Of which disease, where several have a plan.")] = None,
) -> Page[TripPublic]:
    """What it is time to book, or else the next trip, with the working days that suit, the best day first."""
    patient = call.patient(patient_id)
    wanted = conditions.by_id(call.work, patient, condition_id) if condition_id else None
    proposer = Proposer(call.work, patient, conditions.chosen_plan(call.work, patient, wanted))
    chosen = proposer.usual(proposer.choices())
    legs = proposer.legs(proposer.trips(chosen, split=split), {})
    return Page(items=[_trip(leg) for leg in legs], next=None)


def _trip(leg: Leg) -> TripPublic:
    return TripPublic(
        examinations=[_examination(choice) for choice in leg.choices],
        days=[_offer(offer) for offer in leg.offers.days],
    )


def _examination(choice: Choice) -> TripExamination:
    key = choice.row.key
    return TripExamination(
        item=key.item,
        month=key.month,
        extra_id=UUID(key.extra) if key.extra else None,
        title=choice.name,
        status=choice.status,
    )


def _offer(offer: Offer) -> OfferPublic:
    return OfferPublic(day=offer.day, outside=offer.outside, fits=[_fit(each) for each in offer.fits])


def _fit(each: Fit) -> FitPublic:
    return FitPublic(item=each.key.item, days=each.days, overdue_since=each.overdue_since)
