"""SigV4: what is signed here is verified here, AWS's own example and botocore agree, and one changed bit is refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from todo_backend.local.signature import Claim, Request, SignatureError, Signer, claim_of, verify

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HOST = "127.0.0.1:4566"


def signed(service: str = "s3", method: str = "PUT", url: str = "/b/k", body: bytes = b"body") -> Request:
    """By botocore, with today's clock."""
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(Credentials(KEY, SECRET), service, "us-east-1")
    asked = AWSRequest(method, f"http://{HOST}{url}", data=body, headers={"host": HOST})
    signer.add_auth(asked)
    parts = urlsplit(url)
    headers = {name.lower(): str(value) for name, value in asked.headers.items()}
    return Request(method, parts.path, parts.query, headers, body)


def presigned(seconds: int = 60, url: str = "/b/k?response-content-type=a%2Bb") -> Request:
    asked = AWSRequest("GET", f"http://{HOST}{url}", headers={"host": HOST})
    S3SigV4QueryAuth(Credentials(KEY, SECRET), "s3", "us-east-1", expires=seconds).add_auth(asked)
    parts = urlsplit(str(asked.url))
    return Request("GET", parts.path, parts.query, {"host": HOST}, b"")


def claim(request: Request) -> Claim:
    found = claim_of(request.headers, request.query)
    assert found
    return found


def refused(request: Request, secret: str = SECRET, after: timedelta = timedelta()) -> str:
    try:
        verify(request, claim(request), secret, datetime.now(UTC) + after)
    except SignatureError as error:
        return error.code
    return ""


@pytest.mark.parametrize("service", ["s3", "dynamodb", "execute-api"])
@pytest.mark.parametrize("url", ["/", "/b/k", "/b/us-east-1%3Aid/a%20b%2Bc/%C3%A9", "/p?b=2&a=1&a=0&c=&d=a%2Bb%20c"])
def test_what_botocore_signs_is_verified(service: str, url: str) -> None:
    assert refused(signed(service, url=url)) == ""


@pytest.mark.parametrize("service", ["s3", "dynamodb"])
def test_s3_17_anything_else_is_not(service: str) -> None:
    request = signed(service)
    wrong = {
        "secret": refused(request, SECRET + "x"),
        "method": refused(replace(request, method="GET")),
        "path": refused(replace(request, path="/b/l")),
        "query": refused(replace(request, query="a")),
        "host": refused(replace(request, headers={**request.headers, "host": "other"})),
        "date": refused(replace(request, headers={**request.headers, "x-amz-date": request.headers["x-amz-date"]})),
    }
    assert wrong.pop("date") == ""
    assert set(wrong.values()) == {"SignatureDoesNotMatch"}
    body = refused(replace(request, body=b"other"))
    assert body == ("XAmzContentSHA256Mismatch" if service == "s3" else "SignatureDoesNotMatch")


def test_s3_18_fifteen_minutes_for_s3_five_for_the_others() -> None:
    for service, minutes in (("s3", 15), ("dynamodb", 5)):
        request = signed(service)
        for sign in (1, -1):
            assert refused(request, after=sign * timedelta(minutes=minutes - 1)) == ""
            assert refused(request, after=sign * timedelta(minutes=minutes + 1)) == "RequestTimeTooSkewed"


def test_s3_21_a_presigned_url_lives_as_long_as_it_says() -> None:
    request = presigned(60)
    assert refused(request) == ""
    assert refused(request, after=timedelta(seconds=55)) == ""
    assert refused(request, after=timedelta(seconds=65)) == "AccessDenied"
    longer = replace(request, query=request.query.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"))
    assert refused(longer, after=timedelta(seconds=65)) == "SignatureDoesNotMatch"


def test_a_time_at_the_end_of_time_is_only_refused() -> None:
    far = replace(claim(presigned()), stamp="99991231T235959Z")
    with pytest.raises(SignatureError, match="RequestTimeTooSkewed"):
        verify(presigned(), far, SECRET, datetime.now(UTC))


def chunked(secret: str, *chunks: bytes) -> Request:
    """AWS's example of a body sent in chunks, with other chunks."""
    import hashlib
    import hmac

    from todo_backend.local.signature import signing_key

    request = signed(body=b"")
    asked = AWSRequest("PUT", f"http://{HOST}/b/k", headers={"host": HOST})
    marker = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"

    class Auth(S3SigV4Auth):  # type: ignore[misc]
        def payload(self, request: AWSRequest) -> str:
            return marker

    Auth(Credentials(KEY, SECRET), "s3", "us-east-1").add_auth(asked)
    headers = {name.lower(): str(value) for name, value in asked.headers.items()}
    signature = headers["authorization"].rpartition("=")[2]
    scope = claim(replace(request, headers=headers)).scope
    key, body = signing_key(secret, scope), b""
    for chunk in (*chunks, b""):
        digests = [hashlib.sha256(b"").hexdigest(), hashlib.sha256(chunk).hexdigest()]
        text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", headers["x-amz-date"], scope, signature, *digests])
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        body += b"%x;chunk-signature=%s\r\n%s\r\n" % (len(chunk), signature.encode(), chunk)
    return replace(request, headers=headers, body=body)


def test_each_chunk_of_a_streamed_body_is_verified() -> None:
    request = chunked(SECRET, b"first" * 1000, b"second")
    assert refused(request) == ""
    for wrong in (
        replace(request, body=request.body.replace(b"second", b"seCond")),
        replace(request, body=request.body[: request.body.index(b"\r\n6;") + 2]),
        replace(request, body=b"-5;chunk-signature=x\r\n"),
        replace(request, body=b""),
        chunked(SECRET + "x", b"first"),
    ):
        assert refused(wrong) == "SignatureDoesNotMatch"


def test_a_signature_that_does_not_cover_the_host_is_none() -> None:
    signer, now = Signer(KEY, SECRET, "s3", "us-east-1"), datetime.now(UTC)
    for sent, expected in (({"host": HOST}, ""), ({}, "SignatureDoesNotMatch")):
        headers = signer.headers("GET", "/b/k", dict(sent), b"", now)
        assert refused(Request("GET", "/b/k", "", {"host": HOST} | headers, b"")) == expected


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_text_is_too_strange_to_be_read(authorization: str, query: str) -> None:
    found = claim_of({"authorization": authorization}, query)
    assert found is None or found.access_key


@given(path=st.text(max_size=40), query=st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=3))
def test_our_own_signer_and_the_verifier_agree(path: str, query: dict[str, str]) -> None:
    from urllib.parse import quote, urlencode

    where, asked = "/" + quote(path, safe="/-_.~"), urlencode(query)
    now = datetime.now(UTC)
    for service in ("s3", "apigateway"):
        headers = Signer(KEY, SECRET, service, "us-east-1").headers("POST", where, {"host": HOST}, b"x", now, asked)
        request = Request("POST", where, asked, headers, b"x")
        verify(request, claim(request), SECRET, now)
