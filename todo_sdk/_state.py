"""What is remembered of a session between two requests and between two runs."""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from todo_sdk._config import Config
from todo_sdk._errors import ServerError

FORMAT = 1  # of what a store keeps; anything else is no session


@dataclass(frozen=True)
class OwnDevice:
    """What this device proves itself with at the user pool (UP-81, UP-84); it belongs to one user."""

    user_pool_id: str
    email: str
    key: str = field(repr=False)
    group_key: str = field(repr=False)
    password: str = field(repr=False)

    @classmethod
    def from_mapping(cls, stored: Mapping[str, Any] | None, config: Config) -> "OwnDevice | None":
        """Read the device of what a store kept; it outlives the session that it came with."""
        found = (stored or {}).get("device")
        if (stored or {}).get("format") != FORMAT or not isinstance(found, Mapping):
            return None
        values = [found.get(each.name) for each in fields(cls)]
        if not all(isinstance(value, str) and value for value in values) or values[0] != config.user_pool_id:
            return None
        return cls(*values)  # type: ignore[arg-type]  # each is a str


@dataclass(frozen=True)
class State:
    """A signed-in user's tokens, and the highest revision that this device has seen; no secret shows in a repr."""

    user_pool_id: str
    user_pool_client_id: str
    user_id: str
    email: str
    id_token: str = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at_seconds: float  # of the id token, by the server's clock
    drift_seconds: float = 0.0  # the server's clock minus ours when the tokens came
    device: OwnDevice | None = field(default=None, repr=False)
    identity_id: str | None = None
    revision: int = 0
    since: int = 0
    since_at: str | None = None

    @property
    def device_key(self) -> str | None:
        """The device that these tokens were given to, which only may renew them (UP-86)."""
        return None if self.device is None else self.device.key

    def to_mapping(self) -> dict[str, Any]:
        """Give the state as a store keeps it."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_mapping(cls, stored: Mapping[str, Any] | None, config: Config) -> "State | None":
        """Read what a store kept; None when that is not a session of this deployment and this format (SE-19)."""
        if not isinstance(stored, Mapping) or stored.get("format") != FORMAT:
            return None
        known = {each.name for each in fields(cls)}
        values = {name: value for name, value in stored.items() if name in known}
        try:
            state = cls(**{**values, "device": OwnDevice.from_mapping(stored, config)})
        except TypeError:
            return None
        return state if state._belongs_to(config) and state._is_sound() else None

    def _belongs_to(self, config: Config) -> bool:
        mine = (self.user_pool_id, self.user_pool_client_id)
        return mine == (config.user_pool_id, config.user_pool_client_id)

    def _is_sound(self) -> bool:
        texts = (self.user_id, self.email, self.id_token, self.access_token, self.refresh_token)
        numbers = (self.expires_at_seconds, self.drift_seconds, self.revision, self.since)
        optional = (self.identity_id, self.since_at)
        return (
            all(isinstance(text, str) for text in texts)
            and all(isinstance(number, int | float) for number in numbers)
            and all(text is None or isinstance(text, str) for text in optional)
        )


def signed_out(device: OwnDevice) -> dict[str, Any]:
    """Give what a store keeps of a session that ended by itself: the device, for the next sign-in."""
    return {"format": FORMAT, "device": asdict(device)}


def claims_of(token: str) -> dict[str, Any]:
    """Read a token's claims without verifying it: it came from Cognito itself, and others decide by it.

    Raises:
        ServerError: it is not a token.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return {**claims, "sub": str(claims["sub"]), "exp": float(claims["exp"]), "iat": float(claims["iat"])}
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ServerError("Cognito gave a token that cannot be read") from error
