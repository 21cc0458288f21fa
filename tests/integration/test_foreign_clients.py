"""Clients of others, unmodified, do a user's job: the AWS SDKs for JavaScript, aws-jwt-verify, the AWS CLI."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.awscli import AwsCli
from tests.conftest import RunningStack, confirmed_user
from tests.integration.test_security import REGION, Device
from tests.npm import JavaScript


@pytest.fixture(scope="module")
def alice(stack: RunningStack) -> Device:
    return Device(stack, confirmed_user(stack))


@pytest.fixture(scope="module")
def foreign_key(stack: RunningStack) -> str:
    """Of a file in another user's folder."""
    bob = Device(stack, confirmed_user(stack))
    key = f"{bob.identity_id}/secret.txt"
    bob.s3.put_object(Bucket=stack.output("FilesBucket"), Key=key, Body=b"only his")
    return key


def test_the_javascript_clients_sign_in_verify_tokens_and_keep_files(
    stack: RunningStack, alice: Device, foreign_key: str, javascript: JavaScript
) -> None:
    given = {
        "endpoint": stack.output("EndpointUrl"),
        "region": REGION,
        "userPoolId": stack.output("UserPoolId"),
        "clientId": stack.output("UserPoolClientId"),
        "identityPoolId": stack.output("IdentityPoolId"),
        "bucket": stack.output("FilesBucket"),
        "email": alice.user.email,
        "password": alice.user.password,
        "foreignKey": foreign_key,
    }
    found = javascript.run(Path(__file__).with_name("foreign_clients.cjs"), stdin=given)
    assert found.pop("not verified") == [
        "CognitoJwtInvalidTokenUseError",
        "CognitoJwtInvalidClientIdError",
        "JwtInvalidSignatureError",
    ]
    assert found == {
        "wrong password": "NotAuthorizedException",
        "signed in": {"email": alice.user.email, "confirm": True},
        "verified": ["id", "access"],
        "refreshed": True,
        "who": alice.user.email,
        "weak password": "InvalidPasswordException",
        "guest": "NotAuthorizedException",
        "file": "from JavaScript",
        "listed": ["…/von JavaScript/ä.txt"],
        "foreign": ["AccessDenied", "AccessDenied", "AccessDenied"],
    }


def caller(aws_cli: AwsCli, stack: RunningStack, device: Device) -> AwsCli:
    answer = stack.identity("GetCredentialsForIdentity", IdentityId=device.identity_id, Logins=device.logins)
    keys = answer.json()["Credentials"]
    return aws_cli.of(stack.output("EndpointUrl"), REGION, keys["AccessKeyId"], keys["SecretKey"], keys["SessionToken"])


def test_the_aws_cli_keeps_files_in_the_own_folder_and_no_other(
    stack: RunningStack, alice: Device, foreign_key: str, aws_cli: AwsCli, tmp_path: Path
) -> None:
    aws, bucket = caller(aws_cli, stack, alice), stack.output("FilesBucket")
    arn = str(aws("sts", "get-caller-identity").json()["Arn"])
    assert arn.endswith("/CognitoIdentityCredentials")
    folder = f"s3://{bucket}/{alice.identity_id}/"
    large = bytes(range(256)) * 40_000  # more than 8 MB: sent in parts
    (tmp_path / "large file.bin").write_bytes(large)
    put = aws("s3", "cp", "large file.bin", folder, "--no-progress", cwd=tmp_path)
    assert (put.code, put.err) == (0, "")
    listed = aws("s3", "ls", folder)
    assert "10240000 large file.bin" in listed.out
    got = aws("s3", "cp", f"{folder}large file.bin", "back.bin", "--no-progress", cwd=tmp_path)
    assert (got.code, (tmp_path / "back.bin").read_bytes() == large) == (0, True)
    foreign = aws("s3", "cp", f"s3://{bucket}/{foreign_key}", "stolen", "--no-progress", cwd=tmp_path)
    assert foreign.code == 1
    assert "(403)" in foreign.err
    assert not (tmp_path / "stolen").exists()
    gone = aws("s3", "rm", f"{folder}large file.bin")
    assert gone.code == 0


def test_the_aws_cli_of_the_owner_sees_what_was_deployed(stack: RunningStack, aws_cli: AwsCli) -> None:
    admin = stack.admin_credentials
    aws = aws_cli.of(stack.output("EndpointUrl"), REGION, admin.access_key, admin.secret_key)
    table = aws("dynamodb", "describe-table", "--table-name", stack.output("TableName")).json()["Table"]
    assert isinstance(table, dict)
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    wrong = aws_cli.of(stack.output("EndpointUrl"), REGION, admin.access_key, "wrong")
    refused = wrong("dynamodb", "list-tables")
    assert refused.code == 254 or refused.code == 255
    assert "InvalidSignatureException" in refused.err
