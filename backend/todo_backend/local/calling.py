"""HTTP to the stack that runs on a data directory, from another process of this machine."""

import http.client
import ssl

from .datadir import DataDir
from .errors import NotRunningError
from .options import HOST


def connect(place: DataDir, timeout_seconds: float) -> http.client.HTTPConnection:
    """A connection to the running stack, not open yet.

    Raises:
        NotRunningError: none runs, or it is starting or stopping.
    """
    kept = place.read_stack()
    port = kept.get("port")
    if not isinstance(port, int) or not place.is_locked():
        raise NotRunningError
    ca_bundle = kept.get("ca_bundle")
    if not ca_bundle:
        return http.client.HTTPConnection(HOST, port, timeout=timeout_seconds)
    try:
        context = ssl.create_default_context(cafile=ca_bundle)
    except OSError:
        raise NotRunningError from None
    return http.client.HTTPSConnection(HOST, port, timeout=timeout_seconds, context=context)
