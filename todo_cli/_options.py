"""Click classes of ours: global options on every command, before and after its name, and examples in every help.

No command stands here, and nothing but click is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import cleandoc
from typing import Any

import click

from todo_cli import _completing
from todo_cli._context import AppContext

PASSWORD_STDIN = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
)
DATA_DIR = click.option(
    "--data-dir",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="The stack's data directory (default: $TODO_STACK_DIR, else the platform's user data directory).",
)
YES = click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")

# Whether a command only reads, which may hang on how it is called: its values are given by their names.
Reads = bool | Callable[[Mapping[str, Any]], bool]

# Those of the SDK, best first; named here because help imports nothing. A test holds them together.
NETWORKS = ("wifi", "4g", "3g", "2g", "flaky", "offline")


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    # "Not given" is None, so that an option before the command's name survives its absence after it.
    if value is None or param.name is None:
        return
    app = ctx.ensure_object(AppContext)
    setattr(app.settings, param.name, value)
    if param.name == "verbose" and not ctx.resilient_parsing:  # a shell that completes a word wants no log
        app.log_to_stderr()


def global_options() -> list[click.Parameter]:
    """Make the options that every command and every group takes."""
    shared: dict[str, Any] = {"expose_value": False, "callback": _remember, "is_eager": True, "default": None}
    flag: dict[str, Any] = {**shared, "is_flag": True, "flag_value": True}
    return [
        click.Option(
            ["--profile"],
            metavar="NAME",
            shell_complete=_completing.profiles,
            help="Profile to use (default: $TODO_PROFILE).",
            **shared,
        ),
        click.Option(["--json", "as_json"], help="Print one JSON document; errors as JSON on stderr.", **flag),
        click.Option(["--no-input"], help="Never ask; fail where an answer would be needed.", **flag),
        click.Option(["--no-color"], help="No colours (also: NO_COLOR in the environment).", **flag),
        click.Option(["--no-pager"], help="Print long lists without a pager.", **flag),
        click.Option(["--accessible"], help="For screen readers: labelled lines, no tables, bars or drawings.", **flag),
        click.Option(["--read-only"], help="Change nothing: what is not a reading command is refused.", **flag),
        click.Option(["--network"], type=click.Choice(NETWORKS), help="Simulate a phone's network.", **shared),
        click.Option(
            ["-v", "--verbose"], help="Tell each request on stderr, without secrets; a traceback for a bug.", **flag
        ),
    ]


class _Dressed(click.Command):
    """What commands and groups share: global options in a section of their own, examples, and what --read-only lets be.

    Args:
        reads: true for a command that changes nothing; one that does not say so is refused with --read-only.
    """

    def __init__(self, *args: Any, examples: str = "", reads: Reads = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = cleandoc(examples)
        self.reads = reads
        self._global_options = global_options()
        self.params.extend(self._global_options)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then the global ones."""
        # Arguments are told in the text: click's record of one is its bare name.
        own = [p for p in self.get_params(ctx) if isinstance(p, click.Option) and p not in self._global_options]
        for title, params in (("Options", own), ("Global options", self._global_options)):
            records = [record for p in params if (record := p.get_help_record(ctx)) is not None]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they stand."""
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                formatter.write("".join(f"  {line}\n" for line in self.examples.splitlines()))


def on_dry_run(given: Mapping[str, Any]) -> bool:
    """Tell that a command with --dry-run only reads."""
    return bool(given["dry_run"])


class Command(_Dressed):
    """A command of `todo`."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, unless it changes something and must not.

        Raises:
            CommandError: it is refused; nothing has happened.
        """
        app = ctx.ensure_object(AppContext)
        if app.read_only and not (self.reads(ctx.params) if callable(self.reads) else self.reads):
            from todo_cli._errors import CommandError, ExitCode

            whose = "--read-only forbids" if app.settings.read_only else "TODO_READ_ONLY forbids"
            raise CommandError(f"`{ctx.command_path}` changes something, which {whose}", ExitCode.REFUSED, "read_only")
        return super().invoke(ctx)


class Group(_Dressed, click.Group):
    """A command that holds commands: `todo files`, `todo backend`."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; one that is not there is told with those that look like it.

        Raises:
            click.UsageError: there is no such command.
        """
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            close = get_close_matches(args[0], self.list_commands(ctx), n=2)
            if not close:
                raise
            told = f"{error.message.rstrip('.')}; did you mean {' or '.join(close)}?"
            raise click.UsageError(told, ctx) from error

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, then the commands."""
        _Dressed.format_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)
