"""A feed of three devices over a world of a few numbers, seen through eyes that tests own."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, cast

from depot_sim.domain.kernel.events import Event
from depot_sim.domain.packets.contract.measurand import WorldValue
from depot_sim.domain.packets.device import BoundKey, Device, EntityKind
from depot_sim.domain.packets.events import FeedPolicy, PacketFeedOpened, SensorPacketPublished
from depot_sim.domain.packets.feed import PacketFeed, stream_of
from depot_sim.domain.packets.measure.observation import Observation
from depot_sim.domain.packets.measure.observer import Reading
from depot_sim.domain.packets.vocabulary import DeviceType
from depot_sim.domain.run.world.state import World
from tests.domain.packets.profiles import default_files

START = 1_775_000_000_000
CADENCE = 10_000
METER, BESS, CONTROLLER = 0, 1, 2
DEVICES = (
    Device("meter", DeviceType.SITE_METER, "grid", ((EntityKind.NODE, "grid"),), (BoundKey("ACTIVE_POWER", "P"),)),
    Device(
        "bess",
        DeviceType.BESS,
        "grid",
        ((EntityKind.BESS, "b"),),
        (BoundKey("SOC", "SOC"), BoundKey("DISPATCH_SETPOINT", "SETPOINT"), BoundKey("DISPATCH_STATE", "STATE")),
    ),
    Device(
        "controller",
        DeviceType.MICROGRID_CONTROLLER,
        "grid",
        ((EntityKind.CONTROLLER, "c"), (EntityKind.NODE, "grid")),
        (
            BoundKey("AVAILABLE_CHARGING_CAPACITY", "CAPACITY"),
            BoundKey("HEARTBEAT_STATUS", "LINK"),
            BoundKey("HEARTBEAT_COUNTER", "COUNTER"),
        ),
    ),
)
WATCHED = {BESS: (1, 2), CONTROLLER: (0, 1)}
"""The keys of each device that are sent on change."""


@dataclass
class Toy:
    """The world: what each device would measure of each key, which are in service, and beats of the controller."""

    values: dict[tuple[int, int], WorldValue] = field(
        default_factory=lambda: {
            (METER, 0): 1_000,
            (BESS, 0): 500_000,
            (BESS, 1): None,
            (BESS, 2): "NONE",
            (CONTROLLER, 0): 90_000,
            (CONTROLLER, 1): "OK",
            (CONTROLLER, 2): 0,
        }
    )
    absent: set[int] = field(default_factory=set)
    beats: int = 0

    def copy(self) -> Toy:
        return deepcopy(self)


class Eyes:
    """Sees a Toy where a world should be."""

    def present(self, world: World, device: int) -> bool:
        return device not in _toy(world).absent

    def stirring(self, after: int, upto: int) -> tuple[int, ...]:
        assert after <= upto
        return tuple(range(len(DEVICES)))

    def restless_keys(self, device: int) -> tuple[int, ...]:
        return WATCHED.get(device, ())

    def keys_due(self, device: int, after: int, upto: int) -> tuple[int, ...]:
        if after // CADENCE == upto // CADENCE:
            return ()
        return tuple(range(len(DEVICES[device].keys)))

    def beats(self, world: World, _: int, device: int) -> int | None:
        return _toy(world).beats if device == CONTROLLER else None

    def read(self, world: World, _: int, device: int, bound_key: int) -> Reading:
        return Reading(_toy(world).values[device, bound_key])


def sight(toy: Toy, at: int, version: int, after: int | None = None) -> Observation:
    return Observation(cast("World", toy.copy()), at, version, after)


def opening(run_id: str = "r", binding_id: str = "iot", **changes: Any) -> PacketFeedOpened:
    told: dict[str, Any] = {
        "at": START,
        "feed_id": stream_of(run_id, binding_id),
        "run_id": run_id,
        "binding_id": binding_id,
        "managed_scope_id": "site",
        "site_id": "site",
        "started_at": START,
        "seed": 7,
        "run_version": 1,
        "endpoint": "http://platform/packets",
        "profile": "default/1",
        "profile_files": default_files(),
        "devices": DEVICES,
        "policy": FeedPolicy(retry_base_ms=500, retry_cap_ms=4_000),
    }
    return PacketFeedOpened(**told | changes)


def opened_feed(run_id: str = "r", **changes: Any) -> PacketFeed:
    feed = PacketFeed(run_id, "iot")
    feed.open(opening(run_id, **changes))
    return feed


def folded(events: list[Event], run_id: str = "r") -> PacketFeed:
    """The feed as it is loaded from these."""
    feed = PacketFeed(run_id, "iot")
    feed.fold(events)
    return feed


def published(events: list[Event]) -> list[SensorPacketPublished]:
    return [event for event in events if isinstance(event, SensorPacketPublished)]


def types_of(events: list[Event], device_id: str) -> list[str]:
    return [event.type.value for event in published(events) if event.device_id == device_id]


def _toy(world: World) -> Toy:
    return cast("Toy", world)
