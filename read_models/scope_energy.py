"""What went through a managed scope between two moments of its run: import, export and the highest load."""

from __future__ import annotations

import msgspec

from depot_sim.read_models import power
from depot_sim.read_models.database import Database
from depot_sim.read_models.power_history import EntityKind
from depot_sim.read_models.register_rows import EXPORTED, Register, changes
from depot_sim.read_models.registers import Walk, path

_SCOPE = (
    f"SELECT run, registers, place FROM {power.ENTITIES.name} JOIN {power.RUNS.name} USING (run)"
    " WHERE run_id = ? AND kind = ? AND id = ? AND at >= ?"
)
_HIGHEST = f"SELECT MAX(power_w) FROM {power.NODES.name} WHERE run = ? AND place = ? AND at > ? AND at <= ?"


class ScopeEnergy(msgspec.Struct, frozen=True):
    """Both energies are never below zero. `max_w` is the highest load, import positive, as far as ticks show it."""

    imported_mj: int
    exported_mj: int
    max_w: int


def scope_energy(database: Database, run_id: str, scope: str, begin: int, end: int) -> ScopeEnergy | None:
    """Between two logical moments; None for an unknown run or scope, and for a run that has not come to `end`.

    Exact where ticks end; inside a tick, registers go straight from where it began to where it ended.
    """
    found = database.query(_SCOPE, (run_id, EntityKind.SCOPE.value, scope, end))
    if not found:
        return None
    ((run, table, place),) = found
    net = _walk(database, Register(table), run, place, begin, end).stretch(begin, end)
    export = _walk(database, EXPORTED, run, place, begin, end)
    exported_before = export.energy(begin)
    exported_mj = export.energy(end) - exported_before
    net_mj = net.end.mj - net.begin.mj
    ((load_w,),) = database.query(_HIGHEST, (run, place, begin, end))
    max_w = net.max_w if load_w is None else max(net.max_w, load_w)
    return ScopeEnergy(max(0, net_mj + exported_mj), exported_mj, max_w)


def _walk(database: Database, register: Register, run: int, place: int, begin: int, end: int) -> Walk:
    return Walk(path(changes(database, register, run, place, begin, end), end))
