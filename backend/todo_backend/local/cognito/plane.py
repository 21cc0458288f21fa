"""What all operations share: state, configuration, clock, randomness, mail and the one thread that calculates."""

import asyncio
import hashlib
import hmac
import inspect
import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from .clients import ClientSettings
from .directory import Control, Directory
from .errors import CognitoError
from .identities import Identities
from .lockout import Lockouts, Windows
from .sessions import Challenges
from .store import open_store
from .tokens import PoolKeys, SigningKey
from .users import Grants, Users

Mailer = Callable[[str, str, str], Awaitable[None] | None]
Parameters = dict[str, Any]
Answer = dict[str, Any]
Result = TypeVar("Result")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Quotas:
    """Requests a second, for the whole account and for one user; AWS's defaults (UP-08, IP-33)."""

    user_authentication: int = 120
    user_creation: int = 50
    user_account_recovery: int = 30
    user_profile: int = 10  # each of one user's reads and writes; AWS does not raise it
    identity: int = 25
    identity_credentials: int = 200


@dataclass(frozen=True)
class Surroundings:
    """What the service is given and cannot know by itself.

    Attributes:
        control: the AWS control plane, with the account owner's rights.
        mailer: takes to, subject and text; may be a coroutine function.
        state_dir: where it keeps its state; None keeps nothing.
        clock: seconds since 1970.
        random: n random bytes.
    """

    control: Control
    mailer: Mailer
    state_dir: Path | None = None
    clock: Callable[[], float] = time.time
    random: Callable[[int], bytes] = os.urandom
    quotas: Quotas = field(default_factory=Quotas)


class Plane:
    """The service's state and surroundings."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.control = around.control
        self.now = around.clock
        self.random = around.random
        self.store = open_store(around.state_dir)
        self.clients = ClientSettings(self.store)
        self.directory = Directory(around.control, self.clients.completed)
        self.users = Users(self.store)
        self.grants = Grants(self.store)
        self.identities = Identities(self.store)
        self.lockouts = Lockouts()
        self.windows = Windows()
        self.challenges = Challenges()
        # One thread: pow() holds the interpreter's lock; more of them would only keep the event loop waiting longer.
        self._calculator = ThreadPoolExecutor(1, thread_name_prefix="cognito")
        self._keys: dict[str, asyncio.Task[PoolKeys]] = {}
        self._identity_key: asyncio.Task[SigningKey] | None = None
        self._restore()

    def _restore(self) -> None:
        for kind, key, value in self.store.load():
            if kind == "user":
                self.users.restore(value)
            elif kind == "grant":
                self.grants.restore(value, self.now())
            elif kind == "identity":
                self.identities.restore(value)
            elif kind == "client":
                self.clients.restore(key, value)
            else:
                _log.warning("record %s/%s is of an unknown kind and left alone", kind, key)

    async def compute(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """The function's result, calculated off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._calculator, function, *arguments)

    async def keys(self, pool_id: str) -> PoolKeys:
        """The keys of the user pool, made at its first use."""
        if pool_id not in self._keys:
            self._keys[pool_id] = asyncio.ensure_future(self.compute(self._load_keys, pool_id))
        try:
            return await asyncio.shield(self._keys[pool_id])
        except Exception:
            self._keys.pop(pool_id, None)
            raise

    async def identity_key(self) -> SigningKey:
        """The key with which the identity pools sign (IP-23)."""
        if self._identity_key is None:
            self._identity_key = asyncio.ensure_future(self.compute(self._load_identity_key))
        return await asyncio.shield(self._identity_key)

    async def mail(self, to: str, subject: str, text: str) -> None:
        """Send a mail.

        Raises:
            CognitoError: CodeDeliveryFailureException, it could not be sent.
        """
        try:
            sent = self.around.mailer(to, subject, text)
            if inspect.isawaitable(sent):
                await sent
        except Exception as error:
            _log.exception("a mail could not be sent")
            raise CognitoError("CodeDeliveryFailureException", "Failed to deliver the message.") from error

    def uuid(self) -> str:
        """A new random id."""
        return str(uuid.UUID(bytes=self.random(16), version=4))

    def throttle(self, name: tuple[str, ...], limit: int, seconds: float = 1.0) -> None:
        """Count a request of a category.

        Raises:
            CognitoError: TooManyRequestsException, there were too many (UP-08).
        """
        if not self.windows.allow(name, limit, seconds, self.now()):
            raise CognitoError("TooManyRequestsException", "Rate exceeded")

    def close(self) -> None:
        """Let the thread end."""
        # It may be writing keys, and the state directory is another process' as soon as this one is said to have ended.
        self._calculator.shutdown(wait=True, cancel_futures=True)

    def _load_keys(self, pool_id: str) -> PoolKeys:
        name = f"{pool_id}.json"
        kept = self.store.read_key(name)
        if kept is not None:
            return PoolKeys.from_text(kept)
        made = PoolKeys.generate(self.random(32))
        self.store.write_key(name, made.text())
        return made

    def _load_identity_key(self) -> SigningKey:
        kept = self.store.read_key("identity.pem")
        if kept is not None:
            return SigningKey.from_pem(kept)
        made = SigningKey.generate()
        self.store.write_key("identity.pem", made.pem())
        return made


def derived(secret: bytes, *names: str, size: int = 16) -> bytes:
    """Bytes that are always the same for these names and look random to who has no secret (UP-55)."""
    seed = hmac.digest(secret, "\0".join(names).encode(), "sha256")
    return hashlib.shake_256(seed).digest(size)


Operation = Callable[[Plane, Parameters], Awaitable[Answer]]
