"""A run for a scenario alone: its depot on the server, and a clock that is moved by hand or follows wall time."""

from __future__ import annotations

import time
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from depot_sim.adapters.cli.client import Client
from depot_sim.adapters.cli.failures import ServerFailed, ServerRefused, UsageError
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.run.events import ClockMode

_PATIENCE_SECONDS = 10
_LOOK_EVERY_SECONDS = 0.05


class Wish(NamedTuple):
    """What was asked for on the command line; `speed` None moves the run by hand."""

    seed: int
    tick: str
    start_time: str | None
    speed: str | None
    packets_endpoint: str | None


class _Created(msgspec.Struct):
    id: str


class _Started(msgspec.Struct):
    run_id: str


class _Feed(msgspec.Struct):
    reason: str = ""


class _Feeds(msgspec.Struct):
    packet_feeds: list[_Feed]


def start_run(client: Client, definition: Definition, wish: Wish) -> str:
    """Save the depot and start a run on it; the run's id. Raises UsageError when no packets can come of the depot."""
    document = msgspec.json.decode(definition.document_json)
    if wish.packets_endpoint is not None:
        send_packets_to(document, wish.packets_endpoint)
    saved = client.post("/simulation-configurations", msgspec.json.encode(document))
    clock = {"mode": ClockMode.MANUAL.value}
    if wish.speed is not None:
        clock = {"mode": ClockMode.REALTIME.value, "speed": wish.speed}
    request: dict[str, Any] = {
        "configuration_id": msgspec.json.decode(saved, type=_Created).id,
        "seed": wish.seed,
        "tick": wish.tick,
        "clock": clock,
    }
    if wish.start_time is not None:
        request["start_time"] = wish.start_time
    run_id = msgspec.json.decode(client.post("/simulation-runs", msgspec.json.encode(request)), type=_Started).run_id
    if wish.packets_endpoint is not None:
        _wait_for_feeds(client, run_id)
    return run_id


def _wait_for_feeds(client: Client, run_id: str) -> None:
    """Feeds open by themselves, a moment after their run; what they are refused for, they tell."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    path = f"/simulation-runs/{quote(run_id, safe='')}/packet-feeds"
    while not (feeds := msgspec.json.decode(client.get(path), type=_Feeds).packet_feeds):
        if time.monotonic() > deadline:
            raise ServerFailed(f"no packet feed was opened on run {run_id}", f"look at {path}")
        time.sleep(_LOOK_EVERY_SECONDS)
    refused = next((feed.reason for feed in feeds if feed.reason), None)
    if refused is not None:
        raise ServerRefused(f"the packet feed of run {run_id} was refused: {refused}", "mend the depot's binding")


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
