"""The SRP proof of a password, by pycognito; no I/O. Importing this loads pycognito, so it is imported where used."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pycognito.aws_srp import AWSSRP, N_HEX, generate_hash_device
from pycognito.exceptions import WarrantException

from todo_sdk._errors import SignInError

FOREIGN = (WarrantException, LookupError, TypeError, ValueError)
_N = int(N_HEX, 16)  # RFC 3526 group 15 (UP-40)


def device_verifier(group_key: str, device_key: str) -> dict[str, str]:
    """Give the verifier of a random device password (UP-81), which nobody keeps: a device never signs in alone."""
    _, verifier = generate_hash_device(group_key, device_key)
    return dict(verifier)


class PasswordProof:
    """One sign-in's half of SRP: the opening, then the answer to PASSWORD_VERIFIER."""

    def __init__(self, *, user_pool_id: str, client_id: str, username: str, password: str) -> None:
        self._pool_name = user_pool_id.partition("_")[2]
        # a client of its own would read AWS_* variables; this one only has to be there
        self._srp = AWSSRP(username, password, user_pool_id, client_id, client=object())

    def opening(self) -> dict[str, str]:
        """Give the parameters of InitiateAuth: USERNAME and SRP_A."""
        return dict(self._srp.get_auth_params())

    def answer(self, challenge: Mapping[str, Any], now: datetime) -> dict[str, str]:
        """Answer Cognito's challenge; `now` is aware UTC, as the server has it.

        Raises:
            SignInError: the challenge is incomplete, or SRP_B is 0 modulo N; the server is broken or hostile (UP-44).
        """
        try:
            return self._proven(challenge, AWSSRP.get_cognito_formatted_timestamp(now))
        except FOREIGN as error:
            raise SignInError("Cognito's challenge cannot be answered; is this the right deployment?") from error

    def _proven(self, challenge: Mapping[str, Any], timestamp: str) -> dict[str, str]:
        # pycognito's own process_challenge takes the device's clock, which may be hours off, and does not look at B
        user, block, srp_b = challenge["USER_ID_FOR_SRP"], challenge["SECRET_BLOCK"], int(challenge["SRP_B"], 16)
        if srp_b % _N == 0:
            raise ValueError("SRP_B is 0 modulo N")
        key = self._srp.get_password_authentication_key(user, self._srp.password, srp_b, challenge["SALT"])
        message = f"{self._pool_name}{user}".encode() + b64decode(block) + timestamp.encode()  # UP-46
        return {
            "TIMESTAMP": timestamp,
            "USERNAME": challenge.get("USERNAME", self._srp.username),
            "PASSWORD_CLAIM_SECRET_BLOCK": block,
            "PASSWORD_CLAIM_SIGNATURE": b64encode(hmac.digest(key, message, "sha256")).decode(),
        }
