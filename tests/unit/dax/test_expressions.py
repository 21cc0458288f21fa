"""Expression trees to DynamoDB's text; the trees are those of the DAX protocol notes, section 8, or the client's."""

import contextlib
from typing import Any

import pytest
from amazondax import CborSExprGenerator
from hypothesis import given, settings
from hypothesis import strategies as st

from todo_backend.local.dax import DaxError, cbor
from todo_backend.local.dax.expressions import Printer, project, projection, resolve

A, B = [18, "a"], [18, "b"]
V0, V1, V2 = [17, 0], [17, 1], [17, 2]
EQ, NE, LT = [0, A, V0], [1, B, V1], [2, A, V2]


def printed(tree: Any, values: Any = (1, 2, 3)) -> str:
    return Printer().condition(cbor.encode([1, tree, list(values)]))


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (EQ, "#n0 = :v0"),
        ([3, A, V0], "#n0 >= :v0"),
        ([4, A, V0], "#n0 > :v0"),
        ([5, A, V0], "#n0 <= :v0"),
        ([6, EQ, NE], "#n0 = :v0 AND #n1 <> :v1"),
        ([7, [6, EQ, NE], LT], "#n0 = :v0 AND #n1 <> :v1 OR #n0 < :v2"),
        ([6, [7, EQ, NE], LT], "(#n0 = :v0 OR #n1 <> :v1) AND #n0 < :v2"),
        ([6, EQ, [6, NE, LT]], "#n0 = :v0 AND #n1 <> :v1 AND #n0 < :v2"),
        ([8, EQ], "NOT #n0 = :v0"),
        ([8, [6, EQ, NE]], "NOT (#n0 = :v0 AND #n1 <> :v1)"),
        ([8, [8, EQ]], "NOT NOT #n0 = :v0"),
        ([6, [8, EQ], NE], "NOT #n0 = :v0 AND #n1 <> :v1"),
        ([9, A, V0, V1], "#n0 BETWEEN :v0 AND :v1"),
        ([10, A, [V0, V1, V0]], "#n0 IN (:v0, :v1, :v0)"),
        ([11, A], "attribute_exists(#n0)"),
        ([12, A], "attribute_not_exists(#n0)"),
        ([13, A, V0], "attribute_type(#n0, :v0)"),
        ([14, A, V0], "begins_with(#n0, :v0)"),
        ([15, A, B], "contains(#n0, #n1)"),
        ([4, [16, A], V0], "size(#n0) > :v0"),
        ([0, [18, "a", "b", cbor.Tag(3324, 2), "a"], V0], "#n0.#n1[2].#n0 = :v0"),
    ],
)
def test_a_condition(tree: Any, text: str) -> None:
    assert printed(tree) == text


def test_only_values_that_are_referred_to_are_sent() -> None:
    printer = Printer()
    assert printer.condition(cbor.encode([1, LT, [1, 2, 3]])) == "#n0 < :v0"
    assert printer.parameters() == {
        "ExpressionAttributeNames": {"#n0": "a"},
        "ExpressionAttributeValues": {":v0": {"N": "3"}},
    }


def test_expressions_of_one_request_share_their_placeholders() -> None:
    printer = Printer()
    assert printer.condition(cbor.encode([1, EQ, ["x"]])) == "#n0 = :v0"
    assert printer.condition(cbor.encode([1, EQ, ["y"]])) == "#n0 = :v1"
    assert printer.values == {":v0": {"S": "x"}, ":v1": {"S": "y"}}


def test_an_update_is_grouped_by_clause() -> None:
    actions = [
        [19, A, [25, A, V0]],
        [22, B],
        [20, [18, "c"], V1],
        [19, [18, "d"], [24, [18, "d"], V2]],
        [21, B, V0],
        [22, A],
    ]
    text = Printer().update(cbor.encode([1, actions, [1, 2, 3]]))
    assert text == "SET #n0 = #n0 + :v0, #n3 = list_append(#n3, :v2) REMOVE #n1, #n0 ADD #n2 :v1 DELETE #n1 :v0"


def test_a_chain_of_300_operators_prints() -> None:
    tree = EQ
    for _ in range(300):
        tree = [7, tree, EQ]
    assert printed(tree).count(" OR ") == 300


@pytest.mark.parametrize(
    "tree",
    [
        *(None, [], 5, [99, A], [0, A], [0, A, [17, 3]], [0, A, [17, -1]], [10, A, []], [10, A, V0], [0, [18], V0]),
        *([0, [18, 1], V0], [18, "a"], [0, A, [19, A, V0]], ["=", A, V0], [0, [18, "a", None], V0], [-1, A, A]),
        [0, [18, "a", cbor.Tag(3321, 1)], V0],
    ],
)
def test_a_tree_that_means_nothing_is_a_validation_error(tree: Any) -> None:
    with pytest.raises(DaxError) as caught:
        printed(tree)
    assert caught.value.name == "ValidationException"


@pytest.mark.parametrize(
    "raw", [None, b"", b"\x80", cbor.encode([2, EQ, []]), cbor.encode([1, EQ, [1]]) + b"\x00", b"\x83\x01"]
)
def test_bytes_that_are_no_expression_are_a_validation_error(raw: Any) -> None:
    for attempt in (Printer().condition, Printer().update, projection):
        with pytest.raises(DaxError):
            attempt(raw)


@settings(max_examples=1000, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_an_expression_or_a_validation_error(raw: bytes) -> None:
    for attempt in (Printer().condition, Printer().update, projection):
        with contextlib.suppress(DaxError):
            attempt(raw)


@pytest.mark.parametrize(
    "text",
    [
        "pk = :a AND (b < :b OR NOT (c > :a AND attribute_exists(d.e[3])))",
        "NOT contains(a, :a) OR size(b) IN (:a, :b) AND a BETWEEN :a AND :b",
    ],
)
def test_the_client_s_own_trees_print_to_what_it_parsed(text: str) -> None:
    values = {":a": {"N": "1"}, ":b": {"N": "2"}}
    raw = CborSExprGenerator.encode_condition_expression(text, {}, values)
    printer = Printer()
    result = printer.condition(raw)
    for placeholder, name in printer.names.items():
        result = result.replace(placeholder, name)
    names = {str(value): name for name, value in values.items()}
    for placeholder, value in printer.values.items():
        result = result.replace(placeholder, names[str(value)])
    assert result == text


def test_a_projection_refers_to_paths_by_their_place() -> None:
    paths = projection(bytes.fromhex("820182821261618412616d6178d90cfc02"))
    assert paths == (("a",), ("m", "x", 2))
    item = {"m": {"M": {"x": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}]}}}}
    assert project(item, paths).hex() == "a10102"
    assert project({"z": {"S": ""}}, paths) == b"\xa0"
    assert resolve(item, ("m", "x", 3)) is None
    assert resolve(item, ("m", 0)) is None
    assert resolve(item, ("m", "x", "y")) is None


@pytest.mark.parametrize("paths", [[[18, "a"], [18, "a", "b"]], [[18, "a", "b"], [18, "c"], [18, "a", "b"]]])
def test_paths_that_overlap_are_refused(paths: Any) -> None:
    with pytest.raises(DaxError, match="overlap"):
        projection(cbor.encode([1, paths]))
