"""The pool of connections to SQLite: who waits for whom, and which connections stay open."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import ExitStack

import pytest

from depot_sim.adapters.event_store.connection_pool import MAX_IDLE, MAX_IN_USE, ConnectionPool
from depot_sim.domain.kernel.errors import StoreError
from tests.patience import patient

SHORT = 0.01
"""Seconds after which a wait that cannot end is given up."""


class Connections:
    """What a pool has opened, and an error to raise instead of opening one."""

    def __init__(self) -> None:
        self.opened: list[sqlite3.Connection] = []
        self.error: sqlite3.Error | None = None

    def connect(self) -> sqlite3.Connection:
        if self.error is not None:
            raise self.error
        self.opened.append(sqlite3.connect(":memory:", check_same_thread=False))
        return self.opened[-1]

    def pool(self, *, exclusive: bool = False, wait_seconds: float = SHORT) -> ConnectionPool:
        return ConnectionPool(self.connect, exclusive=exclusive, wait_seconds=wait_seconds)

    def count_open(self) -> int:
        return sum(map(_is_open, self.opened))


def _is_open(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return False
    return True


@pytest.fixture
def connections() -> Connections:
    return Connections()


def test_a_connection_is_used_again_by_readers_and_writers(connections: Connections) -> None:
    pool = connections.pool()
    for is_writer in (False, True, True, False):
        with pool.connection(is_writer=is_writer):
            pass
    assert len(connections.opened) == 1
    pool.close()


@pytest.mark.parametrize("is_writer", [True, False])
def test_an_exclusive_pool_serves_a_writer_or_readers(connections: Connections, is_writer: bool) -> None:
    pool = connections.pool(exclusive=True)
    with (
        pool.connection(is_writer=is_writer),
        pytest.raises(StoreError, match="too busy"),
        pool.connection(is_writer=not is_writer),
    ):
        pass
    with pool.connection(is_writer=not is_writer):
        pass
    pool.close()


def test_other_pools_serve_readers_while_one_writes(connections: Connections) -> None:
    pool = connections.pool()
    with pool.connection(is_writer=True) as writing, pool.connection(is_writer=False) as reading:
        assert reading is not writing
    pool.close()


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_writer_waits_for_the_one_before(connections: Connections, exclusive: bool) -> None:
    pool = connections.pool(exclusive=exclusive, wait_seconds=patient(60))
    order: list[str] = []

    def write() -> None:
        with pool.connection(is_writer=True):
            order.append("second")

    with pool.connection(is_writer=True):
        second = threading.Thread(target=write)
        second.start()
        order.append("first")
    second.join(patient(60))
    assert order == ["first", "second"]
    pool.close()


def test_the_number_of_connections_in_use_and_of_those_kept_is_limited(connections: Connections) -> None:
    pool = connections.pool()
    with ExitStack() as users:
        for _ in range(MAX_IN_USE):
            users.enter_context(pool.connection(is_writer=False))
        with pytest.raises(StoreError, match="too busy"), pool.connection(is_writer=False):
            pass
    assert (len(connections.opened), connections.count_open()) == (MAX_IN_USE, MAX_IDLE)
    pool.close()
    assert connections.count_open() == 0


@pytest.mark.parametrize("is_writer", [True, False])
def test_a_connection_that_cannot_be_opened_takes_no_place(connections: Connections, is_writer: bool) -> None:
    pool = connections.pool(exclusive=True)
    connections.error = sqlite3.OperationalError("unable to open database file")
    for _ in range(MAX_IN_USE + 1):
        with pytest.raises(sqlite3.OperationalError), pool.connection(is_writer=is_writer):
            pass
    connections.error = None
    for then_writes in (True, False):
        with pool.connection(is_writer=then_writes):
            pass
    pool.close()


def test_a_closed_pool_refuses_users_and_may_be_closed_again(connections: Connections) -> None:
    pool = connections.pool()
    with pool.connection(is_writer=False):
        pass
    pool.close()
    pool.close()
    assert connections.count_open() == 0
    with pytest.raises(StoreError, match="closed"), pool.connection(is_writer=False):
        pass


def test_a_connection_that_is_used_when_the_pool_is_closed_is_closed_by_its_user(connections: Connections) -> None:
    pool = connections.pool()
    with pool.connection(is_writer=False) as connection:
        pool.close()
        assert _is_open(connection)
    assert not _is_open(connection)


def test_readers_and_writers_of_many_threads_never_meet_in_an_exclusive_pool(connections: Connections) -> None:
    pool = connections.pool(exclusive=True, wait_seconds=patient(60))
    inside: list[bool] = []
    met: list[list[bool]] = []

    def use(is_writer: bool) -> None:
        for _ in range(50):
            with pool.connection(is_writer=is_writer):
                inside.append(is_writer)
                present = list(inside)
                if True in present and len(present) > 1:
                    met.append(present)
                inside.remove(is_writer)

    threads = [threading.Thread(target=use, args=(number % 3 == 0,)) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patient(60))
    assert not any(thread.is_alive() for thread in threads)
    assert not met
    pool.close()
