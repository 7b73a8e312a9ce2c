"""PacketFeed: which packets the devices of one binding send about a run, and which of them have arrived.

Publishing is a pure function of what is observed; observing a version of the run again publishes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from heapq import merge
from itertools import islice
from typing import Any, ClassVar, NamedTuple

from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.errors import Conflict, NotFound
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.kernel.projection import ProjectionHealth, ProjectionStateChanged
from depot_sim.domain.packets import events as e
from depot_sim.domain.packets.contract.profile import PacketProfile, read_profile
from depot_sim.domain.packets.delivery import Attempt, Fate, fate_of, retry_ms
from depot_sim.domain.packets.device import BoundKey
from depot_sim.domain.packets.measure.device_publisher import DevicePublisher, Draft
from depot_sim.domain.packets.measure.observation import Observation, Observes
from depot_sim.domain.packets.packet import Packet, packet_id_of
from depot_sim.domain.packets.state import HANDLERS, FeedState, Waiting, find
from depot_sim.domain.packets.treating import Treated

FAMILY = "packets"
CHECKPOINT_EVERY = 1_000
"""Events of the run without a packet, after which the feed records how far it has seen."""
BACKLOG_FULL = "the backlog is full"
WITHHELD = "withheld by an override"

Treat = Callable[[Packet, bytes, Sequence[BoundKey]], Treated]
"""What becomes of a packet, given as encoded, and its device's keys."""


def as_it_is(packet: Packet, body: bytes, _: Sequence[BoundKey]) -> Treated:
    return Treated(packet, body)


class _Contract(NamedTuple):
    """What an opening amounts to."""

    opened: e.PacketFeedOpened
    profile: PacketProfile
    lenses: tuple[DevicePublisher, ...]


class PacketFeed(Aggregate[FeedState]):
    """One binding's packets about one run."""

    handlers: ClassVar[Mapping[type[Event], Callable[[Any, Any], None]]] = HANDLERS
    __slots__ = ("_compiled", "binding_id", "id", "run_id")

    def __init__(self, run_id: str, binding_id: str) -> None:
        super().__init__(stream_of(run_id, binding_id), FeedState())
        self.id = self.stream
        self.run_id = run_id
        self.binding_id = binding_id
        self._compiled: _Contract | None = None

    @property
    def opened(self) -> e.PacketFeedOpened:
        if self.state.opened is None:
            raise NotFound(f"there is no packet feed {self.id}", "open it first")
        return self.state.opened

    @property
    def profile(self) -> PacketProfile:
        return self._contract.profile

    @property
    def is_open(self) -> bool:
        return self.state.opened is not None and not self.state.closed

    @property
    def is_done(self) -> bool:
        """Nothing is published any more and nothing is left to deliver."""
        return not self.is_open and not self.state.waiting

    # Life

    def open(self, opened: e.PacketFeedOpened) -> None:
        """Raises Conflict while it is open. Opened again after its end, it goes on counting packets."""
        self.check_may_open()
        self.emit(opened)
        self._become(ProjectionHealth.CONNECTING)

    def check_may_open(self) -> None:
        """Raises Conflict while it is open."""
        if self.is_open:
            raise Conflict(f"packet feed {self.id} is open", "use it, or close it first")

    def refuse(self, refused: e.PacketFeedRefused) -> None:
        """Note that it could not be opened. Does nothing when it was open before."""
        if self.state.opened is None and self.state.refused != refused.reason:
            self.emit(refused)

    def end(self, at: int, run_version: int, reason: str, treat: Treat = as_it_is) -> None:
        """Let every device say its last at `at` (ms since the run's start). Does nothing when it has ended."""
        if not self.is_open:
            return
        for lens in self._contract.lenses:
            if self.state.device(lens.device.id).born:
                self._publish(lens, lens.death(), at, run_version, treat)
        self.emit(e.PacketFeedClosed(self.opened.started_at + at, run_version, reason))
        self._down_if_done()

    # Publishing

    def observe(self, observer: Observes, sight: Observation, treat: Treat = as_it_is) -> None:
        """Publish what devices have to say of the world now. Does nothing for what was observed before."""
        state = self.state
        if not self.is_open or sight.version <= state.run_version:
            return
        for lens in self._looking(observer, sight):
            for draft in lens.look(observer, sight, state.device(lens.device.id)):
                self._publish(lens, draft, sight.at, sight.version, treat)
        if sight.version - state.run_version >= CHECKPOINT_EVERY:
            self.emit(e.PacketFeedObserved(self.opened.started_at + sight.at, sight.version))
        self._drop_oldest(state.waiting - self.opened.policy.backlog_limit)

    def _looking(self, observer: Observes, sight: Observation) -> Iterable[DevicePublisher]:
        """Those of whom anything may be expected: at first and after events all, at a tick few."""
        lenses = self._contract.lenses
        if sight.after is None or self.state.run_version <= self.opened.run_version:
            return lenses
        return (lenses[device] for device in observer.stirring(sight.after, sight.at))

    def _publish(self, lens: DevicePublisher, draft: Draft, at: int, run_version: int, treat: Treat) -> None:
        opened, device = self.opened, lens.device
        seq, now = self.state.device(device.id).next_seq, opened.started_at + at
        packet_id = packet_id_of(opened.run_id, device.id, seq)
        packet = Packet(
            type=draft.type,
            device_id=device.id,
            device_type=device.type,
            seq=seq,
            packet_id=packet_id,
            site_id=opened.site_id,
            scope_id=device.node,
            sent_at=now,
            measurements=draft.measurements,
        )
        treated = treat(packet, self.profile.encode(packet), device.keys)
        self.emit(_published(draft, packet, treated, run_version))
        if treated.withheld:
            self.emit(e.PacketDropped(now, device.id, seq, WITHHELD))

    def _drop_oldest(self, excess: int) -> None:
        if excess <= 0:
            return
        backlogs = [
            [(waiting.version, id, waiting.seq) for waiting in device.backlog[:excess]]
            for id, device in self.state.devices.items()
        ]
        for _, device_id, seq in list(islice(merge(*backlogs), excess)):
            self.drop(device_id, seq, BACKLOG_FULL)

    # Delivering

    def backlog(self, device_id: str) -> Sequence[Waiting]:
        """What the device has to send, in order."""
        device = self.state.devices.get(device_id)
        return () if device is None else device.backlog

    def waiting_devices(self) -> list[str]:
        return [id for id, device in self.state.devices.items() if device.backlog]

    def attempted(self, device_id: str, seq: int, attempt: Attempt, at_least_ms: int = 0) -> int | None:
        """Record what came of an attempt; after how long (ms) to try again, None when there is no need to.

        `at_least_ms` is the wait that the platform asked for. A packet that was dropped meanwhile stays dropped.
        """
        waiting = self._find(device_id, seq)
        if waiting is None:
            return None
        number, fate = waiting.attempts + 1, fate_of(attempt.status)
        told = (self.state.at, device_id, seq, number, *attempt)
        if fate is Fate.FAILED:
            opened = self.opened
            pause = max(at_least_ms, retry_ms(opened.policy, opened.seed, device_id, seq, number))
            self.emit(e.PacketDeliveryFailed(*told, retry_ms=pause))
        else:
            pause = None
            self.emit((e.PacketDelivered if fate is Fate.DELIVERED else e.PacketRejected)(*told))
        self._become(ProjectionHealth.IMPAIRED if self.state.troubled else ProjectionHealth.UP)
        self._down_if_done()
        return pause

    def drop(self, device_id: str, seq: int, reason: str) -> None:
        """Give an undelivered packet up. Does nothing for any other."""
        if self._find(device_id, seq) is not None:
            self.emit(e.PacketDropped(self.state.at, device_id, seq, reason))
            self._down_if_done()

    def queue_again(self, device_id: str, seq: int, version: int) -> None:
        """Send a packet once more; `version` is that of its publication. Raises Conflict while it is undelivered."""
        if self._find(device_id, seq) is not None:
            raise Conflict(f"packet {seq} of {device_id} is still to be delivered", "nothing needs to be done")
        self.emit(e.PacketQueuedAgain(self.state.at, device_id, seq, version))

    def _find(self, device_id: str, seq: int) -> Waiting | None:
        device = self.state.devices.get(device_id)
        return None if device is None else find(device, seq)

    @property
    def _contract(self) -> _Contract:
        opened = self.opened
        if self._compiled is None or self._compiled.opened is not opened:
            profile = _profile_of(frozenset(opened.profile_files.items()))
            lenses = (
                DevicePublisher(index, device, profile.measurands, opened.started_at)
                for index, device in enumerate(opened.devices)
            )
            self._compiled = _Contract(opened, profile, tuple(lenses))
        return self._compiled

    def _become(self, health: ProjectionHealth) -> None:
        if health is not self.state.health:
            opened = self.opened
            self.emit(ProjectionStateChanged(self.state.at, opened.run_id, FAMILY, opened.managed_scope_id, health))

    def _down_if_done(self) -> None:
        if self.is_done:
            self._become(ProjectionHealth.DOWN)


@lru_cache(maxsize=16)
def _profile_of(files: frozenset[tuple[str, str]]) -> PacketProfile:
    """Read once for all feeds that are written by it."""
    return read_profile(dict(files))


def stream_of(run_id: str, binding_id: str) -> str:
    """The feed's id as well."""
    return f"packets-{run_id}-{binding_id}"


def _published(draft: Draft, packet: Packet, treated: Treated, run_version: int) -> e.SensorPacketPublished:
    told = treated.packet
    body, base64 = e.body_text(treated.body)
    return e.SensorPacketPublished(
        at=packet.sent_at,
        run_version=run_version,
        device_id=packet.device_id,
        device_type=packet.device_type,
        scope_id=packet.scope_id,
        type=packet.type,
        seq=packet.seq,
        packet_id=packet.packet_id,
        sent_at=told.sent_at,
        measurements=told.measurements,
        body=body,
        base64=base64,
        watched=dict(draft.watched),
        beats=draft.beats,
        told_seq=None if told.seq == packet.seq else told.seq,
        overrides=treated.marks.changed,
        matched=treated.marks.matched,
        truth=treated.truth,
        withheld=treated.withheld,
        unreachable=treated.unreachable,
        delay_ms=treated.delay_ms,
        copies=treated.copies,
        reorder=treated.reorder,
    )
