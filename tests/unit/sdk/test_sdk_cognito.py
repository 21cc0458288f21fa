"""What Cognito is asked and what its answers mean, against a server that answers what it is told."""

import hashlib
import hmac
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from todo_sdk import (
    Challenge,
    ChallengeRequiredError,
    ConfigError,
    ConflictError,
    InvalidCredentialsError,
    InvalidRequestError,
    NotSignedInError,
    ServerError,
    SignInError,
    ThrottledError,
    TodoClient,
    TodoError,
    TransportError,
    User,
)
from todo_sdk._srp import _N, PasswordProof

from .conftest import IDENTITY, START, FakeAws, jwt

EMAIL, PASSWORD = "me@example.com", "Right-password-1"
CHALLENGE = {
    "ChallengeName": "PASSWORD_VERIFIER",
    "ChallengeParameters": {
        "SALT": "abc",
        "SECRET_BLOCK": b64encode(b"block").decode(),
        "SRP_B": "12345",
        "USERNAME": "the-sub",
        "USER_ID_FOR_SRP": "the-sub",
    },
}
CLAIMS = {"sub": "the-sub", "email": EMAIL, "iat": START, "exp": START + 3600}
TOKENS = {
    "AuthenticationResult": {
        "IdToken": jwt(**CLAIMS),
        "AccessToken": "access",
        "RefreshToken": "refresh",
        "ExpiresIn": 3600,
        "TokenType": "Bearer",
    }
}


def sign_in(aws: FakeAws, client: TodoClient) -> None:
    aws.will_say(200, CHALLENGE)
    aws.will_say(200, TOKENS)
    client.auth.sign_in(EMAIL, PASSWORD)


def test_sign_in_is_two_calls_and_the_password_is_in_neither(
    aws: FakeAws, client_of: Callable[..., TodoClient]
) -> None:
    client = client_of()
    sign_in(aws, client)
    assert [said.operation for said in aws.said] == ["InitiateAuth", "RespondToAuthChallenge"]
    assert aws.said[0].json["AuthFlow"] == "USER_SRP_AUTH"
    assert set(aws.said[0].json["AuthParameters"]) == {"USERNAME", "SRP_A"}
    assert all(PASSWORD.encode() not in said.body for said in aws.said)
    assert client.auth.user().user_id == "the-sub"


def test_requests_are_not_signed(aws: FakeAws, client_of: Callable[..., TodoClient]) -> None:
    sign_in(aws, client_of())
    assert all("authorization" not in said.headers for said in aws.said)


def test_the_proof_carries_the_servers_time_not_the_devices(aws: FakeAws, client_of: Callable[..., TodoClient]) -> None:
    aws.will_say(200, CHALLENGE, Date="Tue, 03 Nov 2026 09:05:07 GMT")
    aws.will_say(200, TOKENS)
    client_of().auth.sign_in(EMAIL, PASSWORD)
    responses = aws.said[1].json["ChallengeResponses"]
    assert responses["TIMESTAMP"] == "Tue Nov 3 09:05:07 UTC 2026"  # UP-47: the day without a zero
    assert responses["USERNAME"] == "the-sub"  # UP-51


def test_the_proof_is_the_one_that_a_server_expects() -> None:
    """The server's half of SRP (UP-40 to UP-46), written here from the specification, agrees on the proof."""
    pool_name, user, salt, b = "AbCdEf", "the-sub", "00ff" * 8, 123456789
    proof = PasswordProof(scope=pool_name, password=PASSWORD)
    big_a = int(proof.public, 16)

    def padded(number: int) -> bytes:
        return number.to_bytes(number.bit_length() // 8 + 1, "big")

    def digest(*parts: bytes) -> int:
        return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")

    inner = hashlib.sha256(f"{pool_name}{user}:{PASSWORD}".encode()).digest()
    x = digest(padded(int(salt, 16)), inner)
    verifier = pow(2, x, _N)
    k = digest(padded(_N), b"\x02")
    big_b = (k * verifier + pow(2, b, _N)) % _N
    u = digest(padded(big_a), padded(big_b))
    secret = pow(big_a * pow(verifier, u, _N), b, _N)
    prk = hmac.new(padded(u), padded(secret), hashlib.sha256).digest()
    key = hmac.new(prk, b"Caldera Derived Key\x01", hashlib.sha256).digest()[:16]
    answer = proof.answer(
        {"SALT": f"{int(salt, 16):x}", "SRP_B": f"{big_b:x}", "SECRET_BLOCK": b64encode(b"block").decode()},
        user,
        datetime(2026, 11, 3, 9, 5, 7, tzinfo=UTC),
    )  # fmt: skip
    message = pool_name.encode() + user.encode() + b"block" + b"Tue Nov 3 09:05:07 UTC 2026"
    assert b64decode(answer["PASSWORD_CLAIM_SIGNATURE"]) == hmac.new(key, message, hashlib.sha256).digest()


@pytest.mark.parametrize("srp_b", ["0", f"{_N:x}", f"{2 * _N:x}", "not hex"])
def test_a_hostile_challenge_is_not_answered(srp_b: str) -> None:
    proof = PasswordProof(scope="A", password=PASSWORD)
    challenge = {**CHALLENGE["ChallengeParameters"], "SRP_B": srp_b}  # type: ignore[dict-item]
    with pytest.raises(SignInError, match="cannot be answered"):
        proof.answer(challenge, "the-sub", datetime.now(UTC))


REFUSALS: list[tuple[str, str, type[TodoError], str]] = [
    ("NotAuthorizedException", "Incorrect username or password.", InvalidCredentialsError, "wrong user or password"),
    ("UserNotFoundException", "User does not exist.", InvalidCredentialsError, "wrong user or password"),
    ("NotAuthorizedException", "Password attempts exceeded", ThrottledError, "too many"),
    ("NotAuthorizedException", "User is disabled.", SignInError, "disabled"),
    ("NotAuthorizedException", "Temporary password has expired and must be reset", SignInError, "expired"),
    ("UserNotConfirmedException", "User is not confirmed.", SignInError, "not confirmed"),
    ("PasswordResetRequiredException", "Password reset required for the user", SignInError, "reset"),
    ("ResourceNotFoundException", "User pool client x does not exist.", ConfigError, "todo configure"),
    ("TooManyRequestsException", "Rate exceeded", ThrottledError, "too much at once"),
    ("ANewException", "News", SignInError, "ANewException"),
]


@pytest.mark.parametrize(("code", "message", "kind", "said"), REFUSALS)
def test_a_refused_sign_in_is_one_clear_sentence(
    aws: FakeAws, client_of: Callable[..., TodoClient], code: str, message: str, kind: type[TodoError], said: str
) -> None:
    aws.will_say(200, CHALLENGE)
    aws.will_refuse(code, message)
    with pytest.raises(kind, match=said) as caught:
        client_of().auth.sign_in(EMAIL, PASSWORD)
    assert type(caught.value) is kind


def test_wrong_user_and_wrong_password_read_the_same(aws: FakeAws, client_of: Callable[..., TodoClient]) -> None:
    texts = set()
    for code in ("NotAuthorizedException", "UserNotFoundException"):
        aws.will_say(200, CHALLENGE)
        aws.will_refuse(code, f"text of {code}")
        with pytest.raises(InvalidCredentialsError) as caught:
            client_of().auth.sign_in(EMAIL, PASSWORD)
        texts.add(str(caught.value))
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("code", "message", "kind", "said"),
    [
        ("InvalidPasswordException", "Password did not conform with policy: Password not long enough",
         InvalidRequestError, "too weak: Password not long enough"),
        ("UsernameExistsException", "User already exists", ConflictError, "already a user"),
        ("InvalidParameterException", "Invalid email address format.", InvalidRequestError, "Invalid email"),
        ("LimitExceededException", "Attempt limit exceeded, please try after some time.", ThrottledError, "too many"),
        ("CodeDeliveryFailureException", "", ServerError, "could not be sent"),
    ],
)  # fmt: skip
def test_a_refused_sign_up_is_one_clear_sentence(
    aws: FakeAws, client_of: Callable[..., TodoClient], code: str, message: str, kind: type[TodoError], said: str
) -> None:
    aws.will_refuse(code, message)
    with pytest.raises(kind, match=said):
        client_of().auth.sign_up(EMAIL, PASSWORD)


@pytest.mark.parametrize(
    ("code", "message", "kind", "said"),
    [
        ("CodeMismatchException", "Invalid verification code provided", InvalidRequestError, "code is wrong"),
        ("ExpiredCodeException", "Invalid code provided", InvalidRequestError, "expired"),
        ("LimitExceededException", "Attempt limit exceeded", ThrottledError, "too many attempts"),
        ("TooManyFailedAttemptsException", "", ThrottledError, "too many attempts"),
        ("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED", ConflictError, "already"),
    ],
)
def test_a_refused_code_is_one_clear_sentence(
    aws: FakeAws, client_of: Callable[..., TodoClient], code: str, message: str, kind: type[TodoError], said: str
) -> None:
    aws.will_refuse(code, message)
    with pytest.raises(kind, match=said):
        client_of().auth.confirm_sign_up(EMAIL, "123456")


def test_a_sign_up_is_not_sent_twice(aws: FakeAws, client_of: Callable[..., TodoClient]) -> None:
    with pytest.raises(ServerError):
        client_of().auth.sign_up(EMAIL, PASSWORD)  # the server answers 500
    assert len(aws.said) == 1


def test_a_renewal_is_sent_again_for_it_has_no_effect_to_repeat(
    aws: FakeAws, client_of: Callable[..., TodoClient]
) -> None:
    client = client_of()
    sign_in(aws, client)
    aws.said.clear()
    aws.will_say(500, {})
    aws.will_say(200, TOKENS)
    client.auth.refresh()
    assert [said.operation for said in aws.said] == ["GetTokensFromRefreshToken"] * 2


@pytest.mark.parametrize(
    "message", ["Invalid Refresh Token", "Refresh Token has expired", "Refresh Token has been revoked"]
)
def test_a_refused_refresh_token_is_the_end_of_the_session(
    aws: FakeAws, client_of: Callable[..., TodoClient], message: str
) -> None:
    client = client_of()
    sign_in(aws, client)
    aws.will_refuse("NotAuthorizedException", message)
    with pytest.raises(NotSignedInError, match="sign in again"):
        client.auth.refresh()
    with pytest.raises(NotSignedInError):
        client.auth.user()


DEVICE = {"NewDeviceMetadata": {"DeviceKey": "eu-west-1_k", "DeviceGroupKey": "g"}}


def test_a_new_device_is_confirmed_and_its_key_goes_with_the_renewal(
    aws: FakeAws, client_of: Callable[..., TodoClient]
) -> None:
    client = client_of()
    aws.will_say(200, CHALLENGE)
    aws.will_say(200, {"AuthenticationResult": {**TOKENS["AuthenticationResult"], **DEVICE}})
    aws.will_say(200, {"UserConfirmationNecessary": True})
    client.auth.sign_in(EMAIL, PASSWORD)
    assert aws.said[-1].operation == "ConfirmDevice"
    confirmed = aws.said[-1].json
    assert (confirmed["AccessToken"], confirmed["DeviceKey"]) == ("access", "eu-west-1_k")  # UP-81
    verifier = {name: int.from_bytes(b64decode(text)) for name, text in confirmed["DeviceSecretVerifierConfig"].items()}
    assert 1 < verifier["PasswordVerifier"] < _N - 1
    assert verifier["Salt"]
    aws.will_say(200, TOKENS)
    client.auth.refresh()
    assert aws.said[-1].json["DeviceKey"] == "eu-west-1_k"  # UP-86


def test_a_device_that_cannot_be_confirmed_is_no_session(aws: FakeAws, client_of: Callable[..., TodoClient]) -> None:
    client = client_of()
    aws.will_say(200, CHALLENGE)
    aws.will_say(200, {"AuthenticationResult": {**TOKENS["AuthenticationResult"], **DEVICE}})
    aws.will_say(400, {"__type": "TooManyRequestsException", "message": "Rate exceeded"})
    with pytest.raises(TodoError):
        client.auth.sign_in(EMAIL, PASSWORD)
    with pytest.raises(NotSignedInError):
        client.auth.user()


@pytest.mark.parametrize(
    ("name", "field", "reply"),
    [
        ("NEW_PASSWORD_REQUIRED", "NEW_PASSWORD", "A new-password 1"),
        ("SOFTWARE_TOKEN_MFA", "SOFTWARE_TOKEN_MFA_CODE", "123456"),
    ],
)
def test_a_challenge_is_a_value_that_is_answered(
    aws: FakeAws, client_of: Callable[..., TodoClient], name: str, field: str, reply: str
) -> None:
    client = client_of()
    aws.will_say(200, CHALLENGE)
    aws.will_say(200, {"ChallengeName": name, "Session": "s" * 20, "ChallengeParameters": {}})
    challenge = client.auth.begin_sign_in(EMAIL, PASSWORD)
    assert isinstance(challenge, Challenge)
    assert challenge.name == name
    assert "s" * 20 not in repr(challenge)
    aws.will_say(200, TOKENS)
    assert client.auth.answer(challenge, reply) == User("the-sub", EMAIL)
    said = aws.said[-1].json
    assert said["ChallengeResponses"] == {"USERNAME": "the-sub", field: reply}
    assert said["Session"] == "s" * 20
    assert client.auth.user().email == EMAIL


def test_a_challenge_that_is_not_known_is_an_error(aws: FakeAws, client_of: Callable[..., TodoClient]) -> None:
    aws.will_say(200, CHALLENGE)
    aws.will_say(200, {"ChallengeName": "SELECT_MFA_TYPE", "Session": "s" * 20})
    with pytest.raises(SignInError, match="SELECT_MFA_TYPE"):
        client_of().auth.sign_in(EMAIL, PASSWORD)


def test_a_wrong_code_at_a_challenge_is_one_clear_sentence(aws: FakeAws, client_of: Callable[..., TodoClient]) -> None:
    client = client_of()
    aws.will_say(200, CHALLENGE)
    aws.will_say(200, {"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "s" * 20})
    with pytest.raises(ChallengeRequiredError) as caught:
        client.auth.sign_in(EMAIL, PASSWORD)
    aws.will_refuse("CodeMismatchException", "Invalid code received for user")
    with pytest.raises(SignInError, match="code is wrong"):
        client.auth.answer(caught.value.challenge, "000000")


def test_the_identity_is_asked_with_the_id_token_under_the_pools_name(
    aws: FakeAws, client_of: Callable[..., TodoClient]
) -> None:
    client = client_of()
    sign_in(aws, client)
    aws.will_say(200, {"IdentityId": IDENTITY})
    assert client.auth.identity_id() == IDENTITY
    assert client.auth.identity_id() == IDENTITY
    assert aws.said[-1].operation == "GetId"
    assert aws.said[-1].json["Logins"] == {
        "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf": TOKENS["AuthenticationResult"]["IdToken"]
    }
    assert len(aws.said) == 3


@pytest.mark.parametrize("text", ["", "  ", "me", "@b", "a b@c"])
def test_what_is_no_address_is_refused_before_any_call(
    aws: FakeAws, client_of: Callable[..., TodoClient], text: str
) -> None:
    with pytest.raises(InvalidRequestError):
        client_of().auth.sign_up(text, PASSWORD)
    with pytest.raises(InvalidRequestError):
        client_of().auth.sign_in(EMAIL, "")
    assert aws.said == []


def test_an_unreachable_cognito_is_one_sentence(client_of: Callable[..., TodoClient], aws: FakeAws) -> None:
    client = client_of()
    object.__setattr__(client.config, "endpoint_url", "http://127.0.0.1:9")
    with pytest.raises(TransportError, match="Cognito cannot be reached"):
        client.auth.sign_in(EMAIL, PASSWORD)


def test_nothing_of_aws_in_the_environment_has_a_say(aws: FakeAws, tmp_path: Any) -> None:
    """A profile that does not exist, foreign keys, a foreign endpoint, a broken ~/.aws: all of it is ignored."""
    (tmp_path / ".aws").mkdir()
    for name in ("config", "credentials"):
        (tmp_path / ".aws" / name).write_text("[default]\nendpoint_url = http://127.0.0.1:1\nmax_attempts = x\n[broken")
    hostile = {
        "HOME": str(tmp_path),
        "AWS_PROFILE": "does-not-exist",
        "AWS_ACCESS_KEY_ID": "AKIAFOREIGN",
        "AWS_SECRET_ACCESS_KEY": "foreign",
        "AWS_REGION": "us-west-2",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": "http://127.0.0.1:1",
        "AWS_MAX_ATTEMPTS": "many",
        "AWS_CONFIG_FILE": str(tmp_path / ".aws" / "config"),
        "AWS_CA_BUNDLE": "/does/not/exist",
        "AWS_USE_FIPS_ENDPOINT": "true",
    }
    program = f"""
from todo_sdk import *
from todo_sdk._aws import AwsCredentials, make_client
from datetime import datetime, UTC
own = dict(api_url="https://a.b", region="eu-west-1", user_pool_id="eu-west-1_A", user_pool_client_id="c",
           identity_pool_id="eu-west-1:1", files_bucket="bucket")
aws = Config(**own)
print(make_client("cognito-idp", aws, repeats=False).meta.endpoint_url)
print(make_client("s3", aws, repeats=False).meta.endpoint_url)
keys = lambda: AwsCredentials("ASIAOWN", "secret", "token", datetime.now(UTC))
client = make_client("s3", Config(**own, endpoint_url="{aws.url}"), repeats=False, credentials=keys)
client.head_object(Bucket="bucket", Key="k")
make_client("s3", Config(**own, endpoint_url="{aws.url}"), repeats=False).head_object(Bucket="bucket", Key="k")
"""
    aws.will_say(200, b"")
    aws.will_say(200, b"")
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **hostile}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        "https://cognito-idp.eu-west-1.amazonaws.com",
        "https://s3.eu-west-1.amazonaws.com",
    ]
    assert "Credential=ASIAOWN/" in aws.said[0].headers["authorization"]
    assert "/eu-west-1/s3/" in aws.said[0].headers["authorization"]
    assert "authorization" not in aws.said[1].headers  # without credentials of ours: none, not somebody else's
