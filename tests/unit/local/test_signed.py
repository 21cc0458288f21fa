"""The owner's signature, as botocore makes it; and everything that MiniStack would take for the owner without one."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from todo_backend.local.asgi import Answer, Receive, Scope, Send, ask, header, read_body, respond
from todo_backend.local.control import AdminCredentials
from todo_backend.local.signed import Signed

OWNER = AdminCredentials("AKIAOWNER", "a-secret")
RIGHT = Credentials(OWNER.access_key, OWNER.secret_key)
ENDPOINT = "http://127.0.0.1:4566"


class Inside:
    """Remembers what came through."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.authorizations: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.bodies.append(await read_body(receive))
        self.authorizations.append(header(scope, b"authorization"))
        await respond(send, Answer(204))


def sent(request: Any, body: bytes = b"") -> Answer:
    """The answer to a prepared request; 204 when it came through."""
    return through(request, body)[0]


def through(request: Any, body: bytes = b"", *more: tuple[bytes, bytes]) -> tuple[Answer, Inside]:
    parts = urlsplit(request.url)
    headers = [(name.lower().encode(), str(value).encode("latin-1")) for name, value in request.headers.items()]
    headers += [(b"host", parts.netloc.encode()), *more]
    scope = {
        "type": "http",
        "method": request.method,
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": headers,
    }
    inside = Inside()
    return asyncio.run(ask(Signed(inside, OWNER), scope, body)), inside


def signed(
    service: str, path: str = "/", body: bytes = b"", key: Credentials = RIGHT, method: str = "POST", **headers: str
) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest(method, ENDPOINT + path, headers=named, data=body)
    auth = S3SigV4Auth if service == "s3" else SigV4Auth
    auth(key, service, "us-east-1").add_auth(request)
    return request.prepare()


def plain(authorization: str = "", path: str = "/") -> Any:
    return AWSRequest(
        "POST", ENDPOINT + path, headers={"Authorization": authorization} if authorization else {}
    ).prepare()


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("dynamodb", "/"),
        ("lambda", "/2015-03-31/functions/arn%3Aaws%3Alambda/invocations?Qualifier=a%20b&x"),
        ("apigateway", "/restapis?limit=5&embed=methods&embed=a"),
        ("s3", "/bucket/us-east-1%3Aabc/a%20b+%C3%A4/c~d.txt?partNumber=1&uploadId=x%2By"),
        ("s3", "/bucket/a//b/../c?list-type=2&prefix="),
    ],
)
def test_the_owners_signature_opens(service: str, path: str) -> None:
    answer, inside = through(signed(service, path, b"body"), b"body")
    assert (answer.status, inside.bodies) == (204, [b"body"])


def test_an_announced_payload_is_compared_with_the_body() -> None:
    assert sent(signed("s3", "/bucket/key", b"body", method="PUT"), b"body").status == 204
    assert sent(signed("s3", "/bucket/key", b"body", method="PUT"), b"other").status == 400


@pytest.mark.parametrize("announced", ["STREAMING-UNSIGNED-PAYLOAD-TRAILER", "UNSIGNED-PAYLOAD"])
def test_a_payload_that_s3_lets_a_client_leave_unsigned_is_not(announced: str) -> None:
    class Auth(S3SigV4Auth):  # type: ignore[misc]
        def payload(self, request: AWSRequest) -> str:
            return announced

    request = AWSRequest("PUT", f"{ENDPOINT}/bucket/key", data=b"")
    Auth(RIGHT, "s3", "us-east-1").add_auth(request)
    assert sent(request.prepare(), b"5\r\nchunk\r\n0\r\n\r\n").status == 204


@pytest.mark.parametrize("service", ["dynamodb", "s3", "iam", "lambda"])
def test_the_owners_key_with_another_secret_does_not(service: str) -> None:
    wrong = Credentials(OWNER.access_key, "another-secret")
    answer, inside = through(signed(service, key=wrong))
    assert answer.status in (400, 403)
    assert inside.bodies == []
    assert b"ignature" in answer.body


def test_a_body_that_was_not_signed_does_not_pass() -> None:
    assert sent(signed("dynamodb", body=b"signed"), b"sent").status == 400


def test_a_path_or_a_header_that_was_changed_does_not_pass() -> None:
    request = signed("lambda", "/2015-03-31/functions", method="GET")
    request.url += "/x"
    assert sent(request).status == 400
    request = signed("dynamodb", X_Amz_Target="DynamoDB_20120810.GetItem")
    request.headers["X-Amz-Target"] = "DynamoDB_20120810.DeleteTable"
    assert sent(request).status == 400


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_signature_of_another_time_does_not_pass(minutes: int) -> None:
    stamp = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y%m%dT%H%M%SZ")
    auth = SigV4Auth(RIGHT, "dynamodb", "us-east-1")
    request = AWSRequest("POST", ENDPOINT + "/", data=b"")
    request.context["timestamp"] = stamp
    request.headers["X-Amz-Date"] = stamp
    canonical = auth.canonical_request(request)
    signature = auth.signature(auth.string_to_sign(request, canonical), request)
    auth._inject_signature_to_request(request, signature)
    assert sent(request.prepare()).status == 400


def test_the_owners_presigned_url_opens_and_a_changed_one_does_not() -> None:
    request = AWSRequest("GET", f"{ENDPOINT}/bucket/us-east-1%3Aabc/a%20b", headers={})
    S3SigV4QueryAuth(RIGHT, "s3", "us-east-1", expires=60).add_auth(request)
    prepared = request.prepare()
    assert sent(prepared).status == 204
    prepared.url = prepared.url.replace("/a%20b", "/a%20c")
    assert sent(prepared).status == 403


@pytest.mark.parametrize("name", ["test", "000000000000", "123456789012", ""])
@pytest.mark.parametrize("service", ["dynamodb", "s3", "iam"])
def test_nobody_is_the_owner_by_a_name(service: str, name: str) -> None:
    answer, inside = through(signed(service, key=Credentials(name, "test")))
    assert answer.status in (400, 403)
    assert inside.bodies == []


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Credential=test/20261123/us-east-1/dynamodb/aws4_request&X-Amz-Signature=0",
        "x-amz-credential=000000000000%2F20261123",
        "AWSAccessKeyId=test&Signature=x",
        "awsaccesskeyid=",
        "X-Amz-Credential=AKIAOWNER/20261123/us-east-1/dynamodb/aws4_request&X-Amz-Signature=0",
        "X-Amz-Credential=ASIAOTHER/x&X-Amz-Credential=test/x",
    ],
)
def test_nor_by_one_in_the_query(query: str) -> None:
    answer, inside = through(plain(path=f"/?{query}"))
    assert answer.status in (400, 403)
    assert inside.bodies == []


def test_nor_by_a_second_name_beside_a_good_one() -> None:
    wrong = Credentials(OWNER.access_key, "another-secret")
    assert sent(signed("dynamodb", "/?X-Amz-Credential=ASIAOTHER%2F20261123", key=wrong)).status == 400
    request = signed("dynamodb", "/?X-Amz-Credential=test%2F20261123")
    assert sent(request).status == 400
    twice = plain("AWS4-HMAC-SHA256 Credential=ASIAOTHER/x/aws4_request, Credential=test/x/aws4_request")
    assert sent(twice).status == 400


@pytest.mark.parametrize(
    "authorization", ["Bearer x", "Basic eDp5", "x", "AWSfoo", "AWS4", "aws4-hmac-sha256 Credential=x"]
)
def test_an_authorization_of_another_kind_is_none(authorization: str) -> None:
    answer, inside = through(plain(authorization))
    assert (answer.status, inside.authorizations) == (204, [""])


def test_of_two_authorizations_none_counts() -> None:
    answer, inside = through(signed("dynamodb"), b"", (b"authorization", b"AWS test:x"))
    assert (answer.status, inside.authorizations) == (204, [""])


def test_others_are_ministacks_to_judge() -> None:
    answer, inside = through(signed("s3", key=Credentials("ASIASOMEBODY", "x", "token")))
    assert answer.status == 204
    assert inside.authorizations[0].startswith("AWS4-HMAC-SHA256 Credential=ASIASOMEBODY/")
    assert sent(plain()).status == 204
