"""Who is signed in. Tokens and credentials are renewed here and nowhere else, one renewal at a time.

Several threads and several processes may share a session: before a renewal the store is read again, for somebody else
may have renewed already. Nothing but `highest revision seen` and the sync position is kept beside the tokens.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from todo_sdk._config import Config
from todo_sdk._errors import ConfigError, NotSignedInError, TodoError
from todo_sdk._models import User
from todo_sdk._state import State, claims_of
from todo_sdk._store import TokenStore

if TYPE_CHECKING:
    from todo_sdk._aws import AwsCredentials
    from todo_sdk._cognito import Cognito, Tokens
    from todo_sdk._http import Answer, Http, Request  # which loads requests; only asking needs it

RENEW_BEFORE_SECONDS = 60.0
RENEW_CREDENTIALS_BEFORE_SECONDS = 300.0  # a multipart upload signs its parts over minutes

_log = logging.getLogger("todo_sdk.session")


class Session:
    """One user's session on one deployment."""

    def __init__(
        self, config: Config, store: TokenStore, http: Http, cognito: Cognito, clock: Callable[[], float]
    ) -> None:
        self._config = config
        self._store = store
        self._http = http
        self._cognito = cognito
        self._clock = clock
        self._lock = threading.RLock()
        self._credentials: AwsCredentials | None = None
        self._state = State.from_mapping(store.load(), config)

    def begin(self, tokens: Tokens, email: str) -> User:
        """Start a session with the tokens of a sign-in, in place of the one before."""
        claims = claims_of(tokens.id_token)
        state = State(
            user_pool_id=self._config.user_pool_id,
            user_pool_client_id=self._config.user_pool_client_id,
            user_id=claims["sub"],
            email=str(claims.get("email", email)),
            id_token=tokens.id_token,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token or "",
            device_key=tokens.device_key,
            expires_at_seconds=claims["exp"],
            drift_seconds=claims["iat"] - self._clock(),
        )
        with self._lock, self._others_kept_out():
            before = State.from_mapping(self._store.load(), self._config)
            if before is not None and before.user_id == state.user_id:
                state = replace(state, revision=before.revision, since=before.since, since_at=before.since_at)
            self._credentials = None
            self._keep(state)
        return User(state.user_id, state.email)

    def end(self) -> bool:
        """Revoke and forget; gives whether Cognito was told. Forgetting works without a network, too."""
        with self._lock, self._others_kept_out():
            state = State.from_mapping(self._store.load(), self._config) or self._state
            self._forget()
        if state is None:
            return False
        try:
            self._cognito.revoke(state.refresh_token)
        except TodoError as error:
            _log.debug("the refresh token could not be revoked: %s", error)
            return False
        return True

    def user(self) -> User:
        """Tell who is signed in; NotSignedInError when nobody is."""
        state = self._signed_in()
        return User(state.user_id, state.email)

    def ask(self, request: Request) -> Answer:
        """Ask the API as the signed-in user, and remember the highest revision that it told of.

        A token that the API calls expired or unknown is renewed, once.
        """
        request = self._with_min_revision(request)
        token = self.id_token()
        try:
            answer = self._http.ask(request, token)
        except NotSignedInError:
            answer = self._http.ask(request, self._renewed(token))
        self._saw(_revision_of(answer))
        return answer

    def id_token(self) -> str:
        """Give an id token that is good for another minute at least."""
        state = self._signed_in()
        return state.id_token if self._is_fresh(state) else self._renewed(state.id_token)

    def renew(self) -> None:
        """Renew the tokens now."""
        self._renewed(self._signed_in().id_token)

    def identity_id(self) -> str:
        """Give the id of the user's identity, which is the name of the folder in S3."""
        with self._lock:
            known = self._signed_in().identity_id
            if known is not None:
                return known
            identity_id = self._cognito.identity_id(self.id_token())
            self._remember(identity_id=identity_id)
            return identity_id

    def credentials(self) -> AwsCredentials:
        """Give credentials for the user's own folder that are good for some minutes at least; kept in memory only."""
        with self._lock:
            drift = self._signed_in().drift_seconds
            now = self._clock() + drift
            if self._credentials is None or self._credentials.expires_at.timestamp() - now < (
                RENEW_CREDENTIALS_BEFORE_SECONDS
            ):
                identity_id, self._credentials = self._cognito.credentials(self.identity_id(), self.id_token())
                self._remember(identity_id=identity_id)
            return self._credentials

    def revision(self) -> int:
        """Give the highest revision that this device has seen."""
        return self._signed_in().revision

    def sync_position(self) -> tuple[int, str | None]:
        """Give the revision up to which this device has synced, and the server's time then."""
        state = self._signed_in()
        return state.since, state.since_at

    def synced(self, since: int, since_at: str | None) -> None:
        """Remember how far this device has synced."""
        self._remember(since=since, since_at=since_at)

    def _signed_in(self) -> State:
        state = self._state
        if state is None:
            with self._lock:  # another process may have signed in since
                state = self._state = self._state or State.from_mapping(self._store.load(), self._config)
        if state is None:
            raise NotSignedInError("not signed in; run `todo login`, or call auth.sign_in")
        return state

    def _is_fresh(self, state: State) -> bool:
        # SE-32: by the server's clock, as far as it was known when the tokens came
        return state.expires_at_seconds - (self._clock() + state.drift_seconds) >= RENEW_BEFORE_SECONDS

    def _renewed(self, refused: str) -> str:
        """Give another id token than the refused one: somebody else's renewal, or our own."""
        with self._lock, self._others_kept_out():
            state = self._reloaded()
            if state.id_token == refused or not self._is_fresh(state):
                state = self._refresh(state)
            self._state = state
            return state.id_token

    def _reloaded(self) -> State:
        mine, stored = self._signed_in(), State.from_mapping(self._store.load(), self._config)
        if stored is None or stored.user_id != mine.user_id:
            self._state, self._credentials = None, None
            raise NotSignedInError("this session was ended elsewhere; sign in again")
        return stored

    def _refresh(self, state: State) -> State:
        try:
            tokens = self._cognito.refresh(state.refresh_token, state.device_key)
        except NotSignedInError:
            self._forget()
            raise
        claims = claims_of(tokens.id_token)
        state = replace(
            state,
            id_token=tokens.id_token,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token or state.refresh_token,
            expires_at_seconds=claims["exp"],
            drift_seconds=claims["iat"] - self._clock(),
        )
        self._keep(state)
        return state

    def _with_min_revision(self, request: Request) -> Request:
        revision = self._signed_in().revision
        return replace(request, headers={**request.headers, "X-Min-Revision": str(revision)}) if revision else request

    def _saw(self, revision: int) -> None:
        state = self._state
        if state is not None and revision > state.revision:
            self._remember(revision=revision)

    def _remember(self, **facts: Any) -> None:
        """Add facts to the session, on top of what another process may have written.

        A store that cannot be written does not turn what the service has done already into an error.
        """
        with self._lock:
            mine = self._signed_in()
            if all(getattr(mine, name) == value for name, value in facts.items()):
                return
            self._state = replace(mine, **facts)
            try:
                with self._others_kept_out():
                    self._merge(mine, facts)
            except ConfigError as error:
                _log.warning("%s", error)

    def _merge(self, mine: State, facts: Mapping[str, Any]) -> None:
        stored = State.from_mapping(self._store.load(), self._config)
        if stored is None or stored.user_id != mine.user_id:
            return  # ended elsewhere: nothing is brought back to life
        revision = max(stored.revision, mine.revision, facts.get("revision", 0))
        self._keep(replace(stored, **{**facts, "revision": revision}))

    def _keep(self, state: State) -> None:
        self._store.save(state.to_mapping())
        self._state = state

    def _forget(self) -> None:
        self._state, self._credentials = None, None
        self._store.clear()

    def _others_kept_out(self) -> AbstractContextManager[None]:
        locked: Callable[[], AbstractContextManager[None]] = getattr(self._store, "locked", nullcontext)
        return locked()


def _revision_of(answer: Answer) -> int:
    said = answer.headers.get("x-revision") or answer.body.get("revision") or 0
    try:
        return int(said)
    except (TypeError, ValueError):
        return 0
