"""Mode tables as the tests read them."""

from __future__ import annotations

from depot_sim.domain.configuration.faults import Faults
from depot_sim.domain.packets.modes import ModeTable, modes_in


def read_modes(text: str) -> ModeTable:
    """Raises InvalidInput."""
    faults = Faults()
    table = modes_in(text, faults)
    faults.raise_if_any()
    assert table is not None
    return table
