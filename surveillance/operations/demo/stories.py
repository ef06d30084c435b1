"""The lives of the fictional patients: every state that the product knows, reached by the operations that staff use.

Nothing is written past the operations: a story acts on past days with the clock of those days, so that the audit
trail, the plans and the calendars are as they would be after years of use.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from surveillance.catalogue.demo import DemoClinic
from surveillance.core.dates import add_months, next_working
from surveillance.core.words import Channel, ContactKind, EndReason, HoldReason, Outcome, Result, Role
from surveillance.operations.accounts import users
from surveillance.operations.administration import places as administration_places
from surveillance.operations.administration import sites
from surveillance.operations.care import enrolment, following, holds, lifecycle, overrides
from surveillance.operations.demo.lives import ITEMS, PROTOCOL, Clinic, Life
from surveillance.operations.protocols import approvals
from surveillance.operations.registry import consents, patients
from surveillance.operations.registry.phones import read_phone
from surveillance.operations.visits import outcomes, reports, results
from surveillance.operations.visits.result_tasks import NewTask
from surveillance.operations.work import Actor, Work
from surveillance.store.planning import plans as plan_rows
from surveillance.store.tables import Membership, OverrideKind, Plan, Site, Study, User


def load(work: Work, demo: DemoClinic, advance: Callable[[], None] = lambda: None) -> Site:
    """Set the clinic up and let every patient live; ``advance`` is called after each."""
    clinic = _clinic(work, demo)
    for number, patient in enumerate(demo.patients):
        Story(clinic, patient, number).tell()
        advance()
    return clinic.site


def _clinic(work: Work, demo: DemoClinic) -> Clinic:
    opened = replace(work, now=work.now - timedelta(days=365 * 12))
    site = sites.add_site(
        opened, sites.NewSite(**demo.site.model_dump(), messages_from=work.now.date() - timedelta(days=3650))
    )
    places = [
        administration_places.add_place(opened, site, p.name, p.address, p.phone, outside=p.outside)
        for p in demo.places
    ]
    staff, known_to_all = {}, users.hashed(demo.password)
    for user in demo.users:
        row = User(
            username=user.username,
            name=user.name,
            password_hash=known_to_all,
            must_change_password=False,
            created_at=opened.now,
        )
        work.session.add(row)
        work.session.flush()
        work.session.add(Membership(user_id=row.id, site_id=site.id, role=user.role))
        staff[user.username] = Actor(row.id, user.name, "demo")
    work.session.flush()
    clinic = Clinic(work, site, places, staff)
    clinician = next(user.username for user in demo.users if user.role is Role.CLINICIAN)
    approvals.approve_protocol(clinic.on(opened.now.date(), clinician), site, PROTOCOL, read_source=True)
    return clinic


class Story(Life):
    """One patient's life, day by day."""

    def tell(self) -> None:
        getattr(self, f"story_{self.told.story}")()

    def story_newly_enrolled(self) -> None:
        self.enrol(self.register())

    def story_regular(self) -> None:
        self.followed()

    def story_child(self) -> None:
        parent = patients.NewContact(
            ContactKind.PARENT,
            f"{self.told.name[1]} (mother)",
            self.phone,
            f"{self.told.name[1].lower()}@mail.example",
            self.told.language,
            (Channel.SMS, Channel.EMAIL),
            "signed form at discharge",
        )
        self.followed(contact=parent, flags={"sedation": True})

    def story_booked_soon(self) -> None:
        patient, _ = self.followed()
        self.visit(patient, self.ahead(6), booked=25)

    def story_booked_tomorrow(self) -> None:
        patient, _ = self.followed()
        self.visit(patient, self.ahead(1), booked=30)

    def story_booked_late(self) -> None:
        patient, _ = self.followed(but=1)
        self.visit(patient, self.ahead(9), booked=9)

    def story_booked_outside(self) -> None:
        patient, _ = self.followed()
        self.visit(patient, self.ahead(12), place=1, booked=20)

    def story_overdue(self) -> None:
        self.followed(but=1)

    def story_overdue_long(self) -> None:
        self.followed(but=2)

    def story_due(self) -> None:
        self.followed()

    def story_to_order(self) -> None:
        self.followed()

    def story_outcome_unknown(self) -> None:
        patient, _ = self.followed()
        self.visit(patient, next_working(self.ago(5), self.is_working), booked=28)

    def story_noshow_twice(self) -> None:
        patient, _ = self.followed(but=1)
        for days in (24, 10):
            day = next_working(self.ago(days), self.is_working)
            row = self.visit(patient, day, booked=12)
            missed = [outcomes.OutcomeOf(item, Outcome.NOSHOW) for item in ITEMS]
            outcomes.record(self.on(day + timedelta(days=1)), row, missed)

    def story_half_done(self) -> None:
        patient, _ = self.followed()
        day = next_working(self.ago(4), self.is_working)
        row = self.visit(patient, day, booked=21)
        outcomes.record(
            self.on(day, hour=17),
            row,
            [
                outcomes.OutcomeOf(ITEMS[0], Outcome.PERFORMED, accession=self.accession(ITEMS[0], day)),
                outcomes.OutcomeOf(ITEMS[1], Outcome.NOT_DONE, "CT scanner out of order"),
            ],
        )

    def story_no_report(self) -> None:
        patient, plan = self.followed(but=1)
        self.scan(patient, self.past(plan)[-1][1], read=False)

    def story_not_reviewed(self) -> None:
        patient, plan = self.followed(but=1)
        for study in self.scan(patient, self.past(plan)[-1][1], read=False):
            day = study.performed_on + timedelta(days=2)
            reports.report(self.on(day), study, min(day, self.today))

    def story_indeterminate(self) -> None:
        mri, chest = self.last_scanned()
        self.read(chest, chest.performed_on, Result.INDETERMINATE, "discuss the 4 mm nodule at the tumour board")
        self.read(mri, mri.performed_on)

    def last_scanned(self) -> tuple[Study, Study]:
        """Followed without a gap; the last two studies, MRI and chest, are not read yet."""
        patient, plan = self.followed(but=1)
        first, second = sorted(self.scan(patient, self.past(plan)[-1][1], read=False), key=lambda study: study.modality)
        return second, first

    def story_tumour_board(self) -> None:
        mri, chest = self.last_scanned()
        self.read(mri, mri.performed_on)
        self.read(chest, chest.performed_on, Result.SUSPICIOUS, "tumour board, then perhaps a biopsy")
        task = NewTask("present the CT at the tumour board", self.clinic.staff["helen"].user_id, self.ahead(5))
        following.act(self.on(self.today, "helen"), chest, self.today, task)

    def story_inadequate(self) -> None:
        mri, chest = self.last_scanned()
        repeat = {"result": Result.INADEQUATE, "next_action": "the patient moved; repeat with sedation"}
        reviewed = min(mri.performed_on + timedelta(days=6), self.today)
        self.signed(mri, mri.performed_on, repeat_by=reviewed + timedelta(days=30), **repeat)
        self.read(chest, chest.performed_on)

    def story_not_told(self) -> None:
        for study in self.last_scanned():
            self.signed(study, study.performed_on, result=Result.CLEAR)

    def story_repeat_scan(self) -> None:
        _, plan = self.followed()
        new = overrides.NewExtra(ITEMS[1], self.ahead(21), "repeat CT in six weeks: 4 mm nodule, left lower lobe")
        overrides.extra(self.on(self.ago(20), "helen"), plan, new)  # noqa: S610  # not Django's

    def hold(self, plan: Plan, reason: HoldReason, since: int, review: int, note: str) -> None:
        """On hold since so many days, to be reviewed in so many (negative: the review is over)."""
        start = self.ago(since)
        new = holds.NewHold(reason, self.today + timedelta(days=review), start, note=note)
        holds.hold(self.on(start, "helen"), plan, new)

    def story_pregnant(self) -> None:
        self.hold(self.followed()[1], HoldReason.PREGNANCY, 60, 45, "second trimester; MRI without contrast if needed")

    def story_metastasis(self) -> None:
        self.hold(self.followed()[1], HoldReason.METASTASIS, 90, 10, "lung metastases, on systemic treatment")

    def story_hold_to_review(self) -> None:
        self.hold(self.followed()[1], HoldReason.AWAY, 100, 3, "abroad with family until the summer")

    def story_resumed(self) -> None:
        _, plan = self.followed(but=2)
        self.hold(plan, HoldReason.TREATMENT, 120, 30, "wound revision")
        work = self.on(self.ago(15), "helen")
        holds.resume(work, plan, holds.open_hold(work, plan), self.ago(15), "healed")

    def story_recurrence(self) -> None:
        _, plan = self.followed()
        new = lifecycle.NewEnd(EndReason.RECURRENCE, self.ago(40), "local recurrence, surgery planned", self.ago(2))
        lifecycle.end(self.on(self.ago(40), "helen"), plan, new)

    def story_restarted(self) -> None:
        patient, plan = self.followed()
        gone = lifecycle.NewEnd(EndReason.RECURRENCE, self.ago(200), "local recurrence", self.ago(120))
        lifecycle.end(self.on(self.ago(200), "helen"), plan, gone)
        again = enrolment.Enrolment(PROTOCOL, self.ago(140), reason="re-resection, clear margins")
        enrolment.restart(self.on(self.ago(130), "helen"), patient, again)
        self.scan(patient, add_months(self.ago(140), 3))

    def story_transferred(self) -> None:
        _, plan = self.followed()
        new = lifecycle.NewEnd(EndReason.TRANSFER, self.ago(30), "moved; follow-up at Hillview, letter sent")
        lifecycle.end(self.on(self.ago(30), "helen"), plan, new)

    def story_died(self) -> None:
        patient, _ = self.followed()
        lifecycle.died(self.on(self.ago(25)), patient, self.ago(28), "letter from the general practitioner")

    def story_opted_out(self) -> None:
        self.followed()
        phone = read_phone(self.phone, self.clinic.site.country).e164
        consents.opt_out(self.on(self.ago(12)), phone or "", "by telephone: no text messages please")

    def story_bad_phone(self) -> None:
        wrong = patients.NewContact(phone="555-01", consents=(Channel.SMS,), consent_method="signed form")
        self.followed(contact=wrong)

    def story_email_only(self) -> None:
        mailbox = f"{self.told.name[0].lower()}@mail.example"
        self.followed(
            contact=patients.NewContact(email=mailbox, consents=(Channel.EMAIL,), consent_method="signed form")
        )

    def story_no_consent(self) -> None:
        self.followed(contact=patients.NewContact(phone=self.phone))

    def story_last_scan_unknown(self) -> None:
        patient = patients.add_patient(
            self.on(self.ago(6)),
            self.clinic.site,
            patients.NewPatient(
                self.told.mrn,
                self.told.name[1],
                self.told.name[0],
                self.told.born,
                self.told.sex,
                contacts=[
                    patients.NewContact(phone=self.phone, consents=(Channel.SMS,), consent_method="by telephone")
                ],
            ),
        )
        enrolment.enrol(self.on(self.ago(6), "helen"), patient, enrolment.Enrolment(PROTOCOL, self.anchor))

    def story_without_plan(self) -> None:
        self.register()

    def story_early_scan(self) -> None:
        patient, plan = self.followed(but=1)
        target = self.past(plan)[-1][1]
        day = next_working(target - timedelta(days=40), self.is_working)
        results.add_study(
            self.on(day + timedelta(days=2)), patient, results.NewStudy(ITEMS, day, accession=self.accession("xx", day))
        )

    def story_anchor_moved(self) -> None:
        patient, plan = self.followed()
        self.visit(patient, self.ahead(14), booked=14)
        corrected = self.anchor - timedelta(days=35)
        work = self.on(self.ago(3), "helen")
        enrolment.correct_anchor(work, plan, corrected, "the discharge letter names the last radiotherapy")

    def story_interval_changed(self) -> None:
        _, plan = self.followed()
        new = enrolment.NewTerms(self.ago(45), "two years clear; tumour board", intervals={ITEMS[0]: 6})
        enrolment.change_terms(self.on(self.ago(45), "helen"), plan, new)

    def story_skipped(self) -> None:
        _, plan = self.followed(but=1)
        key = self.next_key(plan)
        new = overrides.NewOverride(OverrideKind.SKIP, key, "hip replacement last week, MRI later", self.ahead(40))
        overrides.override(self.on(self.ago(8), "helen"), plan, new)

    def story_moved(self) -> None:
        _, plan = self.followed()
        key = self.next_key(plan)
        row = plan_rows.projected(self.clinic.work.session, plan.id)[key]
        day = max(row.target, self.ahead(2)) + timedelta(days=16)
        new = overrides.NewOverride(OverrideKind.MOVE, key, "examination at university until then", day)
        overrides.override(self.on(self.ago(2)), plan, new)

    def story_mri_unsafe(self) -> None:
        self.followed(flags={"mri_unsafe": True, "egfr": 28.0, "egfr_on": self.ago(60)})
