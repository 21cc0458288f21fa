"""Whether an Admin operation was signed by somebody who may call it: the control plane is asked (UP-03).

It gets the request with the client's own signature, but with a body that can do nothing: only the pool's id. The true
body's digest goes along as `x-amz-content-sha256`, which is what the signature covers. The control plane takes the
account owner's key without looking at the signature, so that one is verified here.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..asgi import as_signed
from ..signature import SignatureError, claim_of, verify
from . import wire
from .errors import CognitoError
from .wire import App, Response, Scope

Verify = Callable[[Scope, bytes], Awaitable[Response | None]]

# How the control plane words a signature, a key or a right that is missing.
_REFUSALS = (
    "AccessDenied",
    "ExpiredToken",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignature",
    "MissingAuthenticationToken",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClient",
)


@dataclass(frozen=True)
class OwnerKey:
    """The access key of the account's owner."""

    access_key: str
    secret_key: str = field(repr=False)

    def signed(self, scope: Scope, body: bytes) -> bool | None:
        """Whether the request is signed with this key, and rightly; None when it is signed with another one."""
        request = as_signed(scope, body)
        claim = claim_of(request.headers, request.query)
        if claim is None or claim.access_key != self.access_key:
            return None
        try:
            verify(request, claim, self.secret_key, datetime.now(UTC))
        except SignatureError:
            return False
        return True


def missing() -> CognitoError:
    """The refusal of a request without a signature."""
    return CognitoError("MissingAuthenticationTokenException", "Missing Authentication Token")


def wrong() -> CognitoError:
    """The refusal of a signature that does not fit."""
    message = "The request signature we calculated does not match the signature you provided."
    return CognitoError("InvalidSignatureException", message)


def asking(inner: App, owner: OwnerKey | None = None) -> Verify:
    """A check that lets the control plane judge all keys but the owner's."""

    async def judge(scope: Scope, body: bytes) -> Response | None:
        by_owner = owner.signed(scope, body) if owner else None
        if by_owner is not None:
            return None if by_owner else wire.failure(wrong())
        digest = hashlib.sha256(body).hexdigest()
        said = wire.header(scope, b"x-amz-content-sha256")
        if said and said != digest:
            return wire.failure(wrong())
        harmless = json.dumps(_pool_of(body)).encode()
        left_out = (b"content-length", b"x-amz-content-sha256")
        headers = [pair for pair in scope["headers"] if pair[0].lower() not in left_out]
        headers += [(b"content-length", str(len(harmless)).encode()), (b"x-amz-content-sha256", digest.encode())]
        found = await wire.ask(inner, scope, harmless, headers)
        return found if _is_refusal(found) else None

    return judge


def _pool_of(body: bytes) -> dict[str, str]:
    given = wire.parsed(body)
    names = ("UserPoolId", "IdentityPoolId")
    return {name: given[name] for name in names if isinstance(given.get(name), str)} if isinstance(given, dict) else {}


def _is_refusal(found: Response) -> bool:
    if found.status < 400:
        return False
    try:
        said: Any = json.loads(found.body)
    except ValueError:
        return True
    code = str(said.get("__type", "")).rpartition("#")[2] if isinstance(said, dict) else ""
    return not code or code.startswith(_REFUSALS)
