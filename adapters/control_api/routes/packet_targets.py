"""Packet feeds as targets of scenario control."""

from __future__ import annotations

import msgspec
from litestar.handlers import HTTPRouteHandler

from depot_sim.adapters.control_api.routes.scenario_control import TargetKind, override_mode_route
from depot_sim.application.channels.views import OverridesChanged
from depot_sim.domain.packets.named_faults import PACKETS


class FeedOverridesChanged(msgspec.Struct, frozen=True):
    """`override_state` is "active" after an override was applied, "cleared" after some were cleared."""

    binding_id: str
    override_state: str
    override_ids: tuple[str, ...]


def _changed(changed: OverridesChanged) -> FeedOverridesChanged:
    return FeedOverridesChanged(changed.target, changed.override_state, changed.override_ids)


PACKET_FEEDS = TargetKind(
    "packet", PACKETS, "binding_id", lambda backend: backend.packet_scenarios, _changed, FeedOverridesChanged
)


def packet_mode_route() -> HTTPRouteHandler:
    """Beside the runs."""
    return override_mode_route(PACKET_FEEDS)
