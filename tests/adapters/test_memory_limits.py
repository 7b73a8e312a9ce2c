"""The limit with the least memory left is found among RLIMIT_AS, cgroups of both versions, and physical memory."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from pathlib import Path

import pytest

from depot_sim.adapters.memory_limits import ProcessMemory
from depot_sim.application.memory import Room

MB = 2**20
MEMINFO = "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:   12000000 kB\n"
V2 = "25 1 0:23 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "31 25 0:27 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory\n"


@pytest.fixture(autouse=True)
def _no_address_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def system(root: Path, **files: str) -> Path:
    """A root folder with these files; "__" stands for a slash."""
    written = {"proc__meminfo": MEMINFO, "proc__self__statm": "25600 5120 1000 1 0 9000 0\n", **files}
    for name, text in written.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return root


def group_v2(folder: str, limit: int | str, used: int, statistics: Mapping[str, int]) -> dict[str, str]:
    lines = "".join(f"{name} {number}\n" for name, number in statistics.items())
    return {
        f"{folder}__memory.max": f"{limit}\n",
        f"{folder}__memory.current": f"{used}\n",
        f"{folder}__memory.stat": lines,
    }


def room_of(root: Path, threads: int = 0) -> Room:
    room = ProcessMemory(threads, root).room()
    assert room is not None
    return room


def test_physical_memory_is_the_limit_where_there_is_no_other(tmp_path: Path) -> None:
    assert room_of(system(tmp_path)) == Room("physical memory", 16_000_000 * 1024, 12_000_000 * 1024)


def test_a_system_that_tells_nothing_has_no_limit(tmp_path: Path) -> None:
    assert ProcessMemory(0, tmp_path).room() is None


def test_cgroup_v2_counts_no_page_cache_because_the_kernel_takes_it_back(tmp_path: Path) -> None:
    cache = {"anon": 90 * MB, "inactive_file": 40 * MB, "active_file": 20 * MB, "slab_reclaimable": 5 * MB}
    files = group_v2("sys__fs__cgroup", 256 * MB, 200 * MB, cache)

    room = room_of(system(tmp_path, proc__self__cgroup="0::/\n", proc__self__mountinfo=V2, **files))

    assert room == Room("memory.max of the cgroup", 256 * MB, (256 - 200 + 65) * MB)


def test_a_group_above_can_have_the_tighter_limit(tmp_path: Path) -> None:
    files = {
        **group_v2("sys__fs__cgroup__pod__service", "max", 100 * MB, {}),
        **group_v2("sys__fs__cgroup__pod", 300 * MB, 150 * MB, {}),
    }

    room = room_of(system(tmp_path, proc__self__cgroup="0::/pod/service\n", proc__self__mountinfo=V2, **files))

    assert (room.limit_bytes, room.left_bytes) == (300 * MB, 150 * MB)


def test_a_group_that_is_mounted_as_the_root_is_found_there(tmp_path: Path) -> None:
    """A container without a cgroup namespace sees the path of the host, and its own group at the mount point."""
    mounts = V2.replace(" / /sys", " /docker/4711 /sys")
    files = group_v2("sys__fs__cgroup", 128 * MB, 28 * MB, {})

    room = room_of(system(tmp_path, proc__self__cgroup="0::/docker/4711\n", proc__self__mountinfo=mounts, **files))

    assert room.left_bytes == 100 * MB


@pytest.mark.parametrize(("limit", "left"), [(512 * MB, 350 * MB), (9_223_372_036_854_771_712, 12_000_000 * 1024)])
def test_cgroup_v1(tmp_path: Path, limit: int, left: int) -> None:
    files = {
        "sys__fs__cgroup__memory__box__memory.limit_in_bytes": f"{limit}\n",
        "sys__fs__cgroup__memory__box__memory.usage_in_bytes": f"{200 * MB}\n",
        "sys__fs__cgroup__memory__box__memory.stat": f"cache 1\ntotal_inactive_file {38 * MB}\n",
    }
    groups = "4:memory:/box\n2:cpu,cpuacct:/\n0::/\n"

    room = room_of(system(tmp_path, proc__self__cgroup=groups, proc__self__mountinfo=V2 + V1, **files))

    assert room.left_bytes == left


def test_address_space_counts_the_stacks_of_threads_to_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (400 * MB, 400 * MB))
    root = system(tmp_path)

    room = room_of(root)
    with_threads = room_of(root, threads=200)

    used = 25_600 * resource.getpagesize()
    assert room == Room("RLIMIT_AS, set by ulimit -v", 400 * MB, 400 * MB - used)
    assert with_threads.left_bytes < room.left_bytes


def test_the_limits_of_this_process_are_read() -> None:
    room = ProcessMemory(0).room()

    assert room is not None
    assert 0 < room.left_bytes < room.limit_bytes
