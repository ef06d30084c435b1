"""This service as an engine for the reference cases: facts in, what follows from them out; no patient is read.

It asks for a token all the same: the service stands beside patient data and computes for nobody whom it does not know.
Whoever wants no token can ask the engine in its own process (``surveillance cases run``).
"""

from surveillance.operations.cases import answers
from surveillance.operations.cases.form import Answer, Question
from surveillance.web.access import Permission
from surveillance.web.api.call import Call
from surveillance.web.api.routing import Endpoints

endpoints = Endpoints("Reference cases")


@endpoints.look_up("/cases/answer", needs=Permission.VIEW)
def answer_case(call: Call, question: Question) -> Answer:  # noqa: ARG001 (the answer rests on the question alone)
    """What follows from the facts of a question: the same rules that plan for patients, asked from outside."""
    return answers.answer(question)
