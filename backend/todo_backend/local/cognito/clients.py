"""What the control plane forgets of an app client, or takes although AWS would not.

Refresh token rotation is dropped when a client is made or changed: here it is taken from those calls as they pass by,
kept, and put back into the answers that describe the client. Lifetimes of tokens have bounds.
"""

import json
from typing import Any

from . import parameters
from .errors import invalid_parameter
from .store import Store
from .wire import Response

_CLIENT = "client"
_FORGOTTEN = "RefreshTokenRotation"
_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}
_DAY, _YEAR = 86_400, 365 * 86_400
_REFRESH = "RefreshToken"
# Name, unit where none is given, least and most seconds (UP-96).
_LIFETIMES = (
    ("AccessToken", "hours", 300, _DAY),
    ("IdToken", "hours", 300, _DAY),
    (_REFRESH, "days", 3600, 10 * _YEAR),
)
CHANGES = ("CreateUserPoolClient", "UpdateUserPoolClient")
OPERATIONS = (*CHANGES, "DescribeUserPoolClient", "DeleteUserPoolClient")


class ClientSettings:
    """The forgotten settings by client id."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[str, dict[str, Any]] = {}

    def restore(self, client_id: str, kept: dict[str, Any]) -> None:
        """Take in what was stored."""
        self._kept[client_id] = kept

    def completed(self, client: dict[str, Any]) -> dict[str, Any]:
        """The client with what the control plane forgot."""
        return client | self._kept.get(str(client.get("ClientId")), {})

    def check(self, operation: str, given: dict[str, Any]) -> None:
        """Refuse settings that AWS would refuse, before the control plane makes the client without them.

        Raises:
            CognitoError: InvalidParameterException.
        """
        if operation not in CHANGES:
            return
        _check_lifetimes(given)
        if given.get(_FORGOTTEN) is not None:
            parameters.check("cognito-idp", operation, given)

    def note(self, operation: str, given: dict[str, Any], response: Response) -> Response:
        """Keep what the control plane will forget; its answer, completed."""
        answer = _object(response.body)
        client = answer.get("UserPoolClient")
        if operation in CHANGES and isinstance(client, dict):
            wished = given.get(_FORGOTTEN)
            self._keep(str(client.get("ClientId")), {_FORGOTTEN: wished} if wished else None)
        elif operation == "DeleteUserPoolClient" and response.status == 200:
            self._keep(str(given.get("ClientId")), None)
        if not isinstance(client, dict):
            return response
        body = json.dumps(answer | {"UserPoolClient": self.completed(client)}).encode()
        headers = [pair for pair in response.headers if pair[0].lower() != b"content-length"]
        return Response(response.status, [*headers, (b"content-length", str(len(body)).encode())], body)

    def _keep(self, client_id: str, settings: dict[str, Any] | None) -> None:
        if settings is not None:
            self._kept[client_id] = settings
            self._store.put(_CLIENT, client_id, settings)
        elif self._kept.pop(client_id, None) is not None:
            self._store.put(_CLIENT, client_id, None)


def _check_lifetimes(given: dict[str, Any]) -> None:
    units = given.get("TokenValidityUnits")
    units = units if isinstance(units, dict) else {}
    for token, usual, least, most in _LIFETIMES:
        value, unit = given.get(f"{token}Validity"), _SECONDS.get(str(units.get(token, usual)))
        if not isinstance(value, int) or unit is None or (token == _REFRESH and value == 0):  # 30 days
            continue
        if not least <= value * unit <= most:
            raise invalid_parameter(f"Invalid range for token validity: {token}Validity")


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
