"""Power history of a node, connector, charger or scope at a chosen resolution, exact from the energy registers."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from depot_sim.read_models.database import Database
from depot_sim.read_models.errors import QueryRefused
from depot_sim.read_models.register_rows import Register, changes
from depot_sim.read_models.registers import Stretch, Walk, mean_w, path, summed

MOST_BUCKETS = 10_000

_RUN = "SELECT run, tick_ms, at FROM power_runs WHERE run_id = ?"
_ENTITIES = "SELECT DISTINCT id FROM power_entities WHERE run = ? AND kind = ? ORDER BY id"
_REGISTERS = "SELECT registers, place FROM power_entities WHERE run = ? AND kind = ? AND id = ?"


class EntityKind(StrEnum):
    """A charger is the sum of its connectors, a scope is the node it is on; a connector is "charger/connector"."""

    NODE = "node"
    CONNECTOR = "connector"
    CHARGER = "charger"
    SCOPE = "scope"


class PowerBucket(msgspec.Struct, frozen=True):
    """Times in logical ms. `energy_mj` is the register at `end`; least and most are means over straight stretches."""

    begin: int
    end: int
    mean_w: int
    min_w: int
    max_w: int
    energy_mj: int


class PowerHistory(msgspec.Struct, frozen=True):
    """Buckets without a gap from `begin` to `end`, where the registers stood at `opening_mj` first.

    `tick_ms` is how fine the run records; finer buckets lie on straight lines through its ticks.
    """

    run_id: str
    kind: EntityKind
    id: str
    begin: int
    end: int
    resolution_ms: int
    tick_ms: int
    opening_mj: int
    buckets: list[PowerBucket]


def power_entities(database: Database, run_id: str, kind: EntityKind) -> list[str]:
    """Ids that have a power history; empty for an unknown run."""
    runs = database.query(_RUN, (run_id,))
    return [id for (id,) in database.query(_ENTITIES, (runs[0][0], kind.value))] if runs else []


def power_history(
    database: Database,
    run_id: str,
    kind: EntityKind,
    id: str,
    *,
    resolution_ms: int,
    begin: int = 0,
    end: int | None = None,
) -> PowerHistory | None:
    """From `begin` to `end`, or as far as the run has come; None when there is no such run or entity.

    Raises QueryRefused for times or a resolution that cannot be answered.
    """
    runs = database.query(_RUN, (run_id,))
    if not runs:
        return None
    ((run, tick_ms, present),) = runs
    registers = database.query(_REGISTERS, (run, kind.value, id))
    if not registers:
        return None
    _check_times(begin, end)
    end = present if end is None else min(end, present)
    _check_resolution(begin, end, resolution_ms)
    paths = [path(changes(database, Register(table), run, place, begin, end), end) for table, place in registers]
    walk = Walk(summed(paths))
    opening = walk.energy(begin)
    buckets = [_bucket(walk.stretch(*bounds)) for bounds in _bounds(begin, end, resolution_ms)]
    return PowerHistory(
        run_id=run_id,
        kind=kind,
        id=id,
        begin=begin,
        end=max(begin, end),
        resolution_ms=resolution_ms,
        tick_ms=tick_ms,
        opening_mj=opening,
        buckets=buckets,
    )


def _check_times(begin: int, end: int | None) -> None:
    if begin < 0:
        raise QueryRefused("begin", f"{begin} ms is before the run's start", "ask from 0 ms on")
    if end is not None and end < begin:
        raise QueryRefused("end", f"{end} ms is before the beginning at {begin} ms", "give a later end, or none")


def _check_resolution(begin: int, end: int, resolution_ms: int) -> None:
    if resolution_ms < 1:
        raise QueryRefused("resolution_ms", f"{resolution_ms} is no length of time", "ask for at least 1 ms")
    if end - begin > resolution_ms * MOST_BUCKETS:
        least = -((begin - end) // MOST_BUCKETS)
        raise QueryRefused(
            "resolution_ms",
            f"{resolution_ms} ms would make more than {MOST_BUCKETS:,} buckets of {end - begin} ms",
            f"ask for {least} ms or coarser, or for a shorter time",
        )


def _bounds(begin: int, end: int, resolution_ms: int) -> Iterator[tuple[int, int]]:
    return ((at, min(at + resolution_ms, end)) for at in range(begin, end, resolution_ms))


def _bucket(stretch: Stretch) -> PowerBucket:
    begin, end, least, most = stretch
    return PowerBucket(begin.t, end.t, mean_w(begin, end), least, most, end.mj)
