"""Write docs/reference.md, the reference of the SDK's public names, from their docstrings.

python docs/reference.py      or `make reference`; a test fails when the page is stale

pdoc reads the names, signatures and docstrings; the page is Markdown, so that it can be read where the code is.
"""

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pdoc.doc
import pdoc.docstrings

import todo_sdk

PAGE = Path(__file__).with_name("reference.md")
HEAD = """# Reference of the SDK

The public names of `todo_sdk`, written from their docstrings by `make reference`. The guides are [sdk.md](sdk.md) and
[files.md](files.md).
"""
LONGEST_LINE = 100


def parts_of(owner: type) -> dict[str, type]:
    """The parts of an object by attribute, such as `todos` of a client: what it makes and keeps in public."""
    return made_at_once(owner) | made_late(owner)


def made_at_once(owner: type) -> dict[str, type]:
    """What `__init__` makes."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(owner.__init__)))  # type: ignore[misc]
    names = vars(importlib.import_module(owner.__module__))
    found: dict[str, type] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name):
            made, target = names.get(node.value.func.id), node.targets[0]
            if isinstance(made, type) and isinstance(target, ast.Attribute) and not target.attr.startswith("_"):
                found[target.attr] = made
    return found


def made_late(owner: type) -> dict[str, type]:
    """What a public property imports and gives."""
    found: dict[str, type] = {}
    for name, raw in vars(owner).items():
        get = raw.func if isinstance(raw, cached_property) else getattr(raw, "fget", None)
        if get is None or name.startswith("_"):
            continue
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(get)))):
            given = get.__annotations__.get("return")
            if isinstance(node, ast.ImportFrom) and given in {alias.name for alias in node.names}:
                found[name] = getattr(importlib.import_module(str(node.module)), given)
    return found


def page() -> str:
    """The whole page."""
    client = todo_sdk.TodoClient
    parts: dict[str, type] = {}
    for name, part in parts_of(client).items():
        parts |= {name: part} | {f"{name}.{below}": inner for below, inner in parts_of(part).items()}
    names = [name for name in todo_sdk.__all__ if not name.startswith("__") and name != "TodoClient"]
    errors = [name for name in names if name.endswith("Error")]
    values = [name for name in names if inspect.isclass(getattr(todo_sdk, name)) and name not in errors]
    functions = [name for name in names if name not in errors and name not in values]
    sections: list[str] = [HEAD, contents(parts, functions, values, errors)]
    sections += class_section("TodoClient", client)
    for attribute, part in parts.items():
        sections += class_section(f"client.{attribute}", part, constructed=False)
    for name in functions:
        sections += [f"## {name}\n", *member(pdoc.doc.Function("todo_sdk", name, getattr(todo_sdk, name), ("", "")))]
    for name in [*values, *errors]:
        sections += class_section(name, getattr(todo_sdk, name))
    return "\n".join(section.rstrip() + "\n" for section in sections)


def contents(parts: dict[str, type], functions: list[str], values: list[str], errors: list[str]) -> str:
    """The table of contents."""
    rows = {
        "The client": ["TodoClient", *(f"client.{name}" for name in parts)],
        "Functions": functions,
        "Values and stores": values,
        "Errors": errors,
    }
    return "\n".join(
        f"- **{title}**: {', '.join(f'[{name}](#{anchor(name)})' for name in names)}" for title, names in rows.items()
    )


def anchor(title: str) -> str:
    """The anchor that GitHub makes of a title."""
    return title.lower().replace(".", "")


def class_section(title: str, cls: type, *, constructed: bool = True) -> list[str]:
    """A class: how it is made, what it is, its fields and its public methods in the order of the source."""
    found = pdoc.doc.Class(cls.__module__, cls.__qualname__, cls, (cls.__module__, cls.__qualname__))
    section = [f"## {title}\n"]
    if issubclass(cls, Exception):
        section.append(f"A kind of `{cls.__bases__[0].__name__}`.\n")
    elif constructed and not is_dataclass(cls) and not getattr(cls, "_is_protocol", False):
        section.append(code(f"{title}{signature(inspect.signature(cls))}"))
    section.append(text(inspect.cleandoc(cls.__doc__ or "")))
    if is_dataclass(cls):
        section.append(field_list(cls))
    for each in methods_of(found, cls):
        section += each
    return section


def field_list(cls: type) -> str:
    """The fields of a value."""
    hints = {field.name: annotation(field.type) for field in fields(cls)}
    return "\n".join(f"- `{name}: {hint}`" for name, hint in hints.items())


def methods_of(found: pdoc.doc.Class, cls: type) -> Iterator[list[str]]:
    """The class's own public methods and properties."""
    for name, raw in list(vars(cls).items()):
        if name.startswith("_"):
            continue
        if isinstance(raw, property | cached_property):
            yield [f"### .{name}\n", text(inspect.cleandoc(raw.__doc__ or ""))]
        elif inspect.isroutine(raw) or isinstance(raw, classmethod):
            yield [
                f"### {'' if isinstance(raw, classmethod) else '.'}{name}\n",
                *member(found.get(name)),
            ]


def member(found: Any) -> list[str]:
    """A function or method: signature and docstring."""
    assert isinstance(found, pdoc.doc.Function)
    shown = found.signature_without_self if "." in found.qualname else found.signature
    return [code(f"{found.name}{signature(shown)}"), text(found.docstring)]


def signature(shown: inspect.Signature) -> str:
    """A signature as one reads it: short annotations, a line for each parameter where one line is too long."""
    written = re.sub(r"\s*\n\s*", " ", str(shown)).replace("( ", "(").replace(" )", ")").replace("'", "")
    # what stands for a function says where it is in memory, which differs from run to run
    written = re.sub(r"<built-in (?:function|method) (\w+)[^<>]*>", r"\1", written)
    written = re.sub(r"\*?<class (?:[\w.]+\.)?(\w+)>", r"Unpack[\1]", written)
    written = re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Z])|\b(?:datetime|pathlib)\.(?=date|time)", "", written)
    if len(written) <= LONGEST_LINE:
        return written
    inside, _, after = written.removeprefix("(").rpartition(")")
    # a comma between parameters is followed by a name and what belongs to it; one inside of brackets is not
    parameters = re.split(r", (?=(?:\*|\w+\b(?:: |=|,|$)))(?![^\[\]()]*[\])])", inside)
    return "(\n" + "".join(f"    {parameter},\n" for parameter in parameters) + f"){after}"


def annotation(hint: Any) -> str:
    """An annotation as one reads it."""
    written = hint if isinstance(hint, str) else inspect.formatannotation(hint)
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Za-z])", "", written)


def text(docstring: str) -> str:
    """A docstring as Markdown: pdoc knows its sections; the examples, which end it, become a block of code."""
    said, _, example = docstring.partition("\nExample:\n")
    made = pdoc.docstrings.google(said)
    made = re.sub(r"^#{1,6} (.+)$", r"**\1**", made, flags=re.MULTILINE)
    made = re.sub(r"^ - \*\*(.+?):\*\* +", r"- `\1`: ", made, flags=re.MULTILINE)
    made = re.sub(r"^\*\*(\w+):\*\*\n", r"\1:\n\n", made, flags=re.MULTILINE)
    made = re.sub(r"\n{3,}", "\n\n", made)
    return f"{made.rstrip()}\n\n{code(textwrap.dedent(example).rstrip(), 'pycon')}" if example else made


def code(source: str, language: str = "python") -> str:
    """A block of code."""
    return f"```{language}\n{source}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    print(f"wrote {PAGE}")
