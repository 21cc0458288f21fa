"""A session in the system's keyring: macOS Keychain, Windows Credential Locker, Secret Service.

Importing this does not load `keyring`, which is in the extra `secure`; looking for one that works does.
"""

import json
import logging
import secrets
import threading
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from todo_sdk._errors import ConfigError
from todo_sdk._lock import FileLock
from todo_sdk._store import make_private_folder

SERVICE = "todo-sdk"
# Windows' Credential Locker takes 2560 bytes, in UTF-16 (CRED_MAX_CREDENTIAL_BLOB_SIZE, wincred.h)
MOST_CHARS_PER_ENTRY = 1200
LONGEST_PROBE_SECONDS = 3.0
_MOST_PARTS = 64
_READ_TRIES = 3
# those that can be looked at without asking the user anything; KWallet opens a window
_TRUSTED = ("keyring.backends.macOS", "keyring.backends.Windows", "keyring.backends.SecretService")

_log = logging.getLogger("todo_sdk.store")


class Keyring(Protocol):
    """As much of `keyring.backend.KeyringBackend` as is used."""

    def get_password(self, service: str, username: str) -> str | None:
        """Give an entry, or None."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep an entry."""

    def delete_password(self, service: str, username: str) -> None:
        """Remove an entry; an error when there is none."""


class NoKeyringError(Exception):
    """There is no keyring that works here without asking anybody; the text says why."""


class KeyringTokenStore:
    """A session in entries of a keyring, each small enough for all of them.

    The first entry names the others, which are new with each save: a reader sees the session before or the one after.
    """

    def __init__(self, keyring: Keyring, name: str, *, lock: Path) -> None:
        self._keyring = keyring
        self._name = name
        self._lock = lock

    def __repr__(self) -> str:
        return f"KeyringTokenStore({self._name!r})"

    def load(self) -> Mapping[str, Any] | None:
        """Give the session; None when there is none, or what is there is not a session."""
        for _ in range(_READ_TRIES):  # a save may be going on
            head = self._get(self._name)
            if head is None:
                return None
            parts = [self._get(name) for name in self._parts(head)]
            if parts and all(part is not None for part in parts):
                return _read("".join(part or "" for part in parts))
        return None

    def save(self, session: Mapping[str, Any]) -> None:
        """Keep this session instead of the one before, all of it or nothing.

        Raises:
            ConfigError: the keyring does not take it.
        """
        text = b64encode(zlib.compress(json.dumps(session).encode(), 9)).decode()
        parts = [text[start : start + MOST_CHARS_PER_ENTRY] for start in range(0, len(text), MOST_CHARS_PER_ENTRY)]
        before = self._parts(self._get(self._name))
        head = f"1 {secrets.token_hex(8)} {len(parts)}"
        with _said_plainly():
            for name, part in zip(self._parts(head), parts, strict=True):
                self._keyring.set_password(SERVICE, name, part)
            self._keyring.set_password(SERVICE, self._name, head)
        self._remove(before)

    def clear(self) -> None:
        """Forget the session."""
        parts = self._parts(self._get(self._name))
        self._remove([self._name, *parts])

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out between a load and the save that depends on it."""
        with make_private_folder(self._lock):
            lock = FileLock(self._lock)
            lock.take()
        try:
            yield
        finally:
            lock.give_back()

    def _parts(self, head: str | None) -> list[str]:
        version, _, rest = (head or "").partition(" ")
        mark, _, count = rest.partition(" ")
        if version != "1" or not (count.isascii() and count.isdigit()) or int(count) > _MOST_PARTS:
            return []
        return [f"{self._name} {mark} {number}" for number in range(int(count))]

    def _get(self, name: str) -> str | None:
        try:
            return self._keyring.get_password(SERVICE, name)
        except Exception as error:  # noqa: BLE001 - each backend has errors of its own
            _log.warning("the keyring cannot be read (%s)", type(error).__name__)
            return None

    def _remove(self, names: list[str]) -> None:
        for name in names:
            try:
                self._keyring.delete_password(SERVICE, name)
            except Exception as error:  # noqa: BLE001 - as above; mostly it is not there
                _log.debug("an entry of the keyring was not removed (%s)", type(error).__name__)


def _read(text: str) -> Mapping[str, Any] | None:
    try:
        session = json.loads(zlib.decompress(b64decode(text)))
    except (ValueError, zlib.error):
        return None
    return session if isinstance(session, dict) else None


@contextmanager
def _said_plainly() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise ConfigError(
            f"the session cannot be kept in the keyring ({type(error).__name__}); set TODO_TOKEN_STORE=file"
        ) from error


def working_keyring(load: Callable[[], Any] | None = None, timeout_seconds: float = LONGEST_PROBE_SECONDS) -> Keyring:
    """Give the system's keyring, after it has kept and given back an entry.

    Nobody is asked anything, and one that does not answer is left after a few seconds.

    Raises:
        NoKeyringError: there is none that does.
    """
    if load is None:
        if find_spec("keyring") is None:
            raise NoKeyringError("the library keyring is not installed (pip install 'todo-sdk[secure]')")
        load = _system_keyring
    found: list[Any] = []

    def probe() -> None:
        try:
            found.append(_probed(load()))
        except Exception as error:  # noqa: BLE001 - each backend has errors of its own
            found.append(error if isinstance(error, NoKeyringError) else NoKeyringError(_why_not(error)))

    # a daemon: the one that hangs must not keep the program from ending
    thread = threading.Thread(target=probe, name="todo-sdk keyring probe", daemon=True)
    thread.start()
    thread.join(timeout_seconds)
    if not found:
        raise NoKeyringError(f"the keyring does not answer within {timeout_seconds:.0f} seconds")
    if isinstance(found[0], NoKeyringError):
        raise found[0]
    keyring: Keyring = found[0]
    return keyring


def _why_not(error: Exception) -> str:
    return f"the keyring does not work ({type(error).__name__})"


def _system_keyring() -> Any:
    import keyring
    from keyring.backends.chainer import ChainerBackend

    backend = keyring.get_keyring()
    backends = list(backend.backends) if isinstance(backend, ChainerBackend) else [backend]
    trusted = next((each for each in backends if type(each).__module__ in _TRUSTED), None)
    if trusted is None:
        raise NoKeyringError("this machine has no keyring that can be used without asking")
    if type(trusted).__module__ == "keyring.backends.SecretService":
        _check_unlocked()
    return trusted


def _check_unlocked() -> None:
    """Refuse a locked collection: using it would open a window, and hang where there is none."""
    import secretstorage

    with closing(secretstorage.dbus_init()) as bus:
        path = "/org/freedesktop/secrets/aliases/default"
        if secretstorage.Collection(bus, path).is_locked():
            raise NoKeyringError("the keyring is locked")


def _probed(keyring: Any) -> Any:
    name, word = f"probe {secrets.token_hex(4)}", secrets.token_hex(4)
    keyring.set_password(SERVICE, name, word)
    kept = keyring.get_password(SERVICE, name)
    keyring.delete_password(SERVICE, name)
    if kept != word:
        raise NoKeyringError("the keyring does not keep what it is given")
    return keyring
