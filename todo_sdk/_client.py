"""The client: wires the storeys below, and does nothing itself."""

import time
from collections.abc import Callable, Iterable
from types import TracebackType

import requests

from todo_sdk._auth import Auth
from todo_sdk._clock import ServerClock
from todo_sdk._cognito import Cognito
from todo_sdk._config import Config
from todo_sdk._discovery import completed
from todo_sdk._errors import ConfigError
from todo_sdk._files import Files
from todo_sdk._http import Http
from todo_sdk._models import Change, SyncResult
from todo_sdk._network import NetworkProfile, SimulatedNetwork
from todo_sdk._retry import Retries
from todo_sdk._session import Session
from todo_sdk._store import TokenStore
from todo_sdk._store_choice import store_for
from todo_sdk._todos import Todos
from todo_sdk._traffic import RequestEvent, Traffic


class TodoClient:
    """One user's MyTodoList: `auth` to sign in, `todos` and `files` to use, `sync` for devices that were away.

    May be shared by threads.

    Args:
        config: which deployment; `TodoClient.from_profile()` finds it.
        store: where the session is kept; else the place that `config.token_store` says.
        http: what asks the REST API; one of the client's own if none is given.
        clock: seconds since the epoch.
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
        network: NetworkProfile | SimulatedNetwork | None = None,
        on_request: Callable[[RequestEvent], object] | None = None,
    ) -> None:
        if config.missing:
            raise ConfigError(
                f"{config.missing[0]} is not known; take fetch_config({config.api_url!r}), or run `todo configure"
                f" --api-url {config.api_url}`"
            )
        self.config = config
        self._traffic = traffic = Traffic(clock=ServerClock(clock), network=network, on_request=on_request)
        retries = Retries()
        self._http = Http(config.api_url, http, trusted=config.trusted, retries=retries, traffic=traffic)
        cognito = Cognito(config, retries=retries, traffic=traffic)
        kept = store_for(config) if store is None else store
        session = Session(config, kept, self._http, cognito, traffic.clock)
        self.auth = Auth(cognito, session, self._erase)
        self.todos = Todos(session, clock)
        self.files = Files(config, session, self.todos, traffic)

    @classmethod
    def from_profile(
        cls,
        profile: str | None = None,
        *,
        network: NetworkProfile | SimulatedNetwork | None = None,
        on_request: Callable[[RequestEvent], object] | None = None,
    ) -> "TodoClient":
        """Make a client for a profile: the named one, `TODO_PROFILE`, or the default one.

        When no more than the API's address is known, the API is asked for the rest. `network` and `on_request` are the
        client's own.

        Raises:
            ConfigError: no such profile, or no address; says where it was looked for.
        """
        config = Config.load(profile)
        config = completed(config) if config.missing else config
        return cls(config, network=network, on_request=on_request)

    def sync(self, changes: Iterable[Change] = ()) -> SyncResult:
        """Push up to 25 changes and pull what changed since the last sync, in one request."""
        return self.todos.sync(changes)

    def _erase(self) -> None:
        for file in list(self.files.list()):
            self.files.remove(file.key)
        for todo in list(self.todos.list()):
            self.todos.remove(todo.id)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        self._traffic.close()

    def __enter__(self) -> "TodoClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
