"""A run for a scenario alone: its depot on the server, and a clock that is moved by hand or follows wall time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec

from depot_sim.adapters.cli.client import Client
from depot_sim.adapters.cli.run_options import RunOption
from depot_sim.adapters.cli.scenario_source import ScenarioSource
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import DepotSimError
from depot_sim.domain.run.events import ClockMode


class Wish(NamedTuple):
    """What was asked for on the command line. `options` are those of protocol families, each with its value.

    With `keep` the run goes on when the command is over.
    """

    run_id: str
    keep: bool
    seed: int
    tick: str
    start_time: str | None
    clock: dict[str, Any]
    options: Sequence[tuple[RunOption, str]] = ()


class _Created(msgspec.Struct):
    id: str


class _Version(msgspec.Struct):
    sha256: str


class _Versions(msgspec.Struct):
    versions: list[_Version]


class _Named(msgspec.Struct):
    id: str
    name: str


class _Configurations(msgspec.Struct):
    configurations: list[_Named]


def clock_of(speed: str | None, *, lock_step: bool, settle: str | None) -> dict[str, Any]:
    """The clock of a run to start; without a speed it is moved by hand."""
    clock: dict[str, Any] = {"mode": ClockMode.MANUAL.value}
    if speed is not None:
        clock = {"mode": ClockMode.REALTIME.value, "speed": speed} | ({"lock_step": True} if lock_step else {})
    return clock if settle is None else {**clock, "settle": settle}


@contextmanager
def own_run(client: Client, definition: Definition, wish: Wish, terminal: Terminal) -> Iterator[str]:
    """Save the depot and start a run on it; the run's id. Raises what the options of families raise.

    At the end, however it comes, the run is stopped, and the depot archived if it was saved for this run.
    """
    document = msgspec.json.decode(definition.document_json)
    for option, value in wish.options:
        option.prepare(document, value)
    configuration_id, is_new = _saved(client, document)
    request: dict[str, Any] = {
        "configuration_id": configuration_id,
        "seed": wish.seed,
        "tick": wish.tick,
        "clock": wish.clock,
        "run_id": wish.run_id,
    }
    if wish.start_time is not None:
        request["start_time"] = wish.start_time
    is_started = False
    try:
        try:
            client.post("/simulation-runs", msgspec.json.encode(request))
        except KeyboardInterrupt:
            is_started = True  # perhaps
            raise
        is_started = True
        for option, _ in wish.options:
            option.wait(client, wish.run_id)
        yield wish.run_id
    finally:
        if not wish.keep:
            if is_started:
                _end(lambda: ScenarioSource(client).stop_run(wish.run_id), terminal)
            if is_new:
                _end(lambda: client.delete(f"/simulation-configurations/{configuration_id}"), terminal)


def _saved(client: Client, document: dict[str, Any]) -> tuple[str, bool]:
    """The id of the configuration with this document, and whether it had to be saved for that."""
    sha256 = Definition.of(document).sha256
    answer = client.get("/simulation-configurations", {"archived": "false"})
    listed = msgspec.json.decode(answer, type=_Configurations).configurations
    for id in [each.id for each in listed if each.name == document.get("name")]:
        versions = msgspec.json.decode(client.get(f"/simulation-configurations/{id}/versions"), type=_Versions).versions
        if versions[-1].sha256 == sha256:
            return id, False
    saved = client.post("/simulation-configurations", msgspec.json.encode(document))
    return msgspec.json.decode(saved, type=_Created).id, True


def _end(request: Callable[[], object], terminal: Terminal) -> None:
    """A server that is gone, or a run that is stopped already, does not change what the command came to."""
    try:
        request()
    except DepotSimError as error:
        terminal.say(f"not cleaned up: {error.detail}")
