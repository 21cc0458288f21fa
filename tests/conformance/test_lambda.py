"""Lambda as the API relies on it (LA-…)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from .conftest import Sut, refusal
from .probe import Functions
from .probe import functions as made_for

SECONDS = 3
UUID = r"[0-9a-f]{8}-[0-9a-f-]{27}"


@pytest.fixture(scope="module")
def functions(sut: Sut) -> Iterator[Functions]:
    yield from made_for(sut)


@pytest.fixture(scope="module")
def probe(functions: Functions) -> str:
    name = functions.make(Timeout=SECONDS, Environment={"Variables": {"COLOUR": "green"}})
    while "born" not in functions.call(name, {"mode": "plain"})[1]:
        pass  # a busy machine may take longer than that to begin
    return name


def test_la_01_la_02_an_environment_is_used_again_with_its_globals(functions: Functions, probe: str) -> None:
    told = [functions.call(probe, {"mode": "plain"})[1] for _ in range(3)]
    again = {answer["born"]: answer["calls"] for answer in told}
    assert max(again.values()) > 1, "globals outlive a call: what one user leaves there, the next one finds"


def test_la_03_a_timeout_ends_the_environment(functions: Functions, probe: str) -> None:
    before = functions.call(probe, {"mode": "plain"})[1]["born"]
    answer, _ = functions.call(probe, {"mode": "sleep30"})
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert functions.call(probe, {"mode": "plain"})[1]["born"] != before


@pytest.mark.not_kept("the message does not name the request")
def test_la_04_a_timeout_is_told(functions: Functions, probe: str) -> None:
    _, said = functions.call(probe, {"mode": "sleep30"})
    assert said["errorType"] == "Sandbox.Timedout"
    assert re.fullmatch(rf"RequestId: {UUID} Error: Task timed out after 3.00 seconds", said["errorMessage"])


@pytest.mark.not_kept("the type of the error is Runtime.HandlerError")
def test_la_05_an_exception_of_the_handler(functions: Functions, probe: str) -> None:
    answer, said = functions.call(probe, {"mode": "raise"})
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert (said["errorMessage"], said["errorType"]) == ("Handler fails", "Exception")
    assert re.fullmatch(UUID, said["requestId"])
    assert re.search(r'File "/var/task/index.py", line \d+, in handler', "".join(said["stackTrace"]))


@pytest.mark.not_kept("the type of the error is RuntimeError")
def test_la_06_a_function_that_cannot_be_imported_or_leaves(functions: Functions, probe: str) -> None:
    broken = functions.make("import nothing_of_that_name")
    answer, said = functions.call(broken, {})
    assert (answer["FunctionError"], said["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")
    assert said["requestId"] == ""
    _, left = functions.call(probe, {"mode": "exit"})
    assert left["errorType"] == "Runtime.ExitError"
    assert left["errorMessage"].endswith("Error: Runtime exited without providing a reason")


@pytest.mark.not_kept("a direct call may answer more; the gateway refuses it")
def test_la_07_an_answer_over_6_mb(functions: Functions, probe: str) -> None:
    answer, said = functions.call(probe, {"mode": "large"})
    assert answer["FunctionError"] == "Unhandled"
    assert said["errorType"] == "Function.ResponseSizeTooLarge"
    assert said["errorMessage"] == "Response payload size exceeded maximum allowed payload size (6291556 bytes)."


@pytest.mark.not_kept("the function is called all the same")
def test_la_08_a_payload_that_is_no_json(functions: Functions, probe: str) -> None:
    said = refusal(functions.aws.invoke, FunctionName=probe, Payload=b"{no json")
    assert (said.status, said.code) == (400, "InvalidRequestContentException")
    assert said.message.startswith("Could not parse request body into json: ")


@pytest.mark.not_kept("the text names the function")
def test_la_09_no_concurrency_left(functions: Functions) -> None:
    name = functions.make()
    functions.aws.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    said = refusal(functions.aws.invoke, FunctionName=name, Payload=b"{}")
    assert (said.status, said.code, said.message) == (429, "TooManyRequestsException", "Rate Exceeded.")
    assert said.details["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


@pytest.mark.not_kept("some variables are missing, and none is refused")
def test_la_10_the_environment_of_a_function(functions: Functions, probe: str, sut: Sut) -> None:
    told = functions.call(probe, {"mode": "plain"})[1]["environment"]
    assert told["COLOUR"] == "green"
    assert (told["AWS_REGION"], told["AWS_LAMBDA_FUNCTION_NAME"]) == (sut.region, probe)
    assert told["AWS_EXECUTION_ENV"].startswith("AWS_Lambda_python")
    assert (told["TZ"], told["LAMBDA_TASK_ROOT"]) == (":UTC", "/var/task")
    assert told["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert told["AWS_SESSION_TOKEN"]
    reserved = refusal(functions.make, Environment={"Variables": {"AWS_REGION": "x"}})
    assert (reserved.status, reserved.code) == (400, "InvalidParameterValueException")
    large = refusal(functions.make, Environment={"Variables": {"A": "x" * 4096}})
    assert (large.status, large.code) == (400, "InvalidParameterValueException")
