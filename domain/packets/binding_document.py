"""The accepted shape of the platform's device and sensor-action configuration; docs/packet-binding.md explains it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from depot_sim.domain.configuration.document import Part
from depot_sim.domain.kernel.address import address_fault
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.problems import Faults, quoted
from depot_sim.domain.kernel.quantities import MS_PER_SECOND, Duration
from depot_sim.domain.kernel.reading import read

DeviceId = Annotated[str, msgspec.Meta(pattern=r"\S(.{0,126}\S)?")]


class Asset(Part, frozen=True):
    """One thing of our depot, by the id it has there; exactly one of these."""

    node: str | None = None
    charger: str | None = None
    bess: str | None = None
    pv: str | None = None
    controller: str | None = None
    weather: bool = False

    def named(self) -> list[str]:
        """The fields that name something."""
        return [field for field in self.__struct_fields__ if getattr(self, field)]


class ActionRow(Part, frozen=True):
    """`measurands` maps the platform's key to a measurand of the profile."""

    sensor_action: str
    target: str | None = None
    measurands: dict[str, str] = msgspec.field(default_factory=dict)


class DeviceRow(Part, frozen=True):
    """`circuit` is the circuit the platform links the device to: a node of ours by id, or by a name only it has."""

    device_id: DeviceId
    name: str = ""
    circuit: str | None = None
    asset: Asset | None = None
    cadence: Duration | None = None
    endpoint: str = ""
    sensor_actions: tuple[ActionRow, ...] = ()


class Gateway(Part, frozen=True):
    """`output_translation`, by device id, is what is left when nothing else tells which power source is meant."""

    gateway_id: str = ""
    site_model_name: str | None = None
    output_translation: dict[str, Asset] = msgspec.field(default_factory=dict)


class BindingDocument(Part, frozen=True):
    devices: tuple[DeviceRow, ...]
    gateway: Gateway = Gateway()


def read_document(raw: object) -> BindingDocument:
    """From dicts, lists and scalars. Raises InvalidInput with every fault of shape."""
    reading = read(raw, BindingDocument)
    if reading.document is not None:
        _check(reading.document, reading.faults)
    reading.faults.raise_if_any()
    assert reading.document is not None, "no document means a fault"
    return reading.document


def _check(document: BindingDocument, faults: Faults) -> None:
    first: dict[str, int] = {}
    for place, device in enumerate(document.devices):
        pointer = f"/devices/{place}"
        if first.setdefault(device.device_id, place) != place:
            expected = f"an id of its own; device {first[device.device_id]} has this one"
            faults.add(f"{pointer}/device_id", quoted(device.device_id), expected)
        fault = address_fault(device.endpoint, f"{pointer}/endpoint") if device.endpoint else None
        if fault is not None:
            faults.append(fault)
        if device.cadence is not None and device.cadence < MS_PER_SECOND:
            faults.add(f"{pointer}/cadence", f"{device.cadence} ms", "at least 1 s")
        if device.asset is not None:
            _check_asset(f"{pointer}/asset", device.asset, faults)
    for device_id, asset in document.gateway.output_translation.items():
        _check_asset(child("/gateway/output_translation", device_id), asset, faults)


def _check_asset(pointer: str, asset: Asset, faults: Faults) -> None:
    named = asset.named()
    if len(named) != 1:
        found = " and ".join(named) or "nothing"
        faults.add(pointer, found, f"exactly one of {', '.join(asset.__struct_fields__)}")
