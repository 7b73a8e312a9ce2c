"""The memory that bodies of requests take from their first byte to the end of the response."""

from __future__ import annotations

from collections.abc import Callable

FREE_BYTES = 16 * 2**10
"""The beginning of every body is not counted: small requests are processed while large ones take all the memory. The
limit of connections bounds what it comes to."""


CHECKED_EVERY_BYTES = 2**20
"""After so many more bytes the memory of the process is looked at, which takes about 0.1 ms."""


class BodyMemory:
    """Counts bytes of bodies under way, up to `most_bytes` in all, and fewer while the process has little memory left.

    `kept_bytes` is how much of one body the application keeps in memory, None for all. What is taken here is taken
    from `within` as well. `shortage` says why the process has no memory for so many bytes of bodies, "" when it has.
    """

    def __init__(
        self,
        most_bytes: int,
        *,
        kept_bytes: int | None = None,
        within: BodyMemory | None = None,
        shortage: Callable[[int], str] = lambda _: "",
    ) -> None:
        self._most = most_bytes
        self._kept = kept_bytes
        self._within = within
        self._shortage = shortage
        self._unchecked = 0
        """Bytes that have been taken since `shortage` was asked."""
        self.used = 0

    def counted(self, received: int) -> int:
        """How many bytes count of a body of which so many have been received."""
        kept = received if self._kept is None else min(received, self._kept)
        return max(0, kept - FREE_BYTES)

    def take(self, count: int) -> str:
        """Take so many bytes, and return ""; or take nothing, and return why."""
        reason = self._reason_against(count) or ("" if self._within is None else self._within.take(count))
        if not reason:
            self.used += count
        return reason

    def give_back(self, count: int) -> None:
        self.used -= count
        if self._within is not None:
            self._within.give_back(count)

    def _reason_against(self, count: int) -> str:
        if self.used + count > self._most:
            return (
                f"The bodies of requests under way take all of the {self._most:,} bytes that there are for them"
                " (limit body-bytes-under-way)."
            )
        if self._unchecked + count < CHECKED_EVERY_BYTES:
            self._unchecked += count
            return ""
        reason = self._shortage(self.used + count)
        if not reason:
            self._unchecked = 0
        return reason
