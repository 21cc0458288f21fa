"""Bad input over sockets to the running stack: the AWS error, soon, and a stack that goes on as if nothing had been."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.session import get_session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import FUZZ_EXAMPLES, RunningStack
from tests.unit.cognito.test_bad_input import shaped

JSON_SERVICES = {
    "dynamodb": ("DynamoDB_20120810", "PutItem"),
    "cognito-idp": ("AWSCognitoIdentityProviderService", "CreateUserPool"),
    "cognito-identity": ("AWSCognitoIdentityService", "CreateIdentityPool"),
    "ssm": ("AmazonSSM", "PutParameter"),
    "logs": ("Logs_20140328", "CreateLogGroup"),
}
BODIES = [
    b"",
    b"{",
    b"[]",
    b"[1]",
    b"null",
    b"\xff\xfe",
    b'"x"',
    b"[" * 50_000,
    b'{"TableName":5,"PoolName":5,"Name":5}',
]


class Caller:
    """Signs as the account's owner, whatever the request is."""

    def __init__(self, stack: RunningStack, session: requests.Session) -> None:
        key = stack.admin_credentials
        self.endpoint = stack.output("EndpointUrl")
        self._key = Credentials(key.access_key, key.secret_key)
        self._session = session

    def call(self, service: str, method: str, path: str, body: bytes = b"", **headers: str) -> requests.Response:
        """The answer to a signed request."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest(method, self.endpoint + path, headers=named, data=body)
        SigV4Auth(self._key, service, "us-east-1").add_auth(request)
        prepared = request.prepare()
        return self._session.request(method, prepared.url, data=body, headers=dict(prepared.headers), timeout=30)

    def json(self, service: str, operation: str, body: bytes, media_type: str = "application/x-amz-json-1.1") -> Any:
        """The answer to an operation of a JSON service."""
        target = f"{JSON_SERVICES[service][0]}.{operation}"
        return self.call(service, "POST", "/", body, X_Amz_Target=target, Content_Type=media_type)


@pytest.fixture(scope="module")
def caller(stack: RunningStack) -> Iterator[Caller]:
    """The account's owner."""
    with requests.Session() as session:
        yield Caller(stack, session)


def told(stack: RunningStack, *pieces: bytes, half_close: bool = False) -> bytes:
    """What comes back on one connection until the stack hangs up."""
    address = stack.output("EndpointUrl").removeprefix("http://").split(":")
    found = b""
    with socket.create_connection((address[0], int(address[1])), timeout=30) as line:
        try:
            for piece in pieces:
                line.sendall(piece)
            if half_close:
                line.shutdown(socket.SHUT_WR)
            while piece := line.recv(65536):
                found += piece
        except (BrokenPipeError, ConnectionResetError):
            pass
    return found


@pytest.mark.parametrize("service", sorted(JSON_SERVICES))
@pytest.mark.parametrize("media_type", ["application/x-amz-json-1.0", "text/plain"])
def test_a_body_that_makes_no_sense_is_the_callers_fault(caller: Caller, service: str, media_type: str) -> None:
    for body in BODIES:
        for operation in (JSON_SERVICES[service][1], "Nope", ""):
            answer = caller.json(service, operation, body, media_type)
            assert 400 <= answer.status_code < 500 or (operation != "Nope" and answer.status_code == 200), answer.text
            if answer.status_code != 200:
                assert answer.json().get("__type"), (operation, body[:20], answer.text)
                assert "object has no attribute" not in answer.text


@pytest.mark.parametrize("service", ["iam", "sts", "cloudformation"])
def test_a_form_that_makes_no_sense_is_the_callers_fault(caller: Caller, service: str) -> None:
    for body in (b"", b"\xff\xfe", b"Action=", b"Action=Nope", b"Action=%ff", b"Action=AssumeRole&DurationSeconds=x"):
        answer = caller.call(service, "POST", "/", body, Content_Type="application/x-www-form-urlencoded")
        assert 400 <= answer.status_code < 500, (body, answer.text)


@pytest.mark.parametrize("query", ["list-type=2&max-keys=x", "versions&max-keys=x", "partNumber=x&uploadId=y"])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "HEAD"])
def test_a_strange_request_to_s3_is_the_callers_fault(
    caller: Caller, stack: RunningStack, method: str, query: str
) -> None:
    for path in (f"/{stack.output('FilesBucket')}-not-there", "/UPPER_bucket!!"):
        for body in (b"", b"<", b"\xff\xfe"):
            answer = caller.call("s3", method, f"{path}?{query}", body)
            assert answer.status_code < 500, answer.text


@pytest.mark.parametrize(
    ("service", "method", "path"),
    [
        ("apigateway", "DELETE", "/restapis"),
        ("apigateway", "POST", "/restapis"),
        ("apigateway", "PATCH", "/restapis?limit=x"),
        ("lambda", "POST", "/2015-03-31/functions"),
        ("lambda", "GET", "/2015-03-31/functions/" + "a" * 300),
        ("apigateway", "GET", "/%ff"),
        ("lambda", "PUT", "/..%2f"),
    ],
)
def test_a_strange_request_to_a_rest_service_is_the_callers_fault(
    caller: Caller, service: str, method: str, path: str
) -> None:
    for body in (b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"name":5}'):
        if (method, path, body) == ("POST", "/restapis", b'{"name":5}'):
            continue
        answer = caller.call(service, method, path, body, Content_Type="application/json")
        assert answer.status_code < 500, answer.text


@settings(max_examples=max(FUZZ_EXAMPLES // 5, 10), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_parameters_of_a_read_draw_a_fault(caller: Caller, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(["GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"]))
    shape = get_session().get_service_model("dynamodb").operation_model(operation).input_shape
    body = json.dumps(data.draw(shaped(shape)), default=str).encode("utf-8", "replace")
    answer = caller.json("dynamodb", operation, body)
    assert answer.status_code < 500, (operation, body, answer.text)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/_aws/execute-api/{api}/prod/v1/todos", ""),
        ("/", "AWSCognitoIdentityProviderService.GetUser"),
        ("/", "DynamoDB_20120810.GetItem"),
        ("/bucket/key", ""),
    ],
)
def test_a_header_of_100_kilobytes_is_refused(stack: RunningStack, path: str, target: str) -> None:
    api = stack.output("ApiUrl").split("/")[-2]
    headers = {"Authorization": "Bearer " + "x" * 100_000, "X-Amz-Target": target}
    answer = requests.put(stack.output("EndpointUrl") + path.format(api=api), b"{}", headers=headers, timeout=30)
    assert 400 <= answer.status_code < 500
    assert len(answer.content) < 1000


def test_a_body_without_end_is_refused_at_the_services_limit(stack: RunningStack) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    for target, limit in (("AWSCognitoIdentityProviderService.GetUser", 2), ("DynamoDB_20120810.GetItem", 20)):
        head = f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: {target}\r\nTransfer-Encoding: chunked\r\n\r\n"
        found = told(stack, head.encode(), *[chunk] * (16 * limit), b"0\r\n\r\n", half_close=True)
        assert found.startswith(b"HTTP/1.1 413 "), found[:200]


def test_a_half_closed_connection_gets_its_answer(stack: RunningStack) -> None:
    path = stack.output("ApiUrl").removeprefix(stack.output("EndpointUrl"))
    found = told(stack, f"GET {path}/v1/config HTTP/1.1\r\nHost: x\r\n\r\n".encode(), half_close=True)
    assert found.startswith(b"HTTP/1.1 200 ")
    assert b'"user_pool_id"' in found


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00" * 1000,
        b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_no_http_is_told_so_and_hung_up_on(stack: RunningStack, sent: bytes) -> None:
    assert told(stack, sent).startswith(b"HTTP/1.1 400 ")


def test_many_connections_that_say_nothing_keep_nobody_out(stack: RunningStack) -> None:
    address = stack.output("EndpointUrl").removeprefix("http://").split(":")
    idle = [socket.create_connection((address[0], int(address[1])), timeout=30) for _ in range(200)]
    try:
        assert requests.get(f"{stack.output('ApiUrl')}/v1/config", timeout=30).status_code == 200
    finally:
        for line in idle:
            line.close()


SCAN = {"X-Amz-Target": "DynamoDB_20120810.Scan"}


@pytest.mark.parametrize("authorization", ["Bearer x", "Basic eDp5", "AWS4", "AWS test:x", "AWS 000000000000:x"])
def test_nobody_reads_the_table_with_a_made_up_authorization(stack: RunningStack, authorization: str) -> None:
    endpoint, body = stack.output("EndpointUrl"), json.dumps({"TableName": stack.output("TableName")})
    answer = requests.post(endpoint, body, headers={**SCAN, "Authorization": authorization}, timeout=30)
    assert (answer.status_code, "Items" in answer.text) == (400, False)
    functions = requests.get(f"{endpoint}/restapis", headers={"Authorization": authorization}, timeout=30)
    assert functions.status_code in (400, 403)


@pytest.mark.parametrize("name", ["test", "000000000000", "111111111111", "the owner's"])
def test_nobody_is_the_owner_without_the_owners_secret(stack: RunningStack, name: str) -> None:
    key = Credentials(stack.admin_credentials.access_key if name == "the owner's" else name, "test")
    for service, method, path, headers in (
        ("dynamodb", "POST", "/", SCAN),
        ("s3", "GET", f"/{stack.output('FilesBucket')}?list-type=2", {}),
        ("iam", "GET", "/?Action=ListRoles&Version=2010-05-08", {}),
        ("lambda", "GET", "/2015-03-31/functions", {}),
        ("cognito-idp", "POST", "/", {"X-Amz-Target": "AWSCognitoIdentityProviderService.ListUserPools"}),
        ("cognito-idp", "POST", "/", {"X-Amz-Target": "AWSCognitoIdentityProviderService.ListUsers"}),
    ):
        body = json.dumps({"TableName": stack.output("TableName"), "UserPoolId": stack.output("UserPoolId")})
        request = AWSRequest(method, stack.output("EndpointUrl") + path, headers=headers, data=body)
        SigV4Auth(key, service, "us-east-1").add_auth(request)
        prepared = request.prepare()
        answer = requests.request(method, prepared.url, data=body, headers=dict(prepared.headers), timeout=30)
        assert answer.status_code in (400, 403), (service, answer.text)


def test_a_form_of_a_stranger_puts_nothing_into_the_bucket(stack: RunningStack) -> None:
    url = f"{stack.output('EndpointUrl')}/{stack.output('FilesBucket')}"
    policy = {"policy": "e30=", "x-amz-credential": "test/20261123/us-east-1/s3/aws4_request", "x-amz-signature": "0"}
    for fields in ({"key": "stranger"}, {"key": "stranger", **policy}, {"key": "stranger", "AWSAccessKeyId": "test"}):
        answer = requests.post(url, data=fields, files={"file": b"x"}, timeout=30)
        assert answer.status_code in (400, 403), answer.text
