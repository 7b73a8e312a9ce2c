"""Commands on the world of a run. Each is one Struct; COMMANDS names them as the control API and scenario files do.

Entities are named by their ids (connectors as "charger/connector"); quantities carry their unit, as in documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import msgspec

from depot_sim.domain.kernel.quantities import Duration, Energy, Power, Share, SignedPower, SinceStart
from depot_sim.domain.run.world.site.forecast import ForecastType
from depot_sim.domain.run.world.state import Control, ControllerMode, Dispatch, PowerState, SensorMode


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something a person, a test or a platform asks of the world."""

    NAME: ClassVar[str]


class PlugIn(Command, frozen=True):
    """Plug a parked bus in, at this connector or at the first free one."""

    NAME: ClassVar[str] = "plug"
    vehicle: str
    connector: str | None = None


class Unplug(Command, frozen=True):
    """Unplug a bus; charging stops."""

    NAME: ClassVar[str] = "unplug"
    vehicle: str


class Arrive(Command, frozen=True):
    """Bring a bus back to the depot now, with what is left in its battery or with this state of charge."""

    NAME: ClassVar[str] = "arrive"
    vehicle: str
    soc: Share | None = None


class Depart(Command, frozen=True):
    """Send a bus off now, on its next duty or for this long and this much energy; a plugged bus is unplugged first."""

    NAME: ClassVar[str] = "depart"
    vehicle: str
    returns_after: Duration | None = None
    energy: Energy | None = None


class StartCharging(Command, frozen=True):
    """Switch energy transfer on at a connector with a bus plugged in."""

    NAME: ClassVar[str] = "start-charging"
    connector: str


class StopCharging(Command, frozen=True):
    """Switch energy transfer off; the bus stays plugged in."""

    NAME: ClassVar[str] = "stop-charging"
    connector: str


class SetStateOfCharge(Command, frozen=True):
    """Set what is in a bus's battery."""

    NAME: ClassVar[str] = "set-soc"
    vehicle: str
    soc: Share


class SetTarget(Command, frozen=True):
    """Set the state of charge a bus charges to."""

    NAME: ClassVar[str] = "set-target-soc"
    vehicle: str
    soc: Share


class SetChargingLimit(Command, frozen=True):
    """Set the platform's limit for a connector; null lifts it."""

    NAME: ClassVar[str] = "set-charging-limit"
    connector: str
    limit: Power | None


class SetAvailability(Command, frozen=True):
    """Take a charger or a connector out of service, or put it back."""

    NAME: ClassVar[str] = "set-availability"
    target: str
    available: bool


class FaultCharger(Command, frozen=True):
    """Break a charger; it recovers after `duration`, or when the fault is cleared."""

    NAME: ClassVar[str] = "fault-charger"
    charger: str
    code: str = "InternalError"
    duration: Duration | None = None


class ClearChargerFault(Command, frozen=True):
    """Repair a charger."""

    NAME: ClassVar[str] = "clear-charger-fault"
    charger: str


class SetConnectorNetwork(Command, frozen=True):
    """Cut a connector off from the network, or connect it again. Charging goes on."""

    NAME: ClassVar[str] = "set-connector-network"
    connector: str
    online: bool


class ForceSensorValue(Command, frozen=True):
    """Make a sensor read this value, with its unit ("1.2 MW", "55 %"); null lets it measure again."""

    NAME: ClassVar[str] = "force-sensor-value"
    sensor: str
    value: str | None


class FaultSensor(Command, frozen=True):
    """Break a sensor. STUCK repeats its last reading, OFFLINE sends none; for `duration`, or until cleared."""

    NAME: ClassVar[str] = "fault-sensor"
    sensor: str
    mode: SensorMode
    duration: Duration | None = None


class ClearSensorFault(Command, frozen=True):
    """Repair a sensor."""

    NAME: ClassVar[str] = "clear-sensor-fault"
    sensor: str


class SetSensorAvailability(Command, frozen=True):
    """Take a sensor out of service, or put it back."""

    NAME: ClassVar[str] = "set-sensor-availability"
    sensor: str
    available: bool


class SetNodeLimit(Command, frozen=True):
    """Change what a node may draw; null goes back to the configured limit."""

    NAME: ClassVar[str] = "set-node-limit"
    node: str
    limit: Power | None


class SetExportLimit(Command, frozen=True):
    """Change what a node may give to the grid above it; null goes back to the configured limit."""

    NAME: ClassVar[str] = "set-export-limit"
    node: str
    limit: Power | None


class SetFailSafeLimit(Command, frozen=True):
    """Change what a node is held at when heartbeats are lost; null goes back to the configured limit."""

    NAME: ClassVar[str] = "set-fail-safe-limit"
    node: str
    limit: Power | None


class StartNodeOutage(Command, frozen=True):
    """Cut the power at a node and everything below it."""

    NAME: ClassVar[str] = "start-node-outage"
    node: str


class EndNodeOutage(Command, frozen=True):
    """Give a node its power back."""

    NAME: ClassVar[str] = "end-node-outage"
    node: str


class CapacityBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most this much power from `start` until before `end`."""

    start: SinceStart
    end: SinceStart
    capacity: Power


class ApplyForecast(Command, frozen=True):
    """Replace a managed scope's active forecast of this type. It is watched, not kept: nothing is held back for it.

    Between its blocks there is no limit; where blocks overlap, the first given is in force. A scope above its forecast
    is a breach, which names `forecast_id`: over OSCP the forecast's request id.
    """

    NAME: ClassVar[str] = "apply-forecast"
    managed_scope: str
    forecast_id: str
    type: ForecastType
    blocks: tuple[CapacityBlock, ...]


class WithdrawForecast(Command, frozen=True):
    """End a managed scope's active forecast of this type; with `forecast_id` only if it is that one."""

    NAME: ClassVar[str] = "withdraw-forecast"
    managed_scope: str
    type: ForecastType
    forecast_id: str | None = None


class SetControlDelay(Command, frozen=True):
    """Let the allocation see connectors only so long after they switched on: limits are overshot. "0 s" ends it."""

    NAME: ClassVar[str] = "set-control-delay"
    delay: Duration


class SetBess(Command, frozen=True):
    """Change states of a battery storage system; what is left out stays. A positive setpoint charges."""

    NAME: ClassVar[str] = "set-bess"
    bess: str
    power_state: PowerState | None = None
    control: Control | None = None
    dispatch: Dispatch | None = None
    setpoint: SignedPower | None = None


class SetBessStateOfCharge(Command, frozen=True):
    """Set what is stored in a battery storage system."""

    NAME: ClassVar[str] = "set-bess-soc"
    bess: str
    soc: Share


class SetPv(Command, frozen=True):
    """Change states of a PV array; `let_through` is the share of its power that is not curtailed."""

    NAME: ClassVar[str] = "set-pv"
    pv: str
    power_state: PowerState | None = None
    let_through: Share | None = None


class SetControllerHeartbeats(Command, frozen=True):
    """Let a microgrid controller send its heartbeats, or keep them back. `every` makes them come at another interval.

    Without `every` they come as configured.
    """

    NAME: ClassVar[str] = "set-controller-heartbeats"
    controller: str
    beating: bool
    every: Duration | None = None


class RestartController(Command, frozen=True):
    """Restart a microgrid controller: its link is created anew, and until its first heartbeat none was ever heard.

    Lost is counted from now. Fail-safe, once entered, ends with a heartbeat only.
    """

    NAME: ClassVar[str] = "restart-controller"
    controller: str


class SetControllerMode(Command, frozen=True):
    """Set a microgrid controller's operating mode."""

    NAME: ClassVar[str] = "set-controller-mode"
    controller: str
    mode: ControllerMode


COMMANDS: Mapping[str, type[Command]] = MappingProxyType({cls.NAME: cls for cls in Command.__subclasses__()})
