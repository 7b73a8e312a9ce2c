"""Read model `interventions`: everything that was ever done on purpose to a target of a run, by its id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from depot_sim.read_models.database import Database
from depot_sim.read_models.paging import NEWEST, check_limit
from depot_sim.read_models.schema import ReadModel, Table, Type

INTERVENTIONS = Table(
    "interventions",
    {
        "intervention_id": Type.TEXT,
        "position": Type.INTEGER,
        "run_id": Type.TEXT,
        "target": Type.TEXT,
        "name": Type.TEXT,
        "reason": Type.TEXT,
        "begun_at": Type.INTEGER,
        "ended_at": Type.INTEGER,
        "ended_by": Type.TEXT,
    },
    key=("intervention_id",),
    indices=(("run_id", "position"),),
)

MODEL = ReadModel("interventions", 1, (INTERVENTIONS,))

_SELECT = f"SELECT {', '.join(INTERVENTIONS.columns)} FROM interventions"
_IDS_AT_ONCE = 500


class Intervention(msgspec.Struct):
    """`position` is where it began in the log, `target` the id of the session or feed.

    `begun_at` and `ended_at` are on the target's clock, in ms since 1970 UTC. `ended_by` says why it ended; it is empty
    while the intervention is in force. `run_id` is empty for what older versions recorded.
    """

    intervention_id: str
    position: int
    run_id: str
    target: str
    name: str
    reason: str
    begun_at: int
    ended_at: int = 0
    ended_by: str = ""


class InterventionPage(msgspec.Struct):
    """`next_before` asks for the following page; None at the end."""

    interventions: list[Intervention]
    next_before: int | None


def get_intervention(database: Database, intervention_id: str) -> Intervention | None:
    found = database.query(f"{_SELECT} WHERE intervention_id = ?", (intervention_id,))
    return Intervention(*found[0]) if found else None


def interventions_of(database: Database, ids: Iterable[str]) -> dict[str, Intervention]:
    """Those with these ids, by id; ids that the log does not know are left out."""
    wanted, found = list(ids), dict[str, Intervention]()
    while wanted:
        some, wanted = wanted[:_IDS_AT_ONCE], wanted[_IDS_AT_ONCE:]
        sql = f"{_SELECT} WHERE intervention_id IN ({', '.join('?' * len(some))})"
        found.update((row[0], Intervention(*row)) for row in database.query(sql, some))
    return found


def list_interventions(
    database: Database, run_id: str, *, in_force: bool | None = None, before: int = NEWEST, limit: int = 100
) -> InterventionPage:
    """Of a run, the newest first. Raises QueryRefused for a bad limit."""
    check_limit(limit)
    only = "" if in_force is None else f" AND ended_by {'=' if in_force else '<>'} ''"
    sql = f"{_SELECT} WHERE run_id = ? AND position < ?{only} ORDER BY position DESC LIMIT ?"
    found: list[Any] = [Intervention(*row) for row in database.query(sql, (run_id, before, limit + 1))]
    page = found[:limit]
    return InterventionPage(page, page[-1].position if len(found) > limit else None)
