"""When a run that is written wants a snapshot."""

from __future__ import annotations

import pytest

from depot_sim.application.run.archive import StoredRun
from depot_sim.application.run.requests import StartRun
from depot_sim.application.run.start import started_run
from depot_sim.application.run.writer import SNAPSHOT_EVERY, RunWriter
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.run.digest import RunDigest
from depot_sim.domain.run.events import RunSnapshotTaken
from tests.domain.configuration.samples import depot


def writer_at(version: int) -> RunWriter:
    """A writer of a run that is loaded with so many events, and decides on two more."""
    run = started_run("r", Definition.of(depot()), 1, StartRun("c"))
    run.take_pending()
    run.version = version
    writer = RunWriter(StoredRun(run, RunDigest()), token=1)
    run.pause()
    run.stop()
    return writer


@pytest.mark.parametrize("loaded_at", [SNAPSHOT_EVERY - 2, 3 * SNAPSHOT_EVERY - 1])
def test_a_snapshot_is_due_by_the_run_s_own_count_wherever_it_was_loaded(loaded_at: int) -> None:
    writer = writer_at(loaded_at)

    (write,) = writer.next_append().writes

    assert writer.wants_snapshot
    assert write.events[-1].topic == RunSnapshotTaken.TOPIC


@pytest.mark.parametrize("loaded_at", [1, SNAPSHOT_EVERY - 3, SNAPSHOT_EVERY])
def test_none_is_due_before(loaded_at: int) -> None:
    writer = writer_at(loaded_at)

    (write,) = writer.next_append().writes

    assert not writer.wants_snapshot
    assert len(write.events) == 2
