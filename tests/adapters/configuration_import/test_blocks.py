"""Blocks are chained onto buses: never two at once, never without charge, always the same way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from depot_sim.adapters.configuration_import.blocks import (
    MINUTES_PER_DAY,
    MINUTES_PER_WEEK,
    Block,
    ChainRules,
    chain,
    clock,
)
from depot_sim.domain.kernel.quantities import Energy

EVERY_DAY = tuple(range(7))
RULES = ChainRules({"bus": Energy.parse("400 kWh"), "artic": Energy.parse("600 kWh")}, layover_min=30)


def block(
    id: str, departs: int, returns: int, kwh: int = 50, kind: str = "bus", days: tuple[int, ...] = EVERY_DAY
) -> Block:
    return Block(id, kind, days, departs, returns, 10_000, kwh * 1_000)


def chained(*blocks: Block) -> list[list[str]]:
    return [[block.id for block in bus.blocks] for bus in chain(blocks, RULES)]


def test_a_bus_takes_its_next_block_after_the_layover() -> None:
    assert chained(block("a", 300, 400), block("b", 430, 500), block("c", 529, 600)) == [["a", "b"], ["c"]]


def test_a_bus_without_enough_charge_stays() -> None:
    assert chained(block("a", 300, 400, kwh=300), block("b", 430, 500, kwh=100)) == [["a"], ["b"]]


def test_charging_in_between_counts() -> None:
    assert chained(block("a", 300, 400, kwh=300), block("b", 500, 600, kwh=100)) == [["a", "b"]]


def test_blocks_of_one_kind_stay_on_buses_of_that_kind() -> None:
    assert chained(block("a", 300, 400), block("b", 500, 600, kind="artic")) == [["a"], ["b"]]


def test_the_bus_back_longest_goes_first() -> None:
    assert chained(block("a", 300, 500), block("b", 310, 400), block("c", 600, 700)) == [["a"], ["b", "c"]]


def test_a_night_block_keeps_its_bus_from_the_next_morning() -> None:
    assert chained(block("early", 240, 300), block("night", 1400, 1440 + 230)) == [["early"], ["night"]]


def test_blocks_of_different_days_share_a_bus() -> None:
    assert chained(block("a", 300, 900, days=(0,)), block("b", 300, 900, days=(5,))) == [["a", "b"]]


def test_a_block_no_battery_can_carry_still_gets_a_bus() -> None:
    assert chained(block("a", 300, 1200, kwh=900)) == [["a"]]


def test_times_beyond_midnight_keep_counting() -> None:
    assert clock(25 * 60 + 10) == "25:10"


blocks_strategy = st.lists(
    st.builds(
        lambda number, departs, length, kwh, days: block(
            f"b{number}", departs, departs + length, kwh, "bus", tuple(sorted(days))
        ),
        st.integers(0, 10**6),
        st.integers(0, 2 * MINUTES_PER_DAY - 1),
        st.integers(1, 1_200),
        st.integers(0, 500),
        st.sets(st.integers(0, 6), min_size=1),
    ),
    max_size=25,
    unique_by=lambda block: block.id,
)


@given(blocks_strategy, st.randoms())
def test_every_block_is_on_one_bus_that_is_free_then(blocks: list[Block], random: st.DataObject) -> None:
    buses = chain(blocks, RULES)
    shuffled = list(blocks)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert sorted(b.id for bus in buses for b in bus.blocks) == sorted(b.id for b in blocks)
    assert [bus.blocks for bus in chain(shuffled, RULES)] == [bus.blocks for bus in buses]
    for bus in buses:
        _assert_disjoint(bus.blocks)


def _assert_disjoint(blocks: list[Block]) -> None:
    taken: set[int] = set()
    for b in blocks:
        minutes = {
            (day * MINUTES_PER_DAY + minute) % MINUTES_PER_WEEK
            for day in b.days
            for minute in range(b.departs, b.returns)
        }
        assert not taken & minutes
        taken |= minutes
