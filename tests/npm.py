"""JavaScript clients, unmodified from npm: installed once per lock file, then run as scripts of their own.

    def test_…(javascript: JavaScript) -> None:
        results = javascript.run(Path(__file__).with_name("script.cjs"), endpoint, stdin={"password": word})

A script is CommonJS (`require` finds the packages through NODE_PATH), gets its words as arguments and its secrets
as one JSON document on stdin, and prints one line of JSON for each result: `["name", result]`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.caching import installed_once

MANIFESTS = Path(__file__).with_name("node")
INSTALL_SECONDS = 240
RUN_SECONDS = 120


@dataclass(frozen=True)
class JavaScript:
    """Node with the packages of tests/node/package-lock.json."""

    node_modules: Path

    def run(self, script: Path, *words: str, stdin: object = None, **variables: str) -> dict[str, Any]:
        """Run the script to its end, which must be a good one; its results by name."""
        environment: Mapping[str, str] = {**os.environ, "NODE_PATH": str(self.node_modules), **variables}
        done = subprocess.run(
            ["node", script, *words],
            env=environment,
            input=json.dumps(stdin),
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(line) for line in done.stdout.splitlines())


def installed() -> JavaScript:
    """The packages, from the cache or the registry; skips, with the reason, where there is neither."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no Node with npm on the PATH")
    lock = hashlib.sha256((MANIFESTS / "package-lock.json").read_bytes()).hexdigest()
    return JavaScript(installed_once(f"node-{lock[:16]}", _install) / "node_modules")


def _install(folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(MANIFESTS / name, folder)
    words = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=20000"]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm took more than {INSTALL_SECONDS} s to install the JavaScript clients")
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("npm error")]
        pytest.skip(f"npm could not install the JavaScript clients: {said[:2]}")
