"""What a command gets from its surroundings: settings, the client, the terminal, the clock, the embedded stack.

Each is made when first used and can be given, so that a test needs no patching.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from todo_cli._output import Output

if TYPE_CHECKING:
    from types import ModuleType

    from todo_cli._preferences import Preferences
    from todo_sdk import Recovery, Replica, TodoClient


@dataclass
class Settings:
    """The global options as given; `None` and `False` mean not given."""

    profile: str | None = None
    as_json: bool = False
    no_input: bool = False
    no_color: bool = False
    verbose: bool = False
    network: str | None = None


class Terminal:
    """The person at the keyboard, if there is one. Prompts go to stderr: stdout is data."""

    def is_there(self) -> bool:
        """Tell whether standard input is a person's terminal."""
        return sys.stdin is not None and sys.stdin.isatty()

    def line(self) -> str:
        """Read one line of standard input, without its end."""
        return sys.stdin.readline().rstrip("\r\n")

    def ask(self, text: str) -> str:
        """Ask for a word that may be seen."""
        return str(click.prompt(text, err=True))

    def ask_secret(self, text: str, *, twice: bool = False) -> str:
        """Ask for a word without showing it, twice where a slip would lock the person out."""
        return str(click.prompt(text, hide_input=True, confirmation_prompt=twice, err=True))

    def agrees(self, text: str) -> bool:
        """Ask yes or no; no is the default."""
        return click.confirm(text, default=False, err=True)


def _client_for(profile: str | None, network: str | None = None) -> TodoClient:
    from todo_sdk import TodoClient

    if network is None:
        return TodoClient.from_profile(profile)
    from todo_sdk import NetworkProfile

    return TodoClient.from_profile(profile, network=NetworkProfile.named(network))


def _embedded_stack() -> ModuleType:
    import todo_backend.local

    return todo_backend.local


def _infra_commands() -> ModuleType:
    import todo_backend.infra.commands

    return todo_backend.infra.commands


def _local_now() -> datetime:
    from todo_cli._zone import SystemZone

    return datetime.now(SystemZone())


@dataclass
class AppContext:
    """One run of the command."""

    settings: Settings = field(default_factory=Settings)
    make_client: Callable[..., TodoClient] = _client_for
    load_stack: Callable[[], Any] = _embedded_stack
    load_infra: Callable[[], Any] = _infra_commands
    terminal: Terminal = field(default_factory=Terminal)
    now: Callable[[], datetime] = _local_now
    clock: Callable[[], float] = time.time

    @cached_property
    def client(self) -> TodoClient:
        """The SDK's client for the chosen profile."""
        return self.make_client(self.settings.profile, self.settings.network)

    @cached_property
    def replica(self) -> Replica:
        """The signed-in user's to-dos on this machine."""
        replica = self.client.replica
        if replica.recovered is not None:
            self.out.talk(_told_recovery(replica.recovered))
        return replica

    @cached_property
    def preferences(self) -> Preferences:
        """What cli.toml says."""
        from todo_cli import _preferences

        return _preferences.load()

    @cached_property
    def stack(self) -> Any:
        """The module `todo_backend.local`, imported on first use."""
        return self.load_stack()

    @cached_property
    def infra(self) -> Any:
        """The module `todo_backend.infra.commands`, imported on first use."""
        return self.load_infra()

    @property
    def out(self) -> Output:
        """Where to print: people's face or the programs' face."""
        return Output(as_json=self.settings.as_json, no_color=self.settings.no_color)

    @property
    def may_ask(self) -> bool:
        """Tell whether a prompt would reach somebody."""
        return not self.settings.no_input and self.terminal.is_there()

    def password(self, *, from_stdin: bool, twice: bool = False, called: str = "Password") -> str:
        """Get a password from standard input or a hidden prompt; never from an argument.

        Raises:
            click.UsageError: nobody can be asked, or the line is empty.
        """
        if from_stdin:
            line = self.terminal.line()
            if not line:
                raise click.UsageError("standard input holds no password; each stands on a line of its own")
            return line
        if not self.may_ask:
            raise click.UsageError("a password is needed and nobody can be asked; use --password-stdin")
        return self.terminal.ask_secret(called, twice=twice)

    def confirm(self, question: str, *, yes: bool) -> bool:
        """Ask before something is lost.

        A script (no terminal) is taken at its word; `--no-input` wants the word said: `--yes`.
        """
        if yes:
            return True
        if self.settings.no_input:
            raise click.UsageError("this needs a confirmation and --no-input forbids asking; add --yes")
        return not self.terminal.is_there() or self.terminal.agrees(question)

    def log_to_stderr(self) -> None:
        """Let our own loggers talk. Only ours: botocore's debug log would print credentials."""
        logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
        for name in ("todo_sdk", "todo_backend"):
            logging.getLogger(name).setLevel(logging.DEBUG)

    def close(self) -> None:
        """Close the client if one was made."""
        client = self.__dict__.get("client")
        if client is not None:
            client.close()


def _told_recovery(recovery: Recovery) -> str:
    queued = f"{recovery.rescued} unsent changes were rescued" if recovery.rescued else "no unsent change was in it"
    more = "" if recovery.whole else "; some of it could not be read, so there may have been more"
    return f"the to-dos on this machine were damaged; the file is kept as {recovery.aside}, {queued}{more}"
