"""A sign-in that wants more, kept between two runs of the command: in a file that only its owner can read."""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

from todo_cli._errors import CommandError, ExitCode

if TYPE_CHECKING:
    from todo_sdk import Challenge, TodoClient

LIFETIME_SECONDS = 180  # of a challenge's session, unless the app client says otherwise


def keep(client: TodoClient, challenge: Challenge) -> None:
    """Keep what is wanted, instead of what was kept before."""
    path = _path(client)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    content = {"until": time.time() + LIFETIME_SECONDS, "challenge": dataclasses.asdict(challenge)}
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file)
    temporary.replace(path)


def kept(client: TodoClient) -> Challenge:
    """Give what is wanted.

    Raises:
        CommandError: nothing is, or it took too long.
    """
    from todo_sdk import Challenge

    try:
        content = json.loads(_path(client).read_text(encoding="utf-8"))
        challenge = Challenge(**content["challenge"])
        late = time.time() > content["until"]
    except (OSError, ValueError, TypeError, KeyError):
        sentence = "no sign-in is waiting for an answer; begin with `todo login EMAIL --non-interactive`"
        raise CommandError(sentence, ExitCode.REFUSED, "no_challenge") from None
    if late:
        forget(client)
        sentence = "the sign-in has waited too long for its answer; begin again: todo login EMAIL --non-interactive"
        raise CommandError(sentence, ExitCode.REFUSED, "challenge_expired")
    return challenge


def forget(client: TodoClient) -> None:
    """Forget what was kept."""
    _path(client).unlink(missing_ok=True)


def _path(client: TodoClient) -> Path:
    return client.config.session_path.with_name(f"{client.config.session_path.stem}.challenge.json")
