"""Bad input: one clear line, the right exit code, nothing half-done left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Device

UNKNOWN_ID = "0193a5b2-7c1e-7000-8000-1b2c34f1c9ab"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["show", UNKNOWN_ID], 5, "no to-do has the id"),
        (["show", "not-an-id"], 6, "not a to-do's id"),
        (["add", "  "], 6, "title"),
        (["add"], 2, "WORDS"),
        (["files", "put", "missing.txt"], 5, "missing.txt"),
        (["files", "get", "missing.txt"], 5, "no such file"),
        (["files", "put", "here.txt", "../up.txt"], 6, ".."),
        (["whoami", "--profile", "nobody"], 3, "nobody"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_bad_input_is_one_line(device: Device, words: list[str], code: int, says: str) -> None:
    """The whole matrix is in tests/integration/test_cli_bad_input.py; this is that the process says the same."""
    (device.folder / "here.txt").write_text("here")
    before = all_but_the_replica(device.folder)
    ran = device(*words)
    assert (ran.code, ran.out) == (code, ""), ran
    assert ran.said.startswith("todo: ")
    assert says in ran.said
    assert all_but_the_replica(device.folder) == before


def all_but_the_replica(folder: Path) -> list[Path]:
    """What is on the machine; its copy of the to-dos comes and goes with any command."""
    return sorted(path for path in folder.rglob("*") if "replicas" not in path.parts)


@pytest.mark.parametrize(
    "words", [["whoami"], ["list"], ["files", "ls"], ["login", "a@example.com", "--password-stdin"]]
)
def test_nothing_configured_says_where_to_begin(blank: Device, words: list[str]) -> None:
    ran = blank(*words, stdin="a password\n")
    assert ran.code == 3
    assert "todo configure" in ran.said
    assert not list(blank.folder.iterdir())


def test_an_api_that_does_not_answer_is_a_network_failure(device: Device) -> None:
    ran = device("list", TODO_API_URL="http://127.0.0.1:9/prod")
    assert ran.code == 7
    assert "127.0.0.1:9" in ran.said


def test_no_input_never_asks(device: Device) -> None:
    todo = device.ok("add", "stays")
    assert device("rm", todo["id"], "--no-input").code == 2
    assert device("login", device.email, "--no-input").code == 2
    assert device.ok("show", todo["id"])["deleted"] is False
    device.ok("rm", todo["id"], "--yes", "--no-input")


@pytest.mark.usefixtures("embedded_only", "api_url")
class TestUp:
    """What can be wrong with `todo up`; the stack of the session goes on meanwhile."""

    @pytest.mark.parametrize("words", [[], ["--detach"]])
    def test_a_second_up_on_the_same_data_directory(self, blank: Device, words: list[str]) -> None:
        ran = blank("up", "--port", "0", *words)
        assert (ran.code, ran.out) == (1, "")
        assert "already runs" in ran.err.splitlines()[-1]
        assert not (blank.folder / "config").exists()
        assert blank("status").code == 0

    @pytest.mark.parametrize("words", [[], ["--detach"]])
    def test_a_port_that_is_taken(self, blank: Device, words: list[str]) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            data_dir = blank.folder / "stack"
            ran = blank("up", "--port", str(port), "--data-dir", str(data_dir), *words)
        assert (ran.code, ran.out) == (1, "")
        assert f"port {port} is taken" in ran.err.splitlines()[-1]
        assert not (blank.folder / "config").exists()
        assert not data_dir.exists()

    @pytest.mark.parametrize("words", [[], ["--detach"]])
    def test_a_data_directory_that_cannot_be_used(self, blank: Device, words: list[str]) -> None:
        (blank.folder / "file").write_text("in the way")
        ran = blank("up", "--port", "0", "--data-dir", str(blank.folder / "file" / "stack"), *words)
        assert (ran.code, ran.out) == (3, "")
        assert "data directory" in ran.err.splitlines()[-1]

    def test_a_missing_extra_is_named(self, blank: Device, tmp_path: Path) -> None:
        # Python reads sitecustomize as it starts; with None in its place, ministack is as if it were not installed.
        (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['ministack'] = None")
        ran = blank("up", "--port", "0", "--data-dir", str(tmp_path / "stack"), PYTHONPATH=str(tmp_path))
        assert (ran.code, ran.out) == (3, "")
        assert "todo-sdk[local]" in ran.err.splitlines()[-1]

    def test_asking_where_nothing_ran_makes_nothing(self, blank: Device) -> None:
        commands = ("outputs", "status", "inbox", "logs", "down")
        codes = [blank(command, "--data-dir", str(blank.folder / "none")).code for command in commands]
        assert codes == [1, 1, 0, 0, 0]
        assert list(blank.folder.iterdir()) == []

    def test_ctrl_c_stops_a_stack_in_the_foreground(self, blank: Device) -> None:
        data_dir = str(blank.folder / "stack")
        words = [blank.program, "up", "--port", "0", "--data-dir", data_dir, "--json"]
        process = subprocess.Popen(
            words, env=blank.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        out = "".join(iter(process.stdout.readline, "}\n"))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, "")
        assert json.loads(out + "}")["ApiUrl"].startswith("http://127.0.0.1:")
        assert blank("status", "--data-dir", data_dir).code == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_a_closed_pipe_is_quiet(device: Device) -> None:
    script = f"'{device.program}' --help | head -1"
    environment = device.environment | {"PATH": os.environ["PATH"]}
    done = subprocess.run(["/bin/sh", "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
