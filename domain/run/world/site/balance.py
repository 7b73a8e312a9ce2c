"""The electrical balance of one tick: what every node may still give to charging, and how its load comes out.

Loads are constant over the tick from its beginning, except the connectors' lines; sums run from the leaves to the root.
"""

from __future__ import annotations

from depot_sim.domain.kernel.quantities import PPM
from depot_sim.domain.run.world.charging.allocation import UNLIMITED
from depot_sim.domain.run.world.charging.limits import OFF_GRID, export_limits_w, limit_in_force
from depot_sim.domain.run.world.charging.segment import Line
from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.run.world.site.dispatch import BessRange, bess_range, follows_setpoint, shave, stored_after
from depot_sim.domain.run.world.state import PowerState, World


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
        self._islands = self._without_grid()
        self._export_limits_w = export_limits_w(depot, world)
        for island in self._islands:
            self._export_limits_w[island] = 0
        self._shavers = [i for i in range(len(depot.bess)) if self._shaves(i)]
        self.bess_w = [
            0 if i in self._shavers else available.clamp(world.bess[i].setpoint_w)
            for i, available in enumerate(self.bess_ranges)
        ]
        self.load_w = [0] * len(depot.nodes)
        self.energy_mj = [0] * len(depot.nodes)

    def room(self) -> list[int]:
        """Budget of every constraint: limit less other load, plus generation and what storage can add."""
        return self._room(with_storage=True) + self._depot.ratings_w

    def complete(self, lines: dict[int, Line], left_w: list[int]) -> None:
        """Dispatch storage and generation, then settle load and net register of every node for the end of the tick."""
        self._shave(left_w)
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
            self._step(self._pv_node(index), pv.power_w - self.pv_w[index])
        self._clamp_exports()

    def stored_mj(self, bess: int) -> int:
        state = self._world.bess[bess]
        return stored_after(self._depot.bess[bess], state.stored_mj, self.bess_w[bess], self._end - self._begin)

    def bess_imported_mj(self, bess: int) -> int:
        return self._world.bess[bess].imported_mj + max(0, self.bess_w[bess]) * (self._end - self._begin)

    def exported_mj(self, node: int) -> int:
        return self._world.nodes[node].exported_at(self.energy_mj[node], self._begin)

    def _without_power(self) -> set[int]:
        """Nodes in an outage, their own or one above them."""
        out = {index for index, node in enumerate(self._world.nodes) if node.outage}
        if not out:
            return out
        return {index for index, spec in enumerate(self._depot.nodes) if not out.isdisjoint(spec.ancestors)}

    def _without_grid(self) -> set[int]:
        """Nodes whose own connection upwards is open."""
        controllers = zip(self._depot.controllers, self._world.controllers, strict=True)
        return {self._depot.node_index[spec.node] for spec, state in controllers if state.mode in OFF_GRID}

    def _sunshine(self, pv: int, time_of_day: int) -> int:
        spec, state = self._depot.pv[pv], self._world.pv[pv]
        if state.power_state is not PowerState.ON or self._pv_node(pv) in self._dark:
            return 0
        return spec.peak * self._depot.pv_share[pv](time_of_day) // PPM * state.curtailment_ppm // PPM

    def _bess_range(self, bess: int, tick_ms: int) -> BessRange:
        energised = self._bess_node(bess) not in self._dark
        return bess_range(self._depot.bess[bess], self._world.bess[bess], tick_ms, energised=energised)

    def _shaves(self, bess: int) -> bool:
        """Whether the load leads it: without a setpoint to follow, and always on an island, which it has to carry."""
        path = self._depot.nodes[self._bess_node(bess)].ancestors
        return not follows_setpoint(self._world.bess[bess]) or not self._islands.isdisjoint(path)

    def _bess_node(self, bess: int) -> int:
        return self._depot.node_index[self._depot.bess[bess].node]

    def _pv_node(self, pv: int) -> int:
        return self._depot.node_index[self._depot.pv[pv].node]

    def _room(self, *, with_storage: bool) -> list[int]:
        surplus = self._surplus(with_storage=with_storage)
        return [(UNLIMITED if limit is None else limit) + own for limit, own in zip(self.limits, surplus, strict=True)]

    def _surplus(self, *, with_storage: bool) -> list[int]:
        """What every subtree gives without charging, less what it takes; upwards only as far as it may export."""
        surplus = [-own for own in self.own_w]
        for pv, power in enumerate(self.pv_w):
            surplus[self._pv_node(pv)] += power
        for bess, power in enumerate(self.bess_w):
            surplus[self._bess_node(bess)] -= power
        if with_storage:
            for bess in self._shavers:
                surplus[self._bess_node(bess)] += self.bess_ranges[bess].discharge_w
        for node, parent in self._depot.upwards:
            export_limit = self._export_limits_w[node]
            surplus[parent] += surplus[node] if export_limit is None else min(surplus[node], export_limit)
        return surplus

    def _shave(self, left_w: list[int]) -> None:
        if not self._shavers:
            return
        granted = [room - left for room, left in zip(self._room(with_storage=True), left_w, strict=False)]
        for bess in self._shavers:
            room = self._room(with_storage=False)
            headroom = min(room[node] - granted[node] for node in self._depot.nodes[self._bess_node(bess)].ancestors)
            self.bess_w[bess] = shave(self.bess_ranges[bess], headroom)

    def _change(self, nodes: tuple[int, ...], power_w: int, energy_mj: int) -> None:
        for node in nodes:
            self.load_w[node] += power_w
            self.energy_mj[node] += energy_mj

    def _step(self, node: int, power_w: int) -> None:
        """A load that changes at the beginning of the tick."""
        if power_w:
            self._change(self._depot.nodes[node].ancestors, power_w, power_w * (self._end - self._begin))

    def _clamp_exports(self) -> None:
        """Curtail generation, then discharge, until no node exports more than it may."""
        for node in self._depot.deepest_first:
            export_limit = self._export_limits_w[node]
            if export_limit is None or self.load_w[node] >= -export_limit:
                continue
            for pv in self._depot.pv_below[node]:
                self.pv_w[pv] -= self._curtail(self._pv_node(pv), self.pv_w[pv], node, export_limit)
            for bess in self._depot.bess_below[node]:
                self.bess_w[bess] += self._curtail(self._bess_node(bess), -self.bess_w[bess], node, export_limit)

    def _curtail(self, source: int, power_w: int, exporting: int, export_limit: int) -> int:
        """Take power off a source while `exporting` gives too much and no node on the way takes too much for it."""
        cut = min(power_w, -export_limit - self.load_w[exporting])
        path = self._depot.nodes[source].ancestors
        for between in path[path.index(exporting) + 1 :]:
            import_limit = self.limits[between]
            if import_limit is not None:
                cut = min(cut, import_limit - self.load_w[between])
        if cut <= 0:
            return 0
        self._step(source, cut)
        return cut
