"""What cannot be done is refused with one clear line, and nothing in any table changes."""

from typing import Any

import pytest

ENROL = ("enrol", "00418", "--yes", "--protocol")
BOOK = ("book", "00417", "--yes", "--place", "MRI 2", "--at", "10:30", "--on")
NEW = ("patient", "add", "00500", "--family", "Vale", "--given", "Kim", "--born")
WHY = ("--reason", "because", "--yes")
CLINICIAN, ADMIN = "dr.reed", "anna"
SITE = ("site", "add", "X", "--name", "X", "--short-name", "X", "--zone", "UTC", "--country", "US", "--phone")
HOLD = ("plan", "hold", "00417", "--yes", "--because", "away", "--review-on")

LOOK = ("site", "look-again", "NYC1", "asps-extremity@2026.2", "nccn", "--found", "the same", "--until")
REFUSED = [
    # who, what, words of the one line
    ("bob", ("patient", "show", "nobody"), "there is no patient with MRN 'nobody'"),
    ("bob", ("patient", "find", " "), "say whom to look for"),
    ("bob", ("patient", "add", "00417", *NEW[3:], "1999-01-01"), "MRN '00417' is taken at NYC1"),
    ("bob", (*NEW, "2027-01-01"), "is not between 1890 and today"),
    ("bob", (*NEW, "1999-01-01", "--email", "kim at home"), "is not an email address"),
    ("bob", (*NEW, "1999-01-01", "--phone", "2125550199", "--consent", "sms"), "say how consent was given"),
    ("bob", (*NEW, "1999-01-01", "--consent", "email", "--consent-how", "form"), "consent for email needs --email"),
    ("bob", (*NEW, "1999-01-01", "--zone", "Mars/Base"), "no time zone 'Mars/Base'"),
    ("bob", (*NEW, "1999-01-01", "--egfr", "55"), "an eGFR and its day belong together"),
    ("bob", ("patient", "edit", "00417", "--family", "Lind", "--yes"), "needs a reason"),
    ("bob", ("patient", "edit", "00417", "--yes"), "say what to change"),
    ("bob", ("patient", "edit", "00417", "--born", "2026-09-01", *WHY), "lies after 2026-08-25"),
    ("bob", ("patient", "edit", "00417", "--new-mrn", "00418", *WHY), "is taken at NYC1 by another patient"),
    ("bob", ("patient", "edit", "00417", "--owner", "nobody", "--yes"), "there is no user 'nobody'"),
    ("bob", ("patient", "edit", "00417", "--egfr", "-3", "--egfr-on", "2026-11-01", "--yes"), "is not possible"),
    ("bob", ("patient", "edit", "00417", "--given", "Ada", *WHY), "nothing would change"),
    ("bob", ("contact", "add", "00417"), "a contact needs --phone, --email or --postal"),
    ("bob", ("contact", "add", "00417", "--phone", "2125550199", "--language", "tlh"), "no messages in language 'tlh'"),
    ("bob", ("contact", "change", "00417", "7", "--phone", "2125550199", "--yes"), "contact of patient 00417, number"),
    ("bob", ("contact", "change", "00417", "1", "--email", "ada@", "--yes"), "'ada@' is not an email address"),
    ("bob", ("contact", "remove", "00417", "1", "--reason", " ", "--yes"), "removing a contact needs a reason"),
    ("bob", ("consent", "give", "00417", "email", "--how", "form"), "has no usable address for email"),
    ("bob", ("consent", "give", "00417", "letter", "--how", "form"), "consent is for sms or email"),
    ("bob", ("consent", "withdraw", "00417", "sms", "--how", " "), "say how consent was given or withdrawn"),
    ("bob", (*ENROL, "nccn-sts-high", "--anchor", "2026-06-30"), "is not approved at NYC1"),
    ("bob", (*ENROL, "nccn", "--anchor", "2026-06-30"), "there is no protocol 'nccn'"),
    ("bob", (*ENROL, "asps-extremity", "--anchor", "2026-12-30"), "2026-12-30 lies in the future"),
    ("bob", (*ENROL, "asps-extremity", "--anchor", "1970-01-01"), "lies before the birth date"),
    ("bob", (*ENROL, "asps-extremity", "--anchor", "2026-06-30", "--interval", "mri_primary=5"), "every 5 months"),
    ("bob", (*ENROL, "asps-extremity", "--anchor", "2026-06-30", "--interval", "mri_foot=3"), "no item 'mri_foot'"),
    ("bob", (*ENROL, "asps-extremity", "--anchor", "2026-06-30", "--study", "ct=2026-09-01"), "has no item ct"),
    ("bob", ("enrol", "00417", *ENROL[2:], "asps-extremity", "--anchor", "2026-06-30"), "has an active plan"),
    ("bob", (*BOOK, "2026-11-20"), "2026-11-20 is past"),
    ("bob", (*BOOK[:4], "Basement", *BOOK[5:], "2026-11-25"), "NYC1 has no place 'Basement'; it has MRI 2"),
    ("bob", (*BOOK, "2026-11-25", "--exam", "mri_primary@9"), "mri_primary@9 can be done from"),
    ("bob", (*BOOK, "2026-11-25", "--exam", "mri_primary@5"), "no open examination mri_primary@5"),
    ("bob", (*BOOK, "2026-11-25", "--exam", "mri_primary@xabcdef"), "names no extra examinations"),
    ("bob", (*BOOK, "2150-12-31"), "a visit on 2150-12-31 is more than 20 years ahead"),
    ("bob", ("visit", "move", "00417", "2026-11-25", "--at", "09:00", "--yes"), "there is no visit"),
    ("bob", ("visit", "cancel", "00418", "2026-11-25", *WHY), "there is no visit"),
    ("bob", ("record", "00417", "2026-11-25", "--noshow", "--yes"), "there is no visit"),
    ("bob", ("record", "00417", "--study", "mri_primary", "--on", "2026-12-24", "--yes"), "after today"),
    ("bob", ("record", "00417", "--study", "ct_foot", "--yes"), "has no item ct_foot"),
    ("bob", ("study", "report", "00417", "Z9"), "there is no study of patient 00417 'Z9'"),
    ("bob", ("study", "tell", "00417", "Z9"), "there is no study of patient 00417 'Z9'"),
    ("bob", ("plan", "show", "00418"), "has no plan"),
    ("bob", ("plan", "resume", "00417", "--yes"), "there is no hold in force"),
    ("bob", (*HOLD, "2026-11-01"), "must not lie before"),
    ("bob", ("plan", "end", "00417", "--because", "transfer", "--yes"), "it takes a clinician"),
    (CLINICIAN, ("plan", "end", "00417", "--because", "death", "--yes"), "recorded with 'patient died'"),
    (CLINICIAN, ("plan", "end", "00417", "--because", "recurrence", "--yes"), "--restart-by"),
    ("bob", ("plan", "move", "00417", "mri_primary@6", "--to", "2026-11-01", *WHY), "must lie in the future"),
    ("bob", ("plan", "move", "00417", "mri_primary@6", "--to", "2028-01-01", *WHY), "would pass the examination"),
    ("bob", ("plan", "skip", "00417", "mri_primary@6", "--review-on", "2027-01-01", "--reason", "", "--yes"), "reason"),
    ("bob", ("plan", "extra", "00417", "mri_primary", "--on", "2026-01-01", *WHY), "today or later"),
    ("bob", ("plan", "anchor", "00417", "2026-12-30", *WHY), "2026-12-30 lies in the future"),
    ("bob", ("plan", "interval", "00417", "mri_primary=5", "--from", "2027-06-01", *WHY), "every 5 months"),
    ("bob", ("plan", "restart", "00418", *ENROL[3:], "asps-extremity", "--anchor", "2026-06-30", *WHY), "no plan"),
    (CLINICIAN, ("plan", "reopen", "00417", *WHY), "the plan has not ended"),
    ("bob", ("patient", "died", "00417", "--on", "2026-12-24", "--source", "letter", "--yes"), "in the future"),
    ("bob", ("retract", "00417", "death", *WHY), "has no death on record"),
    ("bob", ("retract", "00417", "study", *WHY), "say which study"),
    ("nobody", ("patient", "find", "okafor"), "there is no user 'nobody'"),
    ("system", ("patient", "find", "okafor"), "may not sign in"),
    ("bob", ("patient", "show", "00417", "--site", "LON1"), "there is no site 'LON1'"),
    ("bob", ("user", "add", "eve", "--name", "Eve", "--role", "admin"), "it takes an admin"),
    (ADMIN, ("user", "add", "Eve Hill", "--name", "Eve", "--role", "viewer"), "is no user name"),
    (ADMIN, ("user", "add", "bob", "--name", "Bob", "--role", "viewer"), "exists already"),
    (ADMIN, ("user", "disable", "anna", *WHY), "is the last administrator of NYC1"),
    (ADMIN, ("user", "role", "anna", "viewer"), "is the last administrator of NYC1"),
    ("bob", (*SITE, "1"), "it takes an administrator"),
    (ADMIN, (*SITE, "1"), "site phone"),
    (ADMIN, ("site", "go-live", "LON1", "--from", "2027-01-01", "--yes"), "there is no site 'LON1'"),
    (CLINICIAN, ("site", "approve-protocol", "NYC1", "mine"), "there is no protocol 'mine'"),
    ("bob", ("site", "approve-protocol", "NYC1", "nccn-sts-high"), "it takes a clinician"),
    (CLINICIAN, ("site", "approve-protocol", "NYC1", "nccn-sts-high"), "says so: NCCN, soft tissue sarcoma"),
    ("bob", (*LOOK, "2027-06-01"), "it takes a clinician"),
    (CLINICIAN, (*LOOK, "2026-11-23"), "the next look is on a day to come"),
    (CLINICIAN, (*LOOK, "2036-11-23"), "at most a year away"),
]  # fmt: skip


@pytest.mark.parametrize(("user", "arguments", "words"), REFUSED, ids=lambda value: str(value)[:60])
def test_bad_input_gets_one_line_and_changes_nothing(two_patients: Any, user: str, arguments: Any, words: str) -> None:
    before = two_patients.dump()
    result = two_patients.run(*arguments, user=user)
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("error: ")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert two_patients.dump() == before
