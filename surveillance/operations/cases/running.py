"""Puts an engine through cases, one after the other; what fails is told, and the others go on."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol as Interface

from pydantic import ValidationError

from surveillance.catalogue.cases import Case
from surveillance.core.errors import SurveillanceError, UnavailableError
from surveillance.core.protocols.protocol import Protocol
from surveillance.operations.cases import answers
from surveillance.operations.cases.comparison import disagreements
from surveillance.operations.cases.form import Answer, Question
from surveillance.operations.cases.questions import question


class Engine(Interface):
    """Whatever answers questions: this service in the same process, or a program at an address."""

    def ask(self, question: str) -> str:
        """The answer to a question, both as JSON.

        Raises:
            InvalidInputError: the engine refused the question.
            UnavailableError: there was no answer.
        """


class OwnEngine:
    """The core of this installation, asked without a network; the form is kept all the same."""

    def ask(self, question: str) -> str:
        return answers.answer(Question.model_validate_json(question)).model_dump_json(by_alias=True)


@dataclass(frozen=True, slots=True)
class Result:
    """One case that was put to an engine. ``lines`` tell where it disagrees."""

    case: Case
    lines: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.lines


def run(engine: Engine, cases: Iterable[Case], shipped: Mapping[str, Protocol]) -> Iterator[Result]:
    """The results in the order of the cases. Raises UnavailableError where the engine does not answer at all."""
    for case in cases:
        yield Result(case, tuple(_lines(engine.ask, case, shipped)))


def asked(case: Case, shipped: Mapping[str, Protocol]) -> str:
    """The question of a case as JSON."""
    return question(case, shipped).model_dump_json(by_alias=True)


def _lines(ask: Callable[[str], str], case: Case, shipped: Mapping[str, Protocol]) -> list[str]:
    try:
        told = ask(asked(case, shipped))
    except UnavailableError:
        raise
    except SurveillanceError as error:
        return [f"{case.id} · the engine refused the question: {error}"]
    try:
        answer = Answer.model_validate_json(told)
    except ValidationError as error:
        fault = error.errors()[0]
        where = "/".join(map(str, fault["loc"])) or "the whole"
        return [f"{case.id} · the answer does not keep the form, at {where}: {fault['msg']}"]
    return disagreements(case, answer)
