"""A site's own texts and its languages: who decides, what is sent then, and what an upgrade does to both."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from clinic import Clinic, catalogue
from sqlmodel import col, select

from surveillance.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from surveillance.core.texts.message_book import Template
from surveillance.core.texts.prices import Prices
from surveillance.core.words import Channel, Privacy, Step
from surveillance.operations.administration import sites
from surveillance.operations.messages import state
from surveillance.operations.registry import patients
from surveillance.operations.registry.patients import NewContact
from surveillance.operations.visits.preview_effects import preview
from surveillance.operations.wording import languages, site_wording
from surveillance.operations.wording.preview import previewed
from surveillance.operations.wording.site_wording import Which
from surveillance.operations.work import Work
from surveillance.store.tables import AuditEvent, LanguageApproval, Reminder, SiteText

WHICH = Which("en", Step.DAYS_7, Privacy.NEUTRAL)
OWN = Template("{clinic} here: {date}, {time}. Call {phone}.", "See you on {date}", "{clinic}: {date}, {time}, {phone}")
OTHER = replace(OWN, sms="{clinic}: come on {date}, {time}. Call {phone}.")


def used(work: Work, clinic: Clinic, which: Which = WHICH) -> Template:
    return site_wording.books_of(work, clinic.site(work))[which.language].steps[which.step][which.privacy]


def approved(work: Work, clinic: Clinic, template: Template = OWN, which: Which = WHICH) -> SiteText:
    """Grace drafts, Helen approves."""
    row = site_wording.draft(work, clinic.site(work), which, template)
    return site_wording.approve(clinic.by(work, clinic.helen), row, template)


def live(work: Work, clinic: Clinic) -> None:
    clinic.site(work).messages_from = date(2026, 1, 1)


def actions(work: Work, prefix: str) -> list[str]:
    rows = select(AuditEvent.action).where(col(AuditEvent.action).startswith(prefix), AuditEvent.user_id.is_not(None))
    return list(work.session.exec(rows.order_by(AuditEvent.id)))


def upgraded(work: Work, **changes: object) -> Work:
    """The same transaction after an upgrade that changed the English texts."""
    book = replace(work.catalogue.messages["en"], **changes)  # type: ignore[arg-type]
    messages = {**work.catalogue.messages, "en": book}
    return Work(work.session, work.now, work.actor, replace(work.catalogue, messages=messages))


def test_a_wording_is_used_from_its_approval_to_its_withdrawal(clinic: Clinic) -> None:
    with clinic.work() as work:
        site, brought = clinic.site(work), used(work, clinic)
        draft = site_wording.draft(work, site, WHICH, OWN)
        assert site_wording.draft(work, site, WHICH, OTHER).id == draft.id  # a draft is changed, not doubled
        assert used(work, clinic) == brought
        helen = clinic.by(work, clinic.helen)
        site_wording.approve(helen, draft, OTHER)
        assert used(helen, clinic) == OTHER
        helen.now += timedelta(minutes=1)
        newer = site_wording.draft(helen, site, WHICH, OWN)
        assert used(helen, clinic) == OTHER
        site_wording.approve(helen, newer, OWN)
        assert used(helen, clinic) == OWN
        assert site_wording.books_of(helen, site)["es"] == catalogue().messages["es"]
        site_wording.withdraw(helen, site, WHICH)
        assert used(helen, clinic) == brought  # and not the wording before
        told = [row.sms for row in site_wording.history(work, site, WHICH)]
        assert sorted(told) == sorted([OWN.sms, OTHER.sms])
        assert actions(work, "text.") == [
            "text.draft", "text.draft", "text.approve", "text.draft", "text.approve", "text.withdraw",
        ]  # fmt: skip


def test_what_is_read_is_what_is_approved(clinic: Clinic) -> None:
    with clinic.work() as work:
        row = site_wording.draft(work, clinic.site(work), WHICH, OWN)
        helen = clinic.by(work, clinic.helen)
        site_wording.draft(work, clinic.site(work), WHICH, OTHER)
        with pytest.raises(ConflictError, match="changed this wording since you read it"):
            site_wording.approve(helen, row, OWN)
        site_wording.discard(work, row)
        with pytest.raises(ConflictError, match="discarded"):
            site_wording.approve(helen, row, OTHER)
        assert site_wording.draft_of(work, clinic.site(work), WHICH) is None
        with pytest.raises(ConflictError, match="no wording of the clinic's own"):
            site_wording.withdraw(helen, clinic.site(work), WHICH)
        with pytest.raises(ConflictError, match="used already"):
            site_wording.draft(work, clinic.site(work), WHICH, used(work, clinic))


def test_only_a_named_clinician_or_administrator_signs_and_nobody_from_elsewhere_drafts(sqlite_clinic: Clinic) -> None:
    clinic = sqlite_clinic
    with clinic.work() as work:
        site = clinic.site(work)
        row = site_wording.draft(work, site, WHICH, OWN)
        for actor in (clinic.grace, clinic.oscar, clinic.system):
            other = clinic.by(work, actor)
            for act in (
                lambda other=other: site_wording.approve(other, row, OWN),
                lambda other=other: site_wording.withdraw(other, site, WHICH),
                lambda other=other: languages.approve(other, site, "es"),
                lambda other=other: languages.withdraw(other, site, "en"),
            ):
                with pytest.raises(ForbiddenError):
                    act()
        with pytest.raises(ForbiddenError):
            site_wording.draft(clinic.by(work, clinic.oscar), site, WHICH, OTHER)
        assert site_wording.approve(clinic.by(work, clinic.ada), row, OWN).approved_by == clinic.ada.user_id


def test_a_broken_wording_is_no_draft_and_every_reason_is_told(sqlite_clinic: Clinic) -> None:
    with sqlite_clinic.work() as work:
        site = sqlite_clinic.site(work)
        with pytest.raises(InvalidInputError) as refusal:
            site_wording.draft(work, site, WHICH, Template("{foo} YES", "MRI", "{clinic}"))
        for reason in ("holds {foo} at character 1", "'YES' at character 7", "says 'MRI'", "does not hold {date}"):
            assert reason in str(refusal.value)
        with pytest.raises(NotFoundError):
            site_wording.draft(work, site, replace(WHICH, language="xx"), OWN)
        assert previewed(work, site, WHICH, Template("{clinic", "", "")).text is None
        assert [str(each) for each in previewed(work, site, WHICH, replace(OWN, sms="{clinic.x.y}")).refused]
        shown = previewed(work, site, WHICH, OWN, month=40)
        assert (list(shown.refused), shown.cost, shown.a_month) == ([], "", "")
        work.catalogue = replace(work.catalogue, prices=Prices(Decimal("0.0083")))
        shown = previewed(work, site, WHICH, OWN, month=40)
        assert "0.0083" in shown.cost
        assert "0.33" in shown.a_month


def test_what_goes_out_and_what_is_foreseen_say_the_sites_own_words(clinic: Clinic) -> None:
    with clinic.work() as work:
        approved(work, clinic)
    with clinic.work() as work:
        live(work, clinic)
        patient, _ = clinic.enrolled(work)
        lines = preview(work, patient, lambda: [clinic.book(work, patient, date(2026, 12, 15))]).goes_out
        (week,) = [line.text for line in lines if line.step is Step.DAYS_7]
        assert week.startswith("DC1 here: Tuesday, December 15, 2026")


def test_an_upgrade_that_breaks_a_wording_gives_the_brought_text_and_tells_staff(clinic: Clinic) -> None:
    with clinic.work() as work:
        approved(work, clinic)
        english = work.catalogue.messages["en"]
        later = upgraded(work, forbidden=(*english.forbidden, "here"))
        site = clinic.site(later)
        assert used(later, clinic) == english.steps[Step.DAYS_7][Privacy.NEUTRAL]
        (broken,) = site_wording.unusable(later, site)
        assert "says 'here'" in broken.reasons[0]
        assert [each.site.id for each in state.state(later, [site]).unusable] == [site.id]
        gone = Work(
            work.session, work.now, work.actor, replace(work.catalogue, messages={"es": catalogue().messages["es"]})
        )
        assert site_wording.unusable(gone, site)[0].reasons == ["the service brings no texts in this language any more"]
        assert used(clinic.by(work, clinic.grace), clinic) == OWN


# -- languages -------------------------------------------------------------------------------------------------


def test_a_language_is_used_from_its_approval_to_its_withdrawal(clinic: Clinic) -> None:
    with clinic.work() as work:
        site, helen = clinic.site(work), clinic.by(work, clinic.helen)
        assert languages.usable(work, site) == ["en"]
        patient = clinic.patient(work, "002", phone="(202) 555-0102")
        patients.add_contact(work, patient, NewContact(language="es-MX"), priority=2)
        assert languages.not_spoken(work, site) == {"es-MX": 1}
        assert languages.choose(work, site, "es-MX").fell_back
        languages.approve(helen, site, "es", languages.fingerprint(work, site, "es"))
        assert site.languages == ["en", "es"]
        choice = languages.choose(helen, site, "es-MX")
        assert (choice.language, choice.locale, choice.fell_back) == ("es", "es-MX", False)
        (spanish,) = [row for row in languages.listed(helen, site) if row.language == "es"]
        assert (spanish.used, spanish.changed, spanish.by, spanish.spoken_by) == (True, False, "Helen", 1)
        assert languages.not_spoken(helen, site) == {}
        assert languages.withdraw(helen, site, "es") == 1
        assert languages.usable(helen, site) == ["en"]
        with pytest.raises(ConflictError, match="only language"):
            languages.withdraw(helen, site, "en")
        with pytest.raises(ConflictError, match="does not write in 'es'"):
            languages.withdraw(helen, site, "es")
        with pytest.raises(NotFoundError):
            languages.approve(helen, site, "xx")
        patient.died_on = work.now.date()
        work.session.flush()
        assert languages.not_spoken(helen, site) == {}
        patient.died_on = None


def test_a_language_that_changed_since_its_approval_stays_in_use_and_is_told(clinic: Clinic) -> None:
    with clinic.work() as work:
        site, helen = clinic.site(work), clinic.by(work, clinic.helen)
        assert languages.changed(work, site) == []
        read = languages.fingerprint(work, site, "en")
        approved(work, clinic)
        fresh = clinic.by(work, clinic.helen)
        assert [row.language for row in languages.changed(fresh, site)] == ["en"]
        assert languages.usable(fresh, site) == ["en"]
        with pytest.raises(ConflictError, match="changed since you read them"):
            languages.approve(fresh, site, "en", read)
        languages.approve(fresh, site, "en")
        assert languages.changed(fresh, site) == []
        assert [row.language for row in languages.changed(upgraded(work, help="x"), site)] == ["en"]
        work.session.get_one(LanguageApproval, (site.id, "en")).digest = languages.BEFORE
        assert languages.standing(helen, site, "en").unread


def test_naming_a_sites_languages_approves_them_and_leaving_one_out_takes_it_back(clinic: Clinic) -> None:
    with clinic.work(clinic.ada) as work:
        site = clinic.site(work)
        new = replace(sites.settings_of(site), languages=["fr", "en"])
        sites.edit_site(work, site, new)
        assert languages.usable(work, site) == ["fr", "en"]
        assert languages.standing(work, site, "fr").by == "Ada"
        assert languages.standing(work, site, "en").by == "System"  # who added the site
        sites.edit_site(work, site, replace(new, languages=["fr"]))
        assert languages.usable(work, site) == ["fr"]
        assert work.session.get(LanguageApproval, (site.id, "en")) is None
        assert actions(work, "language.")[-2:] == ["language.approve", "language.withdraw"]


def test_without_an_approval_nothing_is_sent_in_a_language(clinic: Clinic) -> None:
    with clinic.work() as work:
        site = clinic.site(work)
        work.session.delete(work.session.get_one(LanguageApproval, (site.id, "en")))
        work.session.flush()
        work.forget(site.id)
        assert languages.usable(work, site) == []
        with pytest.raises(InvalidInputError, match="no approved messages"):
            languages.choose(work, site, None)
        live(work, clinic)
        patient, _ = clinic.enrolled(work)
        lines = preview(work, patient, lambda: [clinic.book(work, patient, date(2026, 12, 15))]).goes_out
        assert {line.text for line in lines} == {""}


def test_what_a_month_costs_counts_what_was_sent_in_it(clinic: Clinic) -> None:
    with clinic.work() as work:
        site = clinic.site(work)
        assert site_wording.sent_in_a_month(work, site, Step.DAYS_7) == 0
        live(work, clinic)
        patient, _ = clinic.enrolled(work)
        clinic.book(work, patient, date(2026, 12, 15))
        row = work.session.exec(select(Reminder).where(Reminder.step == Step.DAYS_7)).first()
        assert row is not None
        assert row.channel is Channel.SMS
        row.sent_at = work.now - timedelta(days=29)
        work.session.flush()
        assert site_wording.sent_in_a_month(work, site, Step.DAYS_7) == 1
        row.sent_at = work.now - timedelta(days=31)
        work.session.flush()
        assert site_wording.sent_in_a_month(work, site, Step.DAYS_7) == 0
        row.sent_at = None
