"""The command completion: what TAB completes, for bash, zsh and fish."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click

from todo_cli._context import AppContext
from todo_cli._main import COMPLETE, cli
from todo_cli._options import Group


class Shell(NamedTuple):
    """Where a shell looks for completions, and what is to be done once."""

    folder: Callable[[], Path]
    file: str
    then: str


def _data_home() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def _config_home() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


SHELLS: dict[str, Shell] = {
    "bash": Shell(
        lambda: Path(os.environ.get("BASH_COMPLETION_USER_DIR") or _data_home() / "bash-completion") / "completions",
        "todo",
        "open a new shell; it needs the package bash-completion",
    ),
    "zsh": Shell(
        lambda: _data_home() / "zsh" / "site-functions",
        "_todo",
        "put `fpath=({folder} $fpath)` before `compinit` in ~/.zshrc, then open a new shell",
    ),
    "fish": Shell(lambda: _config_home() / "fish" / "completions", "todo.fish", "open a new shell"),
}
NAMED = click.argument("shell", required=False, type=click.Choice(list(SHELLS)))


@click.group(
    cls=Group,
    examples="""
        todo completion install
        todo completion show zsh > _todo
    """,
)
def completion() -> None:
    """Complete words with TAB: print or install it for your shell."""


@completion.command(
    reads=True,
    examples="""
        eval "$(todo completion show bash)"
        todo completion show fish > todo.fish
    """,
)
@NAMED
@click.pass_obj
def show(app: AppContext, shell: str | None) -> None:
    """Print the completion script of a shell: bash, zsh or fish.

    Without a name it is the shell in $SHELL.
    """
    name = _named(shell)
    app.out.result({"shell": name, "script": _script(name)}, _script(name).splitlines())


@completion.command(
    examples="""
        todo completion install
        todo completion install fish
    """
)
@NAMED
@click.pass_obj
def install(app: AppContext, shell: str | None) -> None:
    """Put the completion script where a shell looks for it.

    In your own folders, never in the system's; run again it replaces what it wrote.
    """
    name = _named(shell)
    there = SHELLS[name]
    folder = there.folder()
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{there.file}.{os.getpid()}"
    temporary.write_text(_script(name), encoding="utf-8")
    temporary.replace(folder / there.file)
    then = there.then.format(folder=folder)
    document = {"shell": name, "file": folder / there.file, "then": then}
    app.out.result(document, [f"written: {folder / there.file}", f"then: {then}"])


def _named(shell: str | None) -> str:
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise click.UsageError(f"name the shell: {', '.join(SHELLS)} ({name or 'nothing'} is in $SHELL)")
    return name


def _script(shell: str) -> str:
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None  # click knows these three
    made = found(cli, {}, "todo", COMPLETE)
    # bash's own part asks the installed bash for its version, which says nothing about the shell that will read it
    return made.source_template % made.source_vars()
