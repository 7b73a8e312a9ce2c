"""SQL that both databases share, up to the sign for a parameter: reading pages of the log and snapshots."""

from __future__ import annotations

from typing import Any

from depot_sim.application.event_log import Filter

COLUMNS = "position, stream, version, topic, state, recorded_at, metadata"

Query = tuple[str, list[Any]]


def select_stream(stream: str, after: int, upto: int | None, limit: int | None, newest_first: bool) -> Query:
    conditions = ["stream = ?", "version > ?"]
    parameters: list[Any] = [stream, after]
    if upto is not None:
        conditions.append("version <= ?")
        parameters.append(upto)
    return _select(conditions, parameters, f"version {_direction(newest_first)}", limit)


def select_log(
    after: int, limit: int, where: Filter, upto: int | None, newest_first: bool, *, stream_column: str = "stream"
) -> Query:
    """`stream_column` names the column as the planner shall see it."""
    conditions = ["position > ?"]
    parameters: list[Any] = [after]
    if upto is not None:
        conditions.append("position <= ?")
        parameters.append(upto)
    for alternatives, values in (_streams(where, stream_column), _among("topic", where.topics)):
        if alternatives:
            conditions.append(f"({alternatives})")
            parameters += values
    return _select(conditions, parameters, f"position {_direction(newest_first)}", limit)


def _streams(where: Filter, column: str) -> Query:
    named, values = _among(column, where.streams)
    begins = ["substr(stream, 1, ?) = ?"] * len(where.stream_prefixes)
    for prefix in where.stream_prefixes:
        values += [len(prefix), prefix]
    return " OR ".join([named, *begins] if named else begins), values


def _among(column: str, values: tuple[str, ...]) -> Query:
    return (f"{column} IN ({', '.join('?' * len(values))})" if values else ""), list(values)


def _select(conditions: list[str], parameters: list[Any], order: str, limit: int | None) -> Query:
    sql = f"SELECT {COLUMNS} FROM events WHERE {' AND '.join(conditions)} ORDER BY {order}"
    return (sql, parameters) if limit is None else (f"{sql} LIMIT ?", [*parameters, limit])


def select_snapshot(stream: str, upto_version: int | None, upto_at: int | None) -> Query:
    conditions = ["stream = ?"]
    parameters: list[Any] = [stream]
    for column, bound in (("version", upto_version), ("at", upto_at)):
        if bound is not None:
            conditions.append(f"{column} <= ?")
            parameters.append(bound)
    sql = f"SELECT stream, version, at, state FROM snapshots WHERE {' AND '.join(conditions)}"
    return f"{sql} ORDER BY version DESC LIMIT 1", parameters


def _direction(newest_first: bool) -> str:
    return "DESC" if newest_first else "ASC"
