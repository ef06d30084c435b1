"""Protocols: drawn, cited, tried out, approved by a clinician, versions compared, patients moved to a new version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from fastapi.responses import Response
from sqlmodel import col, select

from surveillance.core.errors import ConflictError, InvalidInputError, NotFoundError
from surveillance.core.protocols.difference import END, compare, every, months
from surveillance.core.protocols.protocol import KINDS, Protocol
from surveillance.core.protocols.sources import GRADES, Review, reviews
from surveillance.operations.care import migration
from surveillance.operations.planning import imaging_gaps
from surveillance.operations.protocols import approvals as protocols_approvals
from surveillance.operations.protocols import reviews as source_reviews
from surveillance.operations.registry import patients as registry_patients
from surveillance.store.tables import Approval, Patient, ProtocolVersion, Site, User
from surveillance.web import render
from surveillance.web.access import Permission
from surveillance.web.forms import Form
from surveillance.web.page_context import PageContext
from surveillance.web.pages.protocols import baseline_fields, trying
from surveillance.web.pages.routing import Pages

pages = Pages(prefix="/protocols")


@dataclass(frozen=True, slots=True)
class Version:
    """One version as the user's sites stand to it: who approved it where and when, and how many follow it there."""

    protocol: Protocol
    approvals: Mapping[UUID, tuple[Approval, str]]
    patients: Mapping[UUID, int]
    reviews: Sequence[tuple[Site | None, Review]]  # at a site that approved it; None: as the file says

    @property
    def followed(self) -> int:
        return sum(self.patients.values())


@pages.get("", needs=Permission.VIEW)
def listed(context: PageContext) -> Response:
    """Every protocol, the shipped ones and those that a site once approved."""
    newest_first = sorted(_versions(context).values(), key=lambda each: each.protocol.version, reverse=True)
    found = sorted(newest_first, key=lambda each: each.protocol.title)
    return context.page("protocols/list.html", versions=found, sites={site.id: site for site in context.all_sites})


@pages.get("/compare", needs=Permission.VIEW)
def compared(context: PageContext) -> Response:
    """Two versions side by side: what is not the same."""
    query = context.request.query_params
    known = _versions(context)
    before, after = (_one(known, query.get(name, "")) for name in ("before", "after"))
    differences = compare(before.protocol, after.protocol)
    return context.page("protocols/compare.html", before=before, after=after, differences=differences)


@pages.get("/migrate", needs=Permission.SIGN)
def migrate_page(context: PageContext) -> Response:
    """What moving the patients of a site to another version would change, patient by patient."""
    query = context.request.query_params
    asked = [name for name in query if name.startswith("baseline-")]
    form = Form.filled(**{name: query.get(name) for name in ("site", "before", "after", "since", "reason", *asked)})
    return _migration(context, form, query.get("from", ""))


@pages.post("/migrate", needs=Permission.SIGN)
def migrate(context: PageContext) -> Response:
    """Move the patients that were looked at and ticked, each by itself; then the next ones are looked at."""
    form = context.form
    wanted = _wanted(context, form)
    titles = {item.code: item.title for item in wanted.added} if wanted else {}
    chosen = baseline_fields.read(form, titles)
    reason = form.text("reason", "why the patients are moved", required=True, longest=1000)
    plans = [plan for plan in map(_id, form.many("plan")) if plan]
    if not plans:
        form.fault("plan", "Tick the patients to move")
    if wanted is None or not form.ok:
        return _migration(context, form, form.value("from"))
    wanted = replace(wanted, baselines=chosen)
    with form.trying(context.session):
        batch = migration.move(context.work, wanted, reason, plans, _mrn(context, form.value("from")))
    if form.errors:
        return _migration(context, form, form.value("from"))
    said = f"{render.plural(batch.moved, 'patient')} moved to {wanted.new.key}."
    for refusal in batch.refused:
        said += f" {refusal.patient.family_name}, {refusal.patient.given_name} stays: {refusal.reason}."
    if batch.last is None:
        left = migration.counts(context.work, [wanted.site.id]).get((wanted.site.id, wanted.old.key), 0)
        rest = f"{render.plural(left, 'patient')} stay on {wanted.old.key}." if left else "Nobody is left to move."
        return context.done(f"/protocols/{wanted.new.key}", f"{said} {rest}")
    last = registry_patients.patient_named(context.work, [wanted.site.id], batch.last)
    answers = baseline_fields.kept(form, titles)
    return context.done(context.address(**_query(form), **answers, reason=reason, **{"from": last.id}), said)


@pages.get("/{key}", needs=Permission.VIEW)
def show(context: PageContext, key: str) -> Response:
    """One version: drawn, its phases with their evidence and sources, tried out, approved or not."""
    known = _versions(context)
    version = _one(known, key)
    form, drawing, departs = trying.tried_out(context, _today(context), version.protocol)
    if context.live:
        return context.page("protocols/_drawing.html", form=form, drawing=drawing, departs=departs, status=200)
    others = [each for each in known.values() if each.protocol.id == version.protocol.id and each is not version]
    return context.page(
        "protocols/show.html",
        form=form,
        mine=version,
        protocol=version.protocol,
        drawing=drawing,
        departs=departs,
        tries=trying.fields,
        others=sorted(others, key=lambda each: each.protocol.version),
        sites=context.all_sites,
        grades=GRADES,
        kinds=KINDS,
        end=END[version.protocol.end],
        every=every,
        months=months,
    )


@pages.get("/{key}/approve", needs=Permission.SIGN)
def approve_page(context: PageContext, key: str) -> Response:
    """What a clinician signs: that this version may be used at a site."""
    version, site = _one(_versions(context), key), _site_of(context, context.form)
    return _approval(context, version, site)


def _approval(context: PageContext, version: Version, site: Site) -> Response:
    return context.page(
        "protocols/approve.html", mine=version, protocol=version.protocol, site=site, every=every, grades=GRADES
    )


@pages.post("/{key}/approve", needs=Permission.SIGN)
def approve(context: PageContext, key: str) -> Response:
    version, site = _one(_versions(context), key), _site_of(context, context.form)
    form = context.form
    if not form.flag("read"):
        form.fault("read", "Say that you have read it")
    read_source = form.flag("source-read")
    if version.protocol.to_read and not read_source:
        form.fault("source-read", "Say that you have read the source")
    if form.ok:
        with form.trying(context.session):
            protocols_approvals.approve_protocol(context.work, site, key, read_source=read_source)
    if form.errors:
        return _approval(context, version, site)
    return context.done(f"/protocols/{key}", f"{version.protocol.title} ({key}) may be used at {site.name}.")


# -- what there is ---------------------------------------------------------------------------------------------


def _versions(context: PageContext) -> dict[str, Version]:
    work = context.work
    protocols = {key: work.protocol(key) for key in context.session.exec(select(col(ProtocolVersion.key)))}
    protocols = {**work.catalogue.protocols, **protocols}  # as it was approved, where the file has changed since
    ids = [site.id for site in context.all_sites]
    statement = (
        select(Approval, col(User.name))
        .join(User, col(User.id) == col(Approval.recorded_by))
        .where(col(Approval.site_id).in_(ids), col(Approval.retracted_at).is_(None))
    )
    approvals: dict[str, dict[UUID, tuple[Approval, str]]] = {}
    for row, name in context.session.exec(statement):
        approvals.setdefault(row.protocol_key, {})[row.site_id] = (row, name)
    followed: dict[str, dict[UUID, int]] = {}
    for (site_id, key), count in migration.counts(work, ids).items():
        followed.setdefault(key, {})[site_id] = count
    waiting = _reviews(context, protocols, approvals)
    return {
        key: Version(each, approvals.get(key, {}), followed.get(key, {}), waiting[key])
        for key, each in protocols.items()
    }


def _reviews(
    context: PageContext, protocols: Mapping[str, Protocol], approved: Mapping[str, object]
) -> dict[str, list[tuple[Site | None, Review]]]:
    """What somebody has to look at again: of an approved version at each site, of another one as the file says it."""
    today = _today(context)
    found: dict[str, list[tuple[Site | None, Review]]] = {
        key: [] if key in approved else [(None, review) for review in reviews(each.sources, today)]
        for key, each in protocols.items()
    }
    sites = {site.id: site for site in context.all_sites}
    for due in source_reviews.due_at(context.work, context.all_sites):
        found[due.protocol.key].append((sites[due.site_id], due.review))
    return found


def _today(context: PageContext) -> date:
    return min((context.today(site) for site in context.all_sites), default=context.work.now.date())


def _one(known: Mapping[str, Version], key: str) -> Version:
    if key not in known:
        raise NotFoundError("there is no such version of a protocol here")
    return known[key]


# -- moving patients -------------------------------------------------------------------------------------------


def _wanted(context: PageContext, form: Form) -> migration.Migration | None:
    """The migration that a form speaks of; None where it cannot be, and the form says why."""
    site = _site_of(context, form)
    before, after = form.value("before"), form.value("after")
    since = form.day("since", "the day from which the new version holds") or context.today(site)
    if form.error("since"):
        return None
    try:
        return migration.migration(context.work, site, before, after, since)
    except (InvalidInputError, ConflictError) as error:
        form.fault("", str(error)[:1].upper() + str(error)[1:])
        return None


def _site_of(context: PageContext, form: Form) -> Site:
    """The site that the form or the address names, or the first one at which the user may."""
    code = form.value("site") or context.request.query_params.get("site", "")
    return context.site(code) if code else context.sites[0]


def _mrn(context: PageContext, after: str) -> str:
    """The MRN after which to go on; the address names the patient by id, as an MRN does not belong into one."""
    try:
        return context.row(Patient, UUID(after)).mrn if after else ""
    except ValueError as error:
        raise NotFoundError("there is no such patient here") from error


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _migration(context: PageContext, form: Form, after: str) -> Response:
    wanted = _wanted(context, form)
    outlooks = migration.preview(context.work, wanted, _mrn(context, after)) if wanted else []
    context.looked(*(each.patient for each in outlooks))
    following = str(outlooks[-1].patient.id) if len(outlooks) == migration.PAGE else ""
    site = _site_of(context, form)
    left = migration.counts(context.work, [site.id]).get((site.id, form.value("before")), 0)
    return context.page(
        "protocols/migrate.html",
        form=form,
        wanted=wanted,
        asked={item.code: item.title for item in wanted.added} if wanted else {},
        gap=lambda gap: imaging_gaps.spelled(gap, render.short_day),
        site=site,
        outlooks=outlooks,
        following=context.address(**_query(form), **{"from": following}) if following else "",
        after=after,
        left=left,
        since=(wanted.since if wanted else None),
    )


def _query(form: Form) -> dict[str, str]:
    return {name: form.value(name) for name in ("site", "before", "after", "since")}
