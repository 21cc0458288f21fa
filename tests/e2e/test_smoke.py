"""`todo smoke` of the installed command: every promise, one test each, by one run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.e2e.conftest import Device
from todo_cli.checks.registry import all_checks

pytestmark = pytest.mark.xdist_group("smoke")  # one run for all of them

NAMES = [check.name for check in all_checks()]
ONLY_WHERE_VISIBLE = {"cache-api-hit", "cache-dax-hit", "speed-when-throttled", "account-wrong-code"}


@pytest.fixture(scope="module")
def smoke(device: Device, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one run of all checks found; `junit` is the file that it wrote."""
    file = tmp_path_factory.mktemp("smoke") / "smoke.xml"
    ran = device("smoke", "--json", "--allow-write", "--junit", str(file))
    assert ran.out, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found | {"code": ran.code, "junit": file}


@pytest.mark.parametrize("name", NAMES)
def test_the_promise_is_kept(smoke: dict[str, Any], deployed: str | None, name: str) -> None:
    found = next(check for check in smoke["checks"] if check["name"] == name)
    if deployed and name in ONLY_WHERE_VISIBLE and found["outcome"] == "skipped":
        pytest.skip(found["evidence"])
    assert found["outcome"] == "passed", found["evidence"]


def test_nobody_is_left_behind(smoke: dict[str, Any], device: Device) -> None:
    assert smoke["not_cleaned_up"] == []
    assert not (device.folder / "data" / "smoke-users.json").exists()


def test_the_junit_file_counts_the_same(smoke: dict[str, Any]) -> None:
    file: Path = smoke["junit"]
    suite = ElementTree.parse(file).getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == (str(len(NAMES)), str(smoke["failed"]))
    assert smoke["code"] == (9 if smoke["failed"] else 0)


@pytest.mark.usefixtures("embedded_only")
def test_a_check_that_fails_ends_with_9(device: Device) -> None:
    ran = device("smoke", "--only", "speed-of-reads", "--latency-budget", "1")
    assert ran.code == 9
    assert "failed" in ran.out
    assert ran.err.strip().endswith("s")
    assert "1 failed" in ran.err
