"""Reports: how well a clinic keeps its promise, and what it costs, in numbers that name nobody."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query

from surveillance.core.reports.counting import ReportName
from surveillance.operations.reports import reports
from surveillance.web.access import Permission
from surveillance.web.api.call import Call
from surveillance.web.api.models.work import ReportPublic
from surveillance.web.api.routing import Endpoints

endpoints = Endpoints("Reports")


@endpoints.get("/reports/{name}", needs=Permission.VIEW)
def get_report(
    call: Call,
    name: Annotated[ReportName, Path(description="Which report.")],
    first: Annotated[date | None, Query(description="From this day on; 24 months back if left out.")] = None,
    last: Annotated[date | None, Query(description="Up to this day; today if left out.")] = None,
    site_id: Annotated[UUID | None, Query(description="Only of this site.")] = None,
) -> ReportPublic:
    """One report over a period; its rows are objects by the keys of its columns."""
    sites = [call.site(site_id)] if site_id else call.sites
    found = reports.report(call.work, sites, name, reports.period(call.work, sites, first, last))
    keys = [column.key for column in found.words.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in found.raw()]
    return ReportPublic(report=name, when=found.when, rows=rows, said=found.said, rules=list(found.words.rules))
