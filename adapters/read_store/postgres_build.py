"""One build of a read model in PostgreSQL: a schema with its tables and position."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from depot_sim.adapters.read_store import statements
from depot_sim.read_models.schema import ReadModel, Table, Type
from depot_sim.read_models.store import Mark, Overtaken, Stored

Connection = psycopg.Connection[tuple[Any, ...]]

_CHUNK = 10_000
_TYPES = {Type.INTEGER: "bigint", Type.TEXT: 'text COLLATE "C"'}
_ENTER = b"SELECT set_config('search_path', %s, true)"


def translated(sql: str) -> bytes:
    """The driver's sign for a parameter instead of `?`."""
    return sql.replace("?", "%s").encode()


class PostgresBuild:
    """Works on the connection it is given. Methods raise psycopg.Error."""

    def __init__(self, schema: str) -> None:
        self.schema = schema

    def create(self, connection: Connection, model: ReadModel, *, bulk: bool) -> None:
        """Empty tables; for filling in bulk without the keys of what is only appended to."""
        connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(self.schema)))
        with self.entered(connection):
            for table in (statements.INFO, *model.tables):
                columns = statements.columns(table, _TYPES)
                key = "" if bulk and table.append_only else f", {statements.primary_key(table)}"
                connection.execute(f"CREATE TABLE {table.name} ({columns}{key})".encode())
            connection.execute(translated(statements.insert(statements.INFO)), (model.version, 0, 0, 0))

    def index(self, connection: Connection, model: ReadModel, *, bulk: bool) -> None:
        with self.entered(connection):
            for table in model.tables:
                if bulk and table.append_only:
                    connection.execute(f"ALTER TABLE {table.name} ADD {statements.primary_key(table)}".encode())
                for statement in statements.create_indices(table):
                    connection.execute(statement.encode())
                connection.execute(f"ANALYZE {table.name}".encode())

    def stored(self, connection: Connection) -> Stored:
        """Version 0 when there is nothing that can be read."""
        try:
            with self.entered(connection):
                row = connection.execute(statements.READ_INFO.encode()).fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
            row = None
        version, position, origin, updated_at = row or (0, 0, 0, 0)
        return Stored(version, Mark(position, origin), updated_at)

    @contextmanager
    def advance(self, connection: Connection, position: int, to: Mark) -> Iterator[PostgresTransaction]:
        """Only one at a time: who calls holds the model's lock."""
        with self.entered(connection):
            if connection.execute(statements.READ_POSITION.encode()).fetchone() != (position,):
                raise Overtaken
            yield PostgresTransaction(connection)
            connection.execute(translated(statements.WRITE_INFO), (*to, time.time_ns() // 1000))

    def rows(self, connection: Connection, table: Table) -> Iterator[Sequence[tuple[Any, ...]]]:
        with self.entered(connection), connection.cursor("rows") as cursor:
            cursor.execute(statements.ordered_rows(table).encode())
            while chunk := cursor.fetchmany(_CHUNK):
                yield chunk

    @contextmanager
    def entered(self, connection: Connection) -> Iterator[None]:
        """A transaction in which names of tables mean those of this build."""
        with connection.transaction():
            connection.execute(_ENTER, (self.schema,))
            yield


class PostgresTransaction:
    """What a projector may do inside `advance`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(translated(sql), parameters).fetchall()

    def insert(self, table: Table, rows: Iterable[Sequence[object]]) -> None:
        copy = f"COPY {table.name} ({', '.join(table.columns)}) FROM STDIN".encode()
        with self._connection.cursor() as cursor, cursor.copy(copy) as target:
            for row in rows:
                target.write_row(row)

    def upsert(self, table: Table, rows: Iterable[Sequence[object]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(translated(statements.upsert(table)), rows)
