"""Confirmation codes: random, expiring, not to be guessed."""

import stat
from pathlib import Path

import pytest

from todo_backend.local.datadir import DataDir
from todo_backend.local.identity_codes import HOUR_SECONDS, CodeBook, Purpose, Verdict, masked


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(tmp_path: Path, clock: Clock) -> CodeBook:
    return CodeBook(DataDir(tmp_path), clock)


def another(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_the_right_code_is_right_until_it_is_used(book: CodeBook) -> None:
    code = book.issue(Purpose.SIGN_UP, "alice")
    assert book.check(Purpose.SIGN_UP, "alice", code) is Verdict.RIGHT
    book.forget(Purpose.SIGN_UP, "alice")
    assert book.check(Purpose.SIGN_UP, "alice", code) is Verdict.EXPIRED


def test_codes_are_six_digits_and_differ(book: CodeBook) -> None:
    codes = {book.issue(Purpose.SIGN_UP, f"user{number}") for number in range(50)}
    assert all(len(code) == 6 and code.isdigit() for code in codes)
    assert len(codes) > 40


def test_a_wrong_code_is_a_mismatch(book: CodeBook) -> None:
    code = book.issue(Purpose.SIGN_UP, "alice")
    assert book.check(Purpose.SIGN_UP, "alice", another(code)) is Verdict.WRONG
    assert Verdict.WRONG.value[0] == "CodeMismatchException"


def test_a_code_is_for_one_user_and_one_purpose(book: CodeBook) -> None:
    code = book.issue(Purpose.SIGN_UP, "alice")
    assert book.check(Purpose.RESET, "alice", code) is Verdict.EXPIRED
    assert book.check(Purpose.SIGN_UP, "bob", code) is Verdict.EXPIRED


def test_a_new_code_replaces_the_one_before(book: CodeBook) -> None:
    first = book.issue(Purpose.SIGN_UP, "alice")
    second = book.issue(Purpose.SIGN_UP, "alice")
    if first != second:
        assert book.check(Purpose.SIGN_UP, "alice", first) is Verdict.WRONG
    assert book.check(Purpose.SIGN_UP, "alice", second) is Verdict.RIGHT


@pytest.mark.parametrize(("purpose", "hours"), [(Purpose.SIGN_UP, 24), (Purpose.RESET, 1)])
def test_up_21_up_35_a_code_expires(book: CodeBook, clock: Clock, purpose: Purpose, hours: int) -> None:
    code = book.issue(purpose, "alice")
    clock.now += hours * HOUR_SECONDS
    assert book.check(purpose, "alice", code) is Verdict.RIGHT
    clock.now += 1
    assert book.check(purpose, "alice", code) is Verdict.EXPIRED


@pytest.mark.parametrize(("purpose", "attempts"), [(Purpose.SIGN_UP, 15), (Purpose.RESET, 20)])
def test_guessing_ends_even_for_the_right_code_and_a_new_one(book: CodeBook, purpose: Purpose, attempts: int) -> None:
    code = book.issue(purpose, "alice")
    verdicts = {book.check(purpose, "alice", another(code)) for _ in range(attempts)}
    assert verdicts == {Verdict.WRONG}
    assert book.check(purpose, "alice", code) is Verdict.LIMITED
    assert book.check(purpose, "alice", book.issue(purpose, "alice")) is Verdict.LIMITED


def test_attempts_are_forgotten_after_an_hour(book: CodeBook, clock: Clock) -> None:
    code = book.issue(Purpose.SIGN_UP, "alice")
    for _ in range(15):
        book.check(Purpose.SIGN_UP, "alice", another(code))
    clock.now += HOUR_SECONDS
    assert book.check(Purpose.SIGN_UP, "alice", code) is Verdict.RIGHT


def test_codes_and_attempts_outlive_the_process(tmp_path: Path, book: CodeBook, clock: Clock) -> None:
    code = book.issue(Purpose.SIGN_UP, "alice")
    for _ in range(15):
        book.check(Purpose.SIGN_UP, "alice", another(code))
    again = CodeBook(DataDir(tmp_path), clock)
    assert again.check(Purpose.SIGN_UP, "alice", code) is Verdict.LIMITED
    assert stat.S_IMODE((tmp_path / "codes.json").stat().st_mode) == 0o600


def test_a_damaged_file_is_an_empty_book(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "codes.json").write_text('{"sign-up alice": {"code": "1"')
    assert CodeBook(DataDir(tmp_path), clock).check(Purpose.SIGN_UP, "alice", "1") is Verdict.EXPIRED


@pytest.mark.parametrize(
    ("email", "shown"), [("test@test.com", "t***@t***"), ("a@b", "a***@b***"), ("+15550100", "+15550100")]
)
def test_a_destination_is_masked_as_cognito_masks_it(email: str, shown: str) -> None:
    assert masked(email) == shown  # UP-10
