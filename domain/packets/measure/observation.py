"""What a feed looks at: the world at a moment, through the eyes of devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from depot_sim.domain.packets.contract.measurand import WorldValue
from depot_sim.domain.packets.vocabulary import Quality
from depot_sim.domain.run.world.state import World


class Observation(NamedTuple):
    """The world right after the run's event `version`, at logical time `at` (ms since the run's start).

    After a tick, `after` is the moment of the tick before: what has become due since is sent. With None only changes
    are.
    """

    world: World
    at: int
    version: int
    after: int | None = None


class Reads(Protocol):
    """What a device measures of a key. `at` is when, in ms since the run's start; None is now."""

    @property
    def value(self) -> WorldValue: ...
    @property
    def quality(self) -> Quality: ...
    @property
    def at(self) -> int | None: ...


class Observes(Protocol):
    """How devices see the world: `device` is a place in the feed's devices, `bound_key` one in the device's keys."""

    def present(self, world: World, device: int) -> bool:
        """Whether the device is in service."""

    def stirring(self, after: int, upto: int) -> Sequence[int]:
        """Devices that may have something to say at a tick, in order."""

    def restless_keys(self, device: int) -> Sequence[int]:
        """Keys sent on change that may change at a tick without any other event."""

    def keys_due(self, device: int, after: int, upto: int) -> Sequence[int]:
        """Keys whose cadence comes round in (after, upto]."""

    def beats(self, world: World, at: int, device: int) -> int | None:
        """Heartbeats a controller has sent so far; None for every other device."""

    def read(self, world: World, at: int, device: int, bound_key: int) -> Reads: ...
