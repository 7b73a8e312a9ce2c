"""The command line's surroundings."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's environment decides what the tests see."""
    for name in ("DEPOT_SIM_DB", "DEPOT_SIM_DEBUG", "DEPOT_SIM_TOKEN", "DEPOT_SIM_TOKENS", "DEPOT_SIM_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
