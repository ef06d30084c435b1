"""The choices that a protocol leaves, as fields of a form: how often, until when, how often afterwards."""

from typing import Final

from surveillance.core.protocols import interval_words
from surveillance.core.protocols.protocol import Item, Protocol
from surveillance.web import words
from surveillance.web.forms import Form

OFF: Final = "off"


def field(item: Item) -> str:
    return key_field(item.code)


def further(form: Form, item: Item) -> dict[str, int | None]:
    """What was chosen beside the interval: when a phase ends, and how often after it."""
    chosen: dict[str, int | None] = {}
    for choice in interval_words.further(item):
        known = {str(months): said for months, said in choice.options}
        if given := form.one_of(key_field(choice.key), f"a choice for {choice.title}", known, required=False):
            chosen[choice.key] = int(given)
    return chosen


def key_field(key: str) -> str:
    """The field of a choice by its key in a plan; a full stop would end a name in a style sheet's selector."""
    return f"interval-{key.replace('.', '-')}"


def further_fields(item: Item) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """For each choice beside the interval: field, title, options; the first, without a value, is the protocol's own."""
    return [
        (key_field(each.key), each.title, [("", each.own), *_others(each)]) for each in interval_words.further(item)
    ]


def _others(choice: interval_words.Further) -> list[tuple[str, str]]:
    return [(str(months), said) for months, said in choice.options if said != choice.own]


# -- a change of terms: what is not chosen stays as it is ---------------------------------------------------------


def fields(protocol: Protocol | None) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """For each choice: the field's name, the title, and what can be chosen beside leaving it as it is."""
    if protocol is None:
        return []
    return [each for item in protocol.items for each in _fields_of(item)]


def _fields_of(item: Item) -> list[tuple[str, str, list[tuple[str, str]]]]:
    beside = [
        (key_field(each.key), each.title, [(str(months), said) for months, said in each.options])
        for each in interval_words.further(item)
    ]
    return [(field(item), item.title, _options(item)), *beside]


def _options(item: Item) -> list[tuple[str, str]]:
    fixed = (months for phase in item.phases if not phase.name for months in phase.choices())
    choices = interval_words.choices(item) or sorted(set(fixed))
    return [*((str(months), words.every(months)) for months in choices), (OFF, "not at all")]


def chosen(form: Form, protocol: Protocol) -> dict[str, int | None]:
    """What was chosen; an item left as it is has none."""
    found: dict[str, int | None] = {}
    for item in protocol.items:
        name = field(item)
        given = form.one_of(name, f"an interval of {item.title}", dict(_options(item)), required=False)
        if given:
            found[item.code] = None if given == OFF else int(given)
        found |= further(form, item)
    return found
