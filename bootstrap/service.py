"""The service, composed: event store, runs, read models and the API's backend, opened and closed in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from depot_sim.adapters.clock import SystemClock
from depot_sim.adapters.control_api import Backend, EventStreams, ReadModelStatus, RebuiltReadModel
from depot_sim.adapters.event_store import EventStore, open_event_store
from depot_sim.adapters.front_door.token_source import TokenSource
from depot_sim.adapters.http import AiohttpPartner, Secrets
from depot_sim.adapters.ids import RandomIds
from depot_sim.adapters.memory import give_back
from depot_sim.adapters.metrics import MeteredJournal, Metrics
from depot_sim.adapters.read_store import open_read_store
from depot_sim.application.access.refusals import by_label
from depot_sim.application.channels.control import Controls
from depot_sim.application.channels.timers import Timers
from depot_sim.application.configuration.service import ConfigurationService
from depot_sim.application.event_log import EventLog, Journal
from depot_sim.application.memory import MemoryBudget
from depot_sim.application.own_writes import OwnWrites
from depot_sim.application.repository import Repository
from depot_sim.application.run.driver import RunDriver
from depot_sim.application.run.host import RunHost
from depot_sim.application.run.live import LiveRuns
from depot_sim.application.run.service import RunService
from depot_sim.application.scenario.playing import ScriptPlayer
from depot_sim.application.scenario.service import ScenarioService
from depot_sim.application.subscription import Tail
from depot_sim.application.under_way import UnderWay
from depot_sim.application.write_health import WriteHealth
from depot_sim.bootstrap.families import FAMILIES, models_of, projectors_of, script_reader
from depot_sim.bootstrap.family import ProtocolFamily
from depot_sim.bootstrap.family_parts import FamilyParts, SharedParts
from depot_sim.bootstrap.front_door import Doors, ProtocolSurface, compose_doors, open_tokens
from depot_sim.bootstrap.given_secrets import open_secrets
from depot_sim.bootstrap.importers import IMPORTERS, ImportedDocuments
from depot_sim.bootstrap.limits import read_limits
from depot_sim.bootstrap.scenarios import scenario_library
from depot_sim.bootstrap.settings import Identity, Settings
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.run.events import ResumeReason
from depot_sim.domain.scenario.presets import preset_rule
from depot_sim.projections.projector import Projector
from depot_sim.projections.rebuild import rebuild
from depot_sim.projections.runner import Runner
from depot_sim.read_models.database import Database
from depot_sim.read_models.schema import ReadModel
from depot_sim.read_models.store import ReadStore

_log = logging.getLogger("depot_sim.service")


@dataclass(frozen=True, slots=True)
class Service:
    """What is open. `applications` are ASGI applications of protocol families, by the prefixes of their paths."""

    backend: Backend
    host: RunHost
    metrics: Metrics
    families: Sequence[FamilyParts]
    applications: Mapping[str, Any]
    player: ScriptPlayer
    timers: Timers
    doors: Doors

    async def stop_streams(self) -> None:
        """End every event stream, advance, waiting read and request left unanswered, so that a server can finish."""
        await self.backend.runs.advances.stop()
        for family in self.families:
            if family.end_requests is not None:
                family.end_requests()
            family.control.stop_waiting()
        await asyncio.to_thread(self.backend.tail.close)


@asynccontextmanager
async def open_service(
    settings: Settings,
    identity: Identity,
    secrets: Secrets | None = None,
    memory: MemoryBudget | None = None,
    families: Sequence[ProtocolFamily] = FAMILIES,
) -> AsyncIterator[Service]:
    """Open the stores, take up the runs that can be, serve until the block ends, then give every run back.

    `secrets` are those of the settings by default; without `memory` there is no limit of memory. The runs can have
    targets of these `families`.

    Raises InvalidInput for bad settings, StoreError for a store that cannot be used.
    """
    secrets = secrets or open_secrets(settings)
    surfaces = surfaces_of(families)
    tokens = open_tokens(settings, secrets, surfaces)
    async with AsyncExitStack() as closing:
        store = closing.enter_context(open_event_store(settings.db, service_url=identity.url))
        read_store = open_read_store(settings.db, models_of(families))
        closing.callback(read_store.close)
        projectors = projectors_of(families)
        runner = Runner(store.log, read_store, projectors)
        closing.push_async_callback(asyncio.to_thread, runner.stop)
        projections = _Projections(runner, projectors, store.log, read_store)
        given = _Given(identity, tokens, secrets, memory or MemoryBudget(), families)
        service = _compose(settings, store, projections, given, closing)
        runner.start()
        taken = await service.host.adopt_unheld(ResumeReason.RESTART)
        _log.info("runs taken up", extra={"runs": taken})
        await closing.enter_async_context(_tended(service))
        yield service


class _Given(NamedTuple):
    """What does not depend on the stores."""

    identity: Identity
    tokens: TokenSource
    secrets: Secrets
    memory: MemoryBudget
    families: Sequence[ProtocolFamily]


def surfaces_of(families: Sequence[ProtocolFamily]) -> list[ProtocolSurface]:
    """Where partners of these families send requests."""
    services = [family.service() for family in families]
    return [service.surface for service in services if service.surface is not None]


def _compose(
    settings: Settings, store: EventStore, projections: _Projections, given: _Given, closing: AsyncExitStack
) -> Service:
    identity, tokens, secrets, memory, families = given
    log, clock, ids, metrics = store.log, SystemClock(), RandomIds(), Metrics()
    writes = WriteHealth(MeteredJournal(store.journal(), metrics), log, clock)
    own_writes = OwnWrites(writes, log) if store.is_shared else None
    journal: Journal = own_writes or writes
    closing.push_async_callback(journal.close)
    tail = Tail(log)
    closing.push_async_callback(asyncio.to_thread, tail.close)
    streams = EventStreams(log, tail, give_back, read_limits(settings.limits).of_streams())
    closing.callback(streams.close)
    metrics.watch("depot_sim_event_streams", "Event streams that are open", "", lambda: [("", streams.open)])
    host = RunHost(log, journal, store.leases, clock, identity.owner)
    configuration_service = ConfigurationService(Repository(log, journal), ids)
    controls, timers, scripts = Controls(), Timers(clock), script_reader(families)
    player = ScriptPlayer(log, host, controls, timers, clock, scripts)
    under_way = UnderWay(clock)
    host.on_dropped.append(under_way.forget)
    run_service = RunService(
        log=log,
        host=host,
        configurations=configuration_service,
        ids=ids,
        clock=clock,
        under_way=under_way,
        scripts=player,
        memory=memory,
    )
    RunDriver(run_service, host, clock)
    live = LiveRuns(log, host)
    doors = compose_doors(settings, surfaces_of(families), tokens, log, journal, clock)
    closing.push_async_callback(doors.refused.try_to_record)
    partner = AiohttpPartner(secrets)
    closing.push_async_callback(partner.close)
    shared = SharedParts(
        log=log,
        tail=tail,
        journal=journal,
        own_writes=own_writes,
        host=host,
        runs=live,
        commands=run_service,
        timers=timers,
        under_way=under_way,
        partner=partner,
        secrets=secrets,
        doors=doors,
        url=identity.url,
        database=projections.database,
        wait_for=projections.wait_for,
    )
    parts = {family.words.target_kind: family.service().compose(shared) for family in families}
    for kind, family in parts.items():
        controls.add(kind, family.control)
    _watch(metrics, host, projections, writes)
    _watch_doors(metrics, doors)
    backend = Backend(
        log=log,
        tail=tail,
        streams=streams,
        configurations=configuration_service,
        runs=run_service,
        live=live,
        scripts=ScenarioService(
            log=log,
            host=host,
            live=live,
            player=player,
            controls=controls,
            library=scenario_library(),
            reader=scripts,
        ),
        controls=controls,
        families=[family.api for family in parts.values()],
        documents=ImportedDocuments(secrets, secrets.written_in, (preset_rule(scripts),)),
        mask=secrets.mask,
        secret_in=secrets.written_in,
        importers=IMPORTERS,
        projections=projections,
        health=_Health(host, writes),
        database=projections.database,
        memory=memory,
        refused=doors.refused,
        metrics=metrics.text,
    )
    return Service(
        backend=backend,
        host=host,
        metrics=metrics,
        families=tuple(parts.values()),
        applications=_applications(families, parts),
        player=player,
        timers=timers,
        doors=doors,
    )


def _applications(families: Sequence[ProtocolFamily], parts: Mapping[str, FamilyParts]) -> dict[str, Any]:
    """ASGI applications by the prefix of their surface."""
    return {
        surface.prefix: parts[family.words.target_kind].application
        for family in families
        if (surface := family.service().surface) is not None
    }


@asynccontextmanager
async def _tended(service: Service) -> AsyncIterator[None]:
    """Keep leases, take over what is left alone, tend sessions; give everything back at the end."""
    host = service.host
    own: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
        "record refused requests": service.doors.refused.run,
        "follow the tokens file": service.doors.tokens.follow,
        "keep leases": host.keep_leases,
        "watch unheld runs": host.watch_unheld,
    }
    runs = [*(run for family in service.families for run in family.tasks.items()), *own.items()]
    tasks = [asyncio.create_task(run(), name=name) for name, run in runs]
    for task in tasks:
        task.add_done_callback(_report_failure)
    try:
        yield
    finally:
        service.timers.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await service.backend.runs.advances.stop()
        await service.player.stop()
        for family in service.families:
            if family.close is not None:
                await family.close()
        await host.release_all()


def _report_failure(task: asyncio.Task[None]) -> None:
    """To the event loop's exception handler, at once."""
    if not task.cancelled() and (error := task.exception()) is not None:
        context = {"message": f"the task {task.get_name()!r} has failed", "exception": error, "task": task}
        task.get_loop().call_exception_handler(context)


class _Projections:
    """The runner as the API sees it."""

    def __init__(self, runner: Runner, projectors: Sequence[Projector], log: EventLog, read_store: ReadStore) -> None:
        self._runner = runner
        self._projectors = projectors
        self._log = log
        self._read_store = read_store

    def rebuild(self, name: str, *, verify: bool) -> RebuiltReadModel:
        projector = next((one for one in self._projectors if one.model.name == name), None)
        if projector is None:
            known = ", ".join(one.model.name for one in self._projectors)
            raise NotFound(f"there is no read model {name!r}", f"read models: {known}")
        return RebuiltReadModel(*rebuild(projector, self._log, self._read_store[projector.model], verify=verify))

    def database(self, model: ReadModel) -> Database:
        return self._read_store[model].database()

    def statuses(self) -> list[ReadModelStatus]:
        return [
            ReadModelStatus(status.read_model, status.state.value, status.position, status.lag, status.error)
            for status in self._runner.statuses()
        ]

    def wait_for(self, model: ReadModel, position: int, timeout: float) -> bool:
        return self._runner.wait_for(model, position, timeout)


class _Health:
    """Host and store as /readyz sees them."""

    def __init__(self, host: RunHost, writes: WriteHealth) -> None:
        self._host = host
        self._writes = writes

    async def store_fault(self) -> str:
        return await self._writes.check()

    def not_resumed(self) -> Mapping[str, str]:
        return self._host.not_resumed


def _watch(metrics: Metrics, host: RunHost, projections: _Projections, writes: WriteHealth) -> None:
    metrics.watch("depot_sim_runs_held", "Runs this process holds", "", lambda: [("", len(host.held_ids()))])
    metrics.watch(
        "depot_sim_runs_not_resumed",
        "Runs that this process should take up and cannot; /readyz says why",
        "",
        lambda: [("", len(host.not_resumed))],
    )
    metrics.watch(
        "depot_sim_store_writable",
        "1 when the newest append or probe of the event store was committed, else 0",
        "",
        lambda: [("", 0 if writes.fault else 1)],
    )
    metrics.watch(
        "depot_sim_read_model_lag",
        "Positions a read model is behind the event log",
        "read_model",
        lambda: [(status.read_model, status.lag) for status in projections.statuses()],
    )


def _watch_doors(metrics: Metrics, doors: Doors) -> None:
    metrics.watch(
        "depot_sim_requests_refused",
        "Requests refused since the start, by surface and reason",
        "reason",
        lambda: by_label(doors.refused.totals),
    )
    metrics.watch(
        "depot_sim_tokens_file_failed",
        "1 while the changed tokens file cannot be used and the tokens of before stay valid",
        "",
        lambda: [("", 1 if doors.tokens.file_error else 0)],
    )
