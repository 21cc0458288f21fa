"""What the embedded stack relies on in MiniStack, and what it puts right there: a change of either is noticed.

A failure here means: read MiniStack's change, then drop or adapt the layer that the test names.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError
from pycognito.aws_srp import AWSSRP

from tests.conftest import NewUser, RunningStack, changed_stack, confirmed_user
from todo_backend.local.environment import MINISTACK_KEY, MINISTACK_KEY_BITS
from todo_backend.local.provide import PROVIDED_TYPES

REGION = "us-east-1"
# What MiniStack 1.5.x takes for the right code, whoever asks.
SIGN_UP_CODE, RESET_CODE = "123456", "654321"
USER = NewUser("bare@example.com", "Pass-word-1-word")

WITHOUT_IDENTITY_AND_GATEWAY = """
from todo_backend.local import server
class Bare:
    def __init__(self, inner, *others, **more):
        self.inner = inner
    def invalidate(self):
        pass
    def warm_up_soon(self, pool_id):
        pass
    async def nothing(self, *arguments):
        pass
    keys = sync_roles = close = nothing
    async def __call__(self, *arguments):
        await self.inner(*arguments)
server.Identity = server.Gateway = Bare
server.Guard = server.Signed = lambda inner, *more: inner
"""
WITHOUT_LOOPBACK = WITHOUT_IDENTITY_AND_GATEWAY.replace(
    "server.Identity = server.Gateway", "server.Loopback"
).rpartition("server.Guard")[0]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The template deployed in MiniStack, without the layers that put Cognito and the authorizer right."""
    yield from running(tmp_path_factory, WITHOUT_IDENTITY_AND_GATEWAY)


@pytest.fixture(scope="module")
def over_plain_http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    yield from running(tmp_path_factory, WITHOUT_LOOPBACK)


def running(tmp_path_factory: pytest.TempPathFactory, changes: str) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("bare")
    process = changed_stack(folder / "data", folder / "script.py", changes)
    try:
        yield RunningStack(process.report["outputs"], folder / "data")
    finally:
        process.stop()


def admin(stack: RunningStack, service: str) -> Any:
    key = stack.admin_credentials
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=stack.output("EndpointUrl"),
        aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret_key,
    )


@pytest.fixture(scope="module")
def tokens(bare: RunningStack) -> dict[str, str]:
    """Of a user who signed up with MiniStack's constant code."""
    login = {"ClientId": bare.output("UserPoolClientId"), "Username": USER.email}
    email = [{"Name": "email", "Value": USER.email}]
    assert bare.cognito("SignUp", **login, Password=USER.password, UserAttributes=email).status_code == 200
    wrong = bare.cognito("ConfirmSignUp", **login, ConfirmationCode="000000")
    assert wrong.json()["__type"] == "CodeMismatchException"
    right = bare.cognito("ConfirmSignUp", **login, ConfirmationCode=SIGN_UP_CODE)
    assert right.status_code == 200, "cognito: the sign-up code is not constant now"
    return signed_in(bare, USER)


def signed_in(stack: RunningStack, user: NewUser) -> dict[str, str]:
    client = admin(stack, "cognito-idp")
    pool, app_client = stack.output("UserPoolId"), stack.output("UserPoolClientId")
    srp = AWSSRP(user.email, user.password, pool, app_client, client=client)
    found: dict[str, str] = srp.authenticate_user()["AuthenticationResult"]
    return found


def logins(bare: RunningStack, tokens: dict[str, str]) -> dict[str, str]:
    return {f"cognito-idp.{REGION}.amazonaws.com/{bare.output('UserPoolId')}": tokens["IdToken"]}


def test_the_version_is_one_that_was_tried() -> None:
    assert version("ministack").startswith("1.5.")


def test_the_sign_up_code_is_constant(tokens: dict[str, str]) -> None:
    assert tokens["IdToken"]


def test_the_reset_code_is_constant(bare: RunningStack, tokens: dict[str, str]) -> None:
    login = {"ClientId": bare.output("UserPoolClientId"), "Username": USER.email}
    assert bare.cognito("ForgotPassword", **login).status_code == 200
    reset = {**login, "ConfirmationCode": RESET_CODE, "Password": USER.password}
    assert bare.cognito("ConfirmForgotPassword", **reset).status_code == 200, (
        "cognito: the reset code is not constant now"
    )


def test_destinations_are_not_masked(bare: RunningStack) -> None:
    email = "not-masked@example.com"
    login = {"ClientId": bare.output("UserPoolClientId"), "Username": email, "Password": USER.password}
    made = bare.cognito("SignUp", **login, UserAttributes=[{"Name": "email", "Value": email}])
    assert made.json()["CodeDeliveryDetails"]["Destination"] == email, "cognito: UP-10 is kept by MiniStack now"


def test_confirming_does_not_verify_the_address(bare: RunningStack, tokens: dict[str, str]) -> None:
    user = admin(bare, "cognito-idp").admin_get_user(UserPoolId=bare.output("UserPoolId"), Username=USER.email)
    verified = [it["Value"] for it in user["UserAttributes"] if it["Name"] == "email_verified"]
    assert verified != ["true"], "cognito: UP-19 is kept by MiniStack now"


def test_srp_a_of_zero_is_answered(bare: RunningStack) -> None:
    parameters = {"USERNAME": USER.email, "SRP_A": "0"}
    flow = {"AuthFlow": "USER_SRP_AUTH", "AuthParameters": parameters}
    answer = bare.cognito("InitiateAuth", ClientId=bare.output("UserPoolClientId"), **flow)
    assert answer.status_code == 200, "cognito: UP-50 is kept by MiniStack now"


def test_a_guest_gets_an_identity(bare: RunningStack) -> None:
    answer = bare.identity("GetId", IdentityPoolId=bare.output("IdentityPoolId"))
    assert answer.status_code == 200, "cognito: IP-08 is kept by MiniStack now"


def test_a_made_up_identity_gets_credentials(bare: RunningStack, tokens: dict[str, str]) -> None:
    made_up = f"{REGION}:00000000-0000-0000-0000-000000000000"
    answer = bare.identity("GetCredentialsForIdentity", IdentityId=made_up, Logins=logins(bare, tokens))
    assert answer.status_code == 200, "cognito: IP-15 is kept by MiniStack now"


def own_put(stack: RunningStack, tokens: dict[str, str]) -> None:
    """Write into the own folder with the credentials of the identity pool."""
    own = logins(stack, tokens)
    found = stack.identity("GetId", IdentityPoolId=stack.output("IdentityPoolId"), Logins=own).json()
    keys = stack.identity("GetCredentialsForIdentity", IdentityId=found["IdentityId"], Logins=own).json()["Credentials"]
    s3 = boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url=stack.output("EndpointUrl"),
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretKey"],
        aws_session_token=keys["SessionToken"],
    )
    s3.put_object(Bucket=stack.output("FilesBucket"), Key=f"{found['IdentityId']}/own", Body=b"")


def test_policy_variables_are_not_filled_in(bare: RunningStack, tokens: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):  # else cognito.roles can go: IP-31
        own_put(bare, tokens)


def test_an_access_token_is_let_in(bare: RunningStack, tokens: dict[str, str]) -> None:
    headers = {"Authorization": tokens["AccessToken"]}
    answer = requests.get(f"{bare.output('ApiUrl')}/v1/revision", headers=headers, timeout=20)
    # The gateway's own answer would be another one: this is the Lambda's, which checks again.
    assert answer.json()["message"] == "sign in first", "gateway: AG-06 is kept by MiniStack now"


def test_a_bucket_that_wants_tls_refuses_plain_http(over_plain_http: RunningStack) -> None:
    user = confirmed_user(over_plain_http)
    with pytest.raises(ClientError, match="AccessDenied"):  # else Loopback need not say https
        own_put(over_plain_http, signed_in(over_plain_http, user))


@pytest.mark.parametrize("kind", PROVIDED_TYPES)
def test_cloudformation_does_not_know_what_is_provided_outside_it(bare: RunningStack, kind: str) -> None:
    template = json.dumps({"Resources": {"It": {"Type": kind, "Properties": {}}}})
    with pytest.raises(ClientError, match="Unrecognized resource types"):  # else provide.PROVIDED_TYPES loses one
        admin(bare, "cloudformation").create_stack(StackName="provided", TemplateBody=template)


def test_cloudformation_drops_a_stages_cache_cluster_and_the_stack_patches_it(bare: RunningStack) -> None:
    api, stage = bare.output("ApiUrl").split("/")[-2:]
    patched = admin(bare, "apigateway").get_stage(restApiId=api, stageName=stage)
    assert patched["cacheClusterEnabled"] is True
    assert patched["cacheClusterSize"] == "0.5"
    template = {
        "Resources": {
            "Stage": {
                "Type": "AWS::ApiGateway::Stage",
                "Properties": {
                    "RestApiId": api,
                    "StageName": "cached",
                    "DeploymentId": patched["deploymentId"],
                    "CacheClusterEnabled": True,
                    "CacheClusterSize": "0.5",
                },
            }
        }
    }
    admin(bare, "cloudformation").create_stack(StackName="cached", TemplateBody=json.dumps(template))
    admin(bare, "cloudformation").get_waiter("stack_create_complete").wait(
        StackName="cached", WaiterConfig={"Delay": 1}
    )
    made = admin(bare, "apigateway").get_stage(restApiId=api, stageName="cached")
    assert not made.get("cacheClusterEnabled"), "gateway.completion: the stage need not be patched any more"


def test_the_method_settings_of_the_cache_are_kept(bare: RunningStack) -> None:
    api, stage = bare.output("ApiUrl").split("/")[-2:]
    settings = admin(bare, "apigateway").get_stage(restApiId=api, stageName=stage)["methodSettings"]
    cached = {path for path, found in settings.items() if found.get("cachingEnabled")}
    assert cached == {"/~1v1~1config/GET", "/~1v1~1snapshots~1{revision}/GET"}


CREDENTIALS_IN_PROCESS = """
import json
import os
import subprocess
import sys
from pathlib import Path
from todo_backend.local import cache_cluster, server
def found(request):
    from ministack.core.iam_evaluator import PrincipalInfo, ResolvedCredential, resolve_credential, resolve_principal
    credential = resolve_credential(request.access_key_id, "000000000000")
    caller = resolve_principal(request.access_key_id, "000000000000")
    seen.append([type(credential).__name__, len(credential.secret_access_key), bool(credential.session_token),
                 type(caller).__name__, caller.policies is None])
    Path(sys.argv[sys.argv.index("--data-dir") + 1], "seen.json").write_text(json.dumps(seen))
    return decide(request)
seen, decide = [], cache_cluster._allowed
cache_cluster._allowed = found
"""


def test_secrets_and_policies_are_found_by_access_key_id(tmp_path: Path) -> None:
    """cache_cluster: `resolve_credential`, `resolve_principal` and `evaluate` of ministack.core.iam_evaluator."""
    process = changed_stack(tmp_path / "data", tmp_path / "script.py", CREDENTIALS_IN_PROCESS)
    try:
        stack = RunningStack(process.report["outputs"], tmp_path / "data")
        token = signed_in(stack, confirmed_user(stack))["IdToken"]
        answer = requests.get(f"{stack.output('ApiUrl')}/v1/todos", headers={"Authorization": token}, timeout=20)
        assert answer.status_code == 200
        # The Lambda's worker: a role's session with a derived secret and token.
        seen = json.loads((tmp_path / "data" / "seen.json").read_text())
        assert seen[0] == ["ResolvedCredential", 64, True, "PrincipalInfo", False]
    finally:
        process.stop()


SCAN = {"X-Amz-Target": "DynamoDB_20120810.Scan"}


@pytest.mark.parametrize("key", ["Bearer x", "AWS test:x", "AWS4-HMAC-SHA256 Credential=000000000000/20261123/x/y/z"])
def test_anybody_is_the_accounts_owner(bare: RunningStack, key: str) -> None:
    body = json.dumps({"TableName": bare.output("TableName")})
    answer = requests.post(bare.output("EndpointUrl"), body, headers={**SCAN, "Authorization": key}, timeout=20)
    assert answer.status_code == 200, "signed: MiniStack looks at every signature now"


def test_a_malformed_call_draws_a_500_with_the_exceptions_text(bare: RunningStack) -> None:
    headers = {**SCAN, "Authorization": "Bearer x"}
    answer = requests.post(bare.output("EndpointUrl"), b"[1]", headers=headers, timeout=20)
    assert (answer.status_code, "has no attribute" in answer.text) == (500, True), (
        "guard: MiniStack refuses it itself now"
    )


def test_it_takes_the_key_that_it_is_given(stack: RunningStack) -> None:
    # otherwise each first start waits for one of its own, which nobody accepts
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key((stack.data_dir / "state" / MINISTACK_KEY).read_bytes(), password=None)
    assert isinstance(key, RSAPrivateKey)
    assert key.key_size == MINISTACK_KEY_BITS
    script = "from ministack.services import cognito; print(cognito._RSA_PRIVATE_KEY.key_size)"
    environment = os.environ | {"STATE_DIR": str(stack.data_dir / "state")}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout) == MINISTACK_KEY_BITS
