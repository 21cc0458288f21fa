"""What the table is asked, and what its errors become; with a client that answers what it is told."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from todo_backend.service.attributes import from_attribute, from_item, to_attribute, to_item
from todo_backend.service.changes import Change, Meta, apply
from todo_backend.service.errors import ThrottledError, UnavailableError
from todo_backend.service.partition import RaceLostError, Range
from todo_backend.service.settings import REQUIRED, Settings
from todo_backend.service.store import Table, UserPartition, connect, connect_to_dax
from todo_backend.service.todos import DEFAULTS

TODO_ID = "019ab000-0000-7000-8000-000000000001"
WITHOUT_DAX = {**dict.fromkeys(REQUIRED, "x"), "AWS_REGION": "eu-west-1"}
WITH_DAX = {**WITHOUT_DAX, "DAX_ENDPOINT": "daxs://cluster"}
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLAN = apply((Change("create", TODO_ID, "k", {**DEFAULTS, "title": "milk"}),), {}, Meta(4), NOW)


class Client:
    """Answers each call with the next of the given answers, an exception by raising it."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            self.calls.append((operation, parameters))
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def partition(*answers: Any) -> tuple[UserPartition, Client]:
    client = Client(*answers)
    return UserPartition(client, "todos", "alice"), client


def client_error(code: str, status: int = 400, **rest: Any) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "secret"}, "ResponseMetadata": {"HTTPStatusCode": status}, **rest}, "Op"
    )


def cancelled(*codes: str) -> ClientError:
    return client_error("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


def cancelled_in_dax(*codes: str) -> ClientError:
    # DAX_PROTOCOL 12.3: the Python client has one flat list of (code, message, item) instead.
    error = client_error("TransactionCanceledException")
    vars(error)["cancellation_reasons"] = [part for code in codes for part in (code, "message", None)]
    return error


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (cancelled("None", "ConditionalCheckFailed"), RaceLostError),
        (cancelled("TransactionConflict", "None"), RaceLostError),
        (cancelled_in_dax("None", "ConditionalCheckFailed"), RaceLostError),
        (client_error("TransactionConflictException"), RaceLostError),
        (client_error("TransactionInProgressException"), RaceLostError),
        (cancelled("ThrottlingError", "ConditionalCheckFailed"), ThrottledError),
        (cancelled_in_dax("ProvisionedThroughputExceeded"), ThrottledError),
        (client_error("ProvisionedThroughputExceededException"), ThrottledError),
        (client_error("ThrottlingException"), ThrottledError),
        (client_error("RequestLimitExceeded"), ThrottledError),
        (client_error("InternalServerError", 500), UnavailableError),
        (client_error("NoRouteException", 0), UnavailableError),
        (client_error("SomethingNew", 503), UnavailableError),
        (ConnectTimeoutError(endpoint_url="x"), UnavailableError),
        (ReadTimeoutError(endpoint_url="x"), UnavailableError),
        (EndpointConnectionError(endpoint_url="x"), UnavailableError),
        (ConnectionResetError(), UnavailableError),
        (client_error("ValidationException"), ClientError),
        (cancelled("ValidationError"), ClientError),
    ],
)
def test_errors_of_the_table_become_what_the_caller_can_act_on(error: Exception, meaning: type[Exception]) -> None:
    user, _ = partition(error)
    with pytest.raises(meaning) as caught:
        user.write(PLAN)
    if not isinstance(caught.value, ClientError):
        assert "secret" not in str(caught.value)


def test_a_new_todo_and_the_revision_are_one_conditional_transaction() -> None:
    user, client = partition({"ConsumedCapacity": [{"CapacityUnits": 6.0}]})
    user.write(PLAN)
    ((operation, parameters),) = client.calls
    put, update = (next(iter(action.values())) for action in parameters["TransactItems"])
    assert operation == "transact_write_items"
    assert put["ConditionExpression"] == "attribute_not_exists(pk)"
    assert (put["Item"]["pk"], put["Item"]["sk"]) == ({"S": "USER#alice"}, {"S": f"TODO#{TODO_ID}"})
    assert update["ConditionExpression"] == "#revision = :read_revision"
    assert update["ExpressionAttributeValues"][":read_revision"] == {"N": "4"}
    assert update["ExpressionAttributeValues"][":revision"] == {"N": "5"}
    assert (user.facts.writes, user.facts.write_units) == (1, 6.0)


def test_a_change_is_written_only_over_the_version_that_was_read() -> None:
    plan = apply((Change("update", TODO_ID, "k", {"title": "tea"}),), PLAN.puts, PLAN.after, NOW)
    user, client = partition({})
    user.write(plan)
    put = client.calls[0][1]["TransactItems"][0]["Put"]
    assert put["ConditionExpression"] == "version = :read_version"
    assert put["ExpressionAttributeValues"] == {":read_version": {"N": "1"}}


def test_the_first_write_of_a_user_expects_no_meta() -> None:
    user, client = partition({})
    user.write(apply((Change("create", TODO_ID, "k", {**DEFAULTS, "title": "milk"}),), {}, Meta(), NOW))
    update = client.calls[0][1]["TransactItems"][-1]["Update"]
    assert update["ConditionExpression"] == "attribute_not_exists(pk)"


def test_the_current_revision_is_in_the_querys_parameters_and_leaves_nothing_out() -> None:
    user, client = partition({"Items": []}, {"Items": []})
    user.block(Range(at=7), consistent=False)
    user.block(Range(at=8), consistent=False)
    seven, eight = (parameters["ExpressionAttributeValues"] for _, parameters in client.calls)
    assert seven != eight
    assert int(seven[":high"]["N"]) > 10**12
    assert "Limit" not in client.calls[0][1]
    # DynamoDB refuses a filter on the index's own key attributes.
    assert "FilterExpression" not in client.calls[0][1]


def test_meta_in_the_index_is_left_out_and_the_end_of_a_block_is_told() -> None:
    row = {"pk": {"S": "USER#alice"}, "sk": {"S": "META"}, "revision": {"N": "5"}}
    todo = {**row, **to_item(PLAN.puts[TODO_ID]), "sk": {"S": f"TODO#{TODO_ID}"}}
    user, _ = partition({"Items": [row, todo], "LastEvaluatedKey": {"revision": {"N": "5"}}})
    block = user.block(Range(at=5), consistent=True)
    assert (block.revisions, block.end, block.top) == ((5,), 5, 5)
    assert block.load(0)["title"] == "milk"


def test_an_empty_range_is_not_asked_for() -> None:
    user, client = partition()
    assert user.block(Range(at=5, below=1), consistent=True).revisions == ()
    assert client.calls == []


def test_what_a_throttled_batch_left_over_is_asked_for_again() -> None:
    # DD-16
    meta = {"pk": {"S": "USER#alice"}, "sk": {"S": "META"}, "revision": {"N": "5"}, "changed_at": {"S": "t"}}
    left = {"UnprocessedKeys": {"todos": {"Keys": [{"pk": meta["pk"], "sk": meta["sk"]}]}}}
    user, client = partition(left, {"Responses": {"todos": [meta]}})
    assert user.load([TODO_ID], consistent=True) == (Meta(5, "t", 4, 1), {})
    assert client.calls[1][1]["RequestItems"]["todos"]["Keys"] == left["UnprocessedKeys"]["todos"]["Keys"]
    again, _ = partition(left, left)
    with pytest.raises(ThrottledError):
        again.load([TODO_ID], consistent=True)


@pytest.mark.parametrize("value", [None, True, False, 0, 10**15, "", "ä", [], ["a", ["b"]]])
def test_values_survive_the_table(value: Any) -> None:
    back = from_attribute(to_attribute(value))
    assert (back, type(back)) == (value, type(value))
    assert from_item(to_item({"x": value})) == {"x": value}


def test_a_type_that_no_item_has_is_a_defect() -> None:
    with pytest.raises(TypeError):
        to_attribute(1.5)
    with pytest.raises(TypeError):
        from_attribute({"B": b"x"})


def test_a_partition_does_not_show_its_owner() -> None:
    assert "alice" not in repr(partition()[0])


def test_the_client_gives_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    config = connect(Settings.from_environment(WITHOUT_DAX)).meta.config
    # API Gateway waits 29 s (AG-27): five rounds of a transaction must fit with room to spare.
    assert (config.connect_timeout, config.read_timeout) == (1, 3)
    assert config.retries["total_max_attempts"] == 2


def test_the_dax_client_gives_up_soon_and_repeats_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    def client(session: object, **parameters: Any) -> str:
        made.append(parameters)
        return "dax"

    monkeypatch.setattr("amazondax.AmazonDaxClient", client)
    assert connect_to_dax(Settings.from_environment(WITH_DAX)) == "dax"
    config = made[0]["config"]
    assert made[0]["endpoint_url"] == "daxs://cluster"
    assert (config.region_name, config.connect_timeout, config.read_timeout) == ("eu-west-1", 1, 2)
    assert config.retries["max_attempts"] == 0


@pytest.mark.parametrize(("environ", "asked"), [(WITH_DAX, "dax"), (WITHOUT_DAX, "dynamodb")])
def test_the_endpoint_in_the_environment_decides_who_is_asked(environ: dict[str, str], asked: str) -> None:
    clients = {"dax": Client({}), "dynamodb": Client({})}
    table = Table(
        Settings.from_environment(environ),
        connect=lambda settings: clients["dynamodb"],
        connect_to_dax=lambda settings: clients["dax"],
    )
    table.open()
    table.partition_of("alice").meta(consistent=False)
    assert {name: len(client.calls) for name, client in clients.items()} == {"dax": 0, "dynamodb": 0} | {asked: 1}
