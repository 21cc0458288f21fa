"""The shape of the code: direction of imports, public names, docstrings, names that say nothing."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {
    "todo_sdk": ROOT / "todo_sdk",
    "todo_cli": ROOT / "todo_cli",
    "todo_backend": ROOT / "backend" / "todo_backend",
}
NEUTRAL = ("todo_backend.bundle", "todo_backend.artifacts")

# Who may import what of ours (prefixes). Order matters: the first prefix that fits the importing module decides.
ALLOWED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("todo_sdk", ("todo_sdk",)),
    ("todo_cli", ("todo_cli", "todo_sdk", "todo_backend.local", "todo_backend.infra.commands")),
    ("todo_backend.service", ("todo_backend.service",)),
    ("todo_backend.infra", ("todo_backend.infra", "todo_backend.service.routes", *NEUTRAL)),
    ("todo_backend.local", ("todo_backend.local", *NEUTRAL)),
    ("todo_backend.artifacts", ("todo_backend.artifacts",)),
    # For tests of other people's programs; like our own tests it stands above everything, and nothing imports it.
    ("todo_backend.pytest_plugin", ("todo_backend.local", "todo_sdk")),
    ("todo_backend", ("todo_backend.bundle",)),
)
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "data", "info"}


def modules() -> Iterator[tuple[str, Path]]:
    """Each module of the distribution with its file."""
    for package, folder in SOURCES.items():
        for file in sorted(folder.rglob("*.py")):
            parts = (package, *file.relative_to(folder).with_suffix("").parts)
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


MODULES = dict(modules())


def imported_names(name: str, source: str, *, is_package: bool) -> set[str]:
    """Absolute names of what a module imports, relative imports resolved."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                package = name.split(".") if is_package else name.split(".")[:-1]
                start = ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])
            found |= {f"{start}.{alias.name}" for alias in node.names}
    return found


def forbidden_imports(name: str, source: str, *, is_package: bool) -> set[str]:
    """What the module imports against the direction of ARCHITECTURE section 12."""
    allowed = next(targets for prefix, targets in ALLOWED if name == prefix or name.startswith(prefix + "."))
    ours = {item for item in imported_names(name, source, is_package=is_package) if item.split(".")[0] in SOURCES}
    return {item for item in ours if not any(item == target or item.startswith(target + ".") for target in allowed)}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_point_in_one_direction(name: str) -> None:
    file = MODULES[name]
    assert not forbidden_imports(name, file.read_text("utf-8"), is_package=file.name == "__init__.py")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("todo_sdk._files", "import todo_cli"),
        ("todo_cli._todos", "from todo_backend.service import routes"),
        ("todo_backend.local.deploy", "from ..infra import stack"),
        ("todo_backend.service.api", "from todo_backend.bundle import code_zip"),
        ("todo_backend.local.server", "from todo_sdk import TodoClient"),
        ("todo_cli._stack", "from todo_backend import pytest_plugin"),
        ("todo_backend.pytest_plugin", "from todo_backend.service import routes"),
    ],
)
def test_an_import_against_the_direction_is_noticed(name: str, line: str) -> None:
    assert forbidden_imports(name, line, is_package=False)


def test_the_command_uses_only_public_names_of_the_sdk() -> None:
    for name, file in MODULES.items():
        if name.startswith("todo_cli"):
            imported = imported_names(name, file.read_text("utf-8"), is_package=file.name == "__init__.py")
            private = {item for item in imported if item.startswith("todo_sdk._") and item != "todo_sdk.__version__"}
            assert not private, f"{name} reaches into {private}"


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not {name for name in MODULES if name.split(".")[-1].lstrip("_") in SAYS_NOTHING}


@pytest.mark.parametrize("package", ["todo_sdk"])
def test_public_names_are_sorted_importable_and_documented(package: str) -> None:
    module = importlib.import_module(package)
    names = list(module.__all__)
    assert names == sorted(names)
    for name in names:
        value = getattr(module, name)
        if not name.startswith("__"):
            assert value.__doc__, f"{package}.{name} has no docstring"


def undocumented(source: str) -> list[str]:
    """Public classes and functions of a module, and public methods of its public classes, without a docstring."""
    missing = []
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None:
            missing.append(node.name)
        if isinstance(node, ast.ClassDef):
            methods = [
                item for item in node.body if isinstance(item, ast.FunctionDef) and not item.name.startswith("_")
            ]
            missing += [f"{node.name}.{item.name}" for item in methods if ast.get_docstring(item) is None]
    return missing


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_module_says_what_it_is_for_and_every_public_name_has_a_docstring(name: str) -> None:
    source = MODULES[name].read_text("utf-8")
    if source.strip():
        assert ast.get_docstring(ast.parse(source)), f"{name} does not say what it is for"
    assert not undocumented(source)


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after the statement."""
    code = f"import sys; {statement}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    # -I: neither the caller's PYTHONPATH nor user site may bring modules in
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_sdk_loads_nothing_heavy() -> None:
    heavy = {
        "boto3",
        "botocore",
        "requests",
        "urllib3",
        "pycognito",
        "rich",
        "click",
        "sqlite3",
        "ministack",
        "todo_backend",
    }
    assert not loaded_by("import todo_sdk") & heavy


def test_asking_the_command_for_help_loads_nothing_heavy() -> None:
    statement = "import todo_cli; sys.argv = ['todo', '--help']\ntry: todo_cli.main()\nexcept SystemExit: pass\nprint()"
    code = f"import sys\n{statement}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    heavy = {"boto3", "botocore", "requests", "urllib3", "pycognito", "rich", "ministack", "uvicorn"}
    assert not set(done.stdout.splitlines()[-1].split()) & heavy
