"""SQL that both databases share, made from the tables' own description."""

from __future__ import annotations

from collections.abc import Mapping

from depot_sim.read_models.schema import Table, Type

INFO = Table(
    "projection",
    {
        "version": Type.INTEGER,
        "position": Type.INTEGER,
        "origin": Type.INTEGER,
        "updated_at": Type.INTEGER,
    },
    key=("version",),
)
"""One row beside each model's tables: the version of their schema, and how far they have come."""

READ_INFO = "SELECT version, position, origin, updated_at FROM projection"
READ_POSITION = "SELECT position FROM projection"
WRITE_INFO = "UPDATE projection SET position = ?, origin = ?, updated_at = ?"


def columns(table: Table, types: Mapping[Type, str]) -> str:
    return ", ".join(f"{name} {types[type]} NOT NULL" for name, type in table.columns.items())


def primary_key(table: Table) -> str:
    return f"PRIMARY KEY ({', '.join(table.key)})"


def create_indices(table: Table) -> list[str]:
    return [
        f"CREATE INDEX {table.name}_by_{'_'.join(index)} ON {table.name} ({', '.join(index)})"
        for index in table.indices
    ]


def insert(table: Table) -> str:
    return f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({', '.join('?' * len(table.columns))})"


def upsert(table: Table) -> str:
    changed = ", ".join(f"{name} = excluded.{name}" for name in table.columns if name not in table.key)
    return f"{insert(table)} ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {changed}"


def ordered_rows(table: Table) -> str:
    return f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY {', '.join(table.key)}"
