"""The option map that ends each data request. No I/O.

Source: the DAX protocol notes, section 9.
"""

from dataclasses import dataclass
from typing import Any

from .errors import validation

PROJECTION, CONSISTENT, CAPACITY, CONDITION, METRICS, RETURN_VALUES, UPDATE = 0, 2, 3, 4, 6, 7, 8
START_KEY, FILTER, INDEX, LIMIT, FORWARD, SELECT, SEGMENT, SEGMENTS, TOKEN = 9, 10, 11, 13, 14, 15, 16, 17, 19

_CAPACITY = ("NONE", "TOTAL", "INDEXES")
_METRICS = ("NONE", "SIZE")
_RETURN_VALUES = (None, "NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW")
_SELECT = (None, "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "COUNT", "SPECIFIC_ATTRIBUTES")

_BYTES = (PROJECTION, CONDITION, UPDATE, START_KEY, FILTER, INDEX)
_NUMBERS = (CONSISTENT, CAPACITY, METRICS, RETURN_VALUES, LIMIT, FORWARD, SELECT, SEGMENT, SEGMENTS)
_KINDS: dict[int, type] = {**dict.fromkeys(_BYTES, bytes), **dict.fromkeys(_NUMBERS, int), TOKEN: str}
# Names and values (from the Python client only, redundant) and capacity do not make another query (section 14).
_NOT_IN_QUERY_KEY = frozenset({1, CAPACITY, 5})
_SELECT_ALWAYS_SENT_BY = "DaxGoV2Client"


@dataclass(frozen=True)
class Options:
    """The options of a request; what was not given is None."""

    given: dict[int, Any]

    @classmethod
    def parse(cls, value: Any) -> "Options":
        """Check and keep a decoded option map; duplicate keys are settled already, the last one wins.

        Raises:
            DaxError: an option has a type that no client sends.
        """
        given = {} if value is None else value
        if not isinstance(given, dict):
            raise validation("The options are not a map")
        kept = {key: item for key, item in given.items() if item is not None}
        for key, item in kept.items():
            if key in _KINDS and not isinstance(item, _KINDS[key]):
                raise validation("An option has a wrong type")
        return cls(kept)

    def raw(self, key: int) -> bytes | None:
        """The bytes of an option."""
        return self.given.get(key)

    def number(self, key: int) -> int | None:
        """The number of an option."""
        return self.given.get(key)

    @property
    def consistent(self) -> bool:
        """Whether the read is strongly consistent; a bool or a number on the wire (section 9)."""
        return bool(self.given.get(CONSISTENT))

    @property
    def capacity(self) -> str:
        """NONE, TOTAL or INDEXES."""
        return str(_word(_CAPACITY, self.given.get(CAPACITY, 0)))

    def capacity_parameters(self) -> dict[str, str]:
        """ReturnConsumedCapacity, if it is not the default."""
        return {} if self.capacity == "NONE" else {"ReturnConsumedCapacity": self.capacity}

    @property
    def item_collection_metrics(self) -> str:
        """NONE or SIZE."""
        return str(_word(_METRICS, self.given.get(METRICS, 0)))

    @property
    def return_values(self) -> str:
        """NONE, ALL_OLD, UPDATED_OLD, ALL_NEW or UPDATED_NEW."""
        return str(_word(_RETURN_VALUES, self.given.get(RETURN_VALUES, 1)))

    @property
    def token(self) -> str | None:
        """ClientRequestToken."""
        return self.given.get(TOKEN)

    @property
    def index(self) -> str | None:
        """IndexName."""
        raw = self.given.get(INDEX)
        return None if raw is None else raw.decode(errors="replace")

    def select(self, user_agent: str) -> str | None:
        """Select; ALL_ATTRIBUTES of a client that sends it unasked does not count beside a projection or an index."""
        select = _word(_SELECT, self.given.get(SELECT, 0))
        unasked = user_agent.startswith(_SELECT_ALWAYS_SENT_BY) and (PROJECTION in self.given or INDEX in self.given)
        return None if unasked and select == "ALL_ATTRIBUTES" else select

    def query_key(self) -> tuple[tuple[int, Any], ...]:
        """What makes a query another query, hashable."""
        kept = (*_BYTES, *_NUMBERS)
        return tuple((key, self.given[key]) for key in kept if key in self.given and key not in _NOT_IN_QUERY_KEY)


def _word(words: tuple[str | None, ...], number: int) -> str | None:
    if not 0 <= number < len(words):
        raise validation("An option has an unknown value")
    return words[number]
