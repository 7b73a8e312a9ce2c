"""Equal depot, seed and tick give an equal canonical hash: in memory, on either database, on every Python."""

from __future__ import annotations

import pytest

from tests.e2e.processes import depot_sim
from tests.full_set import only_full

GOLDEN = "808906e00916b32b9edf8313ea49313df8589e5f925262813f0367a9d8139db3"
"""Changes only with the example, or with what the world does on purpose: then take the value that the test shows."""


@pytest.mark.parametrize("where", ["memory", "sqlite", only_full("postgresql")])
def test_the_three_bus_depot_has_the_same_hash_everywhere(where: str, request: pytest.FixtureRequest) -> None:
    fixtures = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}
    db = ["--db", request.getfixturevalue(fixtures[where])] if where in fixtures else []

    finished = depot_sim("run", "three-bus-depot", "--seed", "7", "--for", "24h", "--tick", "60s", "--json", *db)

    assert finished.code == 0, finished.err
    assert finished.json["canonical_sha256"] == GOLDEN


@pytest.mark.full
def test_a_long_tick_moves_the_same_energy_without_limits() -> None:
    """What the batteries take does not depend on how often somebody looks."""
    energies = {
        tick: depot_sim("run", "common-job:20:no-limits", "--for", "24h", "--tick", tick, "--json").json["energy_kwh"]
        for tick in ("10s", "1min", "15min")
    }

    assert max(energies.values()) - min(energies.values()) < 0.1, energies
