"""Rows of the registers of read model `power`, as changes of a register along a stretch of time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from depot_sim.read_models import power
from depot_sim.read_models.database import Database
from depot_sim.read_models.registers import Change

_CHUNK = 2_000

_OLDER = "WHERE run = ? AND place = ? AND at <= ? ORDER BY at DESC, position DESC LIMIT 1"
_NEWER = "WHERE run = ? AND place = ? AND (at, position) > (?, ?) ORDER BY at, position LIMIT ?"
_AT_REST = (0, 0, 0, 0, 0)


class Register(NamedTuple):
    """A register in a table: SQL for how fast it grows from a row on (W), and for where it stands there (mJ)."""

    table: str
    power: str = "power_w"
    energy: str = "energy_mj"


EXPORTED = Register(power.NODES.name, "CASE WHEN power_w < 0 THEN -power_w ELSE 0 END", "exported_mj")
"""What a node has given to the node above it, or to the grid."""


def changes(database: Database, register: Register, run: int, place: int, begin: int, end: int) -> Iterator[Change]:
    """The newest change up to `begin`, and all from there up to the first at or beyond `end`."""
    select = f"SELECT at, bend_ms, {register.power}, {register.energy}, position FROM {register.table}"
    rows = database.query(f"{select} {_OLDER}", (run, place, begin)) or [_AT_REST]
    while rows:
        for row in rows:
            yield Change(*row[:4])
            if row[0] >= end:
                return
        at, *_, position = rows[-1]
        rows = database.query(f"{select} {_NEWER}", (run, place, at, position, _CHUNK))
