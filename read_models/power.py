"""Read model `power`: the energy registers of a run's connectors and nodes, and power history computed from them.

A register is a chain of straight lines. A row says: at `at` the register stood at `energy_mj`, and from there on it
grows by `power_w` mJ per ms. The line of the row before holds until `bend_ms` earlier; how the register went in
between (inside one tick) is not recorded, only where it came out.
"""

from __future__ import annotations

from depot_sim.read_models.schema import ReadModel, Table, Type

RUNS = Table(
    "power_runs",
    {"run_id": Type.TEXT, "run": Type.INTEGER, "tick_ms": Type.INTEGER, "at": Type.INTEGER},
    key=("run_id",),
)
"""`run` numbers runs by the position of their start; `at` is the end of the newest tick."""

ENTITIES = Table(
    "power_entities",
    {
        "run": Type.INTEGER,
        "kind": Type.TEXT,
        "id": Type.TEXT,
        "registers": Type.TEXT,
        "place": Type.INTEGER,
    },
    key=("run", "kind", "id", "registers", "place"),
)
"""Which registers make up a node, connector, charger or scope: a table below and a place in the document's order."""


def _registers(name: str, *further: str) -> Table:
    columns = ("run", "place", "at", "position", "bend_ms", "power_w", "energy_mj", *further)
    types = dict.fromkeys(columns, Type.INTEGER)
    return Table(name, types, key=("run", "place", "at", "position"), append_only=True)


CONNECTORS = _registers("power_connectors")
NODES = _registers("power_nodes", "exported_mj")
"""`energy_mj` is net. `exported_mj` is what flowed out: from a row on it grows by what `power_w` is below zero."""

MODEL = ReadModel("power", 2, (RUNS, ENTITIES, CONNECTORS, NODES))
