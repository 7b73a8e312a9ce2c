"""Packet feeds as they are told outside. Instants are RFC 3339, by the run's clock."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from depot_sim.domain.kernel.address import masked_address
from depot_sim.domain.kernel.credentials import Authorization
from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.kernel.instants import written
from depot_sim.domain.kernel.projection import ProjectionHealth
from depot_sim.domain.packets.device import Device
from depot_sim.domain.packets.events import FeedPolicy
from depot_sim.domain.packets.feed import PacketFeed
from depot_sim.domain.packets.vocabulary import DeviceType


class FeedStatus(StrEnum):
    """CLOSING: nothing more is published, but something is left to deliver. REFUSED: it could not be opened."""

    OPEN = "OPEN"
    CLOSING = "CLOSING"
    CLOSED = "CLOSED"
    REFUSED = "REFUSED"


class Checkpoint(msgspec.Struct, frozen=True):
    """How far the run was observed: the version of its event, and when that was."""

    run_version: int
    at: str | None


class FeedView(msgspec.Struct, frozen=True, omit_defaults=True):
    """`undelivered` packets wait; `failures` counts attempts, all else packets. `reason` says why it was refused.

    `unmapped` are rows of the platform's configuration that no device could be made of.
    """

    feed_id: str
    run_id: str
    binding_id: str
    status: FeedStatus
    health: ProjectionHealth
    checkpoint: Checkpoint
    managed_scope_id: str = ""
    endpoint: str = ""
    profile: str = ""
    devices: int = 0
    published: int = 0
    delivered: int = 0
    rejected: int = 0
    dropped: int = 0
    undelivered: int = 0
    failures: int = 0
    last_error: str = ""
    reason: str = ""
    site_model_name: str | None = None
    authorization: Authorization = Authorization.NONE
    policy: FeedPolicy = FeedPolicy()
    unmapped: tuple[Fault, ...] = ()


class DeviceView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device of a feed: its next packet has `next_seq`; `oldest_undelivered` is the number of the first that waits.

    It is `born` between its BIRTH and its DEATH, and `troubled` when its last packet was not taken.
    """

    device_id: str
    device_type: DeviceType
    scope_id: str
    keys: tuple[str, ...]
    next_seq: int
    born: bool
    undelivered: int = 0
    oldest_undelivered: int | None = None
    troubled: bool = False


def feed_view(feed: PacketFeed) -> FeedView:
    state = feed.state
    opened = state.opened
    checkpoint = Checkpoint(state.run_version, written(state.at) if state.at else None)
    if opened is None:
        refused = FeedStatus.REFUSED
        return FeedView(
            feed.id,
            feed.run_id,
            feed.binding_id,
            refused,
            state.health,
            checkpoint,
            reason=masked_address(state.refused),
        )
    return FeedView(
        feed_id=feed.id,
        run_id=feed.run_id,
        binding_id=feed.binding_id,
        status=_status(feed),
        health=state.health,
        checkpoint=checkpoint,
        managed_scope_id=opened.managed_scope_id,
        endpoint=masked_address(opened.endpoint),
        profile=opened.profile,
        devices=len(opened.devices),
        published=state.published,
        delivered=state.delivered,
        rejected=state.rejected,
        dropped=state.dropped,
        undelivered=state.waiting,
        failures=state.failures,
        last_error=masked_address(state.last_error),
        site_model_name=opened.site_model_name,
        authorization=opened.authorization,
        policy=opened.policy,
        unmapped=opened.unmapped,
    )


def device_views(feed: PacketFeed) -> list[DeviceView]:
    return [_device_view(feed, device) for device in feed.opened.devices]


def _status(feed: PacketFeed) -> FeedStatus:
    if feed.is_open:
        return FeedStatus.OPEN
    return FeedStatus.CLOSED if feed.is_done else FeedStatus.CLOSING


def _device_view(feed: PacketFeed, device: Device) -> DeviceView:
    state, backlog = feed.state.devices.get(device.id), feed.backlog(device.id)
    return DeviceView(
        device_id=device.id,
        device_type=device.type,
        scope_id=device.node,
        keys=tuple(bound.key for bound in device.keys),
        next_seq=0 if state is None else state.next_seq,
        born=state is not None and state.born,
        undelivered=len(backlog),
        oldest_undelivered=backlog[0].seq if backlog else None,
        troubled=state is not None and state.troubled,
    )
