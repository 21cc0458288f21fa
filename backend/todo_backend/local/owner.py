"""The account owner's signatures: MiniStack takes the owner's access key without looking at the signature.

Every other key's signature it verifies itself.
"""

import json
from datetime import UTC, datetime
from html import escape

from .asgi import Answer, App, Receive, Scope, Send, as_signed, header, read_body, replay, respond
from .control import AdminCredentials
from .s3 import signature_refused
from .signature import Claim, SignatureError, claim_of, verify

_MESSAGE = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


class OwnerSignatures:
    """Lets a request with the owner's access key pass only when it is signed with the owner's secret."""

    def __init__(self, inner: App, credentials: AdminCredentials) -> None:
        self._inner = inner
        self._credentials = credentials

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        claim = claim_of(as_signed(scope).headers, scope["query_string"].decode("latin-1"))
        if claim is None or claim.access_key != self._credentials.access_key:
            await self._inner(scope, receive, send)
            return
        body = await read_body(receive)
        try:
            verify(as_signed(scope, body), claim, self._credentials.secret_key, datetime.now(UTC))
        except SignatureError as error:
            await respond(send, _refused(scope, claim, error))
        else:
            await self._inner(scope, replay(body, receive), send)


def _refused(scope: Scope, claim: Claim, error: SignatureError) -> Answer:
    """The refusal in the protocol of the service."""
    if claim.service == "s3":
        return signature_refused(scope, claim, error, datetime.now(UTC))
    if target := header(scope, b"x-amz-target"):
        protocol = b"application/x-amz-json-1.0" if target.startswith("DynamoDB") else b"application/x-amz-json-1.1"
        said = {"__type": "InvalidSignatureException", "message": _MESSAGE}
        return Answer(400, [(b"content-type", protocol)], json.dumps(said).encode())
    if header(scope, b"content-type").startswith("application/x-www-form-urlencoded"):
        words = f"<Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>{escape(_MESSAGE)}</Message>"
        document = f"<ErrorResponse><Error>{words}</Error></ErrorResponse>"
        return Answer(403, [(b"content-type", b"text/xml")], document.encode())
    headers = [(b"content-type", b"application/json"), (b"x-amzn-errortype", b"InvalidSignatureException")]
    return Answer(403, headers, json.dumps({"message": _MESSAGE}).encode())
