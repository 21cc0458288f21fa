"""Which addresses may be asked: https, and plain http on this machine only. Pure."""

import re
from urllib.parse import urlsplit

from todo_sdk._errors import ConfigError

_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")


def checked_url(name: str, url: str) -> str:
    """Give a URL without its trailing slash.

    Raises:
        ConfigError: it is none, or plain http to another machine: tokens would travel in the clear.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise ConfigError(
            f"{name} {url!r} is not a URL; it looks like https://example.execute-api.eu-west-1.amazonaws.com/v"
        )
    if parts.username or parts.query or parts.fragment:
        raise ConfigError(f"{name} must not hold a user, a query or a fragment")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigError(f"{name} {url} is not encrypted; http:// is for this machine only, use https://")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine: localhost, 127.0.0.0/8 or ::1."""
    return _LOOPBACK.fullmatch(host) is not None
