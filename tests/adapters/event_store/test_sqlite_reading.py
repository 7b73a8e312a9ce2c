"""Reading a SQLite store: beside a writer, after one was killed, and where nothing may be written."""

from __future__ import annotations

import hashlib
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from depot_sim.adapters.event_store import open_event_store, read_event_log
from depot_sim.application.event_log import Snapshot
from depot_sim.domain.kernel.errors import StoreError, StoreUnreadable
from tests.adapters.event_store.samples import write
from tests.patience import patient
from tests.processes import checkout_variables, module_command
from tests.read_only_folder import reachable_folder, reading_only

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder() -> Iterator[Path]:
    with reachable_folder() as made:
        yield made


@pytest.fixture
def path(folder: Path) -> Path:
    """A store with 2,000 events, closed."""
    path = folder / "store.db"
    with open_event_store(f"sqlite:///{path}") as store:
        for batch in range(20):
            store.log.append(write("run-1", batch * 100, *range(100)))
    path.chmod(0o644)
    return path


def contents(folder: Path) -> dict[str, str]:
    """Every file but SQLite's shared memory, in which readers note what they read."""
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if not file.name.endswith("-shm")
    }


def leave_log_behind(path: Path) -> None:
    """A writing process that is killed after its 2,003rd event: the -wal has what the file has not."""
    command = module_command("tests.adapters.event_store.writer", f"sqlite:///{path}", "run-2", "9999999", "1")
    with subprocess.Popen(command, env=checkout_variables(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        process.kill()
    assert path.with_name("store.db-wal").stat().st_size > 0


def test_reading_a_closed_store_changes_and_creates_no_file(path: Path, folder: Path) -> None:
    before, names = contents(folder), set(folder.iterdir())
    with read_event_log(f"sqlite:///{path}") as log:
        assert log.head() == 2000
        assert len(log.read_stream("run-1")) == 2000
        assert not log.wait_beyond(2000, 0.05)
        assert set(folder.iterdir()) == names
    assert contents(folder) == before
    assert set(folder.iterdir()) == names


def test_a_folder_that_may_only_be_read_will_do(path: Path, folder: Path) -> None:
    with reading_only(folder), read_event_log(f"sqlite:///{path}") as log:
        assert log.head() == 2000


def test_what_a_killed_writer_left_in_the_log_is_read_and_stays_there(path: Path, folder: Path) -> None:
    leave_log_behind(path)
    before = contents(folder)
    with read_event_log(f"sqlite:///{path}") as log:
        assert log.head() >= 2003
    assert contents(folder) == before


def test_what_a_killed_writer_left_is_read_where_nothing_may_be_written(path: Path, folder: Path) -> None:
    leave_log_behind(path)
    with reading_only(folder), read_event_log(f"sqlite:///{path}") as log:
        assert log.head() >= 2003


def test_events_that_cannot_be_read_without_writing_are_an_error_and_not_missing(path: Path, folder: Path) -> None:
    leave_log_behind(path)
    path.with_name("store.db-shm").unlink()
    with (
        reading_only(folder),
        pytest.raises(StoreUnreadable, match="newest events") as refused,
        read_event_log(f"sqlite:///{path}"),
    ):
        pass
    assert "copy the file" in refused.value.hint


def test_a_reader_sees_every_commit_of_a_writer_beside_it(path: Path) -> None:
    with read_event_log(f"sqlite:///{path}") as log:
        assert log.head() == 2000
        with open_event_store(f"sqlite:///{path}") as store:
            for version in range(5):
                store.log.append(write("run-2", version, version))
                assert log.head() == 2001 + version
        assert log.head() == 2005
    with read_event_log(f"sqlite:///{path}") as log:
        assert log.head() == 2005


def test_a_waiting_reader_wakes_when_a_writer_begins_after_it(path: Path) -> None:
    woken: list[bool] = []
    with read_event_log(f"sqlite:///{path}") as log:
        waiting = threading.Thread(target=lambda: woken.append(log.wait_beyond(2000, patient(30))))
        waiting.start()
        with open_event_store(f"sqlite:///{path}") as store:
            store.log.append(write("run-2", 0, 1))
            waiting.join()
    assert woken == [True]


def test_a_stopped_reader_does_not_hold_up_the_writer(path: Path) -> None:
    script = (
        "import sys\nfrom depot_sim.adapters.event_store import read_event_log\n"
        f"with read_event_log('sqlite:///{path}') as log:\n    print(log.head(), flush=True)\n    sys.stdin.read()\n"
    )
    with open_event_store(f"sqlite:///{path}") as store:
        store.log.append(write("run-2", 0, 1))
        command = [sys.executable, "-c", script]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "2001\n"
            reader.send_signal(signal.SIGSTOP)
            store.log.append(write("run-2", 1, 2))
            reader.kill()


def test_the_whole_log_is_read_while_it_is_rewritten_by_checkpoints(path: Path) -> None:
    """Every read is one state of the log, whatever the writer does to the files meanwhile."""
    done = threading.Event()

    def rewrite() -> None:
        for round_ in range(10):
            with open_event_store(f"sqlite:///{path}") as store:  # closing it checkpoints and removes the -wal
                store.log.append(write(f"run-{round_ + 2}", 0, *range(50)))
        done.set()

    writing = threading.Thread(target=rewrite)
    with read_event_log(f"sqlite:///{path}") as log:
        writing.start()
        seen = 2000
        while not done.is_set():
            rows = log.read_all(0, 100_000)
            assert [row.position for row in rows] == list(range(1, len(rows) + 1))
            assert len(rows) >= seen
            seen = len(rows)
        writing.join()
        assert log.head() == 2500


def test_a_file_without_a_store_is_refused_and_left_alone(folder: Path) -> None:
    path = folder / "empty.db"
    path.touch()
    with pytest.raises(StoreError, match="no event store"), read_event_log(f"sqlite:///{path}"):
        pass
    assert path.read_bytes() == b""


def test_writing_through_a_reader_is_refused(path: Path) -> None:
    with read_event_log(f"sqlite:///{path}") as log:
        for use in (
            lambda: log.append(write("run-2", 0, 1)),
            lambda: log.append_many([write("run-2", 0, 1)]),
            lambda: log.save_snapshot(Snapshot("run-1", 1, 0, b"")),
        ):
            with pytest.raises(StoreError, match="reading only"):
                use()


def test_a_closed_reader_says_so(path: Path) -> None:
    with read_event_log(f"sqlite:///{path}") as log:
        pass
    with pytest.raises(StoreError, match="closed"):
        log.head()
    assert not log.wait_beyond(0, 1)


def test_an_older_file_loads_whatever_its_leases_say(path: Path) -> None:
    """Older versions stored an expiry by wall time; whoever it names is dead once this process has the file."""
    with closing(sqlite3.connect(path)) as connection, connection:
        far_ahead = 4_102_444_800_000_000
        connection.execute("INSERT INTO leases VALUES ('run-1', 'http://127.0.0.1:8420#old', 7, ?, 0)", (far_ahead,))
        connection.execute("INSERT INTO leases VALUES ('run-2', '', 3, 0, 1)")
    with open_event_store(f"sqlite:///{path}") as store:
        assert store.leases.holder("run-1") is None
        assert store.leases.unheld("me") == ["run-1"]
        assert store.leases.acquire("run-1", "me", 60) == 8
        assert store.leases.holder("run-1") == "me"


def test_every_lease_is_free_as_soon_as_a_process_has_the_file(path: Path) -> None:
    with open_event_store(f"sqlite:///{path}") as store:
        assert store.leases.acquire("run-1", "first", 3_600) == 1
    with open_event_store(f"sqlite:///{path}") as store:
        assert store.leases.unheld("second") == ["run-1"]
        assert store.leases.acquire("run-1", "second", 3_600) == 2


def test_a_reader_follows_a_file_that_is_replaced(path: Path, folder: Path) -> None:
    other = folder / "other.db"
    with open_event_store(f"sqlite:///{other}") as store:
        store.log.append(write("run-1", 0, 1, 2, 3))
    with read_event_log(f"sqlite:///{path}") as log:
        assert log.head() == 2000
        other.replace(path)
        assert log.head() == 3
