"""Memory of bodies, counted."""

from __future__ import annotations

import pytest

from depot_sim.connection_guard import BodyMemory
from depot_sim.connection_guard.bodies import CHECKED_EVERY_BYTES, FREE_BYTES


def test_the_beginning_of_a_body_does_not_count() -> None:
    memory = BodyMemory(1_000)
    assert [memory.counted(FREE_BYTES + more) for more in (-1, 0, 5)] == [0, 0, 5]


def test_of_a_body_that_is_not_kept_as_a_whole_only_the_kept_part_counts() -> None:
    memory = BodyMemory(1_000, kept_bytes=FREE_BYTES + 100)
    assert memory.counted(10 * FREE_BYTES) == 100


def test_no_more_is_taken_than_there_is() -> None:
    memory = BodyMemory(1_000)
    assert takes(memory, 600, 600, 400) == [True, False, True]
    memory.give_back(600)
    assert takes(memory, 600) == [True]


def test_the_reason_against_more_names_the_limit_and_its_value() -> None:
    assert "1,000 bytes" in (reason := BodyMemory(1_000).take(1_001))
    assert "body-bytes-under-way" in reason


def test_a_part_of_a_memory_is_taken_from_the_whole() -> None:
    whole = BodyMemory(1_000)
    part = BodyMemory(500, within=whole)
    assert takes(part, 500, 1) + takes(whole, 500, 1) == [True, False, True, False]
    part.give_back(500)
    assert takes(whole, 500) + takes(part, 1) == [True, False]
    assert part.used == 0


@pytest.mark.parametrize("piece", [CHECKED_EVERY_BYTES // 16, 2 * CHECKED_EVERY_BYTES])
def test_while_the_process_has_little_memory_left_less_is_taken(piece: int) -> None:
    """To the bytes that are taken between two looks at it."""
    left = 10 * CHECKED_EVERY_BYTES
    whole = BodyMemory(100 * left, shortage=lambda held: "little is left" if held > left else "")
    memory = BodyMemory(50 * left, within=whole)
    while not (reason := memory.take(piece)):
        assert memory.used < left + CHECKED_EVERY_BYTES
    assert reason == "little is left"
    assert memory.used == whole.used >= left - piece
    assert takes(memory, 0) == [True]
    memory.give_back(CHECKED_EVERY_BYTES + piece)
    assert takes(memory, piece) == [True]


def takes(memory: BodyMemory, *counts: int) -> list[bool]:
    return [memory.take(count) == "" for count in counts]
