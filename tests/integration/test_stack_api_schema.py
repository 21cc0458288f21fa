"""The API against its own OpenAPI document, by schemathesis: it answers what it promises, and nothing draws a fault."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tests.conftest import FUZZ_EXAMPLES, RunningStack, confirmed_user
from todo_sdk import MemoryTokenStore, TodoClient, fetch_config

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text("utf-8"))
OPERATIONS: dict[str, Any] = {
    found.ok().label: found.ok()
    for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
    if isinstance(found, Ok)
}
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]
bounded = settings(
    max_examples=max(FUZZ_EXAMPLES // 8, 10),
    deadline=None,
    derandomize=True,  # the seed: the same requests in each run; a long run makes up more of them
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def session(stack: RunningStack) -> Iterator[requests.Session]:
    """Asks as a user whose to-dos may be spoiled."""
    store = MemoryTokenStore()
    with TodoClient(fetch_config(stack.output("ApiUrl")), store=store) as client, requests.Session() as asking:
        client.auth.sign_in(*confirmed_user(stack))
        kept = store.load()
        assert kept is not None
        asking.headers["Authorization"] = str(kept["id_token"])
        yield asking


def ask(case: "Case[Any]", stack: RunningStack, session: requests.Session) -> requests.Response:
    """What the API says to the case, sent with the session's token instead of a made-up one."""
    given_ = case.as_transport_kwargs(base_url=stack.output("ApiUrl"))
    given_["headers"] = {name: value for name, value in given_["headers"].items() if name.lower() != "authorization"}
    return session.request(**given_, timeout=30, allow_redirects=False)


def test_the_document_has_every_route() -> None:
    assert len(OPERATIONS) == 9


@pytest.mark.parametrize("label", sorted(OPERATIONS))
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "unfitting"])
def test_what_is_promised_is_answered(
    stack: RunningStack, session: requests.Session, label: str, mode: GenerationMode
) -> None:
    if mode is GenerationMode.NEGATIVE and label == "GET /v1/config":
        pytest.skip("a request without any input has none that does not fit")

    @bounded
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    def each(case: "Case[Any]") -> None:
        answer = ask(case, stack, session)
        case.validate_response(answer, checks=CHECKS)

    each()
