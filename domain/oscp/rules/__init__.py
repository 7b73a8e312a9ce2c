"""The rules of what a partner sends. Pure: the same session, message and context give the same findings."""

from __future__ import annotations

from depot_sim.domain.oscp.rules.context import Context, WindowMeters
from depot_sim.domain.oscp.rules.correlation import deviations_of, forecast_meant
from depot_sim.domain.oscp.rules.figures import WINDOW_INCOMPLETE
from depot_sim.domain.oscp.rules.judging import judge
from depot_sim.domain.oscp.rules.measured import metered_window, window_of

__all__ = [
    "WINDOW_INCOMPLETE",
    "Context",
    "WindowMeters",
    "deviations_of",
    "forecast_meant",
    "judge",
    "metered_window",
    "window_of",
]
