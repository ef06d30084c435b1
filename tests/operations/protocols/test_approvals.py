"""A protocol is approved by a clinician who has read what the file itself could not read in a dated edition."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from clinic import Clinic
from sqlmodel import col, select

from surveillance import paths
from surveillance.catalogue import protocols
from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError
from surveillance.core.protocols.protocol import Phase, Protocol
from surveillance.core.protocols.sources import Grade, Source
from surveillance.operations.protocols import approvals
from surveillance.operations.work import Work
from surveillance.store.tables import AuditEvent, AuditValue

KEY = "asps-extremity@2027.1"
EXAMPLES = sorted((paths.config_folder() / "protocols" / "examples").glob("*.yaml"))


def graded(model: Protocol, *grades: tuple[Grade, int | None]) -> Protocol:
    """The model, resting on one source of each grade and year."""
    sources = [Source(f"s{n}", f"Text {n}", grade=grade, year=year) for n, (grade, year) in enumerate(grades)]
    first, *others = model.items
    phases = tuple(
        replace(phase, source=sources[min(n, len(sources) - 1)].id, evidence=None)
        for n, phase in enumerate(first.phases)
    )
    rest = tuple(_resting(item.phases, sources[0]) for item in others)
    items = (replace(first, phases=phases), *(replace(i, phases=p) for i, p in zip(others, rest, strict=True)))
    return replace(model, version="2027.1", items=items, sources=tuple(sources))


def _resting(phases: tuple[Phase, ...], source: Source) -> tuple[Phase, ...]:
    return tuple(replace(phase, source=source.id, evidence=None) for phase in phases)


@pytest.fixture
def helen(clinic: Clinic) -> Iterator[Work]:
    """The clinician at work."""
    with clinic.work(clinic.helen) as work:
        yield work


def with_file(work: Work, protocol: Protocol) -> Work:
    known = {**work.catalogue.protocols, protocol.key: protocol}
    return Work(work.session, work.now, work.actor, replace(work.catalogue, protocols=known))


def model(work: Work) -> Protocol:
    return work.catalogue.protocols["asps-extremity@2026.1"]


@pytest.mark.parametrize(
    ("grades", "named"),
    [
        ([(Grade.ISSUER, 2018)], []),
        ([(Grade.PROPOSED, None)], []),
        ([(Grade.ISSUER, None)], ["Text 0"]),
        ([(Grade.OLD, 2017)], ["Text 0"]),
        ([(Grade.REPORTED, 2021)], ["Text 0"]),
        ([(Grade.ISSUER, 2018), (Grade.REPORTED, 2021), (Grade.PROPOSED, None)], ["Text 1"]),
        ([(Grade.OLD, 2017), (Grade.ISSUER, None)], ["Text 0", "Text 1"]),
    ],
)
def test_what_was_not_read_in_a_dated_edition_is_read_by_who_approves(
    clinic: Clinic, helen: Work, grades: list[tuple[Grade, int | None]], named: list[str]
) -> None:
    work = with_file(helen, graded(model(helen), *grades))
    site = clinic.site(work)
    if named:
        with pytest.raises(InvalidInputError) as refusal:
            approvals.approve_protocol(work, site, KEY)
        assert all(name in str(refusal.value) for name in named)
        assert "reads the source before approving" in str(refusal.value)
        assert approvals.approval(work, site, KEY) is None
    row = approvals.approve_protocol(work, site, KEY, read_source=bool(named))
    event, value = work.session.exec(
        select(AuditEvent, AuditValue)
        .join(AuditValue, col(AuditValue.event_id) == col(AuditEvent.id))
        .where(AuditEvent.subject_id == str(row.id))
    ).one()
    assert (event.action, event.user_id) == ("protocol.approve", clinic.helen.user_id)
    read = (value.after or {}).get("sources_read", [])
    assert [text.partition(" (")[0] for text in read] == named


def test_a_file_without_grades_is_asked_about_too(clinic: Clinic, helen: Work) -> None:
    with pytest.raises(InvalidInputError, match=r"esmo-sts-low@2026\.1.*ESMO, soft tissue sarcoma, low grade"):
        approvals.approve_protocol(helen, clinic.site(helen), "esmo-sts-low@2026.1")


def test_the_service_itself_has_read_nothing(clinic: Clinic) -> None:
    with clinic.work(clinic.system) as work, pytest.raises(ForbiddenError, match="signed by a named clinician"):
        approvals.approve_protocol(work, clinic.site(work), "nccn-sts-high", read_source=True)


def test_what_is_approved_stays_approved_whatever_is_ticked_later(clinic: Clinic, helen: Work) -> None:
    site = clinic.site(helen)
    first = approvals.approve_protocol(helen, site, "nccn-sts-high", read_source=True)
    assert approvals.approve_protocol(helen, site, "nccn-sts-high") is first


def test_a_version_that_was_approved_with_other_content_is_refused_whoever_has_read_it(
    clinic: Clinic, helen: Work
) -> None:
    changed = replace(helen.protocol("asps-extremity@2026.2"), lead_days=3)
    with pytest.raises(ConflictError, match="approved before with other content"):
        approvals.approve_protocol(with_file(helen, changed), clinic.site(helen), changed.key, read_source=True)


@pytest.mark.parametrize("read_source", [False, True])
def test_a_draft_is_approved_by_nobody_whatever_they_have_read(clinic: Clinic, helen: Work, read_source: bool) -> None:
    draft = replace(graded(model(helen), (Grade.PROPOSED, None)), draft=True)
    work = with_file(helen, draft)
    with pytest.raises(InvalidInputError, match=r"asps-extremity@2027\.1 is a draft and cannot be approved"):
        approvals.approve_protocol(work, clinic.site(work), KEY, read_source=read_source)
    assert approvals.approval(work, clinic.site(work), KEY) is None
    ready = with_file(helen, replace(draft, draft=False))
    assert approvals.approve_protocol(ready, clinic.site(work), KEY).protocol_key == KEY


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_worked_example_that_was_only_copied_cannot_be_approved(clinic: Clinic, helen: Work, path: Path) -> None:
    copied = protocols.load(path)
    with pytest.raises(InvalidInputError, match="puts in its own numbers and sources, and changes 'status'"):
        approvals.approve_protocol(with_file(helen, copied), clinic.site(helen), copied.key, read_source=True)
