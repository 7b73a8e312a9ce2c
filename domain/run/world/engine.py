"""One tick of the world.

1 what is due at its beginning   2 demand and allocation over the whole tree   3 what is due inside it, at exact moments
4 lines of all connectors that bend   5 storage, generation, export clamp   6 node registers   7 meters   8 breaches
9 one RunTicked with only what changed

The engine keeps nothing that a fold could not rebuild: its caches are functions of (depot, world, seed).
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import NamedTuple

from domain.run.events import (
    ChargerFaultCleared,
    ChargerFaulted,
    FailSafeEntered,
    FailSafeLeft,
    RunEvent,
    SensorFaultCleared,
    SensorFaulted,
    StopReason,
)
from domain.run.world import yard
from domain.run.world.allocation import Claim, allocate
from domain.run.world.balance import Balance
from domain.run.world.charging import bends_at, demand_w, power_w
from domain.run.world.disturbances import NO_OUTAGE, Outage, next_outage
from domain.run.world.evolve import Evolution
from domain.run.world.fail_safe import in_fail_safe
from domain.run.world.meters import Meters
from domain.run.world.noise import Noise
from domain.run.world.record import record_tick
from domain.run.world.stage import Stage
from domain.run.world.state import NEVER, SensorMode

_CHARGER_CLEARS, _CHARGER_FAULTS, _SENSOR_CLEARS, _SENSOR_FAULTS, _TARGET_REACHED, _VEHICLE = range(6)

Happening = tuple[int, int, int]  # moment, kind, index


class Outlook(NamedTuple):
    """What a connector's present line implies: most it may draw, what it draws unless held back, when that changes."""

    demand_w: int
    power_w: int
    bends_at: int
    priority: int


class Engine:
    """Advances one world. `advance` and `react` return the events they have already applied to it."""

    def __init__(self, evolution: Evolution, seed: int) -> None:
        self._evolution = evolution
        self._depot = evolution.depot
        self._world = evolution.world
        self._noise = Noise(seed)
        self._meters = Meters(self._depot, self._noise)
        self._outlooks: dict[int, Outlook] = {}
        self._charger_outages = self._outages("charger", [c.id for c in self._depot.chargers])
        self._sensor_outages = self._outages("sensor", [s.id for s in self._depot.sensors])

    def advance(self, to: int) -> list[RunEvent]:
        """One tick from the world's present to `to` (ms); the last event is RunTicked."""
        stage = Stage(self._evolution, self._noise, self._world.at, to)
        self._watch_heartbeats(stage)
        self._hold_or_release(stage)
        self._run(stage, self._due(stage.begin + 1), stage.begin + 1)
        self._forget(stage)
        balance = Balance(self._depot, self._world, stage.begin, to)
        held_back = self._allocate(stage, balance)
        happenings = self._due(to)
        happenings += [(line.done_at, _TARGET_REACHED, i) for i, line in stage.lines.items() if line.done_at < to]
        self._run(stage, happenings, to)
        assert stage.left_w is not None, "allocated above"
        balance.complete(stage.lines, stage.left_w, held_back=held_back)
        record_tick(stage, balance, self._meters)
        stage.touched.update(stage.lines)
        self._forget(stage)
        return stage.events

    def react(self) -> list[RunEvent]:
        """What follows at once from a command just applied: charging stops or starts."""
        self._outlooks.clear()
        stage = Stage(self._evolution, self._noise, self._world.at, self._world.at)
        stage.react(range(len(self._world.connectors)), self._world.at)
        return stage.events

    def _outages(self, kind: str, ids: list[str]) -> dict[int, Outage]:
        outages = self._depot.charger_faults if kind == "charger" else self._depot.sensor_dropouts
        if outages is None:
            return {}
        return {i: next_outage(self._noise, f"{kind}/{id}", outages, self._world.at) for i, id in enumerate(ids)}

    def _watch_heartbeats(self, stage: Stage) -> None:
        for spec, state in zip(self._depot.controllers, self._world.controllers, strict=True):
            lost = in_fail_safe(spec, state, stage.begin)
            if lost != state.fail_safe:
                stage.emit(FailSafeEntered(stage.begin, spec.id) if lost else FailSafeLeft(stage.begin, spec.id))

    def _hold_or_release(self, stage: Stage) -> None:
        held = [i for i, vehicle in enumerate(self._world.vehicles) if vehicle.held_since != NEVER]
        for vehicle in held:
            yard.leave_or_hold(stage, vehicle, stage.begin)

    def _due(self, before: int) -> list[Happening]:
        due = [(v.due_at, _VEHICLE, i) for i, v in enumerate(self._world.vehicles) if v.due_at < before]
        due += [
            (c.fault_until, _CHARGER_CLEARS, i) for i, c in enumerate(self._world.chargers) if c.fault_until < before
        ]
        due += [(s.fault_until, _SENSOR_CLEARS, i) for i, s in enumerate(self._world.sensors) if s.fault_until < before]
        due += [(o.begins_at, _CHARGER_FAULTS, i) for i, o in self._charger_outages.items() if o.begins_at < before]
        due += [(o.begins_at, _SENSOR_FAULTS, i) for i, o in self._sensor_outages.items() if o.begins_at < before]
        return due

    def _run(self, stage: Stage, happenings: list[Happening], before: int) -> None:
        """Let everything due happen in order of time; what it makes due in turn joins in."""
        heapify(happenings)
        while happenings:
            moment, kind, index = heappop(happenings)
            at = max(moment, stage.begin)
            if kind == _VEHICLE:
                self._vehicle_acts(stage, happenings, index, at, before)
            elif kind == _TARGET_REACHED:
                self._target_reached(stage, index, at)
            elif kind in (_CHARGER_CLEARS, _CHARGER_FAULTS):
                self._charger_changes(stage, happenings, kind, index, at, before)
            else:
                self._sensor_changes(stage, happenings, kind, index, at, before)

    def _vehicle_acts(self, stage: Stage, happenings: list[Happening], index: int, at: int, before: int) -> None:
        vehicle = self._world.vehicles[index]
        seen = vehicle.presence, vehicle.due_at
        lines = set(stage.lines)
        yard.act(stage, index, at)
        if (vehicle.presence, vehicle.due_at) != seen and vehicle.due_at < before:
            heappush(happenings, (vehicle.due_at, _VEHICLE, index))
        self._await_target(stage, happenings, set(stage.lines) - lines)

    def _await_target(self, stage: Stage, happenings: list[Happening], connectors: set[int]) -> None:
        """Connectors that started in mid-tick may reach the target before it ends."""
        for connector in connectors:
            if stage.lines[connector].done_at < stage.end:
                heappush(happenings, (stage.lines[connector].done_at, _TARGET_REACHED, connector))

    def _target_reached(self, stage: Stage, connector: int, at: int) -> None:
        line = stage.lines.get(connector)
        if line is not None and line.done_at == at:
            stage.stop_charging(connector, at, StopReason.TARGET_REACHED)

    def _charger_changes(
        self, stage: Stage, happenings: list[Happening], kind: int, index: int, at: int, before: int
    ) -> None:
        id, state = self._depot.chargers[index].id, self._world.chargers[index]
        if kind == _CHARGER_CLEARS:
            if state.fault_until <= at:
                stage.emit(ChargerFaultCleared(at, id))
        else:
            outage = self._next(self._charger_outages, "charger", id, index)
            if not state.fault:
                stage.emit(ChargerFaulted(at, id, "InternalError", outage.ends_at))
                if outage.ends_at < before:
                    heappush(happenings, (outage.ends_at, _CHARGER_CLEARS, index))
        lines = set(stage.lines)
        stage.react(self._depot.connectors_of[index], at)
        self._await_target(stage, happenings, set(stage.lines) - lines)

    def _sensor_changes(
        self, stage: Stage, happenings: list[Happening], kind: int, index: int, at: int, before: int
    ) -> None:
        id, state = self._depot.sensors[index].id, self._world.sensors[index]
        if kind == _SENSOR_CLEARS:
            if state.fault_until <= at:
                stage.emit(SensorFaultCleared(at, id))
            return
        outage = self._next(self._sensor_outages, "sensor", id, index)
        if state.mode is SensorMode.NORMAL:
            stage.emit(SensorFaulted(at, id, SensorMode.OFFLINE, outage.ends_at))
            if outage.ends_at < before:
                heappush(happenings, (outage.ends_at, _SENSOR_CLEARS, index))

    def _next(self, planned: dict[int, Outage], kind: str, id: str, index: int) -> Outage:
        """The outage that begins now; the one after it takes its place."""
        outage = planned[index]
        outages = self._depot.charger_faults if kind == "charger" else self._depot.sensor_dropouts
        planned[index] = (
            NO_OUTAGE if outages is None else next_outage(self._noise, f"{kind}/{id}", outages, outage.begins_at + 1)
        )
        return outage

    def _allocate(self, stage: Stage, balance: Balance) -> bool:
        """Grant the tick's power and draw the lines that bend; whether anybody got less than wanted."""
        claims = self._claims()
        allocation = allocate(self._depot, claims, balance.room())
        granted = stage.caps = allocation.granted_w
        stage.left_w = allocation.left_w
        held_back = False
        for connector, demand, _, _ in claims:
            outlook, state, grant = self._outlooks[connector], self._world.connectors[connector], granted[connector]
            power = min(outlook.power_w, grant)
            if power != state.power_w or outlook.bends_at < stage.end:
                stage.lines[connector] = stage.draw(connector, stage.begin, stage.end)
            if grant < demand:
                held_back = True
        return held_back

    def _claims(self) -> list[Claim]:
        """Every connector that is switched on, in the order the sessions began."""
        connectors, outlooks = self._world.connectors, self._outlooks
        charging = [(state.session, index) for index, state in enumerate(connectors) if state.charging]
        charging.sort()
        claims = []
        for session, index in charging:
            outlook = outlooks.get(index)
            if outlook is None:
                outlook = outlooks[index] = self._foresee(index)
            claims.append(Claim(index, outlook.demand_w, session, outlook.priority))
        return claims

    def _foresee(self, connector: int) -> Outlook:
        state, spec = self._world.connectors[connector], self._depot.connectors[connector]
        bus, vehicle = self._depot.vehicles[state.vehicle], self._world.vehicles[state.vehicle]
        return Outlook(
            demand_w(spec, bus, state, vehicle, vehicle.battery_mj),
            power_w(spec, bus, state, vehicle, vehicle.battery_mj),
            bends_at(spec, bus, state, vehicle),
            bus.vehicle.priority,
        )

    def _forget(self, stage: Stage) -> None:
        """Lines that were touched need a new outlook."""
        for connector in stage.touched:
            self._outlooks.pop(connector, None)
        stage.touched.clear()
