"""Packet feeds as targets of scenario control."""

from __future__ import annotations

import msgspec

from depot_sim.adapters.control_api.routes.scenario_control import TargetKind
from depot_sim.application.channels.views import OverridesChanged
from depot_sim.domain.packets.named_faults import PACKETS


class FeedOverridesChanged(msgspec.Struct, frozen=True):
    """`override_state` is "active" after an override was applied, "cleared" after some were cleared.

    `warnings` say why the override can never match or change anything here.
    """

    binding_id: str
    override_state: str
    override_ids: tuple[str, ...]
    warnings: tuple[str, ...]


def _changed(changed: OverridesChanged) -> FeedOverridesChanged:
    return FeedOverridesChanged(changed.target, changed.override_state, changed.override_ids, changed.warnings)


PACKET_FEEDS = TargetKind("packet", PACKETS, "binding_id", _changed, FeedOverridesChanged)
