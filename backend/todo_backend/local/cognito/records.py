"""What is remembered of a user, a device, a sign-in and an identity. Plain values, to and from JSON."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self, TypeVar

Kind = TypeVar("Kind", bound="Document")

UNCONFIRMED = "UNCONFIRMED"
CONFIRMED = "CONFIRMED"
FORCE_CHANGE_PASSWORD = "FORCE_CHANGE_PASSWORD"  # noqa: S105 (a status)
RESET_REQUIRED = "RESET_REQUIRED"


@dataclass
class Document:
    """A record that is stored as one JSON object."""

    def document(self) -> dict[str, Any]:
        """The record as JSON types."""
        return asdict(self)

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Self:
        """The record that `document` wrote; fields that it no longer has are left out."""
        names = {item.name for item in fields(cls)}
        return cls(**{name: value for name, value in kept.items() if name in names})


@dataclass
class Secret(Document):
    """What is kept in place of a password; both numbers in hex."""

    salt: str
    verifier: str


@dataclass
class SentCode(Document):
    """A code that was mailed and not used yet; `attribute` is the one it was sent to."""

    digits: str
    sent_at: float
    attribute: str


@dataclass
class Totp(Document):
    """A software token; it counts once it is verified and chosen."""

    secret: str
    verified: bool = False
    enabled: bool = False
    preferred: bool = False
    last_step: int = -1


@dataclass
class Device(Document):
    """A confirmed device; `remembered` decides whether it stands in for MFA."""

    key: str
    group: str
    name: str
    salt: str
    verifier: str
    created_at: float
    seen_at: float
    remembered: bool


@dataclass
class User(Document):
    """One user of a pool.

    Attributes:
        username: never changes; the `sub` where the pool signs in by email or phone (UP-93).
        codes: outstanding codes by purpose: `confirm`, `reset`, `verify:<attribute>`.
        pending: attribute values that wait for their verification.
        history: what came before `secret`, newest first.
        deleted: nothing that is still under way may bring the user back.
    """

    pool_id: str
    username: str
    attributes: dict[str, str]
    status: str
    created_at: float
    modified_at: float
    enabled: bool = True
    secret: Secret | None = None
    password_set_at: float = 0.0
    history: list[Secret] = field(default_factory=list)
    codes: dict[str, SentCode] = field(default_factory=dict)
    pending: dict[str, str] = field(default_factory=dict)
    totp: Totp | None = None
    devices: dict[str, Device] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)
    deleted: bool = False

    @property
    def sub(self) -> str:
        """The user's id."""
        return self.attributes["sub"]

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Self:
        """The user that `document` wrote."""
        user = super().of(kept)
        user.secret = _optional(Secret, user.secret)
        user.totp = _optional(Totp, user.totp)
        user.history = [Secret.of(item) for item in kept.get("history", [])]
        user.codes = {name: SentCode.of(item) for name, item in kept.get("codes", {}).items()}
        user.devices = {name: Device.of(item) for name, item in kept.get("devices", {}).items()}
        return user


@dataclass
class Grant(Document):
    """One sign-in and everything that was issued for it; its id is `origin_jti` (UP-94).

    Attributes:
        generation: of the newest refresh token; the first is 1.
        spent: generations that rotation replaced, with the time each dies (UP-100).
        dead_below: all generations below are dead.
    """

    id: str
    pool_id: str
    client_id: str
    username: str
    authenticated_at: float
    expires_at: float
    device_key: str | None = None
    revoked: bool = False
    generation: int = 1
    dead_below: int = 1
    spent: dict[str, float] = field(default_factory=dict)


@dataclass
class Identity(Document):
    """One identity of an identity pool.

    Attributes:
        logins: provider name to user id.
        roles: the identity's own roles to what each came from.
    """

    id: str
    pool_id: str
    logins: dict[str, str]
    created_at: float
    modified_at: float
    roles: dict[str, str] = field(default_factory=dict)
    disabled: bool = False


def _optional(kind: type[Kind], kept: Any) -> Kind | None:
    return kind.of(kept) if isinstance(kept, dict) else None
