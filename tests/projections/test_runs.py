"""The read model `runs` follows every run."""

from __future__ import annotations

import time

import pytest

from depot_sim.domain.run.events import ManagedScopeBreachDetected, ResumeReason, VehicleDeparted
from depot_sim.read_models import runs
from depot_sim.read_models.errors import QueryRefused
from depot_sim.read_models.runs import Run, RunStatus, get_run, list_runs
from tests.projections.samples import MINUTE, Stores, append, save, started, ticked


def shown(stores: Stores, run_id: str) -> Run:
    stores.catch_up()
    run = get_run(stores.database(runs.MODEL), run_id)
    assert run is not None
    return run


def test_a_started_run_shows_what_it_was_started_with(stores: Stores) -> None:
    before = time.time_ns() // 1000
    position = save(stores.log, started("r1"))
    run = shown(stores, "r1")
    assert (run.run_id, run.position, run.configuration_id, run.configuration_version) == (
        "r1",
        position,
        "two-buses",
        3,
    )
    assert (run.name, run.seed, run.start_time, run.tick_ms) == ("Two buses", 7, "2026-01-05T12:00:00+00:00", MINUTE)
    assert (run.status, run.clock_mode, run.speed_ppm, run.disturbances) == (RunStatus.RUNNING, "MANUAL", 1_000_000, "")
    assert (run.at, run.ticks, run.version, run.breaches, run.late_departures, run.state_sha256) == (0, 0, 1, 0, 0, "")
    assert before <= run.started_at == run.updated_at


def test_ticks_time_and_version_grow_with_the_run(stores: Stores) -> None:
    run = ticked(started("r1"), 3)
    save(stores.log, run)
    assert (shown(stores, "r1").ticks, shown(stores, "r1").at) == (3, 3 * MINUTE)
    save(stores.log, ticked(run, 20))
    now = shown(stores, "r1")
    assert (now.ticks, now.at, now.version) == (23, 23 * MINUTE, run.version)
    assert now.updated_at > now.started_at


def test_the_status_follows_pause_resume_and_stop(stores: Stores) -> None:
    run = started("r1")
    seen = []
    for step in (run.pause, lambda: run.resume(ResumeReason.OPERATOR), run.stop):
        step()
        save(stores.log, run)
        seen.append(shown(stores, "r1").status)
    assert seen == [RunStatus.PAUSED, RunStatus.RUNNING, RunStatus.STOPPED]
    assert len(shown(stores, "r1").state_sha256) == 64


@pytest.mark.parametrize("reason", [ResumeReason.RESTART, ResumeReason.TAKEOVER])
def test_a_paused_run_stays_paused_when_another_process_takes_it_on(memory: Stores, reason: ResumeReason) -> None:
    run = started("r1")
    run.pause()
    run.resume(reason)
    save(memory.log, run)
    assert shown(memory, "r1").status is RunStatus.PAUSED


def test_breaches_and_late_departures_are_counted_as_the_world_counts_them(stores: Stores) -> None:
    save(stores.log, started("r1"))
    append(
        stores.log,
        "run-r1",
        ManagedScopeBreachDetected(5, "site", "yard", 2, 1),
        VehicleDeparted(6, "bus-1", 0, 9, 1, 1),
    )
    append(stores.log, "run-r1", VehicleDeparted(7, "bus-2", 0, 9, 1, 1, late_ms=30))
    run = shown(stores, "r1")
    assert (run.breaches, run.late_departures, run.at) == (1, 1, 7)


def test_runs_are_listed_newest_first_in_pages_and_by_status(stores: Stores) -> None:
    for number in range(1, 6):
        run = started(f"r{number}")
        if number % 2:
            run.stop()
        save(stores.log, run)
    stores.catch_up()
    database = stores.database(runs.MODEL)
    pages, before = [], None
    while True:
        page = list_runs(database, limit=2) if before is None else list_runs(database, limit=2, before=before)
        pages.append([run.run_id for run in page.runs])
        before = page.next_before
        if before is None:
            break
    assert pages == [["r5", "r4"], ["r3", "r2"], ["r1"]]
    assert [run.run_id for run in list_runs(database, status=RunStatus.STOPPED).runs] == ["r5", "r3", "r1"]
    assert list_runs(database, status=RunStatus.PAUSED).runs == []


def test_an_unknown_run_is_none(stores: Stores) -> None:
    assert get_run(stores.database(runs.MODEL), "r1") is None


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_page_has_a_sensible_size(memory: Stores, limit: int) -> None:
    with pytest.raises(QueryRefused, match="limit"):
        list_runs(memory.database(runs.MODEL), limit=limit)
