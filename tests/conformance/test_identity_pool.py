"""Identity pools and the credentials that they give (IP-…)."""

from __future__ import annotations

import json
import re
import secrets
import time
from typing import Any

import jwt
import pytest

from .conftest import Sut, User, new_user, refusal

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
NOT_AUTHORIZED = (400, "NotAuthorizedException")


@pytest.fixture(scope="module")
def pool(sut: Sut) -> str:
    return sut.outputs["IdentityPoolId"]


@pytest.fixture(scope="module")
def device(sut: Sut) -> Any:
    return sut.client("cognito-identity")


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def test_ip_01_nothing_is_signed(sut: Sut, alice: User, pool: str) -> None:
    """GetId and GetCredentialsForIdentity as bare HTTP without an Authorization header."""
    found = sut.post("cognito-identity", "GetId", {"IdentityPoolId": pool, "Logins": alice.logins})
    assert found.status_code == 200
    asked = {"IdentityId": found.json()["IdentityId"], "Logins": alice.logins}
    assert sut.post("cognito-identity", "GetCredentialsForIdentity", asked).status_code == 200


def test_ip_02_a_user_always_has_the_same_identity(sut: Sut, device: Any, alice: User, pool: str) -> None:
    assert re.fullmatch(f"{sut.region}:{UUID}", alice.identity_id)
    other_device = {sut.logins_key: alice.sign_in()["IdToken"]}
    assert device.get_id(IdentityPoolId=pool, Logins=other_device)["IdentityId"] == alice.identity_id


def test_ip_03_which_is_not_the_sub(alice: User) -> None:
    assert claims(alice.tokens["IdToken"])["sub"] not in alice.identity_id


def test_ip_04_the_enhanced_flow_is_two_calls(device: Any, alice: User, pool: str) -> None:
    found = device.get_id(IdentityPoolId=pool, Logins=alice.logins)["IdentityId"]
    given = device.get_credentials_for_identity(IdentityId=found, Logins=alice.logins)
    assert given["IdentityId"] == found


def test_ip_05_ip_06_the_credentials(sut: Sut, alice: User) -> None:
    asked = {"IdentityId": alice.identity_id, "Logins": alice.logins}
    found = sut.post("cognito-identity", "GetCredentialsForIdentity", asked).json()
    keys = found["Credentials"]
    assert keys.keys() == {"AccessKeyId", "SecretKey", "SessionToken", "Expiration"}
    assert keys["AccessKeyId"].startswith("ASIA")
    assert isinstance(keys["Expiration"], int | float)
    assert 3000 < keys["Expiration"] - time.time() < 3700


def test_ip_07_everybody_has_one_session_name(sut: Sut, alice: User) -> None:
    arn = sut.client("sts", alice.keys).get_caller_identity()["Arn"]
    assert re.fullmatch(r"arn:aws:sts::\d{12}:assumed-role/[\w-]+/CognitoIdentityCredentials", arn)


def test_ip_08_guests_get_nothing(device: Any, pool: str) -> None:
    said = refusal(device.get_id, IdentityPoolId=pool)
    assert (said.status, said.code) == NOT_AUTHORIZED
    assert said.message == "Unauthenticated access is not supported for this identity pool."


def other_client(sut: Sut, user: User) -> dict[str, str]:
    cognito, pool = sut.owner("cognito-idp"), sut.outputs["UserPoolId"]
    flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    made = cognito.create_user_pool_client(UserPoolId=pool, ClientName="stranger", ExplicitAuthFlows=flows)
    client = made["UserPoolClient"]["ClientId"]
    asked = {"USERNAME": user.email, "PASSWORD": user.password}
    answer = cognito.admin_initiate_auth(
        UserPoolId=pool, ClientId=client, AuthFlow="ADMIN_USER_PASSWORD_AUTH", AuthParameters=asked
    )
    cognito.delete_user_pool_client(UserPoolId=pool, ClientId=client)
    return dict(answer["AuthenticationResult"])


def test_ip_10_a_token_of_another_client(sut: Sut, device: Any, alice: User, pool: str) -> None:
    token = other_client(sut, alice)["IdToken"]
    said = refusal(device.get_id, IdentityPoolId=pool, Logins={sut.logins_key: token})
    assert (said.status, said.code) == NOT_AUTHORIZED
    assert said.message == "Token is not from a supported provider of this identity pool."


def test_ip_11_junk(sut: Sut, device: Any, pool: str) -> None:
    said = refusal(device.get_id, IdentityPoolId=pool, Logins={sut.logins_key: "junk"})
    assert (said.status, said.code) == NOT_AUTHORIZED
    assert said.message == "Invalid login token. Not a valid OpenId Connect identity token."


def test_ip_12_a_login_of_another_name(sut: Sut, device: Any, alice: User, pool: str) -> None:
    name = f"cognito-idp.{sut.region}.amazonaws.com/{sut.region}_Abcdefghi"
    said = refusal(device.get_id, IdentityPoolId=pool, Logins={name: alice.tokens["IdToken"]})
    assert (said.status, said.code) == NOT_AUTHORIZED


def test_ip_13_an_access_token(sut: Sut, device: Any, alice: User, pool: str) -> None:
    said = refusal(device.get_id, IdentityPoolId=pool, Logins={sut.logins_key: alice.tokens["AccessToken"]})
    assert (said.status, said.code) == NOT_AUTHORIZED


def test_ip_14_an_identity_without_a_login(device: Any, alice: User) -> None:
    said = refusal(device.get_credentials_for_identity, IdentityId=alice.identity_id)
    assert (said.status, said.code) == NOT_AUTHORIZED


def test_ip_15_se_26_anothers_identity(device: Any, alice: User, bob: User) -> None:
    said = refusal(device.get_credentials_for_identity, IdentityId=alice.identity_id, Logins=bob.logins)
    assert (said.status, said.code) == NOT_AUTHORIZED


def test_se_26_a_login_that_was_never_used(sut: Sut, device: Any, alice: User) -> None:
    """It may be linked to nothing of hers."""
    fresh = new_user(sut)
    said = refusal(device.get_credentials_for_identity, IdentityId=alice.identity_id, Logins=fresh.logins)
    assert (said.status, said.code) == NOT_AUTHORIZED


def test_ip_16_the_answer_names_the_identity(device: Any, alice: User) -> None:
    given = device.get_credentials_for_identity(IdentityId=alice.identity_id, Logins=alice.logins)
    assert given["IdentityId"] == alice.identity_id


def test_ip_18_a_pool_and_an_identity_that_are_not_there(sut: Sut, device: Any, alice: User) -> None:
    nobody = f"{sut.region}:{'0' * 8}-0000-4000-8000-{'0' * 12}"
    for call, words in (
        (device.get_id, {"IdentityPoolId": nobody, "Logins": alice.logins}),
        (device.get_credentials_for_identity, {"IdentityId": nobody, "Logins": alice.logins}),
    ):
        said = refusal(call, **words)
        assert (said.status, said.code) == (400, "ResourceNotFoundException")


def test_ip_20_se_25_the_role_trusts_this_pool_only(sut: Sut, pool: str) -> None:
    roles = sut.owner("cognito-identity").get_identity_pool_roles(IdentityPoolId=pool)["Roles"]
    role = sut.owner("iam").get_role(RoleName=roles["authenticated"].rpartition("/")[2])["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Federated": "cognito-identity.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"cognito-identity.amazonaws.com:aud": pool},
        "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"},
    }


def test_ip_22_the_basic_flow_is_off(device: Any, alice: User) -> None:
    said = refusal(device.get_open_id_token, IdentityId=alice.identity_id, Logins=alice.logins)
    assert said.status == 400
    assert said.message == "Basic (classic) flow is not enabled, please use enhanced flow."


@pytest.fixture(scope="module")
def classic(sut: Sut) -> Any:
    """An identity pool with the basic flow, and without roles."""
    owner = sut.owner("cognito-identity")
    provider = {
        "ProviderName": sut.logins_key,
        "ClientId": sut.outputs["UserPoolClientId"],
        "ServerSideTokenCheck": True,
    }
    made = owner.create_identity_pool(
        IdentityPoolName=f"classic_{secrets.token_hex(4)}",
        AllowUnauthenticatedIdentities=False,
        AllowClassicFlow=True,
        CognitoIdentityProviders=[provider],
    )
    yield made["IdentityPoolId"]
    owner.delete_identity_pool(IdentityPoolId=made["IdentityPoolId"])


def test_ip_04_ip_21_ip_23_the_basic_flow(sut: Sut, device: Any, alice: User, classic: str, pool: str) -> None:
    identity = device.get_id(IdentityPoolId=classic, Logins=alice.logins)["IdentityId"]
    token = device.get_open_id_token(IdentityId=identity, Logins=alice.logins)["Token"]
    found = claims(token)
    assert (found["aud"], found["sub"]) == (classic, identity)
    assert "authenticated" in found["amr"]
    assert sut.logins_key in found["amr"]
    roles = sut.owner("cognito-identity").get_identity_pool_roles(IdentityPoolId=pool)["Roles"]
    said = refusal(
        sut.client("sts").assume_role_with_web_identity,
        RoleArn=roles["authenticated"],
        RoleSessionName="attacker",
        WebIdentityToken=token,
    )
    assert (said.status, said.code) == (403, "AccessDenied")
    assert said.message == "Not authorized to perform sts:AssumeRoleWithWebIdentity"


def test_ip_19_a_pool_without_roles(device: Any, alice: User, classic: str) -> None:
    identity = device.get_id(IdentityPoolId=classic, Logins=alice.logins)["IdentityId"]
    said = refusal(device.get_credentials_for_identity, IdentityId=identity, Logins=alice.logins)
    assert (said.status, said.code) == (400, "InvalidIdentityPoolConfigurationException")
    assert said.message == "Invalid identity pool configuration. Check assigned IAM roles for this pool."


def test_ip_24_where_the_server_is_asked_a_sign_out_counts(sut: Sut, device: Any, classic: str) -> None:
    user = new_user(sut)
    device.get_id(IdentityPoolId=classic, Logins=user.logins)
    sut.client("cognito-idp").global_sign_out(AccessToken=user.tokens["AccessToken"])
    said = refusal(device.get_id, IdentityPoolId=classic, Logins=user.logins)
    assert (said.status, said.code) == NOT_AUTHORIZED


def test_ip_25_se_18_credentials_survive_the_sign_out(sut: Sut) -> None:
    user = new_user(sut)
    s3, key, bucket = user.s3, user.key(), sut.outputs["FilesBucket"]
    sut.client("cognito-idp").global_sign_out(AccessToken=user.tokens["AccessToken"])
    assert s3.put_object(Bucket=bucket, Key=key, Body=b"")["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert user.api("GET", "todos").status_code == 200


def test_ip_28_roles_are_mapped_by_client(sut: Sut, classic: str) -> None:
    """The mapping's key has the client's id, the login's key has not."""
    owner = sut.owner("cognito-identity")
    mapping = {"Type": "Token", "AmbiguousRoleResolution": "Deny"}
    key = f"{sut.logins_key}:{sut.outputs['UserPoolClientId']}"
    owner.set_identity_pool_roles(IdentityPoolId=classic, Roles={}, RoleMappings={key: mapping})
    assert owner.get_identity_pool_roles(IdentityPoolId=classic)["RoleMappings"] == {key: mapping}


def test_ip_31_the_variable_is_the_identity(sut: Sut, alice: User, pool: str) -> None:
    """The deployed policy holds the variable, and each user gets the own folder of it."""
    roles = sut.owner("cognito-identity").get_identity_pool_roles(IdentityPoolId=pool)["Roles"]
    name, iam = roles["authenticated"].rpartition("/")[2], sut.owner("iam")
    policies = [
        iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    assert "${cognito-identity.amazonaws.com:sub}" in json.dumps(policies)
    key, bucket = alice.key(), sut.outputs["FilesBucket"]
    alice.s3.put_object(Bucket=bucket, Key=key, Body=b"mine")
    literal = key.replace(alice.identity_id, "${cognito-identity.amazonaws.com:sub}")
    assert refusal(alice.s3.put_object, Bucket=bucket, Key=literal, Body=b"").code == "AccessDenied"
