"""Tokens: what they say, who signed them, how they are renewed and how they end."""

from typing import TYPE_CHECKING, Any

import jwt
import pytest

if TYPE_CHECKING:
    from tests.unit.cognito.conftest import Pool, World

PASSWORD = "Correct-Horse-7"
SECRET = "s3cretOfAtLeast24Characte/+"  # as the control plane makes them: base64
ROTATION = {"RefreshTokenRotation": {"Feature": "ENABLED", "RetryGracePeriodSeconds": 30}}
AT_ONCE = {"RefreshTokenRotation": {"Feature": "ENABLED", "RetryGracePeriodSeconds": 0}}


def error(call: Any, *positional: Any, **parameters: Any) -> tuple[str, str]:
    """Code and message of a refusal."""
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        call(*positional, **parameters)
    found = caught.value.response["Error"]
    return found["Code"], found["Message"]


def claims(token: str) -> dict[str, Any]:
    """What the token says, unverified."""
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def checked(world: "World", pool: "Pool", token: str, **options: Any) -> dict[str, Any]:
    """What the token says, verified by PyJWT with the published keys."""
    _, document = world.get(f"/{pool.id}/.well-known/jwks.json")
    keys = {key["kid"]: jwt.PyJWK(key) for key in document["keys"]}
    key = keys[jwt.get_unverified_header(token)["kid"]]
    found: dict[str, Any] = jwt.decode(
        token,
        key,
        ["RS256"],
        issuer=f"https://cognito-idp.us-east-1.amazonaws.com/{pool.id}",
        options={"verify_exp": False, "verify_iat": False},
        **options,
    )
    return found


def renewed(pool: "Pool", token: str, client_id: str | None = None, flow: str = "REFRESH_TOKEN_AUTH") -> dict[str, Any]:
    """The AuthenticationResult of a refresh."""
    found: dict[str, Any] = pool.idp.initiate_auth(
        ClientId=client_id or pool.client_id, AuthFlow=flow, AuthParameters={"REFRESH_TOKEN": token}
    )
    return dict(found["AuthenticationResult"])


def rotated(pool: "Pool", token: str) -> dict[str, Any]:
    """The AuthenticationResult of GetTokensFromRefreshToken."""
    found = pool.idp.get_tokens_from_refresh_token(ClientId=pool.client_id, RefreshToken=token)
    return dict(found["AuthenticationResult"])


def test_up_89_two_published_keys_sign_id_and_access_tokens(world: "World") -> None:
    pool = world.pool()
    status, document = world.get(f"/{pool.id}/.well-known/jwks.json")
    assert status == 200
    assert len(document["keys"]) == 2
    for key in document["keys"]:
        assert (key["alg"], key["kty"], key["e"], key["use"]) == ("RS256", "RSA", "AQAB", "sig")
    tokens = world.tokens(pool, world.user(pool))
    kids = {jwt.get_unverified_header(tokens[name])["kid"] for name in ("IdToken", "AccessToken")}
    assert kids == {key["kid"] for key in document["keys"]}
    _, configuration = world.get(f"/{pool.id}/.well-known/openid-configuration")
    assert configuration["issuer"] == claims(tokens["IdToken"])["iss"]
    assert world.get("/us-east-1_Nobody/.well-known/jwks.json")[0] == 404


def test_up_90_to_93_and_95_the_claims_of_both_tokens(world: "World") -> None:
    pool = world.pool()
    email = world.user(pool)
    tokens = world.tokens(pool, email)
    identity = checked(world, pool, tokens["IdToken"], audience=pool.client_id)
    expected = {
        "sub",
        "aud",
        "token_use",
        "cognito:username",
        "email",
        "email_verified",
        "auth_time",
        "iat",
        "exp",
        "jti",
    }
    assert identity.keys() == expected | {"origin_jti", "iss", "event_id"}
    assert (identity["token_use"], identity["email"], identity["email_verified"]) == ("id", email, True)
    assert identity["cognito:username"] == identity["sub"]
    access = checked(world, pool, tokens["AccessToken"])
    expected = {
        "sub",
        "client_id",
        "token_use",
        "scope",
        "username",
        "auth_time",
        "iat",
        "exp",
        "jti",
        "origin_jti",
        "iss",
    }
    assert access.keys() == expected | {"event_id"}
    assert access["scope"] == "aws.cognito.signin.user.admin"
    assert (access["client_id"], access["username"]) == (pool.client_id, identity["sub"])


def test_up_94_98_a_refresh_keeps_the_origin_and_gives_no_refresh_token(world: "World") -> None:
    pool = world.pool()
    email = world.user(pool)
    tokens = world.tokens(pool, email)
    world.clock.move(100)
    new = renewed(pool, tokens["RefreshToken"])
    assert new.keys() == {"AccessToken", "IdToken", "ExpiresIn", "TokenType"}
    assert renewed(pool, tokens["RefreshToken"], flow="REFRESH_TOKEN")["IdToken"]
    before, after = claims(tokens["IdToken"]), claims(new["IdToken"])
    assert before["origin_jti"] == after["origin_jti"] == claims(new["AccessToken"])["origin_jti"]
    assert before["auth_time"] == after["auth_time"]
    assert after["iat"] > before["iat"]
    ids = {claims(one)["jti"] for one in (tokens["IdToken"], tokens["AccessToken"], new["IdToken"], new["AccessToken"])}
    assert len(ids) == 4
    assert claims(world.tokens(pool, email)["IdToken"])["origin_jti"] != before["origin_jti"]


def test_up_96_lifetimes_are_the_clients(world: "World") -> None:
    config = {
        "AccessTokenValidity": 5, "IdTokenValidity": 2, "RefreshTokenValidity": 60,
        "TokenValidityUnits": {"AccessToken": "minutes", "IdToken": "hours", "RefreshToken": "minutes"},
    }  # fmt: skip
    pool = world.pool(client=config)
    tokens = world.tokens(pool, world.user(pool))
    assert tokens["ExpiresIn"] == 300
    access, identity = claims(tokens["AccessToken"]), claims(tokens["IdToken"])
    assert access["exp"] - access["iat"] == 300
    assert identity["exp"] - identity["iat"] == 7200
    world.clock.move(301)
    refusal = error(pool.idp.get_user, AccessToken=tokens["AccessToken"])
    assert refusal == ("NotAuthorizedException", "Access Token has expired")
    world.clock.move(3600)
    assert error(renewed, pool, tokens["RefreshToken"]) == ("NotAuthorizedException", "Refresh Token has expired")


def test_up_97_and_104_a_refresh_token_is_opaque_and_only_real_ones_count(world: "World") -> None:
    pool = world.pool()
    token = world.tokens(pool, world.user(pool))["RefreshToken"]
    assert token.count(".") != 2
    for junk in ("junk", token[:-2] + "AA", "A" * len(token)):
        assert error(renewed, pool, junk) == ("NotAuthorizedException", "Invalid Refresh Token")


def test_up_99_to_101_rotation_spends_refresh_tokens(world: "World") -> None:
    pool = world.pool(client=ROTATION)
    first = world.tokens(pool, world.user(pool))["RefreshToken"]
    assert error(renewed, pool, first)[0] == "InvalidParameterException"
    second = rotated(pool, first)["RefreshToken"]
    assert second != first
    world.clock.move(20)
    third = rotated(pool, first)["RefreshToken"]
    world.clock.move(11)
    assert error(rotated, pool, first)[0] == "RefreshTokenReuseException"
    assert rotated(pool, second)["RefreshToken"]
    assert rotated(pool, third)["RefreshToken"]


def test_up_103_rotation_does_not_prolong_the_session(world: "World") -> None:
    config = ROTATION | {"RefreshTokenValidity": 60, "TokenValidityUnits": {"RefreshToken": "minutes"}}
    pool = world.pool(client=config)
    first = world.tokens(pool, world.user(pool))["RefreshToken"]
    world.clock.move(3000)
    second = rotated(pool, first)["RefreshToken"]
    world.clock.move(601)
    assert error(rotated, pool, second) == ("NotAuthorizedException", "Refresh Token has expired")


def test_up_100_without_grace_the_old_token_dies_at_once(world: "World") -> None:
    pool = world.pool(client=AT_ONCE)
    first = world.tokens(pool, world.user(pool))["RefreshToken"]
    second = rotated(pool, first)["RefreshToken"]
    assert error(rotated, pool, first)[0] == "RefreshTokenReuseException"
    third = rotated(pool, second)["RefreshToken"]
    assert error(rotated, pool, first)[0] == "RefreshTokenReuseException"
    assert error(rotated, pool, second)[0] == "RefreshTokenReuseException"
    assert rotated(pool, third)


def test_up_100_without_rotation_no_refresh_token_is_given(world: "World") -> None:
    pool = world.pool()
    token = world.tokens(pool, world.user(pool))["RefreshToken"]
    assert "RefreshToken" not in rotated(pool, token)
    assert rotated(pool, token)["IdToken"]


def test_up_102_it_takes_the_secret_itself(world: "World") -> None:
    pool = world.pool(client={"ClientSecret": SECRET})
    email = world.email()
    digest = world.srp(pool, email).get_secret_hash(email, pool.client_id, SECRET)
    pool.idp.sign_up(ClientId=pool.client_id, Username=email, Password=PASSWORD, SecretHash=digest)
    world.aws("cognito-idp", signed=True).admin_confirm_sign_up(UserPoolId=pool.id, Username=email)
    token = world.tokens(pool, email)["RefreshToken"]
    assert error(rotated, pool, token)[0] == "NotAuthorizedException"
    found = pool.idp.get_tokens_from_refresh_token(ClientId=pool.client_id, RefreshToken=token, ClientSecret=SECRET)
    assert found["AuthenticationResult"]["IdToken"]


def test_up_105_a_token_of_another_client_is_refused(world: "World") -> None:
    pool = world.pool()
    token = world.tokens(pool, world.user(pool))["RefreshToken"]
    other = world.new_client(pool.id)
    assert error(renewed, pool, token, other)[0] == "NotAuthorizedException"
    assert error(pool.idp.revoke_token, Token=token, ClientId=other)[0] == "UnauthorizedException"


def test_up_106_107_108_revocation_ends_one_sign_in(world: "World") -> None:
    pool = world.pool()
    email = world.user(pool)
    one, two = world.tokens(pool, email), world.tokens(pool, email)
    fresh = renewed(pool, one["RefreshToken"])
    for token in (one["AccessToken"], one["IdToken"]):
        assert error(pool.idp.revoke_token, Token=token, ClientId=pool.client_id)[0] == "UnsupportedTokenTypeException"
    pool.idp.revoke_token(Token=one["RefreshToken"], ClientId=pool.client_id)
    assert error(renewed, pool, one["RefreshToken"]) == ("NotAuthorizedException", "Refresh Token has been revoked")
    for token in (one["AccessToken"], fresh["AccessToken"]):
        assert error(pool.idp.get_user, AccessToken=token) == (
            "NotAuthorizedException",
            "Access Token has been revoked",
        )
    assert pool.idp.get_user(AccessToken=two["AccessToken"])
    assert renewed(pool, two["RefreshToken"])
    silent = world.pool(client={"EnableTokenRevocation": False})
    token = world.tokens(silent, world.user(silent))["RefreshToken"]
    refusal = error(silent.idp.revoke_token, Token=token, ClientId=silent.client_id)
    assert refusal[0] == "UnsupportedOperationException"


def test_up_109_a_revoked_token_still_verifies_offline(world: "World") -> None:
    pool = world.pool()
    tokens = world.tokens(pool, world.user(pool))
    pool.idp.revoke_token(Token=tokens["RefreshToken"], ClientId=pool.client_id)
    assert checked(world, pool, tokens["AccessToken"])


def test_up_110_global_sign_out_ends_all(world: "World") -> None:
    pool = world.pool()
    email = world.user(pool)
    one, two = world.tokens(pool, email), world.tokens(pool, email)
    pool.idp.global_sign_out(AccessToken=one["AccessToken"])
    for tokens in (one, two):
        assert error(renewed, pool, tokens["RefreshToken"])[0] == "NotAuthorizedException"
        refusal = error(pool.idp.get_user, AccessToken=tokens["AccessToken"])
        assert refusal == ("NotAuthorizedException", "Access Token has been revoked")


def test_up_111_id_and_forged_tokens_are_refused(world: "World") -> None:
    pool = world.pool()
    tokens = world.tokens(pool, world.user(pool))
    refusal = error(pool.idp.get_user, AccessToken=tokens["IdToken"])
    assert refusal == ("NotAuthorizedException", "Invalid Access Token")
    head, body, signature = tokens["AccessToken"].split(".")
    forged = ".".join((head, body, signature[:-8] + ("AAAAAAAA" if not signature.endswith("AAAAAAAA") else "BBBBBBBB")))
    assert error(pool.idp.get_user, AccessToken=forged)[0] == "NotAuthorizedException"
    said = claims(tokens["AccessToken"])
    kid = {"kid": jwt.get_unverified_header(tokens["AccessToken"])["kid"]}
    public = world.get(f"/{pool.id}/.well-known/jwks.json")[1]["keys"][1]["n"]
    for token in (
        jwt.encode(said, "", "none", headers=kid),
        jwt.encode(said, public * 2, "HS256", headers=kid),
        tokens["IdToken"].split(".")[0] + "." + body + "." + signature,
        "a.b.c",
        "x" * 100_000,
    ):
        assert error(pool.idp.get_user, AccessToken=token)[0] == "NotAuthorizedException"


def test_up_112_get_user_has_no_keys_for_mfa_that_is_not_set(world: "World") -> None:
    pool = world.pool(client={"ReadAttributes": ["email"]})
    email = world.user(pool)
    found = pool.idp.get_user(AccessToken=world.tokens(pool, email)["AccessToken"])
    assert {item["Name"] for item in found["UserAttributes"]} == {"sub", "email"}
    assert not {"UserMFASettingList", "PreferredMfaSetting", "MFAOptions"} & found.keys()


def test_up_113_change_password(world: "World") -> None:
    pool = world.pool()
    email = world.user(pool)
    token = world.tokens(pool, email)["AccessToken"]
    given = {"AccessToken": token, "ProposedPassword": "Other-Horse-8"}
    refusal = error(pool.idp.change_password, PreviousPassword="Wrong-Horse-7", **given)
    assert refusal == ("NotAuthorizedException", "Incorrect username or password.")
    pool.idp.change_password(PreviousPassword=PASSWORD, **given)
    assert world.tokens(pool, email, "Other-Horse-8")
    codes = [error(pool.idp.change_password, PreviousPassword=PASSWORD, **given)[0] for _ in range(4)]
    assert codes[-1] == "LimitExceededException"


def test_up_114_a_deleted_user_is_not_found(world: "World") -> None:
    pool = world.pool()
    email = world.user(pool)
    tokens = world.tokens(pool, email)
    pool.idp.delete_user(AccessToken=tokens["AccessToken"])
    assert error(pool.idp.get_user, AccessToken=tokens["AccessToken"])[0] == "UserNotFoundException"
    assert error(renewed, pool, tokens["RefreshToken"])[0] == "NotAuthorizedException"
    world.user(pool, email)
    assert error(pool.idp.get_user, AccessToken=tokens["AccessToken"])[0] == "UserNotFoundException"


def test_up_115_groups_and_the_preferred_role(world: "World") -> None:
    pool = world.new_pool(client={})
    for name, precedence, role in (("a", 2, "arn:a"), ("b", 1, "arn:b"), ("c", 1, "arn:c"), ("d", 0, None)):
        group = {"GroupName": name, "Precedence": precedence} | ({"RoleArn": role} if role else {})
        world.control.groups[pool.id, name] = group
    email = world.user(pool)
    admin = world.aws("cognito-idp", signed=True)
    for name in ("a", "b", "d"):
        admin.admin_add_user_to_group(UserPoolId=pool.id, Username=email, GroupName=name)
    tokens = world.tokens(pool, email)
    found = claims(tokens["IdToken"])
    assert found["cognito:groups"] == claims(tokens["AccessToken"])["cognito:groups"] == ["a", "b", "d"]
    assert found["cognito:roles"] == ["arn:a", "arn:b"]
    assert found["cognito:preferred_role"] == "arn:b"
    admin.admin_add_user_to_group(UserPoolId=pool.id, Username=email, GroupName="c")
    assert "cognito:preferred_role" not in claims(world.tokens(pool, email)["IdToken"])
    listed = admin.list_users_in_group(UserPoolId=pool.id, GroupName="c")["Users"]
    assert [user["Username"] for user in listed] == [found["sub"]]
    assert (
        error(admin.admin_add_user_to_group, UserPoolId=pool.id, Username=email, GroupName="z")[0]
        == "ResourceNotFoundException"
    )


def test_a_new_address_is_verified_by_the_code_sent_to_it(world: "World") -> None:
    pool = world.pool()
    email, new = world.user(pool), world.email()
    token = world.tokens(pool, email)["AccessToken"]
    sent = pool.idp.update_user_attributes(AccessToken=token, UserAttributes=[{"Name": "email", "Value": new}])
    assert sent["CodeDeliveryDetailsList"][0]["AttributeName"] == "email"
    values = {item["Name"]: item["Value"] for item in pool.idp.get_user(AccessToken=token)["UserAttributes"]}
    assert (values["email"], values["email_verified"]) == (new, "false")
    pool.idp.verify_user_attribute(AccessToken=token, AttributeName="email", Code=world.code(new))
    values = {item["Name"]: item["Value"] for item in pool.idp.get_user(AccessToken=token)["UserAttributes"]}
    assert values["email_verified"] == "true"
    assert world.tokens(pool, new)
    taken = error(
        pool.idp.update_user_attributes,
        AccessToken=token,
        UserAttributes=[{"Name": "email", "Value": world.user(pool)}],
    )
    assert taken[0] == "AliasExistsException"


def test_an_address_may_have_to_be_verified_before_it_is_changed(world: "World") -> None:
    pool = world.pool(UserAttributeUpdateSettings={"AttributesRequireVerificationBeforeUpdate": ["email"]})
    email, new = world.user(pool), world.email()
    token = world.tokens(pool, email)["AccessToken"]
    pool.idp.update_user_attributes(AccessToken=token, UserAttributes=[{"Name": "email", "Value": new}])
    assert world.tokens(pool, email)
    pool.idp.verify_user_attribute(AccessToken=token, AttributeName="email", Code=world.code(new))
    assert world.tokens(pool, new)


def test_se_24_a_client_writes_only_what_it_may(world: "World") -> None:
    pool = world.pool(schema=[{"Name": "custom:role", "Mutable": True}])
    token = world.tokens(pool, world.user(pool))["AccessToken"]
    for name in ("custom:role", "email_verified", "sub"):
        refusal = error(
            pool.idp.update_user_attributes, AccessToken=token, UserAttributes=[{"Name": name, "Value": "true"}]
        )
        assert refusal[0] == "NotAuthorizedException"


def test_administrators_list_change_and_remove_users(world: "World") -> None:
    pool = world.new_pool(client={})
    admin = world.aws("cognito-idp", signed=True)
    names = [world.user(pool) for _ in range(3)]
    page = admin.list_users(UserPoolId=pool.id, Limit=2)
    rest = admin.list_users(UserPoolId=pool.id, Limit=2, PaginationToken=page["PaginationToken"])
    assert [len(page["Users"]), len(rest["Users"])] == [2, 1]
    found = admin.list_users(UserPoolId=pool.id, Filter=f'email = "{names[1]}"', AttributesToGet=["email"])["Users"]
    assert [user["Attributes"] for user in found] == [[{"Name": "email", "Value": names[1]}]]
    assert len(admin.list_users(UserPoolId=pool.id, Filter='email ^= "user"')["Users"]) == 3
    given = {"UserPoolId": pool.id, "Username": names[0]}
    admin.admin_update_user_attributes(**given, UserAttributes=[{"Name": "name", "Value": "Ada"}])
    values = {item["Name"]: item["Value"] for item in admin.admin_get_user(**given)["UserAttributes"]}
    assert values["name"] == "Ada"
    admin.admin_delete_user_attributes(**given, UserAttributeNames=["name"])
    admin.admin_set_user_password(**given, Password="Other-Horse-8", Permanent=True)
    tokens = world.tokens(pool, names[0], "Other-Horse-8")
    admin.admin_user_global_sign_out(**given)
    assert error(pool.idp.get_user, AccessToken=tokens["AccessToken"])[0] == "NotAuthorizedException"
    admin.admin_delete_user(**given)
    assert error(admin.admin_get_user, **given)[0] == "UserNotFoundException"
