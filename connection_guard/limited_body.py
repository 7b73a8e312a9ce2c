"""One body that is being received, and its limits."""

from __future__ import annotations

from depot_sim.connection_guard.bodies import BodyMemory
from depot_sim.connection_guard.limits import Limits


class LimitedBody:
    """Decides how long a body is waited for, and counts the memory that it takes.

    A part may be waited for `body_seconds`. All waiting together may take `body_seconds`, and a second more for each
    `body_bytes_per_second` that have come: a body over a slow line ends at some time, whatever its size, and a client
    that sends much at once and then a byte now and then does not keep the memory for long.
    """

    __slots__ = ("_counted", "_limits", "_memory", "_received", "_waited")

    def __init__(self, limits: Limits, memory: BodyMemory) -> None:
        self._counted = 0
        self._limits = limits
        self._memory = memory
        self._received = 0
        self._waited = 0.0

    @property
    def seconds_left(self) -> float:
        """How long the next part may be waited for."""
        return self._limits.body_seconds - max(0.0, self._behind)

    @property
    def is_slow(self) -> bool:
        """Whether most of the time has gone before the last wait: parts have come, but too slowly."""
        return self.seconds_left < self._limits.body_seconds / 2

    @property
    def lateness(self) -> str:
        """What is wrong when the next part has not come in time."""
        if not self.is_slow:
            return f"No part of the body has arrived for {self._limits.body_seconds:g} s."
        return (
            f"The body arrives too slowly: after the first {self._limits.body_seconds:g} s, at least"
            f" {self._limits.body_bytes_per_second} bytes per second on average are expected."
        )

    def part_came(self, count: int, waited: float) -> str:
        """Count a part that was waited for so many seconds. Why there is no memory for it; "" when there is."""
        self._received += count
        self._waited += waited
        counted = self._memory.counted(self._received)
        reason = self._memory.take(counted - self._counted)
        if not reason:
            self._counted = counted
        return reason

    def give_memory_back(self) -> None:
        self._memory.give_back(self._counted)
        self._counted = 0

    @property
    def _behind(self) -> float:
        """Seconds of waiting beyond those that the bytes so far may take."""
        return self._waited - self._received / self._limits.body_bytes_per_second
