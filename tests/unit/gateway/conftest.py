"""Fixtures of the gateway's tests."""

from collections.abc import Iterator

import pytest

from tests.unit.gateway.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """A fresh world."""
    made = World()
    yield made
    made.runner.close()
