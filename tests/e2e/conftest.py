"""Fixtures of end-to-end tests that share their processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.oscp_stage import Stage, Theatre, theatre


@pytest.fixture(scope="module")
def oscp_theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """A simulator and a stand-in for all tests of a module."""
    with theatre(tmp_path_factory.mktemp("oscp")) as opened:
        yield opened


@pytest.fixture
def stage(oscp_theatre: Theatre) -> Iterator[Stage]:
    """A connection between them for every test."""
    opened = oscp_theatre.open_stage()
    yield opened
    opened.close()
