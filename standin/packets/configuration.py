"""Which device drives what, under which names: by the platform's configuration, or by what its keys can."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import StrEnum

from msgspec import Struct

from depot_sim.standin.packets.measurands import (
    ACTIVE_POWER,
    AVAILABLE_CHARGING_CAPACITY,
    BESS_OPERATIONAL_MODE,
    DEVICE_POWER_STATE,
    FAIL_SAFE_CAPACITY,
    HEARTBEAT_COUNTER,
    HEARTBEAT_STATUS,
    MEASURANDS,
    PV_POWER,
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

_POWER_SOURCES = frozenset(("BESS", "DER", "MICROGRID_CONTROLLER"))
_KEYS_OF_POWER_SOURCES = frozenset((SOC, BESS_OPERATIONAL_MODE, PV_POWER))


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


_EVERYWHERE = tuple(map(BoundAction, (Action.CIRCUIT_CAPACITY, Action.MICROGRID_STATE)))
_OF_POWER_SOURCES = tuple(map(BoundAction, (Action.POWER_SOURCE_STATE, Action.POWER_SOURCE_LOAD)))
_PLAN, _PLAN_OF_POWER_SOURCES = Plan(_EVERYWHERE), Plan((*_EVERYWHERE, *_OF_POWER_SOURCES))


def default_plan(device_type: str | None, keys: AbstractSet[str]) -> Plan:
    """Every action for whatever may be its source; its keys tell a power source that does not say its type."""
    is_power_source = device_type in _POWER_SOURCES if device_type else bool(keys & _KEYS_OF_POWER_SOURCES)
    return _PLAN_OF_POWER_SOURCES if is_power_source else _PLAN
