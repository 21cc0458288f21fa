"""The ASGI layer: Cognito's data-plane operations are answered here, everything else is the control plane's.

app = CognitoApp(inner, Surroundings(control, mailer, state_dir), owner=OwnerKey(access_key, secret_key))
"""

import asyncio
import logging
import re
from typing import Any

from . import (
    admin,
    clients,
    devices,
    parameters,
    profile,
    recovery,
    renewal,
    signature,
    signin,
    signup,
    software_tokens,
    tokens,
    wire,
)
from .errors import CognitoError
from .identity_pool import IdentityPools
from .plane import Operation, Plane, Surroundings
from .signature import OwnerKey, Verify
from .wire import App, Receive, Response, Scope, Send

_USER_POOLS = "AWSCognitoIdentityProviderService"
_IDENTITY_POOLS = "AWSCognitoIdentityService"
_SERVICES = {_USER_POOLS: "cognito-idp", _IDENTITY_POOLS: "cognito-identity"}
_DOCUMENT = re.compile(r"/([\w-]{1,55})/\.well-known/(jwks\.json|openid-configuration)", re.ASCII)
_MODULES = (signup, recovery, signin, renewal, profile, devices, software_tokens, admin)
_CHANGES_ROLES = ("/iam/aws4_request", "/cloudformation/aws4_request")

_log = logging.getLogger(__name__)


class CognitoApp:
    """User pools and identity pools in front of a control plane."""

    def __init__(
        self,
        inner: App,
        around: Surroundings,
        *,
        owner: OwnerKey | None = None,
        verify_signature: Verify | None = None,
    ) -> None:
        """Read the state; nothing is asked of the control plane yet.

        Args:
            owner: the account owner's key, whose signatures are verified here.
            verify_signature: tells whether a signed request may pass: None, or the refusal to send. By default the
                control plane is asked.
        """
        self._inner = inner
        self._plane = Plane(around)
        self._identities = IdentityPools(self._plane)
        self._verify = verify_signature or signature.asking(inner, owner)
        self._operations = self._all_operations()
        self._syncing: asyncio.Task[None] | None = None
        self._is_stale = False

    def _all_operations(self) -> dict[tuple[str, str], Operation]:
        found = {(_USER_POOLS, name): operation for module in _MODULES for name, operation in module.OPERATIONS.items()}
        pools = self._identities
        for name, method in {
            "GetId": pools.get_id,
            "GetCredentialsForIdentity": pools.get_credentials_for_identity,
            "GetOpenIdToken": pools.get_open_id_token,
            "DescribeIdentity": pools.describe_identity,
            "ListIdentities": pools.list_identities,
            "DeleteIdentities": pools.delete_identities,
        }.items():
            found[_IDENTITY_POOLS, name] = _without_plane(method)
        return found

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or hand it on."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        service, _, operation = wire.header(scope, b"x-amz-target").partition(".")
        if scope["method"] == "POST" and (service, operation) in self._operations:
            await self._answer(scope, receive, send, (service, operation))
        elif scope["method"] == "POST" and service in _SERVICES:
            await self._hand_on_change(scope, receive, send, operation)
        elif scope["method"] in ("GET", "HEAD") and (named := _DOCUMENT.fullmatch(scope["path"])):
            await (await self.published(named[1], named[2])).send(send)
        else:
            await self._inner(scope, receive, send)
            self._sync_soon(scope)

    async def published(self, pool_id: str, name: str) -> Response:
        """`jwks.json` or `openid-configuration` of a user pool (UP-89)."""
        try:
            await self._plane.directory.user_pool(pool_id)
            keys = await self._plane.keys(pool_id)
        except CognitoError as error:
            return wire.document({"message": error.message}, 404)
        return wire.document(keys.jwks() if name == "jwks.json" else tokens.openid_configuration(pool_id))

    async def jwks(self, pool_id: str) -> dict[str, Any]:
        """The pool's public keys, for an authorizer in the same process.

        Raises:
            CognitoError: there is no such pool.
        """
        await self._plane.directory.user_pool(pool_id)
        return dict((await self._plane.keys(pool_id)).jwks())

    async def sync_roles(self) -> None:
        """Bring the identities' own roles in step with the pools' roles, after a deployment (IP-31)."""
        self._plane.directory.forget()
        await self._identities.roles.sync()

    async def preload(self) -> None:
        """Read AWS's models of the parameters off the event loop, so that no request has to wait for it."""
        for service in _SERVICES.values():
            await self._plane.compute(parameters.model, service)

    async def close(self) -> None:
        """Write what is not written yet, and let the thread end."""
        if self._syncing is not None:
            self._syncing.cancel()
        await self._plane.store.commit()
        self._plane.close()

    # --- Ours

    async def _answer(self, scope: Scope, receive: Receive, send: Send, name: tuple[str, str]) -> None:
        try:
            response = await self._perform(scope, await wire.read_body(receive), name)
        except CognitoError as error:
            response = wire.failure(error)
        except ConnectionError:
            return
        except Exception:  # noqa: BLE001 (whatever it was, the client gets an answer)
            _log.exception("%s failed", name[1])
            response = wire.failure(CognitoError("InternalErrorException", "Internal server error", 500))
        await response.send(send)

    async def _perform(self, scope: Scope, body: bytes, name: tuple[str, str]) -> Response:
        service = _SERVICES[name[0]]
        given = wire.parsed(body)
        if parameters.model(service).operation_model(name[1]).auth_type != "none":
            refused = await self._check_signed(scope, body)
            if refused is not None:
                return refused
        try:
            return wire.answer(await self._operations[name](self._plane, parameters.check(service, name[1], given)))
        finally:
            # Failures change state too: codes are used up, sign-ins end. Nothing is said before it is on the disk.
            await self._plane.store.commit()

    async def _check_signed(self, scope: Scope, body: bytes) -> Response | None:
        if not wire.header(scope, b"authorization") and b"X-Amz-Signature=" not in scope.get("query_string", b""):
            raise signature.missing()
        return await self._verify(scope, body)

    # --- The control plane's

    async def _hand_on_change(self, scope: Scope, receive: Receive, send: Send, operation: str) -> None:
        """An operation on pools: hand it on, and ask anew about what it may have changed."""
        try:
            body = await wire.read_body(receive)
            _check_policy(body)
        except CognitoError as error:
            await wire.failure(error).send(send)
            return
        except ConnectionError:
            return
        if operation in clients.OPERATIONS:
            await (await self._client_call(scope, body, operation)).send(send)
        else:
            await self._inner(scope, wire.replay(body, receive), send)
        self._plane.directory.forget()
        if operation == "DeleteUserPool":
            await self._forget_pool(body)

    async def _client_call(self, scope: Scope, body: bytes, operation: str) -> Response:
        """An operation on an app client, with the settings that the control plane forgets."""
        try:
            given = wire.parsed(body)
            given = given if isinstance(given, dict) else {}
            self._plane.clients.check(operation, given)
        except CognitoError as error:
            return wire.failure(error)
        response = await wire.ask(self._inner, scope, body, list(scope["headers"]))
        completed = self._plane.clients.note(operation, given, response)
        await self._plane.store.commit()
        return completed

    async def _forget_pool(self, body: bytes) -> None:
        pool_id = _pool_named_in(body)
        if pool_id is None:
            return
        try:
            await self._plane.directory.user_pool(pool_id)
        except CognitoError:
            for user in self._plane.users.all(pool_id):
                profile.remove(self._plane, user)
            await self._plane.store.commit()

    def _sync_soon(self, scope: Scope) -> None:
        """After a change of roles or of the deployment, one check at a time, in the background."""
        signed = wire.header(scope, b"authorization")
        if not any(part in signed for part in _CHANGES_ROLES) or not self._identities.roles.has_any():
            return
        self._is_stale = True
        if self._syncing is None or self._syncing.done():
            self._syncing = asyncio.ensure_future(self._sync_while_stale())

    async def _sync_while_stale(self) -> None:
        while self._is_stale:
            self._is_stale = False
            await self.sync_roles()


def _check_policy(body: bytes) -> None:
    """The bounds of a password policy (UP-16), which the control plane does not know."""
    given = _object_in(body)
    if isinstance(policies := given.get("Policies"), dict):
        parameters.check("cognito-idp", "UpdateUserPool", {"UserPoolId": "checked_here", "Policies": policies})


def _object_in(body: bytes) -> dict[str, Any]:
    """The request; nothing where it is malformed, which the control plane refuses."""
    try:
        given = wire.parsed(body)
    except CognitoError:
        return {}
    return given if isinstance(given, dict) else {}


def _pool_named_in(body: bytes) -> str | None:
    pool_id = _object_in(body).get("UserPoolId")
    return pool_id if isinstance(pool_id, str) else None


def _without_plane(method: Any) -> Operation:
    async def operation(plane: Plane, given: dict[str, Any]) -> dict[str, Any]:
        return dict(await method(given))

    return operation


__all__ = ["CognitoApp", "Surroundings"]
