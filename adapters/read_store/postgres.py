"""Read models in PostgreSQL: a schema per model, and a second one while it is being rebuilt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from depot_sim.adapters.read_store.postgres_build import Connection, PostgresBuild, PostgresTransaction, translated
from depot_sim.domain.kernel.errors import Conflict, StoreError
from depot_sim.read_models.schema import ReadModel, Table
from depot_sim.read_models.store import Mark, Stored

CONNECT_SECONDS = 10
IDLE_IN_TRANSACTION_SECONDS = 10
"""A frozen projector keeps the others waiting no longer than this."""

_MOST_CONNECTIONS = 16
_POOL_SECONDS = 30
_LOCK_IN_TRANSACTION = b"SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_LOCK = b"SELECT pg_advisory_lock(hashtextextended(%s, 0))"
_TRY_LOCK = b"SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
_UNLOCK = b"SELECT pg_advisory_unlock(hashtextextended(%s, 0))"


class PostgresReadStore:
    """Queries share a pool of connections whose search path is the live schemas."""

    def __init__(self, models: Iterable[ReadModel], conninfo: str) -> None:
        named = {model.name: model for model in models}
        with translated_errors():
            self._parameters = _parameters(conninfo, [live_build(model).schema for model in named.values()])
            with closing(self._connect()) as connection:
                for model in named.values():
                    _create(connection, model)
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            kwargs={**self._parameters, "autocommit": True},
            min_size=1,
            max_size=_MOST_CONNECTIONS,
            timeout=_POOL_SECONDS,
            check=ConnectionPool.check_connection,  # the server may have been restarted
            open=True,
        )
        self._models = {name: PostgresModelStore(model, self._pool, self._connect) for name, model in named.items()}

    def __getitem__(self, model: ReadModel) -> PostgresModelStore:
        return self._models[model.name]

    def close(self) -> None:
        self._pool.close()

    def _connect(self) -> Connection:
        """A connection of its own, for who keeps it long."""
        return psycopg.connect(autocommit=True, **self._parameters)


class PostgresModelStore:
    """The live build is the schema of the model's name; a swap renames, within one transaction."""

    def __init__(self, model: ReadModel, pool: ConnectionPool[Connection], connect: Callable[[], Connection]) -> None:
        self.model = model
        self._pool = pool
        self._connect = connect
        self._build = live_build(model)

    def database(self) -> PostgresModelStore:
        return self

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with translated_errors(self.model), self._pool.connection() as connection:
            return connection.execute(translated(sql), parameters).fetchall()

    def stored(self) -> Stored:
        with translated_errors(), self._pool.connection() as connection:
            return self._build.stored(connection)

    @contextmanager
    def advance(self, position: int, to: Mark) -> Iterator[PostgresTransaction]:
        with translated_errors(self.model), self._pool.connection() as connection, connection.transaction():
            # First of all: only then do the names mean what is live after a swap that this waited for.
            connection.execute(_LOCK_IN_TRANSACTION, (_writing(self.model),))
            if self._build.stored(connection).version != self.model.version:
                raise outdated(self.model)
            with self._build.advance(connection, position, to) as transaction:
                yield transaction

    def rows(self, table: Table) -> Iterator[Sequence[tuple[Any, ...]]]:
        with translated_errors(self.model), self._pool.connection() as connection:
            yield from self._build.rows(connection, table)

    @contextmanager
    def shadow(self) -> Iterator[PostgresShadow]:
        with translated_errors(), closing(self._connect()) as connection:
            lock = (f"depot-sim rebuild {self.model.name}",)
            (free,) = connection.execute(_TRY_LOCK, lock).fetchone() or (False,)
            if not free:
                raise Conflict(f"read model {self.model.name} is being rebuilt already", "wait until that is done")
            shadow = PostgresShadow(self.model, connection)
            try:
                shadow.create()
                yield shadow
            finally:
                shadow.drop()
                connection.execute(_UNLOCK, lock)  # the server lets go of a closed connection's only some time later


class PostgresShadow:
    """A build that is not live yet, filled over a connection of its own."""

    def __init__(self, model: ReadModel, connection: Connection) -> None:
        self._model = model
        self._connection = connection
        self._live = live_build(model)
        self._build = PostgresBuild(f"{self._live.schema}_shadow")

    def create(self) -> None:
        self.drop()
        self._build.create(self._connection, self._model, bulk=True)

    def advance(self, position: int, to: Mark) -> AbstractContextManager[PostgresTransaction]:
        return self._build.advance(self._connection, position, to)

    def rows(self, table: Table) -> Iterator[Sequence[tuple[Any, ...]]]:
        return self._build.rows(self._connection, table)

    def finish(self) -> None:
        self._build.index(self._connection, self._model, bulk=True)

    @contextmanager
    def hold_live(self) -> Iterator[Stored | None]:
        self._connection.execute(_LOCK, (_writing(self._model),))
        try:
            stored = self._live.stored(self._connection)
            yield stored if stored.version == self._model.version else None
        finally:
            with suppress(psycopg.Error):  # a lost connection has let go already
                self._connection.execute(_UNLOCK, (_writing(self._model),))

    def swap(self) -> None:
        with self._connection.transaction():
            if _exists(self._connection, self._live.schema):
                self._rename(self._live.schema, self._old)
            self._rename(self._build.schema, self._live.schema)

    def drop(self) -> None:
        """What is not live: the build before, or one whose process was killed."""
        for schema in (self._build.schema, self._old):
            self._connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(schema)))

    @property
    def _old(self) -> str:
        return f"{self._live.schema}_old"

    def _rename(self, schema: str, name: str) -> None:
        self._connection.execute(SQL("ALTER SCHEMA {} RENAME TO {}").format(Identifier(schema), Identifier(name)))


@contextmanager
def translated_errors(model: ReadModel | None = None) -> Iterator[None]:
    """With a model, tables that are missing or other than expected mean that it is of another version."""
    try:
        yield
    except (PoolClosed, PoolTimeout) as error:
        raise StoreError(f"no connection to PostgreSQL: {error}", "check the server, then try again") from error
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise (_failed(error) if model is None else outdated(model)) from error
    except psycopg.Error as error:
        raise _failed(error) from error


def outdated(model: ReadModel) -> StoreError:
    return StoreError(
        f"the tables of read model {model.name} are not of this version", "wait until the service has rebuilt them"
    )


def _failed(error: psycopg.Error) -> StoreError:
    reason = str(error).partition("\n")[0]
    if error.sqlstate is None or error.sqlstate.startswith(("08", "57P")):
        return StoreError(f"the connection to PostgreSQL failed: {reason}", "check the server, then try again")
    return StoreError(f"a read model failed: {reason}", "see read-models status and the server's log")


def connect(conninfo: str) -> Connection:
    """A connection of its own, in autocommit. Raises psycopg.Error."""
    return psycopg.connect(autocommit=True, **_parameters(conninfo, []))


def live_build(model: ReadModel) -> PostgresBuild:
    return PostgresBuild(f"rm_{model.name}")


def _create(connection: Connection, model: ReadModel) -> None:
    """Empty tables, unless there are any."""
    build = live_build(model)
    with connection.transaction():
        connection.execute(_LOCK_IN_TRANSACTION, (_writing(model),))
        if not _exists(connection, build.schema):
            build.create(connection, model, bulk=False)
            build.index(connection, model, bulk=False)


def _exists(connection: Connection, schema: str) -> bool:
    found = connection.execute(b"SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone()
    return found is not None


def _writing(model: ReadModel) -> str:
    return f"depot-sim read model {model.name}"


def _parameters(conninfo: str, schemas: Sequence[str]) -> dict[str, Any]:
    parameters: dict[str, Any] = conninfo_to_dict(conninfo)
    parameters.setdefault("connect_timeout", CONNECT_SECONDS)
    parameters.setdefault("application_name", "depot-sim")
    # Derived data: a crash of the server may take the last transactions, the projector writes them again.
    parameters["options"] = " ".join(
        (
            parameters.get("options", ""),
            f"-c search_path={','.join(schemas)}",
            "-c synchronous_commit=off",
            f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_SECONDS}s",
        )
    )
    return parameters
