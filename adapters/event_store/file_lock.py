"""One writing process per SQLite file: a kernel lock on the file `NAME.lock` beside the database.

flock(2), not fcntl(2): a process loses its fcntl locks when it closes any descriptor of the file. The kernel releases
the lock when its process ends, however it ends, so a lock file that is left behind keeps nobody out. The lock follows
symbolic links; a hard link is another path, and has another lock. The file system has to be local: over a network
file system neither this lock nor SQLite's own locks can be relied on.
"""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path
from weakref import WeakSet

import msgspec

from domain.errors import StoreError, StoreInUse, StoreUnreadable

_MOST_BYTES = 4096


class Holder(msgspec.Struct, frozen=True):
    """The process that holds a lock, as the lock file tells it. `url` is the service's address, if it is a service."""

    pid: int
    host: str
    url: str = ""

    def __str__(self) -> str:
        process = f"process {self.pid} on {self.host}"
        return f"the service {self.url} ({process})" if self.url else process


class FileLock:
    """Held from construction to release(). A child process does not inherit it."""

    def __init__(self, database: Path, url: str = "") -> None:
        """Raises StoreInUse while another process, or another FileLock of this one, holds it; StoreUnreadable."""
        self.path = lock_path(database)
        self._descriptor: int | None = _locked(database, self.path)
        _write(self._descriptor, Holder(os.getpid(), socket.gethostname(), url))
        _held.add(self)

    def release(self) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            self.close()

    def close(self) -> None:
        """Give the descriptor up. The lock is released unless a parent process has the same one."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


_held: WeakSet[FileLock] = WeakSet()


def _leave_to_parent() -> None:
    """After a fork parent and child share the lock; without this it would outlive the parent in the child."""
    for lock in list(_held):
        lock.close()


os.register_at_fork(after_in_child=_leave_to_parent)


def lock_path(database: Path) -> Path:
    resolved = database.resolve()
    return resolved.with_name(f"{resolved.name}.lock")


def _locked(database: Path, path: Path) -> int:
    """A descriptor of the lock file with the lock on it. Python opens it with O_CLOEXEC, so no program inherits it."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except (FileNotFoundError, NotADirectoryError):
            raise StoreUnreadable(
                f"the folder {path.parent} does not exist, so there can be no event store {database.name} in it",
                "make the folder, or name another file",
            ) from None
        except OSError as error:
            raise StoreUnreadable(
                f"the lock file {path} cannot be opened: {error.strerror}",
                "allow this user to write to the folder, or name another file",
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(descriptor, path):
                return descriptor
        except BlockingIOError:
            holder = _read(descriptor)
            os.close(descriptor)
            raise _in_use(database, holder) from None
        except OSError as error:
            os.close(descriptor)
            raise StoreError(
                f"the lock file {path} cannot be locked: {error.strerror}",
                "keep the store on a local file system",
            ) from None
        os.close(descriptor)


def _is_still(descriptor: int, path: Path) -> bool:
    """False when somebody deleted or replaced the file between open and lock."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _write(descriptor: int, holder: Holder) -> None:
    text = msgspec.json.encode(holder)
    os.pwrite(descriptor, text, 0)
    os.ftruncate(descriptor, len(text))


def _read(descriptor: int) -> Holder | None:
    try:
        return msgspec.json.decode(os.pread(descriptor, _MOST_BYTES, 0), type=Holder)
    except msgspec.DecodeError:  # the holder has the lock and has not written yet
        return None


def _in_use(database: Path, holder: Holder | None) -> StoreInUse:
    over_http = f"ask the service over HTTP (--url {holder.url})" if holder and holder.url else "stop that process"
    return StoreInUse(
        f"{database} is in use by {holder or 'another process'}; one process at a time writes to a SQLite file",
        f"{over_http}, name another file, or use PostgreSQL, which several processes may share",
    )
