"""The AWS CLI, unmodified from PyPI, in an environment of its own: it wants another botocore than MiniStack does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.caching import installed_once

REQUIREMENT = "awscli==1.45.0"
INSTALL_SECONDS = 240
RUN_SECONDS = 60


@dataclass(frozen=True)
class Said:
    """What one command answered."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, object]:
        """The document on stdout."""
        assert self.code == 0, self.err
        found: dict[str, object] = json.loads(self.out)
        return found


@dataclass(frozen=True)
class AwsCli:
    """`aws`, with the endpoint and keys of one caller."""

    site_packages: Path
    environment: tuple[tuple[str, str], ...] = ()

    def of(self, endpoint: str, region: str, access_key: str, secret_key: str, token: str = "") -> AwsCli:
        """The same program for that caller; nothing of this machine's configuration is read."""
        words = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret_key,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_PAGER": "",
            **({"AWS_SESSION_TOKEN": token} if token else {}),
        }
        return AwsCli(self.site_packages, tuple(words.items()))

    def __call__(self, *words: str, cwd: Path | None = None) -> Said:
        """Run `aws` with these words."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = {**kept, **dict(self.environment), "PYTHONPATH": str(self.site_packages)}
        command = [sys.executable, "-S", "-m", "awscli", *words]
        done = subprocess.run(
            command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
        )
        return Said(done.returncode, done.stdout, done.stderr)


def installed() -> AwsCli:
    """The CLI, from the cache or the package index; skips, with the reason, where there is neither."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return AwsCli(installed_once(f"{REQUIREMENT.replace('==', '-')}-python{version}", _install))


def _install(folder: Path) -> None:
    words = ["install", "--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1", "--target"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip", *words, str(folder), REQUIREMENT],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"pip took more than {INSTALL_SECONDS} s to install {REQUIREMENT}")
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        pytest.skip(f"pip could not install {REQUIREMENT}: {said[:1]}")
