"""Processes that end-to-end tests share: one simulator and one stand-in for all tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.oscp_stage import Stage, Theatre, simulator, stand_in, start_run
from tests.e2e.processes import finish

Processes = tuple[httpx.Client, httpx.Client]
"""Clients of the simulator and of the stand-in."""


@pytest.fixture(scope="session")
def shared_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Start runs on it, and leave none behind that goes on by itself. It has to end without an error."""
    with simulator(tmp_path_factory.mktemp("shared")) as (client, process):
        yield client
        process.terminate()
        finished = finish(process)
        assert finished.code == 0, finished.err


@pytest.fixture(scope="session")
def shared_stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Clear its packets before use, and leave its settings as they are."""
    with stand_in(tmp_path_factory.mktemp("shared")) as client:
        yield client


@pytest.fixture(scope="session")
def processes(shared_simulator: httpx.Client, shared_stand_in: httpx.Client) -> Processes:
    return shared_simulator, shared_stand_in


@pytest.fixture(scope="session")
def oscp_theatre(processes: Processes) -> Theatre:
    """Both processes, and one run for all OSCP sessions."""
    return Theatre(*processes, start_run(processes[0]))


@pytest.fixture
def stage(oscp_theatre: Theatre) -> Iterator[Stage]:
    """A connection between them for every test."""
    opened = oscp_theatre.open_stage()
    yield opened
    opened.close()
