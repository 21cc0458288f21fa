"""What the user pool and the identity pool can be asked without credentials of AWS. Keeps nothing.

Each method is one call, sign-in two, and a third where the pool tracks devices. Calls whose effect must not repeat
are sent once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from todo_sdk._cognito_errors import error_of_cognito
from todo_sdk._config import Config
from todo_sdk._errors import ServerError, SignInError, TodoError
from todo_sdk._models import CHALLENGES, Challenge, SignUp

if TYPE_CHECKING:
    from todo_sdk._aws import AwsCredentials


@dataclass(frozen=True)
class Tokens:
    """What Cognito gives who is signed in; `refresh_token` is None when a renewal did not bring a new one (UP-98)."""

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    device_key: str | None = field(default=None, repr=False)


class Cognito:
    """Asks one user pool and its identity pool."""

    def __init__(self, config: Config, clock: Callable[[], float]) -> None:
        self._config = config
        self._clock = clock

    def sign_up(self, email: str, password: str) -> SignUp:
        """Make a user, who still has to be confirmed."""
        answer = self._once(
            "SignUp",
            self._users.sign_up,
            Username=email,
            Password=password,
            UserAttributes=[{"Name": "email", "Value": email}],
        )
        return SignUp(answer["UserSub"], answer["UserConfirmed"], _sent_to(answer))

    def confirm_sign_up(self, email: str, code: str) -> None:
        """Confirm a user with the code that was sent."""
        self._once("ConfirmSignUp", self._users.confirm_sign_up, Username=email, ConfirmationCode=code)

    def resend_code(self, email: str) -> str | None:
        """Have a new code sent; gives the masked address that it goes to."""
        return _sent_to(self._once("ResendConfirmationCode", self._users.resend_confirmation_code, Username=email))

    def sign_in(self, email: str, password: str) -> Tokens | Challenge:
        """Prove the password by SRP."""
        from todo_sdk._srp import PasswordProof

        pool, client = self._config.user_pool_id, self._config.user_pool_client_id
        proof = PasswordProof(user_pool_id=pool, client_id=client, username=email, password=password)
        opened = self._once(
            "InitiateAuth", self._users.initiate_auth, AuthFlow="USER_SRP_AUTH", AuthParameters=proof.opening()
        )
        if opened.get("ChallengeName") != "PASSWORD_VERIFIER":
            raise SignInError("this deployment does not sign in by password proof (SRP)")
        responses = proof.answer(opened["ChallengeParameters"], self._server_time(opened))
        return self._respond("PASSWORD_VERIFIER", responses, opened.get("Session"), email)

    def answer(self, challenge: Challenge, reply: str) -> Tokens | Challenge:
        """Answer a challenge with a new password or a code."""
        wanted = {"NEW_PASSWORD_REQUIRED": "NEW_PASSWORD", "SOFTWARE_TOKEN_MFA": "SOFTWARE_TOKEN_MFA_CODE"}
        responses = {"USERNAME": challenge.username, wanted[challenge.name]: reply}
        return self._respond(challenge.name, responses, challenge.session, challenge.email)

    def refresh(self, refresh_token: str, device_key: str | None) -> Tokens:
        """Get new tokens for a refresh token; NotSignedInError when it is no longer good."""
        parameters = {"REFRESH_TOKEN": refresh_token}
        if device_key is not None:
            parameters["DEVICE_KEY"] = device_key  # UP-86
        answer = self._call(
            "Refresh",
            self._repeatable_users.initiate_auth,
            ClientId=self._config.user_pool_client_id,
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters=parameters,
        )
        return _tokens(answer)

    def revoke(self, refresh_token: str) -> None:
        """End a refresh token and the access tokens that came of it (UP-106)."""
        self._once("RevokeToken", self._users.revoke_token, Token=refresh_token)

    def identity_id(self, id_token: str) -> str:
        """Give the id of the user's identity, which names the folder in S3; always the same for a user (IP-02)."""
        pool = self._config.identity_pool_id
        answer = self._call("GetId", self._identities.get_id, IdentityPoolId=pool, Logins=self._logins(id_token))
        return str(answer["IdentityId"])

    def credentials(self, identity_id: str, id_token: str) -> "tuple[str, AwsCredentials]":
        """Give temporary credentials and the identity id that they are for (IP-16: read it from the answer)."""
        from todo_sdk._aws import AwsCredentials

        answer = self._call(
            "GetCredentialsForIdentity",
            self._identities.get_credentials_for_identity,
            IdentityId=identity_id,
            Logins=self._logins(id_token),
        )
        given = answer["Credentials"]
        return str(answer["IdentityId"]), AwsCredentials(
            given["AccessKeyId"], given["SecretKey"], given["SessionToken"], given["Expiration"]
        )

    def _respond(self, name: str, responses: Mapping[str, str], session: str | None, email: str) -> Tokens | Challenge:
        continued = {"Session": session} if session else {}
        answer = self._once(
            "RespondToAuthChallenge",
            self._users.respond_to_auth_challenge,
            ChallengeName=name,
            ChallengeResponses=dict(responses),
            **continued,
        )
        if not answer.get("ChallengeName"):
            return self._on_this_device(_tokens(answer), answer["AuthenticationResult"].get("NewDeviceMetadata"))
        if answer["ChallengeName"] not in CHALLENGES:
            raise SignInError(f"Cognito wants {answer['ChallengeName']}, which this SDK cannot answer")
        return Challenge(
            name=answer["ChallengeName"], email=email, username=responses["USERNAME"], session=answer["Session"]
        )

    def _on_this_device(self, tokens: Tokens, device: Mapping[str, str] | None) -> Tokens:
        """Confirm the device that Cognito has made of this sign-in: only that one may renew it (UP-81, UP-86)."""
        if device:
            from todo_sdk._srp import device_verifier

            self._call(
                "ConfirmDevice",
                self._users.confirm_device,
                AccessToken=tokens.access_token,
                DeviceKey=device["DeviceKey"],
                DeviceSecretVerifierConfig=device_verifier(device["DeviceGroupKey"], device["DeviceKey"]),
            )
        return tokens

    def _logins(self, id_token: str) -> dict[str, str]:
        return {f"cognito-idp.{self._config.region}.amazonaws.com/{self._config.user_pool_id}": id_token}

    def _server_time(self, answer: Mapping[str, Any]) -> datetime:
        """Give the server's time: the signed TIMESTAMP must not depend on a phone's clock (UP-68, SE-32)."""
        said = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        try:
            return parsedate_to_datetime(said).astimezone(UTC)
        except (TypeError, ValueError):
            return datetime.fromtimestamp(self._clock(), UTC)

    @cached_property
    def _users(self) -> Any:
        return self._client("cognito-idp", repeats=False)

    @cached_property
    def _repeatable_users(self) -> Any:
        return self._client("cognito-idp", repeats=True)

    @cached_property
    def _identities(self) -> Any:
        return self._client("cognito-identity", repeats=True)

    def _client(self, service: str, *, repeats: bool) -> Any:
        from todo_sdk._aws import make_client

        return make_client(service, self._config, repeats=repeats)

    def _once(self, operation: str, call: Callable[..., Any], **parameters: Any) -> Mapping[str, Any]:
        return self._call(operation, call, ClientId=self._config.user_pool_client_id, **parameters)

    def _call(self, operation: str, call: Callable[..., Any], **parameters: Any) -> Mapping[str, Any]:
        from todo_sdk._aws import plainly

        def of_answer(error: Any) -> TodoError:
            facts = error.response.get("ResponseMetadata", {})
            status = int(facts.get("HTTPStatusCode", 400))
            return error_of_cognito(operation, status, error.response.get("Error", {}), facts.get("RequestId"))

        with plainly("Cognito", of_answer):
            answer: Mapping[str, Any] = call(**parameters)
        return answer


def _sent_to(answer: Mapping[str, Any]) -> str | None:
    destination = answer.get("CodeDeliveryDetails", {}).get("Destination")
    return None if destination is None else str(destination)


def _tokens(answer: Mapping[str, Any]) -> Tokens:
    try:
        result = answer["AuthenticationResult"]
        device = result.get("NewDeviceMetadata", {}).get("DeviceKey")
        return Tokens(result["IdToken"], result["AccessToken"], result.get("RefreshToken"), device)
    except KeyError as error:
        raise ServerError(f"Cognito's answer lacks {error}") from error
