"""How a botocore client sends: observed, through the simulated network, signed by the services' clock, and quietly.

Importing this loads botocore, so it is imported where it is used.
"""

from datetime import datetime
from typing import Any

from botocore.auth import AUTH_TYPE_MAPS, S3SigV4Auth, S3SigV4QueryAuth
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import EndpointConnectionError

from todo_sdk._network import RequestLostError
from todo_sdk._quiet import quietly
from todo_sdk._traffic import Exchange, Traffic

SIGNED_BY_SERVER_CLOCK = "todo-s3v4"
SIGV4_TIMESTAMP = "%Y%m%dT%H%M%SZ"
# S3-14, and what S3 says to a clock that is more than 15 minutes off; a second try has the right time or new keys
WORTH_SIGNING_AGAIN = frozenset({"RequestTimeTooSkewed", "ExpiredToken"})


class SigningKeys(ReadOnlyCredentials):  # type: ignore[misc]
    """Credentials to sign one request with, and the services' time when they were given out."""

    now: datetime


class _ByServerClock:
    """botocore's signature with the services' time in it; botocore itself knows only this machine's clock.

    Nothing of it is logged: URLs are signed without being sent, where `_Quiet` does not hear of it.
    """

    def add_auth(self: Any, request: Any) -> None:
        request.context["timestamp"] = self.credentials.now.strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)
        to_sign = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(to_sign, request))


class _HeaderAuth(_ByServerClock, S3SigV4Auth):  # type: ignore[misc]
    pass


class _QueryAuth(_ByServerClock, S3SigV4QueryAuth):  # type: ignore[misc]
    pass


class _Quiet:
    """What every client of ours is as well: whatever thread asks, botocore says nothing of it."""

    def _make_api_call(self, operation_name: str, api_params: Any) -> Any:
        with quietly():
            return super()._make_api_call(operation_name, api_params)  # type: ignore[misc]


def be_quiet(base_classes: list[type], **_: Any) -> None:
    """Add to a client's class as it is made (event creating-client-class)."""
    base_classes.insert(0, _Quiet)


def send_through(client: Any, traffic: Traffic) -> None:
    """Let a client's requests pass through the traffic of the SDK."""
    sender = _Sender(client, traffic)
    client.meta.events.register_first("before-send", sender.send)
    traffic.closes(client.close)
    if client.meta.service_model.service_name == "s3":
        AUTH_TYPE_MAPS.setdefault(SIGNED_BY_SERVER_CLOCK, _HeaderAuth)
        AUTH_TYPE_MAPS.setdefault(f"{SIGNED_BY_SERVER_CLOCK}-query", _QueryAuth)
        client.meta.events.register_first("choose-signer.s3", _choose_signer)
        client.meta.events.register_first("needs-retry.s3", _sign_again)


def _choose_signer(signature_version: Any, **_: Any) -> str | None:
    fits = isinstance(signature_version, str) and signature_version.startswith(("v4", "s3v4"))
    return SIGNED_BY_SERVER_CLOCK if fits and "post" not in signature_version else None


def _sign_again(response: Any, attempts: int, **_: Any) -> int | None:
    if response is None or attempts > 1:
        return None
    code = response[1].get("Error", {}).get("Code")
    return 0 if code in WORTH_SIGNING_AGAIN else None


class _Sender:
    def __init__(self, client: Any, traffic: Traffic) -> None:
        self._client = client
        self._traffic = traffic
        self._service = client.meta.service_model.service_name

    def send(self, request: Any, event_name: str, **_: Any) -> Any:
        operation = event_name.rpartition(".")[2]
        sent = int(request.headers.get("Content-Length") or 0)
        attempt = _attempt_of(request) if self._service == "s3" else 0
        try:
            with self._traffic.exchange(
                self._service, request.method, request.url, sent, operation=operation, attempt=attempt
            ) as exchange:
                return self._sent(request, exchange)
        except RequestLostError as error:
            # what botocore raises on a real network: it asks again, and so the real and the simulated are alike
            raise EndpointConnectionError(endpoint_url=request.url.partition("?")[0], error=error) from error

    def _sent(self, request: Any, exchange: Exchange) -> Any:
        response = self._client._endpoint.http_session.send(request)
        exchange.answered(response.status_code, {name.lower(): value for name, value in response.headers.items()})
        if request.stream_output:
            response.raw = _Throttled(response.raw, self._traffic)
        else:
            self._traffic.arrive(len(response.content))
        return response


def _attempt_of(request: Any) -> int:
    said = request.headers.get("amz-sdk-request") or b""
    text = said.decode() if isinstance(said, bytes) else said
    _, found, number = text.partition("attempt=")
    digits = number.partition(";")[0].strip()
    return int(digits) if found and digits.isdigit() else 1


class _Throttled:
    """An answer's body that comes in as fast as the simulated network goes."""

    def __init__(self, raw: Any, traffic: Traffic) -> None:
        self._raw = raw
        self._traffic = traffic

    def read(self, *args: Any, **options: Any) -> bytes:
        part: bytes = self._raw.read(*args, **options)
        self._traffic.arrive(len(part))
        return part

    def readinto(self, buffer: Any) -> int:
        count: int = self._raw.readinto(buffer)
        self._traffic.arrive(count)
        return count

    def stream(self, *args: Any, **options: Any) -> Any:
        for part in self._raw.stream(*args, **options):
            self._traffic.arrive(len(part))
            yield part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)
