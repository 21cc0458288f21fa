"""What MiniStack breaks on: refused in AWS's words when it was malformed, a mute 500 when it was not."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import FUZZ_EXAMPLES
from todo_backend.local.asgi import Answer, Message, Receive, Scope, Send, ask, respond
from todo_backend.local.guard import MAX_BODY_BYTES, MAX_JSON_BYTES, MAX_OBJECT_BYTES, Guard
from todo_backend.local.journal.calls import Call, Change, refusal
from todo_backend.local.malformed import refusal_of
from todo_backend.local.operations import Named

SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
SECRET = "a text of the inside"


class Inside:
    """Reads the body, then answers, or breaks."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer = answer
        self.read = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            self.read += len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body"):
                break
        if self.answer is None:
            raise UnicodeError(SECRET)
        await respond(send, self.answer)


BROKEN = Answer(500, [], json.dumps({"__type": "InternalError", "message": SECRET}).encode())


def guarded(
    inside: Any, service: str, body: bytes = b"", method: str = "POST", path: str = "/", query: str = "", **headers: str
) -> Answer:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    pairs.append((b"authorization", SIGNED.format(service).encode()))
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": pairs}
    answer = asyncio.run(ask(Guard(inside), scope, body))
    assert SECRET not in answer.body.decode("latin-1")
    return answer


@pytest.mark.parametrize("inside", [Inside(BROKEN), Inside(None)])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "SerializationException"),
        (b"\xff\xfe", "SerializationException"),
        (b"[1]", "SerializationException"),
        (b"null", "SerializationException"),
        (b"[" * 100_000, "SerializationException"),
        (b'{"TableName":5}', "SerializationException"),
        (b'{"TableName":"t","Key":{"pk":{"S":5}}}', "SerializationException"),
        (b"{}", "ValidationException"),
    ],
)
def test_a_malformed_call_of_a_json_service_is_a_400(inside: Inside, body: bytes, code: str) -> None:
    answer = guarded(inside, "dynamodb", body, x_amz_target="DynamoDB_20120810.GetItem")
    assert answer.status == 400
    assert answer.json()["__type"].rpartition("#")[2] == code
    assert answer.json()["message"]


def test_a_well_formed_call_that_breaks_it_stays_a_500_and_tells_nothing() -> None:
    body = b'{"TableName":"t","Key":{"pk":{"S":"a"}}}'
    answer = guarded(Inside(BROKEN), "dynamodb", body, x_amz_target="DynamoDB_20120810.GetItem")
    assert (answer.status, answer.json()["message"]) == (500, "Internal server error")


def test_a_refusal_of_ours_says_why_although_it_is_a_500() -> None:
    told = refusal(Call(Change.NOTED, "s3"), "no space left")
    answer = guarded(Inside(told), "s3")
    assert answer.status == 500
    assert b"no space left" in answer.body


def test_a_body_too_long_to_be_kept_is_not_called_malformed() -> None:
    target, half = {"x_amz_target": "DynamoDB_20120810.GetItem"}, b'{"TableName":"' + b"x" * 600_000

    async def in_pieces() -> int:
        sent, pieces = list[Message](), [half, b"x" * 600_000, b'"}']
        headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in target.items()]
        scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}

        async def receive() -> Message:
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: Message) -> None:
            sent.append(message)

        await Guard(Inside(BROKEN))(scope, receive, send)
        return int(sent[0]["status"])

    assert asyncio.run(in_pieces()) == 500


def test_an_unknown_operation_is_told_so() -> None:
    answer = guarded(Inside(BROKEN), "ssm", b"{}", x_amz_target="AmazonSSM.Nope")
    assert (answer.status, answer.json()["__type"]) == (400, "UnknownOperationException")
    assert guarded(Inside(BROKEN), "apigateway", b"", "DELETE", "/restapis").status == 400


@pytest.mark.parametrize(
    ("service", "body", "code"),
    [
        ("sts", b"\xff", b"MalformedInput"),
        ("sts", b"Action=AssumeRole&DurationSeconds=abc", b"MalformedInput"),
        ("iam", b"Action=Nope", b"InvalidAction"),
    ],
)
def test_a_malformed_form_is_a_400_in_xml(service: str, body: bytes, code: bytes) -> None:
    answer = guarded(Inside(BROKEN), service, body)
    assert answer.status == 400
    assert b"<Code>" + code + b"</Code>" in answer.body


def test_a_number_of_s3_that_is_none_is_an_invalid_argument() -> None:
    answer = guarded(Inside(BROKEN), "s3", b"", "GET", "/bucket", "list-type=2&max-keys=many")
    assert answer.status == 400
    assert b"<Code>InvalidArgument</Code>" in answer.body


def test_an_object_is_never_called_malformed_for_what_it_holds() -> None:
    answer = guarded(Inside(BROKEN), "s3", b"\xff\xfe", "PUT", "/bucket/key")
    assert answer.status == 500


def test_what_works_passes_untouched() -> None:
    answer = Answer(418, [(b"x-any", b"1")], b"\xff" * 10)
    assert guarded(Inside(answer), "s3", b"\xff", "PUT", "/bucket/key") == answer


@pytest.mark.parametrize(
    ("service", "target", "limit", "status"),
    [
        ("dynamodb", "DynamoDB_20120810.GetItem", MAX_JSON_BYTES, 413),
        ("lambda", "", MAX_BODY_BYTES, 413),
        ("s3", "", MAX_OBJECT_BYTES, 400),
    ],
)
def test_a_body_that_is_declared_too_large_is_not_read(service: str, target: str, limit: int, status: int) -> None:
    async def scenario() -> tuple[int, int]:
        inside, sent = Inside(Answer(200)), list[Message]()
        headers = [(b"content-length", str(limit + 1).encode()), (b"x-amz-target", target.encode())]
        headers.append((b"authorization", SIGNED.format(service).encode()))
        scope = {"type": "http", "method": "POST", "path": "/b/k", "query_string": b"", "headers": headers}

        async def receive() -> Message:
            raise AssertionError("it was read")

        async def send(message: Message) -> None:
            sent.append(message)

        await Guard(inside)(scope, receive, send)
        return sent[0]["status"], inside.read

    assert asyncio.run(scenario()) == (status, 0)


def test_a_body_that_never_ends_is_cut_off() -> None:
    async def scenario() -> tuple[int, int]:
        inside, sent = Inside(Answer(200)), list[Message]()
        headers = [(b"x-amz-target", b"DynamoDB_20120810.GetItem")]
        scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}

        async def receive() -> Message:
            return {"type": "http.request", "body": b"x" * 1_000_000, "more_body": True}

        async def send(message: Message) -> None:
            sent.append(message)

        await Guard(inside)(scope, receive, send)
        return sent[0]["status"], inside.read

    status, read = asyncio.run(scenario())
    assert status == 413
    assert read <= MAX_JSON_BYTES


def test_a_fault_after_the_answer_has_begun_is_not_answered_twice() -> None:
    async def inside(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise OSError("late")

    with pytest.raises(OSError, match="late"):
        guarded(inside, "s3")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SERVICES = st.sampled_from(["dynamodb", "cognito-idp", "ssm", "s3", "sts", "apigateway", "lambda", "nope", ""])


@settings(max_examples=FUZZ_EXAMPLES, deadline=None)
@given(
    service=SERVICES,
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "é"]),
    path=st.text(max_size=30).map(lambda text: "/" + text),
    target=st.sampled_from(["", "X.GetItem", "X.SignUp", "X.Nope", "."]) | st.text(max_size=10),
    query=st.text(max_size=30),
    body=st.binary(max_size=60) | JSON_VALUES.map(lambda value: json.dumps(value).encode()),
)
def test_no_request_is_too_strange_to_be_judged(
    service: str, method: str, path: str, target: str, query: str, body: bytes
) -> None:
    found = refusal_of(Named(service or None, None, method, path), target, query, body)
    assert found is None or (400 <= found[0] < 500 and found[1] and found[2])
