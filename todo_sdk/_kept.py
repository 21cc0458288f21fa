"""The session in memory and in its store, which other processes may change at any time. Asks nobody."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from todo_sdk._clock import ServerClock
from todo_sdk._config import Config
from todo_sdk._errors import ConfigError, NotSignedInError
from todo_sdk._state import OwnDevice, State, signed_out
from todo_sdk._store import TokenStore

_log = logging.getLogger("todo_sdk.session")


class KeptSession:
    """One user's session as this process knows it, and as it is stored.

    What is read and then written is done within `alone()`.
    """

    def __init__(self, config: Config, store: TokenStore, clock: ServerClock) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        self.lock = threading.RLock()
        self._state: State | None = None
        self._loaded()

    @property
    def current(self) -> State | None:
        """What this process knows, without reading the store."""
        return self._state

    def signed_in(self) -> State:
        """Give the session; NotSignedInError when there is none, here or in the store."""
        state = self._state
        if state is None:
            with self.lock:  # another process may have signed in since
                state = self._state or self._loaded()
        if state is None:
            raise NotSignedInError("not signed in; run `todo login`, or call auth.sign_in")
        return state

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep the other threads and the other processes out."""
        locked: Callable[[], AbstractContextManager[None]] = getattr(self._store, "locked", nullcontext)
        with self.lock, locked():
            yield

    def reload(self) -> State:
        """Give the newer one of what this process knows and what is stored.

        Raises:
            NotSignedInError: the session was ended elsewhere, or another user's is in its place.
        """
        mine, stored = self.signed_in(), self._stored()
        if stored is None or stored.user_id != mine.user_id:
            self._state = None
            raise NotSignedInError("this session was ended elsewhere; sign in again")
        # the stored one is older when it could not be written last time, on a full disk
        self._state = mine if mine.expires_at_seconds > stored.expires_at_seconds else stored
        return self._state

    def before(self) -> State | None:
        """Give the stored session, which a new one will replace."""
        return self._stored()

    def device(self, email: str) -> OwnDevice | None:
        """Give the device that this user has here, from a session that may be over."""
        found = OwnDevice.from_mapping(self._store.load(), self._config)
        return found if found is not None and found.email.casefold() == email.casefold() else None

    def begin(self, state: State) -> None:
        """Keep a new session; ConfigError when it cannot be stored."""
        self._store.save(state.to_mapping())
        self._state = state

    def keep(self, state: State) -> None:
        """Keep a changed session. One that cannot be stored is not lost for this process, and is no error."""
        self._state = state
        try:
            self._store.save(state.to_mapping())
        except ConfigError as error:
            _log.warning("%s", error)

    def forget(self, *, keep_device: bool) -> None:
        """Forget the session; the device may stay for the next sign-in."""
        state, self._state = self._state, None
        device = None if state is None else state.device
        if keep_device and device is not None:
            self._store.save(signed_out(device))
        else:
            self._store.clear()

    def remember(self, **facts: Any) -> None:
        """Add facts to the session, on top of what another process may have written.

        A store that cannot be written does not turn what the service has done already into an error.
        """
        with self.lock:
            mine = self.signed_in()
            if all(getattr(mine, name) == value for name, value in facts.items()):
                return
            self._state = replace(mine, **facts)
            try:
                with self.alone():
                    self._merge(mine, facts)
            except ConfigError as error:
                _log.warning("%s", error)

    def _merge(self, mine: State, facts: Mapping[str, Any]) -> None:
        stored = self._stored()
        if stored is None or stored.user_id != mine.user_id:
            return  # ended elsewhere: nothing is brought back to life
        newest = mine if mine.expires_at_seconds > stored.expires_at_seconds else stored
        revision = max(stored.revision, mine.revision, facts.get("revision", 0))
        self.keep(replace(newest, **{**facts, "revision": revision}))

    def _loaded(self) -> State | None:
        self._state = self._stored()
        if self._state is not None:
            self._clock.remembered(self._state.drift_seconds)
        return self._state

    def _stored(self) -> State | None:
        return State.from_mapping(self._store.load(), self._config)
