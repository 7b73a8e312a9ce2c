"""The port of time: everything in the application that waits or stamps asks here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Alarm(Protocol):
    """A call that is to come."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Wall time, in µs so that no float carries state."""

    def monotonic_us(self) -> int:
        """Never goes back; only differences mean something."""

    def now_us(self) -> int:
        """µs since 1970, UTC."""

    def utc_offset_s(self) -> int:
        """How far the local time of this machine is ahead of UTC now, in seconds."""

    async def sleep_us(self, duration_us: int) -> None: ...

    def call_later_us(self, delay_us: int, callback: Callable[[], None]) -> Alarm:
        """Call back in the running event loop when this has passed."""


class BlockingClock(Protocol):
    """For code without an event loop."""

    def monotonic_us(self) -> int:
        """As Clock.monotonic_us."""

    def sleep_us(self, duration_us: int) -> None: ...
