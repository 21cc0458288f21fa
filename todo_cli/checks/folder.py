"""The own folder in S3: straight to the bucket, and nothing but the own folder."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from todo_cli.checks.registry import check, expect
from todo_cli.checks.world import World, refusal, told

PART_BYTES = 5 * 1024 * 1024  # S3's smallest part but the last


@check("S3-01", "S3-06")
def folder_own(world: World) -> str:
    """Users put, get, list and delete in their own folder, past the API."""
    s3, key, content = world.alice.s3, world.alice.key("notes/a b.txt"), secrets.token_bytes(2000)
    s3.put_object(Bucket=world.bucket, Key=key, Body=content)
    got = s3.get_object(Bucket=world.bucket, Key=key)["Body"].read()
    expect(got == content, f"{len(got)} bytes came back, and not the ones that were put")
    found = s3.list_objects_v2(Bucket=world.bucket, Prefix=world.alice.key("notes/"))
    expect([item["Key"] for item in found.get("Contents", [])] == [key], "the file is not in the list")
    s3.delete_object(Bucket=world.bucket, Key=key)
    gone = refusal(lambda: s3.head_object(Bucket=world.bucket, Key=key))
    expect(gone in ("404", "403", "NoSuchKey"), f"after its removal: {gone or 'still there'}")
    return f"{len(content)} bytes there and back"


@check("S3-01")
def folder_multipart(world: World) -> str:
    """Large files go up in parts."""
    s3, key = world.alice.s3, world.alice.key("large.bin")
    upload = s3.create_multipart_upload(Bucket=world.bucket, Key=key)["UploadId"]
    parts = []
    for number, content in enumerate((b"a" * PART_BYTES, b"the end"), 1):
        made = s3.upload_part(Bucket=world.bucket, Key=key, UploadId=upload, PartNumber=number, Body=content)
        parts.append({"PartNumber": number, "ETag": made["ETag"]})
    s3.complete_multipart_upload(Bucket=world.bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
    tail = s3.get_object(Bucket=world.bucket, Key=key, Range="bytes=-7")["Body"].read()
    expect(tail == b"the end", "the parts were not put together")
    s3.delete_object(Bucket=world.bucket, Key=key)
    return "2 parts"


@check("S3-02")
def folder_foreign_read(world: World) -> str:
    """Another user's file cannot be read."""
    key = world.alices_file
    return _denied(lambda: world.bob.s3.get_object(Bucket=world.bucket, Key=key))


@check("S3-02")
def folder_foreign_write(world: World) -> str:
    """Nothing can be put into another user's folder."""
    key = world.alice.key("from-bob.txt")
    return _denied(lambda: world.bob.s3.put_object(Bucket=world.bucket, Key=key, Body=b"mine now"))


@check("S3-02")
def folder_foreign_delete(world: World) -> str:
    """Nothing can be deleted in another user's folder."""
    key = world.alice.key("nothing.txt")
    return _denied(lambda: world.bob.s3.delete_object(Bucket=world.bucket, Key=key))


@check("S3-08")
def folder_foreign_list(world: World) -> str:
    """Another user's folder cannot be listed."""
    prefix = world.alice.key("")
    return _denied(lambda: world.bob.s3.list_objects_v2(Bucket=world.bucket, Prefix=prefix))


@check("S3-05", "S3-07", "S3-08")
def folder_bucket_list(world: World) -> str:
    """The bucket cannot be listed without the own folder's whole prefix."""
    own = world.alice.identity_id
    for more in ({}, {"Prefix": ""}, {"Prefix": own}, {"Prefix": own[:-1]}):
        _denied(lambda: world.alice.s3.list_objects_v2(Bucket=world.bucket, **more))  # noqa: B023 - called now
    return "AccessDenied four times"


@check("SE-13")
def folder_neighbour(world: World) -> str:
    """A folder whose name begins like the own one is not the own one."""
    key = f"{world.alice.identity_id}x/file.txt"
    return _denied(lambda: world.alice.s3.put_object(Bucket=world.bucket, Key=key, Body=b""))


@check("SE-15")
def folder_of_user_id(world: World) -> str:
    """The folder has the identity's id, not the user's."""
    key = f"{world.alice.claims['sub']}/file.txt"
    return _denied(lambda: world.alice.s3.put_object(Bucket=world.bucket, Key=key, Body=b""))


@check("S3-02")
def folder_no_administration(world: World) -> str:
    """The user's credentials cannot change the bucket."""
    s3, bucket = world.alice.s3, world.bucket
    _denied(lambda: s3.get_bucket_policy(Bucket=bucket))
    _denied(lambda: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}))
    return "AccessDenied twice"


@check("S3-02")
def folder_nothing_else(world: World) -> str:
    """The user's credentials open nothing but S3."""
    keys = world.alice.keys
    table = world.deployment.client(
        "dynamodb",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretKey"],
        aws_session_token=keys["SessionToken"],
    )
    return _denied(lambda: table.list_tables())


@check("IP-08", writes=False)
def folder_no_guests(world: World) -> str:
    """Nobody gets credentials without having signed in."""
    answer = refusal(lambda: world.deployment.identity.get_id(IdentityPoolId=world.config.identity_pool_id))
    expect(answer == "NotAuthorizedException", f"GetId of a guest: {answer or 'an identity'}")
    return answer


@check("IP-15")
def folder_no_foreign_identity(world: World) -> str:
    """Credentials for another user's identity are refused."""
    identity_id, logins = world.alice.identity_id, world.bob.logins
    answer = refusal(
        lambda: world.deployment.identity.get_credentials_for_identity(IdentityId=identity_id, Logins=logins)
    )
    expect(bool(answer), "Bob was given credentials for Alice's identity")
    return answer


@check("S3-19")
def folder_not_public(world: World) -> str:
    """A file cannot be fetched without credentials."""
    address = _signed(world, world.alices_file).partition("?")[0]
    answer = world.deployment.fetch("GET", address)
    expect(answer.status_code == 403, f"without credentials: {told(answer)}")
    return "403"


@check("S3-20")
def folder_shared_link(world: World) -> str:
    """A signed link opens one file, and nothing when it was altered."""
    link = _signed(world, world.alices_file)
    answer = world.deployment.fetch("GET", link)
    expect(answer.content == b"only mine", f"the link: {told(answer)}")
    for altered in (link.replace("secret.txt", "other.txt"), link[:-2] + ("AA" if link[-2:] != "AA" else "BB")):
        refused = world.deployment.fetch("GET", altered)
        expect(refused.status_code == 403, f"an altered link: {refused.status_code}")
    return "opens its file; altered: 403"


def _signed(world: World, key: str) -> str:
    link: str = world.alice.s3.generate_presigned_url(
        "get_object", Params={"Bucket": world.bucket, "Key": key}, ExpiresIn=60
    )
    return link


def _denied(action: Callable[[], Any]) -> str:
    answer = refusal(action)
    expect("AccessDenied" in answer or answer == "403", answer or "it was allowed")
    return answer
