"""``PlanDefinition/$apply`` against the reference cases, and the forms of what it gives and refuses."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from http import HTTPStatus
from typing import Any

import pytest
from cases_read import cases, protocol_of, shipped
from fhir.resources.R4B.careplan import CarePlan
from fhir.resources.R4B.operationoutcome import OperationOutcome
from sampling import Sampling

from surveillance.catalogue.cases import Case
from surveillance.operations.cases.comparison import disagreements
from surveillance.operations.cases.form import Answer, ExaminationAnswer, FindingAnswer, Question, StatusAnswer
from surveillance.operations.cases.questions import question
from surveillance.operations.fhir import applying
from surveillance.operations.fhir.outcomes import outcome
from surveillance.operations.fhir.parameters import ParametersError

BASE = "https://clinic.example"
TODAY = date(2026, 12, 1)
FEW = 120  # cases in every run
TOLD = {
    "item", "month", "extra", "target", "window", "cell", "order_from", "due_from", "overdue_from", "overdue_since",
    "fulfilled_by", "booked", "status", "late",
}  # fmt: skip

Entry = dict[str, Any]


def value(name: str, kind: str, content: Any) -> Entry:
    return {"name": name, f"value{kind}": content}


def parts(name: str, *each: Entry) -> Entry:
    return {"name": name, "part": list(each)}


# -- a question of a case as parameters ----------------------------------------------------------------------------


def expressible(case: Case) -> bool:
    """Of one shipped protocol, and about what a CarePlan tells."""
    asked = question(case, shipped())
    named = {terms.protocol for terms in asked.facts.terms}
    about = {"examinations", "months", "absent", "findings"} & case.then.keys()
    return len(named) == 1 and named <= shipped().keys() and "refused" not in case.then and bool(about)


def parameters(asked: Question, today: date) -> Entry:
    facts = asked.facts
    entries = [
        value("subject", "String", "the patient"),
        *(
            value(name, "Date", str(day))
            for name, day in [
                ("anchor", facts.anchor),
                ("enrolled", facts.enrolled),
                ("today", today),
                ("until", facts.until),
                ("ended", facts.ended),
            ]
            if day is not None
        ),
        *(value("knownBlank", "Code", item) for item in facts.known_blank),
        *_intervals(asked),
        *_records(asked),
    ]
    return {"resourceType": "Parameters", "parameter": entries}


def _intervals(asked: Question) -> Iterator[Entry]:
    for terms in asked.facts.terms:
        since = [value("from", "Date", str(terms.since))] if terms.since else []
        for choice in terms.choices:
            off = choice.months is None
            months = value("off", "Boolean", True) if off else value("months", "Integer", choice.months)
            yield parts("interval", value("item", "Code", choice.item), months, *since)


def _records(asked: Question) -> Iterator[Entry]:
    kinds = {"item": "Code", "month": "Integer", "tolerance": "Integer", "id": "Id", "extra": "Id", "word": "Code"}
    names = {"start": "from", "day": "day", "repeat_by": "repeatBy"}

    def plain(model: Any, **renamed: str) -> list[Entry]:
        given = {name: each for name, each in model.model_dump().items() if each is not None and each != []}
        return [
            value(
                renamed.get(name, names.get(name, name)), kinds.get(name, "Date"), each if name in kinds else str(each)
            )
            for name, each in given.items()
            if not isinstance(each, list)
        ]

    for study in asked.facts.studies:
        items = [value("item", "Code", item) for item in study.items]
        booked = [parts("bookedFor", *plain(slot)) for slot in study.booked_for]
        ruled = [parts("ruling", *plain(ruling)) for ruling in study.rulings]
        yield parts("study", *plain(study, day="performed"), *items, *booked, *ruled)
    for name in ("hold", "booking", "extra", "move", "skip"):
        for record in getattr(asked.facts, f"{name}s"):
            yield parts(name, *plain(record))


# -- a care plan as an answer --------------------------------------------------------------------------------------


def answered(case: Case) -> Answer:
    """What the care plans of all days that the case names say, as an engine's answer."""
    asked = question(case, shipped())
    protocol = protocol_of(asked.facts.terms[0].protocol)
    days = asked.days or [asked.facts.enrolled]
    plans = [applying.apply(protocol, parameters(asked, day), TODAY, BASE) for day in days]
    rows = [[each for each in plan.get("contained", []) if each["resourceType"] == "ServiceRequest"] for plan in plans]
    tasks = [each for each in plans[0].get("contained", []) if each["resourceType"] == "Task"]
    examinations = [_examination(same, days) for same in zip(*rows, strict=True)]
    return Answer(case=case.id, examinations=examinations, findings=list(map(_finding, tasks)))


def _details(request: Entry) -> Entry:
    [extension] = request["extension"]
    return {
        each["url"]: next(content for name, content in each.items() if name != "url") for each in extension["extension"]
    }


def _examination(requests: tuple[Entry, ...], days: list[date]) -> ExaminationAnswer:
    told = _details(requests[0])
    by_day = [_details(request) for request in requests]
    window = requests[0]["occurrencePeriod"]
    return ExaminationAnswer(
        item=told["item"],
        month=told.get("month"),
        extra=told.get("extra"),
        interval=0,
        target=told["target"],
        window=(window["start"], window["end"]),
        cell=(told["cellStart"], told.get("cellEnd")),
        order_from=told["orderFrom"],
        due_from=told["dueFrom"],
        overdue_from=told["overdueFrom"],
        overdue_since=told["overdueSince"],
        fulfilled_by=told.get("fulfilledBy"),
        booked=told.get("booked"),
        statuses=[
            StatusAnswer(day=day, status=each["status"], late=each["late"])
            for day, each in zip(days, by_day, strict=True)
        ],
    )


def _finding(task: Entry) -> FindingAnswer:
    told = {each["type"]["text"]: each["valueString"] for each in task["input"]}
    return FindingAnswer(
        kind=task["code"]["text"],
        item=told["item"],
        month=int(told["month"]) if "month" in told else None,
        about=told.get("about"),
        since=task["executionPeriod"]["start"],
    )


def told_of(case: Case) -> Case:
    """The case without what a CarePlan does not tell."""
    rows = [{name: each for name, each in row.items() if name in TOLD} for row in case.then.get("examinations", [])]
    kept = {name: case.then[name] for name in ("on_day", "months", "absent", "findings") if name in case.then}
    return replace(case, then=kept | {"examinations": rows})


def test_the_care_plan_agrees_with_the_cases(sample: Sampling) -> None:
    every = [case for case in cases() if expressible(case)]
    assert len(every) > 300
    wrong = [
        line for case in sample.of(every, FEW, "care plans") for line in disagreements(told_of(case), answered(case))
    ]
    assert wrong == []


# -- the resource --------------------------------------------------------------------------------------------------

SIMPLE = [
    {"name": "subject", "valueReference": {"reference": "Patient/17"}},
    value("anchor", "Date", "2026-01-15"),
    value("today", "Date", "2026-05-02"),
    value("until", "Date", "2026-12-31"),
    parts("interval", value("item", "Code", "chest_imaging"), value("months", "Integer", 6)),
    parts(
        "study",
        value("id", "Id", "mri-3"),
        value("performed", "Date", "2026-04-14"),
        value("item", "Code", "mri_primary"),
        value("reported", "Date", "2026-04-16"),
    ),
    parts(
        "hold",
        value("item", "Code", "chest_imaging"),
        value("from", "Date", "2026-05-01"),
        value("review", "Date", "2026-08-01"),
    ),
]


def applied(*more: Entry, without: str = "") -> Entry:
    entries = [entry for entry in SIMPLE if entry["name"] != without] + list(more)
    given = {"resourceType": "Parameters", "parameter": entries}
    return applying.apply(protocol_of("asps-extremity@2026.1"), given, TODAY, BASE)


def test_the_care_plan_is_a_valid_resource_with_an_obligation_each() -> None:
    made = applied()
    CarePlan.model_validate(made)
    assert made["subject"] == {"reference": "Patient/17"}
    assert made["instantiatesCanonical"] == [f"{BASE}/PlanDefinition/asps-extremity|2026.1"]
    states = {each["id"]: (each["status"], _details(each)["status"]) for each in made["contained"]}
    assert states == {
        "mri-primary-3": ("completed", "reported"),
        "mri-primary-6": ("active", "upcoming"),
        "mri-primary-9": ("active", "upcoming"),
        "chest-imaging-6": ("on-hold", "held"),
    }
    assert [each["reference"]["reference"] for each in made["activity"]] == [f"#{id}" for id in states]


def test_what_was_missed_is_revoked_and_what_a_person_must_look_at_is_a_task() -> None:
    late = value("today", "Date", "2026-09-01")
    made = applied(late, value("enrolled", "Date", "2026-08-20"), without="today")
    CarePlan.model_validate(made)
    kinds = [(each["resourceType"], each["code"]["text"]) for each in made["contained"]]
    assert ("Task", "last_scan_unknown") in kinds
    missed = applied(late, without="today")
    assert {each["id"]: each["status"] for each in missed["contained"]}["mri-primary-6"] == "revoked"


def test_where_no_day_is_named_the_day_of_the_request_is_today() -> None:
    made = applied(without="today")
    assert made["created"] == str(TODAY)


@pytest.mark.parametrize(
    ("entry", "without", "place", "why"),
    [
        (None, "subject", "Parameters.parameter", "subject is missing"),
        (None, "anchor", "Parameters.parameter", "anchor is missing"),
        (value("anker", "Date", "2026-01-15"), "", "Parameters.parameter[7]", "there is no parameter 'anker'"),
        (value("anchor", "Date", "2026-01-15"), "", "Parameters.parameter[7]", "anchor stands twice"),
        (value("anchor", "String", "2026-01-15"), "anchor", "Parameters.parameter[6]", "needs valueDate"),
        (value("anchor", "Date", "15.1.2026"), "anchor", "Parameters.parameter", "anchor: write a day like"),
        (value("today", "Date", "9999-12-31"), "today", "Parameters.parameter[6]", "write a day like"),
        (value("subject", "Reference", "Patient/1"), "subject", "Parameters.parameter[6]", "subject is a valueString"),
        (value("until", "Date", "2149-12-31"), "until", "Parameters.parameter", "the horizon lies between"),
        ({"name": "hold"}, "", "Parameters.parameter[7]", "has parts"),
        (parts("hold", value("why", "Code", "away")), "", "Parameters.parameter[7].part[0]", "there is no part 'why'"),
        (parts("hold", value("from", "Date", "2026-05-01")), "", "Parameters.parameter", "holds.1.review"),
        (
            parts("interval", value("item", "Code", "mri_primary"), value("months", "Integer", 5)),
            "",
            "Parameters.parameter",
            "mri_primary cannot be repeated every 5 months",
        ),
        (
            parts("interval", value("item", "Code", "mri_primary")),
            "",
            "Parameters.parameter.where(name='interval')",
            "give months",
        ),
        (
            parts("interval", value("item", "Code", "knee"), value("months", "Integer", 3)),
            "",
            "Parameters.parameter",
            "has no item 'knee'",
        ),
        (
            parts("interval", value("item", "Code", "mri_primary"), value("months", "Integer", True)),
            "",
            "Parameters.parameter[7].part[1]",
            "needs valueInteger",
        ),
        ("nonsense", "", "Parameters.parameter[7]", "there is no parameter ''"),
    ],
)  # fmt: skip
def test_parameters_of_no_use_are_told_with_their_place(entry: Any, without: str, place: str, why: str) -> None:
    with pytest.raises(ParametersError) as refused:
        applied(*([] if entry is None else [entry]), without=without)
    assert refused.value.expression == place
    assert why in refused.value.why


@pytest.mark.parametrize(
    "body", [None, [], {"resourceType": "Patient"}, {"resourceType": "Parameters", "parameter": 1}]
)
def test_what_is_no_parameters_resource_is_refused(body: Any) -> None:
    with pytest.raises(ParametersError):
        applying.apply(protocol_of("asps-extremity@2026.1"), body, TODAY, BASE)


def test_an_outcome_is_a_valid_resource() -> None:
    made = outcome(HTTPStatus.UNPROCESSABLE_ENTITY, "anchor is missing", "Parameters.parameter")
    OperationOutcome.model_validate(made)
    assert made["issue"][0]["code"] == "invalid"
