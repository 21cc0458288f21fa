"""The client: wires the storeys below, and does nothing itself.

What asks somebody is made when it is first used: a replica is mostly read by a process that asks nobody.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from datetime import tzinfo
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from todo_sdk._clock import ServerClock
from todo_sdk._config import Config
from todo_sdk._errors import ConfigError
from todo_sdk._late import made_late
from todo_sdk._models import Change, SyncResult
from todo_sdk._session import Session
from todo_sdk._store import TokenStore
from todo_sdk._store_choice import store_for

if TYPE_CHECKING:
    import requests

    from todo_sdk._auth import Auth
    from todo_sdk._cognito import Cognito
    from todo_sdk._files import Files
    from todo_sdk._http import Http
    from todo_sdk._network import NetworkProfile, SimulatedNetwork
    from todo_sdk._replica import Replica
    from todo_sdk._retry import Retries
    from todo_sdk._todos import Todos
    from todo_sdk._traffic import RequestEvent, Traffic


class TodoClient:
    """One user's MyTodoList: `auth` to sign in, `todos` and `files` to use, `replica` for to-dos without a network.

    May be shared by threads.

    Args:
        config: which deployment; `TodoClient.from_profile()` finds it.
        store: where the session is kept; else the place that `config.token_store` says.
        http: what asks the REST API; one of the client's own if none is given.
        clock: seconds since the epoch.
        zone: in which the user's days begin and recurring times keep their hour; the machine's own if none is given.
        network: a worse network to simulate, say `NetworkProfile.named("3g")`; for all that the client asks.
        on_request: called with a `RequestEvent` after each request, in the thread that sent it.
    """

    def __init__(
        self,
        config: Config,
        *,
        store: TokenStore | None = None,
        http: requests.Session | None = None,
        clock: Callable[[], float] = time.time,
        zone: tzinfo | None = None,
        network: NetworkProfile | SimulatedNetwork | None = None,
        on_request: Callable[[RequestEvent], object] | None = None,
    ) -> None:
        if config.missing:
            raise ConfigError(
                f"{config.missing[0]} is not known; take fetch_config({config.api_url!r}), or run `todo configure"
                f" --api-url {config.api_url}`"
            )
        self.config = config
        self._server_clock = ServerClock(clock)
        self._simulated, self._on_request = network, on_request
        self._http = made_late(lambda: self._made_http(http))
        self._cognito = made_late(self._made_cognito)
        kept = store_for(config) if store is None else store
        self._session = Session(config, kept, self._http, self._cognito, self._server_clock)
        self._clock = clock
        self._zone = zone
        self._replicas: dict[str, Replica] = {}
        self._opening = threading.Lock()

    @classmethod
    def from_profile(
        cls,
        profile: str | None = None,
        *,
        network: NetworkProfile | SimulatedNetwork | None = None,
        on_request: Callable[[RequestEvent], object] | None = None,
    ) -> TodoClient:
        """Make a client for a profile: the named one, `TODO_PROFILE`, or the default one.

        When no more than the API's address is known, the API is asked for the rest. `network` and `on_request` are the
        client's own.

        Raises:
            ConfigError: no such profile, or no address; says where it was looked for.
        """
        config = Config.load(profile)
        if config.missing:
            from todo_sdk._discovery import completed

            config = completed(config)
        return cls(config, network=network, on_request=on_request)

    @cached_property
    def auth(self) -> Auth:
        """Signing up, in and out."""
        from todo_sdk._auth import Auth

        return Auth(self._cognito, self._session, self._erase)

    @cached_property
    def todos(self) -> Todos:
        """The signed-in user's to-dos, asked of the service each time."""
        from todo_sdk._todos import Todos

        return Todos(self._session, self._clock, self._zone)

    @cached_property
    def files(self) -> Files:
        """The files in the signed-in user's own folder."""
        from todo_sdk._files import Files

        return Files(self.config, self._session, self.todos, self._traffic)

    @property
    def replica(self) -> Replica:
        """The signed-in user's to-dos on this machine, with and without a network; opened at the first use.

        Raises:
            NotSignedInError: nobody is signed in.
            ReplicaError: its file cannot be used; says what to do.
        """
        user_id = self._session.user().user_id
        with self._opening:
            if user_id not in self._replicas:
                from todo_sdk._replica import Replica  # online-only use needs no database

                owner = f"{self.config.user_pool_id}/{user_id}"
                self._replicas[user_id] = Replica(
                    self._session, self.config.replicas_path, owner, clock=self._clock, zone=self._zone
                )
            return self._replicas[user_id]

    def sync(self, changes: Iterable[Change] = ()) -> SyncResult:
        """Push up to 25 changes and pull what changed since the last sync, for an app that keeps its own copy.

        The next sync begins after these changes only when `synced` was told that they are taken in.
        """
        return self.todos.sync(changes)

    def synced(self, result: SyncResult) -> None:
        """Remember that the changes of a sync have been taken in."""
        self.todos.synced(result)

    @cached_property
    def _traffic(self) -> Traffic:
        from todo_sdk._traffic import Traffic

        return Traffic(clock=self._server_clock, network=self._simulated, on_request=self._on_request)

    @cached_property
    def _retries(self) -> Retries:
        from todo_sdk._retry import Retries

        return Retries()

    def _made_http(self, session: requests.Session | None) -> Http:
        from todo_sdk._http import Http

        trusted = self.config.trusted
        return Http(self.config.api_url, session, trusted=trusted, retries=self._retries, traffic=self._traffic)

    def _made_cognito(self) -> Cognito:
        from todo_sdk._cognito import Cognito

        return Cognito(self.config, retries=self._retries, traffic=self._traffic)

    def _erase(self) -> None:
        for file in list(self.files.list()):
            self.files.remove(file.key)
        for todo in list(self.todos.list()):
            self.todos.remove(todo.id)

    def close(self) -> None:
        """Close the connections and the replica."""
        self._http.close()
        for replica in self._replicas.values():
            replica.close()
        if "_traffic" in self.__dict__:
            self._traffic.close()

    def __enter__(self) -> TodoClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
