"""The tables in PostgreSQL and the function that appends to them in one round trip."""

from __future__ import annotations

from typing import Any

import psycopg

from depot_sim.domain.kernel.errors import StoreError, StoreTooNew, StoreUnreadable

SCHEMA_VERSION = 1
CHANNEL = "depot_sim_events"
"""NOTIFY's channel; the payload is the last position committed."""

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('depot-sim schema', 0))"

# Streams compare by bytes whatever the database's collation, as they do in SQLite.
_CREATE_TABLES = (
    "CREATE TABLE store_info (schema_version integer NOT NULL)",
    f"INSERT INTO store_info VALUES ({SCHEMA_VERSION})",
    """CREATE TABLE events (
        position bigserial PRIMARY KEY,
        stream text COLLATE "C" NOT NULL,
        version bigint NOT NULL,
        topic text NOT NULL,
        state bytea NOT NULL,
        recorded_at bigint NOT NULL,
        metadata bytea NOT NULL,
        UNIQUE (stream, version))""",
    """CREATE TABLE snapshots (
        stream text COLLATE "C" NOT NULL,
        version bigint NOT NULL,
        at bigint NOT NULL,
        state bytea NOT NULL,
        PRIMARY KEY (stream, version))""",
    """CREATE TABLE leases (
        run text COLLATE "C" PRIMARY KEY,
        owner text NOT NULL,
        token bigint NOT NULL,
        expires timestamptz NOT NULL,
        retired boolean NOT NULL DEFAULT false)""",
)

# The advisory lock makes the order of positions the order of commits, and unlike a table lock it does not meet
# VACUUM. The share lock on a lease makes a new grant wait for what is written under the old token. What was believed
# and is not so comes back instead of a position, and then nothing is written.
# `recorded_at` is the caller's clock; no event gets an earlier one than the event before it, whatever the clocks of the
# writing processes say.
_CREATE_APPEND = f"""
CREATE OR REPLACE FUNCTION append_events(
    believed_streams text[], believed_versions bigint[], runs text[], tokens bigint[],
    streams text[], versions bigint[], topics text[], states bytea[], metadatas bytea[], recorded_at bigint,
    OUT first bigint, OUT other_streams text[], OUT other_versions bigint[],
    OUT lost_runs text[], OUT lost_tokens bigint[]
) LANGUAGE plpgsql AS $$
DECLARE last bigint; not_before bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('depot-sim events', 0));
    PERFORM 1 FROM leases JOIN unnest(runs, tokens) AS fence (run, token) USING (run, token) FOR SHARE OF leases;
    SELECT array_agg(fence.run), array_agg(fence.token) INTO lost_runs, lost_tokens
        FROM unnest(runs, tokens) AS fence (run, token)
        WHERE NOT EXISTS (SELECT 1 FROM leases WHERE leases.run = fence.run AND leases.token = fence.token);
    SELECT array_agg(stream), array_agg(actual) INTO other_streams, other_versions FROM (
        SELECT stream, believed, coalesce(
            (SELECT max(events.version) FROM events WHERE events.stream = belief.stream COLLATE "C"), 0) AS actual
        FROM unnest(believed_streams, believed_versions) AS belief (stream, believed)) AS look
        WHERE actual <> believed;
    IF lost_runs IS NOT NULL OR other_streams IS NOT NULL THEN RETURN; END IF;
    not_before := (SELECT events.recorded_at FROM events ORDER BY position DESC LIMIT 1);
    WITH written AS (
        INSERT INTO events (stream, version, topic, state, recorded_at, metadata)
        SELECT new.stream, new.version, new.topic, new.state, greatest(append_events.recorded_at, not_before),
            new.metadata
        FROM unnest(streams, versions, topics, states, metadatas) AS new (stream, version, topic, state, metadata)
        RETURNING events.position)
    SELECT min(position), max(position) INTO first, last FROM written;
    IF last IS NOT NULL THEN PERFORM pg_notify('{CHANNEL}', last::text); END IF;
END $$"""


def create_schema(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Create what is missing. Raises StoreTooNew or StoreUnreadable and then changes nothing."""
    with connection.transaction():
        connection.execute(_LOCK)
        if not _has_store(connection):
            for statement in _CREATE_TABLES:
                connection.execute(statement)
        if not _has_append(connection):
            connection.execute(_CREATE_APPEND)


def require_schema(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Raises StoreError when there is no store, StoreTooNew or StoreUnreadable. Changes nothing."""
    if not _has_store(connection):
        raise StoreError(
            "the database holds no event store", "name a database that depot-sim run --db or serve has written to"
        )


def _has_append(connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
    """Whether append_events is there, and not that of an older version."""
    body = _CREATE_APPEND.split("$$")[1]
    found = connection.execute(
        "SELECT prosrc FROM pg_proc WHERE proname = 'append_events' AND pg_function_is_visible(oid)"
    ).fetchall()
    return found == [(body,)]


def _has_store(connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
    info, events = _one(connection, "SELECT to_regclass('store_info'), to_regclass('events')")
    if info is None and events is None:
        return False
    if info is None:
        raise StoreUnreadable("the database has an `events` table of another program", "name another database")
    (version,) = _one(connection, "SELECT max(schema_version) FROM store_info")
    if not isinstance(version, int):
        raise StoreUnreadable("the database has a `store_info` table of another program", "name another database")
    if version > SCHEMA_VERSION:
        raise StoreTooNew(
            f"the database has schema version {version}, this depot-sim knows {SCHEMA_VERSION}",
            "open it with the newer depot-sim",
        )
    return True


def _one(connection: psycopg.Connection[tuple[Any, ...]], sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row
