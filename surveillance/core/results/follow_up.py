"""What must follow from a result: which facts carry the obligation on, and when nothing may be sent (design 5)."""

from surveillance.core.words import FollowUp, Result

_OF_PLAN = frozenset({FollowUp.EXTRA, FollowUp.HOLD, FollowUp.END, FollowUp.RESTART})

# A patient with such a result is not told that an examination is due before somebody decided what it means.
SILENCING = frozenset({Result.SUSPICIOUS, Result.RECURRENCE})


def decides_at_signing(result: Result) -> bool:
    """Whether a review cannot be signed without what follows: a recurrence asks what becomes of the plan."""
    return result is Result.RECURRENCE


def may_follow(result: Result, *, has_plan: bool) -> frozenset[FollowUp]:
    """The facts that settle a result. A tick or a sentence settles none of them.

    A recurrence asks a decision about the plan; a task alone is none, unless there is no plan to decide about. The
    repeat of an inadequate study is asked for when that is signed, and nothing else settles it.
    """
    if result is Result.RECURRENCE:
        without = {FollowUp.TASK, FollowUp.END, FollowUp.RESTART}
        return (_OF_PLAN if has_plan else frozenset(without)) | {FollowUp.CONTINUE}
    if result in (Result.INDETERMINATE, Result.SUSPICIOUS):
        return _OF_PLAN | {FollowUp.TASK}
    return frozenset()
