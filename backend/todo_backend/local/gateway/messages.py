"""A request as the gateway sees it, and an answer as it leaves. No sockets, no rules of API Gateway."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl, unquote_to_bytes

from .ports import Scope

Header = tuple[str, str]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}\Z")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*\Z")
_DECLARED_LENGTH = re.compile(r"[0-9]{1,19}\Z")


def is_sendable(name: str, value: str) -> bool:
    """Whether the pair can stand in an HTTP head: no line breaks, no spaces in the name."""
    return bool(_TOKEN.match(name) and _VALUE.match(value))


def decoded(text: str) -> str:
    """Percent-decoded once; bytes that are not UTF-8 become U+FFFD."""
    return unquote_to_bytes(text).decode("utf-8", "replace") if "%" in text else text


@dataclass
class Request:
    """What arrived. Header names are lower-case, as ASGI hands them over; `path` is still percent-encoded."""

    method: str
    path: str
    query_string: str
    headers: tuple[Header, ...]
    source_ip: str = "127.0.0.1"
    protocol: str = "HTTP/1.1"
    scheme: str = "http"
    port: int = 80
    body: bytes = b""
    _by_name: dict[str, list[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index the headers."""
        self._by_name = {}
        for name, value in self.headers:
            self._by_name.setdefault(name, []).append(value)

    @classmethod
    def from_scope(cls, scope: Scope, path: str) -> "Request":
        """The request of an ASGI scope, its path below the stage given."""
        client, server = scope.get("client") or ("127.0.0.1", 0), scope.get("server") or ("127.0.0.1", 80)
        return cls(
            method=str(scope["method"]),
            path=path,
            query_string=scope.get("query_string", b"").decode("latin-1"),
            headers=tuple(
                (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]
            ),
            source_ip=str(client[0]),
            protocol=f"HTTP/{scope.get('http_version', '1.1')}",
            scheme=str(scope.get("scheme", "http")),
            port=int(server[1] or 80),
        )

    def header(self, name: str) -> str | None:
        """The last value of a header, by any spelling of its name."""
        values = self._by_name.get(name.lower())
        return values[-1] if values else None

    def header_values(self, name: str) -> list[str]:
        """All values of a header, in the order they came."""
        return self._by_name.get(name.lower(), [])

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """Decoded query parameters, each with all its values in order."""
        found: dict[str, list[str]] = {}
        for name, value in parse_qsl(self.query_string, keep_blank_values=True, errors="replace"):
            found.setdefault(name, []).append(value)
        return found

    @property
    def media_type(self) -> str:
        """The content type without parameters, lower-case; JSON when the request names none."""
        return (self.header("content-type") or "application/json").split(";")[0].strip().lower()

    @property
    def declared_length(self) -> int | None:
        """The Content-Length, where it is a number."""
        text = self.header("content-length") or ""
        return int(text) if _DECLARED_LENGTH.match(text) else None

    @property
    def has_body(self) -> bool:
        """Whether a body follows the head."""
        return bool(self.declared_length) or self.header("transfer-encoding") is not None

    @property
    def head_bytes(self) -> int:
        """Size of all header names and values together."""
        return sum(len(name) + len(value) for name, value in self.headers)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back, before the headers that every answer of the gateway carries."""

    status: int
    headers: tuple[Header, ...]
    body: bytes

    def with_headers(self, *more: Header) -> "Answer":
        """The same answer with headers added."""
        return Answer(self.status, self.headers + more, self.body)

    @property
    def size_bytes(self) -> int:
        """Body and headers together."""
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers)


def encoded_headers(headers: Iterable[Header]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI wants them: bytes."""
    return [(name.encode("latin-1"), _encoded(value)) for name, value in headers]


def _encoded(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8")
