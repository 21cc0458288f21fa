"""Manual pages from the commands themselves: `python -m todo_cli._man docs/man`, whenever a command has changed.

One page for `todo`, one for each command below it; a command with commands of its own has them all on its page.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click

from todo_cli._errors import MEANINGS
from todo_cli._help import ENVIRONMENT
from todo_cli._main import COMMANDS, cli
from todo_cli._options import Group, global_options


def pages() -> dict[str, str]:
    """Give every page by the name of its file."""
    root = _context(cli, "todo")
    found = {"todo.1": _page("todo", cli.help or "", _overview(root))}
    for name, entry in COMMANDS.items():
        command = cli.get_command(root, name)
        assert command is not None  # it stands in the table
        context = _context(command, name, root)
        found[f"todo-{name}.1"] = _page(f"todo-{name}", entry.summary, _chapters(context, command))
    return found


def _context(command: click.Command, name: str, parent: click.Context | None = None) -> click.Context:
    return click.Context(command, info_name=name, parent=parent, help_option_names=["-h", "--help"])


def _page(name: str, summary: str, chapters: Iterator[str]) -> str:
    head = f'.TH {name.upper()} 1 "" "todo-sdk {version("todo-sdk")}" "MyTodoList"\n'
    named = f".SH NAME\n{name} \\- {_roff(summary.rstrip('.').splitlines()[0])}\n"
    return head + named + "".join(chapters)


def _overview(root: click.Context) -> Iterator[str]:
    yield f".SH SYNOPSIS\n.B todo\n{_roff(' '.join(cli.collect_usage_pieces(root)))}\n"
    yield f".SH DESCRIPTION\n{_paragraphs(cli.help or '')}"
    yield ".SH COMMANDS\n"
    for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
        yield f".SS {_roff(section)}\n"
        yield from (
            _item(f"todo-{name}(1)", entry.summary) for name, entry in COMMANDS.items() if entry.section == section
        )
    yield _options("GLOBAL OPTIONS", root, global_options())
    yield _examples(cli.examples)
    yield ".SH ENVIRONMENT\n" + "".join(_item(name, told) for name, told in ENVIRONMENT.items())
    yield ".SH EXIT STATUS\n" + "".join(_item(str(int(code)), told) for code, told in MEANINGS.items())


def _chapters(context: click.Context, command: click.Command) -> Iterator[str]:
    yield f".SH SYNOPSIS\n.B {_roff(context.command_path)}\n{_roff(' '.join(command.collect_usage_pieces(context)))}\n"
    summary, _, more = (command.help or "").partition("\n\n")
    yield f".SH DESCRIPTION\n{_paragraphs(more or summary)}"
    yield _options("OPTIONS", context, _own(command))
    if isinstance(command, Group):
        yield ".SH COMMANDS\n"
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from _section(_context(child, name, context), child)
    yield _examples(getattr(command, "examples", ""))
    yield ".SH SEE ALSO\n.BR todo (1)\nhas the global options, the environment and the exit status.\n"


def _section(context: click.Context, command: click.Command) -> Iterator[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f".SS {_roff(usage)}\n{_paragraphs(command.help or '')}"
    yield "".join(_item(*record) for p in _own(command) if (record := p.get_help_record(context)))


def _own(command: click.Command) -> list[click.Parameter]:
    shared = {option.name for option in global_options()}
    return [p for p in command.params if isinstance(p, click.Option) and p.name not in shared]


def _options(title: str, context: click.Context, options: list[click.Parameter]) -> str:
    records = [record for option in options if (record := option.get_help_record(context))]
    return f".SH {title}\n" + "".join(_item(*record) for record in records) if records else ""


def _examples(text: str) -> str:
    return f".SH EXAMPLES\n.nf\n{_roff(text)}\n.fi\n" if text else ""


def _item(term: str, told: str) -> str:
    return f".TP\n.B {_roff(term)}\n{_roff(told)}\n"


def _paragraphs(text: str) -> str:
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "".join(f".PP\n{_roff(' '.join(paragraph.split()))}\n" for paragraph in paragraphs)


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    # a line that begins with a dot or a quote would be a command to roff
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in escaped.splitlines())


def main(folder: Path) -> None:
    """Write the pages, and take those away whose command is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    made = pages()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    for path in folder.glob("*.1"):
        if path.name not in made:
            path.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
