"""The public names, and that importing them costs nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import todo_sdk

HEAVY = ("boto3", "botocore", "requests", "pycognito", "rich", "urllib3", "tomli_w", "platformdirs")


def loaded_by(code: str) -> set[str]:
    program = f"{code}\nimport sys\nprint(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    return set(out.split())


def test_importing_the_sdk_loads_nothing_heavy() -> None:
    extra = loaded_by("import todo_sdk") - loaded_by("pass")
    assert not extra & set(HEAVY)
    assert {name for name in extra if name.startswith("todo_sdk")} == {"todo_sdk"}


def test_a_client_that_only_uses_the_api_does_not_load_boto3() -> None:
    loaded = loaded_by("import todo_sdk; todo_sdk.TodoClient, todo_sdk.Config, todo_sdk.NotFoundError")
    assert not loaded & {"boto3", "botocore", "pycognito"}


def test_every_public_name_is_there_and_no_other_is_promised() -> None:
    names = todo_sdk.__all__
    assert names == sorted(names)
    assert set(names) == set(todo_sdk._HOME_OF)
    assert set(names) <= set(dir(todo_sdk))
    assert all(getattr(todo_sdk, name) is not None for name in names)


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(todo_sdk.__file__).read_text("utf-8"))
    guard = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in ast.walk(guard) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {*seen, "__version__"} == set(todo_sdk.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = todo_sdk.Nothing


def test_modules_import_only_from_storeys_below() -> None:
    storeys: tuple[tuple[str, ...], ...] = (
        ("_errors", "_late"),
        ("_recurrence", "_merge"),
        (
            "_version",
            "_addresses",
            "_fields",
            "_models",
            "_offline_models",
            "_profiles",
            "_config",
            "_network",
            "_password_rules",
            "_state",
        ),
        ("_lock", "_store", "_keyring", "_store_choice"),
        ("_answers", "_clock", "_quiet", "_retry", "_traffic", "_http"),
        ("_discovery", "_aws", "_aws_sending", "_cognito_errors", "_srp", "_cognito", "_sign_in", "_s3"),
        ("_kept", "_session"),
        ("_exchange", "_pages"),
        ("_replica_schema", "_replica_store", "_replica_rows"),
        ("_replica_edits", "_replica_queries", "_replica_recovery", "_replica_apply", "_replica_sync"),
        ("_account", "_devices", "_mfa", "_passwords", "_auth", "_todos", "_files", "_replica"),
        ("_client",),
        ("__init__",),
    )
    height = {module: number for number, modules in enumerate(storeys) for module in modules}
    folder = Path(todo_sdk.__file__).parent
    sources = {module: _sources(folder / module) for module in height}
    there = {file.stem for file in folder.glob("*.py")} | {file.parent.name for file in folder.glob("*/__init__.py")}
    assert there == set(height)
    for module, files in sources.items():
        for imported in {name for file in files for name in _own_imports(ast.parse(file.read_text("utf-8")))}:
            assert height[imported.partition(".")[0]] <= height[module], f"{module} imports {imported}"


def _sources(module: Path) -> list[Path]:
    return sorted(module.glob("*.py")) if module.is_dir() else [module.with_suffix(".py")]


def _own_imports(tree: ast.Module) -> set[str]:
    found = set()
    guarded = {id(node) for guard in tree.body if _is_type_checking(guard) for node in ast.walk(guard)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in guarded and (node.module or "").startswith("todo_sdk"):
            names = [alias.name for alias in node.names] if node.module == "todo_sdk" else [str(node.module)[9:]]
            found |= set(names)
    return found


def _is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
