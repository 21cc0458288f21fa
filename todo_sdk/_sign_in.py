"""From an address and a password to tokens, challenge by challenge (UP-39 to UP-88). Keeps nothing.

A sign-in is two calls; two more where a remembered device proves itself, one more where Cognito makes a new device of
this one, one for each further challenge. Each answer is sent once: it may be used once.
"""

import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from todo_sdk._cognito import Cognito, Tokens, tokens_of
from todo_sdk._errors import ConflictError, InvalidCredentialsError, NotFoundError, SignInError
from todo_sdk._models import CHALLENGES, Challenge
from todo_sdk._state import OwnDevice

MOST_NAME_CHARS = 64
_REPLY_FIELDS = {"NEW_PASSWORD_REQUIRED": "NEW_PASSWORD", "SOFTWARE_TOKEN_MFA": "SOFTWARE_TOKEN_MFA_CODE"}


@dataclass(frozen=True)
class _Person:
    """Who signs in: as typed, as Cognito calls them, and with what device."""

    email: str
    username: str
    device: OwnDevice | None = field(repr=False)

    @property
    def named(self) -> dict[str, str]:
        device = {} if self.device is None else {"DEVICE_KEY": self.device.key}  # UP-84
        return {"USERNAME": self.username, **device}


class SignIn:
    """The ways to tokens."""

    def __init__(self, cognito: Cognito) -> None:
        self._cognito = cognito
        self._pool = cognito.config.user_pool_id

    def begin(self, email: str, password: str, device: OwnDevice | None) -> Tokens | Challenge:
        """Prove the password by SRP, and the device by its own secret where it stands in for a code.

        A device that Cognito no longer knows is left behind: the sign-in begins again without it (UP-85).
        """
        try:
            return self._prove_password(email, password, device)
        except NotFoundError:
            if device is None:
                raise
            return self._prove_password(email, password, None)

    def answer(self, challenge: Challenge, reply: str, device: OwnDevice | None) -> Tokens | Challenge:
        """Answer a challenge with a new password or a code."""
        person, session = _Person(challenge.email, challenge.username, device), challenge.session
        if challenge.name == "MFA_SETUP":
            session = str(self._cognito.ask("VerifySoftwareToken", Session=session, UserCode=reply)["Session"])
            responses = {}
        else:
            responses = {_REPLY_FIELDS[challenge.name]: reply}
        try:
            return self._respond(challenge.name, responses, session, person)
        except NotFoundError as error:
            raise SignInError("this device was forgotten meanwhile; sign in again", code=error.code) from error

    def _prove_password(self, email: str, password: str, device: OwnDevice | None) -> Tokens | Challenge:
        from todo_sdk._srp import PasswordProof

        proof = PasswordProof(scope=self._pool.partition("_")[2], password=password)
        person = _Person(email, email, device)
        parameters = {**person.named, "SRP_A": proof.public}
        opened = self._cognito.ask_as_client(
            "InitiateAuth", repeatable=True, AuthFlow="USER_SRP_AUTH", AuthParameters=parameters
        )
        if opened.get("ChallengeName") != "PASSWORD_VERIFIER":
            raise SignInError("this deployment does not sign in by password proof (SRP)")
        asked = opened["ChallengeParameters"]
        responses = proof.answer(asked, asked.get("USER_ID_FOR_SRP"), self._server_time(opened))
        person = replace(person, username=asked.get("USERNAME", email))  # UP-51
        return self._respond("PASSWORD_VERIFIER", responses, opened.get("Session"), person)

    def _prove_device(self, session: str | None, person: _Person) -> Tokens | Challenge:
        """Answer DEVICE_SRP_AUTH and what follows (UP-84); NotFoundError when the device's secret is not the one."""
        from todo_sdk._srp import PasswordProof

        device = person.device
        if device is None:
            raise SignInError("Cognito asks for a device that this one is not; sign in again")
        proof = PasswordProof(scope=device.group_key, password=device.password)
        asked = self._send("DEVICE_SRP_AUTH", {**person.named, "SRP_A": proof.public}, session)
        responses = proof.answer(asked["ChallengeParameters"], device.key, self._server_time(asked))
        try:
            return self._respond("DEVICE_PASSWORD_VERIFIER", responses, asked.get("Session"), person)
        except InvalidCredentialsError as error:
            raise NotFoundError("this device is not the one that Cognito knows") from error

    def _respond(
        self, name: str, responses: Mapping[str, str], session: str | None, person: _Person
    ) -> Tokens | Challenge:
        answer = self._send(name, {**person.named, **responses}, session)
        wanted = answer.get("ChallengeName")
        if not wanted:
            return self._on_this_device(answer, person)
        if wanted == "DEVICE_SRP_AUTH":
            return self._prove_device(answer.get("Session"), person)
        if wanted not in CHALLENGES:
            raise SignInError(f"Cognito wants {wanted}, which this SDK cannot answer", code=wanted)
        return self._challenge(wanted, answer["Session"], person)

    def _send(self, name: str, responses: Mapping[str, str], session: str | None) -> Mapping[str, Any]:
        continued: dict[str, Any] = {"Session": session} if session else {}
        return self._cognito.ask_as_client(
            "RespondToAuthChallenge", ChallengeName=name, ChallengeResponses=dict(responses), **continued
        )

    def _challenge(self, name: Any, session: str, person: _Person) -> Challenge:
        secret = None
        if name == "MFA_SETUP":  # UP-78
            associated = self._cognito.ask("AssociateSoftwareToken", Session=session)
            session, secret = associated["Session"], associated["SecretCode"]
        return Challenge(name=name, email=person.email, username=person.username, session=session, secret=secret)

    def _on_this_device(self, answer: Mapping[str, Any], person: _Person) -> Tokens:
        """Confirm the device that Cognito has made of this sign-in: only that one may renew it (UP-81, UP-86)."""
        from todo_sdk._srp import device_secret

        made = answer.get("AuthenticationResult", {}).get("NewDeviceMetadata")
        if not made:
            return tokens_of(answer, person.device)
        key, group_key = made["DeviceKey"], made["DeviceGroupKey"]
        password, verifier = device_secret(group_key, key)
        tokens = tokens_of(answer, OwnDevice(self._pool, person.email, key, group_key, password))
        with suppress(ConflictError):  # UP-82: the answer to the first try was lost; nobody else knows this key
            self._cognito.ask(
                "ConfirmDevice",
                repeatable=True,
                AccessToken=tokens.access_token,
                DeviceKey=key,
                DeviceName=device_name(),
                DeviceSecretVerifierConfig=verifier,
            )
        return tokens

    def _server_time(self, answer: Mapping[str, Any]) -> datetime:
        """Give the server's time: the signed TIMESTAMP must not depend on a phone's clock (UP-68, SE-32)."""
        said = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        try:
            return parsedate_to_datetime(said).astimezone(UTC)
        except (TypeError, ValueError):
            return self._cognito.clock.now()


def device_name() -> str:
    """Tell what this device is called, for the list of devices."""
    return (platform.node() or f"todo-sdk on {platform.system()}")[:MOST_NAME_CHARS]
