"""What changes in the world. Plain mutable records of integers; encoded as they stand for snapshots and the state hash.

Energies are registers on a line: a connector that draws `power_w` since `since` stands at
`energy_mj + power_w * (t - since)` at time t. A record is touched only when its line bends.
"""

from __future__ import annotations

from enum import Enum
from hashlib import sha256

import msgspec
from msgspec import UNSET, UnsetType, structs

from depot_sim.domain.run.world.site.forecast import ScopeState

NEVER = 1 << 62  # later than any logical time
NOBODY = -1


class Presence(Enum):
    AWAY = "AWAY"
    PARKED = "PARKED"
    PLUGGED = "PLUGGED"


class VehicleState(msgspec.Struct):
    """`duty` is the one being driven (AWAY) or the next; `due_at` is when the vehicle's own schedule acts next.

    `battery_mj` holds at `battery_at`; plugged, the connector's line adds to it; away, the duty takes from it.
    """

    presence: Presence
    battery_mj: int
    battery_at: int = 0
    duty: int = NOBODY
    duty_day: int = 0
    departs_at: int = NEVER
    returns_at: int = NEVER
    duty_energy_mj: int = 0
    connector: int = NOBODY
    plug_in_at: int = NEVER
    due_at: int = NEVER
    target_ppm: int = 0
    held_since: int = NEVER
    precondition_at: int = NEVER
    preconditioning: bool = False
    depleted: bool = False


class ConnectorState(msgspec.Struct):
    """`charging` means energy transfer is switched on; the allocation may still grant it nothing."""

    vehicle: int = NOBODY
    session: int = 0
    session_energy_mj: int = 0
    energised_at: int = 0
    charging: bool = False
    stop_reason: str = ""
    power_w: int = 0
    auxiliary_w: int = 0
    energy_mj: int = 0
    since: int = 0
    available: bool = True
    online: bool = True
    limit_w: int | None = None

    def energy_at(self, t: int) -> int:
        return self.energy_mj + self.power_w * (t - self.since)


class ChargerState(msgspec.Struct):
    """`fault` is empty while healthy; `fault_until` is when it clears by itself, NEVER when only a command does."""

    available: bool = True
    fault: str = ""
    fault_since: int = NEVER
    fault_until: int = NEVER


class NodeState(msgspec.Struct):
    """Import is positive; `energy_mj` is net, `exported_mj` what went out, so import is their sum.

    `limit_w` overrides the configured limit, `other_load_w` is the node's own load besides charging, standby included.
    Breach counters count ticks above and below the limit, and `part_ms` what is beyond whole ones (breach.py).
    `export_limit_w` and `fail_safe_limit_w` override what is configured once they are set. These three are not encoded
    before, so that a world without them keeps its hash.
    """

    load_w: int = 0
    energy_mj: int = 0
    exported_mj: int = 0
    since: int = 0
    touched: bool = False
    limit_w: int | None = None
    outage: bool = False
    other_load_w: int = 0
    ticks_over: int = 0
    ticks_under: int = 0
    breached: bool = False
    part_ms: int | UnsetType = UNSET
    export_limit_w: int | UnsetType = UNSET
    fail_safe_limit_w: int | UnsetType = UNSET

    def energy_at(self, t: int) -> int:
        return self.energy_mj + self.load_w * (t - self.since)

    def exported_at(self, net_mj: int, tick_begin: int) -> int:
        """Exported energy once the net register stands at `net_mj`; what has passed of a tick counts as one."""
        before_tick = self.energy_at(max(tick_begin, self.since))
        return self.exported_mj + max(0, self.energy_mj - before_tick) + max(0, before_tick - net_mj)


class SensorMode(Enum):
    NORMAL = "NORMAL"
    STUCK = "STUCK"
    OFFLINE = "OFFLINE"


class SensorState(msgspec.Struct):
    """`value` is the last reading, in the quantity's base unit, taken at `read_at`; `forced` replaces a measurement."""

    value: int = 0
    read_at: int = NOBODY
    mode: SensorMode = SensorMode.NORMAL
    fault_until: int = NEVER
    forced: int | None = None
    available: bool = True


class PowerState(Enum):
    OFF = "OFF"
    STARTING = "STARTING"
    ON = "ON"
    SHUTTING_DOWN = "SHUTTING_DOWN"
    FAULT = "FAULT"
    UNKNOWN = "UNKNOWN"


class Control(Enum):
    LOCAL = "LOCAL"
    REMOTE = "REMOTE"


class Dispatch(Enum):
    NONE = "NONE"
    SCHEDULED = "SCHEDULED"
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"


class BessState(msgspec.Struct):
    """`power_w` is positive while charging; `setpoint_w` is followed under LOCAL control or an ACTIVE dispatch.

    `imported_mj` is what it took from the grid so far, a register that never falls. `adjusted_mj` is what was put in
    and taken out by commands, not encoded until there was one.
    """

    stored_mj: int
    power_w: int = 0
    since: int = 0
    imported_mj: int = 0
    power_state: PowerState = PowerState.ON
    control: Control = Control.REMOTE
    dispatch: Dispatch = Dispatch.NONE
    setpoint_w: int = 0
    adjusted_mj: int | UnsetType = UNSET


class PvState(msgspec.Struct):
    """`power_w` is generation, positive. `curtailment_ppm` is the share that is let through."""

    power_w: int = 0
    power_state: PowerState = PowerState.ON
    curtailment_ppm: int = 1_000_000


class ControllerMode(Enum):
    """ISLANDED and BLACK_START: the node is cut off from the grid above it and lives on its own supply."""

    GRID_CONNECTED = "GRID_CONNECTED"
    ISLANDED = "ISLANDED"
    TRANSITION = "TRANSITION"
    BLACK_START = "BLACK_START"


class ControllerState(msgspec.Struct):
    """The newest heartbeat was at `last_beat`; while `beating` they come from `beats_from` on, again and again.

    `every_ms` is the spacing once it is another than the configured one, `linked_at` when the link was created anew;
    until then neither is encoded, so that a world without them keeps its hash.
    """

    beating: bool = True
    beats_from: int = 0
    beats_before: int = 0
    last_beat: int = NOBODY
    mode: ControllerMode = ControllerMode.GRID_CONNECTED
    fail_safe: bool = False
    fail_safe_since: int = NEVER
    every_ms: int | UnsetType = UNSET
    linked_at: int | UnsetType = UNSET


class World(msgspec.Struct):
    """Everything that changes, at logical time `at` (ms since the run's start), after `tick` ticks.

    `control_delay_ms` is an intended fault: so long after switching on, a connector is not governed by the allocation.
    `scopes`, by id, are the managed scopes that were ever given a forecast. Until there is one they are not encoded, so
    that a world without forecasts has the hash it had before there were any. `generated_mj` are the PV arrays'
    registers; they follow from the rest of what happened, and the hash leaves them out as it did before they were kept.
    """

    vehicles: list[VehicleState]
    connectors: list[ConnectorState]
    chargers: list[ChargerState]
    nodes: list[NodeState]
    sensors: list[SensorState]
    bess: list[BessState]
    pv: list[PvState]
    controllers: list[ControllerState]
    at: int = 0
    tick: int = 0
    control_delay_ms: int = 0
    sessions: int = 0
    peak_w: int = 0
    breaches: int = 0
    late_departures: int = 0
    scopes: dict[str, ScopeState] | UnsetType = UNSET
    generated_mj: list[int] | UnsetType = UNSET

    def scope(self, id: str) -> ScopeState | None:
        """What is known of a managed scope; None before its first forecast."""
        return None if self.scopes is UNSET else self.scopes.get(id)

    def forecast_breaches(self, managed_scope_id: str) -> list[tuple[str, int]]:
        """(forecast, logical ms at which the scope was last found above it), the newest last; of the last 64 such."""
        scope = self.scope(managed_scope_id)
        return [] if scope is None else list(scope.breaches.items())


def state_sha256(world: World) -> str:
    """The hash a replay has to reach."""
    return sha256(msgspec.json.encode(structs.replace(world, generated_mj=UNSET))).hexdigest()
