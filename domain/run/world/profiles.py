"""Profiles that come with the product: a clear-sky day, climate control by temperature, plug-in delays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from depot_sim.domain.kernel.quantities import MS_PER_HOUR, MS_PER_MINUTE

# Share of peak (ppm) at each full hour of a clear day: a half sine from 06:00 to 18:00, less near the horizon by haze.
_CLEAR_SKY = (
    *(0,) * 6,
    *(0, 190_000, 430_000, 650_000, 810_000, 910_000, 940_000, 910_000, 810_000, 650_000, 430_000, 190_000, 0),
    *(0,) * 6,
)

# Climate control power (W) by ambient temperature (m°C); Abdelaty and Mohamed 2021, as used by RouteZero.
_CLIMATE = ((-20_000, 13_750), (-10_000, 6_700), (0, 3_000), (10_000, 1_250), (20_000, 2_000), (30_000, 10_750))

_PLUG_IN_DELAY = ((12, 5), (18, 15), (24, 30))  # until this hour, minutes; medians of NYC depots by part of the day


def clear_sky(ms_of_day: int) -> int:
    hour, rest = divmod(ms_of_day, MS_PER_HOUR)
    low, high = _CLEAR_SKY[hour], _CLEAR_SKY[hour + 1]
    return low + (high - low) * rest // MS_PER_HOUR


def climate_power_w(ambient_mc: int) -> int:
    return interpolate(_CLIMATE, ambient_mc)


def plug_in_delay(ms_of_day: int) -> int:
    """How long a bus that came in at this time of day waits for its plug (ms)."""
    return next(minutes for hour, minutes in _PLUG_IN_DELAY if ms_of_day < hour * MS_PER_HOUR) * MS_PER_MINUTE


def interpolate(points: Sequence[tuple[int, int]], x: int) -> int:
    """Straight lines between points, constant beyond the ends."""
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) // (x1 - x0)
    return points[-1][1]
