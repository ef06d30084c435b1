"""YAML files that remember their lines, so that each refusal can say where the mistake stands.

The reading is stricter and plainer than YAML 1.1: only ``true`` and ``false`` are booleans (``no`` and ``on``
stay text), days and times of day stay text, a leading zero or plus keeps digits text (phone numbers, record
numbers), a key stands once, and anchors are refused (a few lines of them can unfold to gigabytes).
"""

import difflib
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from yaml._yaml import CParser
from yaml.composer import Composer
from yaml.resolver import Resolver

from surveillance.core.errors import InvalidFileError, Problem

M = TypeVar("M", bound=BaseModel)
Key = str | int
NodePath = tuple[Key, ...]
_DEEPEST = 40  # levels of nesting; the files of this project use six
_SHOWN = 60  # characters of a wrong value in a reason


@dataclass(frozen=True, slots=True)
class Document:
    """One file's data and the line (from 1) of each key and list entry in it."""

    file: str
    data: dict[str, Any]
    lines: Mapping[NodePath, int]

    def line(self, path: Sequence[Key]) -> int:
        """The line of the last node on ``path`` that exists."""
        found = tuple(path)
        while found not in self.lines:
            found = found[:-1]
        return self.lines[found]

    def problem(self, path: Sequence[Key], reason: str) -> Problem:
        return Problem(self.file, self.line(path), reason)


def read(path: Path) -> Document:
    """Reads one YAML file whose top level is a mapping.

    Raises:
        InvalidFileError: there is no such file, it is not UTF-8, its YAML is broken, a key stands twice, it
            uses anchors or tags, or its top level is not a mapping.
    """
    return parse(_text(path), str(path))


def parse(text: str, file: str) -> Document:
    """As ``read``, of a text; ``file`` is the name that problems carry."""
    try:
        root = _Loader(text).get_single_node()
    except yaml.YAMLError as error:
        raise InvalidFileError([_broken(error, text, file)]) from error
    if not isinstance(root, yaml.MappingNode):
        reason = "the file is empty" if root is None else "the top level must be 'key: value' lines"
        raise InvalidFileError([Problem(file, _line(root) if root else 1, reason)])
    reading = _Reading(file, root)
    data = {str(key): value for key, value in reading.mapping(root, ())}
    if reading.problems:
        raise InvalidFileError(reading.problems)
    return Document(file, data, reading.lines)


def validate(document: Document, model: type[M]) -> M:
    """The document as a ``model``.

    Raises:
        InvalidFileError: with one problem for each value that does not fit, each on its line.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        problems = [
            document.problem(details["loc"], reason(details, model)) for details in error.errors(include_url=False)
        ]
        raise InvalidFileError(sorted(problems, key=lambda problem: problem.line)) from error


def reason(details: ErrorDetails, model: type[BaseModel]) -> str:
    """One of pydantic's findings as a sentence that names the key and the wrong value."""
    place, value = spelled(details["loc"]), details["input"]
    if details["loc"] and details["loc"][-1] == "[key]":  # pydantic's mark for the key of a mapping itself
        place = f"the key {value} of {spelled(details['loc'][:-2])}"
    match details["type"]:
        case "missing":
            return f"{place} is missing"
        case "extra_forbidden":
            *parents, unknown = details["loc"]
            return f"{place} is not a known key; {_suggestion(str(unknown), _keys(model, parents))}"
        case "value_error" | "assertion_error":
            return f"{place}: {details['msg'].partition(', ')[2]}"
        case "string_type" if isinstance(value, int | float):
            return f"{place} must be text, not {value!r}; put it in quotes"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{place} must be 'key: value' lines, not {_shown(value)}"
    return f"{place}: {details['msg'].removeprefix('Input ')}, not {_shown(value)}"


def spelled(path: Sequence[Key]) -> str:
    """A path as a person writes it: ``items[0].phases[1].from``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "the file"


class _Loader(Composer, CParser, Resolver):
    """Composes nodes with the few plain types this project wants; refuses aliases and bottomless nesting.

    The text is read by libyaml, in a fourth of the time that Python takes: every command reads all these files.
    """

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own form: filled by add_implicit_resolver)
    depth = 0

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        Composer.__init__(self)
        Resolver.__init__(self)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()
        if refusal := self._refusal(event):
            raise yaml.composer.ComposerError(None, None, refusal, event.start_mark)
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _refusal(self, event: yaml.Event) -> str | None:
        if getattr(event, "anchor", None) is not None:
            return "anchors and aliases (& and *) are not allowed; write the value out"
        if getattr(event, "tag", None) is not None:
            return "tags (!) are not allowed; write a plain value, in quotes if it starts with !"
        return f"nested deeper than {_DEEPEST} levels" if self.depth >= _DEEPEST else None


_PLAIN_TYPES = (
    ("bool", r"^(?:true|false)$", "tf"),
    ("int", r"^(?:0|-?[1-9][0-9]{0,17})$", "-0123456789"),
    ("float", r"^-?(?:0|[1-9][0-9]*)\.[0-9]+$", "-0123456789"),
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
)
for _name, _pattern, _first in _PLAIN_TYPES:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(_pattern), list(_first))


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InvalidFileError([Problem(str(path), 1, "there is no such file")]) from error
    except OSError as error:
        raise InvalidFileError([Problem(str(path), 1, f"cannot be read: {error.strerror}")]) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidFileError([Problem(str(path), line, "the file is not UTF-8; save it as UTF-8")]) from error


def _broken(error: yaml.YAMLError, text: str, file: str) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return Problem(file, line, f"character U+{int(error.character):04X} is not allowed in YAML")
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        said = "; ".join(part for part in (error.problem, error.context) if part)
        return Problem(file, error.problem_mark.line + 1, f"not valid YAML: {said}")
    return Problem(file, 1, f"not valid YAML: {error}")


class _Reading:
    """One walk over a document's nodes: gathers values, lines and problems."""

    def __init__(self, file: str, root: yaml.MappingNode) -> None:
        self.file = file
        self.lines: dict[NodePath, int] = {(): _line(root)}
        self.problems: list[Problem] = []

    def mapping(self, node: yaml.MappingNode, path: NodePath) -> Iterator[tuple[Key, Any]]:
        for key_node, child in node.value:
            key = _scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if isinstance(key, bool) or not isinstance(key, str | int):
                self._refuse(key_node, "a key must be text or a whole number; put it in quotes")
            elif (*path, key) in self.lines:
                first = self.lines[(*path, key)]
                self._refuse(key_node, f"the key {key} stands twice, first on line {first}")
            else:
                self.lines[(*path, key)] = _line(key_node)
                yield key, self.value(child, (*path, key))

    def value(self, node: yaml.Node, path: NodePath) -> Any:
        if isinstance(node, yaml.MappingNode):
            return dict(self.mapping(node, path))
        if isinstance(node, yaml.SequenceNode):
            self.lines.update({(*path, index): _line(child) for index, child in enumerate(node.value)})
            return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
        return _scalar(node)

    def _refuse(self, node: yaml.Node, reason: str) -> None:
        self.problems.append(Problem(self.file, _line(node), reason))


def _scalar(node: yaml.Node) -> Any:
    match node.tag.removeprefix("tag:yaml.org,2002:"):
        case "int":
            return int(node.value)
        case "float":
            return float(node.value)
        case "bool":
            return node.value == "true"
        case "null":
            return None
    return node.value


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _suggestion(unknown: str, allowed: Sequence[str]) -> str:
    near = difflib.get_close_matches(unknown, allowed, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(allowed)}"


def _keys(annotation: Any, path: Sequence[Key]) -> list[str]:
    """The keys that ``annotation`` allows at ``path``: through models, lists, mappings and unions."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        return list(dict.fromkeys(key for choice in get_args(annotation) for key in _keys(choice, path)))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = {field.alias or name: field.annotation for name, field in annotation.model_fields.items()}
        if not path:
            return list(fields)
        return _keys(fields[str(path[0])], path[1:]) if path[0] in fields else _keys(annotation, path[1:])
    inner = [choice for choice in get_args(annotation) if choice is not Ellipsis]
    return _keys(inner[-1], path[1:]) if inner and path else []
