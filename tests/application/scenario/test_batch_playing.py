"""Scenarios on runs without a server: the same steps at the same moments, killed halfway or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from depot_sim.adapters.clock import BlockingSystemClock
from depot_sim.adapters.event_store import EventStore
from depot_sim.application.event_log import Append
from depot_sim.application.run.archive import StoredRun
from depot_sim.application.run.batch import finish, run_until, write_nothing
from depot_sim.application.run.batch_store import BatchPlan, BatchRun, BatchStore
from depot_sim.application.run.requests import ClockRequest, StartRun
from depot_sim.application.run.start import started_run
from depot_sim.application.run.writer import RunWriter
from depot_sim.application.scenario.batch_playing import BatchScripts, started_execution
from depot_sim.application.scenario.playing import pending_write
from depot_sim.application.scenario.stored import StoredExecutions
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.kernel.quantities import Duration
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.digest import RunDigest
from depot_sim.domain.run.events import ClockMode
from depot_sim.domain.scenario.execution import ExecutionStatus
from tests.application.run.processes import DEPOT, MINUTE
from tests.application.scenario.test_playing import told_by
from tests.domain.scenario.scripts import READER, Raw, script

UNTIL = 20 * MINUTE


class Killed(Exception):
    """The process is gone."""


def a_run() -> SimulationRun:
    request = StartRun("c", run_id="r", tick=Duration(MINUTE), clock=ClockRequest(ClockMode.MANUAL))
    return started_run("r", DEPOT, 1, request)


def in_memory(raw: Raw | None = None, until: int = UNTIL) -> tuple[RunWriter, BatchScripts]:
    run = a_run()
    writer = RunWriter(StoredRun(run, RunDigest()), token=0)
    scripts = BatchScripts([started_execution(run, READER, script() if raw is None else raw, "file", {})])
    scripts.executions[0].take_pending()
    run_until(writer, until, write_nothing, scripts=scripts)
    return writer, scripts


def outcomes(scripts: BatchScripts) -> list[Any]:
    return list(scripts.executions[0].state.outcomes)


@pytest.mark.anyio
async def test_a_scenario_does_the_same_without_a_server() -> None:
    _, scripts = in_memory()
    _, events = await told_by("one long advance")
    assert [*outcomes(scripts), scripts.executions[0].state.ended] == events[1:]


def test_steps_due_at_the_end_are_done() -> None:
    _, scripts = in_memory(until=2 * MINUTE)
    assert len(outcomes(scripts)) == 3


def test_a_run_that_ends_before_its_scenario_calls_it_off() -> None:
    writer, scripts = in_memory(until=2 * MINUTE)
    finish(writer, write_nothing, scripts)
    assert scripts.executions[0].status is ExecutionStatus.STOPPED


def test_what_is_expected_of_a_feed_is_closed_without_a_verdict() -> None:
    expected = {"on": "$feed", "within": "1 min", "title": "a packet", "messages": [{"message_types": ["Event"]}]}
    steps = [{"at": "1 min", "expect": expected}]
    _, scripts = in_memory(script(needs={"feed": "packet-feed"}, steps=steps, lasts=None))
    assert scripts.executions[0].status is ExecutionStatus.UNVERIFIED
    closed = "a packet was closed without a verdict (a run without a server has no feeds and no sessions)"
    assert scripts.executions[0].reasons == (f"step 1: {closed}",)


def test_what_needs_a_server_is_refused_and_fails_the_scenario() -> None:
    steps = [{"at": "1 min", "set-node-limit": {"node": "nowhere", "limit": None}}]
    with pytest.raises(InvalidInput):
        in_memory(script(steps=steps, lasts=None))
    beating = {"controller": "$controller", "beating": True}
    forced = {"at": "2 min", "override": {"on": "$feed", "mode": "network_outage"}}
    for needs, step in (
        ({"controller": "controller"}, {"at": "1 min", "set-controller-heartbeats": beating}),
        ({"feed": "packet-feed"}, forced),
    ):
        _, scripts = in_memory(script(needs=needs, steps=[step], lasts=None))
        assert scripts.executions[0].status is ExecutionStatus.FAILED


def test_killed_after_any_append_it_is_continued_to_the_same_end(store: EventStore) -> None:
    whole, _ = in_memory()
    for survived in range(6):
        runs = BatchStore(store.log, store.leases, BlockingSystemClock(), f"batch-{survived}")
        assert continued(runs, store, a_run_named(f"r{survived}"), survived) == whole.digest.canonical_sha256


def a_run_named(run_id: str) -> SimulationRun:
    request = StartRun("c", run_id=run_id, tick=Duration(MINUTE), clock=ClockRequest(ClockMode.MANUAL))
    return started_run(run_id, DEPOT, 1, request)


def continued(runs: BatchStore, store: EventStore, run: SimulationRun, survived: int) -> str:
    """The canonical hash of a run whose process dies when so many appends are written."""
    execution = started_execution(run, READER, script(), "file", {})
    batch = runs.start(run, DEPOT, BatchPlan("test", until=UNTIL), [pending_write(execution)])
    left = survived

    def write_until_killed(append: Append) -> Sequence[int]:
        nonlocal left
        if not left:
            raise Killed
        left -= 1
        return runs.write(append)

    with pytest.raises(Killed):
        run_until(batch.writer, UNTIL, write_until_killed, scripts=BatchScripts([execution]))
    store.leases.release(run.run_id, batch.writer.token)
    resumed: BatchRun = runs.resume(run.run_id)
    scripts = BatchScripts(StoredExecutions(store.log, READER).of_run(run.run_id))
    run_until(resumed.writer, UNTIL, runs.write, scripts=scripts)
    assert [outcome.index for outcome in outcomes(scripts)] == [0, 1, 2, 3]
    assert scripts.executions[0].status is ExecutionStatus.UNVERIFIED
    return resumed.writer.digest.canonical_sha256
