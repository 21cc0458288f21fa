"""Challenges that wait for their answer: of whom, until when, and whether they were answered. In memory only."""

from collections import OrderedDict
from dataclasses import dataclass

from .srp import Exchange

_MAX_OPEN = 10_000
_KEPT_AFTER_SECONDS = 900.0  # how long an ended session is still told from a made-up one


@dataclass
class Challenge:
    """One open challenge.

    Attributes:
        name: the ChallengeName that it asks to be answered.
        username: of the user, or what was typed when there is none (UP-55).
        flow: `srp`, `password` or `admin`: how the password was proved (UP-87, UP-88).
        device_key: the device that the client says it is.
        exchange: the SRP values, for the two challenges that carry a SECRET_BLOCK.
        stage: how far MFA_SETUP has come: empty, `associated` or `verified`.
    """

    name: str
    pool_id: str
    client_id: str
    username: str
    flow: str
    device_key: str | None = None
    exchange: Exchange | None = None
    stage: str = ""
    expires_at: float = 0.0
    used: bool = False


class Challenges:
    """Open challenges by the opaque text that the client gives back: `Session`, or SECRET_BLOCK."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Challenge] = OrderedDict()

    def add(self, handle: str, challenge: Challenge, now: float) -> None:
        """Remember the challenge; the oldest go when there are too many."""
        self._open[handle] = challenge
        while self._open and (len(self._open) > _MAX_OPEN or self._is_stale(now)):
            self._open.popitem(last=False)

    def get(self, handle: str) -> Challenge | None:
        """The challenge, also when it has expired or was answered."""
        return self._open.get(handle)

    def waiting_device(self, client_id: str, username: str, device_key: str) -> Challenge | None:
        """The newest open DEVICE_SRP_AUTH of that device, for clients that send no Session (UP-84)."""
        wanted = (client_id, username, device_key)
        for challenge in reversed(self._open.values()):
            named = (challenge.client_id, challenge.username, challenge.device_key)
            if challenge.name == "DEVICE_SRP_AUTH" and named == wanted and not challenge.used:
                return challenge
        return None

    def _is_stale(self, now: float) -> bool:
        return next(iter(self._open.values())).expires_at + _KEPT_AFTER_SECONDS < now
