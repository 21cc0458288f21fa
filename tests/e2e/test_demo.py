"""`make demo` runs this script; it must walk the whole main job and leave nothing running."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo.py"


def run_demo(tmp_path: Path, script: Path = DEMO) -> subprocess.CompletedProcess[str]:
    """Run the demo with its temporary folder in ours."""
    variables = {"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, str(script)]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.usefixtures("embedded_only")
def test_the_demo_walks_the_main_job_and_leaves_nothing(tmp_path: Path) -> None:
    done = run_demo(tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout[-3000:] + done.stderr
    assert done.stdout.count("  ok  ") == 15
    assert "another user's folder".ljust(40) + "AccessDenied" in done.stdout
    assert "a miss, then a hit of the API cache" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("embedded_only")
def test_a_demo_that_sees_what_it_must_not_see_says_so_and_stops_the_stack(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(DEMO.read_text("utf-8").replace("len(listed) == 2", "len(listed) == 3"), "utf-8")
    done = run_demo(tmp_path, broken)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "FAILED: own writes are seen at once: 2 added, 2 listed"
    assert [path.name for path in tmp_path.iterdir()] == ["broken.py"]
