"""The memory limits of this process on Linux: RLIMIT_AS, cgroup v2 and v1, physical memory."""

from __future__ import annotations

import ctypes
import os
import resource
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from depot_sim.application.memory import Room

_ADDRESS_SPACE = "RLIMIT_AS, set by ulimit -v"
_PHYSICAL = "physical memory"
_M_ARENA_MAX = -8  # of mallopt(3)
_ARENAS = 2
_STACK_BYTES = 2 * 2**20
_NO_LIMIT_V1 = 2**60  # v1 says "no limit" by the largest multiple of the page size below 2**63


class Usage(NamedTuple):
    """What a limit is called, its value, and how much of it is used; bytes."""

    limit: str
    limit_bytes: int
    used_bytes: int


class ProcessMemory:
    """Reads the limits anew at every question, in about 0.1 ms: an operator may change them meanwhile.

    `threads` is the largest number of threads this process will have. The stacks of those that have not been started
    yet count as used address space.
    """

    def __init__(self, threads: int, root: Path = Path("/")) -> None:
        self._threads = threads
        self._root = root
        self._groups = tuple(_groups(root))

    def room(self) -> Room | None:
        """Under the limit with the least left. Physical memory always is one of the limits."""
        rooms = [Room(limit, limit_bytes, limit_bytes - used) for limit, limit_bytes, used in self._usages()]
        return min(rooms, key=lambda room: room.left_bytes, default=None)

    def _usages(self) -> Iterator[Usage]:
        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY and (size := _address_space(self._root)) is not None:
            to_come = max(0, self._threads - threading.active_count()) * (threading.stack_size() or _STACK_BYTES)
            yield Usage(_ADDRESS_SPACE, limit, size + to_come)
        for group in self._groups:
            usage = group.usage()
            if usage is not None:
                yield usage
        numbers = _numbers(self._root / "proc/meminfo")
        if "MemTotal:" in numbers and "MemAvailable:" in numbers:
            total, available = numbers["MemTotal:"] * 1024, numbers["MemAvailable:"] * 1024
            yield Usage(_PHYSICAL, total, total - available)


def save_address_space() -> None:
    """Where RLIMIT_AS is set, take less address space that is never used. Call it before the first thread.

    By default each thread reserves 8 MiB for its stack and glibc reserves 64 MiB for each of up to 8 arenas per core:
    a service that uses 100 MB of memory takes 1.4 GB of address space.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return
    threading.stack_size(_STACK_BYTES)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it, other C libraries need not
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)


class _GroupV2(NamedTuple):
    folder: Path

    def usage(self) -> Usage | None:
        limit, used = _number(self.folder / "memory.max"), _number(self.folder / "memory.current")
        if limit is None or used is None:
            return None
        # The kernel takes the page cache back before it kills, the active part of it too.
        statistics = _numbers(self.folder / "memory.stat")
        cache = sum(statistics.get(name, 0) for name in ("inactive_file", "active_file", "slab_reclaimable"))
        return Usage("memory.max of the cgroup", limit, max(0, used - cache))


class _GroupV1(NamedTuple):
    folder: Path

    def usage(self) -> Usage | None:
        limit = _number(self.folder / "memory.limit_in_bytes")
        used = _number(self.folder / "memory.usage_in_bytes")
        if limit is None or used is None or limit >= _NO_LIMIT_V1:
            return None
        statistics = _numbers(self.folder / "memory.stat")
        cache = sum(statistics.get(name, 0) for name in ("total_inactive_file", "total_active_file"))
        return Usage("memory.limit_in_bytes of the cgroup", limit, max(0, used - cache))


def _groups(root: Path) -> Iterator[_GroupV2 | _GroupV1]:
    """The memory cgroups of this process and those above them, as far as they are mounted here."""
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from map(_GroupV2, _folders(root, path, "cgroup2", ""))
        elif "memory" in controllers.split(","):
            yield from map(_GroupV1, _folders(root, path, "cgroup", "memory"))


def _folders(root: Path, path: str, filesystem: str, option: str) -> Iterator[Path]:
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        mounted_root, mount_point = before.split()[3:5]
        kind, _, options = after.split(maxsplit=2)
        if kind != filesystem or (option and option not in options.split(",")):
            continue
        base = root / mount_point.lstrip("/")
        inside = _below(path, mounted_root)
        yield from (base / each for each in (inside, *inside.parents))
        return


def _below(path: str, mounted_root: str) -> PurePosixPath:
    """The group's folder below the mount point; the mount point itself where the group is not visible."""
    try:
        return PurePosixPath(path).relative_to(mounted_root)
    except ValueError:
        return PurePosixPath()


def _address_space(root: Path) -> int | None:
    numbers = _text(root / "proc/self/statm").split()
    return int(numbers[0]) * os.sysconf("SC_PAGE_SIZE") if numbers else None


def _number(path: Path) -> int | None:
    """None for a file that is not there, and for "max"."""
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None


def _numbers(path: Path) -> dict[str, int]:
    """The lines of a file that are a name and a number."""
    return {name: int(number) for name, number, *_ in _pairs(_lines(path)) if number.isdecimal()}


def _pairs(lines: Iterable[str]) -> Iterator[list[str]]:
    return (words for line in lines if len(words := line.split()) >= 2)


def _lines(path: Path) -> list[str]:
    return _text(path).splitlines()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
