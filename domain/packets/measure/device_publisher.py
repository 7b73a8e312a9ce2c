"""How one device's packets come about: what it has to say when the world is looked at, and which keys go together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from msgspec import UNSET

from depot_sim.domain.packets.contract.measurand import Measurand
from depot_sim.domain.packets.device import Device
from depot_sim.domain.packets.events import WatchedValue
from depot_sim.domain.packets.measure.observation import Observation, Observes
from depot_sim.domain.packets.packet import Measurement
from depot_sim.domain.packets.state import DeviceState
from depot_sim.domain.packets.vocabulary import PacketType

CAPACITY, HEARTBEAT, COUNTER = "AVAILABLE_CHARGING_CAPACITY", "HEARTBEAT_STATUS", "HEARTBEAT_COUNTER"
_COMPANIONS = {CAPACITY: HEARTBEAT, HEARTBEAT: CAPACITY}
"""Sources that are always told together (COR-40)."""
_BEATS = frozenset({CAPACITY, HEARTBEAT, COUNTER})


class Draft(NamedTuple):
    """A packet to be: what it measures, and what the feed has to remember of it."""

    type: PacketType
    measurements: tuple[Measurement, ...]
    watched: Mapping[int, WatchedValue] = MappingProxyType({})
    beats: int | None = None


class DevicePublisher:
    """One device of a feed, at place `index`. `started_at` is the run's start in ms since 1970 UTC."""

    __slots__ = ("_beat_keys", "_companions", "_index", "_measurands", "_started_at", "_watched", "device")

    def __init__(self, index: int, device: Device, measurands: Mapping[str, Measurand], started_at: int) -> None:
        self.device = device
        self._index = index
        self._started_at = started_at
        self._measurands = [measurands[bound.measurand] for bound in device.keys]
        self._watched = tuple(key for key, measurand in enumerate(self._measurands) if measurand.on_change)
        self._companions = _companions(self._measurands)
        self._beat_keys = tuple(key for key, measurand in enumerate(self._measurands) if measurand.source in _BEATS)

    def look(self, observer: Observes, sight: Observation, state: DeviceState) -> Iterator[Draft]:
        """What the device sends now, in order. `state` has to know of each before the next is asked for."""
        if not observer.present(sight.world, self._index):
            if state.born:
                yield self.death()
            return
        if not state.born:
            yield self._birth(observer, sight)
        due: Iterable[int] = ()
        if sight.after is not None:
            beats = self._new_beats(observer, sight, sight.after, state)
            if beats:
                yield self._draft(PacketType.HEARTBEAT, self._beat_keys, observer, sight, beats)
            due = observer.keys_due(self._index, sight.after, sight.at)
            if due:
                yield self._draft(PacketType.TELEMETRY, due, observer, sight)
        changed = self._changed(observer, sight, state)
        if changed:
            yield self._draft(PacketType.EVENT, changed, observer, sight)

    def death(self) -> Draft:
        return Draft(PacketType.DEATH, ())

    def _birth(self, observer: Observes, sight: Observation) -> Draft:
        """Declares every key. Heartbeats up to the tick before, or up to now without one, are history."""
        declared = zip(self._measurands, self.device.keys, strict=True)
        born_at = sight.at if sight.after is None else sight.after
        beats = observer.beats(sight.world, born_at, self._index) if born_at else None
        measurements = tuple(measurand.birth(bound.key) for measurand, bound in declared)
        return Draft(PacketType.BIRTH, measurements, beats=beats)

    def _new_beats(self, observer: Observes, sight: Observation, after: int, state: DeviceState) -> int:
        """Heartbeats so far, if there was one since the last look. A link that was set up anew counts from 0 again."""
        beats = observer.beats(sight.world, sight.at, self._index)
        if not beats:
            return 0
        came = beats != state.beats or beats != observer.beats(sight.world, after, self._index)
        return beats if came else 0

    def _changed(self, observer: Observes, sight: Observation, state: DeviceState) -> list[int]:
        changed, told = [], state.watched
        knows_all = sight.after is not None and len(told) == len(self._watched)
        for key in observer.restless_keys(self._index) if knows_all else self._watched:
            before = told.get(key, UNSET)
            value = observer.read(sight.world, sight.at, self._index, key).value
            if before is UNSET or self._measurands[key].changed(before, value):
                changed.append(key)
        return changed

    def _draft(
        self, type: PacketType, keys: Iterable[int], observer: Observes, sight: Observation, beats: int | None = None
    ) -> Draft:
        measurements, watched = [], {}
        for key in self._with_companions(keys):
            measurand, read = self._measurands[key], observer.read(sight.world, sight.at, self._index, key)
            at = None if read.at is None else self._started_at + read.at
            measurements.append(measurand.measurement(self.device.keys[key].key, read.value, read.quality, at))
            if measurand.on_change:
                watched[key] = read.value
        return Draft(type, tuple(measurements), watched, beats)

    def _with_companions(self, keys: Iterable[int]) -> Iterable[int]:
        if not self._companions:
            return keys
        wanted = set(keys)
        return sorted(wanted.union(*(self._companions[key] for key in wanted if key in self._companions)))


def _companions(measurands: list[Measurand]) -> Mapping[int, frozenset[int]]:
    """By key, those that have to come along."""
    of_source: dict[str, set[int]] = {}
    for key, measurand in enumerate(measurands):
        of_source.setdefault(measurand.source, set()).add(key)
    return {
        key: frozenset(of_source[_COMPANIONS[measurand.source]])
        for key, measurand in enumerate(measurands)
        if of_source.get(_COMPANIONS.get(measurand.source, ""))
    }
