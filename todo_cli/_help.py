"""The command help: any command's help, and the pages that belong to no single command."""

from __future__ import annotations

import click

from todo_cli._context import AppContext
from todo_cli._errors import MEANINGS
from todo_cli._options import Command

ENVIRONMENT: dict[str, str] = {
    "TODO_PROFILE": "The profile to use where --profile is not given.",
    "TODO_API_URL": "The API's address, instead of the profile's.",
    "TODO_CA_BUNDLE": "A file of certificate authorities to trust, instead of the profile's.",
    "TODO_CONFIG_DIR": "Where config.toml is, instead of the platform's folder for settings.",
    "TODO_TOKEN_STORE": "Where the session is kept: keyring, file or memory, instead of the profile's.",
    "TODO_DATA_DIR": "Where sessions and to-dos are kept, instead of the platform's folder for data.",
    "TODO_STACK_DIR": "The embedded stack's data directory, instead of `stack` in the platform's folder for data.",
    "TODO_SYNC_BUDGET_SECONDS": "How long a command may sync after its answer, instead of cli.toml's; 0 for never.",
    "VISUAL": "The editor of `todo edit`; else EDITOR.",
    "NO_COLOR": "No colours, whatever it is set to (no-color.org).",
    "HTTPS_PROXY": "The proxy for requests to AWS; HTTP_PROXY and NO_PROXY likewise.",
}


@click.command(
    "help",
    cls=Command,
    examples="""
        todo help
        todo help files put
        todo help exit-codes
        todo help environment
    """,
)
@click.argument("words", nargs=-1)
@click.pass_context
def help_command(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show a command's help, or a page on its own.

    The pages: exit-codes, environment.
    """
    app = ctx.ensure_object(AppContext)
    if len(words) == 1 and words[0] in PAGES:
        document, lines = PAGES[words[0]]()
        app.out.result({words[0].replace("-", "_"): document}, lines)
        return
    app.out.result_text(_help_of(ctx.find_root(), words))


def _help_of(root: click.Context, words: tuple[str, ...]) -> str:
    context = root
    for number, word in enumerate(words, 1):
        command = context.command.get_command(context, word) if isinstance(context.command, click.Group) else None
        if command is None:
            raise click.UsageError(
                f"there is no command {' '.join(words[:number])!r} and no page of that name; pages: {', '.join(PAGES)}"
            )
        context = click.Context(command, info_name=word, parent=context, help_option_names=["-h", "--help"])
    return context.command.get_help(context)


def _exit_codes() -> tuple[dict[str, str], list[str]]:
    return {str(int(code)): told for code, told in MEANINGS.items()}, [
        f"{int(code):>4}  {told}" for code, told in MEANINGS.items()
    ]


def _environment() -> tuple[dict[str, str], list[str]]:
    return ENVIRONMENT, [f"{name:<26}{told}" for name, told in ENVIRONMENT.items()]


PAGES = {"exit-codes": _exit_codes, "environment": _environment}
