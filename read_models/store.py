"""The port of what writes read models: rows and position in one transaction, and a rebuild beside the live tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from depot_sim.read_models.database import Database
from depot_sim.read_models.schema import ReadModel, Table


class Mark(NamedTuple):
    """How far a model has come. `origin` tells logs apart: when the first event was recorded, 0 before there is one."""

    position: int
    origin: int


class Stored(NamedTuple):
    """What a store says of a model. `updated_at` is wall time in µs since 1970."""

    version: int
    mark: Mark
    updated_at: int


NOTHING_STORED = Stored(0, Mark(0, 0), 0)
"""What is said of a model that is not there or cannot be read."""


class Overtaken(Exception):
    """Another process has taken the model further, or swapped it: look at its position again."""


class Transaction(Database, Protocol):
    """Its queries see its own writes."""

    def insert(self, table: Table, rows: Iterable[Sequence[object]]) -> None:
        """Add rows whose keys are new."""

    def upsert(self, table: Table, rows: Iterable[Sequence[object]]) -> None:
        """Add rows, or replace those with the same key."""


class Build(Protocol):
    """One complete set of a model's tables, with its position."""

    def advance(self, position: int, to: Mark) -> AbstractContextManager[Transaction]:
        """Write what happened between `position` and `to`, all of it or nothing.

        Raises Overtaken unless the build stands at `position`: so every event counts once, whoever projects.
        """

    def rows(self, table: Table) -> Iterator[Sequence[tuple[Any, ...]]]:
        """All rows in the order of their key, in chunks."""


class Shadow(Build, Protocol):
    """A second build, beside the live one and seen by nobody."""

    def finish(self) -> None:
        """Index what was filled in bulk."""

    def hold_live(self) -> AbstractContextManager[Stored | None]:
        """Keep the live build where it is; None when there is none that this version could compare with."""

    def swap(self) -> None:
        """Make this the live build, all at once. Only while the live one is held."""


class ModelStore(Build, Protocol):
    """The live build of one read model."""

    @property
    def model(self) -> ReadModel: ...

    def database(self) -> Database:
        """For queries; always of the build that is live at that moment."""

    def stored(self) -> Stored:
        """What is there; version 0 when it cannot be read."""

    def shadow(self) -> AbstractContextManager[Shadow]:
        """An empty second build; gone at the end unless swapped. Raises Conflict while another process has one."""


class ReadStore(Protocol):
    """All read models of one event store."""

    def __getitem__(self, model: ReadModel) -> ModelStore: ...

    def close(self) -> None: ...
