"""Mode tables as the tests read them."""

from __future__ import annotations

from depot_sim.domain.kernel.problems import Faults
from depot_sim.domain.packets.measure.battery_mode import ModeTable, modes_in


def read_modes(text: str) -> ModeTable:
    """Raises InvalidInput."""
    faults = Faults()
    table = modes_in(text, faults)
    faults.raise_if_any()
    assert table is not None
    return table
