"""A run for a scenario alone: its depot on the server, and a clock that is moved by hand or follows wall time."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from adapters.cli.client import Client
from adapters.cli.failures import UsageError
from domain.configuration.definition import Definition
from domain.run.events import ClockMode


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
    return msgspec.json.decode(client.post("/simulation-runs", msgspec.json.encode(request)), type=_Started).run_id


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
