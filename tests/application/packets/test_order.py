"""Packets that an override sends behind later ones."""

from __future__ import annotations

from depot_sim.application.packets.order import Order
from depot_sim.domain.interaction.effects import Reorder
from depot_sim.domain.packets.state import Waiting
from tests.application.run.processes import FakeClock

BEHIND_TWO = Reorder(behind=2, at_most_ms=1_000)


def backlog(*seqs: int, behind: int | None = None) -> list[Waiting]:
    """The packet numbered `behind` waits for two others."""
    return [Waiting(seq, seq, reorder=BEHIND_TWO if seq == behind else None) for seq in seqs]


def first(order: Order, waiting: list[Waiting]) -> int | None:
    found = order.first("meter", waiting)
    return None if found is None else found.seq


def test_packets_leave_as_they_were_published() -> None:
    order = Order(FakeClock())
    assert first(order, backlog(3, 4, 5)) == 3
    assert order.patience_ms("meter") is None
    assert first(order, []) is None


def test_a_packet_goes_behind_as_many_as_it_was_told() -> None:
    order, left = Order(FakeClock()), []
    waiting = backlog(1, 2, 3, 4, behind=1)
    while waiting:
        seq = first(order, waiting)
        assert seq is not None
        left.append(seq)
        order.gone("meter", seq)
        waiting = [one for one in waiting if one.seq != seq]
    assert left == [2, 3, 1, 4]


def test_it_waits_no_longer_than_it_is_told_when_nobody_comes() -> None:
    clock = FakeClock()
    order = Order(clock)
    assert first(order, backlog(1, behind=1)) is None
    assert order.patience_ms("meter") == 1_000
    assert order.patience_ms("other") is None
    clock.advance(999_000)
    assert (first(order, backlog(1, behind=1)), order.patience_ms("meter")) == (None, 1)
    clock.advance(1_000)
    assert first(order, backlog(1, behind=1)) == 1


def test_other_devices_do_not_count() -> None:
    order = Order(FakeClock())
    assert first(order, backlog(1, behind=1)) is None
    order.gone("other", 5)
    order.gone("other", 6)
    assert first(order, backlog(1, behind=1)) is None
