"""What the system's limit of open files leaves of the connections."""

from __future__ import annotations

import logging
import resource

import pytest

from depot_sim.connection_guard import Limits
from depot_sim.connection_guard.open_files import allow_open_files


@pytest.fixture
def few_open_files(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """A system with a limit of 1,024 open files, of which a process may have 2,000; what it was set to."""
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, 2_000))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: set_to.append(limits))
    return set_to


def test_more_open_files_are_allowed_where_the_system_lets_us(few_open_files: list[tuple[int, int]]) -> None:
    assert allow_open_files(Limits(connections=1_500)) == Limits(connections=1_500)
    assert few_open_files == [(1_756, 2_000)]


def test_where_it_does_not_fewer_connections_are_accepted(
    few_open_files: list[tuple[int, int]], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert allow_open_files(Limits()) == Limits(connections=1_744)
    assert few_open_files == [(2_000, 2_000)]
    assert "open files" in caplog.text


def test_few_connections_need_no_more_open_files(few_open_files: list[tuple[int, int]]) -> None:
    assert allow_open_files(Limits(connections=100)) == Limits(connections=100)
    assert few_open_files == []
