"""The port of the event log: one total order over all streams, SQLite and PostgreSQL behind it.

Positions grow by commit order: a reader that has seen position p never finds a new event below p. Numbers may be
skipped (PostgreSQL burns them on a refused insert). Every method may be called from any thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from depot_sim.domain.kernel.aggregate import Basis
from depot_sim.domain.kernel.events import EncodedEvent, Recorded, decode


class Fence(NamedTuple):
    """Proof of the lease on a run, checked in the append's own transaction: a stale holder's append fails by itself."""

    run_id: str
    token: int


class StreamWrite(NamedTuple):
    """Events for one stream, valid only while the stream stands at `expected_version` (0: it does not exist yet).

    Of two writes with the same `basis` the later one is valid only if the earlier one was written: by its version
    alone it could follow what another process wrote in place of that.
    """

    stream: str
    expected_version: int
    events: Sequence[EncodedEvent]
    basis: Basis | None = None


class Append(NamedTuple):
    """What one saver wants written, all of it or nothing. `metadata` is JSON: who asked, causation, correlation."""

    writes: Sequence[StreamWrite]
    metadata: bytes = b""
    fence: Fence | None = None


class Row(NamedTuple):
    """A stored event, not decoded. `recorded_at` is wall time in µs since 1970."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes
    recorded_at: int
    metadata: bytes

    def decoded(self) -> Recorded:
        return Recorded(
            self.position, self.stream, self.version, decode(self.topic, self.state), self.recorded_at, self.metadata
        )


class Snapshot(NamedTuple):
    """A fold kept beside the log: the state of `stream` at `version`, at logical time `at` (ms since the start)."""

    stream: str
    version: int
    at: int
    state: bytes


class Filter(NamedTuple):
    """Which rows a read of the whole log returns; nothing given means any.

    A row's stream must be one of `streams` or begin with one of `stream_prefixes`, and its topic be one of `topics`.
    """

    streams: tuple[str, ...] = ()
    stream_prefixes: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


EVERYTHING = Filter()


class EventLog(Protocol):
    """Appends, reads, snapshots and wake-ups."""

    def append(self, append: Append) -> Sequence[int]:
        """Write it durably and return the positions. Raises VersionConflict or LeaseLost; then nothing is written."""

    def append_many(self, appends: Sequence[Append]) -> Sequence[Sequence[int] | Exception]:
        """Group commit: one transaction, one outcome each. A refused one fails alone, its neighbours are written."""

    def read_stream(
        self,
        stream: str,
        *,
        after: int = 0,
        upto: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[Row]:
        """Events of one stream with after < version <= upto."""

    def read_all(
        self,
        after: int = 0,
        limit: int = 1000,
        where: Filter = EVERYTHING,
        *,
        upto: int | None = None,
        newest_first: bool = False,
    ) -> list[Row]:
        """Events of the whole log with after < position <= upto, by position."""

    def head(self) -> int:
        """The highest position, 0 when empty."""

    def stream_version(self, stream: str) -> int:
        """The stream's newest version, 0 when it does not exist."""

    def wait_beyond(self, position: int, timeout: float) -> bool:
        """Block until the log is beyond `position` (also by another process's commit) or `timeout` seconds passed."""

    def check_writable(self) -> None:
        """Commit something that adds no event. Raises StoreError when an append would fail for the store's sake."""

    def save_snapshot(self, snapshot: Snapshot) -> None: ...

    def latest_snapshot(
        self, stream: str, *, upto_version: int | None = None, upto_at: int | None = None
    ) -> Snapshot | None: ...

    def close(self) -> None: ...


class Journal(Protocol):
    """Appending from asyncio: savers that come while a commit is under way share the next one."""

    async def append(self, append: Append) -> Sequence[int]:
        """As EventLog.append, without blocking the loop. When it fails, the bases of its writes are lost."""

    async def close(self) -> None:
        """Write what waits, then stop."""


class Leases(Protocol):
    """Runner leases: one holder per run, and a token that grows with every grant.

    In a store that processes share a lease expires by the store's own clock. On SQLite one process has the store, and
    no lease expires: when the store is opened, all of them are free.
    """

    def acquire(self, run_id: str, owner: str, ttl_seconds: float) -> int | None:
        """The new fencing token, or None while another owner's lease is valid. One's own is granted again, anew."""

    def renew(self, run_id: str, token: int, ttl_seconds: float) -> None:
        """Prolong. Raises LeaseLost when the token is no longer the newest."""

    def release(self, run_id: str, token: int) -> None:
        """Let others take it at once. Does nothing when the token is no longer the newest."""

    def retire(self, run_id: str, token: int) -> None:
        """As `release`, for good: `unheld` names the run no more. Acquiring it again brings it back."""

    def unheld(self, owner: str) -> list[str]:
        """Runs for this owner to look after: their lease has expired, was released, or is the owner's own."""

    def holder(self, run_id: str) -> str | None:
        """The owner of the valid lease, or None."""
