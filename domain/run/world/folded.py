"""What the handlers of events work on: a world, the depot it belongs to, and what is found in them by id."""

from __future__ import annotations

from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.run.world.state import (
    ChargerState,
    ConnectorState,
    ControllerState,
    NodeState,
    SensorState,
    VehicleState,
    World,
)


class Folded:
    """A world and the depot it belongs to."""

    __slots__ = ("depot", "world")

    def __init__(self, depot: Depot, world: World) -> None:
        self.depot = depot
        self.world = world

    def vehicle(self, id: str) -> VehicleState:
        return self.world.vehicles[self.depot.vehicle_index[id]]

    def connector(self, id: str) -> ConnectorState:
        return self.world.connectors[self.depot.connector_index[id]]

    def charger(self, id: str) -> ChargerState:
        return self.world.chargers[self.depot.charger_index[id]]

    def sensor(self, id: str) -> SensorState:
        return self.world.sensors[self.depot.sensor_index[id]]

    def settle(self, connector: int, at: int, energy_mj: int, power_w: int) -> None:
        """The connector's register is `energy_mj` at `at`, `power_w` flows from there on; the nodes above follow."""
        state = self.world.connectors[connector]
        beyond_line = energy_mj - state.energy_at(at)
        change_w = power_w - state.power_w
        for index in self.depot.connectors[connector].nodes:
            node = self.world.nodes[index]
            net = node.energy_at(at) + beyond_line
            node.exported_mj = node.exported_at(net, self.world.at)
            node.energy_mj, node.since = net, at
            node.load_w += change_w
            node.touched = True
        state.session_energy_mj += energy_mj - state.energy_mj
        state.energy_mj, state.power_w, state.since = energy_mj, power_w, at

    def node(self, id: str) -> NodeState:
        return self.world.nodes[self.depot.node_index[id]]

    def controller(self, id: str) -> ControllerState:
        return self.world.controllers[self.depot.controller_index[id]]
