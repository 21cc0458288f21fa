"""The ASGI layer: what the next one has changed is on the disk before the answer leaves, or the answer is an error."""

import asyncio
import errno
import logging
import os
from collections.abc import Callable
from typing import Any, Protocol

from ..asgi import App, Message, Receive, Scope, Send, header, read_body, replay, respond
from ..datadir import DataDir
from ..errors import DataDirError
from . import files
from .calls import Call, Change, call_of, needs_body, refusal
from .log import Log
from .segments import Segments

_TRIM_EVERY = 1000  # requests
_log = logging.getLogger(__name__)


class Keeper(Protocol):
    """What the server asks of either kind."""

    notes: list[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

    def restore(self) -> None:
        """Before the deployment: make MiniStack be what it was."""

    async def begin(self, *, is_new: bool) -> None:
        """After the deployment: keep it where it is a new one, and everything from now on."""

    async def close(self) -> None:
        """At the end."""


class Unkept:
    """Keeps nothing."""

    notes: list[str] = []  # noqa: RUF012 (nobody adds to it)

    def __init__(self, inner: App) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._inner(scope, receive, send)

    def restore(self) -> None:
        """There is nothing."""

    async def begin(self, *, is_new: bool) -> None:
        """Nothing to keep."""

    async def close(self) -> None:
        """Nothing to close."""


class Journal:
    """Keeps everything that was acknowledged.

    Attributes:
        notes: what of the last run could not be used, as sentences.

    Raises:
        DataDirError: the files cannot be read or written.
    """

    def __init__(self, inner: App, data_dir: DataDir) -> None:
        self._inner = inner
        self._old_state = data_dir.file("state")
        self._s3 = data_dir.file("s3")
        self._log = Log(Segments(data_dir.file("journal")))
        try:
            found = self._log.load()
            files.recover(self._s3)
        except OSError as error:
            raise _unusable(error) from None
        self.notes = found.notes
        for note in found.notes:
            _log.warning(note)
        self._values = found.values
        self._services: Any = None
        self._has_begun = False
        self._is_empty = not found.values
        self._files = files.Files()
        self._collecting = asyncio.Lock()
        self._asked = self._collected = self._answered = 0

    def restore(self) -> None:
        """Make MiniStack be what it was.

        Raises:
            DataDirError: an entry does not fit the installed MiniStack.
        """
        from .services import Services, UnreadableStateError  # they import MiniStack's services

        self._services = Services(self._log)
        try:
            self._services.restore(self._values)
        except UnreadableStateError as error:
            raise DataDirError(f"{error}; use the version that wrote it, or another data directory") from error
        self._values = {}
        self._files.install()

    async def begin(self, *, is_new: bool) -> None:
        """Keep what was deployed where `is_new`, and everything from now on.

        Raises:
            DataDirError: it cannot be written.
        """
        from ministack import app as ministack

        self._services.install()
        self._has_begun = True
        if is_new or self._is_empty:
            try:
                await self._collect()
            except OSError as error:
                raise _unusable(error) from None
        ministack.PERSIST_STATE = False  # it loaded what an earlier version saved; from now on it is here
        for path in self._old_state.glob("*.json"):
            path.unlink()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._has_begun:
            await self._inner(scope, receive, send)
            return
        body = b""
        if needs_body(scope):
            body = await read_body(receive)
            receive = replay(body, receive)
        call = call_of(scope, body)
        if call.change is Change.OBJECT and not files.room_for(self._s3, _announced(scope)):
            await _drained(receive)
            await respond(send, refusal(call, os.strerror(errno.ENOSPC)))
            return
        written = files.Touched()
        undo = files.remembered(scope["path"]) if call.change is Change.OBJECT else _nothing
        held = _Held(send, call, lambda status: self._settle(call, status, written, undo))
        token = files.touched.set(written)
        try:
            await self._inner(scope, receive, held)
        finally:
            files.touched.reset(token)

    async def close(self) -> None:
        """Write what is not written yet, and let MiniStack and the files alone."""
        if self._services is None:
            return
        try:
            if self._has_begun:
                await self._collect()
            await self._log.close()
        except OSError as error:
            # Nobody was told of what this may lose: log groups of functions, alarms that fired.
            _log.error("not everything was saved: %s", error.strerror or error)
        self._services.uninstall()
        self._files.uninstall()

    async def _settle(self, call: Call, status: int, written: files.Touched, undo: Callable[[], None]) -> None:
        """Return when what the request changed is on the disk.

        Raises:
            OSError: it cannot be.
        """
        if written.error is not None:
            undo()
            raise written.error
        if written.paths:
            await asyncio.to_thread(written.sync)
        if call.change is Change.ANY and status < 400:
            await self._collect()
        elif call.change is Change.ROLE and status < 400:
            self._services.collect_role(call.role)
        if call.protocol != "s3":
            # Those who only read wait too: nobody shall have seen what then is lost.
            await self._log.commit()
        self._answered += 1
        if self._answered % _TRIM_EVERY == 0:
            self._services.trim_logs()

    async def _collect(self) -> None:
        """Note and write what has changed anywhere; who waits together is served together."""
        self._asked += 1
        mine = self._asked
        async with self._collecting:
            if self._collected >= mine:
                return
            covered = self._asked
            self._services.collect()
            await asyncio.to_thread(self._services.sync_code)
            await self._log.commit()
            self._services.prune_code()
            self._collected = covered


class _Held:
    """A `send` that lets the answer go when `settle` has returned, and says that it was refused when it raises."""

    def __init__(self, send: Send, call: Call, settle: Any) -> None:
        self._send = send
        self._call = call
        self._settle = settle
        self._is_refused = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            try:
                await self._settle(message["status"])
            except OSError as error:
                self._is_refused = True
                await respond(self._send, refusal(self._call, error.strerror or str(error)))
        if not self._is_refused:
            await self._send(message)


def open_journal(inner: App, data_dir: DataDir) -> Keeper:
    """The layer for that directory; an ephemeral one keeps nothing.

    Raises:
        DataDirError: the files cannot be read or written.
    """
    return Unkept(inner) if data_dir.ephemeral else Journal(inner, data_dir)


async def _drained(receive: Receive) -> None:
    """Read the body and forget it: on a connection that is used again the next request must not be taken for it."""
    while (await receive()).get("more_body"):
        pass


def _announced(scope: Scope) -> int:
    length = header(scope, b"content-length")
    return int(length) if length.isdigit() else 0


def _unusable(error: OSError) -> DataDirError:
    place = f"{error.filename}: " if error.filename else ""
    return DataDirError(f"the journal cannot be used: {place}{error.strerror or error}")


def _nothing() -> None:
    pass
