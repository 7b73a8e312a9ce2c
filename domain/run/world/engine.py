"""One tick of the world.

1 what is due at its beginning   2 demand and allocation over the whole tree   3 what is due inside it, at exact moments
4 lines of all connectors that bend   5 storage, generation, export clamp   6 node registers   7 meters   8 breaches
9 one RunTicked with only what changed

The engine keeps nothing that a fold could not rebuild: its caches are functions of (depot, world, seed).
"""

from __future__ import annotations

from typing import NamedTuple

from depot_sim.domain.kernel.noise import Noise
from depot_sim.domain.run.events import RunEvent
from depot_sim.domain.run.world.charging.allocation import Allocation, Claim, allocate
from depot_sim.domain.run.world.charging.segment import bends_at, demand_w, power_w
from depot_sim.domain.run.world.event_queue import Agenda
from depot_sim.domain.run.world.evolve import Evolution
from depot_sim.domain.run.world.record import record_tick
from depot_sim.domain.run.world.sensing.meters import Meters
from depot_sim.domain.run.world.site.balance import Balance
from depot_sim.domain.run.world.tick_context import TickContext


class Outlook(NamedTuple):
    """What a connector's line implies: the most it may draw, what it draws unless held back, and until when."""

    claim: Claim
    power_w: int
    bends_at: int


class Engine:
    """Advances one world. `advance` and `react` return the events they have already applied to it."""

    def __init__(self, evolution: Evolution, seed: int, tick_ms: int) -> None:
        """`tick_ms` is the length of a whole tick; any tick may be shorter."""
        self._evolution = evolution
        self._tick_ms = tick_ms
        self._depot = evolution.depot
        self._world = evolution.world
        self._noise = Noise(seed)
        self._meters = Meters(self._depot, self._noise)
        self._agenda = Agenda(self._depot, self._world, self._noise)
        self._outlooks: dict[int, Outlook] = {}
        self._shared = _Shared([], [], Allocation({}, []))

    def advance(self, to: int) -> list[RunEvent]:
        """One tick from the world's present to `to` (ms); the last event is RunTicked."""
        stage = TickContext(self._evolution, self._noise, self._world.at, to)
        self._agenda.open(stage)
        self._agenda.run(stage, stage.begin + 1)
        self._forget(stage)
        balance = Balance(self._depot, self._world, stage.begin, to)
        self._allocate(stage, balance)
        self._agenda.expect_targets(stage)
        self._agenda.run(stage, to)
        balance.complete(stage.lines, stage.room_left_w)
        record_tick(stage, balance, self._meters, self._tick_ms)
        stage.touched.update(stage.lines)
        self._forget(stage)
        return stage.events

    def react(self) -> list[RunEvent]:
        """What follows at once from a command just applied: charging stops or starts."""
        self._outlooks.clear()
        stage = TickContext(self._evolution, self._noise, self._world.at, self._world.at)
        stage.react(range(len(self._world.connectors)), self._world.at)
        return stage.events

    def _allocate(self, stage: TickContext, balance: Balance) -> None:
        """Grant the tick's power and draw the lines that bend."""
        outlooks = self._charging()
        claims = [outlook.claim for outlook in outlooks if stage.is_governed(outlook.claim.connector)]
        stage.open_late_starts(*self._share(claims, balance.room()))
        granted, connectors, end = stage.caps, self._world.connectors, stage.end
        if len(claims) < len(outlooks):
            self._help_themselves(stage, [outlook.claim for outlook in outlooks])
        for (connector, _, _, _), power, bends in outlooks:
            grant = granted[connector]
            if bends < end or (grant if grant < power else power) != connectors[connector].power_w:  # noqa: FURB136
                stage.lines[connector] = stage.draw(connector, stage.begin, end)

    def _help_themselves(self, stage: TickContext, claims: list[Claim]) -> None:
        """Connectors the allocation does not know of yet draw what their charger has left."""
        for claim in claims:
            if claim.connector not in stage.caps:
                stage.grant_from_left(claim.connector, claim.demand_w)

    def _share(self, claims: list[Claim], room_w: list[int]) -> Allocation:
        """The allocation; the last one again while nobody asks for anything else and the room is the same."""
        if claims != self._shared.claims or room_w != self._shared.room_w:
            self._shared = _Shared(claims, room_w, allocate(self._depot, claims, list(room_w)))
        return self._shared.allocation

    def _charging(self) -> list[Outlook]:
        """Every connector that is switched on, in the order the sessions began."""
        charging = [(state.session, i) for i, state in enumerate(self._world.connectors) if state.charging]
        charging.sort()
        known = self._outlooks
        return [known[i] if i in known else self._foresee(i) for _, i in charging]

    def _foresee(self, connector: int) -> Outlook:
        state, spec = self._world.connectors[connector], self._depot.connectors[connector]
        bus, vehicle = self._depot.vehicles[state.vehicle], self._world.vehicles[state.vehicle]
        demand = demand_w(spec, bus, state, vehicle, vehicle.battery_mj)
        outlook = self._outlooks[connector] = Outlook(
            Claim(connector, demand, state.session, bus.vehicle.priority),
            power_w(spec, bus, state, vehicle, vehicle.battery_mj),
            bends_at(spec, bus, state, vehicle),
        )
        return outlook

    def _forget(self, stage: TickContext) -> None:
        """Lines that were touched need a new outlook."""
        for connector in stage.touched:
            self._outlooks.pop(connector, None)
        stage.touched.clear()


class _Shared(NamedTuple):
    """An allocation with what it was made from."""

    claims: list[Claim]
    room_w: list[int]
    allocation: Allocation
