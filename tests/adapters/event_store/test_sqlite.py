"""What only the log in SQLite has: a file that may be damaged, foreign or too new, and its durability."""

from __future__ import annotations

import hashlib
import resource
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from depot_sim.adapters.event_store import open_event_store, sqlite_schema
from depot_sim.adapters.event_store.sqlite import SQLiteEventLog
from depot_sim.adapters.event_store.sqlite_datastore import StoreDatastore
from depot_sim.adapters.event_store.sqlite_errors import commit_error, store_error
from depot_sim.adapters.event_store.url import Durability
from depot_sim.domain.kernel.errors import StoreError, StoreTooNew, StoreUnreadable, VersionConflict
from tests.adapters.event_store.samples import write
from tests.patience import patient


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def filled(path: Path) -> Path:
    """A store of some hundred pages, closed."""
    with open_event_store(f"sqlite:///{path}") as store:
        for batch in range(20):
            store.log.append(write("run-1", batch * 100, *range(100)))
    return path


def digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def refuses(path: Path, error: type[StoreError]) -> str:
    """Opening fails with `error`, a hint, and not a byte changed; returns the detail."""
    before = digests(path.parent)
    with pytest.raises(error) as refused:
        open_event_store(f"sqlite:///{path}")
    assert refused.value.hint
    assert digests(path.parent) == before
    return refused.value.detail


@pytest.mark.parametrize("part", [0.999, 0.5, 0.01])
def test_a_truncated_file_is_refused_and_left_alone(filled: Path, part: float) -> None:
    content = filled.read_bytes()
    filled.write_bytes(content[: int(len(content) * part)])
    assert "truncated" in refuses(filled, StoreUnreadable)


def test_a_file_shorter_than_a_header_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0")
    assert "truncated" in refuses(path, StoreUnreadable)


@pytest.mark.parametrize("offset", [4096, 40960])
def test_a_file_with_damaged_pages_is_refused_and_left_alone(filled: Path, offset: int) -> None:
    content = bytearray(filled.read_bytes())
    content[offset : offset + 4096] = b"\xa5" * 4096
    filled.write_bytes(content)
    assert "damaged" in refuses(filled, StoreUnreadable)


def test_a_file_of_another_kind_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("block,vehicle\n1,42\n")
    assert "not an SQLite database" in refuses(path, StoreUnreadable)


@pytest.mark.parametrize(
    "schema", ["CREATE TABLE songs (title TEXT)", "CREATE TABLE store_info (schema_version TEXT, owner TEXT)"]
)
def test_a_database_of_another_program_is_refused_and_left_alone(path: Path, schema: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(schema)
    assert "another program" in refuses(path, StoreUnreadable)


def test_a_store_of_a_newer_version_is_refused_and_left_alone(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as connection, connection:
        connection.execute("UPDATE store_info SET schema_version = 99")
    assert "99" in refuses(filled, StoreTooNew)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnreadable):
        open_event_store(f"sqlite:///{tmp_path}")


def test_a_file_in_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnreadable) as refused:
        open_event_store(f"sqlite:///{tmp_path / 'nowhere' / 'store.db'}")
    assert "folder" in refused.value.hint


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    with open_event_store(f"sqlite:///{path}") as store:
        store.log.append(write("run-1", 0, 1))


def test_damage_met_while_reading_is_a_store_error(filled: Path) -> None:
    with open_event_store(f"sqlite:///{filled}") as store:
        with filled.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (filled.stat().st_size - 4096))
        with pytest.raises(StoreUnreadable):
            store.log.read_all(0, 10_000)


@pytest.mark.parametrize(("durability", "synchronous"), [("durable", 2), ("may_lose_last_commits", 1)])
def test_every_connection_has_the_durability_asked_for(path: Path, durability: str, synchronous: int) -> None:
    with open_event_store(f"sqlite:///{path}?durability={durability}") as store:
        log = store.log
        assert isinstance(log, SQLiteEventLog)
        with log.datastore.writing() as cursor:
            assert cursor.execute("PRAGMA synchronous").fetchone() == (synchronous,)
            assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_positions_survive_a_vacuum(filled: Path) -> None:
    with open_event_store(f"sqlite:///{filled}") as store:
        before = store.log.read_all(0, 10)
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute("VACUUM")
    with open_event_store(f"sqlite:///{filled}") as store:
        assert store.log.read_all(0, 10) == before


def test_stores_in_memory_are_apart() -> None:
    with open_event_store("memory:") as first, open_event_store("sqlite://") as second:
        first.log.append(write("run-1", 0, 1))
        assert second.log.head() == 0


def test_a_failed_transaction_leaves_no_lock_behind(path: Path) -> None:
    with open_event_store(f"sqlite:///{path}") as store:
        log = store.log
        assert isinstance(log, SQLiteEventLog)
        with pytest.raises(ZeroDivisionError), log.datastore.writing():
            _ = 1 // 0
        writer = threading.Thread(target=log.append, args=(write("run-1", 0, 1),))
        writer.start()
        writer.join(patient(60))
        assert log.head() == 1


def test_a_connection_that_cannot_be_made_keeps_nobody_waiting(tmp_path: Path) -> None:
    datastore = StoreDatastore(tmp_path / "later" / "store.db", Durability.DURABLE)
    for _ in range(2):
        with pytest.raises(StoreUnreadable), datastore.writing():
            pass
        with pytest.raises(StoreUnreadable):
            datastore.fetch("SELECT 1")
    (tmp_path / "later").mkdir()
    with datastore.writing() as cursor:
        assert cursor.execute("SELECT 1").fetchone() == (1,)
    datastore.close()


def test_readers_pass_a_writer_that_waits_for_another(filled: Path) -> None:
    with open_event_store(f"sqlite:///{filled}") as store:
        log = store.log
        assert isinstance(log, SQLiteEventLog)
        with log.datastore.writing():
            waiting = threading.Thread(target=log.append, args=(write("run-2", 0, 1),))
            waiting.start()
            assert [log.head() for _ in range(100)] == [2000] * 100
            assert waiting.is_alive()
        waiting.join(patient(60))
        assert log.head() == 2001


def test_a_full_disk_refuses_an_append_whole_and_the_log_goes_on(path: Path) -> None:
    with open_event_store(f"sqlite:///{path}") as store:
        log = store.log
        assert isinstance(log, SQLiteEventLog)
        with log.datastore.writing() as cursor:
            ((pages,),) = cursor.execute("PRAGMA page_count").fetchall()
            cursor.execute(f"PRAGMA max_page_count = {pages + 4}")
        with pytest.raises(StoreError, match="nothing was written"):
            log.append(write("run-1", 0, *range(1000)))
        assert log.head() == 0
        log.append(write("run-1", 0, 1))


def test_a_reading_transaction_changes_nothing(filled: Path) -> None:
    datastore = StoreDatastore(filled, Durability.DURABLE)
    with datastore.transaction(commit=False) as cursor:
        cursor.execute("DELETE FROM events")
    assert datastore.fetch("SELECT count(*) FROM events") == [(2000,)]
    datastore.close()


def test_a_large_file_is_opened_without_a_look_at_every_page(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_schema, "_FULL_CHECK_BYTES", 0)
    with open_event_store(f"sqlite:///{filled}") as store:
        assert store.log.head() == 2000


ERRORS = [
    (sqlite3.SQLITE_CORRUPT, StoreUnreadable, "damaged"),
    (sqlite3.SQLITE_CORRUPT | 1 << 8, StoreUnreadable, "damaged"),
    (sqlite3.SQLITE_CANTOPEN, StoreUnreadable, "opened"),
    (sqlite3.SQLITE_READONLY, StoreError, "cannot be written"),
    (sqlite3.SQLITE_FULL, StoreError, "nothing was written"),
    (sqlite3.SQLITE_IOERR, StoreError, "nothing was written"),
    (sqlite3.SQLITE_BUSY, StoreError, "another process"),
    (sqlite3.SQLITE_MISUSE, StoreError, "failed"),
]


@pytest.mark.parametrize(("code", "kind", "detail"), ERRORS)
def test_every_error_of_the_driver_says_what_to_do(code: int, kind: type[StoreError], detail: str) -> None:
    error = sqlite3.OperationalError("as SQLite says it")
    error.sqlite_errorcode = code
    translated = store_error(error)
    assert type(translated) is kind
    assert detail in translated.detail
    assert translated.hint


COMMIT_ERRORS = [
    (sqlite3.SQLITE_FULL, "nothing was written"),
    (sqlite3.SQLITE_IOERR, "unknown"),
    (sqlite3.SQLITE_IOERR_FSYNC, "unknown"),
    (sqlite3.SQLITE_IOERR_WRITE, "unknown"),
]


@pytest.mark.parametrize(("code", "outcome"), COMMIT_ERRORS)
def test_an_error_at_the_commit_claims_only_what_is_known(code: int, outcome: str) -> None:
    error = sqlite3.OperationalError("as SQLite says it")
    error.sqlite_errorcode = code
    translated = commit_error(error)
    assert outcome in translated.detail
    assert ("nothing was written" in translated.detail) == (outcome != "unknown")
    assert translated.hint


def test_a_write_that_the_disk_refuses_at_the_commit_has_an_unknown_outcome_and_the_log_goes_on(path: Path) -> None:
    with open_event_store(f"sqlite:///{path}") as store:
        store.log.append(write("run-1", 0, 1))
        log_size = path.with_name("store.db-wal").stat().st_size
        with largest_file(log_size), pytest.raises(StoreError, match="unknown"):
            store.log.append(write("run-1", 1, *range(1000)))
        version = store.log.stream_version("run-1")
        store.log.append(write("run-1", version, 2))
    with open_event_store(f"sqlite:///{path}") as store:
        assert store.log.stream_version("run-1") == version + 1


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Writes beyond `size` bytes of a file fail with EFBIG, which SQLite reports as an I/O error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_closing_waits_for_what_is_under_way(path: Path) -> None:
    """A connection that is closed beneath a statement would take the whole process along."""
    store = open_event_store(f"sqlite:///{path}")
    assert isinstance(store.log, SQLiteEventLog)
    datastore = store.log.datastore
    inside, closed = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with datastore.writing():
            inside.set()
            assert not closed.wait(0.2)

    def close() -> None:
        store.close()
        closed.set()

    writer, closer = threading.Thread(target=write_slowly), threading.Thread(target=close)
    writer.start()
    inside.wait()
    closer.start()
    writer.join()
    closer.join()
    assert closed.is_set()
    with pytest.raises(StoreError, match="closed"):
        store.log.head()


@pytest.mark.parametrize("name", ["a\0b", 'q"\\u0000', "ü\u2028"])
def test_a_stream_of_any_name_conflicts_with_nobody_but_itself(name: str) -> None:
    with open_event_store("memory:") as store:
        store.log.append(write("a", 0, 1))
        store.log.append(write(name, 0, 1))
        store.log.append(write(name, 1, 2))
        with pytest.raises(VersionConflict):
            store.log.append(write(name, 1, 3))
        assert (store.log.stream_version(name), store.log.stream_version("a")) == (2, 1)
