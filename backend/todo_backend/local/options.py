"""The plain values that the embedded stack takes and gives."""

import os
from dataclasses import dataclass, field
from pathlib import Path

Outputs = dict[str, str | None]
"""The contract between deployment, clients and tests: ARCHITECTURE section 9."""

REGION = "us-east-1"
ACCOUNT_ID = "000000000000"
STACK_NAME = "MyTodoList"
HOST = "127.0.0.1"
DEFAULT_PORT = 4566
DAX_OFF = "off (the Lambda reads DynamoDB directly)"


@dataclass(frozen=True)
class StackOptions:
    """How to run one stack.

    Attributes:
        data_dir: where its state lives; one stack a directory.
        port: of 127.0.0.1; 0 takes any that is free.
        ephemeral: keep nothing after the stack has stopped, and start without what an earlier run kept.
        profile: what `Profile` says in the outputs.
        tls: HTTPS on the one address, by a private CA made on first use; `ca_bundle` tells what clients trust.
    """

    data_dir: Path
    port: int = DEFAULT_PORT
    ephemeral: bool = False
    profile: str = "local"
    tls: bool = False


@dataclass(frozen=True)
class Status:
    """What is known about the stack of a data directory.

    Attributes:
        api_cache: `hits` and `misses` of API Gateway's response cache since the start; None when nobody could be asked.
    """

    running: bool
    pid: int | None = None
    port: int | None = None
    started_at: str | None = None
    outputs: Outputs | None = None
    api_cache: dict[str, int] | None = None
    dax: str = DAX_OFF
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mail:
    """A mail that the stack would have sent; `sent_at` is UTC, RFC 3339."""

    to: str
    subject: str
    text: str
    sent_at: str


def default_data_dir() -> Path:
    """`$TODO_STACK_DIR`, or `stack` in the platform's user data directory for `todo`."""
    from platformdirs import user_data_dir

    chosen = os.environ.get("TODO_STACK_DIR")
    return Path(chosen) if chosen else Path(user_data_dir("todo")) / "stack"
