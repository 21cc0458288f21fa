"""DAX's expression trees to DynamoDB's expression text. No I/O.

Clients parse expressions and send trees; DynamoDB wants text. Names and values become placeholders that all expressions
of a request share. Parentheses stand only where the tree needs them: DynamoDB rejects redundant ones.
Source: the DAX protocol notes, section 8.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from . import cbor
from .errors import MalformedError, validation
from .values import AttributeValue, Item, from_attribute, to_attribute

Path = tuple[str | int, ...]

_COMPARISONS = ("=", "<>", "<", ">=", ">", "<=")
_AND, _OR, _NOT, _BETWEEN, _IN = 6, 7, 8, 9, 10
_FUNCTIONS = {
    11: ("attribute_exists", 1),
    12: ("attribute_not_exists", 1),
    13: ("attribute_type", 2),
    14: ("begins_with", 2),
    15: ("contains", 2),
    16: ("size", 1),
    23: ("if_not_exists", 2),
    24: ("list_append", 2),
}
_VALUE, _PATH = 17, 18
# Clauses in the order in which they are printed: (function, keyword, arguments, what stands between them).
_CLAUSES = {19: ("SET", 2, " = "), 22: ("REMOVE", 1, ""), 20: ("ADD", 2, " "), 21: ("DELETE", 2, " ")}
_ARITHMETIC = {25: "+", 26: "-"}
# How tightly a node binds: a child that binds less tightly than its parent needs parentheses.
_BINDING = {_OR: 1, _AND: 2, _NOT: 3}
_OPERAND = 4


class Printer:
    """Prints the expressions of one request and collects their placeholders."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, AttributeValue] = {}
        self._placeholders: dict[str, str] = {}

    def condition(self, raw: Any) -> str:
        """The text of a condition, filter or key condition."""
        return self._print(raw, lambda tree, scope: scope.condition(tree))

    def update(self, raw: Any) -> str:
        """The text of an update expression, its actions grouped by clause."""
        return self._print(raw, lambda tree, scope: scope.update(tree))

    def path(self, path: Path) -> str:
        """The text of a document path."""
        parts = [f"[{part}]" if isinstance(part, int) else f".{self._name(part)}" for part in path]
        return "".join(parts).removeprefix(".")

    def parameters(self) -> dict[str, Any]:
        """The request parameters that go with the printed expressions."""
        found: dict[str, Any] = {}
        if self.names:
            found["ExpressionAttributeNames"] = self.names
        if self.values:
            found["ExpressionAttributeValues"] = self.values
        return found

    def _name(self, name: str) -> str:
        if name not in self._placeholders:
            placeholder = f"#n{len(self._placeholders)}"
            self._placeholders[name] = placeholder
            self.names[placeholder] = name
        return self._placeholders[name]

    def _print(self, raw: Any, write: Callable[[Any, "_Scope"], str]) -> str:
        try:
            tree, values = _content(raw, 3)
            return write(tree, _Scope(self, values))
        except (MalformedError, RecursionError) as error:
            raise validation(f"Invalid expression encoding: {error}") from None


class _Scope:
    """One expression: its values, and the placeholders that it has already given to them."""

    def __init__(self, printer: Printer, values: Any) -> None:
        if not isinstance(values, list):
            raise MalformedError("values are an array")
        self._printer = printer
        self._values = values
        self._given: dict[int, str] = {}

    def update(self, actions: Any) -> str:
        if not isinstance(actions, list) or not actions:
            raise MalformedError("an update without actions")
        clauses: dict[int, list[str]] = {function: [] for function in _CLAUSES}
        for action in actions:
            function, arguments = _node(action)
            if function not in _CLAUSES:
                raise MalformedError("an unknown action")
            _, count, between = _CLAUSES[function]
            clauses[function].append(between.join(map(self.operand, _exactly(arguments, count))))
        return " ".join(f"{_CLAUSES[function][0]} {', '.join(lines)}" for function, lines in clauses.items() if lines)

    def condition(self, tree: Any, within: int = 0) -> str:
        function, arguments = _node(tree)
        if function in (_AND, _OR):
            word = " AND " if function == _AND else " OR "
            printed = word.join(self.condition(part, _BINDING[function]) for part in _chain(function, tree))
        elif function == _NOT:
            printed = "NOT " + self.condition(_exactly(arguments, 1)[0], _BINDING[_NOT])
        else:
            printed = self._predicate(function, arguments)
        return f"({printed})" if _BINDING.get(function, _OPERAND) < within else printed

    def _predicate(self, function: int, arguments: list[Any]) -> str:
        if function < len(_COMPARISONS):
            return f" {_COMPARISONS[function]} ".join(map(self.operand, _exactly(arguments, 2)))
        if function == _BETWEEN:
            value, low, high = map(self.operand, _exactly(arguments, 3))
            return f"{value} BETWEEN {low} AND {high}"
        if function == _IN:
            value, choices = _exactly(arguments, 2)
            if not isinstance(choices, list) or not choices:
                raise MalformedError("IN without operands")
            return f"{self.operand(value)} IN ({', '.join(map(self.operand, choices))})"
        if function not in _FUNCTIONS:
            raise MalformedError("an unknown function")
        return self._call(function, arguments)

    def operand(self, tree: Any) -> str:
        function, arguments = _node(tree)
        if function == _VALUE:
            return self._value(_exactly(arguments, 1)[0])
        if function == _PATH:
            return self._printer.path(_path(arguments))
        if function in _ARITHMETIC:
            return f" {_ARITHMETIC[function]} ".join(map(self.operand, _exactly(arguments, 2)))
        if function in _FUNCTIONS:
            return self._call(function, arguments)
        raise MalformedError("an unknown operand")

    def _call(self, function: int, arguments: list[Any]) -> str:
        name, count = _FUNCTIONS[function]
        return f"{name}({', '.join(map(self.operand, _exactly(arguments, count)))})"

    def _value(self, index: Any) -> str:
        if type(index) is not int or not 0 <= index < len(self._values):
            raise MalformedError("a reference to a value that was not sent")
        if index not in self._given:
            placeholder = f":v{len(self._printer.values)}"
            self._printer.values[placeholder] = to_attribute(self._values[index])
            self._given[index] = placeholder
        return self._given[index]


def _content(raw: Any, parts: int) -> list[Any]:
    reader = cbor.Reader(raw if isinstance(raw, bytes) else b"")
    content = reader.value()
    if not isinstance(content, list) or len(content) != parts or content[0] != 1 or not reader.at_end:
        raise MalformedError("not an expression of format 1")
    return content[1:]


def _node(tree: Any) -> tuple[int, list[Any]]:
    if not isinstance(tree, list) or not tree or type(tree[0]) is not int or tree[0] < 0:
        raise MalformedError("not a node")
    return tree[0], tree[1:]


def _exactly(arguments: list[Any], count: int) -> list[Any]:
    if len(arguments) != count:
        raise MalformedError("a wrong number of arguments")
    return arguments


def _chain(function: int, tree: Any) -> list[Any]:
    """The operands of a AND b AND c …, however they are nested; without recursion, since chains are long."""
    operands: list[Any] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list) and node and node[0] == function:
            waiting += reversed(_exactly(node[1:], 2))
        else:
            operands.append(node)
    return operands


def _path(parts: list[Any]) -> Path:
    path = tuple(
        part.value if isinstance(part, cbor.Tag) and part.number == cbor.PATH_INDEX else part for part in parts
    )
    if not path or not isinstance(path[0], str):
        raise MalformedError("a path starts with a name")
    if not all(isinstance(part, str) or (type(part) is int and part >= 0) for part in path):
        raise MalformedError("a path of something else than names and indexes")
    return path


def projection(raw: Any) -> tuple[Path, ...]:
    """The paths of a projection expression, in order: replies refer to them by their place.

    Raises:
        DaxError: no projection, or paths that overlap, which DynamoDB refuses.
    """
    try:
        paths = _projected_paths(*_content(raw, 2))
    except MalformedError as error:
        raise validation(f"Invalid ProjectionExpression: {error}") from None
    _refuse_overlap(paths)
    return paths


def optional_projection(raw: Any) -> tuple[Path, ...] | None:
    """The paths of a projection expression, or None if there is none."""
    return None if raw is None else projection(raw)


def _projected_paths(nodes: Any) -> tuple[Path, ...]:
    if not isinstance(nodes, list) or not nodes:
        raise MalformedError("not a projection")
    paths = tuple(_path(arguments) for function, arguments in map(_node, nodes) if function == _PATH)
    if len(paths) != len(nodes):
        raise MalformedError("a projection of something else than paths")
    return paths


def _refuse_overlap(paths: tuple[Path, ...]) -> None:
    ordered = sorted(paths, key=lambda path: [(isinstance(part, int), part) for part in path])
    for first, second in pairwise(ordered):
        if second[: len(first)] == first:
            raise validation(
                "Invalid ProjectionExpression: Two document paths overlap with each other; "
                f"must remove or rewrite one of these paths; path one: {_shown(first)}, path two: {_shown(second)}"
            )


def _shown(path: Path) -> str:
    return "[" + ", ".join(f"[{part}]" if isinstance(part, int) else part for part in path) + "]"


def resolve(item: Item, path: Path) -> AttributeValue | None:
    """The value at a path of an item, if there is one."""
    value: AttributeValue = {"M": item}
    for part in path:
        inside: Any = value.get("L") if isinstance(part, int) else value.get("M")
        if isinstance(part, int):
            if inside is None or part >= len(inside):
                return None
        elif inside is None or part not in inside:
            return None
        value = inside[part]
    return value


def project(item: Item, paths: tuple[Path, ...]) -> bytes:
    """The encoded map {place of the path: value} of what the item has at the paths (section 10.1)."""
    found = [(place, resolve(item, path)) for place, path in enumerate(paths)]
    return cbor.mapping((cbor.integer(place), from_attribute(value)) for place, value in found if value is not None)
