"""How the user pool and the identity pool are asked, and what a session needs of them. Keeps nothing.

No credentials of AWS: these are the operations that everybody may call (UP-02, IP-01). Calls whose effect must not
repeat are sent once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from todo_sdk._clock import ServerClock
from todo_sdk._cognito_errors import error_of_cognito
from todo_sdk._config import Config
from todo_sdk._errors import ServerError, TodoError
from todo_sdk._retry import Retries
from todo_sdk._state import OwnDevice
from todo_sdk._traffic import Traffic

if TYPE_CHECKING:
    from todo_sdk._aws import AwsCredentials

USERS, IDENTITIES = "cognito-idp", "cognito-identity"


@dataclass(frozen=True)
class Tokens:
    """What Cognito gives who is signed in; `refresh_token` is None when a renewal did not bring a new one (UP-98).

    `device` is the one that only may renew them (UP-86).
    """

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    device: OwnDevice | None = field(default=None, repr=False)


class Cognito:
    """Asks one user pool and its identity pool."""

    def __init__(self, config: Config, *, retries: Retries | None = None, traffic: Traffic | None = None) -> None:
        self.config = config
        self._retries = retries or Retries()
        self._traffic = traffic or Traffic()
        self._clients: dict[str, Any] = {}

    @property
    def clock(self) -> ServerClock:
        """The services' time."""
        return self._traffic.clock

    def ask(self, operation: str, *, repeatable: bool = False, **parameters: Any) -> Mapping[str, Any]:
        """Ask the user pool.

        Args:
            operation: as AWS calls it.
            repeatable: asking twice has the effect of asking once.
        """
        return self._ask(USERS, operation, repeatable, parameters)

    def ask_as_client(self, operation: str, *, repeatable: bool = False, **parameters: Any) -> Mapping[str, Any]:
        """Ask the user pool in the name of its app client."""
        return self.ask(operation, repeatable=repeatable, ClientId=self.config.user_pool_client_id, **parameters)

    def refresh(self, refresh_token: str, device_key: str | None) -> Tokens:
        """Get new tokens for a refresh token; NotSignedInError when it is no longer good.

        GetTokensFromRefreshToken, since it is what a pool with rotation answers (UP-99, UP-100).
        """
        device = {} if device_key is None else {"DeviceKey": device_key}  # UP-86
        answer = self.ask_as_client("GetTokensFromRefreshToken", repeatable=True, RefreshToken=refresh_token, **device)
        return tokens_of(answer)

    def revoke(self, refresh_token: str) -> None:
        """End a refresh token and the access tokens that came of it (UP-106)."""
        self.ask_as_client("RevokeToken", Token=refresh_token)

    def forget_device(self, access_token: str, device_key: str) -> None:
        """Forget a device of the user."""
        self.ask("ForgetDevice", AccessToken=access_token, DeviceKey=device_key)

    def identity_id(self, id_token: str) -> str:
        """Give the id of the user's identity, which names the folder in S3; always the same for a user (IP-02)."""
        parameters = {"IdentityPoolId": self.config.identity_pool_id, "Logins": self._logins(id_token)}
        return str(self._ask(IDENTITIES, "GetId", True, parameters)["IdentityId"])

    def credentials(self, identity_id: str, id_token: str) -> "tuple[str, AwsCredentials]":
        """Give temporary credentials and the identity id that they are for (IP-16: read it from the answer)."""
        from todo_sdk._aws import AwsCredentials

        parameters = {"IdentityId": identity_id, "Logins": self._logins(id_token)}
        answer = self._ask(IDENTITIES, "GetCredentialsForIdentity", True, parameters)
        given = answer["Credentials"]
        return str(answer["IdentityId"]), AwsCredentials(
            given["AccessKeyId"], given["SecretKey"], given["SessionToken"], given["Expiration"]
        )

    def _logins(self, id_token: str) -> dict[str, str]:
        return {f"cognito-idp.{self.config.region}.amazonaws.com/{self.config.user_pool_id}": id_token}

    def _ask(self, service: str, operation: str, repeatable: bool, parameters: dict[str, Any]) -> Mapping[str, Any]:
        from botocore import xform_name

        call = getattr(self._client(service), xform_name(operation))
        return self._retries.run(operation, lambda: _asked_once(operation, call, parameters), repeatable=repeatable)

    def _client(self, service: str) -> Any:
        found = self._clients.get(service)
        if found is None:
            from todo_sdk._aws import make_client

            # two threads may both make one; only one is kept
            made = make_client(service, self.config, repeats=False, traffic=self._traffic)
            found = self._clients.setdefault(service, made)
        return found


def _asked_once(operation: str, call: Callable[..., Any], parameters: dict[str, Any]) -> Mapping[str, Any]:
    from todo_sdk._aws import plainly

    def of_answer(error: Any) -> TodoError:
        facts = error.response.get("ResponseMetadata", {})
        status = int(facts.get("HTTPStatusCode", 400))
        return error_of_cognito(operation, status, error.response.get("Error", {}), facts.get("RequestId"))

    with plainly("Cognito", of_answer):
        answer: Mapping[str, Any] = call(**parameters)
    return answer


def tokens_of(answer: Mapping[str, Any], device: OwnDevice | None = None) -> Tokens:
    """Read the tokens of an answer.

    Raises:
        ServerError: they are not in it.
    """
    try:
        result = answer["AuthenticationResult"]
        return Tokens(result["IdToken"], result["AccessToken"], result.get("RefreshToken"), device)
    except KeyError as error:
        raise ServerError(f"Cognito's answer lacks {error}") from error
