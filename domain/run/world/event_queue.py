"""What is due within a tick, in order of time: lost links, vehicles' schedules, faults, swaps, targets."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from depot_sim.domain.configuration.document import RandomOutages
from depot_sim.domain.kernel.noise import Noise
from depot_sim.domain.kernel.quantities import MS_PER_DAY
from depot_sim.domain.run.events import (
    ChargerFaultCleared,
    ChargerFaulted,
    FailSafeEntered,
    FailSafeLeft,
    SensorFaultCleared,
    SensorFaulted,
    StopReason,
)
from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.run.world.disturbances import NO_OUTAGE, Outage, next_outage
from depot_sim.domain.run.world.fleet import plugs, vehicle_schedule
from depot_sim.domain.run.world.site.fail_safe import fail_safe_changes_at
from depot_sim.domain.run.world.state import SensorMode, World
from depot_sim.domain.run.world.tick_context import TickContext

_LINK, _CHARGER_CLEARS, _CHARGER_FAULTS, _SENSOR_CLEARS, _SENSOR_FAULTS, _TARGET_REACHED, _VEHICLE, _SWAP = range(8)

_Happening = tuple[int, int, int]  # moment, kind, index


class RandomTrouble:
    """The next seeded outage of every unit of one kind, looked for a day ahead: most units have none for weeks."""

    def __init__(self, noise: Noise, kind: str, ids: list[str], outages: RandomOutages | None, now: int) -> None:
        self._noise = noise
        self._streams = [f"{kind}/{id}" for id in ids]
        self._outages = outages
        self._next = [NO_OUTAGE] * len(ids) if outages is not None else []
        self._known_until = now

    def begins_before(self, moment: int) -> list[tuple[int, int]]:
        """(moment, unit) of the outages that begin before this."""
        while self._known_until < moment:
            self._look_ahead()
        return [(outage.begins_at, unit) for unit, outage in enumerate(self._next) if outage.begins_at < moment]

    def begins_at(self, unit: int) -> int:
        return self._next[unit].begins_at

    def take(self, unit: int) -> Outage:
        """The outage that begins now; the one after it takes its place."""
        outage = self._next[unit]
        self._next[unit] = self._draw(unit, outage.begins_at + 1)
        return outage

    def _look_ahead(self) -> None:
        begin, self._known_until = self._known_until, self._known_until + MS_PER_DAY
        for unit, outage in enumerate(self._next):
            if outage is NO_OUTAGE:
                self._next[unit] = self._draw(unit, begin)

    def _draw(self, unit: int, not_before: int) -> Outage:
        assert self._outages is not None, "without outages there are no units"
        return next_outage(self._noise, self._streams[unit], self._outages, not_before, self._known_until)


class Agenda:
    """One tick's happenings at a time: `open` it, then `run` it up to moments inside the tick."""

    def __init__(self, depot: Depot, world: World, noise: Noise) -> None:
        self._depot = depot
        self._world = world
        self._charger_trouble = RandomTrouble(
            noise, "charger", [charger.id for charger in depot.chargers], depot.charger_faults, world.at
        )
        self._sensor_trouble = RandomTrouble(
            noise, "sensor", [sensor.id for sensor in depot.sensors], depot.sensor_dropouts, world.at
        )
        self._happenings: list[_Happening] = []

    def open(self, stage: TickContext) -> None:
        """Collect everything due before the end of the tick."""
        world, end = self._world, stage.end
        due = [(v.due_at, _VEHICLE, i) for i, v in enumerate(world.vehicles) if v.due_at < end]
        faulted = [(i, charger) for i, charger in enumerate(world.chargers) if charger.fault]
        due += [(charger.fault_until, _CHARGER_CLEARS, i) for i, charger in faulted if charger.fault_until < end]
        due += [swap for i, _ in faulted for swap in self._swaps(stage, i)]
        due += [(s.fault_until, _SENSOR_CLEARS, i) for i, s in enumerate(world.sensors) if s.fault_until < end]
        due += [(moment, _CHARGER_FAULTS, i) for moment, i in self._charger_trouble.begins_before(end)]
        due += [(moment, _SENSOR_FAULTS, i) for moment, i in self._sensor_trouble.begins_before(end)]
        due += self._links(stage)
        heapify(due)
        self._happenings = due

    def run(self, stage: TickContext, before: int) -> None:
        """Let everything due before a moment happen; what it makes due in turn joins in, now when it is overdue."""
        at = stage.begin
        while self._happenings and self._happenings[0][0] < before:
            moment, kind, index = heappop(self._happenings)
            at = max(moment, at)
            if kind == _VEHICLE:
                self._vehicle_acts(stage, index, at)
            elif kind == _TARGET_REACHED:
                self._target_reached(stage, index, at)
            elif kind == _LINK:
                self._link_changes(stage, index, at)
            elif kind == _SWAP:
                self._swap(stage, index, at)
            elif kind in (_CHARGER_CLEARS, _CHARGER_FAULTS):
                self._charger_changes(stage, kind, index, at)
            else:
                self._sensor_changes(stage, kind, index, at)

    def expect_targets(self, stage: TickContext) -> None:
        """Put every target that the tick's lines reach on the agenda."""
        for connector, line in stage.lines.items():
            if line.done_at < stage.end:
                heappush(self._happenings, (line.done_at, _TARGET_REACHED, connector))

    def _links(self, stage: TickContext) -> list[_Happening]:
        """Links that fall silent for too long before the end of the tick, or are heard again."""
        links = enumerate(zip(self._depot.controllers, self._world.controllers, strict=True))
        changes = [(fail_safe_changes_at(spec, state, stage.begin), _LINK, i) for i, (spec, state) in links]
        return [change for change in changes if change[0] < stage.end]

    def _link_changes(self, stage: TickContext, index: int, at: int) -> None:
        spec, state = self._depot.controllers[index], self._world.controllers[index]
        if state.fail_safe:
            stage.emit(FailSafeLeft(at, spec.id))
        else:
            stage.emit(FailSafeEntered(at, spec.id))
        self._push(stage, fail_safe_changes_at(spec, state, at), _LINK, index)

    def _vehicle_acts(self, stage: TickContext, index: int, at: int) -> None:
        vehicle = self._world.vehicles[index]
        seen = vehicle.presence, vehicle.due_at
        begun = stage.begun
        vehicle_schedule.act(stage, index, at)
        if (vehicle.presence, vehicle.due_at) != seen:
            self._push(stage, vehicle.due_at, _VEHICLE, index)
        self._expect_targets_since(stage, begun)

    def _swaps(self, stage: TickContext, charger: int) -> list[_Happening]:
        """Buses to be moved off a charger out of order before the end of the tick."""
        moments = [(plugs.swap_at(stage, connector), connector) for connector in self._depot.connectors_of[charger]]
        return [(moment, _SWAP, connector) for moment, connector in moments if moment < stage.end]

    def _swap(self, stage: TickContext, connector: int, at: int) -> None:
        begun = stage.begun
        vehicle_schedule.swap(stage, connector, at)
        self._expect_targets_since(stage, begun)

    def _target_reached(self, stage: TickContext, connector: int, at: int) -> None:
        line = stage.lines.get(connector)
        if line is not None and line.done_at == at:
            stage.stop_charging(connector, at, StopReason.TARGET_REACHED)

    def _charger_changes(self, stage: TickContext, kind: int, index: int, at: int) -> None:
        id, state = self._depot.chargers[index].id, self._world.chargers[index]
        begun = stage.begun
        if kind == _CHARGER_CLEARS:
            if state.fault_until <= at:
                stage.emit(ChargerFaultCleared(at, id))
        else:
            outage = self._charger_trouble.take(index)
            self._push(stage, self._charger_trouble.begins_at(index), _CHARGER_FAULTS, index)
            if not state.fault:
                stage.emit(ChargerFaulted(at, id, "InternalError", outage.ends_at))
                self._push(stage, outage.ends_at, _CHARGER_CLEARS, index)
        stage.react(self._depot.connectors_of[index], at)
        for swap in self._swaps(stage, index):
            heappush(self._happenings, swap)
        self._expect_targets_since(stage, begun)

    def _sensor_changes(self, stage: TickContext, kind: int, index: int, at: int) -> None:
        id, state = self._depot.sensors[index].id, self._world.sensors[index]
        if kind == _SENSOR_CLEARS:
            if state.fault_until <= at:
                stage.emit(SensorFaultCleared(at, id))
            return
        outage = self._sensor_trouble.take(index)
        self._push(stage, self._sensor_trouble.begins_at(index), _SENSOR_FAULTS, index)
        if state.mode is SensorMode.NORMAL:
            stage.emit(SensorFaulted(at, id, SensorMode.OFFLINE, outage.ends_at))
            self._push(stage, outage.ends_at, _SENSOR_CLEARS, index)

    def _push(self, stage: TickContext, moment: int, kind: int, index: int) -> None:
        if moment < stage.end:
            heappush(self._happenings, (moment, kind, index))

    def _expect_targets_since(self, stage: TickContext, begun: int) -> None:
        """Connectors that started in mid-tick may reach the target before it ends."""
        for connector in stage.late_starts[begun:]:
            self._push(stage, stage.lines[connector].done_at, _TARGET_REACHED, connector)
