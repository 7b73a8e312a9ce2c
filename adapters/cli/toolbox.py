"""What the command line is given to work with; the composition root fills it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from application.clock import BlockingClock
from application.event_log import EventLog, Leases
from domain.configuration.definition import Definition


class Store(Protocol):
    """An open event store."""

    @property
    def log(self) -> EventLog: ...

    @property
    def leases(self) -> Leases: ...


class CommonJob(Protocol):
    def __call__(self, buses: int, days: int, *, limits: bool) -> Definition: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """`owner` names this process in leases; `examples` is the folder of the depots that come along."""

    version: str
    store_schema: int
    examples: Path
    owner: str
    clock: BlockingClock
    new_id: Callable[[], str]
    load_definition: Callable[[Path], Definition]
    common_job: CommonJob
    open_store: Callable[[str], AbstractContextManager[Store]]
