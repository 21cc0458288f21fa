"""Whatever arrives at Cognito: AWS's error, never a fault of the service's own. In process, every operation of it."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.session import get_session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import FUZZ_EXAMPLES
from tests.unit.cognito.conftest import PLENTY, Clock, FakeControl, inner, verify_signature
from todo_backend.local.asgi import Answer, Scope, ask
from todo_backend.local.cognito import CognitoApp, Surroundings

POOL, CLIENT = "us-east-1_Fuzz00001", "fuzzclient"
IDENTITY_POOL = "us-east-1:00000000-0000-4000-8000-000000000001"
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=AKIAGOOD/20261123/us-east-1/cognito-idp/aws4_request, SignedHeaders=host, Signature=0"
)
USER = "somebody@example.com"


class InProcess:
    """Cognito without sockets, on one event loop."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        control = FakeControl()
        control.pools[POOL] = {"Id": POOL, "UsernameAttributes": ["email"], "AutoVerifiedAttributes": ["email"]}
        control.clients[CLIENT] = {"ClientId": CLIENT, "UserPoolId": POOL, "PreventUserExistenceErrors": "ENABLED"}
        provider = {"ProviderName": f"cognito-idp.us-east-1.amazonaws.com/{POOL}", "ClientId": CLIENT}
        control.identity_pools[IDENTITY_POOL] = {
            "IdentityPoolId": IDENTITY_POOL,
            "AllowUnauthenticatedIdentities": True,
            "CognitoIdentityProviders": [provider],
        }
        self.clock = Clock()
        around = Surroundings(control, lambda to, subject, text: None, None, clock=self.clock, quotas=PLENTY)
        self.app = CognitoApp(inner, around, verify_signature=verify_signature)
        self.operations = sorted(self.app._operations)
        sign_up = {"ClientId": CLIENT, "Username": USER, "Password": "Right-password-1!"}
        attributes = [{"Name": "email", "Value": USER}]
        made = self.call("AWSCognitoIdentityProviderService", "SignUp", sign_up | {"UserAttributes": attributes})
        assert made.status == 200, made.body

    def call(self, service: str, operation: str, body: Any) -> Answer:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = [(b"x-amz-target", f"{service}.{operation}".encode()), (b"authorization", SIGNED.encode())]
        scope: Scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
        return self.runner.run(ask(self.app, scope, content))


@pytest.fixture(scope="module")
def service() -> Iterator[InProcess]:
    made = InProcess()
    yield made
    made.runner.run(made.app.close())
    made.runner.close()


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda more: st.lists(more, max_size=3) | st.dictionaries(st.text(max_size=6), more, max_size=3),
    max_leaves=6,
)
# What has a meaning somewhere, and so leads further in than made-up texts do.
KNOWN = st.sampled_from(
    [
        POOL, CLIENT, IDENTITY_POOL, USER, "email", "sub", "123456", "0", "ABCDEF", "a.b.c", "e30.e30.e30",
        "USER_SRP_AUTH", "USER_PASSWORD_AUTH", "REFRESH_TOKEN_AUTH", "PASSWORD_VERIFIER", "DEVICE_SRP_AUTH", "SMS_MFA",
        "SOFTWARE_TOKEN_MFA", "NEW_PASSWORD_REQUIRED", "MFA_SETUP", "USERNAME", "PASSWORD", "SRP_A", "SRP_B",
        "remembered", "x" * 100_000,
        "PASSWORD_CLAIM_SIGNATURE", "PASSWORD_CLAIM_SECRET_BLOCK", "TIMESTAMP", "DEVICE_KEY", "REFRESH_TOKEN",
        "-1", "\x00",
        f"cognito-idp.us-east-1.amazonaws.com/{POOL}", "us-east-1:00000000-0000-4000-8000-00000000000f",
        "ÿ\U0001f600\ud800",
    ]
)  # fmt: skip


def shaped(shape: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of a shape of AWS's model, with something else in it now and then."""
    if depth > 4:
        return JUNK
    kind = shape.type_name
    if kind == "structure":
        members = {name: shaped(member, depth + 1) for name, member in shape.members.items()}
        needed = {name: members.pop(name) for name in shape.required_members}
        fitting: st.SearchStrategy[Any] = st.fixed_dictionaries(needed, optional=members)
    elif kind == "list":
        fitting = st.lists(shaped(shape.member, depth + 1), max_size=3)
    elif kind == "map":
        fitting = st.dictionaries(KNOWN, shaped(shape.value, depth + 1), max_size=4)
    elif kind == "boolean":
        fitting = st.booleans()
    elif kind in ("integer", "long"):
        fitting = st.integers(-2, 10**12)
    elif getattr(shape, "enum", None):
        fitting = st.sampled_from(shape.enum)
    else:
        fitting = KNOWN | st.text(max_size=12)
    return st.one_of(fitting, fitting, fitting, fitting, JUNK)


MODELS = {
    "AWSCognitoIdentityProviderService": get_session().get_service_model("cognito-idp"),
    "AWSCognitoIdentityService": get_session().get_service_model("cognito-identity"),
}


@settings(
    max_examples=2 * FUZZ_EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_no_parameters_draw_a_fault(service: InProcess, data: st.DataObject) -> None:
    name, operation = data.draw(st.sampled_from(service.operations))
    shape = MODELS[name].operation_model(operation).input_shape
    answer = service.call(name, operation, data.draw(shaped(shape) if shape is not None else JUNK))
    assert answer.status < 500, (operation, answer.body)
    assert b"Traceback" not in answer.body
    if answer.status != 200:
        assert answer.json()["__type"].endswith(("Exception", "Error"))
        assert "message" in answer.json()
    for key, value in answer.headers:
        assert not set(key + value) & set(b"\r\n\x00")


@settings(max_examples=FUZZ_EXAMPLES, deadline=None)
@given(body=st.binary(max_size=80) | JUNK.map(lambda value: json.dumps(value).encode()), data=st.data())
def test_no_body_draws_a_fault(service: InProcess, body: bytes, data: st.DataObject) -> None:
    name, operation = data.draw(st.sampled_from(service.operations))
    answer = service.call(name, operation, body)
    assert 200 <= answer.status < 500, (operation, answer.body)


@pytest.mark.parametrize("token", ["x" * 100_000, "e30." * 25_000, "." * 100_000, "e30.e30." + "A" * 100_000])
@pytest.mark.parametrize("operation", ["GetUser", "RevokeToken", "GlobalSignOut", "InitiateAuth"])
def test_a_token_of_100_kilobytes_is_refused(service: InProcess, operation: str, token: str) -> None:
    given_: dict[str, Any] = {"AccessToken": token}
    if operation == "RevokeToken":
        given_ = {"Token": token, "ClientId": CLIENT}
    elif operation == "InitiateAuth":
        parameters = {"REFRESH_TOKEN": token}
        given_ = {"ClientId": CLIENT, "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": parameters}
    answer = service.call("AWSCognitoIdentityProviderService", operation, given_)
    assert 200 <= answer.status < 500
    assert len(answer.body) < 5_000


def test_a_message_that_quotes_control_characters_can_be_sent(service: InProcess) -> None:
    pool_id = "\x00\r\n\x7f\u00ff\U0001f600"
    answer = service.call("AWSCognitoIdentityProviderService", "AdminGetUser", {"UserPoolId": pool_id, "Username": "u"})
    [message] = [value for name, value in answer.headers if name == b"x-amzn-errormessage"]
    assert message.startswith(b"1 validation error detected: Value '?  ???' at 'userPoolId'")
    assert pool_id in answer.json()["message"]


def test_a_deletion_that_is_malformed_is_the_control_planes_to_refuse(service: InProcess) -> None:
    for body in (b"", b"{", b"[]", b"\xff", b'{"UserPoolId":[]}', b'{"UserPoolId":"gone"}'):
        assert service.call("AWSCognitoIdentityProviderService", "DeleteUserPool", body).json() == {"inner": "/"}
