"""Starting, watching and stopping scenarios on runs, and looking into the library."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import msgspec

from depot_sim.application.channels.control import Controls
from depot_sim.application.event_log import EventLog
from depot_sim.application.repository import Origin
from depot_sim.application.run.answers import answer_write, asked_under, kept
from depot_sim.application.run.host import HeldRun, RunHost
from depot_sim.application.run.live import LiveRuns
from depot_sim.application.run.requests import parse_moment
from depot_sim.application.scenario.execution_views import (
    ExecutionList,
    ExecutionView,
    ScenarioSummary,
    ScenarioView,
    summarised,
    summary_of,
    viewed,
)
from depot_sim.application.scenario.library import Library
from depot_sim.application.scenario.playing import ScriptPlayer, pending_write
from depot_sim.application.scenario.stored import StoredExecutions
from depot_sim.domain.configuration.document import SimulationConfigurationDocument
from depot_sim.domain.interaction.family import nearest_names
from depot_sim.domain.kernel.errors import CommandRefused, Fault, InvalidInput, NotFound
from depot_sim.domain.run.aggregate import RunStatus, SimulationRun
from depot_sim.domain.scenario.binding import cast
from depot_sim.domain.scenario.execution import ScenarioExecution
from depot_sim.domain.scenario.presets import preset_scenarios
from depot_sim.domain.scenario.script import Script, ScriptDocument
from depot_sim.domain.scenario.script_reading import ScriptReader


class StartScenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Either `name`, of a preset of the run's configuration or of the library, or a whole `document`.

    `names` fills what the scenario needs, in place of what would be found by itself. It begins now, or at `begin`: an
    RFC 3339 time, or "+90 min" since the run's start.
    """

    name: str | None = None
    document: dict[str, Any] | None = None
    names: dict[str, str] = {}
    begin: str | None = None


class _Chosen(NamedTuple):
    raw: Any
    source: str
    pointer: str = ""


class ScenarioService:
    """Every method about a run raises NotFound when there is none, RunHeldElsewhere when another process has it."""

    def __init__(
        self,
        log: EventLog,
        host: RunHost,
        live: LiveRuns,
        player: ScriptPlayer,
        controls: Controls,
        library: Library,
        reader: ScriptReader,
    ) -> None:
        self._log = log
        self._stored = StoredExecutions(log, reader)
        self._host = host
        self._live = live
        self._player = player
        self._controls = controls
        self._library = library
        self._reader = reader

    @property
    def document_shape(self) -> type[ScriptDocument]:
        """Of a scenario file."""
        return self._reader.document

    # The library

    def library(self) -> list[ScenarioSummary]:
        return [summary_of(self._reader.read(self._library.document(name))) for name in self._library.names()]

    def scenario(self, name: str) -> ScenarioView:
        """Raises NotFound."""
        try:
            document = self._library.document(name)
        except KeyError:
            hint = nearest_names(name, self._library.names())
            raise NotFound(f"the library has no scenario {name!r}", hint) from None
        return ScenarioView(summary_of(self._reader.read(document)), document, self._library.text(name))

    def check(self, raw: Any) -> ScenarioSummary:
        """Raises InvalidInput with every fault."""
        return summary_of(self._reader.read(raw))

    # On runs

    async def start(self, run_id: str, request: StartScenario, origin: Origin, key: str | None = None) -> ExecutionView:
        """Begin to play it; what is due at once is carried out at once. Raises InvalidInput with every fault."""
        asked = asked_under(key, run_id, "scenario", request)
        await self._controls.wait_until_open(run_id)
        async with self._host.writing(run_id) as held:
            if asked is not None:
                known = await asyncio.to_thread(kept, self._log, asked)
                if known.answer is not None:
                    return await self.execution(run_id, msgspec.json.decode(known.answer))
            await self._player.play(held)
            execution = await self._started(held, request)
            beside = [pending_write(execution)]
            if asked is not None:
                beside += answer_write(asked, known, held.run.world.at, answer=execution.execution_id)
            await self._host.save(held, msgspec.json.encode(origin), beside)
            (await self._player.executions(held)).append(execution)
            await self._player.play(held)
            return _view(held.run, execution)

    async def executions(self, run_id: str) -> ExecutionList:
        start_time = await self._start_time(run_id)
        found = await asyncio.to_thread(self._stored.of_run, run_id)
        return ExecutionList([summarised(execution, start_time) for execution in found])

    async def execution(self, run_id: str, execution_id: str) -> ExecutionView:
        start_time = await self._start_time(run_id)
        return viewed(await asyncio.to_thread(self._stored.get, run_id, execution_id), start_time)

    async def stop(self, run_id: str, execution_id: str, reason: str, origin: Origin) -> ExecutionView:
        """Let none of its further steps happen; what it did stays. Raises Conflict when it is over."""
        await asyncio.to_thread(self._stored.get, run_id, execution_id)
        async with self._host.writing(run_id) as held:
            executions = await self._player.executions(held)
            execution = next(each for each in executions if each.execution_id == execution_id)
            execution.stop(held.run.world.at, reason)
            await self._host.save(held, msgspec.json.encode(origin), [pending_write(execution)])
            return _view(held.run, execution)

    async def _started(self, held: HeldRun, request: StartScenario) -> ScenarioExecution:
        run = held.run
        if run.status is RunStatus.STOPPED:
            raise CommandRefused(f"run {run.run_id} is stopped", "start a new run")
        begins_at = _begins_at(run, request.begin)
        chosen = self._chosen(request, run.depot.document)
        script = self._read(chosen)
        try:
            names = cast(script, run.depot, await self._controls.names(run.run_id), request.names)
        except InvalidInput as error:
            raise InvalidInput([_at(fault, chosen) for fault in error.faults]) from None
        number = len(await self._player.executions(held)) + 1
        execution = ScenarioExecution(run.run_id, str(number), self._reader)
        execution.start(run.world.at, chosen.raw, source=chosen.source, names=names, begins_at=begins_at)
        return execution

    def _chosen(self, request: StartScenario, document: SimulationConfigurationDocument) -> _Chosen:
        if (request.name is None) == (request.document is None):
            found = "neither" if request.name is None else "both"
            raise InvalidInput([Fault("", f"{found} of name and document", "exactly one of them")])
        if request.document is not None:
            return _Chosen(request.document, "request", "/document")
        assert request.name is not None, "one of them is given"
        presets = preset_scenarios(document)
        if request.name in presets:
            return _Chosen(presets[request.name], f"preset:{request.name}")
        if request.name in self._library.names():
            return _Chosen(self._library.document(request.name), f"library:{request.name}")
        expected = nearest_names(request.name, (*presets, *self._library.names()))
        raise InvalidInput([Fault("/name", f"the unknown scenario {request.name!r}", expected)])

    def _read(self, chosen: _Chosen) -> Script:
        try:
            return self._reader.read(chosen.raw)
        except InvalidInput as error:
            raise InvalidInput([_at(fault, chosen) for fault in error.faults], error.detail) from None

    async def _start_time(self, run_id: str) -> str:
        """Raises NotFound."""
        return (await self._live.get(run_id)).started.start_time


def _at(fault: Fault, chosen: _Chosen) -> Fault:
    """A fault of the document, at its place in the request; one of the request's own names stays where it is."""
    if fault.pointer.startswith("/names"):
        return fault
    return msgspec.structs.replace(fault, pointer=f"{chosen.pointer}{fault.pointer}")


def _begins_at(run: SimulationRun, begin: str | None) -> int:
    if begin is None:
        return run.world.at
    begins_at = parse_moment(run.started.start_time, begin, "/begin")
    if begins_at < run.world.at:
        raise InvalidInput([Fault("/begin", repr(begin), "a time that is not over yet on the run's clock")])
    return begins_at


def _view(run: SimulationRun, execution: ScenarioExecution) -> ExecutionView:
    return viewed(execution, run.started.start_time)
