"""How long a body is waited for, and the memory it takes."""

from __future__ import annotations

import pytest

from depot_sim.connection_guard import BodyMemory, LimitedBody, Limits
from depot_sim.connection_guard.bodies import FREE_BYTES

LIMITS = Limits(body_seconds=30, body_bytes_per_second=16_384)


@pytest.fixture
def body() -> LimitedBody:
    return LimitedBody(LIMITS, BodyMemory(2**30))


@pytest.mark.parametrize("part", [1_400, 16_384, 65_536])
def test_a_large_body_over_a_slow_line_is_waited_for(body: LimitedBody, part: int) -> None:
    """16 MB with exactly the least rate; that is 17 minutes."""
    for _ in range(2**24 // part + 1):
        assert body.seconds_left >= part / 16_384
        body.part_came(part, part / 16_384)


def test_a_pause_of_less_than_the_limit_costs_no_more_than_its_time(body: LimitedBody) -> None:
    body.part_came(100 * 16_384, 1.0)
    body.part_came(1, 29.9)
    assert body.seconds_left == 30


def test_who_sends_much_at_once_and_then_little_is_refused(body: LimitedBody) -> None:
    body.part_came(2**20, 0.0)
    seconds = 0.0
    while (left := body.seconds_left) > 1:
        seconds += min(29.0, left)
        body.part_came(1, min(29.0, left))
    assert seconds == pytest.approx(2**20 / 16_384 + 30, abs=1)
    assert "too slowly" in body.lateness
    assert "16384 bytes per second" in body.lateness


def test_from_the_beginning_a_part_is_waited_for_as_long_as_the_limit_says(body: LimitedBody) -> None:
    assert body.seconds_left == 30
    assert "No part of the body has arrived for 30 s" in body.lateness


def test_a_client_that_stops_sending_is_told_so(body: LimitedBody) -> None:
    body.part_came(100, 0.5)
    assert not body.is_slow
    assert "No part of the body has arrived for 30 s" in body.lateness


def test_its_memory_is_counted_and_given_back() -> None:
    memory = BodyMemory(1_000)
    body = LimitedBody(LIMITS, memory)
    assert body.part_came(FREE_BYTES + 1_000, 0.0) == ""
    assert "body-bytes-under-way" in body.part_came(1, 0.0)
    assert memory.used == 1_000
    body.give_memory_back()
    assert memory.used == 0
