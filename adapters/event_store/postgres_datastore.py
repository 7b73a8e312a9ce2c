"""Connections to PostgreSQL: the library's pool over any libpq URL, and our errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from eventsourcing.persistence import InterfaceError, OperationalError, PersistenceError
from eventsourcing.postgres import PostgresDatastore
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from depot_sim.adapters.event_store import postgres_arrays
from depot_sim.adapters.event_store.url import EXPECTED, Durability, PostgresUrl
from depot_sim.domain.kernel.errors import Fault, InvalidInput, StoreError

Parameters = Sequence[Any] | Mapping[str, Any]
"""By place or by name."""

CONNECT_SECONDS = 10
IDLE_IN_TRANSACTION_SECONDS = 2.0
"""A frozen process holds its locks no longer than this: below any lease's time to live."""


class StoreDatastore(PostgresDatastore):
    """`fetch` and `call` raise StoreError, never a driver's error."""

    def __init__(self, url: PostgresUrl, *, read_only: bool = False) -> None:
        """With `read_only` the server refuses whatever would write."""
        self.read_only = read_only
        self.parameters = _libpq_parameters(url)
        if read_only:
            _add_option(self.parameters, "-c default_transaction_read_only=on")
        super().__init__(
            *("", "", "", "", ""),  # where and who: libpq's parameters say it
            connect_timeout=CONNECT_SECONDS,
            idle_in_transaction_session_timeout=IDLE_IN_TRANSACTION_SECONDS,
            pool_size=2,
            max_overflow=14,
            originator_id_type="text",
        )
        self.pool.kwargs = dict(self.parameters)

    def after_connect_func(self) -> Callable[[psycopg.Connection[Any]], None]:
        configure = super().after_connect_func()

        def after_connect(connection: psycopg.Connection[Any]) -> None:
            configure(connection)
            postgres_arrays.register(connection)

        return after_connect

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of its own, for who keeps it long."""
        return psycopg.connect(autocommit=True, row_factory=tuple_row, **self.parameters)

    def fetch(self, sql: bytes, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """The rows of one SELECT; asked once more when the connection turns out to be dead."""
        with translated_errors():
            try:
                return self._execute(sql, parameters)
            except (InterfaceError, OperationalError):
                self.pool.check()
                return self._execute(sql, parameters)

    def call(self, sql: bytes, parameters: Parameters) -> list[tuple[Any, ...]]:
        """The rows of one writing statement, a transaction of its own. Never repeated: it may have been committed."""
        try:
            with translated_errors():
                return self._execute(sql, parameters)
        except StoreError:
            self.pool.check()  # the server may have closed the other connections as well
            raise

    def _execute(self, sql: bytes, parameters: Parameters) -> list[tuple[Any, ...]]:
        with self.get_connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            cursor.execute(sql, parameters, prepare=True)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def translated_errors() -> Iterator[None]:
    try:
        yield
    except PersistenceError as error:
        raise store_error(error.__cause__ or error) from error
    except psycopg.Error as error:
        raise store_error(error) from error


def store_error(error: BaseException) -> StoreError:
    if isinstance(error, PoolClosed):
        return StoreError("the event store is closed", "open it again")
    if isinstance(error, (PoolTimeout, TooManyRequests)):
        return StoreError(f"no connection to PostgreSQL: {error}", "check the server, then try again")
    if isinstance(error, psycopg.Error) and _is_answer(error):
        return StoreError(f"PostgreSQL refuses: {_first_line(error)}; nothing was written", "see the server's log")
    if isinstance(error, psycopg.Error) and error.pgconn is not None:  # set when the attempt to connect failed
        hint = "start the server, or check host, port, user and database of the URL"
        return StoreError(f"PostgreSQL cannot be reached: {_first_line(error)}", hint)
    return StoreError(
        f"the connection to PostgreSQL failed: {_first_line(error)}; an append under way may have been written or not",
        "read the stream again before repeating the append",
    )


def _is_answer(error: psycopg.Error) -> bool:
    """Whether the server rolled back and said so, rather than going away (classes 08 and 57P)."""
    return error.sqlstate is not None and not error.sqlstate.startswith(("08", "57P"))


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _libpq_parameters(url: PostgresUrl) -> dict[str, Any]:
    try:
        parameters: dict[str, Any] = conninfo_to_dict(url.conninfo)
    except psycopg.ProgrammingError:
        raise InvalidInput([Fault("", "a parameter that libpq does not know", EXPECTED)]) from None
    parameters.setdefault("connect_timeout", CONNECT_SECONDS)
    parameters.setdefault("application_name", "depot-sim")
    if url.durability is Durability.MAY_LOSE_LAST_COMMITS:
        _add_option(parameters, "-c synchronous_commit=off")
    return parameters


def _add_option(parameters: dict[str, Any], option: str) -> None:
    parameters["options"] = f"{parameters.get('options', '')} {option}".strip()
