"""Vehicle blocks (one bus out and back) and their chaining onto as few buses as keep enough charge."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from depot_sim.adapters.configuration_import.limits import LIMITS, ImportLimits, check
from depot_sim.domain.configuration.document import Weekday
from depot_sim.domain.kernel.quantities import MJ_PER_WH, PPM, Energy, Power

MINUTES_PER_DAY = 24 * 60
MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY
_FULL_PPM, _RESERVE_PPM = 950_000, 100_000
_WEEK_MASK = (1 << MINUTES_PER_WEEK) - 1


class Block(NamedTuple):
    """`days` count from Monday = 0; times are minutes since that day's midnight, `returns` may be beyond the day."""

    id: str
    kind: str
    days: tuple[int, ...]
    departs: int
    returns: int
    distance_m: int
    energy_wh: int
    energy_known: bool = True


class ChainRules(NamedTuple):
    """`layover_min` between two blocks of a bus; `charging` is what a bus is taken to gain on average in between."""

    batteries: dict[str, Energy]
    layover_min: int = 30
    charging: Power = Power.parse("60 kW")


class Bus:
    """A chain of blocks under construction, its occupied minutes of the week as bits of one integer."""

    def __init__(self, kind: str, battery_wh: int) -> None:
        self.kind = kind
        self.blocks: list[Block] = []
        self._usable_wh = battery_wh * _FULL_PPM // PPM
        self._reserve_wh = battery_wh * _RESERVE_PPM // PPM
        self._charge_wh = self._usable_wh
        self._occupied = 0

    def can_take(self, block: Block, minutes: int, rules: ChainRules) -> bool:
        """`minutes` are those of the week that the block keeps its bus."""
        return not self._occupied & minutes and self._charge_at(block, rules) - block.energy_wh >= self._reserve_wh

    def take(self, block: Block, minutes: int, rules: ChainRules) -> None:
        self._charge_wh = max(self._charge_at(block, rules) - block.energy_wh, 0)
        self._occupied |= minutes
        self.blocks.append(block)

    def _charge_at(self, block: Block, rules: ChainRules) -> int:
        if not self.blocks:
            return self._usable_wh
        rest = max(block.departs - self.blocks[-1].returns, 0)
        return min(self._usable_wh, self._charge_wh + rules.charging * rest // 60)


def chain(blocks: Collection[Block], rules: ChainRules, limits: ImportLimits = LIMITS) -> list[Bus]:
    """Each block on the bus of its kind that has been back longest, on a new one when none is free and charged enough.

    A block no battery can carry still gets a bus: that its battery runs empty is for the simulation to show. Raises
    InvalidInput for more blocks, or more work, than an import may have.
    """
    fix = "import fewer routes or depots at once"
    check("/blocks", len(blocks), limits.blocks, "vehicle blocks", fix)
    buses: list[Bus] = []
    comparisons = 0
    for block in sorted(blocks, key=lambda block: (block.departs, block.returns, block.id, block.days)):
        comparisons += len(buses)
        check("/blocks", comparisons, limits.comparisons, "comparisons of blocks with buses", fix)
        minutes = _minutes(block, rules.layover_min)
        ready = [bus for bus in buses if bus.kind == block.kind and bus.can_take(block, minutes, rules)]
        if ready:
            bus = min(ready, key=lambda bus: bus.blocks[-1].returns)
        else:
            bus = Bus(block.kind, rules.batteries[block.kind] // MJ_PER_WH)
            buses.append(bus)
        bus.take(block, minutes, rules)
    return buses


def duties(bus: Bus) -> list[dict[str, Any]]:
    """The bus's blocks as duties of a document, in order of departure."""
    return [_duty(block) for block in sorted(bus.blocks, key=lambda block: (block.departs, block.id))]


def clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _duty(block: Block) -> dict[str, Any]:
    duty: dict[str, Any] = {"id": block.id, "departs": clock(block.departs), "returns": clock(block.returns)}
    duty["distance"] = f"{block.distance_m / 1_000:g} km"
    if block.energy_known:
        duty["energy"] = f"{block.energy_wh / 1_000:g} kWh"
    if len(block.days) < len(Weekday):
        duty["days"] = [day.value for index, day in enumerate(Weekday) if index in block.days]
    return duty


def _minutes(block: Block, layover_min: int) -> int:
    """The minutes of the week the block keeps its bus, the layover after it included; Sunday night runs into Monday."""
    span = (1 << (block.returns - block.departs + layover_min)) - 1
    mask = 0
    for day in block.days:
        shifted = span << ((day * MINUTES_PER_DAY + block.departs) % MINUTES_PER_WEEK)
        mask |= (shifted & _WEEK_MASK) | (shifted >> MINUTES_PER_WEEK)
    return mask
