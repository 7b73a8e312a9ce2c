"""The platform's device and sensor-action configuration: the document, and the plans that it amounts to."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct

from depot_sim.standin.packets.configuration import Action, BoundAction, Plan


class Asset(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing of the depot, by its id."""

    node: str | None = None
    charger: str | None = None
    bess: str | None = None
    pv: str | None = None
    controller: str | None = None
    weather: bool = False


class SensorAction(Struct, frozen=True, forbid_unknown_fields=True):
    """`measurands` has the profile's measurand of each key that is sent; without any, the keys are the contract's."""

    sensor_action: str
    target: str | None = None
    measurands: dict[str, str] = {}

    def bound(self) -> BoundAction:
        return BoundAction(Action(self.sensor_action), self.target, frozenset(self.measurands) or None)


class SensorDevice(Struct, frozen=True, forbid_unknown_fields=True):
    """`circuit` is the circuit it is linked to. `asset`, `cadence` and `endpoint` are the sender's business."""

    device_id: str
    name: str = ""
    circuit: str | None = None
    asset: Asset | None = None
    cadence: str | float | None = None
    endpoint: str = ""
    sensor_actions: tuple[SensorAction, ...] = ()

    def plan(self) -> Plan:
        """What can be done of it; `unmapped` tells the rest."""
        actions = [one for one in self.sensor_actions if one.sensor_action in set(Action)]
        names = {key: name for one in actions for key, name in one.measurands.items()}
        unnamed = any(not one.measurands for one in actions)
        return Plan(tuple(one.bound() for one in actions), names, unnamed, self.circuit)


class Gateway(Struct, frozen=True, forbid_unknown_fields=True):
    """`site_model_name` may be null: nothing needs it. `output_translation` is by device id."""

    gateway_id: str = ""
    site_model_name: str | None = None
    output_translation: dict[str, Asset] = {}


class Unmapped(Struct, frozen=True):
    """A row that cannot be put to use; the others are."""

    pointer: str
    problem: str


class Document(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration."""

    devices: tuple[SensorDevice, ...]
    gateway: Gateway = Gateway()

    def __post_init__(self) -> None:
        ids = [one.device_id for one in self.devices]
        if twice := sorted({id for id in ids if ids.count(id) > 1}):
            raise ValueError(f"devices are configured twice: {', '.join(twice)}")

    def plans(self) -> dict[str, Plan]:
        """By device id."""
        return {one.device_id: one.plan() for one in self.devices}

    def translations(self) -> dict[str, str]:
        """The gateway's word on which power source a device's output is about."""
        translated = ((id, asset.bess or asset.pv) for id, asset in self.gateway.output_translation.items())
        return {id: target for id, target in translated if target}

    def unmapped(self, measurands: Collection[str]) -> list[Unmapped]:
        """Rows with an action or a measurand that is none; `measurands` are the names there are."""
        return [
            row for place, one in enumerate(self.devices) for row in _unmapped(f"/devices/{place}", one, measurands)
        ]


def _unmapped(pointer: str, device: SensorDevice, measurands: Collection[str]) -> Iterable[Unmapped]:
    if not device.sensor_actions:
        yield Unmapped(f"{pointer}/sensor_actions", "there is none: the device drives nothing")
    for place, one in enumerate(device.sensor_actions):
        row = f"{pointer}/sensor_actions/{place}"
        if one.sensor_action not in set(Action):
            yield Unmapped(f"{row}/sensor_action", f"{one.sensor_action} is none of {', '.join(Action)}")
        for key, name in one.measurands.items():
            if name not in measurands:
                token = key.replace("~", "~0").replace("/", "~1")
                yield Unmapped(f"{row}/measurands/{token}", f"{name} is no measurand")
