"""The stack's clock: moved by hand, with the machine's clocks given."""

import pytest

from todo_backend.local.faults.clock import Clock

BEGIN = 1_700_000_000.0


class Machine:
    """The machine's two clocks; the steady one began somewhere else."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def clock(self) -> Clock:
        return Clock(wall=lambda: BEGIN + self.seconds, steady=lambda: 500.0 + self.seconds)


def test_it_is_the_machines_until_it_is_moved() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.seconds = 3.5
    assert (clock.time(), clock.monotonic(), clock.offset_seconds) == (BEGIN + 3.5, 503.5, 0.0)
    assert not clock.is_frozen


def test_it_goes_on_after_an_advance() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.advance(3600)
    machine.seconds = 5
    assert (clock.time(), clock.monotonic(), clock.offset_seconds) == (BEGIN + 3605, 4105, 3600)


def test_a_frozen_one_moves_only_when_it_is_advanced() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.freeze()
    machine.seconds = 50
    assert (clock.time(), clock.monotonic(), clock.offset_seconds) == (BEGIN, 500, -50)
    clock.advance(10)
    machine.seconds = 60
    assert (clock.time(), clock.monotonic()) == (BEGIN + 10, 510)
    assert clock.is_frozen


def test_a_resumed_one_goes_on_from_where_it_stood() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.freeze()
    machine.seconds = 50
    clock.resume()
    machine.seconds = 52
    assert (clock.time(), clock.monotonic()) == (BEGIN + 2, 502)


def test_a_reset_shows_the_machines_time_and_makes_nothing_young_again() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.advance(3600)
    clock.freeze()
    age = clock.monotonic()
    clock.reset()
    assert (clock.time(), clock.offset_seconds, clock.is_frozen) == (BEGIN, 0.0, False)
    assert clock.monotonic() == age


def test_the_age_of_what_carries_the_machines_date_counts_the_moves_since() -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock.age_of(BEGIN - 7) == 7
    machine.seconds = 10
    clock.advance(3600)
    machine.seconds = 20
    clock.freeze()
    assert clock.age_of(BEGIN + 20) == 0
    machine.seconds = 30
    clock.resume()
    machine.seconds = 40
    ages = [clock.age_of(BEGIN + moment) for moment in (5, 10, 15, 25, 35)]
    assert ages == [3625, 3620, 15, 10, 5]
    clock.reset()
    assert clock.age_of(BEGIN + 5) == 35


def test_what_is_dated_in_the_second_of_a_move_is_older_than_the_move() -> None:
    machine = Machine()
    machine.seconds = 0.4
    clock = machine.clock()
    clock.advance(3600)
    assert clock.age_of(BEGIN) == pytest.approx(3600.4)


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 1e12])
def test_it_cannot_be_moved_back_nor_out_of_the_calendar(seconds: float) -> None:
    clock = Machine().clock()
    with pytest.raises(ValueError, match="only a reset goes back"):
        clock.advance(seconds)
    assert clock.time() == BEGIN
