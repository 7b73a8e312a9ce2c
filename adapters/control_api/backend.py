"""What the control API works with: the application's services and the queries, put together by bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
from litestar import Router
from litestar.handlers import HTTPRouteHandler

from depot_sim.adapters.control_api.event_streams import EventStreams
from depot_sim.application.access.refusals import RefusedRequests
from depot_sim.application.channels.control import Controls
from depot_sim.application.configuration.service import ConfigurationService
from depot_sim.application.event_log import EventLog
from depot_sim.application.http import Mask
from depot_sim.application.memory import MemoryBudget
from depot_sim.application.run.live import LiveRuns
from depot_sim.application.run.service import RunService
from depot_sim.application.scenario.service import ScenarioService
from depot_sim.application.subscription import Tail
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.kernel.written_secrets import SecretIn
from depot_sim.read_models.database import Database
from depot_sim.read_models.schema import ReadModel

S = TypeVar("S")


class Parsed(NamedTuple):
    """A body's text and the dicts, lists and scalars in it."""

    text: str
    raw: Any


class Documents(Protocol):
    """Reads what people write. Every method raises InvalidInput with every fault, SecretWritten among them."""

    @property
    def parsers(self) -> Mapping[str, Callable[[bytes], Parsed]]:
        """By media type."""

    def imported(self, importer: Importer, body: bytes, media_type: str, options: msgspec.Struct) -> Definition:
        """What the importer makes of a body; blocking."""

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


class FamilyRoutes(NamedTuple):
    """Routes of a protocol family: `below_run` begin with the path of a run, `beside_runs` do not."""

    below_run: Sequence[Router]
    beside_runs: Sequence[Router | HTTPRouteHandler]


class FamilyApi(NamedTuple):
    """What a protocol family adds to the control API. Its handlers get `service` from `Backend.service`."""

    service: object
    routes: Callable[[], FamilyRoutes]


@dataclass(frozen=True, slots=True)
class Backend:
    """`database` gives the tables of a read model for queries.

    `mask` is applied to every problem that is sent, `secret_in` to every request. `controls` force and expect messages
    on the targets of every protocol family.
    """

    log: EventLog
    tail: Tail
    streams: EventStreams
    configurations: ConfigurationService
    runs: RunService
    live: LiveRuns
    scripts: ScenarioService
    controls: Controls
    families: Sequence[FamilyApi]
    documents: Documents
    mask: Mask
    secret_in: SecretIn
    importers: tuple[Importer, ...]
    projections: Projections
    health: ServiceHealth
    database: Callable[[ReadModel], Database]
    memory: MemoryBudget
    refused: RefusedRequests
    metrics: Callable[[], bytes]
    """The text of /metrics; blocking."""

    def service(self, kind: type[S]) -> S:
        """The service of a protocol family, by its class."""
        return next(family.service for family in self.families if isinstance(family.service, kind))
