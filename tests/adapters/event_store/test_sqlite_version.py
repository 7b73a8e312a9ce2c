"""Which SQLite releases have the fix of the WAL-reset bug."""

from __future__ import annotations

import sqlite3

import pytest

from depot_sim.adapters.event_store.sqlite_version import SqliteLibrary, Version, has_wal_reset_fix, loaded_library


@pytest.mark.parametrize("version", [(3, 44, 6), (3, 44, 9), (3, 50, 7), (3, 51, 3), (3, 52, 0), (4, 0, 0)])
def test_fixed_releases(version: Version) -> None:
    assert has_wal_reset_fix(version)


@pytest.mark.parametrize(
    "version", [(3, 7, 0), (3, 40, 1), (3, 44, 5), (3, 45, 9), (3, 46, 1), (3, 49, 2), (3, 50, 6), (3, 51, 2)]
)
def test_releases_without_the_fix(version: Version) -> None:
    assert not has_wal_reset_fix(version)


def test_the_loaded_library_is_the_one_that_python_uses() -> None:
    assert loaded_library().version == sqlite3.sqlite_version


def test_the_text_names_version_and_fix() -> None:
    assert str(SqliteLibrary("3.40.1", False)) == (
        "SQLite 3.40.1 (its known WAL fault cannot occur here, see docs/operation.md)"
    )
    assert str(SqliteLibrary("3.51.3", True)) == "SQLite 3.51.3"
