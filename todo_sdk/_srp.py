"""The SRP proof of a password, by pycognito; no I/O. Importing this loads pycognito, so it is imported where used."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pycognito.aws_srp import AWSSRP, N_HEX
from pycognito.exceptions import WarrantException

from todo_sdk._errors import SignInError

FOREIGN = (WarrantException, LookupError, TypeError, ValueError)
_UNANSWERABLE = "Cognito's challenge cannot be answered; is this the right deployment?"
_N = int(N_HEX, 16)  # RFC 3526 group 15 (UP-40)


class _TimedSrp(AWSSRP):  # type: ignore[misc]
    """pycognito's SRP with a clock that is given: a phone's own may be hours off, and TIMESTAMP is signed."""

    now: datetime

    def get_cognito_formatted_timestamp(self, input_datetime: datetime) -> str:
        return str(AWSSRP.get_cognito_formatted_timestamp(self.now))


class PasswordProof:
    """One sign-in's half of SRP: the opening, then the answer to PASSWORD_VERIFIER."""

    def __init__(self, *, user_pool_id: str, client_id: str, username: str, password: str) -> None:
        # a client of its own would read AWS_* variables; this one only has to be there
        self._srp = _TimedSrp(username, password, user_pool_id, client_id, client=object())

    def opening(self) -> dict[str, str]:
        """Give the parameters of InitiateAuth: USERNAME and SRP_A."""
        return dict(self._srp.get_auth_params())

    def answer(self, challenge: Mapping[str, Any], now: datetime) -> dict[str, str]:
        """Answer Cognito's challenge; `now` is aware UTC, as the server has it.

        Raises:
            SignInError: the challenge is incomplete, or SRP_B is 0 modulo N; the server is broken or hostile (UP-44).
        """
        try:
            hostile = int(challenge["SRP_B"], 16) % _N == 0  # pycognito does not look
            self._srp.now = now
            answer = dict(self._srp.process_challenge(challenge, self.opening()))
        except FOREIGN as error:
            raise SignInError(_UNANSWERABLE) from error
        if hostile:
            raise SignInError(_UNANSWERABLE)
        return answer
