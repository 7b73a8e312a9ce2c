"""What the steps of one tick share: the live world, the events decided so far, and the lines being drawn."""

from __future__ import annotations

from collections.abc import Iterable

from depot_sim.domain.kernel.noise import Noise
from depot_sim.domain.run.events import ChargingStarted, ChargingStopped, RunEvent, StopReason
from depot_sim.domain.run.world.charging.allocation import take
from depot_sim.domain.run.world.charging.segment import Line, charge, demand_w, plugged_battery_mj, target_mj
from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.run.world.evolve import Evolution
from depot_sim.domain.run.world.state import NOBODY, Presence, World

RESUMABLE = {StopReason.CHARGER_FAULT.value, StopReason.UNAVAILABLE.value, StopReason.OUTAGE.value}
RECHARGE_BELOW_TARGET_PPM = 10_000


class TickContext:
    """One tick from `begin` to `end`. `emit` applies an event at once, so every later step sees it."""

    def __init__(self, evolution: Evolution, noise: Noise, begin: int, end: int) -> None:
        self.evolution = evolution
        self.depot: Depot = evolution.depot
        self.world: World = evolution.world
        self.noise = noise
        self.begin = begin
        self.end = end
        self.events: list[RunEvent] = []
        self.lines: dict[int, Line] = {}
        self.caps: dict[int, int] = {}
        self.room_left_w: list[int] = []
        self.late_starts: list[int] = []
        self.touched: set[int] = set()

    def emit(self, event: RunEvent) -> None:
        self.evolution.apply(event)
        self.events.append(event)

    @property
    def begun(self) -> int:
        """How many connectors have started since the tick's power was shared out."""
        return len(self.late_starts)

    def open_late_starts(self, caps: dict[int, int], room_left_w: list[int]) -> None:
        """The tick's power is shared out; who starts from now on is served from what is left."""
        self.caps = dict(caps)
        self.room_left_w = list(room_left_w)

    def is_governed(self, connector: int) -> bool:
        """Whether the allocation knows of the connector yet; always, but for a control delay."""
        delay = self.world.control_delay_ms
        return delay == 0 or self.begin >= self.world.connectors[connector].energised_at + delay

    def grant_from_left(self, connector: int, demand_w: int) -> None:
        """Grant what the allocation left over: on the whole path, or of the charger's own rating while ungoverned."""
        spec = self.depot.connectors[connector]
        constraints = spec.path if self.is_governed(connector) else spec.path[len(spec.nodes) :]
        self.caps[connector] = take(self.room_left_w, constraints, demand_w)

    def draw(self, connector: int, begin: int, until: int) -> Line:
        """Where the connector stands at `until` under what it was granted; drawn, not recorded."""
        state = self.world.connectors[connector]
        vehicle = self.world.vehicles[state.vehicle]
        spec, bus = self.depot.connectors[connector], self.depot.vehicles[state.vehicle]
        return charge(
            spec=spec,
            bus=bus,
            connector=state,
            vehicle=vehicle,
            cap_w=self.caps.get(connector, 0),
            begin=begin,
            until=until,
        )

    def battery_mj(self, vehicle: int, at: int) -> int:
        """Stored energy of a vehicle in the depot, within this tick."""
        state = self.world.vehicles[vehicle]
        if state.presence is not Presence.PLUGGED or not self.world.connectors[state.connector].charging:
            return state.battery_mj
        return self.draw(state.connector, self.begin, at).battery_mj

    def trouble(self, connector: int) -> StopReason | None:
        """None, or why the connector cannot give power."""
        spec, state = self.depot.connectors[connector], self.world.connectors[connector]
        charger = self.world.chargers[spec.charger]
        if charger.fault:
            return StopReason.CHARGER_FAULT
        if not (state.available and charger.available):
            return StopReason.UNAVAILABLE
        if any(self.world.nodes[node].outage for node in spec.nodes):
            return StopReason.OUTAGE
        return None

    def start_charging(self, connector: int, at: int) -> None:
        spec, state = self.depot.connectors[connector], self.world.connectors[connector]
        vehicle = self.depot.vehicles[state.vehicle].vehicle.id
        self.touched.add(connector)
        self.emit(ChargingStarted(at, spec.id, vehicle, at + spec.spec.dead_time))
        if self.room_left_w:
            self._grant_rest_of_tick(connector, at)

    def _grant_rest_of_tick(self, connector: int, at: int) -> None:
        """Serve a connector that starts in mid-tick from what the allocation left over."""
        state = self.world.connectors[connector]
        spec, bus = self.depot.connectors[connector], self.depot.vehicles[state.vehicle]
        vehicle = self.world.vehicles[state.vehicle]
        self.grant_from_left(connector, demand_w(spec, bus, state, vehicle, vehicle.battery_mj))
        self.lines[connector] = self.draw(connector, at, self.end)
        self.late_starts.append(connector)

    def stop_charging(self, connector: int, at: int, reason: StopReason) -> None:
        spec, state = self.depot.connectors[connector], self.world.connectors[connector]
        vehicle = self.depot.vehicles[state.vehicle].vehicle.id
        line = self.draw(connector, self.begin, at)
        self.lines.pop(connector, None)
        self.touched.add(connector)
        self.emit(ChargingStopped(at, spec.id, vehicle, reason, line.energy_mj, line.battery_mj))

    def react(self, connectors: Iterable[int], at: int) -> None:
        """Stop what can no longer charge, start what can charge again."""
        for connector in connectors:
            state = self.world.connectors[connector]
            if state.vehicle == NOBODY:
                continue
            if state.charging:
                trouble = self.trouble(connector)
                if trouble is not None:
                    self.stop_charging(connector, at, trouble)
            elif self.waits_for_power(connector) and self.trouble(connector) is None:
                self.start_charging(connector, at)

    def waits_for_power(self, connector: int) -> bool:
        """Whether the bus there would charge by itself but for some trouble; not while it charges."""
        state, spec = self.world.connectors[connector], self.depot.connectors[connector]
        vehicle = self.world.vehicles[state.vehicle]
        bus = self.depot.vehicles[state.vehicle]
        if state.stop_reason == StopReason.TARGET_REACHED.value:
            slack = bus.type.battery * RECHARGE_BELOW_TARGET_PPM // 1_000_000
            return vehicle.preconditioning or vehicle.battery_mj < target_mj(bus, vehicle) - slack
        if state.stop_reason:
            return state.stop_reason in RESUMABLE
        return spec.automatic and not state.charging


def present_battery_mj(depot: Depot, world: World, vehicle: int, at: int) -> int:
    """Stored energy at a moment between ticks; away, the duty takes it evenly over its length."""
    state = world.vehicles[vehicle]
    if state.presence is Presence.AWAY:
        length = state.returns_at - state.departs_at
        driven = max(0, min(at, state.returns_at) - max(state.departs_at, state.battery_at))
        whole = max(1, length if state.departs_at >= state.battery_at else state.returns_at - state.battery_at)
        return max(0, state.battery_mj - state.duty_energy_mj * driven // whole)
    if state.presence is Presence.PLUGGED:
        connector = world.connectors[state.connector]
        return plugged_battery_mj(depot.connectors[state.connector], connector, state, at)
    return state.battery_mj
