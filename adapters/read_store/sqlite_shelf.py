"""Where the builds of one read model stand, and which of them is live.

In a folder every build has a file of its own, numbered, and a symbolic link names the live one. A swap replaces the
link in one atomic step. A build's write-ahead log has the build's number too, so it is never taken for another's.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from depot_sim.adapters.read_store.sqlite_build import FileBuild, MemoryBuild, SqliteBuild
from depot_sim.domain.kernel.errors import Conflict


class Shelf(Protocol):
    def live(self) -> SqliteBuild | None: ...

    def blank(self) -> SqliteBuild:
        """A new, empty database. Only while locked."""

    def publish(self, build: SqliteBuild) -> None:
        """Make it live in place of the old one, which goes away. Only while locked."""

    def discard(self, build: SqliteBuild) -> None: ...

    def locked(self, *, wait: bool) -> AbstractContextManager[None]:
        """Nobody else makes builds meanwhile. Raises Conflict when somebody does and we do not wait."""

    def close(self) -> None: ...


class FolderShelf:
    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._link = folder / f"{name}.db"
        self._live: FileBuild | None = None
        self._changing = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def live(self) -> FileBuild | None:
        try:
            target = self._link.readlink().name
        except FileNotFoundError:
            return None
        live = self._live
        return live if live is not None and live.path.name == target else self._reopen()

    def blank(self) -> FileBuild:
        number = 1 + max(map(_number, (*self._files(), *self._target())), default=0)
        self._remove_leftovers()
        return FileBuild(self._folder / f"{self._name}.{number}.db", filling=True)

    def publish(self, build: SqliteBuild) -> None:
        assert isinstance(build, FileBuild), "made by blank()"
        build.seal()
        new_link = self._folder / f"{self._name}.link"
        new_link.unlink(missing_ok=True)
        new_link.symlink_to(build.path.name)
        new_link.replace(self._link)
        self._remove_leftovers()

    def discard(self, build: SqliteBuild) -> None:
        assert isinstance(build, FileBuild), "made by blank()"
        build.remove()

    @contextmanager
    def locked(self, *, wait: bool) -> Iterator[None]:
        with (self._folder / f"{self._name}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise being_rebuilt(self._name) from None
            yield

    def close(self) -> None:
        with self._changing:
            if self._live is not None:
                self._live.close()

    def _reopen(self) -> FileBuild:
        with self._changing:
            target = self._link.readlink().name
            if self._live is None or self._live.path.name != target:
                if self._live is not None:
                    self._live.close()
                self._live = FileBuild(self._folder / target)
            return self._live

    def _files(self) -> list[Path]:
        return list(self._folder.glob(f"{self._name}.[0-9]*.db*"))

    def _remove_leftovers(self) -> None:
        """Builds that are not live: the one before, or one whose process was killed."""
        live = {_number(path) for path in self._target()}
        for path in self._files():
            if _number(path) not in live:
                path.unlink(missing_ok=True)

    def _target(self) -> list[Path]:
        """What the link names, though it may have gone."""
        return [self._link.readlink()] if self._link.is_symlink() else []


class MemoryShelf:
    def __init__(self, name: str) -> None:
        self._name = name
        self._live: MemoryBuild | None = None
        self._lock = threading.Lock()

    def live(self) -> MemoryBuild | None:
        return self._live

    def blank(self) -> MemoryBuild:
        return MemoryBuild()

    def publish(self, build: SqliteBuild) -> None:
        assert isinstance(build, MemoryBuild), "made by blank()"
        self._live, old = build, self._live
        if old is not None:
            old.close()

    def discard(self, build: SqliteBuild) -> None:
        build.close()

    @contextmanager
    def locked(self, *, wait: bool) -> Iterator[None]:
        if not self._lock.acquire(blocking=wait):
            raise being_rebuilt(self._name)
        try:
            yield
        finally:
            self._lock.release()

    def close(self) -> None:
        if self._live is not None:
            self._live.close()


def _number(path: Path) -> int:
    """Of a build's file, or of one that SQLite keeps beside it."""
    return int(path.name.split(".")[1])


def being_rebuilt(name: str) -> Conflict:
    return Conflict(f"read model {name} is being rebuilt already", "wait until that is done")
