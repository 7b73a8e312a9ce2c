"""Wall time from the operating system."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class SystemClock:
    def monotonic_us(self) -> int:
        return time.monotonic_ns() // 1_000

    def now_us(self) -> int:
        return time.time_ns() // 1_000

    def utc_offset_s(self) -> int:
        return time.localtime().tm_gmtoff

    async def sleep_us(self, duration_us: int) -> None:
        await asyncio.sleep(duration_us / 1_000_000)

    def call_later_us(self, delay_us: int, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(delay_us / 1_000_000, callback)


class BlockingSystemClock:
    """For a process without an event loop."""

    def monotonic_us(self) -> int:
        return time.monotonic_ns() // 1_000

    def sleep_us(self, duration_us: int) -> None:
        time.sleep(duration_us / 1_000_000)
