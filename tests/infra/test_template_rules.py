"""What the deployed template must never become, as rules: each finds nothing in it, and finds its mutation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from todo_backend import artifacts

Template = dict[str, Any]
Properties = dict[str, Any]
Rule = Callable[[Template], list[str]]
Mutation = Callable[[Template], object]

SUB = "${cognito-identity.amazonaws.com:sub}"


def resources(template: Template, kind: str) -> list[tuple[str, Properties]]:
    """Name and properties of every resource of one type; a rule over none of them proves nothing."""
    found = [
        (name, resource["Properties"]) for name, resource in template["Resources"].items() if resource["Type"] == kind
    ]
    assert found, f"the template has no {kind}"
    return found


def only(template: Template, kind: str) -> Properties:
    """The properties of the one resource of its type."""
    [(_, properties)] = resources(template, kind)
    return properties


def statements(template: Template) -> Iterator[tuple[str, Properties]]:
    """Every statement of every policy, with the name of the resource that carries it."""
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        documents = [properties.get("PolicyDocument"), properties.get("AssumeRolePolicyDocument")]
        documents += [policy["PolicyDocument"] for policy in properties.get("Policies", []) if isinstance(policy, dict)]
        for document in filter(None, documents):
            for statement in document["Statement"]:
                yield name, statement


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """A template's value with `Fn::Join` and friends as JSON text: enough to look for a literal in it."""
    return value if isinstance(value, str) else json.dumps(value)


def problems(checks: dict[str, bool]) -> list[str]:
    return [sentence for sentence, broken in checks.items() if broken]


def user_pool(template: Template) -> list[str]:
    """UP-10, UP-18, UP-80, SE-24: people sign up by e-mail, the second factor is TOTP, devices are opt-in."""
    pool = only(template, "AWS::Cognito::UserPool")
    return problems(
        {
            "the user name is not the e-mail address": pool.get("UsernameAttributes") != ["email"],
            "user names differ by case": pool.get("UsernameConfiguration") != {"CaseSensitive": False},
            "only an administrator creates users": pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"],
            "the e-mail address is not verified": pool.get("AutoVerifiedAttributes") != ["email"],
            "a new address replaces the old one unproven": pool.get("UserAttributeUpdateSettings")
            != {"AttributesRequireVerificationBeforeUpdate": ["email"]},
            "MFA is not optional": pool.get("MfaConfiguration") != "OPTIONAL",
            "a second factor other than TOTP": pool.get("EnabledMfas") != ["SOFTWARE_TOKEN_MFA"],
            "devices are not opt-in": pool["DeviceConfiguration"].get("DeviceOnlyRememberedOnUserPrompt") is not True,
            "short passwords": pool["Policies"]["PasswordPolicy"]["MinimumLength"] < 8,
        }
    )


def client_flows(template: Template) -> list[str]:
    """UP-62, SE-22, SE-23, UP-106, SE-21: SRP and refresh only, no secret, no tell-tale errors."""
    client = only(template, "AWS::Cognito::UserPoolClient")
    return problems(
        {
            "another flow than SRP and refresh": sorted(client["ExplicitAuthFlows"])
            != ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"],
            "a client secret": client.get("GenerateSecret") is not False,
            "errors tell who exists": client.get("PreventUserExistenceErrors") != "ENABLED",
            "tokens cannot be revoked": client.get("EnableTokenRevocation") is not True,
            "OAuth flows": client.get("AllowedOAuthFlowsUserPoolClient") is not False,
            "users write other attributes than their e-mail address": client.get("WriteAttributes") != ["email"],
        }
    )


def no_guests(template: Template) -> list[str]:
    """IP-08, IP-22, IP-24: no guests, no classic flow, and a token that was signed out is not good any more."""
    pool = only(template, "AWS::Cognito::IdentityPool")
    roles = only(template, "AWS::Cognito::IdentityPoolRoleAttachment")["Roles"]
    return problems(
        {
            "guests are let in": pool.get("AllowUnauthenticatedIdentities") is not False,
            "the classic flow is on": pool.get("AllowClassicFlow") is not False,
            "signed-out tokens pass": not all(
                provider.get("ServerSideTokenCheck") for provider in pool["CognitoIdentityProviders"]
            ),
            "a role for guests": list(roles) != ["authenticated"],
        }
    )


def trust(template: Template) -> list[str]:
    """IP-20, SE-25: only signed-in identities of this identity pool assume the role."""
    federated = [
        statement for _, statement in statements(template) if "Federated" in as_dict(statement.get("Principal"))
    ]
    assert federated
    [pool_name] = [name for name, _ in resources(template, "AWS::Cognito::IdentityPool")]
    wanted = {
        "StringEquals": {"cognito-identity.amazonaws.com:aud": {"Ref": pool_name}},
        "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"},
    }
    return [f"trust: {statement}" for statement in federated if statement.get("Condition") != wanted]


def as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def signed_in_statements(template: Template) -> list[Properties]:
    """What the role of signed-in users may do, wherever it is written."""
    role = only(template, "AWS::Cognito::IdentityPoolRoleAttachment")["Roles"]["authenticated"]["Fn::GetAtt"][0]
    assert "ManagedPolicyArns" not in template["Resources"][role]["Properties"]
    assert "Policies" not in template["Resources"][role]["Properties"]
    attached = [
        properties["PolicyDocument"]["Statement"]
        for _, properties in resources(template, "AWS::IAM::Policy")
        if {"Ref": role} in properties.get("Roles", [])
    ]
    return [statement for document in attached for statement in document]


def own_folder(template: Template) -> list[str]:
    """S3-01 to S3-09, SE-13, SE-14: exactly the own folder, by the identity id, with the slash."""
    [(bucket, _)] = resources(template, "AWS::S3::Bucket")
    arn = {"Fn::GetAtt": [bucket, "Arn"]}
    objects = {
        "Sid": "OwnFolder",
        "Effect": "Allow",
        "Action": [
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
            "s3:GetObject",
            "s3:ListMultipartUploadParts",
            "s3:PutObject",
        ],
        "Resource": {"Fn::Join": ["", [arn, f"/{SUB}/*"]]},
    }
    listing = {
        "Sid": "ListOwnFolder",
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": arn,
        "Condition": {"StringLike": {"s3:prefix": f"{SUB}/*"}},
    }
    return [f"not the own folder: {one}" for one in signed_in_statements(template) if one not in (objects, listing)]


def private_bucket(template: Template) -> list[str]:
    """Nothing public, TLS only, versioned, encrypted, tidied up."""
    bucket, policy = only(template, "AWS::S3::Bucket"), only(template, "AWS::S3::BucketPolicy")
    block = bucket.get("PublicAccessBlockConfiguration", {})
    rules = bucket.get("LifecycleConfiguration", {}).get("Rules", [])
    return problems(
        {
            "public access is not blocked": [block.get(name) for name in PUBLIC_ACCESS] != [True] * 4,
            "a statement that lets somebody in": any(
                statement["Effect"] != "Deny" for statement in policy["PolicyDocument"]["Statement"]
            ),
            "plain HTTP is let in": not any(
                statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
                for statement in policy["PolicyDocument"]["Statement"]
            ),
            "ACLs are in force": bucket.get("OwnershipControls")
            != {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "no versions": bucket.get("VersioningConfiguration") != {"Status": "Enabled"},
            "unfinished uploads stay": not any("AbortIncompleteMultipartUpload" in rule for rule in rules),
            "old versions stay": not any("NoncurrentVersionExpiration" in rule for rule in rules),
        }
    )


PUBLIC_ACCESS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def encrypted(template: Template) -> list[str]:
    """Data at rest and on the way is encrypted: bucket, DAX, response cache (AC-12); DynamoDB cannot be otherwise."""
    bucket, cluster = only(template, "AWS::S3::Bucket"), only(template, "AWS::DAX::Cluster")
    stage = only(template, "AWS::ApiGateway::Stage")
    return problems(
        {
            "bucket": "BucketEncryption" not in bucket,
            "DAX at rest": cluster.get("SSESpecification") != {"SSEEnabled": True},
            "DAX on the way": cluster.get("ClusterEndpointEncryptionType") != "TLS",
            "response cache": not all(
                setting.get("CacheDataEncrypted")
                for setting in stage["MethodSettings"]
                if setting.get("CachingEnabled")
            ),
        }
    )


def no_wildcards(template: Template) -> list[str]:
    """No permission is "everything"; X-Ray alone has no resources to name."""
    found = []
    for name, statement in statements(template):
        if statement["Effect"] == "Allow":
            actions, places = as_list(statement["Action"]), as_list(statement.get("Resource", []))
            found += [f"{name} allows {action}" for action in actions if "*" in action]
            if "*" in places and not all(action.startswith("xray:") for action in actions):
                found.append(f"{name} allows {actions} on everything")
            if statement.get("Principal") in ("*", {"AWS": "*"}):
                found.append(f"{name} lets anybody in")
    return found


def log_retention(template: Template) -> list[str]:
    """Logs end, and hold no headers, where the tokens are (SE-20)."""
    stage = only(template, "AWS::ApiGateway::Stage")
    groups = resources(template, "AWS::Logs::LogGroup")
    found = [f"{name} keeps logs for ever" for name, group in groups if not group.get("RetentionInDays")]
    found += ["data trace" for setting in stage["MethodSettings"] if setting.get("DataTraceEnabled") is not False]
    if "header" in stage["AccessLogSetting"]["Format"].lower():
        found.append("the access log holds headers")
    return found


def isolated_network(template: Template) -> list[str]:
    """DD-33: DAX sees every user's items, so only the function reaches it, and nothing there reaches the internet."""
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    ingress = [properties for _, properties in resources(template, "AWS::EC2::SecurityGroupIngress")]
    groups = [properties for _, properties in resources(template, "AWS::EC2::SecurityGroup")]
    endpoint = only(template, "AWS::EC2::VPCEndpoint")
    return problems(
        {
            "a way to the internet": bool(
                kinds & {"AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::Route"}
            ),
            "somebody but the function reaches DAX": len(ingress) != 1
            or "SourceSecurityGroupId" not in ingress[0]
            or (ingress[0]["FromPort"], ingress[0]["ToPort"]) != (9111, 9111)
            or any("SecurityGroupIngress" in group for group in groups),
            "no endpoint for DynamoDB": ".dynamodb" not in text(endpoint["ServiceName"])
            or endpoint["VpcEndpointType"] != "Gateway",
            "the function is outside": "VpcConfig" not in only(template, "AWS::Lambda::Function"),
        }
    )


def table(template: Template) -> list[str]:
    """One table: on demand, PITR, index by revision, TTL; protected where the real to-dos are."""
    found = only(template, "AWS::DynamoDB::Table")
    [index] = found["LocalSecondaryIndexes"]
    return problems(
        {
            "keys": [key["AttributeName"] for key in found["KeySchema"]] != ["pk", "sk"],
            "index": (index["IndexName"], [key["AttributeName"] for key in index["KeySchema"]], index["Projection"])
            != ("by_revision", ["pk", "revision"], {"ProjectionType": "ALL"}),
            "not on demand": found.get("BillingMode") != "PAY_PER_REQUEST",
            "no point-in-time recovery": found.get("PointInTimeRecoverySpecification")
            != {"PointInTimeRecoveryEnabled": True},
            "tombstones stay": found.get("TimeToLiveSpecification") != {"AttributeName": "expires_at", "Enabled": True},
            "can be deleted by mistake": found.get("DeletionProtectionEnabled") is not True,
        }
    )


def kept(template: Template) -> list[str]:
    """Users, to-dos and files outlive the stack of stage prod."""
    kinds = ("AWS::Cognito::UserPool", "AWS::DynamoDB::Table", "AWS::S3::Bucket")
    return [
        f"{name} goes with the stack"
        for name, resource in template["Resources"].items()
        if resource["Type"] in kinds and resource.get("DeletionPolicy") != "Retain"
    ]


def pure_python_function(template: Template) -> list[str]:
    """The function runs anywhere: arm64 or not, its code and its layer are zips without compiled code."""
    function = only(template, "AWS::Lambda::Function")
    return problems(
        {
            "architecture": function.get("Architectures") != ["arm64"],
            "runtime": function.get("Runtime") != "python3.13",
            "no traces": function.get("TracingConfig") != {"Mode": "Active"},
            "slower than the gateway waits (AG-27)": function.get("Timeout", 0) >= 29,
            "a container image": "S3Key" not in function["Code"],
        }
    )


def plain_types_only(template: Template) -> list[str]:
    """No custom resources: nothing of ours runs at deployment, here or in the embedded stack."""
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    return [kind for kind in sorted(kinds) if kind.startswith("Custom::") or "CustomResource" in kind]


def change(kind: str, **values: Any) -> Mutation:
    """Give every resource of a type these properties; `None` takes one away."""

    def mutate(template: Template) -> None:
        for _, properties in resources(template, kind):
            properties.update(values)
            for name in [name for name, value in values.items() if value is None]:
                del properties[name]

    return mutate


def edit_policy(old: str, new: str) -> Mutation:
    """Replace a text in every IAM policy and bucket policy."""

    def mutate(template: Template) -> None:
        for resource in template["Resources"].values():
            if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::Role", "AWS::S3::BucketPolicy"):
                resource["Properties"] = json.loads(json.dumps(resource["Properties"]).replace(old, new))

    return mutate


def edit_settings(**values: Any) -> Mutation:
    """Give every method setting of the stage these values."""

    def mutate(template: Template) -> None:
        for setting in only(template, "AWS::ApiGateway::Stage")["MethodSettings"]:
            setting.update(values)

    return mutate


def add(kind: str, **properties: Any) -> Mutation:
    return lambda template: template["Resources"].update(Added={"Type": kind, "Properties": properties})


def drop_retention(template: Template) -> None:
    for resource in template["Resources"].values():
        resource.pop("DeletionPolicy", None)


POOL, CLIENT, IDENTITIES = "AWS::Cognito::UserPool", "AWS::Cognito::UserPoolClient", "AWS::Cognito::IdentityPool"
ROLES, BUCKET, TABLE = "AWS::Cognito::IdentityPoolRoleAttachment", "AWS::S3::Bucket", "AWS::DynamoDB::Table"
ROLE = {"Fn::GetAtt": ["IdentitySignedIn", "Arn"]}
SRP = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]

MUTATIONS: list[tuple[str, Rule, Mutation]] = [
    ("e-mail is an alias only", user_pool, change(POOL, UsernameAttributes=None)),
    ("Alice and alice are two", user_pool, change(POOL, UsernameConfiguration={"CaseSensitive": True})),
    ("MFA by text message", user_pool, change(POOL, EnabledMfas=["SMS_MFA", "SOFTWARE_TOKEN_MFA"])),
    ("every device is remembered", user_pool, change(POOL, DeviceConfiguration={"ChallengeRequiredOnNewDevice": True})),
    ("unverified address", user_pool, change(POOL, UserAttributeUpdateSettings=None)),
    ("password flow", client_flows, change(CLIENT, ExplicitAuthFlows=[*SRP, "ALLOW_USER_PASSWORD_AUTH"])),
    ("client secret", client_flows, change(CLIENT, GenerateSecret=True)),
    ("tell-tale errors", client_flows, change(CLIENT, PreventUserExistenceErrors="LEGACY")),
    ("no revocation", client_flows, change(CLIENT, EnableTokenRevocation=False)),
    ("guests", no_guests, change(IDENTITIES, AllowUnauthenticatedIdentities=True)),
    ("classic flow", no_guests, change(IDENTITIES, AllowClassicFlow=True)),
    ("unchecked tokens", no_guests, change(IDENTITIES, CognitoIdentityProviders=[{"ClientId": "x"}])),
    ("a guest role", no_guests, change(ROLES, Roles={"authenticated": ROLE, "unauthenticated": ROLE})),
    (
        "any identity pool",
        trust,
        edit_policy("cognito-identity.amazonaws.com:aud", "cognito-identity.amazonaws.com:iss"),
    ),
    ("guests assume the role", trust, edit_policy('"authenticated"', '"unauthenticated"')),
    ("no slash after the identity", own_folder, edit_policy(f"{SUB}/*", f"{SUB}*")),
    ("everybody's folder", own_folder, edit_policy(f"/{SUB}/*", "/*")),
    ("folder by user-pool sub", own_folder, edit_policy(SUB, "${cognito-idp.amazonaws.com:sub}")),
    ("list by equality", own_folder, edit_policy("StringLike", "StringEquals")),
    ("old versions are readable", own_folder, edit_policy("s3:GetObject", "s3:GetObjectVersion")),
    ("public access", private_bucket, change(BUCKET, PublicAccessBlockConfiguration=None)),
    ("plain HTTP", private_bucket, edit_policy("aws:SecureTransport", "aws:SourceIp")),
    ("bucket lets all in", private_bucket, edit_policy('"Deny"', '"Allow"')),
    ("no versions", private_bucket, change(BUCKET, VersioningConfiguration=None)),
    ("no lifecycle", private_bucket, change(BUCKET, LifecycleConfiguration=None)),
    ("plain bucket", encrypted, change(BUCKET, BucketEncryption=None)),
    ("DAX without TLS", encrypted, change("AWS::DAX::Cluster", ClusterEndpointEncryptionType="NONE")),
    ("DAX without SSE", encrypted, change("AWS::DAX::Cluster", SSESpecification=None)),
    ("plain response cache", encrypted, edit_settings(CacheDataEncrypted=False)),
    ("action wildcard", no_wildcards, edit_policy("dynamodb:GetItem", "dynamodb:*")),
    ("resource wildcard", no_wildcards, edit_policy("xray:PutTraceSegments", "s3:GetObject")),
    ("open bucket", no_wildcards, edit_policy('"Deny"', '"Allow"')),
    ("logs for ever", log_retention, change("AWS::Logs::LogGroup", RetentionInDays=None)),
    ("data trace", log_retention, edit_settings(DataTraceEnabled=True)),
    ("NAT", isolated_network, add("AWS::EC2::NatGateway")),
    ("DAX for everybody", isolated_network, add("AWS::EC2::SecurityGroupIngress", CidrIp="0.0.0.0/0")),
    ("plain DAX port", isolated_network, change("AWS::EC2::SecurityGroupIngress", FromPort=8111)),
    ("function outside", isolated_network, change("AWS::Lambda::Function", VpcConfig=None)),
    ("no recovery", table, change(TABLE, PointInTimeRecoverySpecification=None)),
    ("no TTL", table, change(TABLE, TimeToLiveSpecification=None)),
    ("unprotected table", table, change(TABLE, DeletionProtectionEnabled=False)),
    ("data goes with the stack", kept, drop_retention),
    ("x86 only", pure_python_function, change("AWS::Lambda::Function", Architectures=["x86_64"])),
    ("a minute", pure_python_function, change("AWS::Lambda::Function", Timeout=60)),
    ("custom resource", plain_types_only, add("Custom::S3AutoDeleteObjects")),
]
RULES = list(dict.fromkeys(rule for _, rule, _ in MUTATIONS))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_template_keeps_the_rule(rule: Rule) -> None:
    assert rule(artifacts.template()) == [], rule.__doc__


@pytest.mark.parametrize(("name", "rule", "mutation"), MUTATIONS, ids=[name for name, _, _ in MUTATIONS])
def test_the_rule_finds_the_template_that_breaks_it(name: str, rule: Rule, mutation: Mutation) -> None:
    template = artifacts.template()
    mutation(template)
    assert rule(template), name
