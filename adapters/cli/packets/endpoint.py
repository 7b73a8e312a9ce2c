"""`depot-sim scenario start --packets-endpoint`: a run whose packets are posted to an address."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from depot_sim.adapters.cli.failures import ServerFailed, ServerRefused, UsageError
from depot_sim.adapters.cli.run_options import RunOption

if TYPE_CHECKING:
    from depot_sim.adapters.cli.client import Client

_PATIENCE_SECONDS = 10
_LOOK_EVERY_SECONDS = 0.05


class _Feed(msgspec.Struct):
    reason: str = ""


class _Feeds(msgspec.Struct):
    packet_feeds: list[_Feed]


def wait_for_feeds(client: Client, run_id: str) -> None:
    """Feeds open by themselves, a moment after their run; what they are refused for, they tell."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    path = f"/simulation-runs/{quote(run_id, safe='')}/packet-feeds"
    while not (feeds := msgspec.json.decode(client.get(path), type=_Feeds).packet_feeds):
        if time.monotonic() > deadline:
            raise ServerFailed(f"no packet feed was opened on run {run_id}", f"look at {path}")
        time.sleep(_LOOK_EVERY_SECONDS)
    refused = next((feed.reason for feed in feeds if feed.reason), None)
    if refused is not None:
        raise ServerRefused(
            f"the packet feed of run {run_id} was refused: {refused}", "correct the packets binding of the depot"
        )


def send_packets_to(document: dict[str, Any], endpoint: str) -> None:
    """Let every packets binding of a depot post there; a depot without one gets one for its first managed scope."""
    bindings = document.setdefault("projection_bindings", [])
    packets = [binding for binding in bindings if binding.get("family") == "packets"]
    if not packets:
        scopes = document.get("managed_scopes") or []
        if not scopes:
            raise UsageError("the depot has no managed scope that packets could be about", "give it one")
        packets = [{"id": "packets", "family": "packets", "managed_scope": scopes[0]["id"]}]
        bindings.extend(packets)
    for binding in packets:
        binding["endpoint"] = endpoint


PACKETS_ENDPOINT = RunOption(
    "--packets-endpoint", "URL", "where the depot's packets are posted", prepare=send_packets_to, wait=wait_for_feeds
)
