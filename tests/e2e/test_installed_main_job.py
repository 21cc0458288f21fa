"""The main job through the installed command, over sockets."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.e2e.conftest import Device


def test_a_todo_lives_from_add_to_rm(device: Device) -> None:
    todo = device.ok("add", "Buy", "milk", "--tag", "e2e", "--due", "2026-12-01", "--priority", "2")
    assert (todo["version"], todo["title"]) == (0, "Buy milk")  # on this machine first
    part = todo["id"]
    assert device.ok("show", part)["version"] == 1  # and then sent
    assert todo["id"] in [each["id"] for each in device.ok("list", "+e2e")["todos"]]
    edited = device.ok("edit", part, "--title", "Buy oat milk", "--clear-due", "--if-version", "1")
    assert (edited["title"], edited["due"], edited["version"]) == ("Buy oat milk", None, 2)
    done = device.ok("done", part)
    assert (done["status"], done["completed_at"] is None) == ("done", False)
    assert todo["id"] not in [each["id"] for each in device.ok("list")["todos"]]
    assert todo["id"] in [each["id"] for each in device.ok("list", "--all", "--search", "oat")["todos"]]
    assert device.ok("rm", part, "--yes")["deleted"] is True
    assert device("show", todo["id"]).code == 5
    assert device("show", part).code == 5


def test_sync_brings_what_another_device_changed_once(device: Device, blank: Device, api_url: str) -> None:
    blank.ok("configure", "--api-url", api_url)
    blank.email, blank.password = device.email, device.password
    blank.login()
    blank.ok("sync")
    device.ok("offline", "on")
    todo = device.ok("add", "From elsewhere")
    assert device.ok("stats")["queued"] == 1
    assert blank.ok("sync")["pulled"] == 0
    device.ok("offline", "off")
    first = blank.ok("sync")
    assert (first["pulled"], blank.ok("show", todo["id"])["title"]) == (1, "From elsewhere")
    blank.ok("rm", todo["id"], "--yes")
    second = device.ok("sync")
    assert second["pulled"] == 1
    assert second["revision"] > first["revision"]
    assert device("show", todo["id"]).code == 5
    assert device.ok("sync")["pulled"] == 0


def test_a_file_comes_back_as_it_went(device: Device) -> None:
    content = os.urandom(70_000)
    (device.folder / "a b ü.bin").write_bytes(content)
    put = device.ok("files", "put", "a b ü.bin", "e2e/")
    assert (put["key"], put["size_bytes"]) == ("e2e/a b ü.bin", 70_000)
    assert [file["key"] for file in device.ok("files", "ls", "e2e/")["files"]] == ["e2e/a b ü.bin"]
    device.ok("files", "get", "e2e/a b ü.bin", "back.bin")
    assert (device.folder / "back.bin").read_bytes() == content
    device.ok("files", "rm", "e2e/a b ü.bin", "--yes")
    assert device.ok("files", "ls", "e2e/")["files"] == []
    assert device("files", "get", "e2e/a b ü.bin", "again.bin").code == 5
    assert not (device.folder / "again.bin").exists()


def test_logout_ends_the_session(device: Device) -> None:
    assert device.ok("whoami")["email"] == device.email
    device.ok("logout")
    for words in (["whoami"], ["list"], ["add", "x"], ["files", "ls"], ["sync"]):
        ran = device(*words)
        assert (ran.code, ran.out) == (4, "")
        assert "todo login" in ran.said
    device.login()


@pytest.mark.usefixtures("embedded_only")
def test_two_users_see_nothing_of_each_other(device: Device, blank: Device, api_url: str) -> None:
    from_ada = device.ok("add", "Mine")
    (device.folder / "mine.txt").write_text("mine")
    device.ok("files", "put", "mine.txt")
    blank.ok("configure", "--api-url", api_url)
    become("eve@example.com", blank)
    assert blank.ok("list", "--all")["todos"] == []
    assert blank.ok("files", "ls")["files"] == []
    for words in (["show"], ["edit", "--title", "x"], ["done"], ["rm", "--yes"]):
        assert blank(words[0], from_ada["id"], *words[1:]).code == 5
    assert device.ok("show", from_ada["id"])["title"] == "Mine"


def become(email: str, device: Device) -> None:
    """Sign up with the code from the mail, and sign in."""
    device.email, device.password = email, "Correct-horse-7"
    device.ok("signup", email, "--password-stdin", stdin=f"{device.password}\n")
    texts = [mail["text"] for mail in device.ok("inbox")["mails"] if mail["to"] == email]
    device.ok("confirm", email, next(word for word in texts[-1].split() if word.isdigit()))
    device.login()


@pytest.mark.usefixtures("embedded_only")
def test_a_password_typed_at_a_terminal_is_not_shown(device: Device) -> None:
    device.ok("logout")
    code, seen = at_a_terminal(device, "login", device.email, answers=[(b"Password:", f"{device.password}\n".encode())])
    assert code == 0
    assert b"signed in" in seen
    assert device.password.encode() not in seen


def at_a_terminal(device: Device, *words: str, answers: Sequence[tuple[bytes, bytes]] = ()) -> tuple[int, bytes]:
    """Run `todo` at a terminal, type each answer when its question comes; the exit code and what was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [device.program, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=device.environment | {"TERM": "xterm-256color"},
        cwd=device.folder,
        start_new_session=True,
        # opening it makes it the process's own terminal: Ctrl-C and /dev/tty need that
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
    )
    os.close(theirs)
    seen = b""
    for question, answer in answers:
        seen += read_until(ours, question)
        os.write(ours, answer)
    seen += read_until(ours, b"never shown")
    os.close(ours)
    return process.wait(30), seen


@pytest.mark.usefixtures("embedded_only")
def test_ctrl_c_at_the_prompt_ends_with_130_and_signs_nobody_out(device: Device) -> None:
    code, seen = at_a_terminal(device, "login", device.email, answers=[(b"Password:", b"\x03")])
    assert code == 130
    assert b"Traceback" not in seen
    assert device.ok("whoami")["email"] == device.email


def test_on_a_terminal_the_list_is_drawn_and_no_color_means_none(device: Device) -> None:
    todo = device.ok("add", "[red]not markup[/red]")
    for words, dressed in ((["list"], True), (["list", "--no-color"], False), (["--no-color", "list"], False)):
        code, seen = at_a_terminal(device, *words)
        assert code == 0
        assert b"[red]not markup[/red]" in seen
        assert (b"\x1b[" in seen) is dressed
    device.environment["NO_COLOR"] = "1"
    assert b"\x1b[" not in at_a_terminal(device, "list")[1]
    del device.environment["NO_COLOR"]
    device.ok("rm", todo["id"], "--yes")


def test_talking_more_tells_no_secret(device: Device) -> None:
    (session,) = (device.folder / "data" / "sessions").glob("*.json")
    said = device("login", device.email, "--password-stdin", "-v", stdin=f"{device.password}\n").err
    said += "".join(device(*words, "-v").err for words in (["list"], ["files", "ls"], ["whoami"], ["sync"]))
    secrets = [value for name, value in json.loads(session.read_text()).items() if "token" in name]
    assert len(secrets) >= 2
    assert not [secret for secret in (*secrets, device.password) if secret in said]
    assert "Traceback" not in said


def read_until(terminal: int, wanted: bytes) -> bytes:
    """Read what the terminal shows until the words come, or it closes."""
    seen = b""
    while wanted not in seen:
        try:
            seen += os.read(terminal, 1024)
        except OSError:
            break
    return seen


def test_version_and_help_need_nothing(blank: Device) -> None:
    assert blank("--version").out.startswith("todo ")
    assert "Global options" in blank("add", "--help").out
    assert list_of(blank.folder) == []


def list_of(folder: Path) -> list[str]:
    """Every file below the folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
