"""The table in docs/conformance.md is what the tests say, and a test that goes takes its statement along."""

from __future__ import annotations

import pytest

from .statements import Statement, named_by, statements
from .table import PAGE, Test, collect, exceptions, rendered, rows, share, with_table

LEAST_SHARE = 0.9


@pytest.fixture(scope="module")
def tests() -> list[Test]:
    return collect()


def test_the_table_is_what_the_tests_say(tests: list[Test]) -> None:
    """Red? `python -m tests.conformance.table` writes it anew."""
    table = rendered(rows(statements(), tests, exceptions()))
    assert PAGE.read_text() == with_table(PAGE.read_text(), table)


def test_nine_of_ten_applicable_statements_are_kept(tests: list[Test]) -> None:
    found = rows(statements(), tests, exceptions())
    assert len(found) == 357
    assert share(found) >= LEAST_SHARE


def test_without_its_tests_a_statement_is_not_kept(tests: list[Test]) -> None:
    left = [test for test in tests if "UP-53" not in named_by(test.name)]
    assert len(left) < len(tests)
    before, after = (
        {row.statement.id: row.state for row in rows(statements(), each, exceptions())} for each in (tests, left)
    )
    assert (before["UP-53"], after["UP-53"]) == ("kept", "not kept")
    table = rendered(rows(statements(), left, exceptions()))
    assert PAGE.read_text() != with_table(PAGE.read_text(), table)


def test_a_test_that_is_known_to_fail_keeps_nothing() -> None:
    found = [Statement("UP-01", "a", "D"), Statement("UP-02", "b", "D")]
    tests = [Test("tests/a.py::test_up_01_x"), Test("tests/a.py::test_up_01_up_02_y", "why")]
    assert [(row.state, row.told) for row in rows(found, tests, exceptions())] == [("not kept", "why")] * 2
    assert share(rows(found, tests[:1], exceptions())) == 0.5


def test_an_exception_is_for_a_statement_that_there_is_and_no_test_contradicts_it(tests: list[Test]) -> None:
    known = {statement.id for statement in statements()}
    named = {name for test in tests if not test.not_kept for name in named_by(test.name)}
    for reasons in exceptions().values():
        assert reasons.keys() <= known
        assert all(reasons.values())
        assert not reasons.keys() & named
    assert named <= known


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("test_up_53_a_wrong_password", {"UP-53"}),
        ("test_up_72_to_74_a_token", {"UP-72", "UP-73", "UP-74"}),
        ("test_up_01_and_02_public", {"UP-01", "UP-02"}),
        ("test_up_43_44_three_hundred", {"UP-43", "UP-44"}),
        ("test_ac_19_se_04_mixed", {"AC-19", "SE-04"}),
        ("test_up_100_without_grace", {"UP-100"}),
        ("test_it_is_refused[AG-01 no token]", {"AG-01"}),
        ("test_answers_403_to_up_99", set()),
        ("test_s3_27_takes_24_hours", {"S3-27"}),
    ],
)
def test_ids_are_read_from_the_beginning_of_a_name(name: str, ids: set[str]) -> None:
    assert named_by(name) == ids
