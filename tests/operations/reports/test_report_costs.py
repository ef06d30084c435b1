"""What messages cost by month, and what patients answered: counted by the database, checked against single rows."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from clinic import TODAY, Clinic
from sqlmodel import select

from surveillance.core.replies.vocabulary import Meaning
from surveillance.core.reports import counting as rules
from surveillance.core.reports.counting import Period, ReportName
from surveillance.core.texts.prices import Prices
from surveillance.core.words import AttemptState, Channel, ReminderState, Step
from surveillance.operations.reports import reports
from surveillance.operations.work import Work
from surveillance.store.tables import Attempt, Contact, Inbound, Patient, Reminder

OCTOBER, NOVEMBER = 12 * 2026 + 9, 12 * 2026 + 10
LATE = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)  # 22:30 on 31 October in Washington
DELIVERED, UNDELIVERED, REFUSED = AttemptState.DELIVERED, AttemptState.UNDELIVERED, AttemptState.REFUSED
DAY = timedelta(days=1)
# When, state, first or later attempt, step, language, provider's parts, encoding, parts of the text, as GSM, code.
SENT: list[tuple[Any, ...]] = [
    (LATE, DELIVERED, 1, Step.DAYS_1, "en", 2, "GSM-7", 2, 2, ""),
    (LATE + 2 * DAY, DELIVERED, 1, Step.DAYS_1, "en", None, "GSM-7", 1, 1, ""),  # counted from the text
    (LATE + 2 * DAY, DELIVERED, 1, Step.DAYS_1, "ar", 3, "UCS-2", 3, 1, ""),
    (LATE + 3 * DAY, UNDELIVERED, 1, Step.DAYS_3, "en", 1, "GSM-7", 1, 1, "30003"),
    (LATE + 3 * DAY, UNDELIVERED, 2, Step.DAYS_3, "en", 1, "GSM-7", 1, 1, "30003"),
    (LATE + 3 * DAY, REFUSED, 3, Step.DAYS_3, "en", None, "GSM-7", 1, 1, "21610"),  # nobody pays for it
    (LATE + 4 * DAY, DELIVERED, 1, Step.ANSWER, "en", 1, "GSM-7", 1, 1, ""),
    (LATE - 800 * DAY, DELIVERED, 1, Step.DAYS_1, "en", 9, "GSM-7", 9, 9, ""),  # before the period
]
COSTS = [
    (OCTOBER, "SMS", "1 day before", "en", 1, 1, 1, 0, 2, 0.02, 2, 0, 0, 0, ""),
    (NOVEMBER, "SMS", "1 day before", "ar", 1, 1, 1, 0, 3, 0.03, 0, 3, 1, 0, ""),
    (NOVEMBER, "SMS", "1 day before", "en", 1, 1, 1, 0, 1, 0.01, 1, 0, 0, 1, ""),
    (NOVEMBER, "SMS", "3 days before", "en", 1, 3, 0, 3, 2, 0.02, 2, 0, 0, 0, "30003 ×2, 21610 ×1"),
    (NOVEMBER, "SMS", "answer", "en", 1, 1, 1, 0, 1, 0.01, 1, 0, 0, 0, ""),
]


@pytest.fixture
def counted(clinic: Clinic) -> Iterator[tuple[Work, Clinic]]:
    with clinic.work() as work:
        patient, _ = clinic.enrolled(work)
        for number, sent in enumerate(SENT):
            attempt(work, patient, number, *sent)
        work.catalogue = replace(work.catalogue, prices=Prices(Decimal("0.01"), Decimal("0.005"), "GBP"))
        yield work, clinic


def attempt(work: Work, patient: Patient, number: int, at: datetime, state: AttemptState, *more: Any) -> None:
    ordinal, step, language, parts, encoding, text_parts, gsm_parts, code = more
    common: dict[str, Any] = {"site_id": patient.site_id, "channel": Channel.SMS, "created_at": at}
    moments = {"due_at": at, "expires_at": at, "changed_at": at, "sent_at": at}
    reminder = Reminder(
        patient_id=patient.id, key=f"c{number}", step=step, subject_day=at.date(), state=ReminderState.SENT,
        **common, **moments,
    )  # fmt: skip
    work.session.add(reminder)
    work.session.flush()
    sizes = {"parts": parts, "encoding": encoding, "text_parts": text_parts, "gsm_parts": gsm_parts}
    work.session.add(
        Attempt(
            reminder_id=reminder.id, ordinal=ordinal, to_address=f"+1202555{number:04}", body="", language=language,
            transport="twilio", state=state, error_code=code, deadline_at=at, in_doubt_from=at, finished_at=at,
            **sizes, **common,
        )
    )  # fmt: skip
    work.session.flush()


def test_the_price_of_messages_by_month_purpose_and_language(counted: tuple[Work, Clinic]) -> None:
    work, clinic = counted
    found = reports.report(work, [clinic.site(work)], ReportName.COSTS, rules.period(TODAY))
    code = clinic.site(work).code
    assert found.rows == [(row[0], code, *row[1:]) for row in COSTS]
    assert found.said == (
        "9 SMS parts cost 0.09 GBP. 3 of them were UCS-2; written in GSM-7 they would have been 1, 0.02 GBP less."
    )


def test_without_a_price_parts_are_shown_and_no_cost(counted: tuple[Work, Clinic]) -> None:
    work, clinic = counted
    work.catalogue = replace(work.catalogue, prices=Prices())
    found = reports.report(work, [clinic.site(work)], ReportName.COSTS, rules.period(TODAY))
    assert {row[10] for row in found.rows} == {None}
    assert "no price of a part is set" in found.said
    assert [row[10] for row in found.written()] == ["–"] * len(COSTS)


def test_a_month_holds_the_days_of_the_site_and_ends_today(counted: tuple[Work, Clinic]) -> None:
    work, clinic = counted
    site = clinic.site(work)
    october = reports.of_month(work, [site], "2026-10")
    assert october == Period(date(2026, 10, 1), date(2026, 10, 31))
    assert reports.report(work, [site], ReportName.COSTS, october).rows[0][0] == OCTOBER
    assert len(reports.report(work, [site], ReportName.COSTS, october).rows) == 1
    assert reports.of_month(work, [site], f"{TODAY:%Y-%m}").last == TODAY


def test_replies_are_counted_by_what_they_were_taken_for(counted: tuple[Work, Clinic]) -> None:
    work, clinic = counted
    contact = work.session.exec(select(Contact)).first()
    assert contact is not None
    meant = [Meaning.CONFIRM, Meaning.CONFIRM, Meaning.ANOTHER_DAY, Meaning.STOP, Meaning.THANKS, ""]
    for number, meaning in enumerate(meant):
        known = {"patient_id": contact.patient_id} if number == 0 else {}  # the others by their number
        work.session.add(
            Inbound(
                provider_id=f"IN{number}", from_number=contact.phone, to_number="", body="…", keyword=meaning,
                received_at=LATE + number * DAY, parts=2 if number == 0 else None, **known,
            )
        )  # fmt: skip
    stranger = {"from_number": "+12025559999", "to_number": "", "body": "?", "received_at": LATE}
    work.session.add(Inbound(provider_id="IN99", **stranger))
    work.session.flush()
    code = clinic.site(work).code
    found = reports.report(work, [clinic.site(work)], ReportName.REPLIES, rules.period(TODAY))
    assert found.rows == [
        (OCTOBER, code, 1, 1, 0, 0, 0, 0, 0, 0, 2, 0.01),
        (NOVEMBER, code, 5, 1, 1, 1, 0, 0, 2, 1, 5, 0.025),
    ]
    assert found.said == "Of 6 replies 2 confirmed a visit, 1 asked for another day and 1 opted out."
