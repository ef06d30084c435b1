"""Seeded faults in the rules: one small change of one expression, as a person makes it by mistake.

Each is known by its module, the line it stands in and what became of what (``day <= end → day < end``).
"""

import ast
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import surveillance

ROOT = Path(surveillance.__file__).parent

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}
_CALLED = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """A fault in a module, given by its path below the package (``core/schedule/slots.py``)."""

    module: str
    number: int
    line: int
    before: str
    after: str

    @property
    def name(self) -> str:
        return f"{self.module}:{self.line} · {self.before} → {self.after}"

    @property
    def key(self) -> str:
        """What stays when lines above it come and go."""
        return f"{self.module} · {self.before} → {self.after}"


def mutants(module: str) -> list[Mutant]:
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    return [
        Mutant(module, number, line, before, after)
        for number, (line, before, after, _) in enumerate(_changes(tree))
        if before != after
    ]


def planted(module: str, number: int) -> ast.Module:
    """The module with this fault."""
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    for count, (*_, plant) in enumerate(_changes(tree)):
        if count == number:
            plant()
            return ast.fix_missing_locations(tree)
    raise LookupError(f"{module} has no fault number {number}")


def _changes(tree: ast.Module) -> Iterator[tuple[int, str, str, "_Plant"]]:
    """Each change that can be made: line, before, after, and how to make it."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for holder, field, index, node in _places(function):
                for other in _others(node):
                    yield node.lineno, ast.unparse(node), ast.unparse(other), _Plant(holder, field, index, other)


@dataclass(frozen=True)
class _Plant:
    holder: ast.AST
    field: str
    index: int | None
    node: ast.expr

    def __call__(self) -> None:
        if self.index is None:
            setattr(self.holder, self.field, self.node)
        else:
            getattr(self.holder, self.field)[self.index] = self.node


def _places(function: ast.FunctionDef) -> Iterator[tuple[ast.AST, str, int | None, ast.expr]]:
    """The expressions in the body of a function; what stands in a nested one belongs to that."""
    stack: list[ast.AST] = list(reversed(function.body))
    while stack:
        holder = stack.pop()
        if isinstance(holder, ast.FunctionDef):
            continue
        for field, value in ast.iter_fields(holder):
            if field in ("annotation", "returns", "type_params"):
                continue
            for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(node, ast.expr):
                    yield holder, field, index, node
                if isinstance(node, ast.AST):
                    stack.append(node)


def _others(node: ast.expr) -> Iterator[ast.expr]:
    """What somebody may have written by mistake."""
    match node:
        case ast.Compare():
            yield from _compared(node)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for index in range(len(values)):
                rest = [value for place, value in enumerate(values) if place != index]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _CALCULATED and not _is_text(left, right):
            yield ast.BinOp(left, _CALCULATED[type(op)](), right)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.Constant(value=bool() | int()):
            yield ast.Constant(not node.value if isinstance(node.value, bool) else node.value + 1)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.Call(func=ast.Name(id=name)) if name in _CALLED:
            yield ast.Call(ast.Name(_CALLED[name], ast.Load()), node.args, node.keywords)
        case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
            yield from _unfiltered(node)


def _compared(node: ast.Compare) -> Iterator[ast.expr]:
    for index, op in enumerate(node.ops):
        for other in _COMPARED.get(type(op), ()):
            yield ast.Compare(node.left, [*node.ops[:index], other(), *node.ops[index + 1 :]], node.comparators)


def _unfiltered(node: ast.ListComp | ast.GeneratorExp | ast.SetComp) -> Iterator[ast.expr]:
    for index, generator in enumerate(node.generators):
        for condition in range(len(generator.ifs)):
            changed = deepcopy(node)
            del changed.generators[index].ifs[condition]
            yield changed


def _is_text(*nodes: ast.expr) -> bool:
    return any(isinstance(node, ast.JoinedStr | ast.Constant) and not _is_number(node) for node in nodes)


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)
