"""Two processes decide on the same channels, appends fail, channels are forgotten: no count is lost or doubled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from depot_sim.adapters.event_store import open_event_store
from depot_sim.application.event_log import EventLog
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.kernel.errors import CommandRefused, StoreError
from tests.application.channels.toy import Toy, ToyChannel, ToyState, ToyStore, count
from tests.application.run.processes import FakeClock, Process
from tests.full_set import examples

T = TypeVar("T")

KEYS = ["r/one", "r/two"]
keys = st.sampled_from(KEYS)
places = st.sampled_from(["here", "there"])
sums = st.lists(st.tuples(places, keys, st.integers(-3, 3)), min_size=1, max_size=6)


class StoreMachine(RuleBasedStateMachine):
    """`counted` is what every channel's acknowledged decisions come to."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.opened = open_event_store("memory:")
        self.store = self.opened.__enter__()
        clock = FakeClock()
        self.processes = {owner: Process(self.store, clock, owner) for owner in ("here", "there")}
        self.stores = {
            owner: ToyStore(self.store.log, process.journal, process.host, clock)
            for owner, process in self.processes.items()
        }
        self.counted: Counter[str] = Counter()
        self.told: dict[str, int] = {}
        self.stores["here"].on_change.append(lambda channel: self.told.update({channel.key: channel.toy.version}))
        self.wait(self.processes["here"].start())
        for key in KEYS:
            self.wait(self.stores["here"].begin(*key.split("/")))

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(coroutine)

    @rule(asked=sums)
    def count_at_once(self, asked: list[tuple[str, str, int]]) -> None:
        """Each is acknowledged, however often it had to be repeated."""

        async def decide() -> list[int]:
            return await asyncio.gather(
                *(self.stores[place].decide(key, count(by), fenced=False) for place, key, by in asked)
            )

        self.wait(decide())
        for _, key, by in asked:
            self.counted[key] += by

    @rule(asked=sums, failing=st.integers(0, 5), place=places)
    def count_while_the_store_fails(self, asked: list[tuple[str, str, int]], failing: int, place: str) -> None:
        """What was refused has not happened."""

        async def decide() -> list[int | BaseException]:
            decisions = (self.stores[place].decide(key, count(by), fenced=False) for _, key, by in asked)
            return await asyncio.gather(*decisions, return_exceptions=True)

        self.processes[place].journal.outcomes = [*[None] * failing, StoreError("the disk is full")]
        for (_, key, by), result in zip(asked, self.wait(decide()), strict=True):
            if isinstance(result, int):
                self.counted[key] += by
            else:
                assert isinstance(result, StoreError)
        self.processes[place].journal.outcomes = []

    @rule(place=places, key=keys)
    def change_ones_mind(self, place: str, key: str) -> None:
        def change(channel: ToyChannel, _: Moment) -> None:
            channel.toy.count(1)
            raise CommandRefused("on second thoughts, no")

        with pytest.raises(CommandRefused):
            self.wait(self.stores[place].decide(key, change, fenced=False))

    @rule(place=places, key=keys)
    def forget(self, place: str, key: str) -> None:
        self.stores[place].forget(key)

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        for key in KEYS:
            assert _folded(self.store.log, key).total == self.counted[key]

    @invariant()
    def memory_is_never_ahead_of_the_log(self) -> None:
        for store in self.stores.values():
            for channel in store.loaded():
                rows = self.store.log.read_stream(channel.toy.stream, upto=channel.toy.version)
                toy = Toy(channel.toy.stream, ToyState())
                toy.fold(row.decoded().event for row in rows)
                assert (toy.state, toy.version) == (channel.toy.state, channel.toy.version)
                assert channel.durable <= channel.toy.version

    def teardown(self) -> None:
        for process in self.processes.values():
            self.wait(process.close())
        self.wait(self.loop.shutdown_default_executor())
        self.loop.close()
        self.opened.__exit__(None, None, None)


def _folded(log: EventLog, key: str) -> ToyState:
    toy = Toy(f"toy-{key}", ToyState())
    toy.fold(row.decoded().event for row in log.read_stream(toy.stream))
    return toy.state


def test_no_decision_is_lost_or_doubled() -> None:
    run_state_machine_as_test(StoreMachine, settings=settings(max_examples=examples(100), stateful_step_count=20))
