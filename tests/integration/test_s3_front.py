"""S3 in the stack: credentials that expire, buckets addressed otherwise, and what the layer relies on in MiniStack."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import RunningStack, changed_stack, confirmed_user
from tests.integration.test_security import REGION, Device

# MiniStack asks the time in one place when it judges a session.
AHEAD = """
import time as real
from ministack.core import iam_evaluator
class Clock:
    @staticmethod
    def time():
        with open({ahead!r}) as file:
            return real.time() + float(file.read())
    def __getattr__(self, name):
        return getattr(real, name)
iam_evaluator.time = Clock()
"""


@pytest.fixture
def ahead(tmp_path: Path) -> Path:
    file = tmp_path / "ahead"
    file.write_text("0")
    return file


@pytest.fixture
def movable(tmp_path: Path, ahead: Path) -> Iterator[RunningStack]:
    process = changed_stack(tmp_path / "data", tmp_path / "script.py", AHEAD.format(ahead=str(ahead)))
    try:
        yield RunningStack(process.report["outputs"], tmp_path / "data")
    finally:
        process.stop()


def code(call: Any, **words: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as raised:
        call(**words)
    said = raised.value.response
    return said["ResponseMetadata"]["HTTPStatusCode"], said["Error"]["Code"], said["Error"]["Message"]


def test_s3_14_s3_22_credentials_expire_and_what_was_presigned_with_them(movable: RunningStack, ahead: Path) -> None:
    device = Device(movable, confirmed_user(movable))
    place = {"Bucket": movable.output("FilesBucket"), "Key": f"{device.identity_id}/a"}
    device.s3.put_object(**place, Body=b"mine")
    keys = device.s3._request_signer._credentials.get_frozen_credentials()
    v4 = boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url=movable.output("EndpointUrl"),
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
        config=Config(signature_version="s3v4"),
    )
    url = v4.generate_presigned_url("get_object", Params=place, ExpiresIn=86_400)
    assert requests.get(url, timeout=20).content == b"mine"
    ahead.write_text("3700")
    expired = (400, "ExpiredToken", "The provided token has expired.")
    assert code(device.s3.get_object, **place) == expired
    assert code(device.s3.put_object, **place, Body=b"") == expired
    answer = requests.get(url, timeout=20)
    assert (answer.status_code, "<Code>ExpiredToken</Code>" in answer.text) == (400, True)


def owner(stack: RunningStack, service: str, **more: Any) -> Any:
    admin = stack.admin_credentials
    keys = {"aws_access_key_id": admin.access_key, "aws_secret_access_key": admin.secret_key}
    words = {"region_name": REGION, "endpoint_url": stack.output("EndpointUrl"), **keys, **more}
    return boto3.client(service, **words)


CALLS: list[tuple[str, str, dict[str, Any], str]] = [
    ("apigateway", "get_rest_apis", {}, "InvalidSignatureException"),
    ("cloudformation", "list_stacks", {}, "SignatureDoesNotMatch"),
    ("cognito-identity", "list_identity_pools", {"MaxResults": 5}, "InvalidSignatureException"),
    ("cognito-idp", "list_user_pools", {"MaxResults": 5}, "InvalidSignatureException"),
    ("dynamodb", "list_tables", {}, "InvalidSignatureException"),
    ("iam", "list_roles", {}, "SignatureDoesNotMatch"),
    ("lambda", "list_functions", {}, "InvalidSignatureException"),
    ("logs", "describe_log_groups", {}, "InvalidSignatureException"),
    ("s3", "list_buckets", {}, "SignatureDoesNotMatch"),
    ("ssm", "describe_parameters", {}, "InvalidSignatureException"),
    ("sts", "get_caller_identity", {}, "SignatureDoesNotMatch"),
]


@pytest.mark.parametrize(("service", "operation", "words", "said"), CALLS, ids=[call[0] for call in CALLS])
def test_s3_17_the_owners_key_needs_the_owners_secret_at_every_service(
    stack: RunningStack, service: str, operation: str, words: dict[str, Any], said: str
) -> None:
    getattr(owner(stack, service), operation)(**words)
    status, found, _ = code(getattr(owner(stack, service, aws_secret_access_key="wrong"), operation), **words)
    assert (found, status in (400, 403)) == (said, True)


def test_the_owners_key_in_a_signature_that_is_none_is_refused(stack: RunningStack) -> None:
    key, endpoint = stack.admin_credentials.access_key, stack.output("EndpointUrl")
    scope = f"{key}/20300101/{REGION}/s3/aws4_request"
    shouted = f"AWS4-HMAC-SHA256 SignedHeaders=host, Credential={scope}, Signature={'0' * 64}"
    algorithm = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20300101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Expires=9"
    encoded = "".join(f"%{ord(letter):02X}" for letter in key)
    attempts: list[tuple[str, dict[str, str]]] = [
        ("/", {"Authorization": shouted}),
        ("/", {"Authorization": f"AWS {key}:c2lnbmF0dXJl"}),
        ("/", {"Authorization": f"Credential={scope}"}),
        (f"/?{algorithm}&X-Amz-Signature={'0' * 64}&X-Amz-Credential={scope}", {}),
        (f"/?{algorithm}&X-Amz-Signature={'0' * 64}&X-Amz-Credential={scope.replace(key, encoded)}", {}),
        (f"/?{algorithm.lower()}&x-amz-signature={'0' * 64}&x-amz-credential={scope}", {}),
        (f"/?AWSAccessKeyId={key}&Signature=c2lnbmF0dXJl&Expires=4000000000", {}),
    ]
    answers = [requests.get(endpoint + path, headers=headers, timeout=20) for path, headers in attempts]
    assert {answer.status_code for answer in answers} <= {400, 403}
    assert not any("ListAllMyBucketsResult" in answer.text for answer in answers)


def test_a_form_upload_needs_a_signed_policy(stack: RunningStack) -> None:
    s3, bucket = owner(stack, "s3", config=Config(signature_version="s3v4")), stack.output("FilesBucket")
    form = s3.generate_presigned_post(bucket, "posted", ExpiresIn=60)
    wrong = {**form["fields"], "x-amz-signature": "0" * 64}
    refused = requests.post(form["url"], data=wrong, files={"file": b"x"}, timeout=20)
    assert refused.status_code == 403
    posted = requests.post(form["url"], data=form["fields"], files={"file": b"x"}, timeout=20)
    assert posted.status_code == 204


def test_a_bucket_may_stand_in_the_hosts_name(stack: RunningStack) -> None:
    device = Device(stack, confirmed_user(stack))
    bucket, key = stack.output("FilesBucket"), f"{device.identity_id}/virtual"
    device.s3.put_object(Bucket=bucket, Key=key, Body=b"virtual")
    port = stack.output("EndpointUrl").rpartition(":")[2]
    virtual = Config(s3={"addressing_style": "virtual"}, signature_version="s3v4")
    keys = device.s3._request_signer._credentials.get_frozen_credentials()
    s3 = boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url=f"http://localhost:{port}",
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
        config=virtual,
    )
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
    foreign = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "other/virtual"})
    answers = []
    for signed in (url, foreign):
        host = signed.split("/")[2]
        there = signed.replace(host, f"127.0.0.1:{port}", 1)
        answers.append(requests.get(there, headers={"Host": host}, timeout=20))
    assert answers[0].content == b"virtual"
    assert (answers[1].status_code, f'"arn:aws:s3:::{bucket}/other/virtual"' in answers[1].text) == (403, True)


def test_ministack_still_tells_whose_key_it_is(tmp_path: Path) -> None:
    """S3Front signs in the caller's name with what `resolve_credential` gives: a change of it must be noticed."""
    seen = tmp_path / "seen.json"
    script = f"""
import json
from todo_backend.local import s3, server
real = server.S3Front
def noting(inner, secret_of, owner, clock):
    secret, token = secret_of(owner)
    nobody = secret_of("ASIANOBODY")
    with open({str(seen)!r}, "w") as file:
        json.dump({{"secret": secret, "token": token, "nobody": nobody}}, file)
    return real(inner, secret_of, owner, clock)
server.S3Front = noting
"""
    process = changed_stack(tmp_path / "data", tmp_path / "script.py", script)
    try:
        stack = RunningStack(process.report["outputs"], tmp_path / "data")
        told = json.loads(seen.read_text())
        assert told == {"secret": stack.admin_credentials.secret_key, "token": None, "nobody": None}
    finally:
        process.stop()
