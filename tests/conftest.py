"""For every test: its time-out, whether it is run, a real PostgreSQL, and event stores on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import full_set
from tests.patience import patient
from tests.postgres_cluster import Cluster, cluster

_SLOW_FOLDERS = {"e2e", "peers", "projections"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the full set, with full numbers of examples")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Multiply the time-out of every test as well; one given on the command line stays as it is."""
    if config.getoption("timeout") is None:
        config.option.timeout = patient(float(config.getini("timeout")))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before any test module is imported: a machine's settings are made at import."""
    if session.config.getoption("full"):
        settings.register_profile(full_set.PROFILE, settings())
        settings.load_profile(full_set.PROFILE)
    elif settings.get_current_profile_name() == "ci":  # unless --hypothesis-profile names another
        settings.register_profile("part", settings(), max_examples=full_set.PART_EXAMPLES)
        settings.load_profile("part")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow folders first, so that no worker is left alone with them; without --full, no test marked `full`."""
    items.sort(key=lambda item: not _SLOW_FOLDERS.intersection(item.path.parts))
    if config.getoption("full"):
        return
    left_out = [item for item in items if item.get_closest_marker("full")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not item.get_closest_marker("full")]


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """One server for all tests of a process."""
    with cluster() as running:
        yield running


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """A database of its own for every test."""
    with postgres_cluster.database() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file of its own for every test."""
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """An empty event store's URL, once per database."""
    url: str = request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param])
    return url
