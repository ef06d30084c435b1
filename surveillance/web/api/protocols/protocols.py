"""Protocols as installed: what they ask for, and what that would be from an anchor date on."""

from datetime import date
from typing import Annotated

from fastapi import Path

from surveillance.catalogue import protocols as files
from surveillance.core.protocols.protocol import Item, Phase, Protocol
from surveillance.core.protocols.sources import OLDER_WORDS, Source, reviews
from surveillance.core.schedule.departures import departures
from surveillance.core.schedule.slots import Choice, preview
from surveillance.web.access import Permission
from surveillance.web.api.call import Call
from surveillance.web.api.models.protocols import (
    DeparturePublic,
    ItemPublic,
    PhasePublic,
    PreviewPublic,
    PreviewRequest,
    ProtocolPublic,
    ReviewPublic,
    SlotPublic,
    SourcePublic,
)
from surveillance.web.api.paging import Page
from surveillance.web.api.routing import Endpoints

endpoints = Endpoints("Protocols")

Name = Annotated[
    str,
    Path(
        description="A protocol's id for its newest version, or id@version.", examples=["asps-extremity"], max_length=90
    ),
]


@endpoints.get("/protocols", needs=Permission.VIEW)
def list_protocols(call: Call) -> Page[ProtocolPublic]:
    """Every installed version, in one page. A site uses those that a clinician there approved."""
    today = call.work.now.date()
    return Page(items=[_public(protocol, today) for protocol in call.work.catalogue.protocols.values()], next=None)


@endpoints.get("/protocols/{protocol}", needs=Permission.VIEW)
def get_protocol(call: Call, protocol: Name) -> ProtocolPublic:
    """One installed version: items, phases, the intervals one may choose, and what each rests on."""
    return _public(files.find(call.work.catalogue.protocols, protocol), call.work.now.date())


@endpoints.look_up("/protocols/{protocol}/preview", needs=Permission.VIEW)
def preview_protocol(call: Call, protocol: Name, wanted: PreviewRequest) -> PreviewPublic:
    """Which examinations the protocol asks for from an anchor on, and when each is on time; without any patient."""
    found = files.find(call.work.catalogue.protocols, protocol)
    choices = [Choice(each.item, each.months, each.since) for each in wanted.intervals]
    slots = preview(found, wanted.anchor, choices, wanted.years * 12)
    rows = [SlotPublic(**{name: getattr(slot, name) for name in SlotPublic.model_fields}) for slot in slots]
    departs = [DeparturePublic(**each._asdict()) for each in departures(found, wanted.anchor, choices)]
    return PreviewPublic(protocol=found.key, slots=rows, departures=departs)


def _public(protocol: Protocol, today: date) -> ProtocolPublic:
    return ProtocolPublic(
        key=protocol.key,
        id=protocol.id,
        version=protocol.version,
        title=protocol.title,
        description=protocol.description,
        status="draft" if protocol.draft else "ready",
        clock=protocol.clock,
        lead_days=protocol.lead_days,
        end=protocol.end,
        items=[_item(protocol, item) for item in protocol.items],
        sources=[_source(source) for source in protocol.sources],
        to_read=[source.id for source in protocol.to_read],
        reviews=[
            ReviewPublic(source=each.source.id, since=each.since, expired=each.expired)
            for each in reviews(protocol.sources, today)
        ],
        digest=files.digest(protocol),
    )


def _source(source: Source) -> SourcePublic:
    return SourcePublic(**{name: getattr(source, name) for name in SourcePublic.model_fields})


def _item(protocol: Protocol, item: Item) -> ItemPublic:
    return ItemPublic(
        code=item.code,
        title=item.title,
        modalities=list(item.modalities),
        body_region=item.body_region,
        kind=item.what,
        enabled=item.enabled,
        phases=[_phase(protocol, phase) for phase in item.phases],
    )


def _phase(protocol: Protocol, phase: Phase) -> PhasePublic:
    source, grade = protocol.source_of(phase), protocol.grade_of(phase)
    return PhasePublic(
        start=phase.start,
        end=phase.end,
        name=phase.name,
        ends=list(phase.ends),
        choices=phase.choices(),
        default=phase.default,
        evidence=OLDER_WORDS[grade],
        grade=grade,
        source=source.citation if source else "",
        source_id=phase.source,
        edition=source.edition if source else "",
        year=source.year if source else None,
        note=phase.note,
    )
