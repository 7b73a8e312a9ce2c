"""The host of runs: what is held, what is dropped, and who takes it up again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from depot_sim.application.run import writer as writing
from depot_sim.domain.kernel.errors import CommandRefused, Conflict, LeaseLost, NotFound, RunHeldElsewhere, StoreError
from depot_sim.domain.kernel.quantities import Share
from depot_sim.domain.run.aggregate import stream_of
from depot_sim.domain.run.commands import FaultCharger, SetTarget
from depot_sim.domain.run.events import ResumeReason, RunnerLeaseAcquired, SimulationRunResumed
from tests.application.run.conftest import Start
from tests.application.run.processes import ALICE, MINUTE, FakeClock, Process, until

pytestmark = pytest.mark.anyio

FAULT = FaultCharger("charger-1")


async def test_a_run_is_taken_up_again_from_the_log_after_an_append_that_failed(process: Process) -> None:
    await process.start()
    process.journal.outcomes = [StoreError("the disk is full")]
    with pytest.raises(StoreError):
        await process.runs.tick("r", 1, ALICE)
    assert process.host.held("r") is None

    outcome = await process.runs.tick("r", 1, ALICE)
    assert outcome.at == MINUTE
    assert process.topics()[2:4] == ["run.lease-acquired.1", "run.resumed.1"]


async def test_a_decision_that_fails_halfway_is_forgotten(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    await process.start()

    def half_done(run: Any, _command: Any) -> None:
        run.pause()
        raise CommandRefused("on second thoughts, no")

    version = process.version()
    monkeypatch.setattr("depot_sim.domain.run.aggregate.SimulationRun.command", half_done)
    with pytest.raises(CommandRefused, match="second thoughts"):
        await process.runs.command("r", FAULT, ALICE)
    monkeypatch.undo()

    assert process.version() == version
    assert (await process.runs.tick("r", 1, ALICE)).at == MINUTE


async def test_whoever_waited_for_a_run_that_was_dropped_meanwhile_gets_it_reloaded(process: Process) -> None:
    await process.start()
    async with process.host.writing("r") as held:
        waiting = asyncio.create_task(process.runs.command("r", FAULT, ALICE))
        await asyncio.sleep(0)
        process.host.drop(held)
    assert "charger.faulted.1" in (await waiting).events


async def test_a_process_that_lost_its_lease_can_append_nothing_and_lets_go(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    here.lose_lease(to="there")
    version = here.version()

    with pytest.raises(LeaseLost):
        await here.runs.tick("r", 1, ALICE)
    assert here.version() == version
    assert here.host.held_ids() == []
    with pytest.raises(RunHeldElsewhere) as error:
        await here.runs.tick("r", 1, ALICE)
    assert error.value.holder == "there"
    assert (await there.runs.tick("r", 1, ALICE)).at == MINUTE


async def test_renewal_drops_a_run_whose_lease_is_lost(process: Process, clock: FakeClock) -> None:
    await process.start()
    process.lose_lease()
    process.run_in_background(process.host.keep_leases())
    await until(lambda: clock.sleepers == 1)
    clock.advance(20_000_000)
    await until(lambda: process.host.held("r") is None)


async def test_renewal_keeps_what_is_still_ours(process: Process, clock: FakeClock) -> None:
    await process.start("r")
    await process.start("s")
    process.lose_lease("r")
    process.run_in_background(process.host.keep_leases())
    for _ in range(2):
        await until(lambda: clock.sleepers == 1)
        clock.advance(20_000_000)
    await until(lambda: clock.sleepers == 1)
    assert process.host.held_ids() == ["s"]


async def test_a_dead_process_is_replaced_and_the_log_says_so(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    await here.runs.tick("r", 1, ALICE)
    here.forget()

    assert await there.host.adopt_unheld(ResumeReason.TAKEOVER) == ["r"]
    taken = there.events()[-2:]
    assert isinstance(taken[0], RunnerLeaseAcquired)
    assert taken[0].owner == "there"
    assert taken[1] == SimulationRunResumed(MINUTE, ResumeReason.TAKEOVER)
    assert (await there.runs.tick("r", 1, ALICE)).at == 2 * MINUTE


async def test_a_run_that_somebody_holds_is_not_taken(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    assert await there.host.adopt_unheld(ResumeReason.TAKEOVER) == []
    with pytest.raises(RunHeldElsewhere, match="held by here"):
        await there.runs.pause("r", ALICE)


@pytest.mark.parametrize(
    ("holder", "asked", "hint"),
    [
        ("http://10.0.0.2:8420", "http://10.0.0.1:8420", "send the command to http://10.0.0.2:8420"),
        ("http://[::]:80#north", "http://[::]:80#south", "send the command to http://[::]:80 on the machine north"),
        ("http://127.0.0.1:80#north", "http://127.0.0.1:80#north", "start one of the two with another --port"),
        ("north:4711", "http://127.0.0.1:80#north", "send the command again when the process north:4711 has ended"),
        ("", "http://127.0.0.1:80#north", "send the command again in a few seconds"),
    ],
)
def test_the_hint_names_the_holder_and_never_the_process_that_was_asked(holder: str, asked: str, hint: str) -> None:
    assert RunHeldElsewhere("r", holder, asked).hint.endswith(hint)


async def test_watching_takes_over_what_is_left_alone(processes: Start, clock: FakeClock) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    there.run_in_background(there.host.watch_unheld())
    await until(lambda: clock.sleepers == 1)
    here.forget()
    clock.advance(1_000_000)
    await until(lambda: there.host.held("r"))


async def test_what_was_dropped_here_is_taken_back_here(process: Process) -> None:
    await process.start()
    held = process.host.held("r")
    assert held is not None
    process.host.drop(held)
    assert await process.host.adopt_unheld(ResumeReason.TAKEOVER) == ["r"]


async def test_a_run_that_cannot_be_read_keeps_nobody_else_waiting_and_is_left_alone_for_a_while(
    process: Process, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run_id in ("r", "s"):
        await process.start(run_id)
        process.forget(run_id)
    load = process.host._archive.load

    def broken(run_id: str, **how: Any) -> Any:
        if run_id == "r":
            raise ValueError("not what an event looks like")
        return load(run_id, **how)

    monkeypatch.setattr(process.host._archive, "load", broken)
    assert await process.host.adopt_unheld(ResumeReason.TAKEOVER) == ["s"]
    monkeypatch.undo()
    assert await process.host.adopt_unheld(ResumeReason.TAKEOVER) == []
    clock.advance(1_000_000)
    assert await process.host.adopt_unheld(ResumeReason.TAKEOVER) == ["r"]


async def test_a_run_that_one_process_cannot_read_may_be_taken_by_another(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    here.forget()
    here.journal.outcomes = [StoreError("no space")]
    assert await here.host.adopt_unheld(ResumeReason.TAKEOVER) == []
    assert await there.host.adopt_unheld(ResumeReason.TAKEOVER) == ["r"]


async def test_an_unknown_run_is_not_found_and_leaves_no_lease(process: Process) -> None:
    with pytest.raises(NotFound):
        await process.runs.pause("nobody", ALICE)
    assert process.store.leases.unheld("here") == []


async def test_many_who_ask_for_an_unheld_run_at_once_adopt_it_once(process: Process) -> None:
    await process.start()
    process.forget()
    targets = [SetTarget("bus-1", Share.parse(f"{percent} %")) for percent in range(60, 70)]
    await asyncio.gather(*(process.runs.command("r", target, ALICE) for target in targets))
    assert process.topics().count("run.lease-acquired.1") == 2


async def test_what_is_released_can_be_taken_at_once(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start("r")
    await here.start("s")
    await here.host.release_all()

    assert here.host.held_ids() == []
    assert here.topics()[-1] == "run.lease-released.1"
    assert await there.host.adopt_unheld(ResumeReason.RESTART) == ["r", "s"]
    assert (await there.runs.tick("r", 1, ALICE)).at == MINUTE


async def test_one_run_that_cannot_be_released_does_not_hold_up_the_others(process: Process) -> None:
    await process.start("r")
    await process.start("s")
    process.journal.outcomes = [StoreError("no space"), None]
    await process.host.release_all()
    assert process.topics("s")[-1] == "run.lease-released.1"
    assert process.host.held_ids() == []


async def test_a_paused_run_is_still_paused_when_another_takes_it(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    await here.runs.pause("r", ALICE)
    await here.host.release_all()
    await there.host.adopt_unheld(ResumeReason.RESTART)
    with pytest.raises(CommandRefused, match="is paused"):
        await there.runs.tick("r", 1, ALICE)


async def test_a_snapshot_is_kept_now_and_then_and_a_run_goes_on_from_it(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SNAPSHOT_EVERY", 10)
    await process.start()
    await process.runs.tick("r", 300, ALICE)
    snapshot = process.store.log.latest_snapshot(stream_of("r"))
    assert snapshot is not None
    assert snapshot.version > 10
    process.forget()
    assert (await process.runs.tick("r", 1, ALICE)).at == 301 * MINUTE


async def test_a_snapshot_that_cannot_be_kept_fails_no_request(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SNAPSHOT_EVERY", 10)

    def full(_snapshot: Any) -> None:
        raise StoreError("no space")

    await process.start()
    monkeypatch.setattr(process.store.log, "save_snapshot", full)
    assert (await process.runs.tick("r", 300, ALICE)).at == 300 * MINUTE
    assert process.host.held("r")


async def test_a_run_reloaded_again_and_again_is_a_conflict_in_the_end(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    await process.start()
    held = process.host.held("r")
    assert held is not None
    adopt = process.host.adopt

    async def adopted_and_lost(run_id: str, reason: ResumeReason) -> Any:
        lost = await adopt(run_id, reason)
        process.host.drop(lost)
        return lost

    monkeypatch.setattr(process.host, "adopt", adopted_and_lost)
    process.host.drop(held)
    with pytest.raises(Conflict, match="reloaded"):
        await process.runs.pause("r", ALICE)
