"""Building a read model anew from the whole log, beside the live one, while that goes on serving."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from depot_sim.application.event_log import EventLog
from depot_sim.domain.kernel.errors import StoreTooNew
from depot_sim.projections.follower import Follower
from depot_sim.projections.projector import Projector
from depot_sim.read_models.schema import ReadModel
from depot_sim.read_models.store import Build, ModelStore, Overtaken, Shadow, Stored

Progress = Callable[[int, int], None]
"""Called with the position reached and the log's head."""


class Rebuilt(NamedTuple):
    """`equal` tells whether old and new tables had the same rows; None when that was not asked or cannot be told."""

    read_model: str
    position: int
    equal: bool | None


def rebuild(
    projector: Projector,
    log: EventLog,
    store: ModelStore,
    *,
    verify: bool = False,
    progress: Progress = lambda *_: None,
) -> Rebuilt:
    """Fill a second set of tables from the log's beginning, then swap it in, rows and position together.

    No query fails and none sees half a model. Raises Conflict while another process rebuilds the same model.
    """
    follower = Follower(projector, log)
    with store.shadow() as shadow:
        filling = _Filling(follower, log, shadow, progress)
        live = store.stored()
        comparable = verify and live.mark.position <= log.head() and _is_of(live, store.model, follower)
        filling.fill(live.mark.position if comparable else log.head())
        shadow.finish()
        with shadow.hold_live() as held:
            equal = None
            if held is not None and comparable:
                filling.fill(held.mark.position)
                equal = rows_sha256(store, store.model) == rows_sha256(shadow, store.model)
            filling.fill(log.head())
            shadow.swap()
    return Rebuilt(store.model.name, filling.position, equal)


def catch_up(projector: Projector, log: EventLog, store: ModelStore) -> int:
    """Bring the live tables to the log's present head, rebuilt when they are outdated, and return that position."""
    follower = Follower(projector, log)
    head = log.head()
    while True:
        try:
            if is_outdated(store, follower, log):
                rebuild(projector, log, store)
            position = store.stored().mark.position
            while position < head:
                position = follower.step(store, position, head)
            return position
        except Overtaken:  # somebody else is catching up as well
            continue


def is_outdated(store: ModelStore, follower: Follower, log: EventLog) -> bool:
    """Whether the tables cannot be carried on: of an older version, damaged, or made from another log.

    Raises StoreTooNew when a newer version made them.
    """
    stored = store.stored()
    if stored.version > store.model.version:
        raise StoreTooNew(
            f"read model {store.model.name} has version {stored.version}, this depot-sim knows {store.model.version}",
            "use the newer depot-sim, or rebuild the read model with this one",
        )
    return not _is_of(stored, store.model, follower) or stored.mark.position > log.head()


def rows_sha256(build: Build, model: ReadModel) -> str:
    """Of all rows in the order of their keys; the same for the same rows in either database."""
    digest = hashlib.sha256()
    encode_lines = msgspec.json.Encoder().encode_lines
    for table in model.tables:
        digest.update(table.name.encode())
        for chunk in build.rows(table):
            digest.update(encode_lines(chunk))
    return digest.hexdigest()


class _Filling:
    def __init__(self, follower: Follower, log: EventLog, shadow: Shadow, progress: Progress) -> None:
        self.position = 0
        self._follower = follower
        self._log = log
        self._shadow = shadow
        self._progress = progress

    def fill(self, upto: int) -> None:
        while self.position < upto:
            self.position = self._follower.step(self._shadow, self.position, upto)
            self._progress(self.position, max(upto, self.position))


def _is_of(stored: Stored, model: ReadModel, follower: Follower) -> bool:
    """Whether the tables are of this version and this log."""
    return stored.version == model.version and stored.mark.origin in (0, follower.origin())
