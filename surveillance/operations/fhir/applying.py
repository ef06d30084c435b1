"""``PlanDefinition/$apply``: what a protocol asks of one patient, from facts that come with the request (FHIR R4).

The facts are parameters, the answer is a CarePlan (``care_plans``). The same rules answer as for a plan that is kept
here and for the reference cases; nothing is read from the database and nothing is kept.
Source: https://hl7.org/fhir/R4/plandefinition-operation-apply.html; all parameters but ``subject`` are our own.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from pydantic import ValidationError

from surveillance.core.dates import add_months
from surveillance.core.errors import SurveillanceError
from surveillance.core.protocols.protocol import Protocol
from surveillance.core.schedule.examinations import PlanFacts, derive
from surveillance.operations.cases.facts import plan_facts, readings
from surveillance.operations.cases.form import FactsForm
from surveillance.operations.fhir import care_plans
from surveillance.operations.fhir.care_plans import Applied
from surveillance.operations.fhir.parameters import Given, ParametersError
from surveillance.operations.fhir.parameters import read as parameters_of

Resource = dict[str, Any]

AHEAD: Final = 24  # months after today, where no horizon is given


def apply(protocol: Protocol, parameters: Any, today: date, base: str) -> Resource:
    """The CarePlan that ``protocol`` gives for the facts in a Parameters resource.

    ``today`` holds where the parameters name no other day; ``base`` is the address of this service.

    Raises:
        ParametersError: a parameter is missing, unknown, of another type, or its value cannot be.
    """
    read = parameters_of(parameters)
    read.facts.setdefault("enrolled", read.facts.get("anchor"))
    on = read.today or today
    read.facts.setdefault("until", str(add_months(on, AHEAD)))
    facts, form = _facts(protocol, read)
    derived = derive(facts, form.until)
    return care_plans.care_plan(Applied(protocol, read.subject, facts, readings(form), derived, on, base))


def _facts(protocol: Protocol, read: Given) -> tuple[PlanFacts, FactsForm]:
    read.facts["terms"] = list(_terms(protocol, read.intervals))
    for booking in read.facts.get("bookings", []):
        booking.setdefault("target", _target(read.facts, booking))
    try:
        form = FactsForm.model_validate(read.facts)
        return plan_facts(form, {protocol.key: protocol}), form
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise ParametersError(
            "Parameters.parameter", f"{place}: {fault['msg'].removeprefix('Value error, ')}"
        ) from None
    except SurveillanceError as error:
        raise ParametersError("Parameters.parameter", str(error.__cause__ or error)) from None


def _terms(protocol: Protocol, intervals: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Choices by the day from which they hold; each day's go on where the day before left off."""
    by_day: dict[str, dict[str, int | None]] = {"": {}}
    for each in intervals:
        if ("months" in each) is bool(each.get("off")):
            raise ParametersError("Parameters.parameter.where(name='interval')", "give months, or off as true")
        by_day.setdefault(each.get("from", ""), {})[each.get("item", "")] = each.get("months")
    standing: dict[str, int | None] = {}
    for since, choices in sorted(by_day.items()):
        standing |= choices
        chosen = [{"item": item, "months": months} for item, months in standing.items()]
        yield {"since": since or None, "protocol": protocol.key, "choices": chosen}


def _target(facts: Mapping[str, Any], booking: Mapping[str, Any]) -> str | None:
    """Where the target lay, if nothing else is said: at the anchor and the month, or where the extra one lies."""
    own = [extra.get("target") for extra in facts.get("extras", []) if extra.get("id") == booking.get("extra")]
    if own:
        return str(own[0])
    try:
        return str(add_months(date.fromisoformat(facts["anchor"]), int(booking.get("month", 0))))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None  # the anchor itself is what is wrong, and is told so
