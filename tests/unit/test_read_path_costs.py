"""The model behind the read path's figure: prices with a date and a source, capacity by sizes, and thresholds."""

import json
from pathlib import Path

import pytest

from benchmarks import costs, figure

ROOT = Path(__file__).parents[2]
RUNS = json.loads((ROOT / "benchmarks" / "read_path.json").read_text("utf-8"))["runs"]
USAGE = costs.Usage()
SMALL = {"pk": {"S": "p"}, "sk": {"S": "s"}}
ITEM = {**SMALL, "text": {"S": "x" * 4990}}  # 5,000 bytes and names: two blocks of 4 KB


def test_each_price_has_a_date_and_a_source() -> None:
    assert costs.PRICES["region"] == "us-east-1"
    assert len(costs.PRICES["read_on"]) == len("2026-11-23")
    assert set(costs.PRICES["sources"]) == {"dynamodb", "dax", "api_requests", "api_cache", "lambda"}


@pytest.mark.parametrize(
    ("operation", "asked", "answer", "units"),
    [
        ("GetItem", {}, {"Item": SMALL}, 0.5),
        ("GetItem", {"ConsistentRead": True}, {"Item": ITEM}, 2),
        ("GetItem", {}, {}, 0.5),
        ("Query", {}, {"Items": [ITEM, ITEM, ITEM]}, 2),  # DD-10: the sum is rounded, not each
        ("Query", {"ConsistentRead": True}, {"Items": []}, 1),
        ("BatchGetItem", {"RequestItems": {"t": {}}}, {"Responses": {"t": [SMALL, ITEM]}}, 1.5),
        ("TransactGetItems", {}, {"Responses": [{"Item": SMALL}, {"Item": ITEM}]}, 6),
        ("TransactWriteItems", {}, {}, 0),
    ],
)
def test_dd_10_read_units_follow_from_sizes(
    operation: str, asked: dict[str, object], answer: dict[str, object], units: float
) -> None:
    assert costs.read_units(operation, asked, answer) == units


def test_dd_11_write_units_of_a_transaction_are_double_and_the_index_is_written_too() -> None:
    put = {"Put": {"Item": SMALL, "ConditionExpression": "attribute_not_exists(pk)"}}
    update = {"Update": {"ExpressionAttributeValues": {":r": {"N": "5"}}, "ConditionExpression": "#r = :r"}}
    assert costs.write_units("TransactWriteItems", {"TransactItems": [put]}) == 3
    assert costs.write_units("TransactWriteItems", {"TransactItems": [put, update]}) == 7
    assert costs.write_units("Query", {}) == 0


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({}, 0),
        ({"é": {"S": "é"}}, 4),
        ({"n": {"N": "1234"}}, 4),
        ({"b": {"BOOL": True}}, 2),
        ({"l": {"L": [{"S": "ab"}]}}, 7),
        ({"m": {"M": {"a": {"S": "b"}}}}, 7),
    ],
)
def test_the_size_of_an_item_is_that_of_its_names_and_values(item: dict[str, dict[str, object]], size: int) -> None:
    assert costs.item_bytes(item) == size


def test_requests_are_paid_tier_by_tier() -> None:
    assert costs.api_requests(1e6) == pytest.approx(3.5)
    assert costs.api_requests(333e6) == pytest.approx(333 * 3.5)
    assert costs.api_requests(1000e6) == pytest.approx(333 * 3.5 + 667 * 2.8)


def test_the_smallest_cache_that_holds_what_is_needed_is_taken() -> None:
    assert costs.dax_node(1)["type"] == "dax.t3.small"
    assert costs.dax_node(2e9 + 1)["type"] == "dax.r5.large"
    assert costs.dax_node(1e15)["memory_gb"] == 768
    assert costs.api_cache(0.6)["size_gb"] == 1.6
    assert costs.api_cache(1e6)["size_gb"] == 237


def test_a_cache_that_is_too_small_saves_only_its_share() -> None:
    usage = costs.Usage(active_share_api=1.0)
    small, large = (costs.monthly(costs.PATHS[2], users, RUNS, usage) for users in (1e6, 1e8))
    assert large["Lambda"] / 1e8 > small["Lambda"] / 1e6
    assert costs.monthly(costs.PATHS[1], 1e8, RUNS, usage)["Lambda"] >= large["Lambda"]


def test_below_the_threshold_a_cache_costs_more_and_above_it_less() -> None:
    for path, than in ((costs.PATHS[1], costs.PATHS[0]), (costs.PATHS[2], costs.PATHS[1])):
        users = costs.pays_from(path, than, RUNS, USAGE)
        assert users is not None
        below, above = (
            sum(costs.monthly(path, n, RUNS, USAGE).values()) - sum(costs.monthly(than, n, RUNS, USAGE).values())
            for n in (users / 1.06, users * 1.01)
        )
        # Bills have steps, where a cache has to be larger: just below the threshold it costs more, from there on less.
        assert below > 0 >= above


def test_what_never_pays_is_said_to_never_pay() -> None:
    assert costs.pays_from(costs.PATHS[1], costs.PATHS[1], RUNS, USAGE) is not None
    dear = {**RUNS, costs.PATHS[1]: {**RUNS[costs.PATHS[0]], "read_units": 10 * RUNS[costs.PATHS[0]]["read_units"]}}
    assert costs.pays_from(costs.PATHS[1], costs.PATHS[0], dear, USAGE) is None


def test_dax_saves_nine_read_units_of_ten_in_the_run_that_is_shown() -> None:
    direct, dax = (RUNS[path]["read_units"] for path in costs.PATHS[:2])
    assert dax <= 0.1 * direct


def test_the_page_shows_the_table_of_the_run_at_todays_prices() -> None:
    # `python -m benchmarks.read_path --draw` writes both anew.
    assert figure.table(RUNS) in (ROOT / "docs" / "caching.md").read_text("utf-8")


def test_the_figure_was_drawn_from_the_run_at_todays_prices() -> None:
    drawn = (ROOT / "docs" / "images" / "read-path.svg").read_text("utf-8")
    assert figure.digest(RUNS) in drawn
