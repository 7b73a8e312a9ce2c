"""Memory of bodies, counted."""

from __future__ import annotations

from connection_guard import BodyMemory
from connection_guard.bodies import FREE_BYTES


def test_the_beginning_of_a_body_does_not_count() -> None:
    memory = BodyMemory(1_000)
    assert [memory.counted(FREE_BYTES + more) for more in (-1, 0, 5)] == [0, 0, 5]


def test_of_a_body_that_is_not_kept_as_a_whole_only_the_kept_part_counts() -> None:
    memory = BodyMemory(1_000, kept_bytes=FREE_BYTES + 100)
    assert memory.counted(10 * FREE_BYTES) == 100


def test_no_more_is_taken_than_there_is() -> None:
    memory = BodyMemory(1_000)
    assert [memory.take(600), memory.take(600), memory.take(400)] == [True, False, True]
    memory.give_back(600)
    assert memory.take(600)


def test_a_part_of_a_memory_is_taken_from_the_whole() -> None:
    whole = BodyMemory(1_000)
    part = BodyMemory(500, within=whole)
    assert [part.take(500), part.take(1), whole.take(500), whole.take(1)] == [True, False, True, False]
    part.give_back(500)
    assert (whole.take(500), part.take(1), part.used) == (True, False, 0)
