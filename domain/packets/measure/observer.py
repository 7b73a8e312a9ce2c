"""How the devices of a feed see the world: which keys are due, what each reads, whether the device is there at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import NamedTuple

from depot_sim.domain.packets.contract.measurand import WorldValue
from depot_sim.domain.packets.contract.profile import PacketProfile
from depot_sim.domain.packets.device import Device, EntityKind
from depot_sim.domain.packets.measure.calendar import Calendar
from depot_sim.domain.packets.measure.entity import Entity, Site, entity_of
from depot_sim.domain.packets.measure.points import STEADY
from depot_sim.domain.packets.measure.sources import SOURCES, Source
from depot_sim.domain.packets.vocabulary import DeviceType, Quality
from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.run.world.site.fail_safe import heartbeats
from depot_sim.domain.run.world.state import NOBODY, SensorMode, World

SPREAD_FROM = 10
"""Feeds of so many devices and more do not have them all report at the same moment."""
_METERED = (EntityKind.NODE, EntityKind.CHARGER, EntityKind.WEATHER)


class Reading(NamedTuple):
    """`at` is when a sensor read it, in ms since the run's start; None for now."""

    value: WorldValue
    quality: Quality = Quality.OK
    at: int | None = None


_MISSING = Reading(None, Quality.MISSING)


class _Key(NamedTuple):
    """Where one key of a device is read; `sensor` is its place when a sensor does, `none` what None is worth."""

    entity: Entity
    read: Callable[[Entity, World, int], WorldValue]
    sensor: int
    none: Quality


class _Rhythm(NamedTuple):
    """Keys that fall due together: whenever (time - phase) passes a multiple of the cadence (ms)."""

    cadence: int
    phase: int
    keys: tuple[int, ...]


class Observer:
    """Stateless but for what it can work out again: reading the same world twice gives the same."""

    def __init__(self, depot: Depot, devices: Sequence[Device], profile: PacketProfile, seed: int) -> None:
        site = Site.of(depot, seed, profile.modes)
        self._depot = depot
        entities_of = [[entity_of(site, kind, id) for kind, id in device.entities] for device in devices]
        self._main = [_main(device, entities) for device, entities in zip(devices, entities_of, strict=True)]
        self._keys = [
            [_key(entities, SOURCES[profile.measurands[bound.measurand].source]) for bound in device.keys]
            for device, entities in zip(devices, entities_of, strict=True)
        ]
        spread = len(devices) >= SPREAD_FROM
        self._rhythms = [_rhythms(device, profile, spread=spread) for device in devices]
        self._on_change = [
            tuple(place for place, bound in enumerate(device.keys) if profile.measurands[bound.measurand].on_change)
            for device in devices
        ]
        self._restless = [
            tuple(place for place in places if not self._is_steady(device, profile, index, place))
            for index, (device, places) in enumerate(zip(devices, self._on_change, strict=True))
        ]
        self._always = frozenset(
            index
            for index, places in enumerate(self._restless)
            if places or self._main[index].kind is EntityKind.CONTROLLER
        )
        self._calendar = Calendar((index, *rhythm[:2]) for index, own in enumerate(self._rhythms) for rhythm in own)

    def restless_keys(self, device: int) -> tuple[int, ...]:
        """Of the keys that are sent when they change, those that change without an event of their own."""
        return self._restless[device]

    def stirring(self, after: int, upto: int) -> list[int]:
        """Devices that may have something to say at a tick, in order; nothing of the others can be due or new."""
        return sorted(self._always.union(self._calendar.due(after, upto)))

    def keys_due(self, device: int, after: int, upto: int) -> tuple[int, ...]:
        """Places of the keys whose cadence falls in (after, upto], logical times in ms."""
        due: tuple[int, ...] = ()
        for cadence, phase, keys in self._rhythms[device]:
            if (upto - phase) // cadence != (after - phase) // cadence:
                due += keys
        return due

    def read(self, world: World, at: int, device: int, key: int) -> Reading:
        """What the device measures of a key at logical time `at`, which is the world's."""
        entity, read, sensor, none = self._keys[device][key]
        if sensor == NOBODY:
            value = read(entity, world, at)
            return Reading(value, none) if value is None else Reading(value)
        state = world.sensors[sensor]
        if state.mode is SensorMode.OFFLINE or not state.available or state.read_at == NOBODY:
            return _MISSING
        return Reading(read(entity, world, at), Quality.OK, state.read_at)

    def present(self, world: World, device: int) -> bool:
        """Whether the device is in service: a charger, and the sensors of a meter, can be taken out of it."""
        entity = self._main[device]
        if entity.kind is EntityKind.CHARGER and not world.chargers[entity.index].available:
            return False
        if entity.kind not in _METERED or not entity.sensors:
            return True
        return any(world.sensors[sensor].available for sensor in entity.sensors.values())

    def _is_steady(self, device: Device, profile: PacketProfile, index: int, place: int) -> bool:
        source = profile.measurands[device.keys[place].measurand].source
        return (source, self._keys[index][place].entity.kind) in STEADY

    def beats(self, world: World, at: int, device: int) -> int | None:
        """Heartbeats on a controller's link so far, which a restart counts anew; None for other devices."""
        entity = self._main[device]
        if entity.kind is not EntityKind.CONTROLLER:
            return None
        return heartbeats(self._depot.controllers[entity.index], world.controllers[entity.index], at)


def _main(device: Device, entities: Sequence[Entity]) -> Entity:
    """What the device itself is: a controller may read the battery's keys before its own."""
    if device.type is DeviceType.MICROGRID_CONTROLLER:
        return next((entity for entity in entities if entity.kind is EntityKind.CONTROLLER), entities[0])
    return entities[0]


def _key(entities: Sequence[Entity], source: Source) -> _Key:
    """Read from the first entity that has it."""
    entity = next(entity for entity in entities if entity.kind in source.kinds)
    sensor = NOBODY if source.sensed is None else entity.sensors.get(source.sensed, NOBODY)
    return _Key(entity, source.read, sensor, source.none)


def _rhythms(device: Device, profile: PacketProfile, *, spread: bool) -> list[_Rhythm]:
    by_cadence: dict[int, list[int]] = {}
    for place, bound in enumerate(device.keys):
        cadence = profile.measurands[bound.measurand].cadence_ms
        if cadence:
            by_cadence.setdefault(device.cadence_ms or cadence, []).append(place)
    own = int.from_bytes(blake2b(device.id.encode(), digest_size=8).digest(), "little") if spread else 0
    return [_Rhythm(cadence, own % cadence, tuple(keys)) for cadence, keys in by_cadence.items()]
