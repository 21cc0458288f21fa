"""The response cache of a stage: what is in the key, what is kept, what is thrown out. No I/O.

Best effort, as on AWS: an entry may be gone at any time. What is never given up is that an answer is only found
under the key it was stored under.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .configuration import Integration, MethodSettings
from .messages import Answer, Request
from .refusals import RefusalError

MAX_ANSWER_BYTES: Final = 1_048_576  # AC-25
ENTRY_OVERHEAD_BYTES: Final = 512  # digest, objects and links of one entry
WARNING: Final = (
    "Warning",
    "199 Cache-control headers were ignored because the caller was unauthorized.",
)  # AC-29

Key = bytes


@dataclass(frozen=True, slots=True)
class _Entry:
    answer: Answer
    expires_at: float
    size_bytes: int


class StageCache:
    """The entries of one stage, least recently used first out, bounded in bytes."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.generation = 0
        self.size_bytes = 0
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()

    def __len__(self) -> int:
        """How many entries there are, expired ones included."""
        return len(self._entries)

    def get(self, key: Key, now: float) -> Answer | None:
        """The answer under the key, while it is fresh."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_at <= now:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.answer

    def put(self, key: Key, answer: Answer, *, expires_at: float, generation: int) -> bool:
        """Keep the answer in place of what was there. False: too large, or flushed since the request began."""
        if generation != self.generation:
            return False
        self._drop(key)
        size = answer.size_bytes + ENTRY_OVERHEAD_BYTES
        if len(answer.body) > MAX_ANSWER_BYTES or size > self.max_bytes:
            return False
        self._entries[key] = _Entry(answer, expires_at, size)
        self.size_bytes += size
        while self.size_bytes > self.max_bytes:
            self._drop(next(iter(self._entries)))
        return True

    def flush(self) -> None:
        """Forget everything, also what requests now on their way would bring (AC-13)."""
        self.generation += 1
        self.size_bytes = 0
        self._entries.clear()

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry:
            self.size_bytes -= entry.size_bytes


def cache_key(integration: Integration, request: Request, path_parameters: Mapping[str, str]) -> Key:
    """Method, namespace and the declared parameters: nothing else tells two requests apart (AC-11, AC-18 to AC-20)."""
    parts = [request.method, integration.cache_namespace]
    for name in integration.cache_key:
        source = integration.request_parameters.get(name, name)
        parts += [name, *_values(source, request, path_parameters)]
    # Each part with its length: no value can pretend to be the end of one part and the start of the next.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _values(source: str, request: Request, path_parameters: Mapping[str, str]) -> tuple[str, ...]:
    """The values that a parameter expression names; empty when the request lacks it."""
    if len(source) > 1 and source[0] == source[-1] == "'":
        return ("literal", source[1:-1])
    place, _, name = source.removeprefix("method.request.").partition(".")
    values: dict[str, list[str]] = {
        "header": request.header_values(name)[-1:],
        "multivalueheader": request.header_values(name),
        "querystring": request.query.get(name, [])[-1:],
        "multivaluequerystring": request.query.get(name, []),
        "path": [path_parameters[name]] if name in path_parameters else [],
    }
    found = values.get(place, [])
    return (str(len(found)), *found)


def wants_fresh(request: Request) -> bool:
    """Whether the caller asks for the entry to be replaced: `max-age=0`, no other directive (AC-26, AC-33)."""
    directives = ",".join(request.header_values("cache-control")).lower().split(",")
    return any("".join(directive.split()) == "max-age=0" for directive in directives)


def may_replace(settings: MethodSettings) -> bool:
    """Whether a caller who asks for a fresh answer gets one.

    Nobody but an IAM identity may hold execute-api:InvalidateCache, and no such identity comes through this gateway:
    with authorization required the strategy always applies (AC-28), without it everybody may (AC-32).

    Raises:
        RefusalError: the strategy is to fail (AC-31).
    """
    if not settings.authorization_for_cache_control:
        return True
    if settings.strategy == "FAIL_WITH_403":
        raise RefusalError("ACCESS_DENIED")
    return False


def warns(settings: MethodSettings) -> bool:
    """Whether an ignored wish for a fresh answer is told to the caller (AC-29, AC-30)."""
    return settings.strategy == "SUCCEED_WITH_RESPONSE_HEADER"
