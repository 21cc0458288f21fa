"""Who signed: what MiniStack believes without looking is looked at here, before it.

With `AUTH=true` MiniStack checks the signatures of users' and roles' keys. But it takes for the account's owner, with
all rights and whatever the signature: the owner's own key, the key `test`, every account number, and every request with
an Authorization header of another kind than AWS's. Any program of this machine could so read and change everything.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl

from .asgi import App, Receive, Scope, Send, as_signed, header, read_body, replay, respond
from .control import AdminCredentials
from .error_answers import error_answer, is_query_protocol
from .operations import Named, named
from .s3 import signature_refused
from .signature import ALGORITHM, Claim, Request, SignatureError, claim_of, verify

_OURS: Final = (f"{ALGORITHM} ", "AWS4-ECDSA-P256-SHA256 ", "AWS ")
_NAMED_IN_HEADER: Final = re.compile(r"Credential=([^/,\s]*)|^AWS ([^:\s]*)")
_TOO_POWERFUL: Final = re.compile(r"test|\d{12}|")


class Signed:
    """Lets nobody through to `inner` as the account's owner who does not prove to be it."""

    def __init__(self, inner: App, owner: AdminCredentials) -> None:
        self._inner, self._owner = inner, owner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        scope = _with_aws_authorization_only(scope)
        keys = set(_keys(scope))
        if len(keys) > 1 or any(key != self._owner.access_key and _TOO_POWERFUL.fullmatch(key) for key in keys):
            await _refuse(named(scope), send, _UNKNOWN_KEY)
        elif keys == {self._owner.access_key}:
            await self._owners(scope, receive, send)
        else:
            await self._inner(scope, receive, send)

    async def _owners(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request in the owner's name: to be proved."""
        body, now = await read_body(receive), datetime.now(UTC)
        request = as_signed(scope, body)
        claim = claim_of(request.headers, request.query)
        fault = self._fault(request, claim, now)
        if fault is None:
            await self._inner(scope, replay(body, receive), send)
        elif claim is not None and claim.service == "s3":
            await respond(send, signature_refused(scope, claim, fault, now))
        else:
            await _refuse(named(scope), send, _WRONG)

    def _fault(self, request: Request, claim: Claim | None, now: datetime) -> SignatureError | None:
        if claim is None or claim.access_key != self._owner.access_key:
            return SignatureError("SignatureDoesNotMatch")  # a signature that only MiniStack would take for one
        try:
            verify(request, claim, self._owner.secret_key, now)
        except SignatureError as error:
            return error
        return None


def _with_aws_authorization_only(scope: Scope) -> Scope:
    """Without Authorization headers of another kind, and without all of them where there are several: AWS reads one."""
    authorizations = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    if not authorizations:
        return scope
    if len(authorizations) == 1 and authorizations[0].decode("latin-1").startswith(_OURS):
        return scope
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() != b"authorization"]}


def _keys(scope: Scope) -> Iterator[str]:
    """Every access key that the request names, wherever somebody might read it."""
    for found in _NAMED_IN_HEADER.finditer(header(scope, b"authorization")):
        yield found[1] if found[1] is not None else found[2]
    for name, value in _query(scope):
        if name.lower() == "x-amz-credential":
            yield value.partition("/")[0]
        elif name.lower() == "awsaccesskeyid":
            yield value


def _raw_query(scope: Scope) -> str:
    return bytes(scope.get("query_string") or b"").decode("latin-1")


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(_raw_query(scope), keep_blank_values=True)


# What is wrong, as S3, the query protocol and all others word it.
_Words = tuple[tuple[int, str, str], tuple[int, str, str], tuple[int, str, str]]
_INVALID: Final = "The security token included in the request is invalid."
_UNKNOWN_KEY: Final[_Words] = (
    (403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
    (403, "InvalidClientTokenId", _INVALID),
    (400, "UnrecognizedClientException", _INVALID),
)
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method."
)
_WRONG: Final[_Words] = (
    (403, "SignatureDoesNotMatch", _MISMATCH),
    (403, "SignatureDoesNotMatch", _MISMATCH),
    (400, "InvalidSignatureException", _MISMATCH),
)


async def _refuse(request: Named, send: Send, words: _Words) -> None:
    kind = 0 if request.service == "s3" else 1 if is_query_protocol(request.service) else 2
    await respond(send, error_answer(request, *words[kind]))
