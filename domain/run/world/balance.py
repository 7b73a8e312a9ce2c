"""The electrical balance of one tick: what every node may still give to charging, and how its load comes out.

Loads are constant over the tick from its beginning, except the connectors' lines; sums run from the leaves to the root.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from domain.configuration.quantities import PPM
from domain.run.world.allocation import UNLIMITED
from domain.run.world.charging import Line
from domain.run.world.depot import Depot
from domain.run.world.dispatch import BessRange, bess_range, clamp_export, follows_setpoint, shave, stored_after
from domain.run.world.state import PowerState, World


class Constraint(Enum):
    """Where the limit in force at a node comes from."""

    NONE = "NONE"
    CONFIGURED = "CONFIGURED"
    COMMANDED = "COMMANDED"
    FAIL_SAFE = "FAIL_SAFE"
    OUTAGE = "OUTAGE"


class LimitInForce(NamedTuple):
    """`limit_w` None is unlimited."""

    limit_w: int | None
    constraint: Constraint


def limit_in_force(depot: Depot, world: World, node: int) -> LimitInForce:
    """Configured or commanded, cut by fail-safe, nothing in an outage."""
    spec, state = depot.nodes[node].node, world.nodes[node]
    if state.outage:
        return LimitInForce(0, Constraint.OUTAGE)
    commanded = state.limit_w is not None
    limit = state.limit_w if commanded else spec.limit
    if spec.fail_safe_limit is not None and (limit is None or spec.fail_safe_limit < limit):
        for controller in depot.controllers_at[node]:
            if world.controllers[controller].fail_safe:
                return LimitInForce(int(spec.fail_safe_limit), Constraint.FAIL_SAFE)
    if limit is None:
        return LimitInForce(None, Constraint.NONE)
    return LimitInForce(int(limit), Constraint.COMMANDED if commanded else Constraint.CONFIGURED)


class Balance:
    """Built at the beginning of a tick, completed when its lines are drawn."""

    def __init__(self, depot: Depot, world: World, begin: int, end: int) -> None:
        self._depot = depot
        self._world = world
        self._begin = begin
        self._end = end
        time_of_day = depot.calendar.ms_of_day(begin)
        self._dark = self._without_power()
        self.own_w = [0 if i in self._dark else own for i, own in enumerate(depot.own_loads_w(time_of_day))]
        self.limits = [limit_in_force(depot, world, i).limit_w for i in range(len(depot.nodes))]
        self.pv_w = [self._sunshine(i, time_of_day) for i in range(len(depot.pv))]
        self.bess_ranges = [self._bess_range(i, end - begin) for i in range(len(depot.bess))]
        self.bess_w = [
            available.clamp(state.setpoint_w) if follows_setpoint(state) else 0
            for available, state in zip(self.bess_ranges, world.bess, strict=True)
        ]
        self._shavers = [i for i, state in enumerate(world.bess) if not follows_setpoint(state)]
        self.load_w = [0] * len(depot.nodes)
        self.energy_mj = [0] * len(depot.nodes)

    def room(self) -> list[int]:
        """Budget of every constraint: limit less other load, plus generation and what storage can add."""
        room = [UNLIMITED if limit is None else limit for limit in self.limits]
        for node, own in enumerate(self.own_w):
            self._add(room, node, -own)
        for pv, power in enumerate(self.pv_w):
            self._add(room, self._depot.node_index[self._depot.pv[pv].node], power)
        for bess, power in enumerate(self.bess_w):
            self._add(room, self._bess_node(bess), -power)
        for bess in self._shavers:
            self._add(room, self._bess_node(bess), self.bess_ranges[bess].discharge_w)
        return room + self._depot.ratings_w

    def complete(self, lines: dict[int, Line], left_w: list[int], *, held_back: bool) -> None:
        """Dispatch storage and generation, then settle load and net register of every node for the end of the tick."""
        self._shave(left_w, held_back=held_back)
        for index, node in enumerate(self._world.nodes):
            self.load_w[index] = node.load_w
            self.energy_mj[index] = node.energy_at(self._end)
        for connector, line in lines.items():
            state = self._world.connectors[connector]
            beyond_line = line.energy_mj - state.energy_at(self._end)
            self._change(self._depot.connectors[connector].nodes, line.power_w - state.power_w, beyond_line)
        for index, own in enumerate(self.own_w):
            self._step(index, own - self._world.nodes[index].other_load_w)
        for index, bess in enumerate(self._world.bess):
            self._step(self._bess_node(index), self.bess_w[index] - bess.power_w)
        for index, pv in enumerate(self._world.pv):
            self._step(self._depot.node_index[self._depot.pv[index].node], pv.power_w - self.pv_w[index])
        self._clamp_exports()

    def stored_mj(self, bess: int) -> int:
        state = self._world.bess[bess]
        return stored_after(self._depot.bess[bess], state.stored_mj, self.bess_w[bess], self._end - self._begin)

    def exported_mj(self, node: int) -> int:
        return self._world.nodes[node].exported_at(self.energy_mj[node])

    def _without_power(self) -> set[int]:
        """Nodes in an outage, their own or one above them."""
        out = {index for index, node in enumerate(self._world.nodes) if node.outage}
        if not out:
            return out
        return {index for index, spec in enumerate(self._depot.nodes) if not out.isdisjoint(spec.ancestors)}

    def _sunshine(self, pv: int, time_of_day: int) -> int:
        spec, state = self._depot.pv[pv], self._world.pv[pv]
        if state.power_state is not PowerState.ON or self._depot.node_index[spec.node] in self._dark:
            return 0
        return spec.peak * self._depot.pv_share[pv](time_of_day) // PPM * state.curtailment_ppm // PPM

    def _bess_range(self, bess: int, tick_ms: int) -> BessRange:
        energised = self._bess_node(bess) not in self._dark
        return bess_range(self._depot.bess[bess], self._world.bess[bess], tick_ms, energised=energised)

    def _bess_node(self, bess: int) -> int:
        return self._depot.node_index[self._depot.bess[bess].node]

    def _add(self, room: list[int], node: int, power_w: int) -> None:
        if power_w:
            for ancestor in self._depot.nodes[node].ancestors:
                room[ancestor] += power_w

    def _shave(self, left_w: list[int], *, held_back: bool) -> None:
        headroom = list(left_w)
        for bess in self._shavers:
            self._add(headroom, self._bess_node(bess), -self.bess_ranges[bess].discharge_w)
        for bess in self._shavers:
            path = self._depot.nodes[self._bess_node(bess)].ancestors
            least = min(headroom[node] for node in path)
            self.bess_w[bess] = shave(self.bess_ranges[bess], least, held_back=held_back)
            self._add(headroom, self._bess_node(bess), -self.bess_w[bess])

    def _change(self, nodes: tuple[int, ...], power_w: int, energy_mj: int) -> None:
        for node in nodes:
            self.load_w[node] += power_w
            self.energy_mj[node] += energy_mj

    def _step(self, node: int, power_w: int) -> None:
        """A load that changes at the beginning of the tick."""
        if power_w:
            self._change(self._depot.nodes[node].ancestors, power_w, power_w * (self._end - self._begin))

    def _clamp_exports(self) -> None:
        for node in self._depot.export_limited:
            limit = self._depot.nodes[node].node.export_limit
            assert limit is not None, "export_limited lists nodes with a limit"
            below = self._depot.pv_below[node]
            kept = clamp_export(self.load_w[node], limit, [self.pv_w[pv] for pv in below])
            for pv, power in zip(below, kept, strict=True):
                self._step(self._depot.node_index[self._depot.pv[pv].node], self.pv_w[pv] - power)
                self.pv_w[pv] = power
