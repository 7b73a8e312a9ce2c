"""A toy family: channels that count, and are offline while their sum is negative."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec

from depot_sim.application.channels.channel import Channel
from depot_sim.application.channels.store import ChannelStore
from depot_sim.application.event_log import EventLog, Journal
from depot_sim.application.runtime import HeldRuns
from depot_sim.application.snapshots import Snapshots
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.kernel.events import Event
from tests.application.run.processes import ALICE, FakeClock

SNAPSHOT_EVERY = 5


class ToyCounted(Event, frozen=True):
    TOPIC: ClassVar[str] = "test.toy-counted.1"
    by: int


class ToyState(msgspec.Struct):
    total: int = 0
    counted: int = 0


def _counted(state: ToyState, event: ToyCounted) -> None:
    state.total += event.by
    state.counted += 1


class Toy(Aggregate[ToyState]):
    handlers: ClassVar[Mapping[type[Event], Callable[[Any, Any], None]]] = {ToyCounted: _counted}
    __slots__ = ()

    def count(self, by: int) -> int:
        """The sum."""
        self.emit(ToyCounted(by))
        return self.state.total


class ToyChannel(Channel[str]):
    def __init__(self, key: str) -> None:
        self.toy = Toy(f"toy-{key}", ToyState())
        super().__init__(key, key.partition("/")[0], key, self.toy)

    @property
    def is_on_run_time(self) -> bool:
        return False

    @property
    def is_online(self) -> bool:
        return self.toy.state.total >= 0


class ToyStore(ChannelStore[str, ToyChannel]):
    """By "run/name". `gone` are names that no run has any more."""

    NOUN: ClassVar[str] = "toy"

    def __init__(self, log: EventLog, journal: Journal, host: HeldRuns, clock: FakeClock) -> None:
        super().__init__(log, journal, host, Snapshots(log, ToyState, 1, SNAPSHOT_EVERY))
        self._clock = clock
        self._begun: list[str] = []
        self.gone: set[str] = set()

    async def new(self, key: str) -> ToyChannel:
        return ToyChannel(key)

    async def moment(self, channel: ToyChannel) -> Moment:
        return self.present(channel)

    def present(self, channel: ToyChannel) -> Moment:
        """By the wall's clock, and by the run's logical time since its start."""
        held = self._host.held(channel.run_id)
        now, run = self._clock.now_us() // 1_000, 0 if held is None else held.run.world.at
        return Moment(now, now, run)

    async def find(self, run_id: str, name: str) -> ToyChannel:
        if name in self.gone:
            raise self.unknown(run_id, name)
        try:
            return await self.get(f"{run_id}/{name}")
        except NotFound:
            raise self.unknown(run_id, name) from None

    async def names(self, run_id: str) -> list[str]:
        return [name for key in self._begun for run, _, name in [key.partition("/")] if run == run_id]

    async def begin(self, run_id: str, name: str) -> str:
        """The key of a new channel, whose first event is in the log."""
        channel = ToyChannel(f"{run_id}/{name}")
        await self.apply(channel, await self.moment(channel), count(0), ALICE)
        self.keep(channel)
        self._begun.append(channel.key)
        return channel.key


def count(by: int) -> Callable[[ToyChannel, Moment], int]:
    """The decision to count."""
    return lambda channel, _: channel.toy.count(by)
