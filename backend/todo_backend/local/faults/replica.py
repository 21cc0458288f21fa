"""Reads of a replica that lags: a change shows some time after it could first have been seen. No I/O."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..asgi import Answer

_MAX_READS: Final = 1000
_MAX_ANSWER_BYTES: Final = 1_048_576


@dataclass
class _Read:
    shown: Answer
    changed_at: float | None = None


class Replica:
    """What reads were answered, by their bodies.

    An answer that was once given is shown until `seconds` after it was first seen to have changed: a state that was
    true, and never one that is older than what was shown before.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._reads: OrderedDict[bytes, _Read] = OrderedDict()

    def forget(self) -> None:
        """Show what is true from now on."""
        self._reads.clear()

    def shown(self, operation: str, body: bytes, fresh: Answer, seconds: float) -> Answer:
        """The answer to a read whose true answer is `fresh`."""
        key = hashlib.sha256(operation.encode() + b"\0" + body).digest()
        read = self._reads.get(key)
        if read is None or self._has_arrived(read, fresh, seconds):
            self._remember(key, fresh)
            return fresh
        return read.shown

    def _has_arrived(self, read: _Read, fresh: Answer, seconds: float) -> bool:
        if read.shown.body == fresh.body:
            return True
        if read.changed_at is None:
            read.changed_at = self._clock()
        return self._clock() - read.changed_at >= seconds

    def _remember(self, key: bytes, answer: Answer) -> None:
        self._reads.pop(key, None)
        if len(answer.body) <= _MAX_ANSWER_BYTES:
            self._reads[key] = _Read(answer)
        while len(self._reads) > _MAX_READS:
            self._reads.popitem(last=False)
