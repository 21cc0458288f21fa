"""Everything that leaves one client and comes back: observed, timed, and sent through a simulated network if asked to.

The REST API's requests and those of AWS pass by here, each attempt once.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from urllib.parse import urlsplit

from todo_sdk._addresses import is_loopback
from todo_sdk._clock import ServerClock
from todo_sdk._errors import ConfigError
from todo_sdk._network import NetworkProfile, SimulatedNetwork
from todo_sdk._retry import attempt_number

_log = logging.getLogger("todo_sdk.traffic")
_REQUEST_ID_HEADERS = ("x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id")


@dataclass(frozen=True)
class RequestEvent:
    """One request that was sent, or could not be; it holds no secret.

    Args:
        service: who was asked: "api", "cognito-idp", "cognito-identity" or "s3".
        operation: what AWS calls it ("InitiateAuth"), None at the API.
        url: without query, where signatures and searches stand.
        status: None when there was no answer.
        attempt: 1 is the first.
        received_bytes: of the answer's body as announced; None when that is not known.
        error: the class of what went wrong on the way, None when there was an answer.
    """

    service: str
    operation: str | None
    method: str
    url: str
    status: int | None
    attempt: int
    duration_seconds: float
    request_id: str | None
    sent_bytes: int
    received_bytes: int | None
    error: str | None


Observer = Callable[[RequestEvent], object]


class Exchange:
    """One request on its way; whoever sends it says how it fared."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.request_id: str | None = None
        self.received_bytes: int | None = None
        self.date: str | None = None

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Note an answer; headers by lower-case name."""
        self.status = status
        self.request_id = next((headers[name] for name in _REQUEST_ID_HEADERS if name in headers), None)
        length = headers.get("content-length", "")
        self.received_bytes = int(length) if length.isdigit() else None
        self.date = None if "age" in headers else headers.get("date")  # a cache's answer tells an old time


class Traffic:
    """What one client shares for all that it asks."""

    def __init__(
        self,
        *,
        clock: ServerClock | None = None,
        network: NetworkProfile | SimulatedNetwork | None = None,
        on_request: Observer | None = None,
    ) -> None:
        self.clock = clock or ServerClock(time.time)
        self.network = SimulatedNetwork(network) if isinstance(network, NetworkProfile) else network
        self._on_request = on_request
        self._closing: list[Callable[[], None]] = []

    def closes(self, close: Callable[[], None]) -> None:
        """Take in what closes the connections of somebody who sends through here."""
        self._closing.append(close)

    def close(self) -> None:
        """Close all connections."""
        for close in self._closing:
            close()

    @contextmanager
    def exchange(
        self, service: str, method: str, url: str, sent_bytes: int, *, operation: str | None = None, attempt: int = 0
    ) -> Iterator[Exchange]:
        """Surround the sending of one request.

        Raises:
            ConfigError: it would go to another machine in the clear.
            RequestLostError: the simulated network lost it, or its answer.
        """
        exchange, started, error = Exchange(), time.perf_counter(), None
        address = url.partition("?")[0].partition("#")[0]
        try:
            _check_encrypted(url)
            with self.network.crossed(sent_bytes) if self.network is not None else nullcontext():
                yield exchange
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            answered = exchange.status is not None and error is None
            event = RequestEvent(
                service=service,
                operation=operation,
                method=method,
                url=address,
                status=exchange.status if answered else None,
                attempt=attempt or attempt_number.get(),
                duration_seconds=time.perf_counter() - started,
                request_id=exchange.request_id if answered else None,
                sent_bytes=sent_bytes,
                received_bytes=exchange.received_bytes if answered else None,
                error=error,
            )
            self._tell(event)
            if answered:
                self.clock.read(exchange.date)

    def arrive(self, size_bytes: int) -> None:
        """Let bytes of an answer in, as fast as the simulated network goes."""
        if self.network is not None:
            self.network.arrive(size_bytes)

    def _tell(self, event: RequestEvent) -> None:
        what = " ".join(filter(None, (event.service, event.operation, event.method, urlsplit(event.url).path or "/")))
        outcome = event.status if event.error is None else event.error
        known_as = f", request {event.request_id}" if event.request_id else ""
        _log.debug("%s %s in %.0f ms%s", what, outcome, event.duration_seconds * 1000, known_as)
        if self._on_request is not None:
            try:
                self._on_request(event)
            except Exception:  # noqa: BLE001 - whatever it does, the request has happened
                _log.exception("the observer of requests failed; the request went on")


def _check_encrypted(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ConfigError(f"{parts.scheme}://{parts.hostname} is not encrypted; http:// is for this machine only")
