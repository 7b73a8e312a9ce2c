"""A run for a scenario alone: its depot on the server, and a clock that is moved by hand or follows wall time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from depot_sim.adapters.cli.client import Client
from depot_sim.adapters.cli.run_options import RunOption
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.run.events import ClockMode


class Wish(NamedTuple):
    """What was asked for on the command line. `options` are those of protocol families, each with its value."""

    seed: int
    tick: str
    start_time: str | None
    clock: dict[str, Any]
    options: Sequence[tuple[RunOption, str]] = ()


class _Created(msgspec.Struct):
    id: str


class _Started(msgspec.Struct):
    run_id: str


def clock_of(speed: str | None, *, lock_step: bool, settle: str | None) -> dict[str, Any]:
    """The clock of a run to start; without a speed it is moved by hand."""
    clock: dict[str, Any] = {"mode": ClockMode.MANUAL.value}
    if speed is not None:
        clock = {"mode": ClockMode.REALTIME.value, "speed": speed} | ({"lock_step": True} if lock_step else {})
    return clock if settle is None else {**clock, "settle": settle}


def start_run(client: Client, definition: Definition, wish: Wish) -> str:
    """Save the depot and start a run on it; the run's id. Raises what the options of families raise."""
    document = msgspec.json.decode(definition.document_json)
    for option, value in wish.options:
        option.prepare(document, value)
    saved = client.post("/simulation-configurations", msgspec.json.encode(document))
    request: dict[str, Any] = {
        "configuration_id": msgspec.json.decode(saved, type=_Created).id,
        "seed": wish.seed,
        "tick": wish.tick,
        "clock": wish.clock,
    }
    if wish.start_time is not None:
        request["start_time"] = wish.start_time
    run_id = msgspec.json.decode(client.post("/simulation-runs", msgspec.json.encode(request)), type=_Started).run_id
    for option, _ in wish.options:
        option.wait(client, run_id)
    return run_id
