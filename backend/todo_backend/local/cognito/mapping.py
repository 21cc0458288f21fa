"""Which role a login gets, and whether the role lets an identity pool in. Pure.

Sources: IP-19, IP-20, IP-26 to IP-28.
"""

import fnmatch
import json
from typing import Any

from .directory import Described
from .errors import not_authorized

FEDERATION = "cognito-identity.amazonaws.com"
_NO_ROLE = "Access to identity is forbidden."

Claims = dict[str, Any]


def role_of(roles: Described, provider: str | None, claims: Claims, wanted: str | None) -> str | None:
    """The ARN of the role for a login; None when none is set for it.

    Args:
        roles: what GetIdentityPoolRoles answers.
        provider: the login's `ProviderName:ClientId`; None for a guest.
        wanted: CustomRoleArn, as the client sent it.

    Raises:
        CognitoError: NotAuthorizedException, the mapping denies the login.
    """
    found = roles.get("Roles") or {}
    if provider is None:
        return found.get("unauthenticated")
    mapping = (roles.get("RoleMappings") or {}).get(provider)
    default = found.get("authenticated")
    if not mapping:
        return default
    chosen = _by_token(claims, wanted) if mapping.get("Type") == "Token" else _by_rules(mapping, claims)
    if chosen:
        return chosen
    if mapping.get("AmbiguousRoleResolution") == "AuthenticatedRole":
        return default
    raise not_authorized(_NO_ROLE)


def _by_token(claims: Claims, wanted: str | None) -> str | None:
    if wanted is None:
        preferred = claims.get("cognito:preferred_role")
        roles = claims.get("cognito:roles") or []
        return preferred or (roles[0] if len(roles) == 1 else None)
    if wanted not in (claims.get("cognito:roles") or []):
        raise not_authorized(_NO_ROLE)
    return wanted


def _by_rules(mapping: Described, claims: Claims) -> str | None:
    for rule in (mapping.get("RulesConfiguration") or {}).get("Rules") or []:
        if rule["Claim"] in claims and _fits(rule, claims[rule["Claim"]]):
            return str(rule["RoleARN"])
    return None


def _fits(rule: Described, value: Any) -> bool:
    """Whether the claim's value fits; a claim that is absent was left out before, for NotEqual too (IP-27)."""
    if isinstance(value, list):
        text = "[" + ", ".join(str(item) for item in value) + "]"
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    expected = str(rule["Value"])
    return {
        "Equals": text == expected,
        "NotEqual": text != expected,
        "StartsWith": text.startswith(expected),
        "Contains": expected in text,
    }.get(str(rule["MatchType"]), False)


def lets_in(trust: Described, context: dict[str, list[str]], action: str) -> bool:
    """Whether a role's trust policy allows the action to an identity with that context (IP-20).

    Args:
        context: the values of `aud`, `sub` and `amr`.
    """
    found = False
    for statement in _listed(trust.get("Statement")):
        if not _covers(statement, action) or not _holds(statement.get("Condition") or {}, context):
            continue
        if statement.get("Effect") == "Deny":
            return False
        found = True
    return found


def _covers(statement: Described, action: str) -> bool:
    principal = statement.get("Principal")
    federated = _listed(principal.get("Federated")) if isinstance(principal, dict) else [principal]
    actions = [str(name).lower() for name in _listed(statement.get("Action"))]
    return any(name in (FEDERATION, "*") for name in federated) and any(
        fnmatch.fnmatchcase(action.lower(), pattern) for pattern in actions
    )


def _holds(conditions: Described, context: dict[str, list[str]]) -> bool:
    return all(
        _test(
            operator, context.get(key.rpartition(":")[2], []) if key.startswith(FEDERATION) else [], _listed(expected)
        )
        for operator, tests in conditions.items()
        for key, expected in tests.items()
    )


def _test(operator: str, values: list[str], expected: list[Any]) -> bool:
    name = operator.rpartition(":")[2]
    optional = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    if not values:
        return optional or "Not" in name or operator.startswith("ForAllValues:")
    positive = name.replace("Not", "")
    tests = {
        "StringEquals": lambda value, other: value == other,
        "StringEqualsIgnoreCase": lambda value, other: value.lower() == other.lower(),
        "StringLike": fnmatch.fnmatchcase,
    }
    if positive not in tests:
        return False
    hits = [any(tests[positive](value, str(other)) for other in expected) for value in values]
    if "Not" in name:
        hits = [not hit for hit in hits]
    return all(hits) if operator.startswith("ForAllValues:") or "Not" in name else any(hits)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def filled(document: Described, variables: dict[str, str]) -> str:
    """The policy as text with the identity's values in place of the variables (IP-31).

    The values go in as JSON strings and cannot change the policy's shape.
    """
    text = json.dumps(document, sort_keys=True)
    for name, value in variables.items():
        text = text.replace(f"${{{FEDERATION}:{name}}}", json.dumps(value)[1:-1])
    return text
