"""What can be known before anything is started or written."""

import importlib.util
import socket

from .errors import MissingExtraError, PortTakenError
from .options import HOST


def require_extra() -> None:
    """Check that the extra is installed.

    Raises:
        MissingExtraError: names the first package that is not.
    """
    for package in ("ministack", "uvicorn", "httptools", "jsonschema", "jwt"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package)


def listen(port: int) -> socket.socket:
    """A listening socket on loopback.

    Raises:
        PortTakenError: somebody else has the port.
    """
    # asyncio sets TCP_NODELAY only where the protocol is named; else every kept-alive answer waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise PortTakenError(port) from None
    return listener
