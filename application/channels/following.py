"""Several processes may serve one channel: each follows what the others write, so that it decides on what there is.

A partner's message may come to a process that does not run the channel's timers, an override or expectation to one that
the next message does not come to. Within a tenth of a second all of them know.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from depot_sim.application.channels.channel import Channel
from depot_sim.application.channels.store import ChannelStore
from depot_sim.application.clock import Clock
from depot_sim.application.event_log import Filter, Row
from depot_sim.application.own_writes import OwnWrites
from depot_sim.domain.kernel.errors import DepotSimError
from depot_sim.domain.kernel.events import decode

_log = logging.getLogger("depot_sim.channels")

_LOOK_US = 100_000


class ChannelFollower:
    """Keeps the loaded channels of a store up with the log. What only this process writes costs next to nothing.

    The streams of the family's aggregates begin with `prefix`.
    """

    def __init__(self, writes: OwnWrites, channels: ChannelStore[Any, Any], clock: Clock, prefix: str) -> None:
        self._writes = writes
        self._channels = channels
        self._clock = clock
        self._streams = Filter(stream_prefixes=(prefix, "override-", "expectation-"))

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self.look()
            except DepotSimError:
                _log.warning("changes of other processes not seen", exc_info=True)
            await self._clock.sleep_us(_LOOK_US)

    async def look(self) -> None:
        """Take over what others have written since the last look."""
        async for rows in self._writes.by_others(self._streams):
            for channel in self._take_over(rows):
                self._channels.notify_changed(channel)

    def _take_over(self, rows: Iterable[Row]) -> Iterable[Channel[Any]]:
        """Fold rows into what is loaded; the channels that changed."""
        channels = self._channels.loaded()
        by_stream = {aggregate.stream: (channel, aggregate) for channel in channels for aggregate in channel.aggregates}
        changed = {}
        for row in rows:
            found = by_stream.get(row.stream)
            if found is None or row.version <= found[1].version:
                continue
            channel, aggregate = found
            if row.version == aggregate.version + 1:
                aggregate.fold((decode(row.topic, row.state),))
                channel.durable = channel.aggregate.version
                changed[channel.key] = channel
            else:
                self._channels.drop(channel)
        return changed.values()
