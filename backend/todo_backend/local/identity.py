"""Amazon Cognito, put right where MiniStack's differs: a layer that lets everything else through.

User pool: random codes that arrive by mail, masks, SRP_A of zero. Identity pool: no guests, no identity but one's own,
credentials that reach one's own folder. Statement ids are those of AWS_BEHAVIOURS.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from .asgi import Answer, App, Receive, Scope, Send, ask, header, read_body, respond
from .control import ControlError, ControlPlane
from .identity_codes import CodeBook, Purpose, Verdict, masked
from .identity_roles import Identity, IdentityRoles
from .identity_users import Directory, PoolUser
from .inbox import Inbox
from .srp import is_zero_modulo_n

_USER_POOL = "AWSCognitoIdentityProviderService"
_IDENTITY_POOL = "AWSCognitoIdentityService"

# What MiniStack 1.5.x takes for the right code, whoever asks; test_ministack_contract notices another one.
MINISTACK_SIGN_UP_CODE = "123456"
MINISTACK_RESET_CODE = "654321"

_ROLE_CHANGING_SERVICES = ("iam", "cloudformation", "cognito-identity")
_IAM_READS = (b"Action=Get", b"Action=List")

Handler = Callable[[Scope, dict[str, Any]], Awaitable[Answer]]


class IdentityLayer:
    """Both Cognito services; `inner` is MiniStack."""

    def __init__(self, inner: App, control: ControlPlane, codes: CodeBook, inbox: Inbox) -> None:
        self._inner = inner
        self._control = control
        self._codes = codes
        self._inbox = inbox
        self._users = Directory(control)
        self.roles = IdentityRoles(control)
        self._handlers: dict[str, Handler] = {
            f"{_USER_POOL}.SignUp": self._sign_up,
            f"{_USER_POOL}.ResendConfirmationCode": self._resend,
            f"{_USER_POOL}.ForgotPassword": self._forgot,
            f"{_USER_POOL}.AdminResetUserPassword": self._admin_reset,
            f"{_USER_POOL}.ConfirmSignUp": self._confirm_sign_up,
            f"{_USER_POOL}.ConfirmForgotPassword": self._confirm_forgot,
            f"{_USER_POOL}.InitiateAuth": self._initiate_auth,
            f"{_IDENTITY_POOL}.GetId": self._get_id,
            f"{_IDENTITY_POOL}.GetCredentialsForIdentity": self._get_credentials,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._handlers.get(header(scope, b"x-amz-target")) if scope["type"] == "http" else None
        if handler is None and not (scope["type"] == "http" and _may_change_roles(scope)):
            await self._inner(scope, receive, send)
            return
        body = await read_body(receive)
        if handler is None:
            await respond(send, await self._with_roles(scope, body))
            return
        try:
            request = json.loads(body)
        except ValueError:
            request = None
        await respond(send, await self._answered(handler, scope, request))

    async def _with_roles(self, scope: Scope, body: bytes) -> Answer:
        answer = await ask(self._inner, scope, body)
        if not body.startswith(_IAM_READS):
            # Before the answer: who was told that a policy is changed must not see the old one at work.
            await self.roles.bring_up_to_date()
        return answer

    async def _answered(self, handler: Handler, scope: Scope, request: object) -> Answer:
        if not isinstance(request, dict):
            return error("SerializationException", "The request is not a JSON object")
        try:
            return await handler(scope, request)
        except ControlError:
            logging.getLogger(__name__).exception("the control plane refused a call of ours")
            return error("InternalErrorException", "Something went wrong", status=500)

    async def _ask(self, scope: Scope, request: dict[str, Any]) -> Answer:
        return await ask(self._inner, scope, json.dumps(request).encode())

    # -- user pool

    async def _sign_up(self, scope: Scope, request: dict[str, Any]) -> Answer:
        answer = await self._ask(scope, request)
        if answer.status != 200 or "CodeDeliveryDetails" not in answer.json():
            return answer
        user = await self._user(request)
        await self._send_code(Purpose.SIGN_UP, user)
        return _told_masked(answer, user, request)

    async def _resend(self, scope: Scope, request: dict[str, Any]) -> Answer:
        user = await self._user(request)
        if user and user.status == "CONFIRMED":
            return error("InvalidParameterException", "User is already confirmed.")  # UP-26
        answer = await self._ask(scope, request)
        if answer.status == 200:
            await self._send_code(Purpose.SIGN_UP, user)
        return _told_masked(answer, user, request)

    async def _forgot(self, scope: Scope, request: dict[str, Any]) -> Answer:
        answer = await self._ask(scope, request)
        user = await self._user(request)
        # UP-30: an unknown, disabled or unreachable user gets the same answer, and no code.
        if answer.status == 200 and user and user.enabled and user.email_verified:
            await self._send_code(Purpose.RESET, user)
        return _told_masked(answer, user, request)

    async def _admin_reset(self, scope: Scope, request: dict[str, Any]) -> Answer:
        answer = await self._ask(scope, request)
        if answer.status == 200:
            user = await self._users.user_of_pool(str(request.get("UserPoolId")), str(request.get("Username")))
            await self._send_code(Purpose.RESET, user)
        return answer

    async def _confirm_sign_up(self, scope: Scope, request: dict[str, Any]) -> Answer:
        user = await self._user(request)
        if user is None or user.status != "UNCONFIRMED":
            return await self._ask(scope, request)  # UP-22, UP-23
        answer = await self._confirm(Purpose.SIGN_UP, user, scope, request, MINISTACK_SIGN_UP_CODE)
        if answer.status == 200:
            await self._users.verify_email(user)
        return answer

    async def _confirm_forgot(self, scope: Scope, request: dict[str, Any]) -> Answer:
        user = await self._user(request)
        if user is None:
            return await self._ask(scope, request)  # UP-36
        return await self._confirm(Purpose.RESET, user, scope, request, MINISTACK_RESET_CODE)

    async def _confirm(
        self, purpose: Purpose, user: PoolUser, scope: Scope, request: dict[str, Any], expected: str
    ) -> Answer:
        verdict = self._codes.check(purpose, user.key, str(request.get("ConfirmationCode", "")))
        if verdict is not Verdict.RIGHT:
            return error(*verdict.value)
        answer = await self._ask(scope, {**request, "ConfirmationCode": expected})
        if answer.status == 200:
            self._codes.forget(purpose, user.key)
        return answer

    async def _initiate_auth(self, scope: Scope, request: dict[str, Any]) -> Answer:
        parameters = request.get("AuthParameters") or {}
        if request.get("AuthFlow") == "USER_SRP_AUTH" and is_zero_modulo_n(str(parameters.get("SRP_A", ""))):
            return error("NotAuthorizedException", "Incorrect username or password.")  # UP-50
        return await self._ask(scope, request)

    async def _user(self, request: dict[str, Any]) -> PoolUser | None:
        return await self._users.user(str(request.get("ClientId", "")), str(request.get("Username", "")))

    async def _send_code(self, purpose: Purpose, user: PoolUser | None) -> None:
        if user is None or user.email is None:
            return
        subject, text = await self._users.mail(user, self._codes.issue(purpose, user.key))
        self._inbox.deliver(user.email, subject, text)

    # -- identity pool

    async def _get_id(self, scope: Scope, request: dict[str, Any]) -> Answer:
        if not request.get("Logins") and not await self._guests_allowed(str(request.get("IdentityPoolId"))):
            # IP-08
            return error("NotAuthorizedException", "Unauthenticated access is not supported for this identity pool.")
        return await self._ask(scope, request)

    async def _guests_allowed(self, pool_id: str) -> bool:
        try:
            pool = await self._control.call("cognito-identity", "DescribeIdentityPool", IdentityPoolId=pool_id)
        except ControlError:
            return True  # of a pool that does not exist the service itself says so
        return bool(pool.get("AllowUnauthenticatedIdentities"))

    async def _get_credentials(self, scope: Scope, request: dict[str, Any]) -> Answer:
        identity_id = str(request.get("IdentityId"))
        if not request.get("Logins"):
            return error("NotAuthorizedException", f"Access to Identity '{identity_id}' is forbidden.")  # IP-14
        answer = await self._ask(scope, request)
        if answer.status != 200:
            return answer
        identity = await self._own_identity(scope, identity_id, request["Logins"])
        if identity is None:
            return error(
                "NotAuthorizedException",
                "Logins don't match. Please include at least one valid login for this identity or identity pool.",
            )  # IP-15
        found = await self.roles.credentials(identity)
        if found is None:
            return error(
                "InvalidIdentityPoolConfigurationException",
                "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
            )  # IP-19
        credentials = {
            "AccessKeyId": found["AccessKeyId"],
            "SecretKey": found["SecretAccessKey"],  # IP-05: that name, and epoch seconds
            "SessionToken": found["SessionToken"],
            "Expiration": int(datetime.fromisoformat(found["Expiration"]).timestamp()),
        }
        return answer.with_json({"IdentityId": identity_id, "Credentials": credentials})

    async def _own_identity(self, scope: Scope, identity_id: str, logins: dict[str, Any]) -> Identity | None:
        pools = await self._control.call("cognito-identity", "ListIdentityPools", MaxResults=60)
        headers = [pair for pair in scope["headers"] if pair[0].lower() != b"x-amz-target"]
        target = (b"x-amz-target", f"{_IDENTITY_POOL}.GetId".encode())
        for pool in pools["IdentityPools"]:
            request = {"IdentityPoolId": pool["IdentityPoolId"], "Logins": logins}
            answer = await self._ask({**scope, "headers": [*headers, target]}, request)
            if answer.status == 200 and answer.json().get("IdentityId") == identity_id:
                return Identity(pool["IdentityPoolId"], identity_id)
        return None


def error(name: str, message: str, *, status: int = 400) -> Answer:
    """An error as Cognito words it (UP-04)."""
    body = json.dumps({"__type": name, "message": message}).encode()
    headers = [
        (b"content-type", b"application/x-amz-json-1.1"),
        (b"x-amzn-errortype", f"{name}:".encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    return Answer(status, headers, body)


def _told_masked(answer: Answer, user: PoolUser | None, request: dict[str, Any]) -> Answer:
    # UP-10. UP-30: of an unknown user the submitted name is all there is, and the answer looks the same.
    found = answer.json()
    if answer.status != 200 or not isinstance(found.get("CodeDeliveryDetails"), dict):
        return answer
    email = user.email if user and user.email else str(request.get("Username", ""))
    return answer.with_json(
        {**found, "CodeDeliveryDetails": {**found["CodeDeliveryDetails"], "Destination": masked(email)}}
    )


def _may_change_roles(scope: Scope) -> bool:
    # CloudFormation works on after its answer, but whoever waits for it asks again, and then it is here once more.
    signed = header(scope, b"authorization")
    return scope["method"] == "POST" and any(f"/{name}/aws4_request" in signed for name in _ROLE_CHANGING_SERVICES)
