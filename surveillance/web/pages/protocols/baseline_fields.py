"""The question that an added item asks, on every form that can add one: its baseline now, on a day, or not, and why."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from surveillance.operations.care.baselines import NONE, NOW, Baselines, Choice
from surveillance.web.forms import Form

ON_A_DAY: Final = "day"
REASON: Final = "baseline-reason"
OPTIONS: Final = ((NOW, "Now"), (ON_A_DAY, "On a day"), (NONE, "No baseline"))


def field(item: str) -> str:
    return f"baseline-{item}"


def read(form: Form, asked: Mapping[str, str]) -> Baselines:
    """What was chosen for ``asked``, item → title; what is missing stands on the form."""
    choices = dict(_choices(form, asked))
    reason = form.text(REASON, "why no baseline is wanted", required=None in choices.values(), longest=1000)
    return Baselines(choices, reason)


def _choices(form: Form, asked: Mapping[str, str]) -> Iterator[tuple[str, Choice]]:
    for item, title in asked.items():
        given = form.one_of(field(item), f"whether a baseline is wanted: {title}", dict(OPTIONS))
        if given == NOW:
            yield item, "now"
        elif given == NONE:
            yield item, None
        elif given == ON_A_DAY:
            day = form.day(f"{field(item)}-{ON_A_DAY}", f"the day of the baseline: {title}", required=True)
            if day is not None:
                yield item, day


def kept(form: Form, items: Iterable[str]) -> dict[str, str]:
    """The answers as they were given, for the next page of the same question."""
    names = [name for item in items for name in (field(item), f"{field(item)}-{ON_A_DAY}")]
    return {name: form.value(name) for name in [*names, REASON] if form.value(name)}
