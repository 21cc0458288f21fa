"""Tokens of user pools: verified against the pool's public keys, remembered by digest until they expire.

A token is judged by its signature and its own claims only, as AWS does: a sign-out elsewhere is not seen (AG-09).
Only RS256 is accepted, whatever the token's head says (SE-09).
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .ports import Clock, Keys

REMEMBERED: Final = 10_000
MAX_TOKEN_CHARS: Final = 10_240  # AG-26: more does not fit into a request's head
ASK_AGAIN_SECONDS: Final = 1.0  # how soon an unknown key id may make us fetch a pool's keys again


class InvalidTokenError(Exception):
    """The token proves nothing: malformed, forged, or of a pool that is not asked for."""


class ExpiredTokenError(Exception):
    """The token was good once."""


@dataclass(frozen=True, slots=True)
class Token:
    """A verified token."""

    pool_id: str
    claims: Mapping[str, Any]
    expires_at: float


class TokenVerifier:
    """Verifies tokens; holds the pools' keys and the digests of what it has verified."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys, self._clock = keys, clock
        self._verified: OrderedDict[bytes, Token] = OrderedDict()
        self._pools: dict[str, tuple[float, dict[str, Any]]] = {}

    def forget(self) -> None:
        """Fetch keys anew and verify again: a pool may have been replaced."""
        self._verified.clear()
        self._pools.clear()

    async def verify(self, text: str, pools: frozenset[str]) -> Token:
        """The token, when one of the pools has signed it.

        Raises:
            InvalidTokenError: not a token of these pools.
            ExpiredTokenError: one of theirs, but past its `exp`.
        """
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
        token = self._verified.get(digest)
        if token is None:
            token = await self._check(text, pools)
            self._remember(digest, token)
        if token.pool_id not in pools:
            raise InvalidTokenError
        if token.expires_at <= self._clock():
            self._verified.pop(digest, None)
            raise ExpiredTokenError
        return token

    def _remember(self, digest: bytes, token: Token) -> None:
        self._verified[digest] = token
        if len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)

    async def _check(self, text: str, pools: frozenset[str]) -> Token:
        import jwt  # takes longer than the deployment of the whole stack: nobody waits for it at the start

        if len(text) > MAX_TOKEN_CHARS or text.count(".") != 2:
            raise InvalidTokenError
        try:
            head, unproven = jwt.get_unverified_header(text), jwt.decode(text, options={"verify_signature": False})
            pool_id = str(unproven.get("iss", "")).rpartition("/")[2]
            if pool_id not in pools:
                raise InvalidTokenError
            key = await self._key(pool_id, str(head.get("kid", "")))
            # Times are judged by our clock below, the audience by the authorizer's expression.
            claims = jwt.decode(text, key, algorithms=["RS256"], options=_SIGNATURE_ONLY)
            return Token(pool_id, claims, float(claims["exp"]))
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
            raise InvalidTokenError from error

    async def _key(self, pool_id: str, kid: str) -> Any:
        fetched_at, keys = self._pools.get(pool_id, (float("-inf"), {}))
        if kid not in keys and abs(self._clock() - fetched_at) >= ASK_AGAIN_SECONDS:
            keys = public_keys(await self._keys(pool_id))
            self._pools[pool_id] = (self._clock(), keys)
        return keys[kid]


_SIGNATURE_ONLY: Final[Any] = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


def public_keys(document: Mapping[str, Any]) -> dict[str, Any]:
    """The RSA keys of a JWKS document by key id."""
    import jwt

    rsa = [item for item in document.get("keys", ()) if item.get("kty") == "RSA" and item.get("kid")]
    return {str(item["kid"]): jwt.algorithms.RSAAlgorithm.from_jwk(json.dumps(item)) for item in rsa}
