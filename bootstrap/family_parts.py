"""What a protocol family is in an open service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from depot_sim.adapters.control_api import FamilyApi
from depot_sim.adapters.http import Secrets
from depot_sim.application.channels.control import ChannelControl
from depot_sim.application.channels.timers import Timers
from depot_sim.application.event_log import EventLog, Journal
from depot_sim.application.http import Partner
from depot_sim.application.own_writes import OwnWrites
from depot_sim.application.runtime import CommittedRuns, HeldRuns, RunCommands
from depot_sim.application.subscription import Tail
from depot_sim.application.under_way import UnderWay
from depot_sim.bootstrap.front_door import Doors, ProtocolSurface
from depot_sim.read_models.database import Database
from depot_sim.read_models.schema import ReadModel


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedParts:
    """What every family of a service works with.

    A family tells `under_way` what it does for runs outside, and what leads to that: runs that are moved wait for it.
    `own_writes` tells what other processes write; it is None where no other process writes to the store.
    `url` is where partners reach the service. `database` gives the tables of a read model for queries. `wait_for`
    blocks until a read model shows the log up to a position, at most so many seconds.
    """

    log: EventLog
    tail: Tail
    journal: Journal
    own_writes: OwnWrites | None
    host: HeldRuns
    runs: CommittedRuns
    commands: RunCommands
    timers: Timers
    under_way: UnderWay
    partner: Partner
    secrets: Secrets
    doors: Doors
    url: str
    database: Callable[[ReadModel], Database]
    wait_for: Callable[[ReadModel, int, float], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyParts:
    """`control` forces and expects messages on the family's targets.

    `application` is the ASGI application of the family's surface. `tasks` run until they are cancelled, by name.
    `end_requests` ends requests that are left unanswered on purpose, so that the server can stop. `close` is awaited
    once the tasks have ended, before the runs are given back.
    """

    control: ChannelControl
    api: FamilyApi
    application: Any = None
    tasks: Mapping[str, Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=dict)
    end_requests: Callable[[], None] | None = None
    close: Callable[[], Awaitable[None]] | None = None


class FamilyService(NamedTuple):
    """How a family is put together in a service, and its surface if partners send requests to it."""

    compose: Callable[[SharedParts], FamilyParts]
    surface: ProtocolSurface | None = None
