"""User pools: second factors, devices, tokens, what a signed-in user may do (UP-72 to UP-115)."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import re
import secrets
import struct
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import requests
from pycognito.aws_srp import AWSSRP, generate_hash_device

from .conftest import Sut, User, new_user, refusal
from .pools import PASSWORD, Pool, pool
from .test_user_pool import said

NOT_AUTHORIZED = (400, "NotAuthorizedException")


def totp(secret: str, step: int = 0) -> str:
    """RFC 6238 with SHA-1, 30 s, 6 digits."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30 + step), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4]) & 0x7FFFFFFF) % 1_000_000:06d}"


def wrong_code(secret: str) -> str:
    near = {totp(secret, step) for step in range(-3, 4)}
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in near)


@pytest.fixture(scope="module")
def deployed(sut: Sut) -> Pool:
    return Pool(sut, sut.outputs["UserPoolId"], sut.outputs["UserPoolClientId"])


@pytest.fixture(scope="module")
def factors(sut: Sut) -> Iterator[Pool]:
    """MFA by software token if the user wants it; devices tracked, remembered on request; no errors hidden."""
    devices = {"ChallengeRequiredOnNewDevice": True, "DeviceOnlyRememberedOnUserPrompt": True}
    schema = [{"Name": "role", "AttributeDataType": "String", "Mutable": True}]
    with pool(sut, DeviceConfiguration=devices, Schema=schema) as made:
        with_tokens(made, "OPTIONAL")
        yield made


def with_tokens(it: Pool, configuration: str) -> None:
    enabled = {"SoftwareTokenMfaConfiguration": {"Enabled": True}, "MfaConfiguration": configuration}
    it.admin.set_user_pool_mfa_config(UserPoolId=it.id, **enabled)


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def answer(it: Pool, name: str, challenge: dict[str, Any], **responses: str) -> dict[str, Any]:
    words = {"ClientId": it.client_id, "ChallengeName": challenge["ChallengeName"], "Session": challenge["Session"]}
    found: dict[str, Any] = it.device.respond_to_auth_challenge(
        **words, ChallengeResponses={"USERNAME": name, **responses}
    )
    return found


def with_factor(it: Pool) -> tuple[str, str]:
    """Name and TOTP secret of a user who signs in with both; the code of this step is used up."""
    name = it.user()
    access = it.tokens(name)["AccessToken"]
    secret = it.device.associate_software_token(AccessToken=access)["SecretCode"]
    it.device.verify_software_token(AccessToken=access, UserCode=totp(secret, -1))
    wish = {"Enabled": True, "PreferredMfa": True}
    it.device.set_user_mfa_preference(AccessToken=access, SoftwareTokenMfaSettings=wish)
    return name, secret


# --- Software tokens


def test_up_72_up_73_up_74_setting_a_token_up(factors: Pool) -> None:
    access = factors.tokens(factors.user())["AccessToken"]
    wish = {"AccessToken": access, "SoftwareTokenMfaSettings": {"Enabled": True}}
    early = said(factors.device.set_user_mfa_preference, **wish)
    assert early == (400, "InvalidParameterException", "User has not set up software token mfa")
    secret = factors.device.associate_software_token(AccessToken=access)["SecretCode"]
    assert re.fullmatch(r"[A-Z2-7]{16,}", secret)
    wrong = said(factors.device.verify_software_token, AccessToken=access, UserCode=wrong_code(secret))
    message = "Code mismatch and fail enable Software Token MFA"
    assert wrong == (400, "EnableSoftwareTokenMFAException", message)
    right = factors.device.verify_software_token(AccessToken=access, UserCode=totp(secret))
    assert right["Status"] == "SUCCESS"
    factors.device.set_user_mfa_preference(**wish)


def test_up_75_up_76_up_77_a_token_at_sign_in(factors: Pool) -> None:
    name, secret = with_factor(factors)
    challenge = factors.sign_in(name)
    assert challenge["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    found = refusal(answer, it=factors, name=name, challenge=challenge, SOFTWARE_TOKEN_MFA_CODE=wrong_code(secret))
    assert (found.status, found.code) == (400, "CodeMismatchException")
    assert found.message == "Invalid code received for user"
    code = totp(secret)
    done = answer(factors, name, factors.sign_in(name), SOFTWARE_TOKEN_MFA_CODE=code)
    assert done["AuthenticationResult"]["AccessToken"]
    again = refusal(answer, it=factors, name=name, challenge=factors.sign_in(name), SOFTWARE_TOKEN_MFA_CODE=code)
    expected = (400, "ExpiredCodeException", "Your software token has already been used once.")
    assert (again.status, again.code, again.message) == expected


def test_up_72_up_78_where_a_factor_is_required_it_is_set_up_at_sign_in(sut: Sut) -> None:
    with pool(sut) as strict:
        with_tokens(strict, "ON")
        name = strict.user()
        challenge = strict.sign_in(name)
        assert challenge["ChallengeName"] == "MFA_SETUP"
        made = strict.device.associate_software_token(Session=challenge["Session"])
        verified = strict.device.verify_software_token(Session=made["Session"], UserCode=totp(made["SecretCode"]))
        done = answer(strict, name, {"ChallengeName": "MFA_SETUP", "Session": verified["Session"]})
        assert done["AuthenticationResult"]["AccessToken"]


# --- Devices


def confirmed(it: Pool, name: str, result: dict[str, Any]) -> tuple[str, str, str]:
    """Confirm the device of a sign-in: its key, group and password."""
    metadata = result["NewDeviceMetadata"]
    key, group = metadata["DeviceKey"], metadata["DeviceGroupKey"]
    password, verifier = generate_hash_device(group, key)
    words = {"AccessToken": result["AccessToken"], "DeviceKey": key, "DeviceSecretVerifierConfig": verifier}
    found = it.device.confirm_device(**words, DeviceName="phone")
    assert found["UserConfirmationNecessary"] is True
    return key, group, password


def test_up_80_up_81_up_82_a_new_device(factors: Pool) -> None:
    name = factors.user()
    result = factors.tokens(name)
    key = result["NewDeviceMetadata"]["DeviceKey"]
    assert re.fullmatch(rf"{factors.sut.region}_[0-9a-f-]{{36}}", key)
    assert claims(result["AccessToken"])["device_key"] == key
    _, group, _ = confirmed(factors, name, result)
    again = refusal(
        factors.device.confirm_device,
        AccessToken=result["AccessToken"],
        DeviceKey=key,
        DeviceSecretVerifierConfig=generate_hash_device(group, key)[1],
    )
    assert (again.status, again.code) == (400, "DeviceKeyExistsException")


def test_up_83_up_84_up_85_a_remembered_device_needs_no_second_factor(factors: Pool) -> None:
    name = factors.user()
    result = factors.tokens(name)
    key, group, password = confirmed(factors, name, result)
    access = result["AccessToken"]
    secret = factors.device.associate_software_token(AccessToken=access)["SecretCode"]
    factors.device.verify_software_token(AccessToken=access, UserCode=totp(secret))
    wish = {"Enabled": True, "PreferredMfa": True}
    factors.device.set_user_mfa_preference(AccessToken=access, SoftwareTokenMfaSettings=wish)
    assert factors.sign_in(name, DEVICE_KEY=key)["ChallengeName"] == "SOFTWARE_TOKEN_MFA"  # UP-83
    factors.device.update_device_status(AccessToken=access, DeviceKey=key, DeviceRememberedStatus="remembered")
    done = by_device(factors, name, key, group, password)
    assert done["AuthenticationResult"]["AccessToken"]
    assert "NewDeviceMetadata" not in done["AuthenticationResult"]
    factors.device.forget_device(AccessToken=access, DeviceKey=key)
    found = refusal(factors.sign_in, name=name, DEVICE_KEY=key)
    expected = (400, "ResourceNotFoundException", "Device does not exist.")
    assert (found.status, found.code, found.message) == expected


def by_device(it: Pool, name: str, key: str, group: str, password: str) -> dict[str, Any]:
    """Sign in with the password, then with the device's own, as pycognito does."""
    srp = AWSSRP(
        name,
        PASSWORD,
        it.id,
        it.client_id,
        client=it.device,
        device_key=key,
        device_group_key=group,
        device_password=password,
    )
    found: dict[str, Any] = srp.authenticate_user()
    return found


def refreshed(it: Pool, token: str, **more: str) -> dict[str, Any]:
    words = {"AuthFlow": "REFRESH_TOKEN_AUTH", "ClientId": it.client_id}
    found: dict[str, Any] = it.device.initiate_auth(**words, AuthParameters={"REFRESH_TOKEN": token, **more})
    return dict(found["AuthenticationResult"])


def test_up_86_only_the_confirmed_device_renews(factors: Pool) -> None:
    name = factors.user()
    result = factors.tokens(name)
    key, _, _ = confirmed(factors, name, result)
    assert refreshed(factors, result["RefreshToken"], DEVICE_KEY=key)["AccessToken"]
    for more in ({}, {"DEVICE_KEY": f"{factors.sut.region}_{'0' * 8}-0000-4000-8000-{'0' * 12}"}):
        found = refusal(refreshed, it=factors, token=result["RefreshToken"], **more)
        assert (found.status, found.code) == NOT_AUTHORIZED


def test_up_87_up_88_no_device_is_tracked_without_srp(factors: Pool) -> None:
    name = factors.user()
    words = {"AuthFlow": "ADMIN_USER_PASSWORD_AUTH", "ClientId": factors.client_id, "UserPoolId": factors.id}
    asked = {"USERNAME": name, "PASSWORD": PASSWORD}
    result = factors.admin.admin_initiate_auth(**words, AuthParameters=asked)["AuthenticationResult"]
    assert "device_key" not in claims(result["AccessToken"])
    assert refusal(refreshed, it=factors, token=result["RefreshToken"]).status == 400


# --- What stands in tokens


def jwks(sut: Sut, pool_id: str) -> dict[str, Any]:
    answer = requests.get(f"{sut.address('cognito-idp')}/{pool_id}/.well-known/jwks.json", timeout=30)
    assert answer.status_code == 200
    return {key["kid"]: key for key in answer.json()["keys"]}


def test_up_89_up_109_two_published_keys(sut: Sut, deployed: Pool) -> None:
    user = new_user(sut)
    keys = jwks(sut, deployed.id)
    assert len(keys) == 2
    for key in keys.values():
        assert (key["alg"], key["kty"], key["e"], key["use"]) == ("RS256", "RSA", "AQAB", "sig")
    deployed.device.revoke_token(Token=user.tokens["RefreshToken"], ClientId=deployed.client_id)
    used = []
    for name, audience in (("IdToken", deployed.client_id), ("AccessToken", None)):
        token = user.tokens[name]
        kid = jwt.get_unverified_header(token)["kid"]
        used.append(kid)
        public = jwt.PyJWK(keys[kid]).key
        assert jwt.decode(
            token, public, algorithms=["RS256"], audience=audience, options={"verify_aud": bool(audience)}
        )
    assert len(set(used)) == 2


def test_up_90_up_91_up_93_the_claims_of_an_id_token(sut: Sut, deployed: Pool, alice: User) -> None:
    found = claims(alice.tokens["IdToken"])
    assert found["iss"] == f"https://cognito-idp.{sut.region}.amazonaws.com/{deployed.id}"
    assert (found["aud"], found["token_use"], found["email"]) == (deployed.client_id, "id", alice.email)
    assert found["email_verified"] is True
    assert found["cognito:username"] == found["sub"]
    assert found.keys() >= {"auth_time", "iat", "exp", "jti", "origin_jti"}


def test_up_92_up_93_up_95_the_claims_of_an_access_token(deployed: Pool, alice: User) -> None:
    found = claims(alice.tokens["AccessToken"])
    assert (found["client_id"], found["token_use"]) == (deployed.client_id, "access")
    assert found["scope"] == "aws.cognito.signin.user.admin"
    assert found["username"] == found["sub"]
    assert not found.keys() & {"aud", "email"}


def test_up_94_up_98_a_refresh(factors: Pool, deployed: Pool, sut: Sut) -> None:
    with pool(sut) as plain:
        name = plain.user()
        first = plain.tokens(name)
        second = refreshed(plain, first["RefreshToken"])
        assert second.keys() == {"AccessToken", "IdToken", "ExpiresIn", "TokenType"}
        before, access, after = claims(first["IdToken"]), claims(first["AccessToken"]), claims(second["IdToken"])
        assert before["origin_jti"] == access["origin_jti"] == after["origin_jti"]
        assert len({before["jti"], access["jti"], after["jti"]}) == 3
        assert before["auth_time"] == after["auth_time"]
        assert claims(plain.tokens(name)["IdToken"])["origin_jti"] != before["origin_jti"]
        words = {"AuthFlow": "REFRESH_TOKEN", "ClientId": plain.client_id}
        assert plain.device.initiate_auth(**words, AuthParameters={"REFRESH_TOKEN": first["RefreshToken"]})


def test_up_96_lifetimes(deployed: Pool, alice: User, factors: Pool) -> None:
    found = claims(alice.tokens["IdToken"])
    assert (found["exp"] - found["iat"], alice.tokens["ExpiresIn"]) == (3600, 3600)
    quick = factors.client(AccessTokenValidity=5, TokenValidityUnits={"AccessToken": "minutes"})
    result = quick.tokens(quick.user())
    assert result["ExpiresIn"] == 300
    for wrong in ({"AccessTokenValidity": 4}, {"AccessTokenValidity": 1441}):
        said_of = refusal(factors.client, **wrong, TokenValidityUnits={"AccessToken": "minutes"})
        assert said_of.code == "InvalidParameterException"


def test_up_97_up_104_a_refresh_token_tells_nothing(deployed: Pool, alice: User) -> None:
    with pytest.raises(jwt.PyJWTError):
        jwt.decode(alice.tokens["RefreshToken"], options={"verify_signature": False})
    found = refusal(refreshed, it=deployed, token="junk")
    assert (found.status, found.code, found.message) == (*NOT_AUTHORIZED, "Invalid Refresh Token")


def test_up_99_up_100_up_101_se_31_rotation(sut: Sut) -> None:
    with pool(sut) as plain:
        flows = ["ALLOW_USER_SRP_AUTH"]
        rotating = plain.client(
            ExplicitAuthFlows=flows, RefreshTokenRotation={"Feature": "ENABLED", "RetryGracePeriodSeconds": 0}
        )
        first = rotating.tokens(rotating.user())["RefreshToken"]
        assert refusal(refreshed, it=rotating, token=first).status == 400
        words = {"ClientId": rotating.client_id}
        second = rotating.device.get_tokens_from_refresh_token(**words, RefreshToken=first)["AuthenticationResult"]
        assert {"AccessToken", "IdToken", "RefreshToken"} <= second.keys()
        assert second["RefreshToken"] != first
        found = refusal(rotating.device.get_tokens_from_refresh_token, **words, RefreshToken=first)
        assert (found.status, found.code) == (400, "RefreshTokenReuseException")


def test_up_102_the_secret_itself(sut: Sut) -> None:
    with pool(sut) as plain:
        keeper = plain.client(GenerateSecret=True)
        name = plain.user()
        digest = hmac.new((keeper.secret or "").encode(), (name + keeper.client_id).encode(), hashlib.sha256).digest()
        asked = {"USERNAME": name, "PASSWORD": PASSWORD, "SECRET_HASH": base64.b64encode(digest).decode()}
        words = {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": keeper.client_id, "AuthParameters": asked}
        token = keeper.device.initiate_auth(**words)["AuthenticationResult"]["RefreshToken"]
        call = keeper.device.get_tokens_from_refresh_token
        refresh = {"ClientId": keeper.client_id, "RefreshToken": token}
        assert call(**refresh, ClientSecret=keeper.secret)["AuthenticationResult"]["AccessToken"]
        assert refusal(call, **refresh, ClientSecret="wrong" * 5).code == "NotAuthorizedException"


def test_up_105_a_token_of_another_client(factors: Pool) -> None:
    other = factors.client()
    token = factors.with_password(factors.user())["AuthenticationResult"]["RefreshToken"]
    assert refusal(refreshed, it=other, token=token).code == "NotAuthorizedException"


# --- Ending a session


def test_up_104_up_106_up_108_revocation_ends_one_sign_in(sut: Sut, deployed: Pool) -> None:
    user = new_user(sut)
    one, two = user.sign_in(), user.sign_in()
    done = deployed.device.revoke_token(Token=one["RefreshToken"], ClientId=deployed.client_id)
    assert done["ResponseMetadata"]["HTTPStatusCode"] == 200
    found = said(deployed.device.get_user, AccessToken=one["AccessToken"])
    assert found == (*NOT_AUTHORIZED, "Access Token has been revoked")
    assert deployed.device.get_user(AccessToken=two["AccessToken"])["Username"]
    again = refusal(refreshed, it=deployed, token=one["RefreshToken"])
    assert (again.status, again.code, again.message) == (*NOT_AUTHORIZED, "Refresh Token has been revoked")


def test_up_107_only_refresh_tokens_are_revoked(deployed: Pool, alice: User) -> None:
    words = {"Token": alice.tokens["AccessToken"], "ClientId": deployed.client_id}
    assert refusal(deployed.device.revoke_token, **words).code == "UnsupportedTokenTypeException"


def test_up_108_up_110_a_global_sign_out(sut: Sut, deployed: Pool) -> None:
    user = new_user(sut)
    one, two = user.sign_in(), user.sign_in()
    deployed.device.global_sign_out(AccessToken=one["AccessToken"])
    for result in (one, two):
        found = said(deployed.device.get_user, AccessToken=result["AccessToken"])
        assert found == (*NOT_AUTHORIZED, "Access Token has been revoked")
        assert refusal(refreshed, it=deployed, token=result["RefreshToken"]).code == "NotAuthorizedException"


def test_up_111_se_09_tokens_of_the_wrong_kind(deployed: Pool, alice: User) -> None:
    head, body, signature = alice.tokens["AccessToken"].split(".")
    forged = f"{head}.{body}.{('A' if signature[0] != 'A' else 'B') + signature[1:]}"
    for token in (alice.tokens["IdToken"], forged):
        found = refusal(deployed.device.get_user, AccessToken=token)
        assert (found.status, found.code) == NOT_AUTHORIZED


def test_up_112_who_am_i(deployed: Pool, bob: User) -> None:
    found = deployed.device.get_user(AccessToken=bob.tokens["AccessToken"])
    assert {"Name": "email", "Value": bob.email} in found["UserAttributes"]
    assert not found.keys() & {"UserMFASettingList", "PreferredMfaSetting"}


def test_up_113_a_wrong_old_password(sut: Sut, deployed: Pool) -> None:
    user = new_user(sut)
    words = {"AccessToken": user.tokens["AccessToken"], "ProposedPassword": "Another-Horse-8"}
    found = said(deployed.device.change_password, **words, PreviousPassword="Wrong-Horse-7")
    assert found == (*NOT_AUTHORIZED, "Incorrect username or password.")
    for _ in range(5):
        found = said(deployed.device.change_password, **words, PreviousPassword="Wrong-Horse-7")
    assert found[:2] == (400, "LimitExceededException")


def test_up_114_a_deleted_user(sut: Sut, deployed: Pool) -> None:
    user = new_user(sut)
    access, logins = user.tokens["AccessToken"], user.logins
    deployed.device.delete_user(AccessToken=access)
    assert refusal(deployed.device.get_user, AccessToken=access).code == "UserNotFoundException"
    identity = sut.client("cognito-identity")
    found = refusal(identity.get_id, IdentityPoolId=sut.outputs["IdentityPoolId"], Logins=logins)
    assert (found.status, found.code) == NOT_AUTHORIZED


def role(sut: Sut, name: str) -> str:
    """The ARN of a role that nobody may assume."""
    statement = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam, words = sut.owner("iam"), {"RoleName": f"conformance-{name}"}
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(**words, AssumeRolePolicyDocument=trust)
    return str(iam.get_role(**words)["Role"]["Arn"])


def test_up_115_groups_and_the_preferred_role(factors: Pool) -> None:
    name = factors.user()
    for group, precedence in (("staff", 2), ("admin", 1)):
        words = {"UserPoolId": factors.id, "GroupName": group}
        factors.admin.create_group(**words, RoleArn=role(factors.sut, group), Precedence=precedence)
        factors.admin.admin_add_user_to_group(**words, Username=name)
    found = claims(factors.with_password(name)["AuthenticationResult"]["IdToken"])
    assert sorted(found["cognito:groups"]) == ["admin", "staff"]
    assert found["cognito:preferred_role"].endswith(":role/conformance-admin")
    assert len(found["cognito:roles"]) == 2


def test_se_24_a_user_writes_what_the_client_may(sut: Sut, factors: Pool, deployed: Pool, alice: User) -> None:
    narrow = factors.client(WriteAttributes=["name"])
    access = narrow.with_password(narrow.user())["AuthenticationResult"]["AccessToken"]
    role = {"AccessToken": access, "UserAttributes": [{"Name": "custom:role", "Value": "admin"}]}
    found = refusal(narrow.device.update_user_attributes, **role)
    assert (found.status, found.code) == NOT_AUTHORIZED
    narrow.device.update_user_attributes(AccessToken=access, UserAttributes=[{"Name": "name", "Value": "A"}])


def test_up_05_secrets_are_not_repeated(sut: Sut, deployed: Pool) -> None:
    password = f"with space {secrets.token_hex(4)}"
    asked = {"ClientId": deployed.client_id, "Username": "a", "Password": password}
    answer = sut.post("cognito-idp", "SignUp", asked).json()
    assert password not in answer["message"]
    assert "Value at 'password' failed" in answer["message"]
