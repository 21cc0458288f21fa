"""Sums of CloudWatch figures since the stack was started. No I/O."""

from collections import Counter
from collections.abc import Mapping

COUNTED = ("Count", "4XXError", "5XXError", "CacheHitCount", "CacheMissCount")
"""Figures of `AWS/ApiGateway` whose sum says something; the rest are times."""


class Counters:
    """What the layers count; there is one API, so dimensions are left out."""

    def __init__(self) -> None:
        self._sums: Counter[str] = Counter()

    def add(self, name: str, value: float, dimensions: Mapping[str, str]) -> None:
        """Add one figure, as CloudWatch would take it."""
        if name in COUNTED:
            self._sums[name] += int(value)

    def sums(self) -> dict[str, int]:
        """The sums by name, those that are still 0 included."""
        return {name: self._sums[name] for name in COUNTED}
