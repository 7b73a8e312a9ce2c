"""The service, composed: event store, runs, read models and the API's backend, opened and closed in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from depot_sim.adapters.clock import SystemClock
from depot_sim.adapters.control_api import Backend, EventStreams, ReadModelStatus, RebuiltReadModel
from depot_sim.adapters.event_store import EventStore, open_event_store
from depot_sim.adapters.front_door.token_source import TokenSource
from depot_sim.adapters.http import Secrets
from depot_sim.adapters.ids import RandomIds
from depot_sim.adapters.memory import give_back
from depot_sim.adapters.metrics import MeteredJournal, Metrics
from depot_sim.adapters.oscp import PowerScopeMeter
from depot_sim.adapters.read_store import open_read_store
from depot_sim.application.access.refusals import by_label
from depot_sim.application.channels.control import Controls
from depot_sim.application.channels.timers import Timers
from depot_sim.application.configuration.service import ConfigurationService
from depot_sim.application.event_log import EventLog
from depot_sim.application.memory import MemoryBudget
from depot_sim.application.own_writes import OwnWrites
from depot_sim.application.repository import Repository
from depot_sim.application.run.driver import RunDriver
from depot_sim.application.run.host import RunHost
from depot_sim.application.run.live import LiveRuns
from depot_sim.application.run.runtime import SimulationRuntime
from depot_sim.application.run.service import RunService
from depot_sim.application.scenario.playing import ScriptPlayer
from depot_sim.application.scenario.service import ScenarioService
from depot_sim.application.subscription import Tail
from depot_sim.application.write_health import WriteHealth
from depot_sim.bootstrap.front_door import Doors, compose_doors, open_tokens
from depot_sim.bootstrap.given_secrets import open_secrets
from depot_sim.bootstrap.importers import IMPORTERS, ImportedDocuments
from depot_sim.bootstrap.limits import read_limits
from depot_sim.bootstrap.oscp import Oscp, compose_oscp
from depot_sim.bootstrap.packets import Packets, compose_packets
from depot_sim.bootstrap.scenarios import PRESETS, SCRIPTS, scenario_library
from depot_sim.bootstrap.settings import Identity, Settings
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.oscp.named_faults import OSCP
from depot_sim.domain.packets.named_faults import PACKETS
from depot_sim.domain.run.events import ResumeReason
from depot_sim.projections.catalogue import PROJECTORS
from depot_sim.projections.rebuild import rebuild
from depot_sim.projections.runner import Runner
from depot_sim.read_models import configurations, oscp_messages, oscp_sessions, power, runs
from depot_sim.read_models import packets as packet_history
from depot_sim.read_models.catalogue import MODELS
from depot_sim.read_models.schema import ReadModel
from depot_sim.read_models.store import ReadStore

_log = logging.getLogger("depot_sim.service")


@dataclass(frozen=True, slots=True)
class Service:
    """What is open."""

    backend: Backend
    host: RunHost
    metrics: Metrics
    oscp: Oscp
    packets: Packets
    player: ScriptPlayer
    timers: Timers
    doors: Doors

    async def stop_streams(self) -> None:
        """End every event stream, waiting read and request left unanswered, so that a server can finish."""
        self.oscp.protocol.close()
        self.backend.scenarios.stop_waiting()
        self.backend.packet_scenarios.stop_waiting()
        await asyncio.to_thread(self.backend.tail.close)


@asynccontextmanager
async def open_service(
    settings: Settings, identity: Identity, secrets: Secrets | None = None, memory: MemoryBudget | None = None
) -> AsyncIterator[Service]:
    """Open the stores, take up the runs that can be, serve until the block ends, then give every run back.

    `secrets` are those of the settings by default; without `memory` there is no limit of memory.

    Raises InvalidInput for bad settings, StoreError for a store that cannot be used.
    """
    secrets = secrets or open_secrets(settings)
    tokens = open_tokens(settings, secrets.learn)
    async with AsyncExitStack() as closing:
        store = closing.enter_context(open_event_store(settings.db, service_url=identity.url))
        read_store = open_read_store(settings.db, MODELS)
        closing.callback(read_store.close)
        runner = Runner(store.log, read_store, PROJECTORS)
        closing.push_async_callback(asyncio.to_thread, runner.stop)
        given = _Given(identity, tokens, secrets, memory or MemoryBudget())
        service = _compose(settings, store, read_store, runner, given, closing)
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


def _compose(
    settings: Settings,
    store: EventStore,
    read_store: ReadStore,
    runner: Runner,
    given: _Given,
    closing: AsyncExitStack,
) -> Service:
    identity, tokens, secrets, memory = given
    log, clock, ids, metrics = store.log, SystemClock(), RandomIds(), Metrics()
    writes = WriteHealth(MeteredJournal(store.journal(), metrics), log, clock)
    journal = OwnWrites(writes, log)
    closing.push_async_callback(journal.close)
    tail = Tail(log)
    closing.push_async_callback(asyncio.to_thread, tail.close)
    streams = EventStreams(log, tail, give_back, read_limits(settings.limits).of_streams())
    closing.callback(streams.close)
    metrics.watch("depot_sim_event_streams", "Event streams that are open", "", lambda: [("", streams.open)])
    host = RunHost(log, journal, store.leases, clock, identity.owner)
    configuration_service = ConfigurationService(Repository(log, journal), ids)
    controls, timers = Controls(), Timers(clock)
    player = ScriptPlayer(log, host, controls, timers, SCRIPTS)
    run_service = RunService(log, host, configuration_service, ids, player, memory)
    RunDriver(run_service, host, clock)
    live = LiveRuns(log, host)
    runtime = SimulationRuntime(run_service, live)
    meter = PowerScopeMeter(read_store[power.MODEL].database(), live, partial(runner.wait_for, power.MODEL), log)
    doors = compose_doors(settings, tokens, log, journal, clock)
    closing.push_async_callback(doors.refused.try_to_record)
    oscp = compose_oscp(
        log=log,
        journal=journal,
        host=host,
        live=live,
        timers=timers,
        runtime=runtime,
        meter=meter,
        doors=doors,
        secrets=secrets,
        url=identity.url,
    )
    closing.push_async_callback(oscp.partner.close)
    packets = compose_packets(log, journal, host, live, timers, oscp.partner, secrets)
    controls.add(OSCP.target_kind, oscp.scenarios)
    controls.add(PACKETS.target_kind, packets.scenarios)
    projections = _Projections(runner, log, read_store)
    _watch(metrics, host, projections, writes)
    _watch_doors(metrics, doors)
    backend = Backend(
        log=log,
        tail=tail,
        streams=streams,
        configurations=configuration_service,
        runs=run_service,
        live=live,
        runtime=runtime,
        documents=ImportedDocuments(secrets, PRESETS),
        importers=IMPORTERS,
        projections=projections,
        health=_Health(host, writes),
        runs_table=read_store[runs.MODEL].database(),
        configurations_table=read_store[configurations.MODEL].database(),
        power_table=read_store[power.MODEL].database(),
        oscp=oscp.service,
        scenarios=oscp.scenarios,
        packets=packets.service,
        packet_scenarios=packets.scenarios,
        scripts=ScenarioService(log, host, live, player, controls, scenario_library(), SCRIPTS),
        oscp_sessions_table=read_store[oscp_sessions.MODEL].database(),
        oscp_messages_table=read_store[oscp_messages.MODEL].database(),
        packets_table=read_store[packet_history.MODEL].database(),
        memory=memory,
        refused=doors.refused,
        metrics=metrics.text,
    )
    return Service(
        backend=backend,
        host=host,
        metrics=metrics,
        oscp=oscp,
        packets=packets,
        player=player,
        timers=timers,
        doors=doors,
    )


@asynccontextmanager
async def _tended(service: Service) -> AsyncIterator[None]:
    """Keep leases, take over what is left alone, tend sessions; give everything back at the end."""
    host = service.host
    tasks = [
        asyncio.create_task(service.oscp.session_timers.run(), name="look after oscp sessions"),
        asyncio.create_task(service.oscp.following.run(), name="follow oscp sessions"),
        asyncio.create_task(service.doors.refused.run(), name="record refused requests"),
        asyncio.create_task(service.doors.tokens.follow(), name="follow the tokens file"),
        asyncio.create_task(host.keep_leases(), name="keep leases"),
        asyncio.create_task(host.watch_unheld(), name="watch unheld runs"),
    ]
    for task in tasks:
        task.add_done_callback(_report_failure)
    try:
        yield
    finally:
        service.timers.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await service.player.stop()
        await service.packets.supervisor.rest()
        await host.release_all()


def _report_failure(task: asyncio.Task[None]) -> None:
    """To the event loop's exception handler, at once."""
    if not task.cancelled() and (error := task.exception()) is not None:
        context = {"message": f"the task {task.get_name()!r} has failed", "exception": error, "task": task}
        task.get_loop().call_exception_handler(context)


class _Projections:
    """The runner as the API sees it."""

    def __init__(self, runner: Runner, log: EventLog, read_store: ReadStore) -> None:
        self._runner = runner
        self._log = log
        self._read_store = read_store

    def rebuild(self, name: str, *, verify: bool) -> RebuiltReadModel:
        projector = next((one for one in PROJECTORS if one.model.name == name), None)
        if projector is None:
            known = ", ".join(one.model.name for one in PROJECTORS)
            raise NotFound(f"there is no read model {name!r}", f"read models: {known}")
        return RebuiltReadModel(*rebuild(projector, self._log, self._read_store[projector.model], verify=verify))

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
