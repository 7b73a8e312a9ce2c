"""What a feed remembers, folded from its events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from depot_sim.domain.interaction.effects import Reorder
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.kernel.projection import ProjectionHealth, ProjectionStateChanged
from depot_sim.domain.packets import events as e
from depot_sim.domain.packets.memory import Memory
from depot_sim.domain.packets.vocabulary import PacketType


class Waiting(msgspec.Struct):
    """A packet that has not been delivered; `version` is that of its publication in the feed's stream."""

    seq: int
    version: int
    attempts: int = 0
    unreachable: bool = False
    reorder: Reorder | None = None


class DeviceState(msgspec.Struct):
    """`watched` are the values last published of keys sent on change, by their place in the device's keys.

    `backlog` is in the order of sending. `troubled` means that the last answer to it was none, or a refusal.
    """

    next_seq: int = 0
    born: bool = False
    beats: int = 0
    troubled: bool = False
    watched: dict[int, e.WatchedValue] = {}
    backlog: list[Waiting] = []


class FeedState(msgspec.Struct):
    """`run_version` is how far the run was observed, `at` when that was. `version` counts the events folded."""

    opened: e.PacketFeedOpened | None = None
    closed: bool = False
    refused: str = ""
    run_version: int = 0
    at: int = 0
    version: int = 0
    waiting: int = 0
    troubled: int = 0
    published: int = 0
    delivered: int = 0
    rejected: int = 0
    dropped: int = 0
    failures: int = 0
    last_error: str = ""
    health: ProjectionHealth = ProjectionHealth.DOWN
    devices: dict[str, DeviceState] = {}
    memory: Memory = msgspec.field(default_factory=Memory)

    def device(self, device_id: str) -> DeviceState:
        known = self.devices.get(device_id)
        if known is None:
            known = self.devices[device_id] = DeviceState()
        return known


def _opened(state: FeedState, event: e.PacketFeedOpened) -> None:
    state.opened, state.closed, state.refused = event, False, ""
    state.run_version = event.run_version
    for device in event.devices:
        known = state.device(device.id)
        known.born = False
        known.watched.clear()


def _refused(state: FeedState, event: e.PacketFeedRefused) -> None:
    state.refused = event.reason


def _closed(state: FeedState, event: e.PacketFeedClosed) -> None:
    state.closed = True
    state.run_version = event.run_version


def _observed(state: FeedState, event: e.PacketFeedObserved) -> None:
    state.run_version = event.run_version


def _published(state: FeedState, event: e.SensorPacketPublished) -> None:
    device = state.device(event.device_id)
    device.next_seq = event.seq + 1
    match event.type:
        case PacketType.BIRTH:
            device.born, device.beats = True, event.beats or 0
        case PacketType.DEATH:
            device.born = False
            device.watched.clear()
    device.watched.update(event.watched)
    if event.beats is not None:
        device.beats = event.beats
    state.run_version = event.run_version
    state.published += 1
    state.memory.remember(event.told(""))
    if not event.withheld:
        _queue(state, device, Waiting(event.seq, state.version, 0, event.unreachable, event.reorder))


def _queued_again(state: FeedState, event: e.PacketQueuedAgain) -> None:
    _queue(state, state.device(event.device_id), Waiting(event.seq, event.version))


def _delivered(state: FeedState, event: e.PacketDelivered) -> None:
    state.delivered += 1
    _settle(state, event.device_id, event.seq)
    _trouble(state, event.device_id, False)


def _rejected(state: FeedState, event: e.PacketRejected) -> None:
    state.rejected += 1
    state.last_error = event.error or f"answered {event.status}"
    _settle(state, event.device_id, event.seq)
    _trouble(state, event.device_id, True)


def _failed(state: FeedState, event: e.PacketDeliveryFailed) -> None:
    state.failures += 1
    state.last_error = event.error or f"answered {event.status}"
    waiting = find(state.device(event.device_id), event.seq)
    if waiting is not None:
        waiting.attempts, waiting.unreachable = event.attempt, False
    _trouble(state, event.device_id, True)


def _dropped(state: FeedState, event: e.PacketDropped) -> None:
    state.dropped += 1
    _settle(state, event.device_id, event.seq)


def _health(state: FeedState, event: ProjectionStateChanged) -> None:
    state.health = event.health


def find(device: DeviceState, seq: int) -> Waiting | None:
    """The device's undelivered packet with this number."""
    return next((waiting for waiting in device.backlog if waiting.seq == seq), None)


def _queue(state: FeedState, device: DeviceState, waiting: Waiting) -> None:
    device.backlog.append(waiting)
    state.waiting += 1


def _settle(state: FeedState, device_id: str, seq: int) -> None:
    device = state.device(device_id)
    waiting = find(device, seq)
    if waiting is not None:
        device.backlog.remove(waiting)
        state.waiting -= 1


def _trouble(state: FeedState, device_id: str, troubled: bool) -> None:
    device = state.device(device_id)
    state.troubled += troubled - device.troubled
    device.troubled = troubled


def _counting(handler: Callable[[FeedState, Any], None]) -> Callable[[FeedState, Any], None]:
    """Keep along which event of the stream it is, and when."""

    def handle(state: FeedState, event: e.FeedEvent) -> None:
        state.version += 1
        state.at = event.at
        handler(state, event)

    return handle


_BY_EVENT: Mapping[type[Event], Callable[[FeedState, Any], None]] = {
    e.PacketFeedOpened: _opened,
    e.PacketFeedRefused: _refused,
    e.PacketFeedClosed: _closed,
    e.PacketFeedObserved: _observed,
    e.SensorPacketPublished: _published,
    e.PacketQueuedAgain: _queued_again,
    e.PacketDelivered: _delivered,
    e.PacketRejected: _rejected,
    e.PacketDeliveryFailed: _failed,
    e.PacketDropped: _dropped,
    ProjectionStateChanged: _health,
}
HANDLERS = MappingProxyType({cls: _counting(handler) for cls, handler in _BY_EVENT.items()})
