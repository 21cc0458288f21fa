"""The account owner's signatures: MiniStack takes the owner's access key without looking at the signature.

Every other key's signature it verifies itself.
"""

import json
from datetime import UTC, datetime
from html import escape
from urllib.parse import unquote

from .asgi import Answer, App, Receive, Scope, Send, as_signed, header, read_body, replay, respond
from .control import AdminCredentials
from .s3 import signature_refused
from .signature import Claim, Request, SignatureError, claim_of, verify

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
        if not self._names_owner(scope):
            await self._inner(scope, receive, send)
            return
        body = await read_body(receive)
        request = as_signed(scope, body)
        claim = claim_of(request.headers, request.query)
        fault = self._fault(request, claim)
        if fault is not None:
            await respond(send, _refused(scope, claim, fault))
        else:
            await self._inner(scope, replay(body, receive), send)

    def _fault(self, request: Request, claim: Claim | None) -> SignatureError | None:
        if claim is None or claim.access_key != self._credentials.access_key:
            return SignatureError("SignatureDoesNotMatch")  # a signature that only MiniStack would take for one
        try:
            verify(request, claim, self._credentials.secret_key, datetime.now(UTC))
        except SignatureError as error:
            return error
        return None

    def _names_owner(self, scope: Scope) -> bool:
        """Whether the owner's access key stands anywhere that MiniStack may read it from."""
        if scope["type"] != "http":
            return False
        query = scope["query_string"].decode("latin-1")
        texts = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"authorization"]
        return any(self._credentials.access_key in text for text in (*texts, unquote(query)))


def _refused(scope: Scope, claim: Claim | None, error: SignatureError) -> Answer:
    """The refusal in the protocol of the service."""
    if claim is not None and claim.service == "s3":
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
