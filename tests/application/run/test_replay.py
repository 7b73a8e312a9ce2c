"""Folding a stored run again and holding it against what it recorded of itself."""

from __future__ import annotations

import pytest

from depot_sim.application.run import writer as writing
from depot_sim.application.run.archive import RunArchive
from depot_sim.application.run.replay import replay
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.kernel.events import encode
from depot_sim.domain.run.commands import FaultCharger
from depot_sim.domain.run.events import SimulationRunStopped
from depot_sim.domain.run.world.state import state_sha256
from tests.application.run.processes import ALICE, Process

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def stopped_run(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SNAPSHOT_EVERY", 100)
    await process.start()
    await process.runs.tick("r", 250, ALICE)
    await process.runs.command("r", FaultCharger("charger-1"), ALICE)
    await process.runs.tick("r", 10, ALICE)
    await process.runs.stop("r", ALICE)


async def test_a_run_reaches_every_hash_it_recorded(process: Process) -> None:
    shown: list[tuple[int, int]] = []
    result = replay(process.store.log, "r", lambda done, of: shown.append((done, of)))

    stored = RunArchive(process.store.log).load("r")
    assert result.reached
    assert result.checkpoints > 1
    assert result.events == process.version()
    assert result.canonical_sha256 == stored.digest.canonical_sha256
    assert result.state_sha256 == state_sha256(stored.run.world)
    assert shown[-1] == (process.version(), process.version())


async def test_a_run_that_recorded_another_hash_is_told_where(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_stream = process.store.log.read_stream

    def tampered(*asked: object, **how: object) -> object:
        rows = read_stream(*asked, **how)  # type: ignore[arg-type]
        *_, state = encode(SimulationRunStopped(260 * 60_000, "0" * 64))
        return [row._replace(state=state) if row.topic == SimulationRunStopped.TOPIC else row for row in rows]

    monkeypatch.setattr(process.store.log, "read_stream", tampered)
    result = replay(process.store.log, "r")
    assert not result.reached
    assert [(mismatch.version, mismatch.recorded_sha256) for mismatch in result.mismatches] == [
        (process.version(), "0" * 64)
    ]


async def test_an_unknown_run_is_not_found(process: Process) -> None:
    with pytest.raises(NotFound):
        replay(process.store.log, "nobody")
