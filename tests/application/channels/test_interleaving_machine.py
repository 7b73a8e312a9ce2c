"""Two processes decide on one channel before their earlier decisions are written, and commit when the machine says so.

Whatever is written was decided on what is in the log before it, and on nothing else.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from itertools import count
from typing import Any, ClassVar, TypeVar

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from depot_sim.adapters.event_store import open_event_store
from depot_sim.adapters.event_store.journal import GroupCommitJournal
from depot_sim.application.channels.channel import Channel
from depot_sim.application.channels.store import ChannelStore
from depot_sim.application.event_log import Append, EventLog, Journal
from depot_sim.application.repository import pending_append
from depot_sim.application.snapshots import Snapshots
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.interaction.override_events import OverrideApplied
from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.events import Event
from tests.application.run.processes import FakeClock, Process, until
from tests.domain.scenario.samples import moment, override
from tests.full_set import examples
from tests.patience import patient

T = TypeVar("T")

KEY = "r/one"
NAMES = ("here", "there")
names = st.sampled_from(NAMES)


class Noted(Event, frozen=True):
    """A decision, with what it was made on: the number of the one before it, and the overrides that were active."""

    TOPIC: ClassVar[str] = "test.interleaving-noted.1"
    number: int
    after: int
    overrides: tuple[int, ...]


class NotesState(msgspec.Struct):
    last: int = 0


def _noted(state: NotesState, event: Noted) -> None:
    state.last = event.number


class Notes(Aggregate[NotesState]):
    handlers: ClassVar[Mapping[type[Event], Callable[[Any, Any], None]]] = {Noted: _noted}
    __slots__ = ()


class NotedChannel(Channel[str]):
    def __init__(self, key: str) -> None:
        self.notes = Notes(f"notes-{key}", NotesState())
        super().__init__(key, "r", key, self.notes)


class NotedStore(ChannelStore[str, NotedChannel]):
    NOUN: ClassVar[str] = "notes"

    async def new(self, key: str) -> NotedChannel:
        return NotedChannel(key)

    async def moment(self, channel: NotedChannel) -> Moment:
        return moment(channel.durable)

    async def find(self, run_id: str, name: str) -> NotedChannel:
        return await self.get(f"{run_id}/{name}")

    async def names(self, run_id: str) -> list[str]:
        return [key for key in (KEY,) if key.startswith(run_id)]


Decision = Callable[[NotedChannel, Moment], None]


class GatedLog:
    """Writes a batch when it is told to. `begun` and `written` count batches."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._gate = threading.Semaphore(0)
        self.begun = 0
        self.written = 0
        self.batch: Sequence[Append] = ()

    def open(self, batches: int = 1) -> None:
        self._gate.release(batches)

    def append_many(self, appends: Sequence[Append]) -> Sequence[Sequence[int] | Exception]:
        self.batch = appends
        self.begun += 1
        assert self._gate.acquire(timeout=patient(60))
        try:
            return self._log.append_many(appends)
        finally:
            self.written += 1


class WatchedJournal:
    """`waiting` are the appends whose savers have no answer yet, by identity."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.waiting: dict[int, Append] = {}

    async def append(self, append: Append) -> Sequence[int]:
        self.waiting[id(append)] = append
        try:
            return await self._journal.append(append)
        finally:
            del self.waiting[id(append)]

    async def close(self) -> None:
        await self._journal.close()


class Place:
    """A process with its decisions under way."""

    def __init__(self, process: Process) -> None:
        self.gate = GatedLog(process.store.log)
        self.journal = WatchedJournal(GroupCommitJournal(self.gate, 0))  # type: ignore[arg-type]
        snapshots = Snapshots(process.store.log, NotesState, 1, 3)
        self.store = NotedStore(process.store.log, self.journal, process.host, snapshots)
        self.decisions: list[asyncio.Task[None]] = []

    async def decide(self, decisions: Sequence[Decision]) -> None:
        """Until the decisions wait to be written."""
        self.decisions += [asyncio.create_task(self.store.decide(KEY, one, fenced=False)) for one in decisions]
        await self.settle()

    async def commit(self) -> None:
        """Write one batch, until all that were refused have decided again."""
        gate, number = self.gate, self.gate.written + 1
        await until(lambda: gate.begun == number)
        batch = gate.batch
        gate.open()
        await until(lambda: gate.written == number and not any(id(one) in self.journal.waiting for one in batch))
        await self.settle()

    async def cancel(self) -> None:
        """Let the caller of the oldest decision go away."""
        self.decisions[0].cancel()
        await self.settle()

    async def settle(self) -> None:
        await until(lambda: sum(not decision.done() for decision in self.decisions) == len(self.journal.waiting))
        for decision in self.decisions:
            if decision.done() and not decision.cancelled():
                decision.result()
        self.decisions = [decision for decision in self.decisions if not decision.done()]

    async def close(self) -> None:
        self.gate.open(1_000)
        await asyncio.gather(*self.decisions, return_exceptions=True)
        await self.journal.close()


class Interleaving(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.opened = open_event_store("memory:")
        self.log = self.opened.__enter__().log
        self.process = Process(self.opened, FakeClock(), "owner")
        self.places = {name: Place(self.process) for name in NAMES}
        self.numbers = count(1)
        channel = NotedChannel(KEY)
        _note(0)(channel, moment(0))
        self.wait(self.process.journal.append(pending_append(channel.aggregates)))

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(coroutine)

    @rule(name=names, kinds=st.lists(st.sampled_from([Noted, OverrideApplied]), min_size=1, max_size=3))
    def decide(self, name: str, kinds: list[type[Event]]) -> None:
        decisions = [(_note if kind is Noted else _apply)(next(self.numbers)) for kind in kinds]
        self.wait(self.places[name].decide(decisions))

    @rule(name=names)
    def commit(self, name: str) -> None:
        place = self.places[name]
        if place.journal.waiting:
            self.wait(place.commit())

    @rule(name=names)
    def cancel(self, name: str) -> None:
        place = self.places[name]
        if place.decisions:
            self.wait(place.cancel())

    @invariant()
    def what_is_written_was_decided_on_what_was_written_before(self) -> None:
        last, applied = 0, set[int]()
        for row in self.log.read_all():
            event = row.decoded().event
            if isinstance(event, OverrideApplied):
                applied.add(event.override.seed)
            elif isinstance(event, Noted):
                assert event.after == last
                assert applied.issuperset(event.overrides)
                last = event.number

    def teardown(self) -> None:
        for place in self.places.values():
            self.wait(place.close())
        self.what_is_written_was_decided_on_what_was_written_before()
        self.wait(self.process.close())
        self.wait(self.loop.shutdown_default_executor())
        self.loop.close()
        self.opened.__exit__(None, None, None)


def _note(number: int) -> Decision:
    def note(channel: NotedChannel, _: Moment) -> None:
        overrides = tuple(active.override.seed for active in channel.overrides.active.values())
        channel.notes.emit(Noted(number, channel.notes.state.last, overrides))

    return note


def _apply(number: int) -> Decision:
    def apply(channel: NotedChannel, _: Moment) -> None:
        channel.overrides.apply(override(seed=number), 0)

    return apply


def test_what_is_written_was_decided_on_what_was_written_before() -> None:
    run_state_machine_as_test(Interleaving, settings=settings(max_examples=examples(300), stateful_step_count=20))
