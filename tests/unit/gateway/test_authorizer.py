"""Who may call: Cognito tokens at the REST authorizer."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.unit.gateway.world import ISSUER, POOL, START, World, jwks, signing_key, unsigned
from todo_backend.local.gateway.tokens import MAX_TOKEN_CHARS, InvalidTokenError, TokenVerifier

UNAUTHORIZED = b'{"message":"Unauthorized"}'


@pytest.fixture
def secured(world: World) -> World:
    world.secured("/todos")
    return world


def refused(world: World, token: str | None, path: str = "/todos") -> bool:
    """Whether the token is refused as AG-01 says, and the function left alone."""
    reply = world.get(path, token)
    right = (reply.body, reply.header("x-amzn-ErrorType")) == (UNAUTHORIZED, "UnauthorizedException")
    return reply.status == 401 and right and not world.control.invocations


def test_ag_01_without_a_token_the_function_is_not_reached(secured: World) -> None:
    assert refused(secured, None)
    assert refused(secured, "")


@pytest.mark.parametrize("text", ["junk", "a.b.c", "..", "eyJ.eyJ.", "é.é.é", "Bearer", "x" * MAX_TOKEN_CHARS, "=.=.="])
def test_ag_02_what_is_no_token_is_refused(secured: World, text: str) -> None:
    assert refused(secured, text[:9000])


def test_ag_02_se_09_forged_tokens_are_refused(secured: World) -> None:
    payload = jwt.decode(secured.token(), options={"verify_signature": False})
    public = signing_key("id-key").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    hs256 = unsigned({"alg": "HS256", "kid": "id-key"}, payload)[:-1]
    forged = [
        unsigned({"alg": "none", "kid": "id-key"}, payload),
        f"{hs256}.{jwt.utils.base64url_encode(hmac.new(public, hs256.encode(), hashlib.sha256).digest()).decode()}",
        jwt.encode(payload, signing_key("stranger"), algorithm="RS256", headers={"kid": "id-key"}),
        jwt.encode(payload, signing_key("stranger"), algorithm="RS256", headers={"kid": "stranger"}),
        jwt.encode(
            payload, signing_key("stranger"), algorithm="RS256", headers={"kid": "x", "jku": "http://127.0.0.1/k"}
        ),
        secured.token(key="foreign-key"),
        secured.token()[:-8] + "AAAAAAAA",
    ]
    assert all(refused(secured, token) for token in forged)
    assert secured.get("/todos", secured.token()).status == 200


def test_ag_03_an_expired_token_is_told_so(secured: World) -> None:
    token = secured.token()
    assert secured.get("/todos", token).status == 200
    secured.now += 3600
    reply = secured.get("/todos", token)
    assert (reply.status, reply.body) == (401, b'{"message":"The incoming token has expired"}')
    assert reply.header("x-amzn-ErrorType") == "UnauthorizedException"


def test_ag_03_an_expired_forgery_is_only_unauthorized(secured: World) -> None:
    assert refused(secured, secured.token(key="stranger", exp=1))


def test_ag_04_a_token_of_another_pool_is_refused(secured: World) -> None:
    assert refused(secured, secured.token(pool="us-east-1_Other0001", key="foreign-key"))


def test_ag_04_a_token_that_one_authorizer_knows_is_still_foreign_to_another(world: World) -> None:
    world.secured("/todos")
    arn = "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_Other0001"
    world.control.authorizers.append({"id": "other", "type": "COGNITO_USER_POOLS", "providerARNs": [arn]})
    world.method("/other", authorizationType="COGNITO_USER_POOLS", authorizerId="other")
    foreign = world.token(pool="us-east-1_Other0001", key="foreign-key")
    statuses = [
        world.get(path, token).status for path in ("/todos", "/other") * 2 for token in (world.token(), foreign)
    ]
    assert statuses == [200, 401, 401, 200] * 2


def test_ag_04_a_token_cannot_make_us_ask_for_the_keys_of_a_pool_of_its_choice(world: World) -> None:
    fetched: list[str] = []

    async def keys(pool_id: str) -> Mapping[str, Any]:
        fetched.append(pool_id)
        return jwks("foreign-key")

    token = world.token(pool="us-east-1_Other0001", key="foreign-key")
    with pytest.raises(InvalidTokenError):
        world.runner.run(TokenVerifier(keys, lambda: world.now).verify(token, frozenset({POOL})))
    assert not fetched


def test_ag_05_another_client_of_the_pool_is_let_in_unless_the_expression_says_no(world: World) -> None:
    world.authorizer()
    world.secured("/todos")
    assert world.get("/todos", world.token(aud="admin-web")).status == 200
    world.authorizer(identityValidationExpression="client1")
    world.gateway.invalidate()
    for stranger in ("admin-web", "client1-of-somebody-else", "my-client1"):
        assert world.get("/todos", world.token(aud=stranger)).status == 401
    assert world.get("/todos", world.token()).status == 200


def test_ag_05_with_an_expression_every_access_token_is_refused(world: World) -> None:
    world.authorizer(identityValidationExpression=".+")
    world.secured("/todos", authorizationScopes=["aws.cognito.signin.user.admin"])
    assert refused(world, world.token(use="access"))


def test_ag_06_se_07_without_scopes_only_an_id_token_is_let_in(secured: World) -> None:
    assert refused(secured, secured.token(use="access"))
    assert secured.get("/todos", secured.token()).status == 200


def test_ag_07_se_07_with_scopes_only_an_access_token_holding_one_is_let_in(world: World) -> None:
    world.secured("/todos", authorizationScopes=["api/read", "api/write"])
    assert refused(world, world.token())
    assert refused(world, world.token(scope="api/read"))  # an id token with a scope claim is still an id token
    assert refused(world, world.token(use="access"))
    assert refused(world, world.token(use="access", scope="api/reader"))
    assert world.get("/todos", world.token(use="access", scope="openid api/read")).status == 200


def test_ag_08_the_word_bearer_may_stand_before_the_token(secured: World) -> None:
    assert secured.get("/todos", f"Bearer {secured.token()}").status == 200
    secured.control.invocations.clear()
    assert refused(secured, f"{secured.token()}  ")
    assert refused(secured, f"Basic {secured.token()}")


def test_ag_09_a_token_is_good_until_it_expires_whatever_happened_to_its_user(secured: World) -> None:
    token = secured.token()
    secured.now += 3599
    assert secured.get("/todos", token).status == 200


def test_ag_11_claims_are_strings_and_times_are_dates(secured: World) -> None:
    secured.now = START
    token = secured.token(email_verified=True, auth_time=1781499381, iat=1781502981, exp=1781506581, plan=3, ratio=1.5)
    secured.get("/todos", token)
    claims = secured.control.invocations[0]["requestContext"]["authorizer"]["claims"]
    assert all(isinstance(value, str) for value in claims.values())
    assert claims["email_verified"] == "true"
    assert claims["auth_time"] == "1781499381"
    assert claims["iat"] == "Mon Jun 15 05:56:21 UTC 2026"
    assert claims["exp"] == "Mon Jun 15 06:56:21 UTC 2026"
    assert (claims["sub"], claims["plan"], claims["ratio"]) == ("alice", "3", "1.5")


def test_ag_12_groups_are_joined_with_commas(secured: World) -> None:
    claims: dict[str, Any] = {"cognito:groups": ["admin", "staff"], "identities": [{"userId": "1"}]}
    secured.get("/todos", secured.token(**claims))
    claims = secured.control.invocations[0]["requestContext"]["authorizer"]["claims"]
    assert claims["cognito:groups"] == "admin,staff"
    assert json.loads(claims["identities"]) == {"userId": "1"}


def test_ag_13_the_identity_has_an_address_and_no_cognito_identity(secured: World) -> None:
    secured.get("/todos", secured.token(), headers=[("User-Agent", "curl/8")])
    identity = secured.control.invocations[0]["requestContext"]["identity"]
    assert {name for name, value in identity.items() if value is not None} == {"sourceIp", "userAgent"}
    assert (identity["sourceIp"], identity["userAgent"]) == ("127.0.0.1", "curl/8")


def test_ag_22_the_authorizer_comes_before_the_validators(world: World) -> None:
    world.control.validators = [{"id": "v", "validateRequestBody": True, "validateRequestParameters": True}]
    world.control.models = [{"name": "M", "schema": '{"type":"object"}'}]
    world.secured("/todos", "POST", requestValidatorId="v", requestModels={"application/json": "M"})
    assert world.send("POST", "/todos", body="[").status == 401
    assert world.send("POST", "/todos", world.token(), body="[").status == 400


def test_an_authorization_that_is_not_done_here_lets_nobody_in(world: World) -> None:
    world.method("/iam", authorizationType="AWS_IAM")
    world.method("/custom", authorizationType="CUSTOM", authorizerId="none")
    world.control.authorizers = [{"id": "none", "type": "TOKEN"}]
    assert [world.get("/iam").status, world.get("/iam", "AWS4-HMAC-SHA256 x").status] == [403, 403]
    assert world.get("/custom", world.token()).status == 500
    assert not world.control.invocations


def test_keys_are_fetched_again_for_an_unknown_key_id_but_not_for_each_one() -> None:
    fetched: list[str] = []

    async def keys(pool_id: str) -> Mapping[str, Any]:
        fetched.append(pool_id)
        return jwks("old-key") if len(fetched) == 1 else jwks("old-key", "id-key")

    world = World()
    verifier = TokenVerifier(keys, lambda: world.now)
    token, pools = world.token(), frozenset({POOL})
    for _ in range(3):
        with pytest.raises(InvalidTokenError):
            world.runner.run(verifier.verify(token, pools))
    assert len(fetched) == 1
    world.now += 1
    assert world.runner.run(verifier.verify(token, pools)).claims["sub"] == "alice"
    assert len(fetched) == 2
    world.runner.close()


def test_a_token_without_an_expiry_or_with_a_strange_one_is_refused(secured: World) -> None:
    payload = {"sub": "x", "iss": ISSUER + POOL, "token_use": "id"}
    extras: list[dict[str, Any]] = [{}, {"exp": "soon"}, {"exp": None}, {"exp": [1]}, {"exp": {}}]
    for extra in extras:
        token = jwt.encode({**payload, **extra}, signing_key("id-key"), algorithm="RS256", headers={"kid": "id-key"})
        assert refused(secured, token)
