"""Which device drives what, under which names: by the platform's configuration, or by what its keys can."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from msgspec import Struct

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


class BoundAction(Struct, frozen=True):
    """An action of one device, with the keys as they are sent; None: with all that it can use.

    A target that is None is found from the packets: the circuit is their scope, the power source the device itself.
    """

    action: Action
    target: str | None = None
    keys: frozenset[str] | None = None

    def uses(self, key: str, measurand: str) -> bool:
        return measurand in USED_BY[self.action] and (self.keys is None or key in self.keys)


class Plan(Struct, frozen=True):
    """What to do with a device's packets. `names` has the profile's names of keys; others may be names themselves."""

    actions: tuple[BoundAction, ...]
    names: dict[str, str] = {}
    others_may_stand: bool = True
    circuit: str | None = None

    def name_of(self, key: str) -> str | None:
        return self.names.get(key, key if self.others_may_stand else None)

    def circuit_of(self, action: BoundAction) -> str | None:
        """The circuit that is configured."""
        return action.target or self.circuit


@cache
def default_plan(device_type: str | None) -> Plan:
    """Every action for whatever may be its source."""
    actions = [Action.CIRCUIT_CAPACITY, Action.MICROGRID_STATE]
    if device_type in _POWER_SOURCES:
        actions += [Action.POWER_SOURCE_STATE, Action.POWER_SOURCE_LOAD]
    return Plan(tuple(map(BoundAction, actions)))
