"""Every event of a feed's stream. `at` is the run's logical time, in ms since 1970 UTC, never backwards.

What is published is a function of the run; how it is delivered is operation, as are checkpoints and health.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import ClassVar, TypeAlias

import msgspec

from depot_sim.domain.interaction.effects import Reorder
from depot_sim.domain.kernel.credentials import Authorization, Credentials
from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.kernel.recorded_secrets import shown_document
from depot_sim.domain.packets.device import Device
from depot_sim.domain.packets.packet import Measurement, Packet
from depot_sim.domain.packets.recorded_secrets import shown_delivery
from depot_sim.domain.packets.vocabulary import DeviceType, PacketType

Headers: TypeAlias = tuple[tuple[str, str], ...]


class FeedPolicy(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How packets are delivered.

    Of more than `backlog_limit` undelivered ones the oldest are dropped. A delivery that failed is repeated after
    `retry_base_ms`, then twice as long each time up to `retry_cap_ms`. `connections` bounds requests under way.
    """

    connect_timeout_ms: int = 3_000
    request_timeout_ms: int = 10_000
    backlog_limit: int = 100_000
    retry_base_ms: int = 500
    retry_cap_ms: int = 30_000
    connections: int = 256


class FeedEvent(Event, frozen=True, omit_defaults=True):
    at: int


class PacketFeedOpened(FeedEvent, frozen=True):
    """A run's packets go to `endpoint` from now on. Profile and devices are kept whole: the stream stands alone.

    `run_version` is the run's event before the first one observed; `started_at` the run's start, ms since 1970 UTC.
    `unmapped` are rows of the platform's configuration that no device could be made of.
    """

    TOPIC: ClassVar[str] = "packets.feed-opened.1"
    SHOWN = shown_document
    INCIDENTAL: ClassVar[tuple[str, ...]] = (
        "feed_id",
        "run_id",
        "run_version",
        "endpoint",
        "authorization",
        "credentials",
        "policy",
    )
    feed_id: str
    run_id: str
    binding_id: str
    managed_scope_id: str
    site_id: str
    started_at: int
    seed: int
    run_version: int
    endpoint: str
    profile: str
    profile_files: dict[str, str]
    devices: tuple[Device, ...]
    unmapped: tuple[Fault, ...] = ()
    site_model_name: str | None = None
    authorization: Authorization = Authorization.NONE
    credentials: Credentials = Credentials()
    policy: FeedPolicy = FeedPolicy()


class PacketFeedRefused(FeedEvent, frozen=True):
    """The feed of a configured binding could not be opened when its run began; an operator may still open it."""

    TOPIC: ClassVar[str] = "packets.feed-refused.1"
    SHOWN = shown_document
    OPERATIONAL: ClassVar[bool] = True
    feed_id: str
    run_id: str
    binding_id: str
    managed_scope_id: str
    reason: str


class PacketFeedClosed(FeedEvent, frozen=True):
    """Nothing more is published; what is undelivered still is delivered."""

    TOPIC: ClassVar[str] = "packets.feed-closed.1"
    INCIDENTAL: ClassVar[tuple[str, ...]] = ("run_version",)
    run_version: int
    reason: str


class PacketFeedObserved(FeedEvent, frozen=True):
    """A checkpoint: the run was observed up to this version and there was nothing to publish."""

    TOPIC: ClassVar[str] = "packets.feed-observed.1"
    OPERATIONAL: ClassVar[bool] = True
    run_version: int


WatchedValue: TypeAlias = int | str | bool | tuple[str, ...] | None
"""A value of the world, as Measurand has it."""


class SensorPacketPublished(FeedEvent, frozen=True):
    """A packet is ready to be sent, durably before it is.

    `seq` counts the device's packets; `told_seq`, `sent_at` and `measurements` are what the packet says, falsified by
    `overrides` or not, and `body` is what is sent, base64 if it is no UTF-8. `truth` are the measurements that were
    falsified or left out, as they are, each with its time. `overrides` changed the packet; those in `matched`, among
    them outages of the network, did not. `watched` are the true values of keys that are sent on change, by their place
    in the device's keys; `beats` the heartbeats a controller has sent so far.
    """

    TOPIC: ClassVar[str] = "packets.packet-published.1"
    INCIDENTAL: ClassVar[tuple[str, ...]] = (
        *("packet_id", "run_version", "body", "base64"),
        *("overrides", "matched", "truth"),
    )
    run_version: int
    device_id: str
    device_type: DeviceType
    scope_id: str
    type: PacketType
    seq: int
    packet_id: str
    sent_at: int
    measurements: tuple[Measurement, ...]
    body: str
    base64: bool = False
    watched: dict[int, WatchedValue] = msgspec.field(default_factory=dict)
    beats: int | None = None
    told_seq: int | None = None
    overrides: tuple[str, ...] = ()
    withheld: bool = False
    unreachable: bool = False
    delay_ms: int = 0
    copies: int = 0
    reorder: Reorder | None = None
    matched: tuple[str, ...] = ()
    truth: tuple[Measurement, ...] = ()

    @property
    def left_out(self) -> tuple[Measurement, ...]:
        """Of `truth`, what the packet says nothing of."""
        said = {one.key.casefold() for one in self.measurements} if self.truth else set()
        return tuple(one for one in self.truth if one.key.casefold() not in said)

    @property
    def bytes_sent(self) -> bytes:
        return b64decode(self.body) if self.base64 else self.body.encode()

    def told(self, site_id: str) -> Packet:
        """The packet as it says itself."""
        return Packet(
            type=self.type,
            device_id=self.device_id,
            device_type=self.device_type,
            seq=self.seq if self.told_seq is None else self.told_seq,
            packet_id=self.packet_id,
            site_id=site_id,
            scope_id=self.scope_id,
            sent_at=self.sent_at,
            measurements=self.measurements,
        )


def body_text(body: bytes) -> tuple[str, bool]:
    """The body as an event holds it, and whether it had to become base64 for that."""
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return b64encode(body).decode(), True


class DeliveryEvent(FeedEvent, frozen=True):
    """What became of an attempt, from 1, at sending a device's packet. Headers are without secrets.

    `held_by` is the id of the override that kept the packet back: the attempt could not be made.
    """

    OPERATIONAL: ClassVar[bool] = True
    SHOWN = shown_delivery
    device_id: str
    seq: int
    attempt: int
    status: int
    latency_us: int = 0
    answer_headers: Headers = ()
    answer: str = ""
    error: str = ""
    held_by: str = ""


class PacketDelivered(DeliveryEvent, frozen=True):
    TOPIC: ClassVar[str] = "packets.packet-delivered.1"


class PacketRejected(DeliveryEvent, frozen=True):
    """The platform refused it for good; the device's next packet goes on."""

    TOPIC: ClassVar[str] = "packets.packet-rejected.1"


class PacketDeliveryFailed(DeliveryEvent, frozen=True):
    """It is sent again after `retry_ms`. With `status` 0 there was no answer, and `error` says why."""

    TOPIC: ClassVar[str] = "packets.packet-delivery-failed.1"
    retry_ms: int = 0


class PacketDropped(FeedEvent, frozen=True):
    """It is not sent (any more): an override withholds it, or the backlog is full."""

    TOPIC: ClassVar[str] = "packets.packet-dropped.1"
    OPERATIONAL: ClassVar[bool] = True
    device_id: str
    seq: int
    reason: str


class PacketQueuedAgain(FeedEvent, frozen=True):
    """An operator sends it again, behind what its device has still to send. `version` is that of its publication."""

    TOPIC: ClassVar[str] = "packets.packet-queued-again.1"
    OPERATIONAL: ClassVar[bool] = True
    device_id: str
    seq: int
    version: int
