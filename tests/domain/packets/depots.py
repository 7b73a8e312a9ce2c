"""Depots whose devices send packets, and what those devices measure."""

from __future__ import annotations

from typing import Any

import msgspec

from depot_sim.adapters.packets.profiles import ProfileLibrary
from depot_sim.domain.configuration.document import (
    Bess,
    CurrentKind,
    LoadStep,
    ManagedScope,
    MicrogridController,
    Node,
    NodeKind,
    ProfileStep,
    PvArray,
    Sensor,
    SensorQuantity,
    SimulationConfigurationDocument,
)
from depot_sim.domain.kernel.quantities import ClockTime, Duration, Energy, Power, Share, SignedShare
from depot_sim.domain.packets.contract.measurand import WorldValue
from depot_sim.domain.packets.device import Device
from depot_sim.domain.packets.devices import derived_devices
from depot_sim.domain.packets.measure.observer import Observer, Reading
from tests.domain.run.world.depots import KW, KWH, SECOND, Simulation, charger, document, vehicle

PROFILE = ProfileLibrary().load("default/1")
ALL_DAY = ClockTime("00:00")
EXACT: dict[str, Any] = {"gain_error": SignedShare(0), "noise": Share(0), "cadence": Duration(30 * SECOND)}


def microgrid(*sensors: Sensor, **changes: Any) -> SimulationConfigurationDocument:
    """Grid 200 kW with 30 kW of lights, a controller, 50 kW of sun and a battery; below it a yard with two chargers."""
    parts: dict[str, Any] = {
        "nodes": [
            Node(
                id="grid",
                kind=NodeKind.GRID_CONNECTION,
                limit=Power(200 * KW),
                fail_safe_limit=Power(60 * KW),
                export_limit=Power(80 * KW),
                other_load=(LoadStep(ALL_DAY, Power(30 * KW)),),
            ),
            Node(id="yard", parent="grid", name="Charging yard", limit=Power(120 * KW)),
        ],
        "chargers": (charger("c1", node="yard"), charger("c2", node="yard", kind=CurrentKind.AC)),
        "vehicles": (vehicle("b1"),),
        "pv": (PvArray(id="sun", node="grid", peak=Power(50 * KW), profile=(ProfileStep(ALL_DAY, Share(10**6)),)),),
        "bess": (Bess(id="s", node="grid", capacity=Energy(400 * KWH), rating=Power(40 * KW)),),
        "microgrid_controllers": (MicrogridController(id="m", node="grid", grace=Duration(60 * SECOND)),),
        "managed_scopes": (ManagedScope(id="site", node="grid"), ManagedScope(id="charging", node="yard")),
        "sensors": sensors,
    }
    return document(**parts | changes)


def sensor(id: str, quantity: SensorQuantity = SensorQuantity.ACTIVE_POWER, **place: Any) -> Sensor:
    return Sensor(id=id, quantity=quantity, **EXACT, **place)


class Watch:
    """A simulation with the observer of one scope's devices, asked by device id and key."""

    def __init__(self, document: SimulationConfigurationDocument, scope: str = "site", **options: Any) -> None:
        self.simulation = Simulation(document, **options)
        self.devices: tuple[Device, ...] = derived_devices(document, scope, PROFILE)
        self.observer = Observer(self.simulation.depot, self.devices, PROFILE, self.simulation.seed)
        self._places = {device.id: place for place, device in enumerate(self.devices)}

    def place(self, device: str) -> int:
        return self._places[device]

    def keys(self, device: str) -> list[str]:
        return [bound.key for bound in self.devices[self.place(device)].keys]

    def reading(self, device: str, key: str) -> Reading:
        world = self.simulation.world
        return self.observer.read(world, world.at, self.place(device), self.keys(device).index(key))

    def value(self, device: str, key: str) -> WorldValue:
        return self.reading(device, key).value

    def number(self, device: str, key: str) -> int:
        value = self.value(device, key)
        assert type(value) is int
        return value

    def everything(self) -> dict[tuple[str, str], WorldValue]:
        return {
            (device.id, bound.key): self.value(device.id, bound.key) for device in self.devices for bound in device.keys
        }


def with_whole_scope(document: SimulationConfigurationDocument) -> SimulationConfigurationDocument:
    """The same depot with one managed scope more, "site", over all of it."""
    root = next(node.id for node in document.topology.nodes if node.parent is None)
    return msgspec.structs.replace(
        document, managed_scopes=(*document.managed_scopes, ManagedScope(id="site", node=root))
    )
