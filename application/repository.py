"""Load an aggregate from its stream, save what it decided. The only way services reach the log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from depot_sim.application.event_log import Append, EventLog, Fence, Journal, Row, StreamWrite
from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.events import decode, encode

A = TypeVar("A", bound=Aggregate[Any])


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who caused events and why: kept with the record, never part of a decision."""

    actor: str = ""
    causation_id: str = ""
    correlation_id: str = ""


class Repository:
    """Async over a blocking log: reads run in threads, appends go through the journal's group commit."""

    def __init__(self, log: EventLog, journal: Journal) -> None:
        self._log = log
        self._journal = journal

    async def fold(self, aggregate: A) -> A:
        """Bring `aggregate` up to its stream's newest version; version 0 afterwards means there is no such stream."""
        return await brought_up(self._log, aggregate)

    async def rows(self, stream: str, upto: int | None = None) -> list[Row]:
        return await asyncio.to_thread(self._log.read_stream, stream, upto=upto)

    async def save(
        self, *aggregates: Aggregate[Any], origin: Origin | None = None, fence: Fence | None = None
    ) -> Sequence[int]:
        """Append everything pending, all or nothing; the positions written. Raises VersionConflict or LeaseLost.

        After a refusal the aggregates are ahead of the log: drop them, load again, repeat the command.
        """
        return await self._journal.append(pending_append(aggregates, origin, fence))


async def brought_up(log: EventLog, aggregate: A) -> A:
    """The aggregate, folded up to what the log has of its stream."""
    rows = await asyncio.to_thread(log.read_stream, aggregate.stream, after=aggregate.version)
    aggregate.fold(decode(row.topic, row.state) for row in rows)
    return aggregate


def pending_append(
    aggregates: Iterable[Aggregate[Any]], origin: Origin | None = None, fence: Fence | None = None
) -> Append:
    """What `aggregates` have decided since their last save, as one append; takes it out of them."""
    writes = []
    for aggregate in aggregates:
        if aggregate.pending:
            events = aggregate.take_pending()
            expected = aggregate.version - len(events)
            writes.append(StreamWrite(aggregate.stream, expected, [encode(event) for event in events], aggregate.basis))
    metadata = msgspec.json.encode(origin) if origin is not None else b""
    return Append(writes, metadata, fence)
