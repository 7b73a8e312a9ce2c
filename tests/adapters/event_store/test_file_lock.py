"""One writing process per SQLite file."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from depot_sim.adapters.event_store import open_event_store, read_event_log
from depot_sim.adapters.event_store.file_lock import FileLock, lock_path
from depot_sim.domain.kernel.errors import StoreInUse, StoreUnreadable
from tests.adapters.event_store.samples import write

ROOT = Path(__file__).parents[3]
_HOLD = """
import sys
from pathlib import Path
from depot_sim.adapters.event_store.file_lock import FileLock
lock = FileLock(Path(sys.argv[1]), "http://127.0.0.1:8420")
print("held", flush=True)
sys.stdin.read()
"""
# The child begins after the lock was taken, and outlives it.
_FORK = """
import os, sys
from pathlib import Path
from depot_sim.adapters.event_store.file_lock import FileLock
from depot_sim.domain.kernel.errors import StoreInUse
path = Path(sys.argv[1])
lock = FileLock(path)
begun, begin = os.pipe()
ended, end = os.pipe()
if os.fork() == 0:
    os.write(begin, b"x")
    os.close(end)
    os.read(ended, 1)
    os._exit(0)
os.read(begun, 1)
try:
    FileLock(path)
except StoreInUse:
    print("held while the child lives")
lock.close()  # as the kernel does when the parent is killed
FileLock(path).release()
print("free after the parent's end")
os.close(end)
os.wait()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock; killed at the end."""
    command = [sys.executable, "-c", _HOLD, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def refusal(path: Path) -> StoreInUse:
    with pytest.raises(StoreInUse) as refused:
        open_event_store(f"sqlite:///{path}")
    return refused.value


def test_a_second_writing_process_is_refused_and_told_who_holds_the_file(path: Path) -> None:
    with holder(path) as process:
        error = refusal(path)
    assert f"process {process.pid} on" in error.detail
    assert "http://127.0.0.1:8420" in error.detail
    assert "http://127.0.0.1:8420" in error.hint
    assert "PostgreSQL" in error.hint


def test_a_stopped_process_still_holds_the_lock(path: Path) -> None:
    with holder(path) as process:
        process.send_signal(signal.SIGSTOP)
        assert str(process.pid) in refusal(path).detail


def test_the_lock_of_a_killed_process_is_free_at_once(path: Path) -> None:
    with holder(path) as process:
        process.kill()
        process.wait()
    assert lock_path(path).read_bytes()
    with open_event_store(f"sqlite:///{path}") as store:
        store.log.append(write("run-1", 0, 1))


@pytest.mark.parametrize("content", [b"", b"not JSON", b'{"pid": "x"}', b"\xff" * 10_000])
def test_what_a_lock_file_says_does_not_matter_to_who_gets_the_lock(path: Path, content: bytes) -> None:
    lock_path(path).write_bytes(content)
    with holder(path):
        lock_path(path).write_bytes(content)
        assert "another process" in refusal(path).detail
    open_event_store(f"sqlite:///{path}").close()


def test_the_same_process_is_refused_a_second_time(path: Path) -> None:
    with open_event_store(f"sqlite:///{path}"):
        assert str(os.getpid()) in refusal(path).detail
    open_event_store(f"sqlite:///{path}").close()


def test_every_path_to_the_file_has_the_same_lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link, folder, linked_folder = path.with_name("link.db"), path.parent / "folder", path.parent / "linked"
    link.symlink_to(path)
    folder.mkdir()
    linked_folder.symlink_to(path.parent)
    monkeypatch.chdir(path.parent)
    with open_event_store(f"sqlite:///{path}"):
        for other in (Path("store.db"), Path("./folder/../store.db"), link, linked_folder / "store.db"):
            refusal(other)


def deleted_lock_file(path: Path) -> Path:
    lock_path(path).unlink()
    return path


def renamed(path: Path) -> Path:
    return path.rename(path.with_name("renamed.db"))


def hard_link(path: Path) -> Path:
    link = path.with_name("link.db")
    link.hardlink_to(path)
    return link


OTHER_WAYS = [deleted_lock_file, renamed, hard_link]


@pytest.mark.parametrize("other_way", OTHER_WAYS)
def test_the_database_itself_is_locked(path: Path, other_way: Callable[[Path], Path]) -> None:
    with holder(path):
        other = other_way(path)
        assert "by another path or whose lock file was deleted" in refusal(other).detail
        refusal(other)
    open_event_store(f"sqlite:///{other}").close()


@pytest.mark.parametrize("other_way", OTHER_WAYS)
def test_the_same_process_is_refused_by_any_path(path: Path, other_way: Callable[[Path], Path]) -> None:
    with open_event_store(f"sqlite:///{path}"):
        assert str(os.getpid()) in refusal(other_way(path)).detail


def test_sqlite_keeps_its_own_locks_while_a_second_opening_is_refused(path: Path) -> None:
    """A process loses its fcntl locks on a file when it closes any descriptor of the file."""
    with open_event_store(f"sqlite:///{path}") as store:
        store.log.append(write("run-1", 0, 1))
        kept = sqlite_locks(path)
        assert kept
        refusal(path)
        refusal(hard_link(path))
        with read_event_log(f"sqlite:///{path}") as log:
            assert log.head() == 1
        assert kept <= sqlite_locks(path)


def sqlite_locks(path: Path) -> set[str]:
    """The byte ranges of the file that this process has locked by fcntl, as the kernel lists them."""
    rows = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    inode = str(path.stat().st_ino)
    return {
        "-".join(row[-2:])
        for row in rows
        if row[1] == "POSIX" and row[-4] == str(os.getpid()) and row[-3].endswith(f":{inode}")
    }


def test_where_flock_keeps_sqlite_out_the_database_is_left_unlocked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS and network file systems, where flock and fcntl locks meet."""

    def meets_flock(*_: object) -> None:
        raise BlockingIOError

    with monkeypatch.context() as changed:
        changed.setattr("fcntl.lockf", meets_flock)
        lock = FileLock(path)
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    refusal(path)
    lock.release()


def test_closing_another_descriptor_of_the_lock_file_does_not_release_the_lock(path: Path) -> None:
    with open_event_store(f"sqlite:///{path}"):
        lock_path(path).read_bytes()
        with lock_path(path).open("r+b"):
            pass
        refusal(path)


def test_a_program_started_by_the_holder_does_not_keep_the_lock(path: Path) -> None:
    lock = FileLock(path)
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE):
        lock.release()
        FileLock(path).release()


def test_a_forked_child_neither_keeps_nor_releases_the_lock(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FORK, str(path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "held while the child lives\nfree after the parent's end\n"), (
        done.stderr
    )


def test_a_deleted_lock_file_is_made_anew(path: Path) -> None:
    open_event_store(f"sqlite:///{path}").close()
    lock_path(path).unlink()
    open_event_store(f"sqlite:///{path}").close()
    assert lock_path(path).exists()


def test_a_lock_file_that_cannot_be_opened_says_why(path: Path) -> None:
    lock_path(path).mkdir()
    with pytest.raises(StoreUnreadable, match="lock file"):
        open_event_store(f"sqlite:///{path}")


def test_a_refused_file_gets_no_lock_file(path: Path) -> None:
    path.write_text("not a store")
    with pytest.raises(StoreUnreadable):
        open_event_store(f"sqlite:///{path}")
    assert not lock_path(path).exists()


def test_a_reader_needs_no_lock(path: Path) -> None:
    with open_event_store(f"sqlite:///{path}") as store:
        store.log.append(write("run-1", 0, 1))
    lock_path(path).unlink()
    with read_event_log(f"sqlite:///{path}") as log:
        assert log.head() == 1
        assert not lock_path(path).exists()
        with open_event_store(f"sqlite:///{path}") as store:
            store.log.append(write("run-1", 1, 2))
            assert log.head() == 2


def test_stores_in_memory_need_no_lock() -> None:
    with open_event_store("memory:"), open_event_store("memory:"):
        pass
