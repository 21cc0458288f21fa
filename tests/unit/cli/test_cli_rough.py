"""The installed command where something is in the way: pipes, terminals, disks, locks. One line, the right code."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.cli.conftest import NOW, a_todo
from tests.unit.offline.conftest import session_of
from todo_cli._editor import FormError, changes_of, form_of
from todo_cli._errors import failure_of
from todo_cli._table import cells, columns, fold
from todo_sdk import Config, FileTokenStore, ReplicaError, write_profile

if TYPE_CHECKING:
    pass

TODO = str(Path(sys.executable).with_name("todo"))
AFTER_TWO_DAYS = "RRULE;X-FROM=COMPLETION:FREQ=DAILY;INTERVAL=2"
PROFILE = {
    "api_url": "http://127.0.0.1:9/v",  # nothing listens there
    "region": "eu-west-1",
    "user_pool_id": "eu-west-1_AbCdEf",
    "user_pool_client_id": "client",
    "identity_pool_id": "eu-west-1:1",
    "files_bucket": "files",
}


@dataclass
class Machine:
    """A machine with a signed-in user and no network."""

    folder: Path
    environment: dict[str, str]

    def __call__(self, *words: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
        variables = more.pop("variables", {})
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
        done: subprocess.CompletedProcess[bytes] = subprocess.run(
            [TODO, *words], env=self.environment | variables, check=False, timeout=60, **pipes
        )
        return done

    def titles(self) -> list[str]:
        """What is on the list."""
        return [todo["title"] for todo in json.loads(self("list", "--json").stdout)["todos"]]

    @property
    def replica(self) -> Path:
        """The file of the to-dos."""
        (found,) = (self.folder / "data").rglob("*.sqlite3")
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with one to-do."""
    own = {"TODO_CONFIG_DIR": str(tmp_path / "config"), "TODO_DATA_DIR": str(tmp_path / "data"), "HOME": str(tmp_path)}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TODO_", "AWS_", "LC_", "LANG"))}
    write_profile("default", PROFILE, environ=own)
    config = Config.load(environ=own)
    FileTokenStore(config.session_path).save(session_of(config, "ann", datetime.now(UTC)).to_mapping())
    made = Machine(tmp_path, kept | own | {"LC_ALL": "C.UTF-8"})
    assert made("add", "Kept").returncode == 0
    return made


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    """The one line on stderr."""
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    assert "Traceback" not in lines[0]
    return lines[0]


def test_a_reader_that_leaves_is_no_failure(machine: Machine) -> None:
    read, write = os.pipe()
    os.close(read)
    done = machine("list", stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", [["list"], ["export"]])
def test_a_full_disk_behind_stdout_is_one_line(machine: Machine, words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = machine(*words, stdout=full)
    assert done.returncode == 1
    assert "No space left" in said(done)


def test_a_terminal_that_knows_no_unicode_gets_what_it_can_show_and_json_loses_nothing(machine: Machine) -> None:
    narrow = {"PYTHONIOENCODING": "latin-1"}
    added = machine("add", "Überweisung 日本 … tomorrow #x", variables=narrow)
    assert (added.returncode, added.stdout.splitlines()[0].decode("latin-1")) == (0, "added 2  Überweisung ?? ...")
    document = json.loads(machine("list", "--json", variables=narrow).stdout)
    assert "Überweisung 日本 …" in [todo["title"] for todo in document["todos"]]
    assert "日本" in machine("export", variables=narrow).stdout.decode("utf-8")
    assert machine("list", variables={"PYTHONIOENCODING": "ascii"}).returncode == 0


def test_words_that_are_no_text_are_refused(machine: Machine) -> None:
    done = subprocess.run(
        [TODO.encode(), b"add", b"\xff\xfe"], env=machine.environment, capture_output=True, check=False
    )
    assert done.returncode == 6
    assert "not text" in said(done)


@pytest.mark.parametrize("place", ["file/inside", "/proc/nowhere"])
def test_a_place_that_cannot_be_written_is_one_line_that_names_the_variable(machine: Machine, place: str) -> None:
    (machine.folder / "file").write_text("in the way")
    done = machine("add", "x", variables={"TODO_DATA_DIR": str(machine.folder / place)})
    assert done.returncode in (3, 4)  # no session can be read there either
    assert said(done).startswith("todo: ")
    done = machine("filter", "save", "x", "+y", variables={"TODO_CONFIG_DIR": str(machine.folder / place)})
    assert done.returncode == 3
    assert "TODO_CONFIG_DIR" in said(done)


def test_a_disk_that_is_full_refuses_the_change_and_keeps_what_was_there(machine: Machine) -> None:
    size = machine.replica.stat().st_size

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))

    done = machine("add", "y" * 400, "--notes", "z" * 9000, preexec_fn=no_room)
    assert (done.returncode, done.stdout) == (1, b"")
    assert "disk" in said(done)
    assert machine.titles() == ["Kept"]
    assert machine("add", "Then").returncode == 0
    assert sorted(machine.titles()) == ["Kept", "Then"]


def test_somebody_else_who_writes_is_waited_for_and_a_list_need_not_wait(machine: Machine) -> None:
    busy = sqlite3.connect(machine.replica, isolation_level=None, check_same_thread=False)
    busy.execute("BEGIN IMMEDIATE")
    assert machine.titles() == ["Kept"]
    release = threading.Timer(0.5, busy.execute, ["ROLLBACK"])
    release.start()
    done = machine("add", "Waited")
    release.join()
    busy.close()
    assert done.returncode == 0
    assert sorted(machine.titles()) == ["Kept", "Waited"]


@pytest.mark.parametrize(("reason", "code"), [("busy", 1), ("full", 1), ("newer", 3), ("read_only", 3), ("foreign", 3)])
def test_a_replica_that_cannot_be_used_has_an_exit_code_by_its_reason(reason: str, code: int) -> None:
    assert failure_of(ReplicaError("what to do", reason=reason)).exit_code == code


def test_ctrl_c_while_the_service_does_not_answer_ends_with_130_and_loses_nothing(
    machine: Machine, tmp_path: Path
) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        write_profile(
            "default",
            PROFILE | {"api_url": f"http://127.0.0.1:{silent.getsockname()[1]}/v"},
            environ=machine.environment,
        )
        process = subprocess.Popen(
            [TODO, "sync"], env=machine.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        silent.settimeout(30)
        connection, _ = silent.accept()  # it is asking now
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        connection.close()
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err
    assert json.loads(machine("stats", "--json").stdout)["queued"] == 1


ROWS = [
    ("ID", "DUE", "TITLE", "TAGS"),
    ("1", "2026-12-01", "Buy milk and a great many other things", "food"),
    ("2", "", "日本語の本を買う", ""),
]


@pytest.mark.parametrize("width", [120, 60, 40, 24, 10, 1])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(width: int) -> None:
    lines = [line for row in columns(ROWS, width=width, folded=2) for line in row]
    shown = "".join("".join(lines).split())
    if width > 1:
        assert all(cells(line) <= width for line in lines), lines
    for row in ROWS[1:]:
        for char in "".join(row[2].split()):
            assert char in shown
    assert columns([], width=width) == []


def test_wide_and_combining_characters_stand_in_their_columns() -> None:
    (first,), (second,) = columns([("日本", "x"), ("é", "y")])
    assert cells(first[: first.index("x")]) == cells(second[: second.index("y")]) == 6
    assert fold("abcdef gh", 4) == ["abcd", "ef", "gh"]


def edited(machine: Machine, script: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run `todo edit` at a terminal, with a shell script for an editor; no is answered to every question."""
    import pty

    editor = machine.folder / "editor.sh"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o700)
    ours, theirs = pty.openpty()
    os.write(ours, b"n\n")
    try:
        return machine("edit", *words, stdin=theirs, variables={"VISUAL": str(editor), "TMPDIR": str(machine.folder)})
    finally:
        os.close(ours)
        os.close(theirs)


def left(machine: Machine) -> list[Path]:
    """The forms that are left in the folder for temporary files."""
    return list(machine.folder.glob("todo-*/to-do.txt"))


def test_a_todo_is_edited_in_the_persons_editor(machine: Machine) -> None:
    script = "sed -i 's/^title:.*/title: Other/; s/^due:.*/due: 2027-01-02/' $1; printf 'one\\n# two\\n' >> $1"
    done = edited(machine, script, "1")
    assert done.returncode == 0, done.stderr
    todo = json.loads(machine("show", "1", "--json").stdout)
    assert (todo["title"], todo["due"], todo["notes"]) == ("Other", "2027-01-02", "one\n# two")
    assert left(machine) == []


@pytest.mark.parametrize(
    ("script", "code", "says"),
    [
        ("sed -i 's/^due:.*/due: someday/; s/^title:.*/title: Typed/' $1", 6, "due 'someday' is no date"),
        ("echo Typed >> $1; exit 3", 1, "the editor ended with 3"),
    ],
)
def test_a_form_with_a_mistake_changes_nothing_and_is_kept(machine: Machine, script: str, code: int, says: str) -> None:
    done = edited(machine, script, "1")
    assert done.returncode == code
    assert says in done.stderr.decode()
    (form,) = left(machine)
    assert str(form) in done.stderr.decode()
    assert "Typed" in form.read_text()
    assert machine.titles() == ["Kept"]


def form(**lines: str) -> str:
    """The form of a to-do with some lines changed; `notes` is what stands below."""
    notes = lines.pop("notes", None)
    text = form_of(a_todo())
    for name, value in lines.items():
        text = "\n".join(f"{name}: {value}" if line.startswith(f"{name}:") else line for line in text.split("\n"))
    return text if notes is None else f"{text.partition('notes:')[0]}notes:\n{notes}"


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        (form(), {}),
        ("", {}),
        (form(title="Other", priority="1"), {"title": "Other", "priority": 1}),
        (form(due="", recurrence=""), {"due": None, "recurrence": None}),
        (form(due="tomorrow 5pm"), {"due": datetime(2026, 11, 24, 17, tzinfo=UTC)}),
        (form(tags="a, b c", recurrence="every! 2 days"), {"tags": ("a", "b", "c"), "recurrence": AFTER_TWO_DAYS}),
        (form(notes="one\n\n# two: three\n"), {"notes": "one\n\n# two: three"}),
        (form(notes=""), {"notes": ""}),
        ("title: Other\n", {"title": "Other"}),
    ],
)
def test_a_form_says_only_what_was_changed_in_it(text: str, changes: dict[str, Any]) -> None:
    assert changes_of(text, a_todo(), NOW) == changes


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (form(title=""), "needs a title"),
        (form(status="started"), "neither open nor done"),
        (form(priority="high"), "not a number from 1 to 4"),
        (form(due="2026-02-30"), "is no date"),
        (form(recurrence="sometimes"), "says not how often"),
        (form().replace("list:", "lsit:"), "line 6: 'lsit: home' is none of"),
    ],
)
def test_a_form_that_cannot_be_read_says_which_line(text: str, says: str) -> None:
    with pytest.raises(FormError, match=says):
        changes_of(text, a_todo(), NOW)


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40), st.text(max_size=60))
def test_a_form_that_is_left_as_it_is_changes_nothing(title: str, notes: str) -> None:
    todo = a_todo(title=title or "x", notes=notes)
    assert changes_of(form_of(todo), todo, NOW) == {}


def test_an_editor_that_is_not_there_is_one_line(machine: Machine) -> None:
    done = edited(machine, "true", "1")
    assert done.returncode == 0
    (machine.folder / "editor.sh").unlink()
    import pty

    ours, theirs = pty.openpty()
    done = machine("edit", "1", stdin=theirs, variables={"VISUAL": str(machine.folder / "editor.sh")})
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 3
    assert "cannot be started" in said(done)


@pytest.mark.parametrize("words", [["list"], ["list", "+x", "or", "due.by:tomorrow"], ["add", "Buy milk tomorrow #x"]])
def test_what_works_without_a_network_loads_nothing_that_only_a_request_needs(
    machine: Machine, words: list[str]
) -> None:
    machine("offline", "on")
    heavy = [
        "requests",
        "urllib3",
        "boto3",
        "pycognito",
        "rich",
        "email",
        "icalendar",
        "todo_sdk._http",
        "todo_backend",
    ]
    run = f"import sys, todo_cli; sys.argv = ['todo', *{words!r}]; code = todo_cli.main()"
    code = f"{run}; print(code, set({heavy!r}) & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=machine.environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 set()"
