"""Who is signed in. Tokens and credentials are renewed here and nowhere else, one renewal at a time.

Several threads and several processes may share a session: before a renewal the store is read again, for somebody else
may have renewed already. Nothing but `highest revision seen` and the sync position is kept beside the tokens.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from todo_sdk._clock import ServerClock
from todo_sdk._config import Config
from todo_sdk._errors import NotSignedInError, TodoError, TransportError
from todo_sdk._kept import KeptSession
from todo_sdk._models import User
from todo_sdk._state import OwnDevice, State, claims_of
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

    def __init__(self, config: Config, store: TokenStore, http: Http, cognito: Cognito, clock: ServerClock) -> None:
        self._config = config
        self._http = http
        self._cognito = cognito
        self._clock = clock
        self._kept = KeptSession(config, store, clock)
        self._credentials: AwsCredentials | None = None

    def begin(self, tokens: Tokens, email: str) -> User:
        """Start a session with the tokens of a sign-in, in place of the one before.

        Another user's session is ended, so that nothing of it stays alive that nobody holds any more.
        """
        claims = claims_of(tokens.id_token)
        self._clock.told(claims["iat"])
        state = State(
            user_pool_id=self._config.user_pool_id,
            user_pool_client_id=self._config.user_pool_client_id,
            user_id=claims["sub"],
            email=str(claims.get("email", email)),
            id_token=tokens.id_token,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token or "",
            device=tokens.device,
            expires_at_seconds=claims["exp"],
            drift_seconds=self._clock.drift_seconds,
        )
        with self._kept.alone():
            before = self._kept.before()
            if before is not None and before.user_id == state.user_id:
                state = replace(state, revision=before.revision, since=before.since, since_at=before.since_at)
            self._credentials = None
            self._kept.begin(state)
        if before is not None and before.user_id != state.user_id:
            self._tell_the_end(before)
        return User(state.user_id, state.email)

    def end(self) -> bool:
        """Revoke and forget, the device too; gives whether Cognito was told. Forgetting works without a network."""
        with self._kept.alone():
            state = self._kept.before() or self._kept.current
            if state is not None and not self._is_fresh(state):
                state = self._with_fresh_access(state)
            self.forget()
        return state is not None and self._tell_the_end(state)

    def forget(self) -> None:
        """Forget the session on this machine, tell nobody."""
        self._credentials = None
        self._kept.forget(keep_device=False)

    def user(self) -> User:
        """Tell who is signed in; NotSignedInError when nobody is."""
        state = self._kept.signed_in()
        return User(state.user_id, state.email)

    def device(self, email: str) -> OwnDevice | None:
        """Give the device that this user has here, from this session or one that is over."""
        return self._kept.device(email)

    def device_key(self) -> str | None:
        """Give the key of this device, None where the pool tracks none."""
        return self._kept.signed_in().device_key

    def ask(self, request: Request) -> Answer:
        """Ask the API as the signed-in user, and remember the highest revision that it told of.

        A token that the API calls expired or unknown is renewed, once.
        """
        request = self._with_min_revision(request)
        token = self.id_token()
        try:
            answer = self._http.ask(request, token)
        except NotSignedInError:
            answer = self._http.ask(request, self._renewed(token).id_token)
        self._saw(_revision_of(answer))
        return answer

    def id_token(self) -> str:
        """Give an id token that is good for another minute at least."""
        return self._fresh().id_token

    def access_token(self) -> str:
        """Give an access token that is good for another minute at least."""
        return self._fresh().access_token

    def renew(self) -> None:
        """Renew the tokens now."""
        self._renewed(self._kept.signed_in().id_token)

    def identity_id(self) -> str:
        """Give the id of the user's identity, which is the name of the folder in S3."""
        with self._kept.lock:
            known = self._kept.signed_in().identity_id
            if known is not None:
                return known
            identity_id = self._cognito.identity_id(self.id_token())
            self._kept.remember(identity_id=identity_id)
            return identity_id

    def credentials(self) -> AwsCredentials:
        """Give credentials for the user's own folder that are good for some minutes at least; kept in memory only."""
        with self._kept.lock:
            self._kept.signed_in()
            left = 0.0 if self._credentials is None else self._credentials.expires_at.timestamp() - self._clock()
            if self._credentials is None or left < RENEW_CREDENTIALS_BEFORE_SECONDS:
                identity_id, self._credentials = self._cognito.credentials(self.identity_id(), self.id_token())
                self._kept.remember(identity_id=identity_id)
            return self._credentials

    def revision(self) -> int:
        """Give the highest revision that this device has seen."""
        return self._kept.signed_in().revision

    def sync_position(self) -> tuple[int, str | None]:
        """Give the revision up to which this device has synced, and the server's time then."""
        state = self._kept.signed_in()
        return state.since, state.since_at

    def synced(self, since: int, since_at: str | None) -> None:
        """Remember how far this device has synced."""
        self._kept.remember(since=since, since_at=since_at)

    def _fresh(self) -> State:
        state = self._kept.signed_in()
        return state if self._is_fresh(state) else self._renewed(state.id_token)

    def _is_fresh(self, state: State) -> bool:
        return state.expires_at_seconds - self._clock() >= RENEW_BEFORE_SECONDS  # SE-32: by the server's clock

    def _renewed(self, refused: str) -> State:
        """Give a session with another id token than the refused one: somebody else's renewal, or our own."""
        with self._kept.alone():
            try:
                state = self._kept.reload()
            except NotSignedInError:
                self._credentials = None
                raise
            return self._refresh(state) if state.id_token == refused or not self._is_fresh(state) else state

    def _refresh(self, state: State) -> State:
        try:
            tokens = self._cognito.refresh(state.refresh_token, state.device_key)
        except NotSignedInError:
            newer = self._kept.before()  # of a store without a lock, somebody may have renewed just now
            if newer is not None and newer.user_id == state.user_id and newer.refresh_token != state.refresh_token:
                return self._refresh(newer)
            self._credentials = None
            self._kept.forget(keep_device=True)
            raise
        claims = claims_of(tokens.id_token)
        self._clock.told(claims["iat"])
        state = replace(
            state,
            id_token=tokens.id_token,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token or state.refresh_token,
            expires_at_seconds=claims["exp"],
            drift_seconds=self._clock.drift_seconds,
        )
        self._kept.keep(state)
        return state

    def _with_fresh_access(self, state: State) -> State:
        # only a living access token may forget its device, and devices must not pile up
        try:
            return self._refresh(state)
        except TodoError:
            return state

    def _tell_the_end(self, state: State) -> bool:
        """Tell Cognito that a session is over, and with it its device; each is tried once, for nobody shall wait."""
        try:
            if state.device_key is not None:
                self._cognito.forget_device(state.access_token, state.device_key)
        except TransportError:
            return False
        except TodoError as error:  # it was forgotten already, or the session was ended elsewhere
            _log.debug("the device could not be forgotten: %s", error)
        try:
            self._cognito.revoke(state.refresh_token)
        except TodoError as error:
            _log.debug("the refresh token could not be revoked: %s", error)
            return False
        return True

    def _with_min_revision(self, request: Request) -> Request:
        revision = self._kept.signed_in().revision
        return replace(request, headers={**request.headers, "X-Min-Revision": str(revision)}) if revision else request

    def _saw(self, revision: int) -> None:
        state = self._kept.current
        if state is not None and revision > state.revision:
            self._kept.remember(revision=revision)


def _revision_of(answer: Answer) -> int:
    said = answer.headers.get("x-revision") or answer.body.get("revision") or 0
    try:
        return int(said)
    except (TypeError, ValueError):
        return 0
