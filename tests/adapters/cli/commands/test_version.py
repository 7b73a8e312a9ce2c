"""`depot-sim version`."""

from __future__ import annotations

import platform

from tests.adapters.cli.command_line import depot_sim


def test_it_tells_the_versions_of_all_that_matters() -> None:
    code, out, _ = depot_sim("version", version="1.2.3", store_schema=4)

    assert code == 0
    assert out == f"depot-sim 1.2.3, Python {platform.python_version()}, store schema 4\n"


def test_programs_get_them_as_json() -> None:
    assert depot_sim("version", "--json", version="1.2.3", store_schema=4).json == {
        "version": "1.2.3",
        "python": platform.python_version(),
        "store_schema": 4,
    }
