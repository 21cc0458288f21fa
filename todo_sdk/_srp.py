"""SRP proofs of a password or a device, by pycognito; no I/O.

Importing this loads pycognito, so it is imported where it is used.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pycognito.aws_srp import AWSSRP, N_HEX, generate_hash_device, long_to_hex
from pycognito.exceptions import WarrantException

from todo_sdk._errors import SignInError

FOREIGN = (WarrantException, LookupError, TypeError, ValueError)
_N = int(N_HEX, 16)  # RFC 3526 group 15 (UP-40)


def device_secret(group_key: str, device_key: str) -> tuple[str, dict[str, str]]:
    """Make a random password for a device; give it and the verifier that Cognito gets (UP-81)."""
    password, verifier = generate_hash_device(group_key, device_key)
    return str(password), dict(verifier)


class PasswordProof:
    """One half of SRP: what opens it, then the answer to the challenge.

    Args:
        scope: the user pool id after "_" for a user (UP-46), the DeviceGroupKey for a device (UP-84).
        password: the user's, or the device's.
    """

    def __init__(self, *, scope: str, password: str) -> None:
        self._scope = scope
        self._password = password
        # a client of its own would read AWS_* variables; this one only has to be there
        self._srp = AWSSRP("", "", f"_{scope}", "", client=object())

    @property
    def public(self) -> str:
        """What opens the exchange: SRP_A."""
        return str(long_to_hex(self._srp.large_a_value))

    def answer(self, challenge: Mapping[str, Any], name: str | None, now: datetime) -> dict[str, str]:
        """Answer Cognito's challenge.

        Args:
            name: USER_ID_FOR_SRP, or the device's key.
            now: aware UTC, as the server has it.

        Raises:
            SignInError: the challenge is incomplete, or SRP_B is 0 modulo N; the server is broken or hostile (UP-44).
        """
        try:
            return self._proven(challenge, name, AWSSRP.get_cognito_formatted_timestamp(now))
        except FOREIGN as error:
            raise SignInError("Cognito's challenge cannot be answered; is this the right deployment?") from error

    def _proven(self, challenge: Mapping[str, Any], name: str | None, timestamp: str) -> dict[str, str]:
        # pycognito's own process_challenge takes the device's clock, which may be hours off, and does not look at B
        block, srp_b = challenge["SECRET_BLOCK"], int(challenge["SRP_B"], 16)
        if not name or srp_b % _N == 0:
            raise ValueError("no name, or SRP_B is 0 modulo N")
        # one formula for both: H(scope ‖ name ‖ ":" ‖ password); this method takes the scope as it is
        key = self._srp.get_device_authentication_key(self._scope, name, self._password, srp_b, challenge["SALT"])
        message = f"{self._scope}{name}".encode() + b64decode(block) + timestamp.encode()  # UP-46
        return {
            "TIMESTAMP": timestamp,
            "PASSWORD_CLAIM_SECRET_BLOCK": block,
            "PASSWORD_CLAIM_SIGNATURE": b64encode(hmac.digest(key, message, "sha256")).decode(),
        }
