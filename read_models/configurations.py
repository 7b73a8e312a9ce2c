"""Read model `configurations`: every configuration with its versions; the documents stay in the log."""

from __future__ import annotations

from typing import Any

import msgspec

from depot_sim.read_models.database import Database
from depot_sim.read_models.paging import NEWEST, check_limit
from depot_sim.read_models.schema import ReadModel, Table, Type

CONFIGURATIONS = Table(
    "configurations",
    {
        "configuration_id": Type.TEXT,
        "position": Type.INTEGER,
        "name": Type.TEXT,
        "version": Type.INTEGER,
        "archived": Type.INTEGER,
        "created_at": Type.INTEGER,
        "updated_at": Type.INTEGER,
    },
    key=("configuration_id",),
    indices=(("position",),),
)

VERSIONS = Table(
    "configuration_versions",
    {
        "configuration_id": Type.TEXT,
        "version": Type.INTEGER,
        "name": Type.TEXT,
        "sha256": Type.TEXT,
        "recorded_at": Type.INTEGER,
    },
    key=("configuration_id", "version"),
)

MODEL = ReadModel("configurations", 1, (CONFIGURATIONS, VERSIONS))

_SELECT = f"SELECT {', '.join(CONFIGURATIONS.columns)} FROM configurations"
_VERSIONS = """
    SELECT version, name, sha256, recorded_at FROM configuration_versions WHERE configuration_id = ? ORDER BY version"""


class Configuration(msgspec.Struct):
    """`version` is the newest; times are wall time in µs since 1970; `position` is where it was created in the log."""

    configuration_id: str
    position: int
    name: str
    version: int
    archived: bool
    created_at: int
    updated_at: int


class ConfigurationVersion(msgspec.Struct):
    """`sha256` is that of the document's JSON."""

    version: int
    name: str
    sha256: str
    recorded_at: int


class ConfigurationPage(msgspec.Struct):
    """`next_before` asks for the following page; None at the end."""

    configurations: list[Configuration]
    next_before: int | None


def get_configuration(database: Database, configuration_id: str) -> Configuration | None:
    rows = database.query(f"{_SELECT} WHERE configuration_id = ?", (configuration_id,))
    return _configuration(*rows[0]) if rows else None


def list_versions(database: Database, configuration_id: str) -> list[ConfigurationVersion]:
    """The oldest first; empty when there is no such configuration."""
    return [ConfigurationVersion(*row) for row in database.query(_VERSIONS, (configuration_id,))]


def list_configurations(
    database: Database, *, archived: bool | None = None, before: int = NEWEST, limit: int = 100
) -> ConfigurationPage:
    """The newest first, those created before a position. Raises QueryRefused for a bad limit."""
    check_limit(limit)
    condition, parameters = ("", [before]) if archived is None else (" AND archived = ?", [before, int(archived)])
    sql = f"{_SELECT} WHERE position < ?{condition} ORDER BY position DESC LIMIT ?"
    found = [_configuration(*row) for row in database.query(sql, [*parameters, limit + 1])]
    page = found[:limit]
    return ConfigurationPage(page, page[-1].position if len(found) > limit else None)


def _configuration(*columns: Any) -> Configuration:
    configuration = Configuration(*columns)
    configuration.archived = bool(configuration.archived)
    return configuration
