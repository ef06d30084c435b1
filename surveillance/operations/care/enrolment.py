"""Enrolling a patient on a protocol, and every later change of its terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from sqlmodel import col, select

from surveillance.catalogue import protocols as protocol_files
from surveillance.core.errors import ConflictError, InvalidInputError
from surveillance.core.protocols.choices import fitting
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.schedule.examinations import PlanFacts
from surveillance.core.schedule.reconcile import Changes
from surveillance.core.words import Role
from surveillance.operations.care import baselines, clocks, lifecycle
from surveillance.operations.care.baselines import Baselines
from surveillance.operations.deferrals import granting
from surveillance.operations.deferrals.off_items import Off, follow, off_items
from surveillance.operations.planning import gathered, imaging_gaps, preconditions, replanning
from surveillance.operations.planning.imaging_gaps import TooLong
from surveillance.operations.registry import care_gaps, consents
from surveillance.operations.visits.results import NewStudy, keep_study
from surveillance.operations.work import Work, found
from surveillance.store.audit.events import picture
from surveillance.store.planning import plans as store
from surveillance.store.planning.plans import Recorded
from surveillance.store.tables import Approval, Patient, Plan, PlanTerms, Site
from surveillance.store.visits import studies

OLDEST = date(1950, 1, 1)  # before this, an anchor is a typing error


@dataclass(frozen=True, slots=True)
class Enrolment:
    """``intervals``: what was chosen, by its key (``core.protocols.choices``); what is not named keeps the default."""

    protocol: str  # id, or id@version; without a version the latest one that the site approved
    anchor: date
    intervals: Mapping[str, int | None] = field(default_factory=dict)
    studies: Sequence[NewStudy] = ()
    enrolled_on: date | None = None  # None: today at the site
    reason: str = ""
    off_until: date | None = None  # when an item that is off is looked at again; None: as late as the actor may say
    away_since: date | None = None  # since when the patient was followed elsewhere, if so


def approved(work: Work, patient: Patient, name: str) -> Protocol:
    """The protocol version that the patient's site approved under this name; raises as ``approved_at``."""
    return approved_at(work, work.site(patient.site_id), name)


def approved_at(work: Work, site: Site, name: str) -> Protocol:
    """The newest protocol version that a site approved under this name (an id, or id@version).

    Raises:
        NotFoundError: there is no such protocol.
        ConflictError: it is not approved at the site.
    """
    keys = work.session.exec(
        select(col(Approval.protocol_key)).where(Approval.site_id == site.id, col(Approval.retracted_at).is_(None))
    )
    standing = {key: work.protocol(key) for key in keys if name in (key, key.split("@")[0])}
    if standing:
        return protocol_files.find(standing, name)
    protocol_files.find(work.catalogue.protocols, name)
    raise ConflictError(
        f"protocol {name} is not approved at {site.code}; a clinician approves it with"
        f" 'surveillance site approve-protocol {site.code} {name}'"
    )


def enrol(work: Work, patient: Patient, new: Enrolment) -> Plan:
    """Give a patient a plan from an anchor date.

    Raises:
        InvalidInputError: an impossible anchor, an interval the protocol does not allow.
        ConflictError: there is a plan already, the patient is dead, the protocol is not approved.
    """
    work.require(patient.site_id, *consents.WRITERS)
    patient = preconditions.lock(work, patient.id)
    if before := store.all_plans(work.session, patient.id):
        active = before[0].ended_on is None
        ended = "a plan that ended; restart it after a new treatment, or record the return of who was elsewhere"
        what = "an active plan; end or restart that one" if active else ended
        raise ConflictError(f"patient {patient.mrn} has {what}")
    recorded = _new_plan(work, patient, new, previous=None)
    _record_enrolment(work, patient, recorded, new, "plan.enrol")
    replanning.replan(work, recorded.plan, gathered.of_new(work, patient, recorded))
    return recorded.plan


def _record_enrolment(work: Work, patient: Patient, recorded: Recorded, new: Enrolment, action: str) -> None:
    """All but the examinations that follow from it."""
    plan, (terms,) = recorded.plan, recorded.terms
    after = picture(plan) | {"protocol": terms.protocol_key, "intervals": dict(new.intervals)}
    work.audit(action, plan, after=after, reason=new.reason)
    care_gaps.settle_of(work, patient)
    studies.refresh_history(work.session, patient.id)
    for study in new.studies:
        keep_study(work, patient, study)


def _new_plan(work: Work, patient: Patient, new: Enrolment, previous: Plan | None) -> Recorded:
    if patient.died_on is not None:
        raise ConflictError(f"patient {patient.mrn} died on {patient.died_on}; retract that first if it is wrong")
    today = work.today(work.site(patient.site_id))
    enrolled_on = new.enrolled_on or today
    check_anchor(patient, new.anchor, enrolled_on, today)
    protocol = approved(work, patient, new.protocol)
    off_items(work, protocol, new.intervals)
    plan = Plan(
        site_id=patient.site_id,
        patient_id=patient.id,
        number=previous.number + 1 if previous else 1,
        previous_id=previous.id if previous else None,
        anchor=new.anchor,
        enrolled_on=enrolled_on,
        away_since=new.away_since,
        horizon=replanning.horizon(today),
        recorded_at=work.now,
        recorded_by=work.actor.user_id,
    )
    work.session.add(plan)
    work.session.flush()
    terms = _add_terms(work, plan, protocol.key, new.intervals, Off(None, new.off_until, new.reason))
    return Recorded(plan, [terms])


def check_anchor(patient: Patient, anchor: date, enrolled_on: date, today: date) -> None:
    """Raises InvalidInputError where the dates cannot be right."""
    if anchor > today:
        raise InvalidInputError(f"patient {patient.mrn}: anchor {anchor} lies in the future (today is {today})")
    if not max(OLDEST, patient.birth_date) <= anchor:
        raise InvalidInputError(f"patient {patient.mrn}: anchor {anchor} lies before the birth date")
    if anchor > enrolled_on:
        raise InvalidInputError(f"patient {patient.mrn}: anchor {anchor} lies after the day of enrolment {enrolled_on}")
    if enrolled_on > today:
        raise InvalidInputError(f"patient {patient.mrn}: the day of enrolment {enrolled_on} lies in the future")


def _add_terms(work: Work, plan: Plan, key: str, intervals: Mapping[str, int | None], off: Off) -> PlanTerms:
    row = PlanTerms(
        site_id=plan.site_id,
        plan_id=plan.id,
        since=off.since,
        protocol_key=key,
        intervals=dict(intervals),
        chosen_by=work.actor.user_id,
        reason=off.reason,
        recorded_at=work.now,
        recorded_by=work.actor.user_id,
    )
    work.session.add(row)
    work.session.flush()
    follow(work, plan, key, intervals, off)
    return row


@dataclass(frozen=True, slots=True)
class NewTerms:
    """A change of intervals or of the protocol version from a day on; what is not named stays as it is."""

    since: date
    reason: str
    protocol: str | None = None
    intervals: Mapping[str, int | None] = field(default_factory=dict)
    off_until: date | None = None  # as in ``Enrolment``
    baselines: Baselines = field(default_factory=Baselines)  # of the items that are added


def with_terms(work: Work, plan: Plan, new: NewTerms, facts: PlanFacts) -> tuple[PlanFacts, str, dict[str, int | None]]:
    """``facts`` as they would be under new terms: what a person looks at before applying them."""
    base = _base(work, plan, new)
    patient = found(work.session.get(Patient, plan.patient_id), "patient", str(plan.patient_id))
    protocol = approved(work, patient, new.protocol) if new.protocol else work.protocol(base.protocol_key)
    clocks.check_same(work, plan, protocol)
    key = protocol.key
    intervals = fitting(protocol, base.intervals) | dict(new.intervals)
    later = work.terms(key, intervals, new.since)
    kept = tuple(terms for terms in facts.terms if terms.since is None or terms.since < new.since)
    after = tuple(terms for terms in facts.terms if terms.since is not None and terms.since > new.since)
    return replace(facts, terms=(*kept, later, *after)), key, intervals


def _base(work: Work, plan: Plan, new: NewTerms) -> PlanTerms:
    """The terms in force until the day of the change."""
    rows = store.terms_in_force(work.session, plan.id)
    return [row for row in rows if row.since is None or row.since < new.since][-1]


def preview_terms(work: Work, plan: Plan, new: NewTerms) -> Changes:
    """What new terms would change, without the baselines; nothing is written. Refused as by ``change_terms``."""
    return replanning.difference(work, plan, _judged(work, plan, new, replanning.facts_of(work, plan)).facts)


@dataclass(frozen=True, slots=True)
class _Judged:
    """New terms that may be: what follows from them, and the gaps that it takes a clinician to leave."""

    facts: PlanFacts
    key: str
    intervals: dict[str, int | None]
    too_long: Sequence[TooLong]


def _judged(work: Work, plan: Plan, new: NewTerms, facts: PlanFacts) -> _Judged:
    check_terms(work, plan, new)
    after, key, intervals = with_terms(work, plan, new, facts)
    off_items(work, work.protocol(key), intervals)
    preconditions.check_done(facts, after, plan.horizon, new.since)
    return _Judged(after, key, intervals, imaging_gaps.guard(work, plan, facts, after))


def change_terms(work: Work, plan: Plan, new: NewTerms) -> Changes:
    """Apply new intervals or another protocol version from a day on. Only a clinician or coordinator may.

    Raises:
        InvalidInputError: no reason, a day before the anchor or before what would be undone, an interval that is not
            allowed, an item that is added without a word on its baseline.
        BeyondLimitError: a coordinator would leave a gap over the protocol's longest interval; a clinician may.
        ConflictError: the plan has ended, or the protocol is not approved at the site.
    """
    work.require(plan.site_id, Role.COORDINATOR, Role.CLINICIAN)
    now = gathered.gather(work, preconditions.must_be_active(work, plan), plan)
    judged, start = _judged(work, plan, new, now.facts(work)), baselines.first_day(work, plan, new.since)
    titles = {item.code: item.title for item in work.protocol(judged.key).items}
    baselines.check(baselines.added(work, plan, judged.facts, new.since), new.baselines, start, titles)
    base = _base(work, plan, new)
    row = _add_terms(work, plan, judged.key, judged.intervals, Off(new.since, new.off_until, new.reason))
    fields = ("protocol_key", "intervals")
    before, after = picture(base, fields) | {"since": None}, picture(row, (*fields, "since"))
    after |= baselines.pictured(new.baselines, start) | imaging_gaps.pictured(judged.too_long)
    work.audit("plan.terms", row, patient_id=plan.patient_id, before=before, after=after, reason=new.reason)
    now.recorded.keep(now.recorded.terms, row)
    baselines.ask_for(work, now, new.baselines, start, new.reason)
    return replanning.replan(work, plan, now)


def check_terms(work: Work, plan: Plan, new: NewTerms) -> None:
    """Raises InvalidInputError without a reason, or for a day on which no terms can change."""
    if not new.reason.strip():
        raise InvalidInputError("a change of terms needs a reason")
    if new.since <= plan.anchor:
        raise InvalidInputError(f"terms change from a day after the anchor {plan.anchor}, not {new.since}")
    preconditions.check_near(new.since, work.today(work.site(plan.site_id)), "a change of terms")


def correct_anchor(work: Work, plan: Plan, anchor: date, reason: str) -> Changes:
    """The anchor was recorded wrongly: everything is computed anew from the right one.

    If treatment ended after the enrolment, follow-up cannot have begun before: the enrolment moves along.

    Raises:
        InvalidInputError: no reason, or an impossible day.
        BeyondLimitError: a coordinator would leave a gap over the protocol's longest interval; a clinician may.
        ConflictError: the plan has ended.
    """
    work.require(plan.site_id, Role.COORDINATOR, Role.CLINICIAN)
    patient = preconditions.must_be_active(work, plan)
    if not reason.strip():
        raise InvalidInputError("a corrected anchor needs a reason")
    enrolled_on = max(anchor, plan.enrolled_on)
    check_anchor(patient, anchor, enrolled_on, work.today(work.site(plan.site_id)))
    facts = replanning.facts_of(work, plan)
    corrected = replace(facts, anchor=anchor, enrolled_on=enrolled_on)
    too_long = imaging_gaps.guard(work, plan, facts, corrected)
    before = picture(plan, ("anchor", "enrolled_on"))
    plan.anchor, plan.enrolled_on = anchor, enrolled_on
    after = picture(plan, before) | imaging_gaps.pictured(too_long)
    work.audit("plan.anchor", plan, before=before, after=after, reason=reason)
    care_gaps.settle_of(work, patient)
    studies.refresh_history(work.session, plan.patient_id)
    return replanning.replan(work, plan, gathered.gather(work, patient, plan))


def restart(work: Work, patient: Patient, new: Enrolment) -> Plan:
    """Start over at month 0 from a new anchor: a new plan, linked to the old one, whose history stays.

    An active plan is closed as restarted; a hold of it stays with it. Raises as ``enrol`` does, and InvalidInputError
    without a reason for closing an active plan, or where the new anchor does not lie after the old one though both
    protocols count from the same.
    """
    work.require(patient.site_id, Role.COORDINATOR, Role.CLINICIAN)
    patient = preconditions.lock(work, patient.id)
    previous = next(iter(store.all_plans(work.session, patient.id)), None)
    if previous is None:
        raise ConflictError(f"patient {patient.mrn} has no plan to restart; use 'enrol'")
    same_clock = approved(work, patient, new.protocol).clock is clocks.of_plan(work, previous).clock
    if new.anchor <= previous.anchor and same_clock:
        raise InvalidInputError(
            f"patient {patient.mrn}: a new anchor lies after the old one {previous.anchor}, not on {new.anchor};"
            " a wrong anchor is corrected instead, and who was followed elsewhere returns ('plan return')"
        )
    if previous.ended_on is None and not new.reason.strip():
        raise InvalidInputError("to restart a plan that has not ended needs a reason")
    if previous.ended_on is None:
        lifecycle.close_for_restart(work, previous, new.reason)
    granting.settle_plan(work, previous, "follow-up began again")
    plan = begin(work, patient, new, previous, "plan.restart")
    replanning.replan_patient(work, patient)
    return plan


def begin(work: Work, patient: Patient, new: Enrolment, previous: Plan, action: str) -> Plan:
    """A plan that follows a previous one, without its examinations. Raises as ``enrol`` does of the new facts."""
    recorded = _new_plan(work, patient, new, previous)
    _record_enrolment(work, patient, recorded, new, action)
    return recorded.plan
