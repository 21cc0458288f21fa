"""Role mappings and trust policies, as functions."""

from typing import Any

import pytest

from todo_backend.local.cognito import mapping
from todo_backend.local.cognito.errors import CognitoError

KEY = "cognito-idp.us-east-1.amazonaws.com/us-east-1_x:client"
PREFIX = "cognito-identity.amazonaws.com"


def roles(**mapping_: Any) -> dict[str, Any]:
    """What GetIdentityPoolRoles answers."""
    return {"Roles": {"authenticated": "arn:default"}, "RoleMappings": {KEY: mapping_}}


def test_ip_26_by_token_the_preferred_role_wins_and_a_custom_one_must_be_listed() -> None:
    token = roles(Type="Token", AmbiguousRoleResolution="Deny")
    claims = {"cognito:roles": ["arn:a", "arn:b"], "cognito:preferred_role": "arn:b"}
    assert mapping.role_of(token, KEY, claims, None) == "arn:b"
    assert mapping.role_of(token, KEY, claims, "arn:a") == "arn:a"
    with pytest.raises(CognitoError, match="NotAuthorized"):
        mapping.role_of(token, KEY, claims, "arn:c")
    with pytest.raises(CognitoError, match="NotAuthorized"):
        mapping.role_of(token, KEY, {}, None)
    assert (
        mapping.role_of(roles(Type="Token", AmbiguousRoleResolution="AuthenticatedRole"), KEY, {}, None)
        == "arn:default"
    )


@pytest.mark.parametrize(
    ("match", "value", "claims", "expected"),
    [
        ("Equals", "admin", {"role": "admin"}, "arn:rule"),
        ("Equals", "admin", {"role": "administrator"}, "arn:default"),
        ("NotEqual", "admin", {"role": "user"}, "arn:rule"),
        ("NotEqual", "admin", {}, "arn:default"),
        ("StartsWith", "adm", {"role": "admin"}, "arn:rule"),
        ("Contains", "min", {"role": "admin"}, "arn:rule"),
    ],
)
def test_ip_27_and_29_rules_are_tried_in_order_on_whatever_the_token_claims(
    match: str, value: str, claims: dict[str, str], expected: str
) -> None:
    rules = [
        {"Claim": "role", "MatchType": match, "Value": value, "RoleARN": "arn:rule"},
        {"Claim": "role", "MatchType": "Equals", "Value": "admin", "RoleARN": "arn:late"},
    ]
    config = roles(Type="Rules", AmbiguousRoleResolution="AuthenticatedRole", RulesConfiguration={"Rules": rules[:1]})
    assert mapping.role_of(config, KEY, claims, None) == expected
    config["RoleMappings"][KEY]["RulesConfiguration"]["Rules"] = rules
    if expected == "arn:rule":
        assert mapping.role_of(config, KEY, claims, None) == "arn:rule"


def test_ip_28_the_mapping_is_of_one_client() -> None:
    assert mapping.role_of(roles(Type="Token"), KEY + "x", {"cognito:preferred_role": "arn:a"}, None) == "arn:default"


def test_ip_20_a_denied_or_unknown_condition_lets_nobody_in() -> None:
    context = {"aud": ["pool"], "amr": ["authenticated", "provider"], "sub": ["id"]}
    action = "sts:AssumeRoleWithWebIdentity"
    allow: dict[str, Any] = {"Effect": "Allow", "Principal": {"Federated": PREFIX}, "Action": action}
    assert mapping.lets_in({"Statement": [allow]}, context, action)
    for refusing in (
        {"StringEquals": {f"{PREFIX}:aud": "other"}},
        {"NumericEquals": {f"{PREFIX}:aud": "pool"}},
        {"StringNotEquals": {f"{PREFIX}:aud": "pool"}},
        {"StringEquals": {"www.example.com:aud": "pool"}},
    ):
        assert not mapping.lets_in({"Statement": [allow | {"Condition": refusing}]}, context, action)
    condition: dict[str, Any] = {
        "StringLike": {f"{PREFIX}:aud": "po*"},
        "ForAnyValue:StringLike": {f"{PREFIX}:amr": ["auth*"]},
    }
    assert mapping.lets_in({"Statement": [allow | {"Condition": condition}]}, context, action)
    assert not mapping.lets_in({"Statement": [allow, allow | {"Effect": "Deny"}]}, context, action)


def test_ip_31_values_cannot_change_the_policys_shape() -> None:
    filled = mapping.filled({"Resource": f"x/${{{PREFIX}:sub}}/*"}, {"sub": 'a","Action":"*'})
    assert filled == '{"Resource": "x/a\\",\\"Action\\":\\"*/*"}'
