"""One client connection: uvicorn's HTTP protocol with the bounds it lacks, and with a way to end it at once."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .faults.layer import ABORT


class Connection(HttpToolsProtocol):
    """Requests of one client."""

    _keeps_alive = True

    def on_headers_complete(self) -> None:
        """The head of a request is there."""
        super().on_headers_complete()
        self.scope["extensions"] = {ABORT: {"abort": self.transport.abort}}
        self._keeps_alive = self.cycle.keep_alive
        if self.expect_100_continue:
            # Answered without its body, the request never ends: what comes next would be taken for it.
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """All of a request is there."""
        self.cycle.keep_alive = self._keeps_alive
        super().on_message_complete()
