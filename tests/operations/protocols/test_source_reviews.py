"""An edition that expires is told of, and takes nothing from anybody by itself."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from clinic import TODAY, Clinic

from surveillance.core.protocols.protocol import Protocol
from surveillance.core.protocols.sources import Source
from surveillance.operations.protocols import approvals, reviews
from surveillance.operations.work import Catalogue, Work

KEY = "dated@1.0"


def with_dates(catalogue: Catalogue, **dates: date) -> Catalogue:
    """A protocol beside the others whose first source carries these dates."""
    model: Protocol = catalogue.protocols["asps-extremity@2026.1"]
    first: Source = replace(model.sources[0], **dates)
    made = replace(model, id="dated", version="1.0", sources=(first, *model.sources[1:]))
    return replace(catalogue, protocols={**catalogue.protocols, made.key: made})


@pytest.mark.parametrize(
    ("dates", "day", "expired"),
    [
        ({"expires": TODAY}, TODAY, None),
        ({"expires": TODAY}, TODAY + timedelta(1), True),
        ({"review_by": TODAY}, TODAY, False),
    ],
)
def test_what_an_approved_version_rests_on_is_told_of_with_the_sites_that_use_it(
    clinic: Clinic, dates: dict[str, date], day: date, expired: bool | None
) -> None:
    with clinic.work(clinic.helen) as work:
        catalogue = with_dates(work.catalogue, **dates)
        clinician = Work(work.session, work.now, work.actor, catalogue)
        approvals.approve_protocol(clinician, clinic.site(work), KEY, read_source=True)
        found = [due for due in reviews.due(work.session, day) if due.protocol == KEY]
        assert [(due.review.expired, due.sites) for due in found] == ([] if expired is None else [(expired, ("DC1",))])
        assert approvals.approval(clinician, clinic.site(work), KEY) is not None


def test_a_version_that_no_site_uses_asks_for_nothing(clinic: Clinic) -> None:
    with clinic.work(clinic.helen) as work:
        clinician = Work(work.session, work.now, work.actor, with_dates(work.catalogue, expires=date(2000, 1, 1)))
        assert KEY not in {due.protocol for due in reviews.due(work.session, TODAY)}
        approvals.approve_protocol(clinician, clinic.site(work), KEY, read_source=True)
        assert KEY in {due.protocol for due in reviews.due(work.session, TODAY)}
