"""The Lambda layer: exactly the pinned packages, pure Python, small, and enough for `service`."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from importlib import util
from pathlib import Path

import pytest

from todo_backend import artifacts, bundle
from todo_backend.infra import dependencies

RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "urllib3", "dateutil")  # of Lambda's own
COMPILED = (".so", ".pyd", ".dylib", ".dll", ".pyc", ".a", ".o")


@pytest.fixture(scope="module")
def layer() -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(artifacts.dependencies_zip()))


def test_the_layer_is_small(layer: zipfile.ZipFile) -> None:
    assert len(artifacts.dependencies_zip()) < 1024 * 1024


def test_everything_lies_where_lambda_looks_for_python(layer: zipfile.ZipFile) -> None:
    assert all(name.startswith("python/") for name in layer.namelist())


def test_nothing_in_the_layer_is_compiled(layer: zipfile.ZipFile) -> None:
    # The same zip runs on arm64, on x86-64 and inside the embedded stack.
    assert [name for name in layer.namelist() if name.endswith(COMPILED) or "__pycache__" in name] == []
    heads = {name: layer.read(name)[:4] for name in layer.namelist()}
    assert [name for name, head in heads.items() if head in (b"\x7fELF", b"MZ\x90\x00", b"\xcf\xfa\xed\xfe")] == []


def test_the_layer_holds_exactly_the_pins(layer: zipfile.ZipFile) -> None:
    folders = {name.split("/")[1] for name in layer.namelist()}
    found = [re.fullmatch(r"(.+)-([^-]+)\.dist-info", folder) for folder in folders]
    assert {dependencies.normalized(one[1]): one[2] for one in found if one} == dependencies.pins()


def test_every_pin_is_exact_and_known_by_its_hash() -> None:
    lines = [line for line in dependencies.PINS_FILE.read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w-]+==[\d.]+ --hash=sha256:[0-9a-f]{64}", line)] == []
    assert "boto3" not in dependencies.pins()


def test_every_package_in_the_layer_brings_its_licence(layer: zipfile.ZipFile) -> None:
    licensed = {
        name.split("/")[1] for name in layer.namelist() if ".dist-info/" in name and re.search("LICENSE|METADATA", name)
    }
    assert len(licensed) == len(dependencies.pins())


@pytest.fixture(scope="module")
def runtime(layer: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The import path of the function as Lambda has it: our code, our layer, and what the runtime brings along."""
    folder = tmp_path_factory.mktemp("runtime")
    layer.extractall(folder / "opt")
    zipfile.ZipFile(io.BytesIO(bundle.code_zip())).extractall(folder / "task")
    (folder / "runtime").mkdir()
    for name in RUNTIME_PACKAGES:
        (folder / "runtime" / name).symlink_to(package_folder(name))
    return [str(folder / "task"), str(folder / "opt" / "python"), str(folder / "runtime")]


def in_lambda(runtime: list[str], program: str, **environment: str) -> str:
    """Run a program on that path and nothing else: -I and -S keep this environment out."""
    words = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {runtime!r}\n{program}"]
    answer = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_powertools_and_the_dax_client_come_from_the_layer(runtime: list[str]) -> None:
    program = """
from aws_lambda_powertools import Logger, Metrics, Tracer
import amazondax
Tracer(service="todo", disabled=True), Metrics(namespace="n", service="todo"), Logger(service="todo")
print(*(sys.modules[name].__file__ for name in ("aws_lambda_powertools", "amazondax", "wrapt")))
"""
    assert [origin.startswith(runtime[1]) for origin in in_lambda(runtime, program).split()] == [True] * 3


def test_the_function_starts_on_its_bundle_and_layer_alone(runtime: list[str]) -> None:
    environment = {
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "TABLE_NAME": "table",
        "USER_POOL_ID": "eu-west-1_pool",
        "USER_POOL_CLIENT_ID": "client",
        "IDENTITY_POOL_ID": "eu-west-1:pool",
        "FILES_BUCKET": "files",
        "STAGE": "prod",
    }
    module, _, function = bundle.HANDLER.rpartition(".")
    program = f"import importlib; print(callable(importlib.import_module({module!r}).{function}))"
    assert in_lambda(runtime, program, **environment).strip() == "True"


def package_folder(name: str) -> Path:
    spec = util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
