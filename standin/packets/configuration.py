"""The platform's device and sensor-action configuration: which device drives what, under which names."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from msgspec import Struct

from standin.packets.checks import Known, standard
from standin.packets.measurands import (
    ACTIVE_POWER,
    AVAILABLE_CHARGING_CAPACITY,
    BESS_OPERATIONAL_MODE,
    DEVICE_POWER_STATE,
    FAIL_SAFE_CAPACITY,
    HEARTBEAT_COUNTER,
    HEARTBEAT_STATUS,
    MEASURANDS,
    SOC,
)


class Action(StrEnum):
    """What the platform does with a device's measurands."""

    CIRCUIT_CAPACITY = "UPDATE_CIRCUIT_CAPACITY"
    MICROGRID_STATE = "UPDATE_MICROGRID_STATE"
    POWER_SOURCE_STATE = "UPDATE_POWER_SOURCE_STATE"
    POWER_SOURCE_LOAD = "UPDATE_POWER_SOURCE_LOAD"


USED_BY = {
    Action.CIRCUIT_CAPACITY: frozenset(
        (AVAILABLE_CHARGING_CAPACITY, FAIL_SAFE_CAPACITY, HEARTBEAT_STATUS, HEARTBEAT_COUNTER)
    ),
    Action.MICROGRID_STATE: frozenset(MEASURANDS),  # which of them, the capabilities' rules say
    Action.POWER_SOURCE_STATE: frozenset((DEVICE_POWER_STATE, BESS_OPERATIONAL_MODE, SOC)),
    Action.POWER_SOURCE_LOAD: frozenset((ACTIVE_POWER,)),
}

_POWER_SOURCES = frozenset(("BESS", "DER", "MICROGRID_CONTROLLER", None))
"""Device types that report a power source; None is that of an encoding which names no types."""


class Plan(Struct, frozen=True):
    """What to do with a device's packets: its keys (None: the contract's own), and the target of each action.

    A target that is None is found from the packets: the circuit is their scope, the power source the device itself.
    """

    targets: dict[Action, str | None]
    keys: dict[str, Known] | None = None
    circuit: str | None = None

    def known(self, key: str) -> Known | None:
        return standard(key) if self.keys is None else self.keys.get(key)


@cache
def default_plan(device_type: str | None) -> Plan:
    """Every action for whatever may be its source."""
    actions = [Action.CIRCUIT_CAPACITY, Action.MICROGRID_STATE]
    if device_type in _POWER_SOURCES:
        actions += [Action.POWER_SOURCE_STATE, Action.POWER_SOURCE_LOAD]
    return Plan(dict.fromkeys(actions))


class MappedMeasurand(Struct, frozen=True, forbid_unknown_fields=True):
    """A measurand under the device's own key, in its unit and words; what is absent is as the contract has it."""

    measurand: str
    key: str = ""
    unit: str | None = None
    words: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.measurand not in MEASURANDS:
            raise ValueError(f"there is no measurand {self.measurand!r}")

    def known(self) -> Known:
        return Known(self.measurand, self.unit or MEASURANDS[self.measurand].unit, self.words)


class SensorAction(Struct, frozen=True, forbid_unknown_fields=True):
    """One action of a device: with which measurands, on which target."""

    sensor_action: Action
    target: str | None = None
    measurands: tuple[MappedMeasurand, ...] = ()


class ConfiguredDevice(Struct, frozen=True, forbid_unknown_fields=True):
    """One sensor device, and the circuit it is linked to."""

    device_id: str
    sensor_actions: tuple[SensorAction, ...] = ()
    circuit: str | None = None
    enabled: bool = True

    def plan(self) -> Plan:
        keys = {one.key or one.measurand: one.known() for action in self.sensor_actions for one in action.measurands}
        targets = {action.sensor_action: action.target for action in self.sensor_actions}
        return Plan(targets, keys or None, self.circuit)


class Configuration(Struct, frozen=True, forbid_unknown_fields=True):
    """The document. `site_model_name` belongs to the gateway and may be null: nothing here needs it."""

    devices: tuple[ConfiguredDevice, ...]
    site_model_name: str | None = None

    def plans(self) -> dict[str, Plan | None]:
        """What to do with the packets of each device; None for one that is not enabled."""
        return {one.device_id: one.plan() if one.enabled else None for one in self.devices}
