"""One writing process per SQLite file: kernel locks on the database and on the file `NAME.lock` beside it.

`NAME.lock` says who holds it and is locked first. The lock on the database itself stays when `NAME.lock` is deleted and
when the database is renamed, and it is the same for every hard link. Both are flock(2), not fcntl(2): a process loses
its fcntl locks on a file when it closes any descriptor of that file. The kernel releases the locks when the process
ends, however it ends, so a lock file that is left behind refuses no writer. The file system has to be local: over a
network file system neither these locks nor SQLite's own locks can be relied on.

SQLite's own locks on the database are fcntl locks of this process. So the descriptor that locks the database is opened
before SQLite opens the file and closed after SQLite has closed it, and while it is open nothing else here may open and
close the file: what its bytes are wanted for, `read_beginning` reads through it.
"""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path
from weakref import WeakSet

import msgspec

from depot_sim.domain.kernel.errors import StoreError, StoreInUse, StoreUnreadable

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
        """Creates an empty database when there is none.

        Raises StoreInUse while another process, or another FileLock of this one, holds it; StoreUnreadable.
        """
        self._holder = Holder(os.getpid(), socket.gethostname(), url)
        self.path = lock_path(database)
        held = _held_here(database)
        if held is not None:
            raise _in_use(database, held._holder)
        self._descriptor: int | None = _locked(database, self.path)
        try:
            self._database: int | None = _locked_database(database)
        except BaseException:
            self._database = None
            self.close()
            raise
        _write(self._descriptor, self._holder)
        _held.add(self)

    def release(self) -> None:
        """To be called once SQLite has closed the database."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            self.close()

    def close(self) -> None:
        """Give the descriptors up. The locks are released unless a parent process has the same ones."""
        descriptors, self._descriptor, self._database = (self._database, self._descriptor), None, None
        for descriptor in descriptors:
            if descriptor is not None:
                os.close(descriptor)

    def is_of(self, status: os.stat_result) -> bool:
        """Whether this lock is held on the file with this status."""
        return self._database is not None and os.path.samestat(os.fstat(self._database), status)

    def read(self, length: int) -> bytes:
        """The first bytes of the database."""
        assert self._database is not None, "is_of()"
        return os.pread(self._database, length, 0)


_held: WeakSet[FileLock] = WeakSet()


def _leave_to_parent() -> None:
    """After a fork parent and child share the lock; without this it would outlive the parent in the child."""
    for lock in list(_held):
        lock.close()


os.register_at_fork(after_in_child=_leave_to_parent)


def read_beginning(path: Path, length: int) -> bytes:
    """The first bytes of a file. Does not close a descriptor of a database that this process has locked.

    Raises OSError.
    """
    held = _held_here(path)
    if held is not None:
        return held.read(length)
    with path.open("rb") as file:
        return file.read(length)


def _held_here(database: Path) -> FileLock | None:
    """The lock of this process on a database, whatever its path. Opens nothing."""
    try:
        status = database.stat()
    except OSError:
        return None
    return next((lock for lock in list(_held) if lock.is_of(status)), None)


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


def _locked_database(database: Path) -> int:
    """A descriptor of the database with the lock on it, where that lock does not meet SQLite's own."""
    while True:
        try:
            descriptor = os.open(database.resolve(), os.O_RDONLY | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreUnreadable(
                f"{database} cannot be opened: {error.strerror}", "name a file this program may read and write"
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise _in_use_by_another_path(database) from None
        except OSError:  # not known to this file system
            return descriptor
        if _is_still(descriptor, database):
            _unlock_if_sqlite_is_kept_out(descriptor)
            return descriptor
        os.close(descriptor)


def _unlock_if_sqlite_is_kept_out(descriptor: int) -> None:
    """On Linux flock and fcntl locks do not meet. Elsewhere they may, and SQLite would wait for this process.

    That is so on macOS, BSD and network file systems. Byte 0 is one that SQLite never locks.
    """
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, 1)
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1)
    except OSError:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


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


def _in_use_by_another_path(database: Path) -> StoreInUse:
    return StoreInUse(
        f"{database} is in use by another process, which opened it by another path or whose lock file was deleted; "
        "one process at a time writes to a SQLite file",
        f"stop that process (fuser {database} shows it), name another file, or use PostgreSQL, "
        "which several processes may share",
    )
