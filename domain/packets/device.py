"""A device that sends packets: which entity of the depot it stands for, and which keys it sends under which names."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from depot_sim.domain.packets.vocabulary import DeviceType


class EntityKind(StrEnum):
    """What of the depot a device stands for. WEATHER has no id."""

    NODE = "node"
    CHARGER = "charger"
    BESS = "bess"
    PV = "pv"
    CONTROLLER = "controller"
    WEATHER = "weather"


class BoundKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """`measurand` is a row of the profile's table, by its key there; it is sent as `key`."""

    measurand: str
    key: str


class SensorAction(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the platform does with a device's measurands, as its configuration says; carried, not interpreted."""

    action: str
    target: str = ""
    keys: tuple[str, ...] = ()


class Device(msgspec.Struct, frozen=True, omit_defaults=True):
    """`node` is the place in the electrical tree that its packets name as scope.

    `entities` beyond the first lend their keys: a controller speaks for the battery and the node it controls. Each key
    is read from the first entity that has it. `cadence_ms` replaces the table's cadences, `endpoint` the feed's.
    """

    id: str
    type: DeviceType
    node: str
    entities: tuple[tuple[EntityKind, str], ...]
    keys: tuple[BoundKey, ...]
    cadence_ms: int | None = None
    endpoint: str = ""
    actions: tuple[SensorAction, ...] = ()
