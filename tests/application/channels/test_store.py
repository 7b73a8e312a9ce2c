"""Channels in memory: loaded once, decided on without waiting, and loaded again when somebody else was quicker."""

from __future__ import annotations

import asyncio

import pytest

from depot_sim.domain.interaction.expectation_events import Expectation, Moment, Step, Verdict
from depot_sim.domain.interaction.overrides import Overrides
from depot_sim.domain.kernel.errors import CommandRefused, Conflict, LeaseLost, NotFound, RunHeldElsewhere, StoreError
from depot_sim.domain.kernel.errors import VersionConflict as Overtaken
from tests.application.channels.conftest import Serve
from tests.application.channels.toy import SNAPSHOT_EVERY, Toy, ToyChannel, ToyState, ToyStore, count
from tests.application.run.conftest import Start
from tests.application.run.processes import Process, until
from tests.domain.scenario.samples import override

pytestmark = pytest.mark.anyio

ONE = "r/one"


async def total(toys: ToyStore, key: str = ONE) -> int:
    return (await toys.get(key)).toy.state.total


# Loading


async def test_a_channel_is_loaded_once_for_all_who_ask(toys: ToyStore) -> None:
    toys.forget(ONE)
    loaded = await asyncio.gather(*(toys.get(ONE) for _ in range(10)))
    assert len({id(channel) for channel in loaded}) == 1


async def test_a_channel_that_is_forgotten_as_soon_as_it_is_loaded_is_loaded_again(toys: ToyStore) -> None:
    toys.forget(ONE)
    loading = asyncio.create_task(toys.get(ONE))
    while not (loaded := toys.loaded()):  # noqa: ASYNC110 - every turn of the loop matters here
        await asyncio.sleep(0)
    toys.forget(ONE)

    assert not (await toys.get(ONE)).dropped
    assert await loading is loaded[0]


async def test_an_unknown_channel_is_not_found(toys: ToyStore) -> None:
    with pytest.raises(NotFound, match="run r has no toy r/two"):
        await toys.get("r/two")
    assert toys.peek("r/two") is None


async def test_a_channel_is_loaded_from_its_snapshot_and_what_came_after(
    toys: ToyStore, process: Process, serve: Serve
) -> None:
    for by in range(SNAPSHOT_EVERY + 2):
        await toys.decide(ONE, count(by))
    log = process.store.log
    stream = f"toy-{ONE}"
    await until(lambda: log.latest_snapshot(stream) is not None)
    snapshot = log.latest_snapshot(stream)
    assert snapshot is not None
    assert 0 < snapshot.version < SNAPSHOT_EVERY + 3

    loaded = await serve(process).get(ONE)
    by_events = Toy(stream, ToyState())
    by_events.fold(row.decoded().event for row in log.read_stream(stream))
    assert (loaded.toy.state, loaded.toy.version) == (by_events.state, by_events.version)
    assert loaded.durable == loaded.toy.version


# Deciding


async def test_decisions_are_written_in_their_order_without_waiting_for_each_other(toys: ToyStore) -> None:
    sums = await asyncio.gather(*(toys.decide(ONE, count(by)) for by in range(1, 21)))
    assert list(sums) == [by * (by + 1) // 2 for by in range(1, 21)]
    toys.forget(ONE)
    assert await total(toys) == 210


async def test_a_decision_is_repeated_on_what_another_process_wrote_first(processes: Start, serve: Serve) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    ours, theirs = serve(here), serve(there)
    await ours.begin("r", "one")
    await theirs.get(ONE)
    await ours.decide(ONE, count(10))
    seen: list[int] = []

    def look_and_count(channel: ToyChannel, _: Moment) -> int:
        seen.append(channel.toy.state.total)
        return channel.toy.count(1)

    assert await theirs.decide(ONE, look_and_count, fenced=False) == 11
    assert seen == [0, 10]


async def test_what_is_saved_beside_a_channel_is_saved_with_it_or_not_at_all(toys: ToyStore, process: Process) -> None:
    def decide(channel: ToyChannel, _: Moment) -> Toy:
        beside = Toy("toy-beside", ToyState())
        beside.count(3)
        channel.save_with(beside)
        channel.toy.count(1)
        return beside

    await toys.decide(ONE, decide)
    with pytest.raises(Overtaken) as conflict:
        await toys.decide(ONE, decide)
    assert conflict.value.stream == "toy-beside"
    assert await total(toys) == 1
    assert process.store.log.stream_version("toy-beside") == 1


async def test_a_conflict_beside_the_channel_is_repeated_where_that_is_asked_for(toys: ToyStore) -> None:
    names = iter(["toy-used", "toy-used", "toy-free"])

    def decide(channel: ToyChannel, _: Moment) -> str:
        beside = Toy(next(names), ToyState())
        beside.count(3)
        channel.save_with(beside)
        channel.toy.count(1)
        return beside.stream

    assert await toys.decide(ONE, decide) == "toy-used"
    assert await toys.decide(ONE, decide, repeat_beside=True) == "toy-free"
    assert await total(toys) == 2


async def test_a_decision_that_fails_halfway_leaves_nothing(toys: ToyStore) -> None:
    def half(channel: ToyChannel, _: Moment) -> None:
        channel.toy.count(1)
        beside = Toy("toy-beside", ToyState())
        beside.count(1)
        channel.save_with(beside)
        raise CommandRefused("on second thoughts, no")

    with pytest.raises(CommandRefused):
        await toys.decide(ONE, half)
    assert await total(toys) == 0
    await toys.decide(ONE, count(1))
    assert toys.peek("toy-beside") is None


async def test_a_refusal_that_changed_nothing_leaves_the_channel_loaded(toys: ToyStore) -> None:
    channel = await toys.get(ONE)
    with pytest.raises(NotFound):
        await toys.decide(ONE, lambda channel, moment: channel.overrides.clear("o-1", moment.target))
    assert await toys.get(ONE) is channel


async def test_what_could_not_be_written_is_forgotten_with_what_was_decided_on_it(
    toys: ToyStore, process: Process
) -> None:
    process.journal.outcomes = [StoreError("the disk is full")]
    first, second = await asyncio.gather(toys.decide(ONE, count(5)), toys.decide(ONE, count(1)), return_exceptions=True)
    assert isinstance(first, StoreError)
    assert second == 1
    assert await total(toys) == 1


async def test_whoever_loads_a_channel_while_it_is_written_knows_of_it_afterwards(
    toys: ToyStore, process: Process
) -> None:
    told: list[int] = []
    toys.on_change.append(lambda channel: told.append(channel.toy.state.total))
    process.journal.asked.clear()
    process.journal.open.clear()
    writing = asyncio.create_task(toys.decide(ONE, count(5)))
    await process.journal.asked.wait()
    toys.forget(ONE)
    assert await total(toys) == 0
    process.journal.open.set()
    await writing
    assert await total(toys) == 5
    assert told == [5]


# Who may write


async def test_decisions_need_the_run_unless_they_say_otherwise(processes: Start, serve: Serve) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    await serve(here).begin("r", "one")
    theirs = serve(there)
    with pytest.raises(RunHeldElsewhere):
        await theirs.decide(ONE, count(1))
    assert await theirs.decide(ONE, count(1), fenced=False) == 1


async def test_a_process_that_has_lost_the_run_and_does_not_know_it_can_write_nothing(
    toys: ToyStore, process: Process
) -> None:
    process.lose_lease()
    with pytest.raises(LeaseLost):
        await toys.decide(ONE, count(1))
    assert await total(toys) == 0


async def test_a_channel_with_a_fence_of_its_own_is_saved_under_it(toys: ToyStore, process: Process) -> None:
    channel = await toys.get(ONE)
    channel.fence = toys.fence("r")
    process.lose_lease()
    channel.toy.count(1)
    with pytest.raises(LeaseLost):
        await toys.save(channel)
    assert channel.dropped


# Changes


async def test_changes_are_told_once_they_are_written(toys: ToyStore) -> None:
    told: list[int] = []
    toys.on_change.append(lambda channel: told.append(channel.toy.state.total))
    await toys.decide(ONE, lambda *_: None)
    assert told == []
    await toys.decide(ONE, count(3))
    assert told == [3]


async def test_overrides_and_expectations_are_loaded_and_saved_with_the_channel(toys: ToyStore) -> None:
    def force(channel: ToyChannel, moment: Moment) -> str:
        channel.expectations.raise_(Expectation((Step(),), moment.target + 1_000), moment)
        return channel.overrides.apply(override(), moment.target)

    override_id = await toys.decide(ONE, force)
    toys.forget(ONE)
    channel = await toys.get(ONE)
    assert list(channel.overrides.active) == [override_id]
    assert len(channel.expectations.waiting) == 1


async def test_a_channel_that_goes_offline_takes_along_what_needs_it_online(toys: ToyStore) -> None:
    def expect(channel: ToyChannel, moment: Moment) -> str:
        expected = Expectation((Step(),), moment.target + 1_000, requires_online=True)
        return channel.expectations.raise_(expected, moment)

    expectation_id = await toys.decide(ONE, expect)
    await toys.decide(ONE, count(-1))
    standing = (await toys.get(ONE)).expectations.find(expectation_id)
    assert standing is not None
    assert (standing.verdict, standing.reason) == (Verdict.RETIRED, "its target went offline")

    offline = await toys.decide(ONE, expect)
    await toys.decide(ONE, count(-1))
    standing = (await toys.get(ONE)).expectations.find(offline)
    assert standing is not None
    assert standing.verdict is Verdict.WAITING, "it was offline already"


async def test_too_many_overrides_are_refused_and_none_is_half_applied(toys: ToyStore) -> None:
    def apply_many(channel: ToyChannel, moment: Moment) -> None:
        while True:
            channel.overrides.apply(override(), moment.target)

    with pytest.raises(Conflict):
        await toys.decide(ONE, apply_many)
    assert not (await toys.get(ONE)).overrides.active
    assert Overrides(ONE).version == 0
