"""One device's sequence: gaps, repeats, order, restarts, births and deaths, and its clock."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.standin.packets.encodings import Context, read_packets
from depot_sim.standin.packets.sequence import Sequence
from tests.standin.packets.stage import at, packet


def look(
    sequence: Sequence, seq: int, seconds: float, type: str = "TELEMETRY", run: str = "run-1", **more: str
) -> tuple[bool, list[str]]:
    content = {**packet(seq, seconds, run=run), "type": type, **more}
    [received] = read_packets(json.dumps(content).encode(), Context(at(0)))
    new, findings = sequence.look(received.packet, received.body)
    return new, [str(one.kind) for one in findings]


@pytest.fixture
def born() -> Sequence:
    sequence = Sequence()
    assert look(sequence, 0, 0, type="BIRTH") == (True, [])
    return sequence


def test_numbers_that_grow_by_one_are_as_they_should_be(born: Sequence) -> None:
    assert [look(born, seq, 10 * seq) for seq in range(1, 20)] == [(True, [])] * 19


def test_a_skipped_number_is_a_gap_until_it_comes(born: Sequence) -> None:
    assert look(born, 3, 30) == (True, ["gap"])
    assert born.missing == {1, 2}
    assert look(born, 2, 20) == (True, ["out-of-order"])
    assert born.missing == {1}
    assert look(born, 4, 40) == (True, [])


def test_the_same_packet_again_is_a_repeat_and_with_other_content_a_conflict(born: Sequence) -> None:
    look(born, 1, 10)
    assert look(born, 1, 10) == (False, ["repeated"])
    assert look(born, 1, 10, siteId="other") == (False, ["conflict"])
    assert (born.repeats, born.highest) == (2, 1)


def test_a_birth_that_counts_from_the_beginning_is_a_new_life(born: Sequence) -> None:
    for seq in range(1, 5):
        look(born, seq, 10 * seq)
    assert look(born, 0, 0, type="BIRTH", run="run-2") == (True, ["restarted"])
    assert look(born, 1, 10, run="run-2") == (True, [])
    assert born.life == 1


def test_numbers_and_clock_that_both_go_back_are_a_new_life_even_without_a_birth(born: Sequence) -> None:
    for seq in range(1, 5):
        look(born, seq, 10 * seq)
    assert look(born, 1, 10, run="run-2") == (True, ["restarted", "no-birth"])


def test_a_number_that_is_stuck_is_no_new_life(born: Sequence) -> None:
    look(born, 1, 10)
    assert look(born, 1, 20, packetId="another") == (True, ["number-again"])
    assert born.life == 0


def test_a_device_is_born_before_it_speaks_and_silent_after_its_death(born: Sequence) -> None:
    assert look(Sequence(), 5, 0) == (True, ["no-birth"])
    assert look(born, 1, 10, type="DEATH") == (True, [])
    assert look(born, 2, 20) == (True, ["after-death"])
    assert look(born, 3, 30, type="DEATH") == (True, [])
    assert look(born, 4, 5_000, type="BIRTH") == (True, [])


def test_a_clock_that_goes_back_is_skewed(born: Sequence) -> None:
    look(born, 1, 100)
    assert look(born, 2, 90) == (True, ["clock-skew"])


def test_a_clock_that_leaps_as_never_before_is_skewed_once(born: Sequence) -> None:
    for seq in range(1, 6):
        look(born, seq, 10 * seq)
    assert look(born, 6, 60 + 120) == (True, ["clock-skew"])
    assert look(born, 7, 70 + 120) == (True, [])


def test_a_clock_may_leap_over_what_is_missing(born: Sequence) -> None:
    for seq in range(1, 6):
        look(born, seq, 10 * seq)
    assert look(born, 60, 600) == (True, ["gap"])


@given(st.permutations(range(1, 30)))
def test_in_whatever_order_packets_come_each_is_new_once_and_none_is_missing_at_last(order: list[int]) -> None:
    sequence = Sequence()
    look(sequence, 0, 0, type="BIRTH")
    assert all(look(sequence, seq, 10 * seq)[0] for seq in order)
    assert not any(look(sequence, seq, 10 * seq)[0] for seq in order)
    assert (sequence.missing, sequence.life) == (set(), 0)
