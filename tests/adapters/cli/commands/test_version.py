"""`depot-sim version`."""

from __future__ import annotations

import platform

from depot_sim.adapters.event_store.sqlite_version import SqliteLibrary
from tests.adapters.cli.command_line import depot_sim

SQLITE = SqliteLibrary("3.46.1", wal_reset_fixed=False)


def test_it_tells_the_versions_of_all_that_matters() -> None:
    code, out, _ = depot_sim("version", version="1.2.3", store_schema=4, sqlite=SQLITE)

    assert code == 0
    python = platform.python_version()
    assert out == (
        f"depot-sim 1.2.3, Python {python}, store schema 4, "
        "SQLite 3.46.1 (its known WAL fault cannot occur here, see docs/operation.md)\n"
    )


def test_programs_get_them_as_json() -> None:
    assert depot_sim("version", "--json", version="1.2.3", store_schema=4, sqlite=SQLITE).json == {
        "version": "1.2.3",
        "python": platform.python_version(),
        "store_schema": 4,
        "sqlite": {"version": "3.46.1", "wal_reset_fixed": False},
    }
