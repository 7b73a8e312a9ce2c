"""The memory that bodies of requests take from their first byte to the end of the response."""

from __future__ import annotations

FREE_BYTES = 16 * 2**10
"""The beginning of every body is not counted: small requests are processed while large ones take all the memory. The
limit of connections bounds what it comes to."""


class BodyMemory:
    """Counts bytes of bodies under way, up to `most_bytes` in all.

    `kept_bytes` is how much of one body the application keeps in memory, None for all. What is taken here is taken
    from `within` as well.
    """

    def __init__(self, most_bytes: int, *, kept_bytes: int | None = None, within: BodyMemory | None = None) -> None:
        self._most = most_bytes
        self._kept = kept_bytes
        self._within = within
        self.used = 0

    def counted(self, received: int) -> int:
        """How many bytes count of a body of which so many have been received."""
        kept = received if self._kept is None else min(received, self._kept)
        return max(0, kept - FREE_BYTES)

    def take(self, count: int) -> bool:
        """False, and nothing is taken, when there is not so much left."""
        if self.used + count > self._most or not (self._within is None or self._within.take(count)):
            return False
        self.used += count
        return True

    def give_back(self, count: int) -> None:
        self.used -= count
        if self._within is not None:
            self._within.give_back(count)
