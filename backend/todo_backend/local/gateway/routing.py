"""Which resource a path names. No I/O.

A literal segment wins over `{name}`, which wins over `{name+}` (one or more segments); the resource is found first and
its method afterwards, so a specific resource without the method is not served by a greedy neighbour.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .configuration import Method, Resource
from .messages import decoded


@dataclass(frozen=True, slots=True)
class Match:
    """The resource that a path names, and the decoded values of its path parameters."""

    resource: Resource
    parameters: Mapping[str, str]

    def method(self, name: str) -> Method | None:
        """The method by its own name, else ANY."""
        return self.resource.methods.get(name) or self.resource.methods.get("ANY")


@dataclass
class _Node:
    resource: Resource | None = None
    literal: dict[str, "_Node"] = field(default_factory=dict)
    parameter: tuple[str, "_Node"] | None = None
    greedy: tuple[str, Resource] | None = None


class Router:
    """The resources of an API as a tree of segments. Paths are matched as sent: `%2F` does not separate."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._root = _Node()
        for resource in resources:
            self._add(resource)

    def match(self, path: str) -> Match | None:
        """The resource for a percent-encoded path, or None. A trailing slash is a segment of its own (AG-17)."""
        segments = path.split("/")[1:] if path.startswith("/") else []
        if segments in ([""], []):
            segments = []
        # A node is left by its literal, its parameter or its greedy child, in this order: at most three ways a segment
        # and no way is taken twice, so a long path costs no more than its length times the ways of the tree.
        return self._descend(self._root, segments, {})

    def _add(self, resource: Resource) -> None:
        node = self._root
        for part in [part for part in resource.path.split("/") if part]:
            if part.startswith("{") and part.endswith("+}"):
                node.greedy = (part[1:-2], resource)
                return
            if part.startswith("{") and part.endswith("}"):
                node.parameter = node.parameter or (part[1:-1], _Node())
                node = node.parameter[1]
            else:
                node = node.literal.setdefault(part, _Node())
        node.resource = resource

    def _descend(self, node: _Node, rest: list[str], values: dict[str, str]) -> Match | None:
        if not rest:
            return Match(node.resource, values) if node.resource and node.resource.methods else None
        head = decoded(rest[0])
        if head in node.literal:
            found = self._descend(node.literal[head], rest[1:], values)
            if found:
                return found
        if node.parameter and head:
            name, child = node.parameter
            found = self._descend(child, rest[1:], {**values, name: head})
            if found:
                return found
        if node.greedy and (head or len(rest) > 1):
            name, resource = node.greedy
            return Match(resource, {**values, name: decoded("/".join(rest))})
        return None
