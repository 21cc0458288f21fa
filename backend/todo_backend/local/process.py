"""The stack as another process: start it, stop it, ask how it is."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

from . import errors
from .datadir import DataDir
from .errors import NotRunningError, StackError
from .inbox import Inbox
from .loopback import COUNTERS_PATH
from .options import Mail, Outputs, StackOptions, Status
from .preflight import listen, require_extra

_POLL_SECONDS = 0.02
_ASK_SECONDS = 2
_ties: dict[Path, int] = {}


def start(options: StackOptions, timeout_seconds: float = 60, *, with_parent: bool = False) -> Outputs:
    """Start the stack as a process of its own and wait until clients can connect.

    Args:
        with_parent: stop it when the calling process ends, however it ends.

    Raises:
        StackError: it did not start; nothing is left half done.
    """
    require_extra()
    data_dir = DataDir(options.data_dir)
    if data_dir.is_locked():
        raise data_dir.already_running()
    # Asked here too, since only here nothing has been started yet.
    listen(options.port).close()
    with tempfile.TemporaryFile() as complaints:
        child = _spawn_tied(options, complaints) if with_parent else _spawn(_command(options), complaints)
        report = _first_line(child, timeout_seconds)
        if report is None:
            raise _silent(child, complaints, timeout_seconds)
    if "error" in report:
        child.wait()
        raise revived(report["error"])
    # It goes on without us: nobody shall warn about it, or wait for it.
    child.returncode = 0
    outputs: Outputs = report["outputs"]
    return outputs


def _spawn_tied(options: StackOptions, complaints: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Let the stack read from a pipe that ends when this process does."""
    for_stack, ours = os.pipe()
    _release(options.data_dir)
    _ties[DataDir(options.data_dir).path] = ours
    try:
        return _spawn([*_command(options), "--with-parent"], complaints, for_stack)
    finally:
        os.close(for_stack)


def _release(data_dir: Path) -> None:
    """Close our end of the pipe of a stack that has stopped."""
    ours = _ties.pop(DataDir(data_dir).path, None)
    if ours is not None:
        os.close(ours)


def _spawn(command: list[str], complaints: IO[bytes], stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - our own module; the options are checked where they are read
        command, stdin=stdin, stdout=subprocess.PIPE, stderr=complaints, start_new_session=True
    )


def _command(options: StackOptions) -> list[str]:
    command = [sys.executable, "-m", "todo_backend.local", "--data-dir", str(options.data_dir.expanduser().absolute())]
    command += ["--port", str(options.port), "--profile", options.profile]
    flags = {"--ephemeral": options.ephemeral, "--tls": options.tls}
    return [*command, *(flag for flag, given in flags.items() if given)]


def _first_line(child: "subprocess.Popen[bytes]", timeout_seconds: float) -> dict[str, Any] | None:
    lines: list[bytes] = []
    pipe = child.stdout
    assert pipe is not None  # PIPE was asked for
    reader = threading.Thread(target=lambda: lines.append(pipe.readline()), daemon=True)
    reader.start()
    reader.join(timeout_seconds)
    if reader.is_alive():
        return None
    pipe.close()
    if not lines or not lines[0].strip():
        return None
    found: dict[str, Any] = json.loads(lines[0])
    return found


def _silent(child: "subprocess.Popen[bytes]", complaints: IO[bytes], timeout_seconds: float) -> StackError:
    if child.poll() is None:
        child.kill()  # it is not ready: nobody was told anything
        child.wait()
        return StackError(f"the embedded stack was not ready after {timeout_seconds:g} seconds")
    complaints.seek(0)
    told = complaints.read().decode(errors="replace").strip().splitlines()
    return StackError(f"the embedded stack ended before it was ready: {told[-1] if told else 'it said nothing'}")


def described(error: StackError) -> dict[str, Any]:
    """The error as it travels from the stack's process to the one that started it."""
    return {"type": type(error).__name__, "message": str(error), **vars(error)}


def revived(report: dict[str, Any]) -> StackError:
    """The error that `described` put into words."""
    kind = getattr(errors, str(report.get("type")), StackError)
    error: StackError = kind.__new__(kind)
    Exception.__init__(error, report["message"])
    vars(error).update({name: value for name, value in report.items() if name not in ("type", "message")})
    return error


def stop(data_dir: Path, timeout_seconds: float = 30) -> bool:
    """Stop the stack of that directory; its data stays. False when none was running.

    Raises:
        StackError: it still runs after the time that was given.
    """
    place = DataDir(data_dir)
    if not place.is_locked():
        _release(data_dir)
        return False
    pid = place.holder()
    if pid is None:
        raise StackError(f"the embedded stack of {place.path} is just starting; try again")
    deadline = time.monotonic() + timeout_seconds
    try:
        os.kill(pid, signal.SIGTERM)
        while place.is_locked():
            if time.monotonic() > deadline:
                raise StackError(f"the embedded stack (process {pid}) still runs after {timeout_seconds:g} seconds")
            time.sleep(_POLL_SECONDS)
    except ProcessLookupError:
        pass  # it ended by itself in this moment
    except PermissionError:
        raise StackError(f"the embedded stack (process {pid}) belongs to another user") from None
    _release(data_dir)
    return True


def status(data_dir: Path) -> Status:
    """Whether a stack runs on that directory, and what is known about it."""
    place = DataDir(data_dir)
    if not place.is_locked():
        return Status(running=False, versions=_versions())
    kept = place.read_stack()
    return Status(
        running=True,
        pid=place.holder(),
        port=kept.get("port"),
        started_at=kept.get("started_at"),
        outputs=kept.get("outputs"),
        api_cache=_api_cache(place),
        dax=_dax(place),
        versions=_versions(),
    )


def _api_cache(place: DataDir) -> dict[str, int] | None:
    found = _told(place, COUNTERS_PATH)
    return {"hits": found["CacheHitCount"], "misses": found["CacheMissCount"]} if found else None


def _dax(place: DataDir) -> str:
    from .cache_cluster import STATUS_PATH

    return str(_told(place, STATUS_PATH).get("dax", "not known (the stack does not answer)"))


def _told(place: DataDir, path: str) -> dict[str, Any]:
    """What the running stack says at `path`; nothing while it is starting or stopping."""
    import http.client

    from .calling import connect

    try:
        connection = connect(place, _ASK_SECONDS)
    except NotRunningError:
        return {}
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return dict(json.loads(answer.read())) if answer.status == 200 else {}
    except (OSError, http.client.HTTPException, ValueError, TypeError):
        return {}
    finally:
        connection.close()


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in ("todo-sdk", "ministack"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def outputs(data_dir: Path) -> Outputs:
    """The outputs of the stack that runs on that directory.

    Raises:
        NotRunningError: none does.
    """
    found = status(data_dir).outputs
    if found is None:
        raise NotRunningError
    return found


def notes(data_dir: Path) -> list[str]:
    """What the stack of that directory could not use of its last run when it started, as sentences."""
    return list(DataDir(data_dir).read_stack().get("notes", []))


def ca_bundle(data_dir: Path) -> str | None:
    """The PEM file that clients of the stack that runs on that directory have to trust; None when it speaks HTTP."""
    found = DataDir(data_dir).read_stack().get("ca_bundle")
    return found if isinstance(found, str) else None


def inbox(data_dir: Path) -> list[Mail]:
    """The mails that the stack of that directory has sent, newest last; also when it does not run."""
    return Inbox(DataDir.of_last_run(data_dir).file("inbox.jsonl")).mails()
