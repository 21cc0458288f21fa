"""The pytest plugin as other people use it: docs/testing.md is a project, and its tests pass."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from todo_backend import local

pytest_plugins = ["pytester"]

TEXT = (Path(__file__).parents[2] / "docs" / "testing.md").read_text("utf-8")
FILES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", TEXT, re.DOTALL))
TESTS = sum(source.count("\ndef test_") + source.startswith("def test_") for source in FILES.values())


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """The files of the documentation in a folder of their own, with warnings as errors."""
    pytester.makeini("[pytest]\nfilterwarnings = error\npythonpath = .\n")
    for name, source in FILES.items():
        (pytester.path / name).write_text(source)
    return pytester


def test_the_project_of_the_documentation_passes_on_two_workers(project: pytest.Pytester) -> None:
    assert len(FILES) == 5
    assert TESTS >= 9
    project.runpytest_subprocess("-n", "2").assert_outcomes(passed=TESTS)


def test_a_test_that_fails_leaves_clock_and_faults_right(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_order="""
        def test_one(todo_client, todo_clock, todo_faults):
            todo_clock.advance(86400)
            todo_clock.freeze()
            todo_faults.add("drop", "*")
            assert False, "on purpose"

        def test_two(todo_stack, todo_client, todo_clock, todo_faults):
            assert todo_clock.offset_seconds() == 0
            assert todo_faults.list() == []
            assert list(todo_client.todos.list()) == []
        """
    )
    project.runpytest_subprocess("test_order.py").assert_outcomes(passed=1, failed=1)


def test_a_stack_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "stack"
    code = f"""
import time
from pathlib import Path
from todo_backend import local
local.start(local.StackOptions(Path({str(data_dir)!r}), port=0, ephemeral=True), with_parent=True)
print("started", flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as told:
        assert told.readline() == "started\n"
    try:
        assert local.status(data_dir).running
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 30
    while local.status(data_dir).running:
        assert time.monotonic() < deadline, "the stack outlives its parent"
        time.sleep(0.05)
