"""S3 with the credentials of an identity pool (S3-…); `A/` is the user's own folder."""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
import zlib
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest
import requests
from botocore.exceptions import ClientError

from .conftest import Refusal, Sut, User, refusal

PART = b"x" * 5_242_880


@pytest.fixture(scope="module")
def bucket(sut: Sut) -> str:
    return sut.outputs["FilesBucket"]


@pytest.fixture(scope="module")
def free(sut: Sut) -> Any:
    """The owner's client: no policy stands in the way."""
    return sut.owner("s3")


def presigned(user: User, operation: str, key: str, seconds: int = 300, **more: Any) -> str:
    words = {"Bucket": user.sut.outputs["FilesBucket"], "Key": key, **more}
    return str(user.s3.generate_presigned_url(operation, Params=words, ExpiresIn=seconds))


def changed(url: str, path: str | None = None, drop: str = "", **query: str) -> str:
    """The URL with another path, or with its query changed."""
    parts = urlsplit(url)
    pairs = {name: value for name, value in parse_qsl(parts.query) if name != drop} | query
    return urlunsplit(parts._replace(path=path or parts.path, query=urlencode(pairs)))


def code_of(answer: requests.Response) -> str:
    found = re.search(r"<Code>(\w+)</Code>", answer.text)
    return found[1] if found else ""


def not_allowed(said: Refusal, action: str, resource: str) -> None:
    assert (said.status, said.code) == (403, "AccessDenied")
    pattern = (
        rf"User: arn:aws:sts::\d{{12}}:assumed-role/[\w-]+/CognitoIdentityCredentials is not authorized to perform: "
        rf"{action} on resource: \"{re.escape(resource)}\" because no identity-based policy allows the {action} action"
    )
    assert re.fullmatch(pattern, said.message), said.message


# --- Who may do what


def test_s3_01_the_own_folder(alice: User, bucket: str) -> None:
    key = alice.key()
    put = alice.s3.put_object(Bucket=bucket, Key=key, Body=b"mine")
    got = alice.s3.get_object(Bucket=bucket, Key=key)
    gone = alice.s3.delete_object(Bucket=bucket, Key=key)
    assert [answer["ResponseMetadata"]["HTTPStatusCode"] for answer in (put, got, gone)] == [200, 200, 204]
    assert got["Body"].read() == b"mine"


def test_s3_02_a_foreign_folder(alice: User, bob: User, bucket: str) -> None:
    key = bob.key()
    for action, call in {
        "s3:PutObject": lambda: alice.s3.put_object(Bucket=bucket, Key=key, Body=b""),
        "s3:GetObject": lambda: alice.s3.get_object(Bucket=bucket, Key=key),
        "s3:DeleteObject": lambda: alice.s3.delete_object(Bucket=bucket, Key=key),
    }.items():
        not_allowed(refusal(call), action, f"arn:aws:s3:::{bucket}/{key}")


def test_s3_02_the_body_of_a_refusal(alice: User, bob: User) -> None:
    answer = requests.get(presigned(alice, "get_object", bob.key()), timeout=30)
    assert answer.headers["Content-Type"] == "application/xml"
    ids = [re.search(rf"<{name}>(.+?)</{name}>", answer.text) for name in ("RequestId", "HostId")]
    assert all(ids), answer.text
    assert [found[1] for found in ids if found] == [answer.headers[name] for name in ("x-amz-request-id", "x-amz-id-2")]


def test_s3_03_a_missing_key_is_403_since_listing_is_bound_to_a_prefix(alice: User, bucket: str) -> None:
    said = refusal(alice.s3.get_object, Bucket=bucket, Key=alice.key())
    assert (said.status, said.code) == (403, "AccessDenied")


def test_s3_03_who_may_list_is_told_404(free: Any, bucket: str) -> None:
    said = refusal(free.get_object, Bucket=bucket, Key=f"nothing-{secrets.token_hex(4)}")
    assert (said.status, said.code) == (404, "NoSuchKey")


def test_s3_04_a_head_has_no_body(alice: User, bob: User, free: Any, bucket: str) -> None:
    for key in (bob.key(), alice.key()):
        answer = requests.head(presigned(alice, "head_object", key), timeout=30)
        assert (answer.status_code, answer.content) == (403, b"")
    assert refusal(free.head_object, Bucket=bucket, Key="nothing").code == "404"


def test_s3_05_listing_without_a_prefix(alice: User, bucket: str) -> None:
    said = refusal(alice.s3.list_objects_v2, Bucket=bucket)
    not_allowed(said, "s3:ListBucket", f"arn:aws:s3:::{bucket}")


def test_s3_06_listing_the_own_folder_and_below(alice: User, bucket: str) -> None:
    key = alice.key("sub/")
    alice.s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for prefix in (f"{alice.identity_id}/", f"{alice.identity_id}/sub/"):
        found = alice.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
        assert key in [item["Key"] for item in found["Contents"]]


def test_s3_07_the_own_id_without_a_slash(alice: User, bucket: str) -> None:
    said = refusal(alice.s3.list_objects_v2, Bucket=bucket, Prefix=alice.identity_id)
    not_allowed(said, "s3:ListBucket", f"arn:aws:s3:::{bucket}")


def test_s3_08_foreign_and_empty_prefixes_and_dots(alice: User, bob: User, bucket: str) -> None:
    for prefix in (f"{bob.identity_id}/", ""):
        assert refusal(alice.s3.list_objects_v2, Bucket=bucket, Prefix=prefix).code == "AccessDenied"
    bob.s3.put_object(Bucket=bucket, Key=bob.key(), Body=b"")
    dots = alice.s3.list_objects_v2(Bucket=bucket, Prefix=f"{alice.identity_id}/../{bob.identity_id}/")
    assert dots["KeyCount"] == 0


def test_s3_09_listing_buckets(alice: User) -> None:
    said = refusal(alice.s3.list_buckets)
    assert (said.status, said.code) == (403, "AccessDenied")
    assert "s3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets action" in said.message


def test_s3_10_copying_a_foreign_file(alice: User, bob: User, bucket: str) -> None:
    key = bob.key()
    bob.s3.put_object(Bucket=bucket, Key=key, Body=b"his")
    source = {"Bucket": bucket, "Key": key}
    assert refusal(alice.s3.copy_object, Bucket=bucket, Key=alice.key(), CopySource=source).code == "AccessDenied"


def test_s3_11_a_batch_of_deletes_is_judged_key_by_key(alice: User, bob: User, bucket: str) -> None:
    own, foreign = alice.key(), bob.key()
    alice.s3.put_object(Bucket=bucket, Key=own, Body=b"")
    done = alice.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": own}, {"Key": foreign}]})
    assert [item["Key"] for item in done["Deleted"]] == [own]
    assert [(item["Key"], item["Code"]) for item in done["Errors"]] == [(foreign, "AccessDenied")]


def test_s3_12_other_actions_are_other_rights(alice: User, bucket: str) -> None:
    key = alice.key()
    version = alice.s3.put_object(Bucket=bucket, Key=key, Body=b"")["VersionId"]
    folder = f"{alice.identity_id}/"
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    for call in (
        lambda: alice.s3.list_object_versions(Bucket=bucket, Prefix=folder),
        lambda: alice.s3.get_object(Bucket=bucket, Key=key, VersionId=version),
        lambda: alice.s3.put_object_acl(Bucket=bucket, Key=key, ACL="private"),
        lambda: alice.s3.put_object_tagging(Bucket=bucket, Key=key, Tagging=tags),
        lambda: alice.s3.list_multipart_uploads(Bucket=bucket, Prefix=folder),
    ):
        said = refusal(call)
        assert (said.status, said.code) == (403, "AccessDenied")


def test_s3_13_an_explicit_deny_wins(alice: User) -> None:
    s3, name = alice.sut.owner("s3"), f"denying-{secrets.token_hex(6)}"
    resource = f"arn:aws:s3:::{name}/*"
    role = alice.sut.client("sts", alice.keys).get_caller_identity()["Arn"]
    allow = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": "s3:PutObject", "Resource": resource}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": resource}
    s3.create_bucket(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    alice.s3.put_object(Bucket=name, Key="a", Body=b"")
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]}))
    said = refusal(alice.s3.put_object, Bucket=name, Key="a", Body=b"")
    s3.delete_object(Bucket=name, Key="a")
    s3.delete_bucket(Bucket=name)
    assert (said.status, said.code) == (403, "AccessDenied")
    assert said.message.endswith(f'on resource: "{resource[:-1]}a" with an explicit deny in a resource-based policy')


# --- Credentials and clocks


def with_keys(user: User, **changes: str) -> Any:
    keys = {name: value for name, value in (user.keys | changes).items() if value}
    return user.sut.client("s3", keys)


def test_s3_15_a_garbled_session_token(alice: User, bucket: str) -> None:
    for token in ("garbled", alice.keys["aws_session_token"][:-4] + "AAA="):
        said = refusal(with_keys(alice, aws_session_token=token).get_object, Bucket=bucket, Key=alice.key())
        assert (said.status, said.code) == (400, "InvalidToken")
        assert said.message == "The provided token is malformed or otherwise invalid."


def test_s3_16_a_temporary_key_without_its_token(alice: User, bucket: str) -> None:
    said = refusal(with_keys(alice, aws_session_token="").get_object, Bucket=bucket, Key=alice.key())
    assert (said.status, said.code) == (403, "InvalidAccessKeyId")
    assert said.message == "The AWS Access Key Id you provided does not exist in our records."


SIGNATURE_DETAILS = {
    "AWSAccessKeyId",
    "StringToSign",
    "SignatureProvided",
    "StringToSignBytes",
    "CanonicalRequest",
    "CanonicalRequestBytes",
}


def test_s3_17_a_wrong_secret(alice: User, bucket: str) -> None:
    said = refusal(with_keys(alice, aws_secret_access_key="wrong").get_object, Bucket=bucket, Key=alice.key())
    assert (said.status, said.code) == (403, "SignatureDoesNotMatch")
    assert said.details.keys() >= SIGNATURE_DETAILS
    assert said.details["AWSAccessKeyId"] == alice.keys["aws_access_key_id"]


def test_s3_17_the_owners_key_with_a_wrong_secret(sut: Sut, bucket: str) -> None:
    keys = sut.owner_keys | {"aws_secret_access_key": "wrong"}
    s3 = sut.client("s3", keys)
    for call in (
        lambda: s3.get_object(Bucket=bucket, Key="a"),
        lambda: s3.put_object(Bucket=bucket, Key="a", Body=b"x"),
        lambda: s3.list_buckets(),
    ):
        said = refusal(call)
        assert (said.status, said.code) == (403, "SignatureDoesNotMatch")


def test_s3_18_a_clock_that_is_off(alice: User, bucket: str) -> None:
    url = presigned(alice, "get_object", alice.key())
    path = urlsplit(url).path
    headers = signed_headers(alice, "GET", path, stamp="20200101T000000Z")
    answer = requests.get(f"{alice.sut.address('s3')}{path}", headers=headers, timeout=30)
    assert (answer.status_code, code_of(answer)) == (403, "RequestTimeTooSkewed")
    assert "<MaxAllowedSkewMilliseconds>900000<" in answer.text


def signed_headers(user: User, method: str, path: str, stamp: str) -> dict[str, str]:
    """Signed by hand, since no client signs in the past."""
    from datetime import datetime

    from todo_backend.local.signature import Signer

    keys, host = user.keys, urlsplit(user.sut.address("s3")).netloc
    signer = Signer(keys["aws_access_key_id"], keys["aws_secret_access_key"], "s3", user.sut.region)
    at = datetime.strptime(stamp + "+0000", "%Y%m%dT%H%M%SZ%z")
    return signer.headers(method, path, {"host": host, "x-amz-security-token": keys["aws_session_token"]}, b"", at)


def test_s3_19_nobody(sut: Sut, alice: User, bucket: str) -> None:
    nobody, name = sut.client("s3"), f"nobodys-{secrets.token_hex(6)}"
    for call in (
        lambda: nobody.get_object(Bucket=bucket, Key=alice.key()),
        lambda: nobody.put_object(Bucket=bucket, Key=alice.key(), Body=b""),
        lambda: nobody.list_objects_v2(Bucket=bucket, Prefix=f"{alice.identity_id}/"),
        lambda: nobody.create_bucket(Bucket=name),
    ):
        said = refusal(call)
        assert (said.status, said.code, said.message) == (403, "AccessDenied", "Access Denied")
    listed = requests.get(sut.address("s3"), timeout=30, allow_redirects=False)  # AWS sends a browser elsewhere
    assert "<Bucket>" not in listed.text


# --- Presigned URLs


def test_s3_20_a_presigned_url_puts_and_gets(alice: User) -> None:
    key = alice.key()
    put = requests.put(presigned(alice, "put_object", key), b"by url", timeout=30)
    url = presigned(alice, "get_object", key)
    assert (put.status_code, requests.get(url, timeout=30).content) == (200, b"by url")
    without = requests.get(changed(url, drop="X-Amz-Security-Token"), timeout=30)
    assert (without.status_code, code_of(without)) == (403, "InvalidAccessKeyId")


def test_s3_21_a_presigned_url_expires(alice: User) -> None:
    expired = signed_url(alice, alice.key(), stamp="20200101T000000Z", seconds=2)
    answer = requests.get(expired, timeout=30)
    assert (answer.status_code, code_of(answer)) == (403, "AccessDenied")
    assert "<Message>Request has expired</Message>" in answer.text
    assert "<X-Amz-Expires>2</X-Amz-Expires>" in answer.text
    assert "<Expires>2020-01-01T00:00:02Z</Expires>" in answer.text
    assert "<ServerTime>" in answer.text


def signed_url(user: User, key: str, stamp: str, seconds: int) -> str:
    """A presigned URL of another time."""
    from datetime import datetime
    from unittest import mock

    at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ")
    with mock.patch("botocore.auth.get_current_datetime", return_value=at):
        return presigned(user, "get_object", key, seconds)


@pytest.mark.parametrize("name", ["Algorithm", "Credential", "Signature", "Date", "SignedHeaders", "Expires"])
def test_s3_23_a_parameter_of_the_signature_is_missing(alice: User, name: str) -> None:
    answer = requests.get(changed(presigned(alice, "get_object", alice.key()), drop=f"X-Amz-{name}"), timeout=30)
    assert (answer.status_code, code_of(answer)) == (400, "AuthorizationQueryParametersError")
    assert (
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
        "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters." in answer.text
    )


def test_s3_24_a_presigned_url_is_bound_to_its_key_and_method(alice: User) -> None:
    key = alice.key()
    url = presigned(alice, "get_object", key)
    answers = [
        requests.put(url, b"", timeout=30),
        requests.delete(url, timeout=30),
        requests.get(changed(url, path=urlsplit(url).path + "x"), timeout=30),
        requests.get(changed(url, **{"X-Amz-Expires": "3000"}), timeout=30),
        requests.get(changed(url, **{"X-Amz-Signature": "0" * 64}), timeout=30),
    ]
    assert [(answer.status_code, code_of(answer)) for answer in answers] == [(403, "SignatureDoesNotMatch")] * 5


def test_s3_25_the_signers_rights_decide(alice: User, bob: User) -> None:
    answer = requests.get(presigned(alice, "get_object", bob.key()), timeout=30)
    assert (answer.status_code, code_of(answer)) == (403, "AccessDenied")


def test_se_17_a_presigned_url_is_good_for_whoever_has_it(alice: User) -> None:
    key = alice.key()
    alice.s3.put_object(Bucket=alice.sut.outputs["FilesBucket"], Key=key, Body=b"shared")
    url = presigned(alice, "get_object", key)
    assert requests.get(url, headers={"User-Agent": "somebody else"}, timeout=30).content == b"shared"
    too_long = requests.get(presigned(alice, "get_object", key, 604_801), timeout=30)
    assert (too_long.status_code, code_of(too_long)) == (400, "AuthorizationQueryParametersError")


# --- Objects


def test_s3_26_only_where_nothing_is(alice: User, bucket: str) -> None:
    key = alice.key()
    put = {"Bucket": bucket, "Key": key, "Body": b"", "IfNoneMatch": "*"}
    alice.s3.put_object(**put)
    said = refusal(alice.s3.put_object, **put)
    assert (said.status, said.code) == (412, "PreconditionFailed")
    assert said.message == "At least one of the pre-conditions you specified did not hold"
    assert said.details["Condition"] == "If-None-Match"
    alice.s3.delete_object(Bucket=bucket, Key=key)
    alice.s3.put_object(**put)


def test_s3_27_if_none_match_takes_a_star_only(alice: User, bucket: str) -> None:
    said = refusal(alice.s3.put_object, Bucket=bucket, Key=alice.key(), Body=b"", IfNoneMatch='"abc"')
    assert (said.status, said.code) == (501, "NotImplemented")
    assert said.message == "A header you provided implies functionality that is not implemented"
    assert said.details["Header"] == "If-None-Match"
    assert said.details["additionalMessage"] == (
        "We don't accept the provided value of If-None-Match header for this API"
    )


def test_s3_28_only_over_what_was_read(free: Any, alice: User, bucket: str) -> None:
    key = alice.key()
    etag = alice.s3.put_object(Bucket=bucket, Key=key, Body=b"1")["ETag"]
    said = refusal(alice.s3.put_object, Bucket=bucket, Key=key, Body=b"2", IfMatch='"0"')
    assert (said.status, said.code, said.details["Condition"]) == (412, "PreconditionFailed", "If-Match")
    alice.s3.put_object(Bucket=bucket, Key=key, Body=b"2", IfMatch=etag)
    missing = refusal(free.put_object, Bucket=bucket, Key=alice.key(), Body=b"", IfMatch=etag)
    assert (missing.status, missing.code) == (404, "NoSuchKey")
    star = refusal(alice.s3.put_object, Bucket=bucket, Key=key, Body=b"", IfMatch="*")
    assert (star.status, star.code) == (501, "NotImplemented")


def test_s3_29_of_two_writers_one_wins(alice: User, bucket: str) -> None:
    key, ended = alice.key(), []

    def write(body: bytes) -> None:
        try:
            alice.s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
            ended.append("200")
        except ClientError as error:
            ended.append(error.response["Error"]["Code"])

    writers = [threading.Thread(target=write, args=(bytes([number]),)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert ended.count("200") == 1
    assert set(ended) <= {"200", "PreconditionFailed", "ConditionalRequestConflict"}


def upload(user: User, key: str, *parts: bytes) -> dict[str, Any]:
    bucket = user.sut.outputs["FilesBucket"]
    words = {"Bucket": bucket, "Key": key}
    words["UploadId"] = user.s3.create_multipart_upload(**words)["UploadId"]
    done = [
        {"PartNumber": number, "ETag": user.s3.upload_part(**words, PartNumber=number, Body=part)["ETag"]}
        for number, part in enumerate(parts, 1)
    ]
    return {**words, "MultipartUpload": {"Parts": done}}


def test_s3_30_a_multipart_upload_only_where_nothing_is(alice: User, bucket: str) -> None:
    key = alice.key()
    upload_words = upload(alice, key, b"last")
    alice.s3.put_object(Bucket=bucket, Key=key, Body=b"first")
    said = refusal(alice.s3.complete_multipart_upload, **upload_words, IfNoneMatch="*")
    assert (said.status, said.code) == (412, "PreconditionFailed")


def test_s3_31_parts_have_a_least_size(alice: User) -> None:
    said = refusal(alice.s3.complete_multipart_upload, **upload(alice, alice.key(), b"too small", b"last"))
    assert (said.status, said.code) == (400, "EntityTooSmall")
    assert said.message == "Your proposed upload is smaller than the minimum allowed size"
    assert {said.details[name] for name in ("MinSizeAllowed", "ProposedSize", "PartNumber")} == {"5242880", "9", "1"}


def test_s3_31_the_last_part_may_be_small(alice: User, bucket: str) -> None:
    key = alice.key()
    alice.s3.complete_multipart_upload(**upload(alice, key, PART, b"last"))
    assert alice.s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(PART) + 4
    alice.s3.delete_object(Bucket=bucket, Key=key)


def test_s3_32_what_cannot_be_completed(free: Any, alice: User) -> None:
    words = upload(alice, alice.key(), b"only")
    empty = refusal(alice.s3.complete_multipart_upload, **words | {"MultipartUpload": {"Parts": []}})
    assert (empty.status, empty.code, empty.message) == (400, "InvalidRequest", "You must specify at least one part")
    for wrong in ({"PartNumber": 1, "ETag": '"0"'}, {"PartNumber": 7, "ETag": '"0"'}):
        said = refusal(alice.s3.complete_multipart_upload, **words | {"MultipartUpload": {"Parts": [wrong]}})
        assert (said.status, said.code) == (400, "InvalidPart")
    nowhere = {**words, "UploadId": "unknown"}
    place = {name: nowhere[name] for name in ("Bucket", "Key", "UploadId")}
    for call in (
        lambda: alice.s3.complete_multipart_upload(**nowhere),
        lambda: alice.s3.upload_part(**place, PartNumber=1, Body=b""),
        lambda: free.abort_multipart_upload(**place),
    ):
        said = refusal(call)
        assert (said.status, said.code) == (404, "NoSuchUpload")
        assert said.message == (
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted "
            "or completed."
        )


def test_s3_33_the_steps_of_a_multipart_upload_are_rights_of_their_own(alice: User, bob: User, bucket: str) -> None:
    """The deployed role allows s3:AbortMultipartUpload, in the own folder; nobody else's uploads can be touched."""
    words = upload(alice, alice.key(), b"part")
    place = {name: words[name] for name in ("Bucket", "Key", "UploadId")}
    for call in (
        lambda: bob.s3.upload_part(**place, PartNumber=2, Body=b"his"),
        lambda: bob.s3.complete_multipart_upload(**words),
        lambda: bob.s3.complete_multipart_upload(**place, MultipartUpload={"Parts": []}),
        lambda: bob.s3.abort_multipart_upload(**place),
        lambda: bob.s3.list_parts(**place),
        lambda: bob.s3.create_multipart_upload(Bucket=bucket, Key=words["Key"]),
    ):
        said = refusal(call)
        assert (said.status, said.code) == (403, "AccessDenied")
    alice.s3.abort_multipart_upload(**place)


def test_s3_34_what_a_put_answers(alice: User, bucket: str) -> None:
    made = alice.s3.put_object(Bucket=bucket, Key=alice.key(), Body=b"body", ChecksumAlgorithm="CRC32")
    assert re.fullmatch(r'"[0-9a-f]{32}"', made["ETag"])
    checksum = base64.b64encode(zlib.crc32(b"body").to_bytes(4)).decode()
    assert (made["ChecksumCRC32"], made["ChecksumType"]) == (checksum, "FULL_OBJECT")
    assert made["ServerSideEncryption"] == "AES256"


def test_s3_35_checksums_are_compared(alice: User, bucket: str) -> None:
    put = {"Bucket": bucket, "Key": alice.key(), "Body": b"body"}
    wrong, other_md5 = base64.b64encode(b"0000").decode(), base64.b64encode(b"0" * 16).decode()
    for words, code, message in (
        ({"ChecksumCRC32": wrong}, "BadDigest", "The CRC32 you specified did not match the calculated checksum."),
        ({"ChecksumCRC32": "?"}, "InvalidRequest", "Value for x-amz-checksum-crc32 header is invalid."),
        ({"ContentMD5": other_md5}, "BadDigest", "The Content-MD5 you specified did not match what we received."),
        ({"ContentMD5": "?"}, "InvalidDigest", "The Content-MD5 you specified was invalid."),
    ):
        said = refusal(alice.s3.put_object, **put, **words)
        assert (said.status, said.code) == (400, code)
        if code != "InvalidDigest":
            assert said.message == message


def test_s3_36_deleting_what_is_not_there(alice: User, bucket: str) -> None:
    gone = alice.s3.delete_object(Bucket=bucket, Key=alice.key())
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_s3_37_a_versioned_bucket_keeps_what_was_deleted(free: Any, alice: User, bucket: str) -> None:
    key = alice.key()
    first = alice.s3.put_object(Bucket=bucket, Key=key, Body=b"kept")["VersionId"]
    gone = alice.s3.delete_object(Bucket=bucket, Key=key)
    assert gone["DeleteMarker"] is True
    assert (refusal(free.get_object, Bucket=bucket, Key=key).code) == "NoSuchKey"
    marker = refusal(free.get_object, Bucket=bucket, Key=key, VersionId=gone["VersionId"])
    assert (marker.status, marker.code) == (405, "MethodNotAllowed")
    assert marker.details["ResourceType"] == "DeleteMarker"
    assert free.get_object(Bucket=bucket, Key=key, VersionId=first)["Body"].read() == b"kept"


def test_s3_38_a_version_that_cannot_be(free: Any, alice: User, bucket: str) -> None:
    said = refusal(free.get_object, Bucket=bucket, Key=alice.key(), VersionId="junk")
    assert (said.status, said.code, said.message) == (400, "InvalidArgument", "Invalid version id specified")


def test_s3_39_lists_have_pages_and_folders(alice: User, bucket: str) -> None:
    folder = f"{alice.key('list-')}/"
    for name in ("b", "a", "Z", "é", "sub/1", "sub/2"):
        alice.s3.put_object(Bucket=bucket, Key=folder + name, Body=b"")
    listed = {"Bucket": bucket, "Prefix": folder, "Delimiter": "/", "MaxKeys": 2}
    page = alice.s3.list_objects_v2(**listed)
    assert (page["IsTruncated"], page["KeyCount"]) == (True, 2)
    names = [item["Key"].removeprefix(folder) for item in page["Contents"]]
    folders: list[str] = []
    while page["IsTruncated"]:
        page = alice.s3.list_objects_v2(**listed, ContinuationToken=page["NextContinuationToken"])
        names += [item["Key"].removeprefix(folder) for item in page.get("Contents", [])]
        folders += [item["Prefix"].removeprefix(folder) for item in page.get("CommonPrefixes", [])]
    assert (names, folders) == (["Z", "a", "b", "é"], ["sub/"])


def test_s3_40_what_was_written_is_read_and_listed(alice: User, bucket: str) -> None:
    key = alice.key()
    for body in (b"1", b"2", b"3"):
        alice.s3.put_object(Bucket=bucket, Key=key, Body=body)
        assert alice.s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body
    assert alice.s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 1
    alice.s3.delete_object(Bucket=bucket, Key=key)
    assert alice.s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 0


def test_s3_41_every_answer_has_its_ids(alice: User, bob: User) -> None:
    key = alice.key()
    answers = [
        requests.put(presigned(alice, "put_object", key), b"", timeout=30),
        requests.get(presigned(alice, "get_object", key), timeout=30),
        requests.get(presigned(alice, "get_object", bob.key()), timeout=30),
        requests.head(presigned(alice, "head_object", key), timeout=30),
    ]
    for answer in answers:
        assert re.fullmatch(r"[0-9A-Za-z-]{16,}", answer.headers["x-amz-request-id"])
        assert re.fullmatch(r"[0-9A-Za-z+/=]{40,}", answer.headers["x-amz-id-2"])


def test_s3_42_the_colon_of_an_identity_id(alice: User, bucket: str) -> None:
    key = alice.key("ä b+c%2F&=")
    assert ":" in key
    requests.put(presigned(alice, "put_object", key), b"colon", timeout=30).raise_for_status()
    assert alice.s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"colon"
    assert requests.get(presigned(alice, "get_object", key), timeout=30).content == b"colon"
    assert [it["Key"] for it in alice.s3.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]] == [key]
    assert alice.s3.delete_object(Bucket=bucket, Key=key)["ResponseMetadata"]["HTTPStatusCode"] == 204


# --- The mistakes that the folder invites


def test_se_13_a_neighbour_folder(alice: User, free: Any, bucket: str) -> None:
    for neighbour in (f"{alice.identity_id}d/f", f"{alice.identity_id}-evil/f"):
        free.put_object(Bucket=bucket, Key=neighbour, Body=b"not hers")
        for call in (
            lambda key=neighbour: alice.s3.put_object(Bucket=bucket, Key=key, Body=b""),
            lambda key=neighbour: alice.s3.get_object(Bucket=bucket, Key=key),
            lambda key=neighbour: alice.s3.list_objects_v2(Bucket=bucket, Prefix=key),
        ):
            assert refusal(call).code == "AccessDenied"
        free.delete_object(Bucket=bucket, Key=neighbour)


def test_se_14_listing_more_than_the_own_folder(alice: User, bucket: str) -> None:
    for words in ({}, {"Prefix": ""}, {"Prefix": f"{alice.sut.region}:"}, {"Delimiter": "/"}):
        assert refusal(alice.s3.list_objects_v2, Bucket=bucket, **words).code == "AccessDenied"


def test_se_16_keys_are_literal(alice: User, bob: User, bucket: str) -> None:
    victim = bob.key()
    bob.s3.put_object(Bucket=bucket, Key=victim, Body=b"his")
    for key in (
        f"{alice.identity_id}/../{victim}",
        f"{alice.identity_id}/..%2F{victim}",
        f"{alice.identity_id}//{secrets.token_hex(4)}",
        f"{alice.identity_id}/./{secrets.token_hex(4)}",
        f"{alice.identity_id}/%2F{secrets.token_hex(4)}",
    ):
        alice.s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        assert alice.s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
        listed = alice.s3.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]
        assert [item["Key"] for item in listed] == [key]
    assert bob.s3.get_object(Bucket=bucket, Key=victim)["Body"].read() == b"his"


def test_se_16_a_key_has_at_most_1024_bytes(alice: User, bucket: str) -> None:
    room = 1024 - len(f"{alice.identity_id}/")
    alice.s3.put_object(Bucket=bucket, Key=f"{alice.identity_id}/{'k' * room}", Body=b"")
    said = refusal(alice.s3.put_object, Bucket=bucket, Key=f"{alice.identity_id}/{'k' * (room + 1)}", Body=b"")
    assert (said.status, said.code) == (400, "KeyTooLongError")
