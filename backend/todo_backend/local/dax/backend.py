"""DynamoDB behind the cluster: what the cluster needs of it, and its JSON protocol over HTTP.

Own small HTTP/1.1 client: one POST at a time on a connection that is kept, nothing else is needed.
"""

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from .auth import Credentials, http_headers
from .errors import OUTCOME_UNKNOWN, DaxError

# Doing these twice is the same as doing them once; TransactWriteItems carries a token.
_REPEATABLE = frozenset(
    {"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems", "TransactWriteItems", "DescribeTable"}
)
_MAX_ANSWER_BYTES = 64 * 1024 * 1024
# Servers close idle connections after 5 seconds (emulators) or more; a request must not meet that moment.
_MAX_IDLE_SECONDS = 3.0


class DynamoDb(Protocol):
    """Any DynamoDB."""

    async def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to an operation, both in DynamoDB's JSON.

        Raises:
            DaxError: DynamoDB refused, with its own name and message, or did not answer.
        """

    async def close(self) -> None:
        """Let go of connections."""


class BackendError(DaxError):
    """An error of DynamoDB, with the answer's body for those who need more than name and message."""

    def __init__(self, name: str, message: str, *, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(name, message, status=status)
        self.body = body


class _Connection:
    """A kept connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._used_at = time.monotonic()

    @property
    def is_usable(self) -> bool:
        is_open = not self._reader.at_eof() and not self._writer.is_closing()
        return is_open and time.monotonic() - self._used_at < _MAX_IDLE_SECONDS

    def close(self) -> None:
        self._writer.close()

    async def post(self, head: bytes, body: bytes) -> tuple[int, bytes, bool]:
        """Status, body, and whether the connection may be kept."""
        self._writer.write(head + body)
        await self._writer.drain()
        status_line, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        answer = await self._body(headers)
        self._used_at = time.monotonic()
        return int(status_line.split()[1]), answer, headers.get("connection", "").lower() != "close"

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        if "chunked" not in headers.get("transfer-encoding", "").lower():
            size = int(headers.get("content-length", "0"))
            if size > _MAX_ANSWER_BYTES:
                raise ValueError("the answer is too large")
            return await self._reader.readexactly(size)
        chunks = []
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            chunks.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        while await self._reader.readuntil(b"\r\n") != b"\r\n":
            pass
        return b"".join(chunks)


class HttpDynamoDb:
    """DynamoDB at a URL: AWS, DynamoDB Local, or any emulator."""

    def __init__(self, url: str, *, region: str, credentials: Credentials, timeout_seconds: float = 30.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an http or https URL: {url}")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._host = parts.hostname
        self._port = parts.port or (443 if self._tls else 80)
        self._host_header = parts.netloc.rpartition("@")[2]
        self._region = region
        self._credentials = credentials
        self._timeout_seconds = timeout_seconds
        self._idle: list[_Connection] = []
        self._closed = False

    async def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to an operation; see `DynamoDb.call`."""
        body = json.dumps(parameters, separators=(",", ":")).encode()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                status, answer = await self._post(operation, body)
            content = json.loads(answer or b"{}")
        except (OSError, EOFError, ValueError, TimeoutError, IndexError, asyncio.LimitOverrunError) as error:
            # The error's own text may name hosts and ports; it goes no further than its type.
            message = f"No answer from DynamoDB ({type(error).__name__}); the operation may have happened"
            raise DaxError("InternalServerError", message, codes=OUTCOME_UNKNOWN, status=500) from error
        if status == 200 and isinstance(content, dict):
            return content
        raise _error(status, content if isinstance(content, dict) else {})

    async def close(self) -> None:
        """Close the kept connections."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    async def _post(self, operation: str, body: bytes) -> tuple[int, bytes]:
        head = self._head(operation, body)
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_usable:
                connection.close()
            elif operation in _REPEATABLE:
                # A server may close a kept connection at the very moment of a request.
                with contextlib.suppress(OSError, EOFError):
                    return await self._exchange(connection, head, body)
            else:
                return await self._exchange(connection, head, body)
        return await self._exchange(await self._connect(), head, body)

    async def _connect(self) -> _Connection:
        try:
            return _Connection(*await asyncio.open_connection(self._host, self._port, ssl=self._tls, limit=1 << 20))
        except OSError as error:
            raise DaxError("InternalServerError", "DynamoDB cannot be reached", status=500) from error

    async def _exchange(self, connection: _Connection, head: bytes, body: bytes) -> tuple[int, bytes]:
        keep = False
        try:
            status, answer, keep = await connection.post(head, body)
        finally:
            if keep and not self._closed:
                self._idle.append(connection)
            else:
                connection.close()
        return status, answer

    def _head(self, operation: str, body: bytes) -> bytes:
        headers = {
            "host": self._host_header,
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"DynamoDB_20120810.{operation}",
        }
        signed = http_headers(self._credentials, self._region, headers, body, datetime.now(UTC))
        lines = [f"{name}: {value}" for name, value in signed.items()]
        return "\r\n".join(["POST / HTTP/1.1", *lines, f"content-length: {len(body)}", "", ""]).encode()


def _error(status: int, body: Mapping[str, Any]) -> BackendError:
    name = str(body.get("__type", "InternalServerError")).rpartition("#")[2]
    message = str(body.get("message") or body.get("Message") or "")
    return BackendError(name, message, status=status, body=body)
