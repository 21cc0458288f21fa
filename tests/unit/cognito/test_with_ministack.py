"""The whole way on the real control plane: sign up, sign in, credentials, own folder, neighbour's folder."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from pycognito.aws_srp import AWSSRP

pytest.importorskip("ministack")

PASSWORD = "Correct-Horse-7"
KEYS = ("AKIAQ7TESTTESTTEST77", "a-secret-of-the-tests")
PREFIX = "cognito-identity.amazonaws.com"


class Stack:
    """A running stack and what its process mails."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("stack_process.py")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(script), *KEYS], stdout=subprocess.PIPE, text=True, env=environment
        )
        self.port = int(self.line())

    def line(self) -> str:
        """The next line that the process writes."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def aws(self, service: str, keys: tuple[str, ...] | None = KEYS) -> Any:
        """A boto3 client."""
        config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
        if keys is None:
            config = config.merge(Config(signature_version=UNSIGNED))
        session = boto3.Session(*(keys or (None, None)), region_name="us-east-1")
        return session.client(service, endpoint_url=f"http://127.0.0.1:{self.port}", config=config)

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait(20)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """One process for the module."""
    found = Stack()
    yield found
    found.stop()


def error(call: Any, **parameters: Any) -> str:
    """The code of a refusal."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def deployed(stack: Stack) -> tuple[str, str, str]:
    """User pool, client and identity pool with a role for the files."""
    idp, identity, iam = stack.aws("cognito-idp"), stack.aws("cognito-identity"), stack.aws("iam")
    pool = idp.create_user_pool(PoolName="p", UsernameAttributes=["email"], AutoVerifiedAttributes=["email"])[
        "UserPool"
    ]["Id"]
    client = idp.create_user_pool_client(UserPoolId=pool, ClientName="c", PreventUserExistenceErrors="ENABLED")
    client_id = client["UserPoolClient"]["ClientId"]
    provider = f"cognito-idp.us-east-1.amazonaws.com/{pool}"
    entry = {"ProviderName": provider, "ClientId": client_id, "ServerSideTokenCheck": True}
    made = identity.create_identity_pool(
        IdentityPoolName="i", AllowUnauthenticatedIdentities=False, CognitoIdentityProviders=[entry]
    )
    conditions = {
        "StringEquals": {f"{PREFIX}:aud": made["IdentityPoolId"]},
        "ForAnyValue:StringLike": {f"{PREFIX}:amr": "authenticated"},
    }
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": PREFIX},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": conditions,
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = iam.create_role(RoleName="Files", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    folder = f"${{{PREFIX}:sub}}"
    listing = {"StringLike": {"s3:prefix": [f"{folder}/*"]}}
    statements = [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::files/{folder}/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::files", "Condition": listing},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName="Files", PolicyName="files", PolicyDocument=policy)
    identity.set_identity_pool_roles(IdentityPoolId=made["IdentityPoolId"], Roles={"authenticated": arn})
    stack.aws("s3").create_bucket(Bucket="files")
    return pool, client_id, made["IdentityPoolId"]


def test_ip_31_on_the_real_control_plane_each_user_has_the_own_folder_and_no_other(stack: Stack) -> None:
    pool, client_id, identity_pool = deployed(stack)
    idp, identity = stack.aws("cognito-idp", None), stack.aws("cognito-identity", None)
    provider = f"cognito-idp.us-east-1.amazonaws.com/{pool}"
    people = {}
    for name in ("alice", "bob"):
        email = f"{name}@example.com"
        idp.sign_up(ClientId=client_id, Username=email, Password=PASSWORD)
        code = stack.line().split()[-1]
        assert (
            error(idp.confirm_sign_up, ClientId=client_id, Username=email, ConfirmationCode="123456")
            == "CodeMismatchException"
        )
        idp.confirm_sign_up(ClientId=client_id, Username=email, ConfirmationCode=code)
        answer = AWSSRP(email, PASSWORD, pool, client_id, client=idp).authenticate_user()
        logins = {provider: answer["AuthenticationResult"]["IdToken"]}
        identity_id = identity.get_id(IdentityPoolId=identity_pool, Logins=logins)["IdentityId"]
        found = identity.get_credentials_for_identity(IdentityId=identity_id, Logins=logins)["Credentials"]
        keys = (found["AccessKeyId"], found["SecretKey"], found["SessionToken"])
        people[name] = (identity_id, stack.aws("s3", keys), keys)
    (alice, files, keys), (bob, others, _) = people["alice"], people["bob"]
    files.put_object(Bucket="files", Key=f"{alice}/note.txt", Body=b"hello")
    assert files.get_object(Bucket="files", Key=f"{alice}/note.txt")["Body"].read() == b"hello"
    assert files.list_objects_v2(Bucket="files", Prefix=f"{alice}/")["KeyCount"] == 1
    for key in (f"{bob}/note.txt", f"{alice}d/note.txt", alice, f"x{alice}/note.txt"):
        assert error(files.put_object, Bucket="files", Key=key, Body=b"x") == "AccessDenied"
    assert error(others.get_object, Bucket="files", Key=f"{alice}/note.txt") == "AccessDenied"
    for prefix in ("", "us-east-1:", f"{bob}/"):
        assert error(files.list_objects_v2, Bucket="files", Prefix=prefix) == "AccessDenied"
    caller = stack.aws("sts", keys).get_caller_identity()["Arn"]
    assert ":assumed-role/Files" in caller
    assert caller.endswith("/CognitoIdentityCredentials")


def test_up_03_the_real_control_plane_judges_the_signature_of_administrators(stack: Stack) -> None:
    pool, _, _ = deployed_once(stack)
    given = {"UserPoolId": pool, "Username": "carol@example.com", "MessageAction": "SUPPRESS"}
    assert error(stack.aws("cognito-idp", None).admin_create_user, **given) == "MissingAuthenticationTokenException"
    forged = stack.aws("cognito-idp", (KEYS[0], "another secret"))
    assert error(forged.admin_create_user, **given) == "InvalidSignatureException"
    unknown = stack.aws("cognito-idp", ("AKIAQ7NOBODYNOBODY77", "secret"))
    assert error(unknown.admin_create_user, **given) == "UnrecognizedClientException"
    idp = stack.aws("cognito-idp")
    assert idp.admin_create_user(**given)["User"]["UserStatus"] == "FORCE_CHANGE_PASSWORD"
    assert [user["Username"] for user in idp.list_users(UserPoolId=pool)["Users"]]
    nobody = stack.aws("iam").create_user(UserName="nobody")["User"]["UserName"]
    key = stack.aws("iam").create_access_key(UserName=nobody)["AccessKey"]
    forged = stack.aws("cognito-idp", (key["AccessKeyId"], "another secret"))
    assert error(forged.admin_get_user, UserPoolId=pool, Username="carol@example.com") == "InvalidSignatureException"
    poor = stack.aws("cognito-idp", (key["AccessKeyId"], key["SecretAccessKey"]))
    assert error(poor.admin_delete_user, UserPoolId=pool, Username="carol@example.com") == "AccessDeniedException"


def deployed_once(stack: Stack) -> tuple[str, str, str]:
    """A user pool of its own."""
    pool = stack.aws("cognito-idp").create_user_pool(PoolName="q", UsernameAttributes=["email"])["UserPool"]["Id"]
    return pool, "", ""


def test_up_99_rotation_can_be_set_although_the_control_plane_forgets_it(stack: Stack) -> None:
    pool, _, _ = deployed_once(stack)
    idp = stack.aws("cognito-idp")
    rotation = {"Feature": "ENABLED", "RetryGracePeriodSeconds": 10}
    made = idp.create_user_pool_client(UserPoolId=pool, ClientName="c", RefreshTokenRotation=rotation)["UserPoolClient"]
    given = {"UserPoolId": pool, "ClientId": made["ClientId"]}
    assert made["RefreshTokenRotation"] == rotation
    assert idp.describe_user_pool_client(**given)["UserPoolClient"]["RefreshTokenRotation"] == rotation
    idp.update_user_pool_client(**given, RefreshTokenRotation=rotation | {"RetryGracePeriodSeconds": 0})
    found = idp.describe_user_pool_client(**given)["UserPoolClient"]["RefreshTokenRotation"]
    assert found["RetryGracePeriodSeconds"] == 0
    idp.admin_create_user(
        UserPoolId=pool, Username="dora@example.com", TemporaryPassword=PASSWORD, MessageAction="SUPPRESS"
    )
    idp.admin_set_user_password(UserPoolId=pool, Username="dora@example.com", Password=PASSWORD, Permanent=True)
    public = stack.aws("cognito-idp", None)
    answer = AWSSRP("dora@example.com", PASSWORD, pool, made["ClientId"], client=public).authenticate_user()
    token = answer["AuthenticationResult"]["RefreshToken"]
    renewal = {"ClientId": made["ClientId"], "RefreshToken": token}
    assert public.get_tokens_from_refresh_token(**renewal)["AuthenticationResult"]["RefreshToken"] != token
    assert error(public.get_tokens_from_refresh_token, **renewal) == "RefreshTokenReuseException"
    idp.update_user_pool_client(**given)
    assert "RefreshTokenRotation" not in idp.describe_user_pool_client(**given)["UserPoolClient"]
