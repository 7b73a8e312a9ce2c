"""What the control API works with: the application's services and the queries, put together by bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import msgspec

from depot_sim.adapters.control_api.event_streams import EventStreams
from depot_sim.application.access.refusals import RefusedRequests
from depot_sim.application.channels.control import ChannelControl
from depot_sim.application.configuration.service import ConfigurationService
from depot_sim.application.event_log import EventLog
from depot_sim.application.memory import MemoryBudget
from depot_sim.application.oscp.service import OscpService
from depot_sim.application.packets.service import PacketService
from depot_sim.application.run.live import LiveRuns
from depot_sim.application.run.runtime import SimulationRuntimePort
from depot_sim.application.run.service import RunService
from depot_sim.application.scenario.service import ScenarioService
from depot_sim.application.subscription import Tail
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import Fault
from depot_sim.read_models.database import Database
from depot_sim.read_models.schema import ReadModel


class Parsed(NamedTuple):
    """A body's text and the dicts, lists and scalars in it."""

    text: str
    raw: Any


class Documents(Protocol):
    """Reads what people write. Every method raises InvalidInput with every fault."""

    @property
    def parsers(self) -> Mapping[str, Callable[[bytes], Parsed]]:
        """By media type."""

    def cost(self, body: bytes) -> int:
        """Bytes of memory that the body takes at most while it is parsed and defined; an estimate."""

    def define(self, parsed: Parsed) -> Definition:
        """The depot definition in a text; faults tell line and column."""

    def located(self, faults: Sequence[Fault], text: str) -> list[Fault]:
        """The same faults with line and column in a text."""


@dataclass(frozen=True, slots=True)
class Importer:
    """Makes a definition of a foreign format. `options` is a Struct: what may be said in the query."""

    name: str
    summary: str
    media_types: tuple[str, ...]
    options: type[msgspec.Struct]
    read: Callable[[bytes, str, Any], Definition]
    """From the body, its media type and the options; blocking."""
    cost: Callable[[bytes], int]
    """Bytes of memory that `read` takes at most for the body; an estimate."""


class ReadModelStatus(msgspec.Struct, frozen=True):
    """`position` in the event log, `lag` in positions behind its head; `error` says why it is failing."""

    read_model: str
    state: str
    position: int
    lag: int
    error: str = ""


class RebuiltReadModel(msgspec.Struct, frozen=True):
    """`position` in the event log; `equal` tells whether old and new rows are the same, null when not compared."""

    read_model: str
    position: int
    equal: bool | None


class Projections(Protocol):
    """Read models as they follow the log."""

    def statuses(self) -> list[ReadModelStatus]: ...

    def rebuild(self, name: str, *, verify: bool) -> RebuiltReadModel:
        """Build a read model anew beside the live one, and swap it in; blocking. Raises NotFound, Conflict."""

    def wait_for(self, model: ReadModel, position: int, timeout: float) -> bool:
        """Block until the read model shows the log up to `position`; False after `timeout` seconds."""


class ServiceHealth(Protocol):
    """What keeps the service from doing its work, besides its read models."""

    async def store_fault(self) -> str:
        """Why the event store takes no commit, "" when it does."""

    def not_resumed(self) -> Mapping[str, str]:
        """Runs that cannot be resumed, and why."""


@dataclass(frozen=True, slots=True)
class Backend:
    """What is called a table is the database of that read model."""

    log: EventLog
    tail: Tail
    streams: EventStreams
    configurations: ConfigurationService
    runs: RunService
    live: LiveRuns
    runtime: SimulationRuntimePort
    oscp: OscpService
    scenarios: ChannelControl
    packets: PacketService
    packet_scenarios: ChannelControl
    scripts: ScenarioService
    documents: Documents
    importers: tuple[Importer, ...]
    projections: Projections
    health: ServiceHealth
    runs_table: Database
    configurations_table: Database
    power_table: Database
    oscp_sessions_table: Database
    oscp_messages_table: Database
    packets_table: Database
    memory: MemoryBudget
    refused: RefusedRequests
    metrics: Callable[[], bytes]
    """The text of /metrics; blocking."""
