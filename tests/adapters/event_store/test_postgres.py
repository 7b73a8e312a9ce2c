"""What only the log in PostgreSQL has: a server that may go away, and tables that may be another program's."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from depot_sim.adapters.event_store import open_event_store, postgres, read_event_log
from depot_sim.adapters.event_store.postgres_arrays import BigintArray, ByteaArray, TextArray, register
from depot_sim.domain.kernel.errors import StoreError, StoreTooNew, StoreUnreadable
from tests.adapters.event_store.samples import write
from tests.patience import patient


def execute(url: str, statement: bytes) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def tables(url: str) -> list[tuple[Any, ...]]:
    return execute(url, b"SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1")


@pytest.mark.parametrize("schema", [b"CREATE TABLE events (id int)", b"CREATE TABLE store_info (schema_version text)"])
def test_a_database_with_tables_of_another_program_is_refused_and_left_alone(postgres_url: str, schema: bytes) -> None:
    execute(postgres_url, schema)
    before = tables(postgres_url)
    with pytest.raises(StoreUnreadable) as refused:
        open_event_store(postgres_url)
    assert refused.value.hint
    assert tables(postgres_url) == before


def test_a_store_of_a_newer_version_is_refused(postgres_url: str) -> None:
    open_event_store(postgres_url).close()
    execute(postgres_url, b"UPDATE store_info SET schema_version = 99")
    with pytest.raises(StoreTooNew) as refused:
        open_event_store(postgres_url)
    assert "99" in refused.value.detail


def test_a_store_of_an_older_version_gets_the_functions_of_this_one(postgres_url: str) -> None:
    open_event_store(postgres_url).close()
    (body,) = execute(postgres_url, b"SELECT prosrc FROM pg_proc WHERE proname = 'append_events'")
    older = (
        b"DO $do$ BEGIN EXECUTE replace(pg_get_functiondef('append_events'::regproc), 'greatest(', 'least('); END $do$"
    )
    execute(postgres_url, older)
    assert execute(postgres_url, b"SELECT prosrc FROM pg_proc WHERE proname = 'append_events'") != [body]
    open_event_store(postgres_url).close()
    assert execute(postgres_url, b"SELECT prosrc FROM pg_proc WHERE proname = 'append_events'") == [body]


def test_a_reader_makes_no_tables_and_writes_nothing(postgres_url: str) -> None:
    with pytest.raises(StoreError, match="no event store"), read_event_log(postgres_url):
        pass
    assert tables(postgres_url) == []
    with open_event_store(postgres_url) as store:
        store.log.append(write("run-1", 0, 1))
    with read_event_log(postgres_url) as log:
        assert log.head() == 1
        assert log.wait_beyond(0, 30)
        with pytest.raises(StoreError, match="read-only"):
            log.append(write("run-1", 1, 2))


def test_a_server_that_cannot_be_reached_is_a_store_error_without_the_password() -> None:
    with pytest.raises(StoreError) as refused:
        open_event_store("postgresql://me:secret@127.0.0.1:1/db")
    assert "secret" not in str(refused.value)


def test_processes_that_open_a_new_store_at_once_all_succeed(postgres_url: str) -> None:
    versions: list[int] = []

    def use(stream: str) -> None:
        with open_event_store(postgres_url) as store:
            store.log.append(write(stream, 0, 1))
            versions.append(store.log.stream_version(stream))

    threads = [threading.Thread(target=use, args=(f"run-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert versions == [1] * 4


def test_an_append_whose_connection_dies_is_an_error_and_not_repeated(postgres_url: str) -> None:
    with open_event_store(postgres_url) as store, psycopg.connect(postgres_url) as blocker:
        store.log.append(write("run-1", 0, 1))
        blocker.execute(b"SELECT pg_advisory_xact_lock(hashtextextended('depot-sim events', 0))")
        failures: list[StoreError] = []

        def save() -> None:
            try:
                store.log.append(write("run-1", 1, 2))
            except StoreError as error:
                failures.append(error)

        saver = threading.Thread(target=save)
        saver.start()
        while not execute(postgres_url, _TERMINATE_WAITING):
            pass
        saver.join(patient(60))
        blocker.rollback()
        (failure,) = failures
        assert "may have been written or not" in failure.detail
        assert store.log.stream_version("run-1") == 1
        store.log.append(write("run-1", 1, 2))


_TERMINATE_WAITING = b"""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event = 'advisory'"""


def test_reads_and_waits_go_on_when_the_server_closes_every_connection(postgres_url: str) -> None:
    with open_event_store(postgres_url) as store:
        position = store.log.append(write("run-1", 0, 1))[-1]
        assert not store.log.wait_beyond(position, 0.05)
        execute(
            postgres_url,
            b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            b" WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        assert store.log.head() == position
        with open_event_store(postgres_url) as other:
            other.log.append(write("run-1", 1, 2))
        assert store.log.wait_beyond(position, patient(60))


def test_a_commit_without_a_notification_is_found_by_the_heartbeat(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "HEARTBEAT_SECONDS", 0.02)
    with open_event_store(postgres_url) as store:
        assert not store.log.wait_beyond(0, 0.05)
        execute(postgres_url, b"INSERT INTO events VALUES (DEFAULT, 'run-1', 1, 'topic', '', 0, '')")
        assert store.log.wait_beyond(0, patient(60))


def test_what_postgres_refuses_is_said_to_be_unwritten(postgres_url: str) -> None:
    with open_event_store(postgres_url) as store:
        with pytest.raises(StoreError, match="nothing was written"):
            store.log.append(write("run\0with-nul", 0, 1))
        assert store.log.head() == 0


def test_streams_compare_by_bytes_as_in_sqlite(postgres_url: str) -> None:
    with open_event_store(postgres_url) as store:
        store.log.append(write("Run-ä", 0, 1))
        assert store.log.stream_version("run-ä") == 0
        assert store.log.stream_version("Run-ä") == 1


def test_the_weaker_durability_is_the_sessions(postgres_url: str) -> None:
    with open_event_store(f"{postgres_url}&durability=may_lose_last_commits") as store:
        assert store.log.datastore.fetch(b"SHOW synchronous_commit") == [("off",)]  # type: ignore[attr-defined]


def test_arrays_arrive_as_they_were(postgres_url: str) -> None:
    texts, blobs, numbers = ["", "a", 'Bäume, "quoted" {}'], [b"", b"\0\xff"], [0, -1, 2**62]
    with psycopg.connect(postgres_url) as connection:
        register(connection)
        for sent, expected in (
            (TextArray.of(texts), texts),
            (ByteaArray.of(blobs), blobs),
            (BigintArray.of(numbers), numbers),
            (TextArray.of([]), []),
            (BigintArray.of([]), []),
        ):
            row = connection.execute("SELECT %b", (sent,)).fetchone()
            assert row == (expected,)
