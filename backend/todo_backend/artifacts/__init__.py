"""What was built ahead of time and travels in the wheel, so that `todo up` needs neither Node nor aws-cdk-lib.

`make artifacts` builds both; `tests/infra` fails when they no longer match their sources.
"""

import json
from importlib import resources
from typing import Any


def template() -> dict[str, Any]:
    """The synthesized template, with DAX and API Gateway's response cache on; a fresh copy every time."""
    loaded: dict[str, Any] = json.loads(resources.files(__name__).joinpath("template.json").read_bytes())
    return loaded


def dependencies_zip() -> bytes:
    """The Lambda layer with the third-party packages of the function, pure Python, in a folder `python/`."""
    return resources.files(__name__).joinpath("dependencies.zip").read_bytes()
