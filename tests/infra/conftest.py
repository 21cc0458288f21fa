"""The template: as it is committed, and as it is synthesized now."""

from __future__ import annotations

import copy
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from todo_backend import artifacts
from todo_backend.service.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from todo_backend.service.routes import Route

    Template = dict[str, Any]


@pytest.fixture
def template() -> Template:
    """The template that travels in the wheel; a fresh copy, so that a test may break it."""
    return artifacts.template()


@pytest.fixture(scope="session")
def synthesize() -> Callable[..., Template]:
    """Synthesize with these context switches and routes; each combination once a session."""
    if find_spec("aws_cdk") is None:
        pytest.skip("the extra `backend` is not installed")
    if shutil.which("node") is None:  # before the import, which starts it
        pytest.skip("there is no Node on the PATH, and aws-cdk-lib runs in it")
    from todo_backend.infra.app import synthesize as really

    made: dict[str, Template] = {}

    def once(routes: Sequence[Route] = ROUTES, **switches: str) -> Template:
        key = repr((routes, sorted(switches.items())))
        if key not in made:
            made[key] = really(switches, routes)
        return copy.deepcopy(made[key])

    return once
