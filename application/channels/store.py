"""Channels in memory: loaded once, decided on without waiting, appended without waiting for each other.

A decision changes the aggregates in memory, and its events are handed to the journal at once, so that many decisions
share a commit; only the caller waits for it. When another process wrote first, the append fails: the channel is
dropped, loaded again, and the decision is repeated on what the log says.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from depot_sim.application.channels.channel import Channel
from depot_sim.application.event_log import EventLog, Fence, Journal
from depot_sim.application.repository import Origin, brought_up, pending_append
from depot_sim.application.runtime import HeldRuns
from depot_sim.application.snapshots import Snapshots
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.kernel.errors import NotFound, RunHeldElsewhere, VersionConflict

K = TypeVar("K")
C = TypeVar("C", bound=Channel[Any])
T = TypeVar("T")

MAX_ATTEMPTS = 8
MAX_LOADED = 4_096
"""Channels that are loaded because a request names them; the one loaded first makes room for another."""


class ChannelStore(ABC, Generic[K, C]):
    """Loads and saves the channels of one protocol family. Everyone in `on_change` is told of every changed channel."""

    NOUN: ClassVar[str]
    """What errors call a channel of the family."""

    def __init__(self, log: EventLog, journal: Journal, host: HeldRuns, snapshots: Snapshots[Any]) -> None:
        self._log = log
        self._journal = journal
        self._host = host
        self._snapshots = snapshots
        self._loaded: OrderedDict[K, C] = OrderedDict()
        self._loading: dict[K, asyncio.Task[C]] = {}
        self.on_change: list[Callable[[C], None]] = []

    # What families say

    @abstractmethod
    async def new(self, key: K) -> C:
        """The channel before its first event. Raises NotFound when it is known that there is none."""

    @abstractmethod
    async def moment(self, channel: C) -> Moment:
        """The present on every clock of the channel. Raises NotFound when its run is gone."""

    @abstractmethod
    async def find(self, run_id: str, name: str) -> C:
        """The channel that a run has under this name; not to be changed. Raises NotFound."""

    @abstractmethod
    async def names(self, run_id: str) -> Sequence[str]:
        """The names under which the run has channels, in a fixed order."""

    def unknown(self, run_id: str, name: str) -> NotFound:
        return NotFound(f"run {run_id} has no {self.NOUN} {name}", f"list its {self.NOUN}s")

    # Loading

    async def get(self, key: K) -> C:
        """The channel as the log has it, or ahead of it by what is being written. Raises NotFound."""
        channel = self._loaded.get(key)
        if channel is not None:
            return channel
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._load_and_keep(key))
        return await asyncio.shield(task)

    def peek(self, key: K) -> C | None:
        """The channel if it is loaded."""
        return self._loaded.get(key)

    def loaded(self) -> list[C]:
        return list(self._loaded.values())

    def keep(self, channel: C) -> None:
        """Let `get` find this channel, as it is; one that was dropped meanwhile is loaded again."""
        if not channel.dropped:
            self._loaded[channel.key] = channel

    def drop(self, channel: C) -> None:
        """Forget a channel that is ahead of the log, or no longer ours to write."""
        channel.dropped = True
        if self._loaded.get(channel.key) is channel:
            del self._loaded[channel.key]

    def forget(self, key: K) -> None:
        """Load the channel again before it is used again."""
        channel = self._loaded.get(key)
        if channel is not None:
            self.drop(channel)

    async def _load_and_keep(self, key: K) -> C:
        try:
            channel = await self.load(key)
            loaded = self._loaded.get(key)
            if loaded is not None:
                return loaded  # its beginning was written here while the log was being read
            if not channel.durable:
                raise self.unknown(channel.run_id, channel.id)
            self.keep(channel)
            if len(self._loaded) > MAX_LOADED:
                self._loaded.popitem(last=False)
            return channel
        finally:
            # Here and not in a callback of the task: a waiter that resumes before the callback would get the result of
            # this load even if the channel was dropped in between.
            del self._loading[key]

    async def load(self, key: K) -> C:
        """A new object with the state of the log, unknown to `get`. At version 0 its first event is not in the log."""
        channel = await self.new(key)
        await self._snapshots.restore(channel.aggregate)
        for aggregate in channel.aggregates:
            await brought_up(self._log, aggregate)
        channel.durable = channel.aggregate.version
        return channel

    # Deciding

    async def decide(
        self,
        key: K,
        decision: Callable[[C, Moment], T],
        *,
        origin: Origin | None = None,
        fenced: bool = True,
        repeat_beside: bool = False,
    ) -> T:
        """Let `decision` change the channel at its present moment, and save that; its result.

        When another process wrote first, the decision is repeated on the channel loaded again; when it wrote to what is
        saved beside the channel, VersionConflict is raised unless `repeat_beside`. With `fenced` this process must hold
        the run. Raises RunHeldElsewhere, NotFound, and what `decision` raises.
        """
        for attempt in range(1, MAX_ATTEMPTS + 1):
            channel = await self.get(key)
            fence = self.fence(channel.run_id) if fenced else self.fence_if_held(channel.run_id)
            moment = await self.moment(channel)
            if channel.dropped:
                continue
            try:
                return await self.apply(channel, moment, decision, origin, fence)
            except VersionConflict as conflict:
                is_own = any(conflict.stream == aggregate.stream for aggregate in channel.aggregates)
                if attempt == MAX_ATTEMPTS or not (is_own or repeat_beside):
                    raise
        raise VersionConflict(channel.id, channel.durable)

    async def apply(
        self,
        channel: C,
        moment: Moment,
        decision: Callable[[C, Moment], T],
        origin: Origin | None = None,
        fence: Fence | None = None,
    ) -> T:
        """One attempt of `decide`. A channel whose decision fails halfway is dropped."""
        was_online, before = channel.is_online, channel.versions
        try:
            channel.catch_up(moment)
            result = decision(channel, moment)
            if channel.overrides.state.begun:
                channel.end_interventions(moment)
            if was_online and not channel.is_online:
                channel.expectations.went_offline(moment)
        except BaseException:
            channel.beside.clear()
            if channel.versions != before:
                self.drop(channel)
            raise
        await self.save(channel, origin, fence)
        return result

    async def save(self, channel: C, origin: Origin | None = None, fence: Fence | None = None) -> None:
        """Append everything pending of the channel and of what is saved beside it, all or nothing.

        After a failure the channel is dropped.
        """
        events, reached = channel.aggregate.pending, channel.versions
        try:
            append = pending_append((*channel.beside, *channel.aggregates), origin, fence or channel.fence)
            channel.beside.clear()
            if not append.writes:
                return
            snapshot = self._snapshots.take(channel.aggregate)
            await self._journal.append(append)
        except BaseException:
            self.drop(channel)
            raise
        self._snapshots.keep(snapshot)
        channel.durable = max(channel.durable, reached[0])
        channel.saved(events, reached[0] - len(events) + 1)
        loaded = self.peek(channel.key)
        if loaded is not None and any(map(int.__lt__, loaded.versions, reached)):
            self.drop(loaded)  # it was loaded while this was being written
        self.notify_changed(channel)

    def fence(self, run_id: str) -> Fence:
        """Raises RunHeldElsewhere when this process does not hold the run."""
        fence = self.fence_if_held(run_id)
        if fence is None:
            raise RunHeldElsewhere(run_id, "")
        return fence

    def fence_if_held(self, run_id: str) -> Fence | None:
        held = self._host.held(run_id)
        return None if held is None else held.fence

    # Changes

    def notify_changed(self, channel: C) -> None:
        for notify in self.on_change:
            notify(channel)
