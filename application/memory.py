"""How much memory work may take: what does not fit is refused before it begins.

A limit of memory cannot be kept by catching MemoryError alone. Under a cgroup the kernel kills the process; under
RLIMIT_AS msgspec's encoder writes through a NULL pointer. So the cost of large work is estimated first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from depot_sim.domain.kernel.errors import MemoryReserveGone, MemoryShort

KEPT_FREE_BYTES = 48 * 2**20
"""Large work may not take the last of the memory: small requests, runs and the stop need it."""
STOP_BELOW_BYTES = 24 * 2**20
"""With less than this left the service stops in order: it gives its runs back and closes its stores."""
_SMALL_BYTES = 2 * 2**20
"""Work that costs less is not checked; KEPT_FREE_BYTES covers it."""
_MB = 1_000_000
_FIX = "raise the limit, or take a smaller depot or fewer runs: see docs/operation.md"


class Room(NamedTuple):
    """`limit` names what limits the memory of this process, as an operator knows it. Both figures are bytes."""

    limit: str
    limit_bytes: int
    left_bytes: int

    def __str__(self) -> str:
        return (
            f"{_megabytes(self.left_bytes)} are left below the limit of {_megabytes(self.limit_bytes)} ({self.limit})"
        )


class Memory(Protocol):
    """The memory of this process."""

    def room(self) -> Room | None:
        """Under the limit with the least left; None on a system that does not tell."""


class MemoryBudget:
    """Admits work by its estimated cost in bytes. Used by one thread, that of the event loop."""

    def __init__(self, memory: Memory | None = None) -> None:
        """Without `memory` there is no limit."""
        self._memory = memory
        self._reserved = 0

    @contextmanager
    def reserved(self, work: str, cost_bytes: int) -> Iterator[None]:
        """Hold memory for `work`, for as long as it is under way. Raises MemoryShort when it does not fit."""
        shortage = self._shortage(work, cost_bytes) if cost_bytes >= _SMALL_BYTES else ""
        if shortage:
            raise MemoryShort(shortage, _FIX)
        with self.held(cost_bytes):
            yield

    @contextmanager
    def held(self, cost_bytes: int) -> Iterator[None]:
        """Hold memory for work that has been admitted."""
        self._reserved += cost_bytes
        try:
            yield
        finally:
            self._reserved -= cost_bytes

    def shortage_for_bodies(self, held_bytes: int) -> str:
        """Why bodies of requests may not take so many bytes; "" when they may.

        What has arrived of them is used memory already. When they have arrived as a whole they are put together, which
        takes a second copy.
        """
        return self._shortage("a second copy of the bodies of requests under way", held_bytes)

    def require_reserve(self) -> None:
        """Raises MemoryReserveGone when so little is left that the service has to stop."""
        room = self._room()
        if room is not None and room.left_bytes < STOP_BELOW_BYTES:
            detail = f"the memory is used up: {room}; the service needs {_megabytes(STOP_BELOW_BYTES)}"
            raise MemoryReserveGone(detail, _FIX)

    def exhausted(self) -> MemoryReserveGone:
        """The reason to stop after work that cannot be repeated has ended by MemoryError."""
        room = self._room()
        return MemoryReserveGone(f"the memory is used up: {room or 'the system gives no more'}", _FIX)

    def _shortage(self, work: str, cost_bytes: int) -> str:
        room = self._room()
        if room is None or cost_bytes + self._reserved + KEPT_FREE_BYTES <= room.left_bytes:
            return ""
        held = f", of which {_megabytes(self._reserved)} are for work under way" if self._reserved else ""
        return (
            f"{work} needs about {_megabytes(cost_bytes)} of memory; {room}{held}, and"
            f" {_megabytes(KEPT_FREE_BYTES)} are kept free"
        )

    def _room(self) -> Room | None:
        return None if self._memory is None else self._memory.room()


def _megabytes(number: int) -> str:
    return f"{max(number, 0) // _MB:,} MB"
