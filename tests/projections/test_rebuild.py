"""A rebuilt read model equals the one that grew with the log."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from depot_sim.adapters.read_store import open_read_store
from depot_sim.domain.kernel.errors import Conflict, StoreTooNew
from depot_sim.domain.run.events import RunTicked
from depot_sim.projections.follower import Follower
from depot_sim.projections.projector import PoisonEvent
from depot_sim.projections.rebuild import rebuild
from depot_sim.read_models import power, runs
from depot_sim.read_models.positions import positions
from depot_sim.read_models.runs import RUNS, get_run, list_runs
from depot_sim.read_models.store import Mark, Overtaken
from tests.projections.every_model import MODELS, PROJECTORS
from tests.projections.samples import Stores, append, opened, save, started, ticked

RUNS_PROJECTOR, POWER_PROJECTOR = PROJECTORS[0], PROJECTORS[2]


def test_rebuilt_tables_equal_the_live_ones_and_say_so(stores: Stores) -> None:
    run = started("r1")
    for _ in range(5):
        save(stores.log, ticked(run, 20))
        stores.catch_up()
    grown = stores.rows()
    rebuilt = [rebuild(p, stores.log, stores.read[p.model], verify=True) for p in PROJECTORS]
    assert {one.equal for one in rebuilt} == {True}
    assert stores.rows() == grown
    assert len(grown["power_connectors"]) > 20


def test_a_rebuild_brings_back_what_was_wrong_and_reports_it(stores: Stores) -> None:
    head = save(stores.log, started("r1"))
    stores.catch_up()
    store = stores.read[runs.MODEL]
    sound = stores.rows()
    (row,) = sound["runs"]
    with store.advance(head, Mark(head, store.stored().mark.origin)) as transaction:
        transaction.upsert(RUNS, [(*row[:4], "tampered with", *row[5:])])
    assert rebuild(RUNS_PROJECTOR, stores.log, store, verify=True).equal is False
    assert stores.rows() == sound


def test_a_rebuild_tells_how_far_it_is(stores: Stores) -> None:
    head = save(stores.log, ticked(started("r1"), 50))
    told: list[tuple[int, int]] = []
    rebuilt = rebuild(POWER_PROJECTOR, stores.log, stores.read[power.MODEL], progress=lambda *at: told.append(at))
    assert rebuilt.position == head
    assert told[-1] == (head, head)


def test_a_rebuild_begins_behind_the_head_and_goes_on_from_there(stores: Stores) -> None:
    run = started("r1")
    save(stores.log, run)
    rebuild(RUNS_PROJECTOR, stores.log, stores.read[runs.MODEL])
    save(stores.log, ticked(run, 2))
    stores.catch_up()
    shown = get_run(stores.database(runs.MODEL), "r1")
    assert shown is not None
    assert shown.ticks == 2


def test_only_one_rebuild_of_a_model_goes_on_at_a_time(stores: Stores) -> None:
    store = stores.read[runs.MODEL]
    with store.shadow():
        with pytest.raises(Conflict, match="being rebuilt"):
            rebuild(RUNS_PROJECTOR, stores.log, store)
        rebuild(POWER_PROJECTOR, stores.log, stores.read[power.MODEL])
    rebuild(RUNS_PROJECTOR, stores.log, store)


def test_a_failed_rebuild_leaves_the_live_tables_alone(stores: Stores) -> None:
    save(stores.log, started("r1"))
    stores.catch_up()
    append(stores.log, "run-never-started", RunTicked(1))
    with pytest.raises(PoisonEvent):
        rebuild(RUNS_PROJECTOR, stores.log, stores.read[runs.MODEL])
    assert [run.run_id for run in list_runs(stores.database(runs.MODEL)).runs] == ["r1"]


def test_two_followers_of_one_build_count_every_event_once(stores: Stores) -> None:
    store = stores.read[runs.MODEL]
    run = ticked(started("r1"), 5)
    head = save(stores.log, run)
    follower = Follower(RUNS_PROJECTOR, stores.log)
    assert follower.step(store, 0, head) == head
    with pytest.raises(Overtaken):
        Follower(RUNS_PROJECTOR, stores.log).step(store, 0, head)
    shown = get_run(store.database(), "r1")
    assert shown is not None
    assert shown.ticks == 5


def test_a_writer_beside_the_rebuild_loses_nothing(stores: Stores) -> None:
    """Events appended and projected while a rebuild is under way are in its tables as well."""
    run = started("r1")
    save(stores.log, run)
    stores.catch_up()
    stop = threading.Event()

    def live() -> None:
        while not stop.is_set():
            save(stores.log, ticked(run, 1))
            stores.catch_up()

    writer = threading.Thread(target=live)
    writer.start()
    try:
        equal = [rebuild(p, stores.log, stores.read[p.model], verify=True).equal for p in PROJECTORS * 3]
    finally:
        stop.set()
        writer.join()
    assert set(equal) == {True}
    stores.catch_up()
    shown = get_run(stores.database(runs.MODEL), "r1")
    assert shown is not None
    assert (shown.ticks, shown.version) == (run.world.tick, run.version)


def version_stored(url: str, version: int) -> None:
    """Leave empty tables of another version behind."""
    with closing(open_read_store(url, [replace(model, version=version) for model in MODELS])):
        pass


def test_tables_of_an_older_version_are_rebuilt(store_url: str) -> None:
    version_stored(store_url, 0)
    with opened(store_url) as stores:
        save(stores.log, started("r1"))
        stores.catch_up()
        assert [stores.read[model].stored().version for model in MODELS] == [model.version for model in MODELS]
        assert [run.run_id for run in list_runs(stores.database(runs.MODEL)).runs] == ["r1"]


def test_tables_of_a_newer_version_are_left_alone(store_url: str) -> None:
    version_stored(store_url, 99)
    with opened(store_url) as stores:
        save(stores.log, started("r1"))
        with pytest.raises(StoreTooNew, match="version 99"):
            stores.catch_up()
        assert stores.read[runs.MODEL].stored().version == 99


def test_tables_made_from_another_log_are_rebuilt(sqlite_url: str, tmp_path: Path) -> None:
    with opened(sqlite_url) as stores:
        save(stores.log, ticked(started("old"), 3))
        stores.catch_up()
    for file in tmp_path.glob("store.db*"):
        if file.is_file():
            file.unlink()
    with opened(sqlite_url) as stores:
        save(stores.log, ticked(started("new"), 300))
        assert stores.read[runs.MODEL].stored().mark.position > 0
        stores.catch_up()
        assert [run.run_id for run in list_runs(stores.database(runs.MODEL)).runs] == ["new"]


def test_positions_tell_how_far_each_read_model_is(stores: Stores) -> None:
    save(stores.log, started("r1"))
    stores.catch_up()
    head = save(stores.log, ticked(started("r2"), 4))
    told = positions({model.name: stores.read[model].stored() for model in MODELS}, head)
    assert [(one.read_model, one.position + one.lag, one.lag > 0) for one in told] == [
        (model.name, head, True) for model in MODELS
    ]
    assert all(one.updated_at > 0 for one in told)
