"""What an operator or a test asks of packet feeds."""

from __future__ import annotations

from typing import Any

import msgspec

from depot_sim.domain.kernel.credentials import Authorization, Credentials
from depot_sim.domain.packets.events import FeedPolicy


class OpenPacketFeed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A feed to open. What is left out is as in the run's packets binding of this id, if it has one.

    `profile` names one of the library; `profile_files` are those of another, text by name. `devices` is the platform's
    device and sensor-action configuration; without one there is a device for everything below the scope.
    """

    binding_id: str
    managed_scope_id: str | None = None
    endpoint: str | None = None
    profile: str | None = None
    profile_files: dict[str, str] | None = None
    devices: dict[str, Any] | None = None
    site_model_name: str | None = None
    authorization: Authorization | None = None
    credentials: Credentials | None = None
    policy: FeedPolicy = FeedPolicy()


class ResendPacket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A packet of the feed, delivered or not, by its id."""

    packet_id: str
