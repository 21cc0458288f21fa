"""What the pytest plugin does to a run that does not use it: nothing; and to one without the extra: one sentence."""

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PLUGIN = "todo_backend.pytest_plugin"


def test_pytest_finds_the_plugin_by_its_entry_point() -> None:
    found = [point.value for point in entry_points(group="pytest11") if point.value.startswith("todo_")]
    assert found == [PLUGIN]


def test_loading_the_plugin_imports_nothing_but_itself() -> None:
    code = f"import sys, pytest; before = set(sys.modules); import {PLUGIN}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {
        "todo_backend",
        PLUGIN,
        "secrets",
        "hmac",
        "random",
        "_random",
        "_sha2",
        "_sha512",
    }


def test_every_name_of_the_plugin_begins_alike() -> None:
    from todo_backend import pytest_plugin

    public = {name for name, value in vars(pytest_plugin).items() if "Fixture" in type(value).__name__}
    assert public
    assert not [name for name in public if not name.startswith("todo_")]
    hooks = [name for name in vars(pytest_plugin) if name.startswith("pytest_")]
    assert hooks == []


def test_a_project_that_uses_none_of_it_notices_nothing(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\naddopts = --strict-markers --strict-config\nfilterwarnings = error\n")
    pytester.makepyfile(
        """
        import sys

        def test_nothing_was_loaded():
            names = {name.split(".")[0] for name in sys.modules}
            assert not names & {"boto3", "botocore", "requests", "ministack", "uvicorn", "todo_sdk", "todo_cli"}
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:schemathesis")  # that one brings requests with it
    result.assert_outcomes(passed=1)


def test_a_projects_own_fixture_of_the_same_name_wins(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import pytest\n@pytest.fixture\ndef todo_client():\n    return 'mine'\n")
    pytester.makepyfile("def test_mine(todo_client):\n    assert todo_client == 'mine'\n")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_the_fixtures_are_told_in_a_sentence_each(pytester: pytest.Pytester) -> None:
    told = pytester.runpytest_subprocess("--fixtures").stdout.str()
    for name in ("stack", "client", "user", "new_user", "sign_in", "clock", "faults"):
        assert re.search(rf"^todo_{name}( \[session scope\])? -- .*pytest_plugin.py:\d+\n    \w", told, re.MULTILINE), (
            name
        )


def test_without_the_extra_each_test_says_what_to_install(pytester: pytest.Pytester, tmp_path: Path) -> None:
    pytester.makeconftest(
        """
        import importlib.util

        found = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *more: None if name == "ministack" else found(name, *more)
        """
    )
    pytester.makepyfile("def test_it(todo_client):\n    pass\n")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    out = result.stdout.str()
    assert 'pip install "todo-sdk[local]"' in out
    assert "Traceback" not in out
    assert "process.py" not in out
