"""Read models on a server that goes away and comes back."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest

from depot_sim.adapters.read_store import open_read_store
from depot_sim.domain.kernel.errors import StoreError
from depot_sim.read_models.store import Mark, ModelStore
from tests.adapters.read_store.samples import MODEL, NAMES, advance, rows

_CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND datname = current_database()"""


def cut(url: str) -> None:
    """End every other connection to the database, as a restart of the server does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_CUT.encode())


def _advance_and_cut(store: ModelStore, url: str) -> None:
    with store.advance(0, Mark(1, 42)) as transaction:
        transaction.upsert(NAMES, [("a", 1)])
        cut(url)


def test_a_query_survives_the_loss_of_its_connection(postgres_url: str) -> None:
    with closing(open_read_store(postgres_url, [MODEL])) as store:
        advance(store[MODEL], 0, 1, names={"a": 1})
        cut(postgres_url)
        assert store[MODEL].database().query("SELECT name FROM sample_names") == [("a",)]


def test_a_transaction_that_loses_its_connection_is_an_error_and_leaves_nothing(postgres_url: str) -> None:
    with closing(open_read_store(postgres_url, [MODEL])) as store:
        with pytest.raises(StoreError):
            _advance_and_cut(store[MODEL], postgres_url)
        assert store[MODEL].database().query("SELECT name FROM sample_names") == []
        advance(store[MODEL], 0, 1, names={"a": 1})


def test_a_rebuild_that_loses_its_connection_lets_the_next_one_begin(postgres_url: str) -> None:
    with closing(open_read_store(postgres_url, [MODEL])) as store:
        with pytest.raises(StoreError), store[MODEL].shadow():
            cut(postgres_url)
        with store[MODEL].shadow() as shadow, shadow.hold_live():
            shadow.swap()
        assert rows(store[MODEL], NAMES) == []


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(StoreError, match="PostgreSQL"):
        open_read_store("postgresql://nobody@/nothing?host=%2Fnonexistent&connect_timeout=1", [MODEL])
