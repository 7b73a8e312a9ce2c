"""Charge curves as bands."""

from __future__ import annotations

from itertools import pairwise
from math import log

from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.configuration.document import CurvePoint, VehicleType
from depot_sim.domain.kernel.quantities import PPM, Power, Share
from depot_sim.domain.run.world.charging.curve import BANDS, charge_curve
from tests.domain.run.world.depots import HOUR, KW, KWH, curve

CAPACITY = 400 * KWH
DEFAULT = VehicleType(id="bus").charge_curve


@st.composite
def curve_points(draw: st.DrawFn) -> list[CurvePoint]:
    inner = draw(st.lists(st.integers(1, PPM - 1), unique=True, max_size=5))
    knots = [0, *sorted(inner), PPM]
    return [CurvePoint(soc=Share(soc), power=Power(draw(st.integers(1, 500_000)))) for soc in knots]


def taper_hours(soc: float) -> float:
    """When the continuous default curve, 150 kW to 80 % and straight to 15 kW at 100 %, has filled 400 kWh to soc %."""
    if soc <= 80:
        return soc * 4 / 150
    return 320 / 150 + 4 * 20 / 135 * log(150 / (150 - 6.75 * (soc - 80)))


def taper_soc(hours: float) -> float:
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if taper_hours(middle) < hours else (low, middle)
    return low


def test_a_full_charge_over_the_bands_stays_within_three_hundredths_of_a_point_of_the_continuous_curve() -> None:
    bands = charge_curve(DEFAULT, CAPACITY)
    hours, stored, worst = 0.0, 0, 0.0
    for end, power in zip(bands.ends_mj, bands.power_w, strict=True):
        for part in range(1, 11):
            soc = 100 * (stored + (end - stored) * part / 10) / CAPACITY
            at = hours + (end - stored) * part / 10 / power / HOUR
            worst = max(worst, abs(taper_soc(at) - soc))
        hours += (end - stored) / power / HOUR
        stored = end
    assert round(worst, 2) == 0.03


def test_neighbouring_bands_of_equal_power_are_one() -> None:
    bands = charge_curve(DEFAULT, CAPACITY)
    assert len(bands.power_w) == 21
    assert bands.ends_mj[0] == CAPACITY * 80 // 100
    assert charge_curve(curve((0, 150), (100, 150)), CAPACITY).ends_mj == (CAPACITY,)


def test_a_band_takes_the_power_of_its_middle() -> None:
    bands = charge_curve(DEFAULT, CAPACITY)
    assert bands.power_w[0] == 150 * KW
    assert bands.power_w[1] == 150 * KW - 135 * KW // 40  # 80.5 %
    assert bands.power_w[-1] == 15 * KW + 135 * KW // 40  # 99.5 %


def test_the_peak_of_a_rising_curve_is_what_comes_later() -> None:
    bands = charge_curve(curve((0, 50), (50, 150), (100, 50)), CAPACITY)
    top = max(bands.power_w)
    assert bands.power_w[0] == 51 * KW
    assert bands.peak_w[0] == top == bands.peak_w[bands.power_w.index(top)]
    assert bands.peak_w[-1] == bands.power_w[-1]


def test_a_full_battery_stays_in_the_last_band() -> None:
    bands = charge_curve(DEFAULT, CAPACITY)
    assert bands.band(CAPACITY) == bands.band(CAPACITY * 2) == len(bands.power_w) - 1
    assert bands.band(0) == 0
    assert bands.band(bands.ends_mj[0]) == 1


@given(curve_points(), st.integers(KWH, 1_000 * KWH), st.integers(0, PPM))
def test_bands_cover_the_battery_without_gap(points: list[CurvePoint], capacity: int, share: int) -> None:
    bands = charge_curve(points, capacity)
    assert len(bands.ends_mj) == len(bands.power_w) == len(bands.peak_w) <= BANDS
    assert bands.ends_mj[-1] == capacity
    assert all(left < right for left, right in pairwise((0, *bands.ends_mj)))
    assert all(left != right for left, right in pairwise(bands.power_w))
    assert all(peak == max(bands.power_w[i:]) for i, peak in enumerate(bands.peak_w))
    lowest, highest = min(point.power for point in points), max(point.power for point in points)
    assert all(lowest <= power <= highest for power in bands.power_w)
    stored = capacity * share // PPM
    band = bands.band(stored)
    assert stored < bands.ends_mj[band] or stored == capacity
    assert band == 0 or bands.ends_mj[band - 1] <= stored
