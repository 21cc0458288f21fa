"""Files: speed against boto3's own transfers, what is sent again after a kill, memory for 1 GiB.

    python benchmarks/files.py               prints the table, ends 9 when a limit is not kept
    python benchmarks/files.py --rounds 15

Speed and kills are measured against the embedded stack, on a process of its own. The memory of a 1 GiB file is measured
against a server that throws away what it gets and makes up what it gives: the stack would keep all of it.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console
from rich.table import Table

from todo_backend import local
from todo_sdk import FileTokenStore, TodoClient, fetch_config

PASSWORD = "Correct-Horse-7-Battery"
MEBIBYTE = 1024 * 1024
SIZE = 64 * MEBIBYTE
HUGE = 1024 * MEBIBYTE


@dataclass(frozen=True)
class Row:
    """One line of the table; `kept` is None where only the figures are wanted."""

    name: str
    ours: str
    other: str
    figure: str
    limit: str
    kept: bool | None


@dataclass(frozen=True)
class Place:
    """Where a client finds everything: to be handed to a process of its own."""

    api_url: str
    session: Path
    data_dir: Path
    endpoint_url: str | None = None

    def client(self) -> TodoClient:
        """A client whose S3 is at `endpoint_url` when that is given."""
        config = replace(fetch_config(self.api_url), data_dir=self.data_dir)
        if self.endpoint_url is not None:
            config = replace(config, endpoint_url=self.endpoint_url)
        return TodoClient(config, store=FileTokenStore(self.session))

    def run(self, code: str, *names: str) -> "subprocess.CompletedProcess[str]":
        """Run code that finds `client` and `names` in a fresh interpreter, in this module."""
        script = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import files\n"
        script += f"client = files.Place(*{self.arguments!r}).client()\nnames = {names!r}\n{code}"
        return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    @property
    def arguments(self) -> tuple[str | None, ...]:
        """The fields as a process takes them."""
        return (self.api_url, str(self.session), str(self.data_dir), self.endpoint_url)


@contextmanager
def signed_in(folder: Path) -> Iterator[Place]:
    """A stack of our own with one signed-in user."""
    data_dir = folder / "stack"
    outputs = local.start(local.StackOptions(data_dir=data_dir, port=0))
    try:
        place = Place(str(outputs["ApiUrl"]), folder / "session.json", folder / "client")
        with place.client() as client:
            client.auth.sign_up("ann@example.com", PASSWORD)
            code = re.findall(r"\d{6}", local.inbox(data_dir)[-1].text)[0]
            client.auth.confirm_sign_up("ann@example.com", code)
            client.auth.sign_in("ann@example.com", PASSWORD)
            client.auth.identity_id()
        yield place
    finally:
        local.stop(data_dir)


def seconds(action: Callable[[], object]) -> float:
    """How long the action takes, wall clock."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def paired(name: str, ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> Row:
    """Time two transfers in turn, each first in every other round; the ratio of speeds is the median of the rounds'."""
    ours(), theirs()
    pairs = []
    for number in range(rounds):
        first, second = (ours, theirs) if number % 2 else (theirs, ours)
        one, two = seconds(first), seconds(second)
        pairs.append((one, two) if number % 2 else (two, one))
    ratio = statistics.median(b / a for a, b in pairs)
    mine, other = (SIZE / MEBIBYTE / statistics.median(column) for column in zip(*pairs, strict=True))
    return Row(name, f"{mine:.0f} MiB/s", f"{other:.0f} MiB/s", f"{ratio:.2f}", "≥ 0.95", ratio >= 0.95)


def speed(place: Place, folder: Path, rounds: int) -> Iterator[Row]:
    """64 MiB up and down, against `upload_file` and `download_file` with the same credentials."""
    source, target = folder / "source", folder / "target"
    source.write_bytes(os.urandom(SIZE))
    with place.client() as client:
        credentials = client.files._folder.credentials()
        theirs = boto3.client(
            "s3",
            region_name=client.config.region,
            endpoint_url=client.config.endpoint_url,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=credentials.session_token,
        )
        bucket, key = client.config.files_bucket, f"{client.auth.identity_id()}/theirs"
        yield paired(
            "upload of 64 MiB / boto3 upload_file",
            lambda: client.files.upload(source, "ours"),
            lambda: theirs.upload_file(str(source), bucket, key),
            rounds,
        )
        yield paired(
            "download of 64 MiB / boto3 download_file",
            lambda: client.files.download("ours", target),
            lambda: theirs.download_file(bucket, key, str(target)),
            rounds,
        )
        assert target.read_bytes() == source.read_bytes()
        theirs.close()


KILLED = """
import os, signal
def stop(done, total):
    if done >= 0.6 * total:
        os.kill(os.getpid(), signal.SIGKILL)
way, local, key = names
(client.files.upload(local, key, progress=stop) if way == "up" else client.files.download(key, local, progress=stop))
"""
RESUMED = """
way, local, key = names
done = client.files.upload(local, key) if way == "up" else client.files.download(key, local)
print(done.sent_bytes if way == "up" else done.received_bytes)
"""


def resumed(place: Place, folder: Path) -> Iterator[Row]:
    """A process that is killed when 60 % of 64 MiB are confirmed, and the next one."""
    for way, local_path, key in (("up", folder / "source", "again"), ("down", folder / "back", "ours")):
        killed = place.run(KILLED, way, str(local_path), key)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        done = place.run(RESUMED, way, str(local_path), key)
        assert done.returncode == 0, done.stderr
        share = int(done.stdout) / SIZE
        name = f"{way}load killed at 60 %, then again: bytes over the line"
        yield Row(name, f"{int(done.stdout) / MEBIBYTE:.0f} MiB", "64 MiB", f"{share:.0%}", "≤ 45 %", share <= 0.45)
    assert (folder / "back").read_bytes() == (folder / "source").read_bytes()


MEASURED = """
way, local, key = names
client.files.exists("warm")
idle = files.resident_mebibytes("VmRSS")
files.forget_peak()
client.files.upload(local, key) if way == "up" else client.files.download(key, local)
print(files.resident_mebibytes("VmHWM") - idle)
"""


def resident_mebibytes(name: str) -> float:
    """Resident memory of this process, now (VmRSS) or at its peak (VmHWM); Linux."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(next(line for line in status.splitlines() if line.startswith(name)).split()[1]) / 1024


def forget_peak() -> None:
    """Let the peak start anew from here."""
    Path("/proc/self/clear_refs").write_text("5", "utf-8")


def memory(place: Place, folder: Path) -> Iterator[Row]:
    """1 GiB up and down in processes of their own."""
    huge = folder / "huge"
    with huge.open("wb") as file:
        file.truncate(HUGE)
    with throwing_away(place) as endpoint_url:
        for way, local_path in (("up", huge), ("down", folder / "huge-back")):
            done = replace(place, endpoint_url=endpoint_url).run(MEASURED, way, str(local_path), "huge")
            assert done.returncode == 0, done.stderr
            peak = float(done.stdout)
            name = f"memory above idle, {way}load of 1 GiB"
            yield Row(name, f"{peak:.0f} MiB", "", "", "≤ 64 MiB", peak <= 64)
            local_path.unlink()


@contextmanager
def throwing_away(place: Place) -> Iterator[str]:
    """An S3 in a process of its own that keeps nothing; Cognito's requests it passes on to the stack."""
    behind = str(fetch_config(place.api_url).endpoint_url)
    command = [sys.executable, __file__, "--serve", behind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


class Nothing(BaseHTTPRequestHandler):
    """Takes any bytes, gives HUGE zeros."""

    protocol_version = "HTTP/1.1"
    behind = ""

    def do_PUT(self) -> None:
        """A part."""
        left = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, 65536)))
        self._say(b"", ETag='"part"')

    def do_POST(self) -> None:
        """Cognito, or the begin or end of an upload."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "X-Amz-Target" in self.headers:
            headers = {name: self.headers[name] for name in ("Content-Type", "X-Amz-Target")}
            with urllib.request.urlopen(urllib.request.Request(self.behind, body, headers), timeout=30) as answer:
                self._say(answer.read())
        elif "uploads" in self.path:
            self._say(b"<R><UploadId>1</UploadId></R>")
        else:
            self._say(b'<R><ETag>"huge"</ETag></R>')

    def do_HEAD(self) -> None:
        """The huge file."""
        self._head(HUGE, ETag='"huge"', **{"Last-Modified": "Mon, 23 Nov 2026 12:00:00 GMT"})

    def do_GET(self) -> None:
        """The huge file's bytes."""
        self._head(HUGE, ETag='"huge"')
        zeros = bytes(MEBIBYTE)
        for _ in range(HUGE // MEBIBYTE):
            self.wfile.write(zeros)

    def _head(self, length: int, **headers: str) -> None:
        self.send_response_only(200)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _say(self, body: bytes, **headers: str) -> None:
        self._head(len(body), **headers)
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, the library's name
        """Say nothing."""


def serve(behind: str) -> None:
    """Serve until terminated; the port is the first line of output."""
    Nothing.behind = behind
    with ThreadingHTTPServer(("127.0.0.1", 0), Nothing) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


def identity_calls(place: Place, data_dir: Path) -> Row:
    """What the first file operation of a fresh sign-in asks of Cognito's identity pools."""
    with place.client() as client:
        client.auth.sign_in("ann@example.com", PASSWORD)
        before = _identity_requests(data_dir)
        client.files.exists("first")
        calls = _identity_requests(data_dir) - before
    return Row("identity calls of the first file operation", str(calls), "", "", "2", calls == 2)


def _identity_requests(data_dir: Path) -> int:
    lines = [json.loads(line) for line in (data_dir / "requests.jsonl").read_text("utf-8").splitlines()]
    return sum(line.get("operation") in ("GetId", "GetCredentialsForIdentity") for line in lines)


def main() -> int:
    """Measure everything, print the table, end 9 when a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="how often each pair of transfers is run")
    parser.add_argument("--serve", metavar="URL", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return 0
    with tempfile.TemporaryDirectory() as name, signed_in(Path(name)) as place:
        folder = Path(name)
        rows = [
            identity_calls(place, folder / "stack"),
            *speed(place, folder, given.rounds),
            *resumed(place, folder),
            *memory(place, folder),
        ]
    table = Table("what", "ours", "other", "ratio", "limit", "kept")
    for row in rows:
        kept = "" if row.kept is None else "yes" if row.kept else "NO"
        table.add_row(row.name, row.ours, row.other, row.figure, row.limit, kept)
    Console().print(table)
    return 0 if all(row.kept is not False for row in rows) else 9


if __name__ == "__main__":
    sys.exit(main())
