"""The charging capacity of every node, worked out once per look at the world: feeders and controllers share it."""

from __future__ import annotations

from typing import Any

from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.run.world.site.capacity import charging_capacities
from depot_sim.domain.run.world.state import World


class ChargingRoom:
    """Remembers the capacities of the world it was asked about last, until something they depend on is different."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot
        self._seen: tuple[Any, ...] = ()
        self._capacities: list[int | None] = []

    def of(self, world: World, node: int) -> int | None:
        """W; None when unlimited."""
        seen = _what_it_depends_on(world)
        if seen != self._seen:
            self._seen, self._capacities = seen, charging_capacities(self._depot, world)
        return self._capacities[node]


def _what_it_depends_on(world: World) -> tuple[Any, ...]:
    return (
        world.at,
        [(node.limit_w, node.export_limit_w, node.fail_safe_limit_w, node.outage) for node in world.nodes],
        [(state.mode, state.fail_safe) for state in world.controllers],
        [(b.stored_mj, b.power_w, b.setpoint_w, b.power_state, b.control, b.dispatch) for b in world.bess],
        [(state.power_state, state.curtailment_ppm) for state in world.pv],
    )
