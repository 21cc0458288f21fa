"""A worse network than there is: what goes through it is late, slow, lost, or does not go at all. No sockets."""

import random as _random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

from todo_sdk._errors import ConfigError


@dataclass(frozen=True)
class NetworkProfile:
    """What a network is like.

    Args:
        latency_ms: how much later an answer begins, on top of the real time.
        jitter_ms: up to how much more, evenly spread.
        loss: the part of the requests that fail, 0 to 1; half of them before they arrive, half with the answer lost
            on its way back, when their effect has happened.
        down_kbps: kilobits a second towards this machine, None for no limit; all connections share it.
        up_kbps: the same, away from it.
        offline: nothing goes at all.
    """

    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0
    down_kbps: float | None = None
    up_kbps: float | None = None
    offline: bool = False

    def __post_init__(self) -> None:
        speeds = [speed for speed in (self.down_kbps, self.up_kbps) if speed is not None]
        if self.latency_ms < 0 or self.jitter_ms < 0 or not 0 <= self.loss <= 1 or any(speed <= 0 for speed in speeds):
            raise ConfigError("a network has a latency and jitter of 0 or more, a loss of 0 to 1, and speeds above 0")

    @classmethod
    def named(cls, name: str) -> "NetworkProfile":
        """Give the profile of that name: wifi, 4g, 3g, 2g, flaky or offline.

        Raises:
            ConfigError: there is none.
        """
        if name not in _NAMED:
            raise ConfigError(f"there is no network {name!r}; there are {', '.join(_NAMED)}")
        return _NAMED[name]

    @staticmethod
    def names() -> tuple[str, ...]:
        """Give the names, the best network first."""
        return tuple(_NAMED)


# wifi: WebPageTest's "Cable" connection (5/1 Mbit/s, 28 ms), which is what a phone at home has behind its wifi.
# 4g, 3g, 2g: WebPageTest's "4G" (9 Mbit/s, 170 ms), "3G" (1.6 Mbit/s down, 768 kbit/s up, 300 ms) and "2G"
#   (280/256 kbit/s, 800 ms): https://github.com/WPO-Foundation/webpagetest/blob/master/www/settings/connectivity.ini.sample
# flaky: ours; a 3G network at the edge of a cell: every fifth request fails.
_NAMED: Mapping[str, NetworkProfile] = MappingProxyType(
    {
        "wifi": NetworkProfile(latency_ms=28, jitter_ms=5, down_kbps=5_000, up_kbps=1_000),
        "4g": NetworkProfile(latency_ms=170, jitter_ms=20, down_kbps=9_000, up_kbps=9_000),
        "3g": NetworkProfile(latency_ms=300, jitter_ms=50, down_kbps=1_600, up_kbps=768),
        "2g": NetworkProfile(latency_ms=800, jitter_ms=100, down_kbps=280, up_kbps=256),
        "flaky": NetworkProfile(latency_ms=300, jitter_ms=300, loss=0.2, down_kbps=1_600, up_kbps=768),
        "offline": NetworkProfile(offline=True),
    }
)


class RequestLostError(Exception):
    """The simulated network did not let a request through, or its answer."""


class SimulatedNetwork:
    """A network of that profile; what is late sleeps.

    `profile` may be replaced at any time, as when a train enters a tunnel.
    """

    def __init__(
        self,
        profile: NetworkProfile,
        *,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = _random.random,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.profile = profile
        self._sleep = sleep
        self._random = random
        self._timer = timer
        self._lock = threading.Lock()
        self._free_at = {"up": 0.0, "down": 0.0}

    @contextmanager
    def crossed(self, size_bytes: int) -> Iterator[None]:
        """Let a request of that size go, and its answer come back.

        Raises:
            RequestLostError: it does not arrive; or, after what was done within, its answer does not.
        """
        if self.profile.offline:
            raise RequestLostError("offline")
        fate = self._random()
        late_ms = self.profile.latency_ms + self.profile.jitter_ms * self._random()
        if late_ms:
            self._sleep(late_ms / 1000)
        self._carry("up", self.profile.up_kbps, size_bytes)
        if fate < self.profile.loss / 2:
            raise RequestLostError("the request was lost")
        yield
        if fate < self.profile.loss:
            raise RequestLostError("the answer was lost")

    def arrive(self, size_bytes: int) -> None:
        """Let bytes of an answer in."""
        self._carry("down", self.profile.down_kbps, size_bytes)

    def _carry(self, way: str, kbps: float | None, size_bytes: int) -> None:
        if kbps is None or size_bytes <= 0:
            return
        with self._lock:  # who comes later waits for who came first: the line is one
            now = self._timer()
            done = self._free_at[way] = max(now, self._free_at[way]) + size_bytes * 8 / (kbps * 1000)
        self._sleep(done - now)
