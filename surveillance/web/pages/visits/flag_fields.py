"""The fields that ask about safety flags: what is done instead, or why a clinician has it done all the same."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from uuid import UUID

from surveillance.core.words import Role
from surveillance.operations.planning import flags
from surveillance.operations.planning.flags import Answers, Question
from surveillance.store.planning import plans
from surveillance.store.tables import Appointment, AppointmentItem, Patient
from surveillance.web.forms import LONGEST_TEXT, Form
from surveillance.web.page_context import PageContext

ITSELF: Final = "itself"  # the choice of the item as it is
REASON: Final = "flags_reason"


@dataclass(frozen=True, slots=True)
class FlagFields:
    """What is asked before a visit is saved. ``confirmed``: the flags of each item that a clinician confirmed for this
    very visit; ``chosen``: what is done instead so far; ``signs``: whoever fills the form in is a clinician here."""

    questions: Sequence[Question] = ()
    signs: bool = False
    confirmed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    chosen: Mapping[str, str] = field(default_factory=dict)

    def is_open(self, question: Question) -> bool:
        """Whether nobody has confirmed all that speaks against the item."""
        known = self.confirmed.get(question.item.code, ())
        return any(each.token not in known for each in question.concerns)

    def options(self, question: Question) -> list[tuple[str, str, str]]:
        """What may be done, for the choice on the page."""
        itself = (ITSELF, question.item.title, "a clinician confirms it with a reason")
        return [itself, *((each.code, each.title, "the protocol names it") for each in question.substitutes)]

    def read(self, form: Form) -> Answers:
        """The answers; mistakes stand on ``form``."""
        instead = {}
        for each in self.questions:
            name = f"instead-{each.item.code}"
            codes = [ITSELF, *(substitute.code for substitute in each.substitutes)]
            chosen = form.one_of(name, f"what is done instead of {each.item.title}", codes, required=False)
            if name in form:
                instead[each.item.code] = "" if chosen == ITSELF else chosen
        reason = form.text(REASON, "why it is done all the same", longest=LONGEST_TEXT)
        self._check(form, instead, reason)
        return Answers(instead, reason if self.signs else "")

    def _check(self, form: Form, instead: Mapping[str, str], reason: str) -> None:
        for each in self.questions:
            code = each.item.code
            if not self.is_open(each) or (instead[code] if code in instead else self.chosen.get(code)):
                continue
            if self.signs and not reason:
                form.fault(REASON, f"Say why {each.item.title} is done although {each.why}")
            elif not self.signs and each.substitutes:
                form.fault(
                    f"instead-{code}", f"{each.why[:1].upper()}{each.why[1:]}: choose another, or ask a clinician"
                )


def before(context: PageContext, patient: Patient, plan_id: UUID, wanted: Iterable[tuple[str, date]]) -> FlagFields:
    """What is asked where examinations are booked, each for its day."""
    terms = plans.terms_in_force(context.session, plan_id)
    asked = flags.questions(context.work, patient, terms, wanted)
    return FlagFields(asked, context.work.signs(patient.site_id, Role.CLINICIAN))


def of_visit(
    context: PageContext,
    patient: Patient,
    row: Appointment,
    lines: Sequence[AppointmentItem],
    day: date,
    *,
    same_place: bool = True,
) -> FlagFields:
    """What is asked about a visit that is booked, on the day as it is or another one; it may stand already."""
    open_lines = [line for line in lines if line.outcome is None]
    made = before(context, patient, row.plan_id, [(line.item, day) for line in open_lines])
    confirmed = {line.item: line.flags_confirmed for line in open_lines if same_place}
    return FlagFields(made.questions, made.signs, confirmed, {line.item: line.substitute for line in open_lines})
