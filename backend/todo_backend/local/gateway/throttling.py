"""Token buckets: per method, per stage, and the account's. No clock of its own, no waiting."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from .configuration import Stage
from .ports import Clock
from .refusals import RefusalError

ACCOUNT_RATE_PER_SECOND: Final = 10_000.0  # AG-28
ACCOUNT_BURST: Final = 5_000
MAX_BUCKETS: Final = 10_000

BucketKey = tuple[str, str, str, str]


@dataclass(slots=True)
class Bucket:
    """Tokens come at a rate up to the burst; each request takes one."""

    rate_per_second: float
    burst: int
    tokens: float
    filled_at: float

    def take(self, now: float) -> bool:
        """Take a token if there is one. A clock that was moved back adds nothing."""
        self.tokens = min(self.burst, self.tokens + max(0.0, now - self.filled_at) * self.rate_per_second)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Throttle:
    """The buckets of all stages; a method without settings of its own shares its stage's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: OrderedDict[BucketKey, Bucket] = OrderedDict()
        self._account = Bucket(ACCOUNT_RATE_PER_SECOND, ACCOUNT_BURST, ACCOUNT_BURST, clock())

    def admit(self, api_id: str, stage: Stage, path: str, method: str) -> None:
        """Count a request.

        Raises:
            RefusalError: over the rate and the burst of the method, the stage or the account (AG-28).
        """
        now = self._clock()
        key, settings = stage.settings_of(path, method)
        if settings.rate_per_second is not None and settings.burst is not None:
            bucket = self._bucket((api_id, stage.name, *key), settings.rate_per_second, settings.burst, now)
            if not bucket.take(now):
                raise RefusalError("THROTTLED")
        if not self._account.take(now):
            raise RefusalError("THROTTLED")

    def _bucket(self, key: BucketKey, rate: float, burst: int, now: float) -> Bucket:
        bucket = self._buckets.get(key)
        if bucket is None or (bucket.rate_per_second, bucket.burst) != (rate, burst):
            bucket = self._buckets[key] = Bucket(rate, burst, burst, now)
            if len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
        return bucket
