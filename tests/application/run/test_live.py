"""Followers of runs: what a query sees."""

from __future__ import annotations

import asyncio

import pytest

from depot_sim.application.run import live as following
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.kernel.quantities import Share
from depot_sim.domain.run.commands import SetTarget
from depot_sim.domain.run.world.state import state_sha256
from tests.application.run.conftest import Start
from tests.application.run.processes import ALICE, MINUTE, Process

pytestmark = pytest.mark.anyio


async def test_a_query_sees_every_commit_before_it(process: Process) -> None:
    await process.start()
    for minutes in range(1, 20):
        outcome = await process.runs.tick("r", 1, ALICE)
        seen = await process.live.get("r")
        assert (seen.world.at, seen.version) == (minutes * MINUTE, outcome.version)


async def test_a_query_sees_what_another_process_has_committed(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    await there.live.get("r")
    await here.runs.tick("r", 700, ALICE)
    seen = await there.live.get("r")
    assert seen.world.at == 700 * MINUTE
    assert seen.pending == []


async def test_queries_while_a_run_advances_only_see_what_is_committed(process: Process) -> None:
    await process.start()
    advancing = asyncio.create_task(process.runs.tick("r", 5_000, ALICE))
    seen = []
    while not advancing.done():
        await asyncio.sleep(0)
        run = await process.live.get("r")
        seen.append(run.version)
        assert run.version <= process.version()
    assert seen == sorted(seen)


async def test_an_unknown_run_is_not_found(process: Process) -> None:
    with pytest.raises(NotFound):
        await process.live.get("nobody")


async def test_more_runs_than_are_kept_are_still_all_answered(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_KEPT", 2)
    for run_id in ("r", "s", "t"):
        await process.start(run_id)
    for run_id in ("r", "s", "t", "r"):
        assert (await process.live.get(run_id)).run_id == run_id


async def test_the_past_is_as_it_was(process: Process) -> None:
    await process.start()
    hashes = {}
    for _ in range(5):
        outcome = await process.runs.tick("r", 30, ALICE)
        hashes[outcome.version, outcome.at] = state_sha256((await process.live.get("r")).world)
        await process.runs.command("r", SetTarget("bus-1", Share.parse("90 %")), ALICE)
    for (version, at), expected in hashes.items():
        assert state_sha256((await process.live.at_version("r", version)).world) == expected
        earlier = await process.live.at_time("r", at - 1)
        assert earlier.world.at == at - MINUTE


async def test_positions_before_a_moment_name_the_last_event_before_it(process: Process) -> None:
    await process.start()
    await process.runs.tick("r", 10, ALICE)
    assert await process.live.position_before("r", 0) == 0
    rows = process.store.log.read_stream("run-r")
    ats = [(row.position, row.decoded().event.at) for row in rows]  # type: ignore[attr-defined]
    for moment in (1, MINUTE, MINUTE + 1, 10 * MINUTE, 10**9):
        expected = max(position for position, at in ats if at < moment)
        assert await process.live.position_before("r", moment) == expected


async def test_a_follower_is_kept_up_by_commits_here_without_a_look_into_the_log(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    await process.start()
    await process.live.get("r")
    await process.runs.tick("r", 10, ALICE)

    def unread(*_: object, **__: object) -> None:
        raise AssertionError("the follower knows already")

    monkeypatch.setattr(process.store.log, "read_stream", unread)
    assert (await process.live.get("r")).world.at == 10 * MINUTE


async def test_a_follower_that_nobody_asks_rests_until_somebody_does(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_IDLE_SAVES", 3)
    await process.start()
    follower = await process.live.get("r")
    for _ in range(5):
        await process.runs.tick("r", 1, ALICE)
    assert follower.world.at == 3 * MINUTE
    assert (await process.live.get("r")).world.at == 5 * MINUTE
    await process.runs.tick("r", 1, ALICE)
    assert follower.world.at == 6 * MINUTE


async def test_a_query_reads_a_shared_run_whenever_that_is_up_to_date(process: Process) -> None:
    await process.start()
    shared = await process.live.at_version("r", process.version())
    process.live.share(shared)
    assert await process.live.get("r") is shared
    await process.runs.tick("r", 1, ALICE)
    newest = await process.live.get("r")
    assert (newest.world.at, shared.world.at) == (MINUTE, 0)
    shared.fold(process.events()[shared.version :])
    assert await process.live.get("r") is shared
    process.live.unshare(shared)
    assert await process.live.get("r") is newest


async def test_a_run_that_is_shared_and_up_to_date_is_not_kept_twice(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_IDLE_SAVES", 3)
    await process.start()
    first = await process.live.get("r")
    shared = await process.live.at_version("r", process.version())
    process.live.share(shared)
    for _ in range(4):
        await process.runs.tick("r", 1, ALICE)
        shared.fold(process.events()[shared.version :])
        assert await process.live.get("r") is shared
    process.live.unshare(shared)
    again = await process.live.get("r")
    assert again is not first
    assert again.world.at == 4 * MINUTE
