"""The SigV4 check of `authorizeConnection`; vector from the DAX protocol notes, section 4.3."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from todo_backend.local.dax import Credentials, DaxError
from todo_backend.local.dax.auth import canonical_hash, http_headers, sign, verify

STAMP = "20250102T030405Z"
NOW = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)


def arguments(
    credentials: Credentials, *, region: str = "us-east-1", stamp: str = STAMP, host: str = "dax.amazonaws.com"
) -> list[Any]:
    to_sign, signature = sign(credentials, region, stamp, host)
    return [credentials.access_key_id, signature, to_sign.encode(), credentials.session_token, "agent"]


def check(credentials: Credentials, given: list[Any], now: datetime = NOW) -> Credentials:
    return verify(tuple(given), {credentials.access_key_id: credentials}.get, "us-east-1", now)


def test_the_vector(credentials: Credentials) -> None:
    assert canonical_hash("dax.amazonaws.com", STAMP).startswith("c3169d5d57f30f849f6341ad9e27a9c2")
    assert canonical_hash("https://dax.amazonaws.com", STAMP).startswith("3895446f2ac883ef12e6a1a2c9a03e77")
    _, signature = sign(credentials, "us-east-1", STAMP)
    assert signature == "88a436a25cc88bf4f0ee4ea599b2c4c127127f96379641ef56d58bffa35d2872"


@pytest.mark.parametrize("host", ["dax.amazonaws.com", "https://dax.amazonaws.com"])
def test_both_spellings_of_the_host_are_good(credentials: Credentials, host: str) -> None:
    assert check(credentials, arguments(credentials, host=host)) is credentials


@pytest.mark.parametrize("minutes", [-15, 15])
def test_clocks_may_differ_by_fifteen_minutes(credentials: Credentials, minutes: int) -> None:
    assert check(credentials, arguments(credentials), NOW + timedelta(minutes=minutes)) is credentials
    with pytest.raises(DaxError, match="15 minutes"):
        check(credentials, arguments(credentials), NOW + timedelta(minutes=minutes, seconds=minutes))


def test_temporary_credentials_need_their_token(credentials: Credentials) -> None:
    temporary = dataclasses.replace(credentials, session_token="the token")
    given = arguments(temporary)
    assert check(temporary, given) is temporary
    for token in (None, "another"):
        given[3] = token
        with pytest.raises(DaxError) as caught:
            check(temporary, given)
        assert caught.value.name == "UnrecognizedClientException"
    with pytest.raises(DaxError):
        check(credentials, [*arguments(credentials)[:3], "made up", "agent"])


def broken(credentials: Credentials) -> dict[str, list[Any]]:
    good = arguments(credentials)
    lines = good[2].decode().split("\n")
    return {
        "wrong secret": arguments(dataclasses.replace(credentials, secret_access_key="guess")),
        "unknown key": arguments(dataclasses.replace(credentials, access_key_id="AKIDSTRANGER")),
        "other region": arguments(credentials, region="eu-west-1"),
        "other host": arguments(credentials, host="example.com"),
        "other algorithm": [good[0], good[1], b"\n".join([b"AWS4-HMAC-SHA1", *good[2].split(b"\n")[1:]]), None, None],
        "other date in scope": [
            good[0],
            good[1],
            "\n".join([*lines[:2], "20250103/us-east-1/dax/aws4_request", lines[3]]).encode(),
            None,
            None,
        ],
        "no timestamp": arguments(credentials, stamp="yesterday"),
        "a line too many": [good[0], good[1], good[2] + b"\n", None, None],
        "flipped signature": [good[0], good[1][::-1], *good[2:]],
        "empty signature": [good[0], "", *good[2:]],
        "signature with strange letters": [good[0], "ü" * 64, *good[2:]],
        "not text": [good[0], b"", *good[2:]],
        "nothing": [None, None, None, None, None],
    }


NAMES = list(broken(Credentials("AKIDEXAMPLE", "x")))


@pytest.mark.parametrize("name", NAMES)
def test_what_proves_nothing_is_refused(credentials: Credentials, name: str) -> None:
    with pytest.raises(DaxError) as caught:
        check(credentials, broken(credentials)[name])
    assert caught.value.codes == (4, 23, 31, 32)


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(Credentials("AKID", "secret", "secret token"))


@pytest.mark.parametrize("token", [None, "a token"])
def test_calls_to_dynamodb_are_signed_as_botocore_signs_them(token: str | None) -> None:
    now = datetime.now(UTC)
    headers = {
        "host": "127.0.0.1:8000",
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "DynamoDB_20120810.GetItem",
    }
    ours = http_headers(Credentials("AKID", "secret", token), "eu-west-1", headers, b"{}", now)
    request = botocore.awsrequest.AWSRequest("POST", "http://127.0.0.1:8000/", headers=dict(headers), data=b"{}")
    request.context["timestamp"] = ours["x-amz-date"]
    judge = botocore.auth.SigV4Auth(botocore.credentials.Credentials("AKID", "secret", token), "dynamodb", "eu-west-1")
    if token:
        request.headers["X-Amz-Security-Token"] = token
    request.headers["X-Amz-Date"] = ours["x-amz-date"]
    signature = judge.signature(judge.string_to_sign(request, judge.canonical_request(request)), request)
    assert ours["authorization"].endswith(f"Signature={signature}")
