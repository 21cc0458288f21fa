"""Cognito as the embedded stack shows it; each test names the statement of AWS_BEHAVIOURS that it keeps."""

import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
import requests
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from pycognito.aws_srp import AWSSRP

from tests.conftest import NewUser, RunningStack, confirmed_user
from todo_backend import local

REGION = "us-east-1"
PASSWORD = "Pass-word-1-word"
MISMATCH = {
    "__type": "CodeMismatchException",
    "message": "Invalid verification code provided, please try again.",
}
EXPIRED = {"__type": "ExpiredCodeException", "message": "Invalid code provided, please request a code again."}


@pytest.fixture
def email() -> str:
    return f"someone-{secrets.token_hex(6)}@example.com"


@pytest.fixture
def login(stack: RunningStack, email: str) -> dict[str, str]:
    return {"ClientId": stack.output("UserPoolClientId"), "Username": email}


@pytest.fixture
def signed_up(stack: RunningStack, login: dict[str, str], email: str) -> dict[str, Any]:
    attributes = [{"Name": "email", "Value": email}]
    answer = stack.cognito("SignUp", **login, Password=PASSWORD, UserAttributes=attributes)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def tokens(stack: RunningStack, email: str, password: str) -> dict[str, str]:
    unsigned = Config(signature_version=UNSIGNED)
    endpoint = stack.output("EndpointUrl")
    client = boto3.client("cognito-idp", region_name=REGION, endpoint_url=endpoint, config=unsigned)
    pool, app_client = stack.output("UserPoolId"), stack.output("UserPoolClientId")
    found: dict[str, str] = AWSSRP(email, password, pool, app_client, client=client).authenticate_user()[
        "AuthenticationResult"
    ]
    return found


def other(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_up_10_the_destination_is_masked(signed_up: dict[str, Any]) -> None:
    assert signed_up["CodeDeliveryDetails"] == {
        "Destination": "s***@e***",
        "DeliveryMedium": "EMAIL",
        "AttributeName": "email",
    }


def test_the_mail_is_worded_as_the_pool_words_it(stack: RunningStack, signed_up: dict[str, Any], email: str) -> None:
    mail = local.inbox(stack.data_dir)[-1]
    assert (mail.to, mail.subject) == (email, "Your MyTodoList code")
    assert re.fullmatch(r"Your MyTodoList code is \d{6}", mail.text)
    assert mail.sent_at.endswith("Z")


def test_up_19_the_mailed_code_confirms_and_verifies_the_address(
    stack: RunningStack, new_user: Callable[[], NewUser]
) -> None:
    user = new_user()
    access = tokens(stack, user.email, user.password)["AccessToken"]
    attributes = stack.cognito("GetUser", AccessToken=access).json()["UserAttributes"]
    assert {"Name": "email_verified", "Value": "true"} in attributes


@pytest.mark.usefixtures("signed_up")
def test_up_20_another_code_does_not_confirm_nor_does_a_constant(
    stack: RunningStack, login: dict[str, str], email: str
) -> None:
    code = stack.newest_code(email)
    for wrong in {other(code), "123456"} - {code}:
        assert stack.cognito("ConfirmSignUp", **login, ConfirmationCode=wrong).json() == MISMATCH


@pytest.mark.usefixtures("signed_up")
def test_up_22_a_confirmed_user_cannot_be_confirmed(stack: RunningStack, login: dict[str, str], email: str) -> None:
    code = stack.newest_code(email)
    assert stack.cognito("ConfirmSignUp", **login, ConfirmationCode=code).status_code == 200
    again = stack.cognito("ConfirmSignUp", **login, ConfirmationCode=code).json()
    assert again["__type"] == "NotAuthorizedException"
    assert again["message"].startswith("User cannot be confirmed. Current status is CONFIRMED")


def test_up_23_an_unknown_user_is_not_told_apart(stack: RunningStack, login: dict[str, str]) -> None:
    answer = stack.cognito("ConfirmSignUp", **login, ConfirmationCode="000000")
    assert answer.json()["__type"] in ("CodeMismatchException", "ExpiredCodeException")


@pytest.mark.usefixtures("signed_up")
def test_up_24_guessing_ends(stack: RunningStack, login: dict[str, str], email: str) -> None:
    code = stack.newest_code(email)
    for _ in range(15):
        stack.cognito("ConfirmSignUp", **login, ConfirmationCode=other(code))
    answer = stack.cognito("ConfirmSignUp", **login, ConfirmationCode=code)
    assert answer.json() == {
        "__type": "LimitExceededException",
        "message": "Attempt limit exceeded, please try after some time.",
    }


@pytest.mark.usefixtures("signed_up")
def test_up_25_a_new_code_ends_the_one_before(stack: RunningStack, login: dict[str, str], email: str) -> None:
    first = stack.newest_code(email)
    details = stack.cognito("ResendConfirmationCode", **login).json()["CodeDeliveryDetails"]
    assert details["Destination"] == "s***@e***"
    second = stack.newest_code(email)
    if first != second:
        assert stack.cognito("ConfirmSignUp", **login, ConfirmationCode=first).json() == MISMATCH
    assert stack.cognito("ConfirmSignUp", **login, ConfirmationCode=second).status_code == 200


def test_up_26_a_confirmed_user_gets_no_new_code(stack: RunningStack, new_user: Callable[[], NewUser]) -> None:
    user = new_user()
    before = len(local.inbox(stack.data_dir))
    login = {"ClientId": stack.output("UserPoolClientId"), "Username": user.email}
    answer = stack.cognito("ResendConfirmationCode", **login)
    assert answer.json() == {"__type": "InvalidParameterException", "message": "User is already confirmed."}
    assert len(local.inbox(stack.data_dir)) == before


def test_up_27_up_30_nobody_is_mailed_for_an_unknown_user(stack: RunningStack, login: dict[str, str]) -> None:
    before = len(local.inbox(stack.data_dir))
    assert stack.cognito("ResendConfirmationCode", **login).status_code == 200
    assert stack.cognito("ForgotPassword", **login).status_code == 200
    assert len(local.inbox(stack.data_dir)) == before


@pytest.mark.usefixtures("signed_up")
def test_up_30_up_35_an_unverified_address_gets_no_reset_code(stack: RunningStack, login: dict[str, str]) -> None:
    before = len(local.inbox(stack.data_dir))
    assert stack.cognito("ForgotPassword", **login).status_code == 200
    assert len(local.inbox(stack.data_dir)) == before
    reset = {**login, "ConfirmationCode": "654321", "Password": PASSWORD}
    assert stack.cognito("ConfirmForgotPassword", **reset).json() == EXPIRED  # UP-35


def test_up_33_up_34_a_mailed_code_and_only_that_sets_a_new_password(
    stack: RunningStack, new_user: Callable[[], NewUser]
) -> None:
    user = new_user()
    login = {"ClientId": stack.output("UserPoolClientId"), "Username": user.email}
    stack.cognito("ForgotPassword", **login)
    code = stack.newest_code(user.email)
    for wrong in {other(code), "654321"} - {code}:
        reset = {**login, "ConfirmationCode": wrong, "Password": PASSWORD}
        assert stack.cognito("ConfirmForgotPassword", **reset).json() == MISMATCH
    assert tokens(stack, user.email, user.password)
    reset = {**login, "ConfirmationCode": code, "Password": PASSWORD}
    assert stack.cognito("ConfirmForgotPassword", **reset).status_code == 200
    assert tokens(stack, user.email, PASSWORD)
    assert stack.cognito("ConfirmForgotPassword", **reset).json() == EXPIRED


def test_a_weak_new_password_does_not_use_the_code_up(stack: RunningStack, new_user: Callable[[], NewUser]) -> None:
    user = new_user()
    login = {"ClientId": stack.output("UserPoolClientId"), "Username": user.email}
    stack.cognito("ForgotPassword", **login)
    code = stack.newest_code(user.email)
    weak = stack.cognito("ConfirmForgotPassword", **login, ConfirmationCode=code, Password="weak")
    assert weak.json()["__type"] == "InvalidPasswordException"
    good = stack.cognito("ConfirmForgotPassword", **login, ConfirmationCode=code, Password=PASSWORD)
    assert good.status_code == 200


def test_up_50_srp_a_of_zero_is_refused(stack: RunningStack, new_user: Callable[[], NewUser]) -> None:
    parameters = {"USERNAME": new_user().email, "SRP_A": "0"}  # of grade M: which error AWS gives is not known
    flow = {"AuthFlow": "USER_SRP_AUTH", "AuthParameters": parameters}
    answer = stack.cognito("InitiateAuth", ClientId=stack.output("UserPoolClientId"), **flow)
    assert answer.status_code == 400
    assert answer.json()["__type"] == "InvalidParameterException"


def test_a_body_that_is_no_json_is_answered_in_one_piece(stack: RunningStack) -> None:
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AWSCognitoIdentityProviderService.SignUp",
    }
    for body in ("", "[", "[]", "null", '"text"'):
        answer = requests.post(stack.output("EndpointUrl"), body, headers=headers, timeout=20)
        assert answer.status_code == 400, (body, answer.text)


# The way from an ID token to credentials.


@pytest.fixture(scope="module")
def signed_in(stack: RunningStack) -> dict[str, str]:
    user = confirmed_user(stack)
    return tokens(stack, user.email, user.password)


def logins_with(stack: RunningStack, token: str) -> dict[str, str]:
    return {f"cognito-idp.{REGION}.amazonaws.com/{stack.output('UserPoolId')}": token}


def identity_of(stack: RunningStack, token: str) -> str:
    logins = logins_with(stack, token)
    answer = stack.identity("GetId", IdentityPoolId=stack.output("IdentityPoolId"), Logins=logins)
    return str(answer.json()["IdentityId"])


def credentials_of(stack: RunningStack, token: str) -> dict[str, Any]:
    identity_id = identity_of(stack, token)
    logins = logins_with(stack, token)
    answer = stack.identity("GetCredentialsForIdentity", IdentityId=identity_id, Logins=logins).json()
    assert answer["IdentityId"] == identity_id
    found: dict[str, Any] = answer["Credentials"]
    return found


def test_ip_02_a_user_has_one_identity(stack: RunningStack, signed_in: dict[str, str]) -> None:
    ids = {identity_of(stack, signed_in["IdToken"]) for _ in range(2)}
    assert len(ids) == 1
    assert ids.pop().startswith(f"{REGION}:")


def test_ip_05_the_fields_are_awss(stack: RunningStack, signed_in: dict[str, str]) -> None:
    found = credentials_of(stack, signed_in["IdToken"])
    assert set(found) == {"AccessKeyId", "SecretKey", "SessionToken", "Expiration"}
    assert found["AccessKeyId"].startswith("ASIA")
    assert isinstance(found["Expiration"], int | float)


def test_ip_07_the_session_has_awss_name(stack: RunningStack, signed_in: dict[str, str]) -> None:
    keys = credentials_of(stack, signed_in["IdToken"])
    sts = boto3.client(
        "sts",
        region_name=REGION,
        endpoint_url=stack.output("EndpointUrl"),
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretKey"],
        aws_session_token=keys["SessionToken"],
    )
    assert sts.get_caller_identity()["Arn"].endswith("/CognitoIdentityCredentials")


def test_ip_08_guests_get_nothing(stack: RunningStack) -> None:
    answer = stack.identity("GetId", IdentityPoolId=stack.output("IdentityPoolId"))
    assert answer.status_code == 400
    assert answer.json() == {
        "__type": "NotAuthorizedException",
        "message": "Unauthenticated access is not supported for this identity pool.",
    }


def test_ip_13_an_access_token_is_no_login(stack: RunningStack, signed_in: dict[str, str]) -> None:
    logins = logins_with(stack, signed_in["AccessToken"])
    answer = stack.identity("GetId", IdentityPoolId=stack.output("IdentityPoolId"), Logins=logins)
    assert answer.json()["__type"] == "NotAuthorizedException"


def test_ip_14_an_identity_without_a_login_gets_nothing(stack: RunningStack, signed_in: dict[str, str]) -> None:
    identity_id = identity_of(stack, signed_in["IdToken"])
    answer = stack.identity("GetCredentialsForIdentity", IdentityId=identity_id)
    assert answer.json()["__type"] == "NotAuthorizedException"


def test_ip_15_a_made_up_identity_gets_nothing(stack: RunningStack, signed_in: dict[str, str]) -> None:
    made_up = f"{REGION}:00000000-0000-0000-0000-000000000000"
    logins = logins_with(stack, signed_in["IdToken"])
    answer = stack.identity("GetCredentialsForIdentity", IdentityId=made_up, Logins=logins)
    assert answer.status_code == 400
    assert answer.json()["__type"] == "ResourceNotFoundException"  # IP-18


def test_ip_15_se_26_a_victims_identity_gets_nothing(
    stack: RunningStack, signed_in: dict[str, str], new_user: Callable[[], NewUser]
) -> None:
    victim = new_user()
    victims = identity_of(stack, tokens(stack, victim.email, victim.password)["IdToken"])
    logins = logins_with(stack, signed_in["IdToken"])
    answer = stack.identity("GetCredentialsForIdentity", IdentityId=victims, Logins=logins)
    assert answer.status_code == 400
    assert answer.json()["__type"] == "NotAuthorizedException"


def test_credentials_that_are_out_follow_the_deployed_role(stack: RunningStack, signed_in: dict[str, str]) -> None:
    identity_id = identity_of(stack, signed_in["IdToken"])
    keys = credentials_of(stack, signed_in["IdToken"])
    address = {"region_name": REGION, "endpoint_url": stack.output("EndpointUrl")}
    s3 = boto3.client(
        "s3",
        **address,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretKey"],
        aws_session_token=keys["SessionToken"],
    )
    admin = stack.admin_credentials
    iam, pools = (
        boto3.client(service, **address, aws_access_key_id=admin.access_key, aws_secret_access_key=admin.secret_key)
        for service in ("iam", "cognito-identity")
    )
    bucket, key = stack.output("FilesBucket"), f"{identity_id}/own"
    s3.put_object(Bucket=bucket, Key=key, Body=b"")
    roles = pools.get_identity_pool_roles(IdentityPoolId=stack.output("IdentityPoolId"))["Roles"]
    role = roles["authenticated"].rpartition("/")[2]
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    iam.delete_role_policy(RoleName=role, PolicyName=name)
    try:
        assert soon(lambda: not may_put(s3, bucket, key))
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))
    assert soon(lambda: may_put(s3, bucket, key))


def may_put(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return False
    return True


def soon(is_so: Callable[[], bool]) -> bool:
    """Whether it becomes so within a few seconds: IAM's changes need a moment to arrive, as on AWS."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if is_so():
            return True
        time.sleep(0.02)
    return False
