"""The Cognito user-pool authorizer: who may call a method, and how claims look to the function behind it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from .configuration import Api, Authorizer, Method
from .messages import Request
from .refusals import RefusalError
from .tokens import ExpiredTokenError, InvalidTokenError, Token, TokenVerifier

EXPIRED: Final = "The incoming token has expired"  # AG-03
_DATES: Final = ("exp", "iat")  # AG-11; auth_time stays a number
_BEARER: Final = "bearer "

Claims = Mapping[str, str]


async def authorize(api: Api, method: Method, request: Request, verifier: TokenVerifier) -> Claims | None:
    """The caller's claims, or None where the method is open.

    Raises:
        RefusalError: AG-01 to AG-07; an authorization that this gateway does not do is refused, never waved through.
    """
    if method.authorization == "NONE":
        return None
    if method.authorization == "AWS_IAM":
        raise RefusalError("ACCESS_DENIED" if request.header("authorization") else "MISSING_AUTHENTICATION_TOKEN")
    authorizer = api.authorizers.get(method.authorizer_id)
    if authorizer is None or authorizer.kind != "COGNITO_USER_POOLS" or not authorizer.header:
        raise RefusalError("AUTHORIZER_CONFIGURATION_ERROR")
    token = await _token(authorizer, request, verifier)
    if not may_call(token.claims, method, authorizer):
        raise RefusalError("UNAUTHORIZED")
    return rendered(token.claims)


async def _token(authorizer: Authorizer, request: Request, verifier: TokenVerifier) -> Token:
    text = request.header(authorizer.header) or ""
    try:
        return await verifier.verify(bare_token(text), authorizer.pools)
    except InvalidTokenError:
        raise RefusalError("UNAUTHORIZED") from None
    except ExpiredTokenError:
        raise RefusalError("UNAUTHORIZED", EXPIRED) from None


def bare_token(value: str) -> str:
    """The header's token with or without `Bearer` before it (AG-08). Spaces behind it stay and spoil it."""
    return value[len(_BEARER) :] if value[: len(_BEARER)].lower() == _BEARER else value


def may_call(claims: Mapping[str, Any], method: Method, authorizer: Authorizer) -> bool:
    """Whether the token is of the kind the method wants (AG-05 to AG-07)."""
    if authorizer.expression and not authorizer.expression.fullmatch(str(claims.get("aud", ""))):
        return False
    if method.scopes:
        return claims.get("token_use") == "access" and not method.scopes.isdisjoint(
            str(claims.get("scope", "")).split()
        )
    return claims.get("token_use") == "id"


def rendered(claims: Mapping[str, Any]) -> dict[str, str]:
    """Claims as `requestContext.authorizer.claims` shows them: all strings (AG-11, AG-12)."""
    return {name: _date(value) if name in _DATES else claim_text(value) for name, value in claims.items()}


def claim_text(value: Any) -> str:
    """One claim as text: `true`, `a,b`, or JSON for what has members."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join(claim_text(item) for item in value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _date(value: Any) -> str:
    try:
        return datetime.fromtimestamp(float(value), UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
    except (TypeError, ValueError, OverflowError, OSError):
        return claim_text(value)
