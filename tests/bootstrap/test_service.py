"""Opening and closing a service."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

import pytest

from depot_sim.adapters.event_store import open_event_store
from depot_sim.application.event_log import Append, StreamWrite
from depot_sim.application.repository import Origin
from depot_sim.application.run.requests import ClockRequest, StartRun
from depot_sim.bootstrap.service import Service, open_service
from depot_sim.bootstrap.settings import Identity, Settings
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import InvalidInput, RunHeldElsewhere
from depot_sim.domain.kernel.events import EncodedEvent
from depot_sim.domain.run.events import ClockMode, ResumeReason
from tests.domain.configuration.samples import depot

pytestmark = pytest.mark.anyio

ORIGIN = Origin("test")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def opening(url: str, owner: str = "here") -> AbstractAsyncContextManager[Service]:
    return open_service(Settings(db=url), Identity(owner))


async def start(service: Service, run_id: str, mode: ClockMode = ClockMode.MANUAL) -> None:
    created = await service.backend.configurations.create(Definition.of(depot()))
    request = StartRun(created.id, run_id=run_id, clock=ClockRequest(mode))
    await service.backend.runs.start(request, ORIGIN)


def topics(service: Service, run_id: str) -> list[str]:
    return [row.topic for row in service.backend.log.read_stream(f"run-{run_id}")]


async def test_a_service_takes_up_its_runs_again_but_not_the_stopped_ones(store_url: str) -> None:
    async with opening(store_url) as service:
        for run_id, mode in (("a", ClockMode.MANUAL), ("b", ClockMode.REALTIME), ("c", ClockMode.MANUAL)):
            await start(service, run_id, mode)
        await service.backend.runs.stop("c", ORIGIN)

    async with opening(store_url, "another") as service:
        assert sorted(service.host.held_ids()) == ["a", "b"]
        assert topics(service, "a")[-3:] == ["run.lease-released.1", "run.lease-acquired.1", "run.resumed.1"]
        assert (await service.backend.runs.tick("a", 1, ORIGIN)).at == 1_000


async def test_a_run_that_a_newer_event_stops_is_told_until_it_can_be_resumed(sqlite_url: str) -> None:
    async with opening(sqlite_url) as service:
        await start(service, "a")
        await start(service, "b")
    newer = EncodedEvent("run.of-a-newer-version.9", b"{}")
    with open_event_store(sqlite_url) as store:
        store.log.append(Append([StreamWrite("run-a", store.log.stream_version("run-a"), [newer])]))
    async with opening(sqlite_url) as service:
        assert service.host.held_ids() == ["b"]
        (reason,) = service.backend.health.not_resumed().values()
        assert "run.of-a-newer-version.9" in reason
        assert "newer depot-sim" in reason
        assert b"depot_sim_runs_not_resumed 1.0" in service.backend.metrics()
        # Left alone for a while after the failure, and told all that time.
        await service.host.adopt_unheld(ResumeReason.TAKEOVER)
        assert list(service.backend.health.not_resumed()) == ["a"]
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("DELETE FROM events WHERE topic = 'run.of-a-newer-version.9'")
    async with opening(sqlite_url) as service:
        assert sorted(service.host.held_ids()) == ["a", "b"]
        assert service.backend.health.not_resumed() == {}


async def test_two_services_on_one_server_share_its_runs(postgres_url: str) -> None:
    async with opening(postgres_url, "one") as one:
        await start(one, "r")
        async with opening(postgres_url, "two") as two:
            assert two.host.held_ids() == []
            await one.backend.runs.tick("r", 5, ORIGIN)
            assert (await two.backend.live.get("r")).world.at == 5_000


async def test_two_living_services_of_one_name_leave_each_others_runs_alone(postgres_url: str) -> None:
    """As with the same port and host name in two network namespaces."""
    async with opening(postgres_url, "same") as one, opening(postgres_url, "same") as two:
        await start(one, "r1")
        await start(two, "r2")
        for _ in range(3):
            assert await one.host.adopt_unheld(ResumeReason.TAKEOVER) == []
            assert await two.host.adopt_unheld(ResumeReason.TAKEOVER) == []
        assert (one.host.held_ids(), two.host.held_ids()) == (["r1"], ["r2"])
        for run_id in ("r1", "r2"):
            assert topics(one, run_id).count("run.lease-acquired.1") == 1
        with pytest.raises(RunHeldElsewhere):
            await two.backend.runs.tick("r1", 1, ORIGIN)


async def test_bad_settings_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    path = tmp_path / "depot.db"
    with pytest.raises(InvalidInput):
        async with open_service(Settings(db=f"sqlite:///{path}", tokens=("nonsense",)), Identity("here")):
            pass
    assert not path.exists()


async def test_a_store_url_that_names_none_is_refused() -> None:
    with pytest.raises(InvalidInput):
        async with open_service(Settings(db="mysql://here"), Identity("here")):
            pass
