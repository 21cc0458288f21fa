"""Identity pools: who gets an identity, who gets credentials, and what the roles behind them say."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from todo_backend.local.cognito import Quotas, Surroundings
from todo_backend.local.cognito.identity_pool import IdentityPools
from todo_backend.local.cognito.plane import Plane
from todo_backend.local.cognito.records import Identity

if TYPE_CHECKING:
    from tests.unit.cognito.conftest import Pool, World

PREFIX = "cognito-identity.amazonaws.com"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::files/${{{PREFIX}:sub}}/*"}],
}


def error(call: Any, *positional: Any, **parameters: Any) -> tuple[str, str]:
    """Code and message of a refusal."""
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        call(*positional, **parameters)
    found = caught.value.response["Error"]
    return found["Code"], found["Message"]


@dataclass
class Scene:
    """An identity pool on a user pool."""

    world: "World"
    pool: "Pool"
    id: str
    role: str
    aws: Any

    @property
    def provider(self) -> str:
        """The user pool's name among the logins."""
        return f"cognito-idp.us-east-1.amazonaws.com/{self.pool.id}"

    def login(self, tokens: dict[str, Any]) -> dict[str, str]:
        """The Logins of those tokens."""
        return {self.provider: tokens["IdToken"]}

    def someone(self) -> dict[str, Any]:
        """The tokens of a new user."""
        return self.world.tokens(self.pool, self.world.user(self.pool))

    def get_id(self, tokens: dict[str, Any]) -> str:
        """The identity of those tokens."""
        return str(self.aws.get_id(IdentityPoolId=self.id, Logins=self.login(tokens))["IdentityId"])

    def credentials(self, identity_id: str, tokens: dict[str, Any], **more: str) -> dict[str, Any]:
        """Credentials of the identity."""
        found = self.aws.get_credentials_for_identity(IdentityId=identity_id, Logins=self.login(tokens), **more)
        return dict(found)


def trust(pool_id: str, amr: str = "authenticated", *actions: str) -> dict[str, Any]:
    """The trust policy that a role for an identity pool has."""
    conditions = {"StringEquals": {f"{PREFIX}:aud": pool_id}, "ForAnyValue:StringLike": {f"{PREFIX}:amr": amr}}
    allowed = ["sts:AssumeRoleWithWebIdentity", *actions]
    statement = {"Effect": "Allow", "Principal": {"Federated": PREFIX}, "Action": allowed, "Condition": conditions}
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.fixture
def scene(world: "World") -> Scene:
    """A fresh identity pool."""
    pool = world.pool()
    number = len(world.control.identity_pools)
    pool_id = f"us-east-1:{number:08d}-0000-4000-8000-000000000000"
    provider = {
        "ProviderName": f"cognito-idp.us-east-1.amazonaws.com/{pool.id}",
        "ClientId": pool.client_id,
        "ServerSideTokenCheck": True,
    }
    world.control.identity_pools[pool_id] = {"IdentityPoolId": pool_id, "CognitoIdentityProviders": [provider]}
    arn = world.control.add_role(f"Files{number}", trust(pool_id), {"files": POLICY})
    world.control.identity_roles[pool_id] = {"Roles": {"authenticated": arn}}
    return Scene(world, pool, pool_id, f"Files{number}", world.aws("cognito-identity"))


def test_ip_02_and_03_a_user_always_has_the_same_identity_which_is_not_the_sub(scene: Scene) -> None:
    email = scene.world.user(scene.pool)
    first, second = scene.world.tokens(scene.pool, email), scene.world.tokens(scene.pool, email)
    assert scene.get_id(first) == scene.get_id(second)
    assert scene.get_id(first) != scene.get_id(scene.someone())
    assert scene.get_id(first).startswith("us-east-1:")
    assert jwt.decode(first["IdToken"], options={"verify_signature": False})["sub"] not in scene.get_id(first)


def test_ip_05_06_07_16_and_31_credentials_of_a_role_with_the_identity_filled_in(scene: Scene) -> None:
    tokens = scene.someone()
    identity_id = scene.get_id(tokens)
    found = scene.credentials(identity_id, tokens)
    assert found["IdentityId"] == identity_id
    assert found["Credentials"].keys() == {"AccessKeyId", "SecretKey", "SessionToken", "Expiration"}
    request = scene.world.control.assumed[-1]
    assert request["RoleSessionName"] == "CognitoIdentityCredentials"
    assert request["DurationSeconds"] == 3600
    own = request["RoleArn"].rpartition("/")[2]
    assert own.startswith(scene.role)
    statement = scene.world.control.roles[own]["policies"]["files"]["Statement"][0]
    assert statement["Resource"] == f"arn:aws:s3:::files/{identity_id}/*"


def test_ip_05_the_expiration_is_a_number_on_the_wire(scene: Scene) -> None:
    tokens = scene.someone()
    body = json.dumps({"IdentityId": scene.get_id(tokens), "Logins": scene.login(tokens)}).encode()
    status, answer, _ = scene.world.raw("AWSCognitoIdentityService.GetCredentialsForIdentity", body)
    assert status == 200
    assert isinstance(answer["Credentials"]["Expiration"], int | float)


def test_ip_31_the_identitys_role_follows_the_pools_role(scene: Scene) -> None:
    tokens = scene.someone()
    identity_id = scene.get_id(tokens)
    scene.credentials(identity_id, tokens)
    own = scene.world.control.assumed[-1]["RoleArn"].rpartition("/")[2]
    policies = scene.world.control.roles[scene.role]["policies"]
    policies["more"] = {"Version": "2012-10-17", "Statement": []}
    del policies["files"]
    scene.credentials(identity_id, tokens)
    assert scene.world.control.roles[own]["policies"].keys() == {"more"}


def test_ip_31_a_change_of_iam_is_followed_without_a_new_request_for_credentials(scene: Scene) -> None:
    import time

    tokens = scene.someone()
    scene.credentials(scene.get_id(tokens), tokens)
    own = scene.world.control.assumed[-1]["RoleArn"].rpartition("/")[2]
    scene.world.control.roles[scene.role]["policies"]["late"] = {"Version": "2012-10-17", "Statement": []}
    header = {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIAGOOD/20261103/us-east-1/iam/aws4_request"}
    scene.world.raw("", b"Action=PutRolePolicy", header)
    until = time.monotonic() + 5
    while "late" not in scene.world.control.roles[own]["policies"] and time.monotonic() < until:
        time.sleep(0.01)
    assert "late" in scene.world.control.roles[own]["policies"]


OWN = {"Source-own": "Source", "Source-x": "Source"}


def test_ip_31_after_a_restart_the_roles_that_are_out_follow_too(world: "World", tmp_path: Path) -> None:
    plane = Plane(Surroundings(world.control, lambda to, subject, text: None, tmp_path))
    world.control.add_role("Source", {}, {"now": POLICY})
    world.control.add_role("Source-own", {}, {"before": POLICY})
    identity = Identity(
        "us-east-1:me", "pool", {"provider": "sub"}, 0.0, 0.0, {"Source-own": "Source", "Source-x": "Source"}
    )
    plane.identities.save(identity, 1.0)

    async def restart() -> None:
        await plane.store.commit()
        later = Plane(Surroundings(world.control, lambda to, subject, text: None, tmp_path))
        await IdentityPools(later).roles.sync()
        later.close()

    asyncio.run(restart())
    plane.close()
    policies = world.control.roles["Source-own"]["policies"]
    assert policies.keys() == {"now"}
    assert policies["now"]["Statement"][0]["Resource"] == "arn:aws:s3:::files/us-east-1:me/*"
    assert "Source-x" not in world.control.roles


def test_ip_08_without_logins_there_is_no_identity(scene: Scene) -> None:
    message = "Unauthenticated access is not supported for this identity pool."
    assert error(scene.aws.get_id, IdentityPoolId=scene.id) == ("NotAuthorizedException", message)


def test_guests_get_the_role_of_guests_where_the_pool_lets_them_in(scene: Scene) -> None:
    scene.world.control.identity_pools[scene.id]["AllowUnauthenticatedIdentities"] = True
    arn = scene.world.control.add_role("Guests", trust(scene.id, "unauthenticated"))
    scene.world.control.identity_roles[scene.id]["Roles"]["unauthenticated"] = arn
    identity_id = scene.aws.get_id(IdentityPoolId=scene.id)["IdentityId"]
    assert scene.aws.get_credentials_for_identity(IdentityId=identity_id)["Credentials"]
    assert "/Guests-" in scene.world.control.assumed[-1]["RoleArn"]


def test_ip_09_an_expired_token(scene: Scene) -> None:
    tokens = scene.someone()
    scene.world.clock.move(3601)
    code, message = error(scene.get_id, tokens)
    assert code == "NotAuthorizedException"
    assert message.startswith("Invalid login token. Token expired: ")


def test_ip_10_a_token_of_another_client(scene: Scene) -> None:
    other = scene.world.new_client(scene.pool.id)
    pool = type(scene.pool)(scene.pool.id, other, scene.pool.idp)
    tokens = scene.world.tokens(pool, scene.world.user(pool))
    message = "Token is not from a supported provider of this identity pool."
    assert error(scene.get_id, tokens) == ("NotAuthorizedException", message)


def test_ip_11_12_13_junk_foreign_and_access_tokens(scene: Scene) -> None:
    tokens = scene.someone()
    message = "Invalid login token. Not a valid OpenId Connect identity token."
    assert error(scene.get_id, {"IdToken": "junk"}) == ("NotAuthorizedException", message)
    other = scene.world.pool(client={"Marker": "other"})
    foreign = scene.world.tokens(other, scene.world.user(other))
    message = "Invalid login token. Issuer doesn't match providerName"
    assert error(scene.get_id, foreign) == ("NotAuthorizedException", message)
    assert error(scene.get_id, {"IdToken": tokens["AccessToken"]})[0] == "NotAuthorizedException"


def test_se_09_forged_tokens(scene: Scene) -> None:
    tokens = scene.someone()
    said = jwt.decode(tokens["IdToken"], options={"verify_signature": False})
    kid = {"kid": jwt.get_unverified_header(tokens["IdToken"])["kid"]}
    head, body, signature = tokens["IdToken"].split(".")
    for token in (
        jwt.encode(said, "", "none", headers=kid),
        jwt.encode(said, "x" * 64, "HS256", headers=kid),
        f"{head}.{body}.{signature[:40]}AAAA{signature[44:]}",
    ):
        assert error(scene.get_id, {"IdToken": token})[0] == "NotAuthorizedException"


def test_ip_14_15_and_18_no_foreign_and_no_made_up_identities(scene: Scene) -> None:
    alice, bob = scene.someone(), scene.someone()
    identity_id = scene.get_id(alice)
    assert error(scene.aws.get_credentials_for_identity, IdentityId=identity_id)[0] == "NotAuthorizedException"
    message = "Logins don't match. Please include at least one valid login for this identity or identity pool."
    assert error(scene.credentials, identity_id, bob) == ("NotAuthorizedException", message)
    scene.get_id(bob)
    assert error(scene.credentials, identity_id, bob) == ("NotAuthorizedException", message)
    made_up = "us-east-1:00000000-1111-4222-8333-444444444444"
    assert error(scene.credentials, made_up, alice) == ("ResourceNotFoundException", f"Identity '{made_up}' not found.")
    assert error(scene.aws.get_id, IdentityPoolId=made_up, Logins={})[0] == "ResourceNotFoundException"


def test_ip_15_and_17_logins_of_two_providers_are_merged_two_of_one_are_not(scene: Scene) -> None:
    other = scene.world.pool(client={"Marker": "second provider"})
    name = f"cognito-idp.us-east-1.amazonaws.com/{other.id}"
    entry = {"ProviderName": name, "ClientId": other.client_id}
    scene.world.control.identity_pools[scene.id]["CognitoIdentityProviders"].append(entry)
    first = scene.someone()
    second = {name: scene.world.tokens(other, scene.world.user(other))["IdToken"]}
    winner = scene.get_id(first)
    loser = scene.aws.get_id(IdentityPoolId=scene.id, Logins=second)["IdentityId"]
    both = scene.login(first) | second
    assert scene.aws.get_credentials_for_identity(IdentityId=winner, Logins=both)["IdentityId"] == winner
    conflict = scene.login(scene.someone()) | second
    assert (
        error(scene.aws.get_credentials_for_identity, IdentityId=winner, Logins=conflict)[0]
        == "ResourceConflictException"
    )
    assert scene.aws.get_id(IdentityPoolId=scene.id, Logins=second)["IdentityId"] == winner
    assert (
        error(scene.aws.get_credentials_for_identity, IdentityId=loser, Logins=second)[0] == "ResourceNotFoundException"
    )


@pytest.mark.parametrize("problem", ["no role", "gone", "no aud", "other pool", "guests only", "wildcard principal"])
def test_ip_19_and_20_a_role_that_does_not_trust_the_pool_is_not_used(scene: Scene, problem: str) -> None:
    control = scene.world.control
    role = control.roles[scene.role]
    statement = role["AssumeRolePolicyDocument"]["Statement"][0]
    if problem == "no role":
        control.identity_roles[scene.id] = {}
    elif problem == "gone":
        del control.roles[scene.role]
    elif problem == "no aud":
        statement["Condition"]["StringEquals"] = {f"{PREFIX}:aud": ""}
    elif problem == "other pool":
        role["AssumeRolePolicyDocument"] = trust("us-east-1:other")
    elif problem == "guests only":
        role["AssumeRolePolicyDocument"] = trust(scene.id, "unauthenticated")
    else:
        statement["Principal"] = {"Service": "lambda.amazonaws.com"}
    tokens = scene.someone()
    code, message = error(scene.credentials, scene.get_id(tokens), tokens)
    assert code == "InvalidIdentityPoolConfigurationException"
    assert message == "Invalid identity pool configuration. Check assigned IAM roles for this pool."


def test_ip_04_22_and_23_the_classic_flow(scene: Scene) -> None:
    tokens = scene.someone()
    given = {"IdentityId": scene.get_id(tokens), "Logins": scene.login(tokens)}
    assert "Basic (classic) flow is not enabled" in error(scene.aws.get_open_id_token, **given)[1]
    scene.world.control.identity_pools[scene.id]["AllowClassicFlow"] = True
    token = scene.aws.get_open_id_token(**given)["Token"]
    said = jwt.decode(token, options={"verify_signature": False})
    sub = jwt.decode(tokens["IdToken"], options={"verify_signature": False})["sub"]
    assert said["iss"] == "https://cognito-identity.amazonaws.com"
    assert (said["sub"], said["aud"]) == (given["IdentityId"], scene.id)
    assert said["amr"] == ["authenticated", scene.provider, f"{scene.provider}:CognitoSignIn:{sub}"]
    assert said["exp"] - said["iat"] == 600


@pytest.mark.parametrize("end", ["sign out", "delete", "revoke"])
def test_ip_24_an_inactive_token_is_refused_only_with_the_server_side_check(scene: Scene, end: str) -> None:
    tokens = scene.someone()
    identity_id = scene.get_id(tokens)
    idp = scene.pool.idp
    if end == "sign out":
        idp.global_sign_out(AccessToken=tokens["AccessToken"])
    elif end == "delete":
        idp.delete_user(AccessToken=tokens["AccessToken"])
    else:
        idp.revoke_token(Token=tokens["RefreshToken"], ClientId=scene.pool.client_id)
    code, message = error(scene.credentials, identity_id, tokens)
    assert code == "NotAuthorizedException"
    assert "Token is inactive" in message
    scene.world.control.identity_pools[scene.id]["CognitoIdentityProviders"][0]["ServerSideTokenCheck"] = False
    assert scene.credentials(identity_id, tokens)


def test_ip_32_principal_tags_need_a_trust_that_lets_them_in(scene: Scene) -> None:
    scene.world.control.tags[scene.id, scene.provider] = {"UseDefaults": True}
    tokens = scene.someone()
    assert error(scene.credentials, scene.get_id(tokens), tokens)[0] == "InvalidIdentityPoolConfigurationException"
    role = scene.world.control.roles[scene.role]
    role["AssumeRolePolicyDocument"] = trust(scene.id, "authenticated", "sts:TagSession")
    scene.credentials(scene.get_id(tokens), tokens)
    tags = {tag["Key"]: tag["Value"] for tag in scene.world.control.assumed[-1]["Tags"]}
    assert tags["client"] == scene.pool.client_id


def test_ip_25_credentials_that_were_given_out_survive_the_sign_out(scene: Scene) -> None:
    tokens = scene.someone()
    scene.credentials(scene.get_id(tokens), tokens)
    own = scene.world.control.assumed[-1]["RoleArn"].rpartition("/")[2]
    scene.pool.idp.global_sign_out(AccessToken=tokens["AccessToken"])
    assert own in scene.world.control.roles


def test_ip_33_get_id_is_limited_by_the_second(world: "World") -> None:
    other = type(world)(quotas=Quotas(identity=3))
    other.start()
    try:
        other.clock.stopped = other.clock()
        given = {"IdentityPoolId": "us-east-1:00000000-0000-4000-8000-000000000000"}
        codes = [error(other.aws("cognito-identity").get_id, **given)[0] for _ in range(4)]
    finally:
        other.stop()
    assert codes == ["ResourceNotFoundException"] * 3 + ["TooManyRequestsException"]


def test_identities_are_listed_described_and_deleted_by_administrators(scene: Scene) -> None:
    admin = scene.world.aws("cognito-identity", signed=True)
    tokens = scene.someone()
    identity_id = scene.get_id(tokens)
    scene.credentials(identity_id, tokens)
    own = scene.world.control.assumed[-1]["RoleArn"].rpartition("/")[2]
    assert admin.describe_identity(IdentityId=identity_id)["Logins"] == [scene.provider]
    listed = admin.list_identities(IdentityPoolId=scene.id, MaxResults=10)["Identities"]
    assert [one["IdentityId"] for one in listed] == [identity_id]
    admin.delete_identities(IdentityIdsToDelete=[identity_id])
    assert own not in scene.world.control.roles
    assert error(admin.describe_identity, IdentityId=identity_id)[0] == "ResourceNotFoundException"
