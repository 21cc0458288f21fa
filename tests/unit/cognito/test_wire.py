"""The wire: who is answered, how errors look, and that no input is too bad."""

import contextlib
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from botocore.session import get_session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from todo_backend.local.cognito import Quotas, parameters
from todo_backend.local.cognito.app import CognitoApp
from todo_backend.local.cognito.errors import CognitoError

if TYPE_CHECKING:
    from tests.unit.cognito.conftest import World

IDP = "AWSCognitoIdentityProviderService."
OURS = (
    "SignUp", "ConfirmSignUp", "ResendConfirmationCode", "ForgotPassword", "ConfirmForgotPassword", "InitiateAuth",
    "RespondToAuthChallenge", "GetTokensFromRefreshToken", "RevokeToken", "GlobalSignOut", "ChangePassword", "GetUser",
    "DeleteUser", "ConfirmDevice", "UpdateDeviceStatus", "ForgetDevice", "AssociateSoftwareToken",
    "VerifySoftwareToken", "SetUserMFAPreference",
)  # fmt: skip


def send(world: "World", operation: str, **given_: Any) -> tuple[int, dict[str, Any]]:
    """Status and body of an unsigned call."""
    status, body, _ = world.raw(IDP + operation, json.dumps(given_).encode())
    return status, body


@pytest.mark.parametrize("operation", OURS)
def test_up_01_and_02_public_operations_are_answered_unsigned(world: "World", operation: str) -> None:
    status, body, headers = world.raw(IDP + operation, b"{}")
    assert status == 400
    assert body["__type"] == "InvalidParameterException", body
    assert headers["Content-Type"] == "application/x-amz-json-1.1"


def test_ip_01_the_identity_pools_too(world: "World") -> None:
    for operation in ("GetId", "GetCredentialsForIdentity", "GetOpenIdToken"):
        assert world.raw(f"AWSCognitoIdentityService.{operation}", b"{}")[1]["__type"] == "ValidationException"


def test_up_03_administrators_sign(world: "World") -> None:
    model = get_session().get_service_model("cognito-idp")
    app = world.app
    assert isinstance(app, CognitoApp)
    admin = [
        name
        for service, name in app._operations
        if service.endswith("ProviderService") and (name.startswith("Admin") or name == "ListUsers")
    ]
    assert len(admin) > 20
    for name in admin:
        assert model.operation_model(name).auth_type != "none"
        status, body, _ = world.raw(IDP + name, b"{}")
        assert (status, body["__type"]) == (400, "MissingAuthenticationTokenException")
        forged = {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIAEVIL/x, SignedHeaders=host, Signature=0"}
        assert world.raw(IDP + name, b"{}", forged)[1]["__type"] == "UnrecognizedClientException"


def test_up_04_errors_have_aws_form(world: "World") -> None:
    status, body, headers = world.raw(IDP + "GetUser", b'{"AccessToken": "junk"}')
    assert (status, body) == (400, {"__type": "NotAuthorizedException", "message": "Invalid Access Token"})
    assert headers["x-amzn-errortype"] == "NotAuthorizedException:"
    assert headers["x-amzn-errormessage"] == "Invalid Access Token"
    assert len(headers["x-amzn-requestid"]) == 36


def test_up_05_and_06_constraints_are_worded_as_aws_words_them(world: "World") -> None:
    status, body = send(world, "VerifySoftwareToken", UserCode="Aaaa")
    assert (status, body["__type"]) == (400, "InvalidParameterException")
    assert body["message"] == (
        "2 validation errors detected: Value 'Aaaa' at 'userCode' failed to satisfy constraint: Member must satisfy"
        " regular expression pattern: [0-9]+; Value 'Aaaa' at 'userCode' failed to satisfy constraint: Member must have"
        " length greater than or equal to 6"
    )
    _, body = send(world, "SignUp", ClientId="x", Username="u", Password="with space")
    assert body["message"] == (
        "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must satisfy regular"
        " expression pattern: [\\S]+"
    )
    _, body = send(world, "SignUp", ClientId="x", Password="y" * 257)
    assert "Value null at 'username' failed to satisfy constraint: Member must not be null" in body["message"]
    assert (
        "Value at 'password' failed to satisfy constraint: Member must have length less than or equal to 256"
        in body["message"]
    )
    _, body = send(world, "SignUp", ClientId="x", Username="u", Password="p", UserAttributes=[{"Name": "x" * 33}])
    assert "'userAttributes.1.member.name'" in body["message"]
    _, body = send(world, "InitiateAuth", ClientId="x", AuthFlow="MAGIC")
    assert (
        "Value 'MAGIC' at 'authFlow' failed to satisfy constraint: Member must satisfy enum value set: ["
        in body["message"]
    )


def test_up_07_an_unknown_client(world: "World") -> None:
    _, body = send(world, "ForgotPassword", ClientId="nobody", Username="u")
    assert body == {"__type": "ResourceNotFoundException", "message": "User pool client nobody does not exist."}


@pytest.fixture
def throttled(world: "World", tmp_path: Any) -> Any:
    """A service with AWS's quotas."""
    other = type(world)(quotas=Quotas())
    other.start()
    yield other
    other.stop()


def test_up_08_one_user_reads_the_profile_ten_times_a_second(throttled: "World") -> None:
    pool = throttled.pool()
    token = throttled.tokens(pool, throttled.user(pool))["AccessToken"]
    with throttled.clock.standing_still():
        answers = [send(throttled, "GetUser", AccessToken=token)[1].get("__type") for _ in range(11)]
    assert answers == [None] * 10 + ["TooManyRequestsException"]


def test_other_requests_go_to_the_control_plane(world: "World") -> None:
    assert world.raw(IDP + "CreateUserPool", b"{}")[1] == {"inner": "/"}
    assert world.raw("DynamoDB_20120810.GetItem", b"{}")[1] == {"inner": "/"}
    assert world.get("/bucket/key") == (200, {"inner": "/bucket/key"})


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff\xfe", b"[]", b'"text"', b"null", b"1", b'{"AccessToken": 5}', b'{"AccessToken": ["x"]}',
     b'{"AccessToken": {}}', b'{"AccessToken": "\\ud800"}', b"[" * 100_000, b'{"a":' * 50_000,
     b'{"AccessToken": true}', b'{"AccessToken": NaN}'],
)  # fmt: skip
def test_bad_bodies_are_refused(world: "World", body: bytes) -> None:
    status, answer, _ = world.raw(IDP + "GetUser", body)
    assert status == 400
    assert answer["__type"] in {"SerializationException", "InvalidParameterException"}


def test_a_body_that_is_too_large_is_refused(world: "World") -> None:
    status, answer, _ = world.raw(IDP + "GetUser", b'{"AccessToken": "' + b"x" * 1_100_000 + b'"}')
    assert (status, answer["__type"]) == (413, "RequestEntityTooLargeException")


def test_a_client_that_goes_away_half_way_does_no_harm(world: "World") -> None:
    with socket.create_connection(("127.0.0.1", world.port)) as half:
        half.sendall(
            f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: {IDP}GetUser\r\nContent-Length: 50\r\n\r\n{{".encode()
        )
    assert send(world, "GetUser", AccessToken="x")[0] == 400


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_input_makes_a_server_error(world: "World", data: st.DataObject) -> None:
    pool = world.pool()
    operation = data.draw(st.sampled_from(OURS))
    members = get_session().get_service_model("cognito-idp").operation_model(operation).input_shape.members
    names = data.draw(st.lists(st.sampled_from(sorted(members)), unique=True, max_size=8))
    known = {"ClientId": pool.client_id, "Username": "somebody@example.com", "AuthFlow": "USER_SRP_AUTH"}
    given_: dict[str, Any] = {name: data.draw(JUNK) for name in names}
    given_ |= {name: value for name, value in known.items() if name in members}
    for name in ("AuthParameters", "ChallengeResponses"):
        if name in members:
            keys = st.sampled_from(
                ["USERNAME", "SRP_A", "SECRET_HASH", "DEVICE_KEY", "REFRESH_TOKEN", "TIMESTAMP", "NEW_PASSWORD"]
            )
            given_[name] = data.draw(st.dictionaries(keys, st.text(max_size=40), max_size=6))
    if "ChallengeName" in members:
        given_["ChallengeName"] = data.draw(
            st.sampled_from(["PASSWORD_VERIFIER", "DEVICE_SRP_AUTH", "MFA_SETUP", "SMS_MFA"])
        )
    status, _, _ = world.raw(IDP + operation, json.dumps(given_).encode())
    assert status in {200, 400}


@given(JUNK)
def test_parameters_of_any_form_are_taken_or_refused(value: Any) -> None:
    for operation in ("SignUp", "AdminCreateUser", "RespondToAuthChallenge"):
        with contextlib.suppress(CognitoError):
            assert isinstance(parameters.check("cognito-idp", operation, value), dict)
