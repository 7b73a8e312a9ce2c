"""Free memory goes back to the system."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from depot_sim.adapters.memory import give_back


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_memory_that_is_free_below_memory_in_use_is_given_back() -> None:
    buffers = [bytearray(b"x" * 32_000) for _ in range(2_000)]
    last = buffers.pop()
    full = resident_mb()
    del buffers
    give_back()
    assert last
    if platform.libc_ver()[0] == "glibc":
        assert resident_mb() < full - 30
