"""The run service: what a caller may ask of a run, and what is left in the log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from depot_sim.application.run.outcome import Outcome
from depot_sim.application.run.requests import ClockRequest
from depot_sim.application.run.service import RunService
from depot_sim.domain.kernel.errors import CommandRefused, Conflict, InvalidInput, NotFound, StoreError
from depot_sim.domain.kernel.quantities import Duration, Share
from depot_sim.domain.run.aggregate import RunStatus, stream_of
from depot_sim.domain.run.commands import FaultCharger, SetTarget, Unplug
from depot_sim.domain.run.events import ClockMode
from tests.application.run.conftest import Start
from tests.application.run.processes import ALICE, MINUTE, Process

pytestmark = pytest.mark.anyio

FAULT = FaultCharger("charger-1", code="Jammed")
TARGET = SetTarget("bus-1", Share.parse("80 %"))


def pointers(error: pytest.ExceptionInfo[InvalidInput]) -> list[str]:
    return [fault.pointer for fault in error.value.faults]


async def test_a_started_run_stands_at_its_start_and_is_held(process: Process) -> None:
    outcome = await process.start(start_time="2026-03-02T12:00:00+10:00")

    assert outcome == Outcome("r", RunStatus.RUNNING, "2026-03-02T12:00:00.000+10:00", 0, 2)
    assert process.topics() == ["run.started.1", "run.lease-acquired.1"]
    assert process.host.held_ids() == ["r"]


async def test_every_record_says_who_asked_and_with_which_correlation(process: Process) -> None:
    await process.start()
    rows = process.store.log.read_stream(stream_of("r"))
    assert [json.loads(row.metadata) for row in rows] == [{"actor": "alice", "correlation_id": "c-1"}] * 2


async def test_a_second_start_is_a_conflict_and_the_first_run_goes_on(process: Process) -> None:
    await process.start()
    with pytest.raises(Conflict, match="started already"):
        await process.start()
    assert (await process.runs.tick("r", 1, ALICE)).at == MINUTE


async def test_of_several_starts_at_once_one_wins_and_its_run_goes_on(process: Process) -> None:
    outcomes = await asyncio.gather(*(process.start() for _ in range(5)), return_exceptions=True)

    assert sum(isinstance(outcome, Outcome) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 4
    assert (await process.runs.tick("r", 1, ALICE)).at == MINUTE
    assert process.store.leases.unheld("another") == []


async def test_a_start_in_one_process_shuts_out_the_other(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    outcomes = await asyncio.gather(here.start(), there.start(), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "Outcome"]
    winner, loser = (here, there) if isinstance(outcomes[0], Outcome) else (there, here)
    assert (winner.host.held_ids(), loser.host.held_ids()) == (["r"], [])


async def test_a_start_that_could_not_be_written_leaves_nothing_behind(process: Process) -> None:
    process.journal.outcomes = [None, StoreError("the disk is full")]  # the configuration is written, the run is not
    with pytest.raises(StoreError):
        await process.start()

    assert process.version() == 0
    assert process.store.leases.unheld("here") == []
    assert (await process.start()).version == 2


async def test_a_bad_start_is_told_whole(process: Process) -> None:
    with pytest.raises(InvalidInput) as error:
        await process.start("no/id", tick=Duration(0), start_time="yesterday", clock=ClockRequest(speed="-1"))
    assert pointers(error) == ["/tick", "/start_time", "/clock/speed", "/run_id"]


async def test_a_start_on_an_unknown_configuration_or_profile_is_refused(process: Process) -> None:
    with pytest.raises(InvalidInput) as error:
        await process.start(disturbances="plague")
    assert pointers(error) == ["/disturbances"]
    with pytest.raises(NotFound):
        await process.start(configuration_version=9)


async def test_pause_and_resume_change_the_status_and_refuse_to_be_said_twice(process: Process) -> None:
    await process.start()
    assert (await process.runs.pause("r", ALICE)).status is RunStatus.PAUSED
    with pytest.raises(CommandRefused, match="paused already"):
        await process.runs.pause("r", ALICE)
    with pytest.raises(CommandRefused, match="is paused"):
        await process.runs.tick("r", 1, ALICE)
    assert (await process.runs.resume("r", ALICE)).status is RunStatus.RUNNING
    with pytest.raises(CommandRefused, match="running already"):
        await process.runs.resume("r", ALICE)
    assert process.topics()[2:] == ["run.paused.1", "run.resumed.1"]


async def test_a_stopped_run_is_let_go_and_refuses_everything(process: Process) -> None:
    await process.start()
    assert (await process.runs.stop("r", ALICE)).status is RunStatus.STOPPED

    assert process.host.held_ids() == []
    assert process.store.leases.unheld("here") == []
    version = process.version()
    for refused in (process.runs.stop("r", ALICE), process.runs.command("r", FAULT, ALICE)):
        with pytest.raises(CommandRefused, match="stopped"):
            await refused
    assert process.version() == version
    assert process.store.leases.unheld("here") == []


async def test_ticks_are_whole_and_an_advance_ends_exactly_where_it_was_told(process: Process) -> None:
    await process.start(start_time="2026-03-02T12:00:00+10:00")
    assert (await process.runs.tick("r", 3, ALICE)).at == 3 * MINUTE
    assert (await process.runs.advance_to("r", "+10 min", ALICE)).at == 10 * MINUTE
    assert (await process.runs.advance_to("r", "2026-03-02T02:30:30Z", ALICE)).at == 30 * MINUTE + 30_000
    assert (await process.runs.advance_to("r", "+1830 s", ALICE)).events == ()


async def test_time_that_goes_backwards_or_too_far_is_refused(process: Process) -> None:
    await process.start()
    await process.runs.tick("r", 2, ALICE)
    version = process.version()
    for moment, expected in (("+1 min", "not before"), ("2999-01-01T00:00:00Z", "ticks ahead"), ("soon", "RFC 3339")):
        with pytest.raises(InvalidInput) as error:
            await process.runs.advance_to("r", moment, ALICE)
        assert pointers(error) == ["/to"]
        assert expected in str(error.value.faults[0])
    for count in (0, -1, 1_000_001):
        with pytest.raises(InvalidInput) as error:
            await process.runs.tick("r", count, ALICE)
        assert pointers(error) == ["/count"]
    assert process.version() == version


async def test_a_run_that_follows_wall_time_cannot_be_moved_by_hand(process: Process) -> None:
    await process.start(clock=ClockRequest(ClockMode.REALTIME))
    with pytest.raises(CommandRefused, match="wall time"):
        await process.runs.tick("r", 1, ALICE)
    with pytest.raises(CommandRefused, match="wall time"):
        await process.runs.advance_to("r", "+1 h", ALICE)


async def test_a_refused_command_leaves_no_trace(process: Process) -> None:
    await process.start()
    version = process.version()
    with pytest.raises(NotFound):
        await process.runs.command("r", FaultCharger("charger-9"), ALICE)
    with pytest.raises(CommandRefused):
        await process.runs.command("r", Unplug("bus-2"), ALICE)

    assert process.version() == version
    assert (await process.runs.tick("r", 1, ALICE)).at == MINUTE


async def test_a_command_tells_the_events_it_made(process: Process) -> None:
    await process.start()
    outcome = await process.runs.command("r", FAULT, ALICE)
    assert "charger.faulted.1" in outcome.events
    assert process.topics()[2:] == list(outcome.events)
    assert outcome.version == process.version()


Act = Callable[[RunService, str | None], Awaitable[Outcome]]
ACTS: dict[str, Act] = {
    "command": lambda runs, key: runs.command("r", FAULT, ALICE, key),
    "command with a quantity": lambda runs, key: runs.command("r", TARGET, ALICE, key),
    "pause": lambda runs, key: runs.pause("r", ALICE, key),
    "tick": lambda runs, key: runs.tick("r", 5, ALICE, key),
    "advance-to": lambda runs, key: runs.advance_to("r", "+7 min", ALICE, key),
    "stop": lambda runs, key: runs.stop("r", ALICE, key),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_the_same_key_at_once_from_twenty_tasks_has_one_effect_and_one_answer(process: Process, act: Act) -> None:
    await process.start()
    answers = await asyncio.gather(*(act(process.runs, "key") for _ in range(20)))

    assert len(set(answers)) == 1
    assert process.version() == answers[0].version


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_a_key_is_honoured_by_every_process(processes: Start, act: Act) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    first = await act(here.runs, "key")
    if here.host.held("r"):
        here.forget()
    assert await act(there.runs, "key") == first


async def test_a_key_with_another_request_is_refused(process: Process) -> None:
    await process.start()
    await process.runs.command("r", FAULT, ALICE, "key")
    for other in (
        process.runs.command("r", FaultCharger("charger-1", code="Wet"), ALICE, "key"),
        process.runs.pause("r", ALICE, "key"),
        process.runs.tick("r", 1, ALICE, "key"),
    ):
        with pytest.raises(InvalidInput) as error:
            await other
        assert pointers(error) == ["/Idempotency-Key"]


@pytest.mark.parametrize("key", ["", "k" * 201])
async def test_a_key_of_no_use_is_refused(process: Process, key: str) -> None:
    await process.start()
    with pytest.raises(InvalidInput) as error:
        await process.runs.pause("r", ALICE, key)
    assert pointers(error) == ["/Idempotency-Key"]


async def test_keys_of_different_runs_have_nothing_to_do_with_each_other(process: Process) -> None:
    await process.start("r")
    await process.start("s")
    assert (await process.runs.pause("r", ALICE, "key")).run_id == "r"
    assert (await process.runs.pause("s", ALICE, "key")).run_id == "s"


async def test_a_refused_request_does_not_use_up_its_key(process: Process) -> None:
    await process.start()
    await process.runs.pause("r", ALICE)
    with pytest.raises(CommandRefused):
        await process.runs.tick("r", 1, ALICE, "key")
    await process.runs.resume("r", ALICE)
    assert (await process.runs.tick("r", 1, ALICE, "key")).at == MINUTE


async def test_an_advance_that_broke_off_is_finished_by_its_repetition_not_begun_again(process: Process) -> None:
    await process.start()
    process.journal.outcomes = [None, None, StoreError("the disk is full")]
    with pytest.raises(StoreError):
        await process.runs.tick("r", 1_000, ALICE, "key")

    outcome = await process.runs.tick("r", 1_000, ALICE, "key")
    assert outcome.at == 1_000 * MINUTE
    assert await process.runs.tick("r", 1_000, ALICE, "key") == outcome


async def test_a_long_advance_leaves_the_event_loop_to_others(process: Process) -> None:
    await process.start()
    advancing = asyncio.create_task(process.runs.tick("r", 20_000, ALICE))
    turns = 0
    while not advancing.done():
        await asyncio.sleep(0)
        turns += 1
    assert (await advancing).at == 20_000 * MINUTE
    assert turns > 100


async def test_commands_of_many_at_once_are_all_carried_out_in_turn(process: Process) -> None:
    await process.start()
    targets = [SetTarget("bus-1", Share.parse(f"{percent} %")) for percent in range(60, 80)]
    await asyncio.gather(*(process.runs.command("r", target, ALICE) for target in targets))
    assert process.topics().count("vehicle.target-set.1") == 20
