"""One directory, one stack: its files, who may read them, and the lock of the process that runs it.

    stack.lock        held (flock) by the running process; its text is that process' id
    stack.json        pid, port, outputs … of the running stack
    stack.log         what the stack prints
    admin.json        the control plane's access key
    deployment.json   what is deployed: the template's digest and the stack's outputs
    dax.json          the port of the DAX cluster
    dax/              its attribute lists
    tls/              the private CA of DAX and of HTTPS
    inbox.jsonl       the mails
    requests.jsonl    one line a request
    switches.json     the secret of the clock's and the faults' switches
    cognito/          users, codes, sign-ins and keys
    journal/          to-dos and the deployment: everything MiniStack has in memory
    s3/ state/        objects; the code of functions
    work/             temporary files of MiniStack and the Lambda; empty unless it runs

An ephemeral stack keeps all but the first three in `ephemeral/`, which goes when it stops.
"""

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from .errors import AlreadyRunningError, DataDirError, StackError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class DataDir:
    """The files of one stack, all readable by their owner only."""

    def __init__(self, path: Path, *, ephemeral: bool = False) -> None:
        self.path = path.expanduser().absolute()
        self.root = self.path / "ephemeral" if ephemeral else self.path
        self.ephemeral = ephemeral
        self._lock: int | None = None
        self._made: Path | None = None

    @classmethod
    def of_last_run(cls, path: Path) -> "DataDir":
        """The directory as the running stack uses it: an ephemeral one if that is what runs."""
        persistent = cls(path)
        return cls(path, ephemeral=bool(persistent.read_stack().get("ephemeral")))

    def file(self, name: str) -> Path:
        """Where the file of that name lies."""
        return (self.path if name.startswith("stack.") else self.root) / name

    def prepare(self) -> None:
        """Make the directory and check that it can be written to.

        Raises:
            DataDirError: it cannot be made or written.
        """
        try:
            self._make(self.path)
            probe = self.path / f".writable-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            reason = error.strerror or "it cannot be written to"
            raise DataDirError(f"the data directory {self.path} cannot be used: {reason}") from None

    def _make(self, path: Path) -> None:
        if not path.exists():
            missing = [folder for folder in (path, *path.parents) if not folder.exists()]
            self._made = missing[-1]
            # One that exists already keeps its mode: it may be somebody's home. What lies in it is private by itself.
            path.mkdir(parents=True, mode=0o700)

    def lock(self) -> None:
        """Become the one process that runs this stack, until the process ends.

        Raises:
            AlreadyRunningError: another process does.
        """
        if fcntl is None:
            raise StackError("the embedded stack needs Linux or macOS; on Windows run it in WSL")
        lock = os.open(self.file("stack.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            self._made = None  # whoever was faster lives in it now
            raise self.already_running() from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock
        self._clear()
        # A Lambda worker that outlives a killed stack for a moment may still be writing there.
        self.file("work").mkdir(parents=True, mode=0o700, exist_ok=True)

    def is_locked(self) -> bool:
        """Whether a process runs this stack now."""
        try:
            lock = os.open(self.file("stack.lock"), os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(lock)
        return False

    def already_running(self) -> AlreadyRunningError:
        """The error that names the process that holds the lock."""
        return AlreadyRunningError(self.holder(), self.read_stack().get("port"))

    def holder(self) -> int | None:
        """The id of the process that holds the lock, or held it last."""
        with suppress(OSError, ValueError):
            return int(self.file("stack.lock").read_text())
        return None

    def read_stack(self) -> dict[str, Any]:
        """What the last run wrote into `stack.json`; empty when there is nothing."""
        return self.read_json("stack.json")

    def read_json(self, name: str) -> dict[str, Any]:
        """The file's object; empty when the file is missing or damaged."""
        with suppress(OSError, ValueError):
            found = json.loads(self.file(name).read_bytes())
            if isinstance(found, dict):
                return found
        return {}

    def write_json(self, name: str, value: dict[str, Any]) -> None:
        """Replace the file in one step, so that a reader sees the old or the new one."""
        write_private(self.file(name), json.dumps(value, indent=1).encode())

    def undo(self) -> None:
        """After a start that failed: remove what `prepare` made."""
        if self._made is not None:
            shutil.rmtree(self._made, ignore_errors=True)

    def close(self) -> None:
        """At the end, good or bad: remove what is not to be kept, and let the next process have the lock."""
        if self._lock is not None:
            self._clear()
            os.close(self._lock)
            self._lock = None

    def _clear(self) -> None:
        # MiniStack leaves the unpacked code of every Lambda worker behind.
        shutil.rmtree(self.root if self.ephemeral else self.file("work"), ignore_errors=True)


def write_private(path: Path, content: bytes) -> None:
    """Write `content` so that nobody else can ever read it, not even while it is being written."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)


def append_private(path: Path, line: str) -> None:
    """Add one line to a file that only its owner can read."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        size = os.fstat(descriptor).st_size
        # A line that a killed process, or a full disk, cut off must not take this one with it.
        is_cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        file.write(b"\n" * is_cut + line.encode() + b"\n")
