"""One connector through one stretch of time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.configuration.document import Connector
from depot_sim.domain.kernel.quantities import PPM, Duration, Energy, Power, RampRate, Share
from depot_sim.domain.run.world.charging.segment import (
    Line,
    bends_at,
    charge,
    demand_w,
    plugged_battery_mj,
    power_w,
    target_mj,
)
from depot_sim.domain.run.world.depot import ConnectorSpec, Depot, VehicleSpec
from depot_sim.domain.run.world.state import NEVER, ConnectorState, Presence, VehicleState
from tests.domain.run.world.depots import (
    HOUR,
    KW,
    KWH,
    MINUTE,
    MONDAY_NOON,
    SECOND,
    bus_type,
    charger,
    curve,
    document,
    vehicle,
)

NO_CAP = 10**9
CURVES = (
    curve((0, 150), (80, 150), (100, 15)),
    curve((0, 40), (30, 120), (100, 120)),
    curve((0, 20), (10, 180), (60, 180), (61, 30), (100, 5)),
)


class Stand:
    """A bus on a charger, carried forward as the tick does: draw a line, keep its end."""

    def __init__(self, stored_mj: int, *, at: int = 0, target: int = PPM, **charger_changes: Any) -> None:
        kinds = {key: charger_changes.pop(key) for key in ("battery", "charge_curve") if key in charger_changes}
        one = charger(**charger_changes)
        depot = Depot(document(vehicle_types=(bus_type(**kinds),), chargers=(one,), vehicles=(vehicle(),)), MONDAY_NOON)
        self.spec: ConnectorSpec = depot.connectors[0]
        self.bus: VehicleSpec = depot.vehicles[0]
        self.state = ConnectorState(vehicle=0, charging=True, since=at, energised_at=at + one.dead_time)
        self.vehicle = VehicleState(Presence.PLUGGED, stored_mj, battery_at=at, target_ppm=target)
        self.at = at

    def draw(self, until: int, cap: int = NO_CAP) -> Line:
        return charge(self.spec, self.bus, self.state, self.vehicle, cap, self.at, until)

    def carry(self, until: int, cap: int = NO_CAP) -> Line:
        line = self.draw(until, cap)
        self.state.power_w, self.state.auxiliary_w = line.power_w, line.auxiliary_w
        self.state.energy_mj, self.state.since = line.energy_mj, until
        self.vehicle.battery_mj = line.battery_mj
        self.at = until
        return line


def test_on_the_flat_part_energy_is_power_times_time_and_the_battery_gets_it_less_losses() -> None:
    line = Stand(100 * KWH).draw(HOUR)
    assert line == Line(150 * KW, 0, 150 * KWH, 100 * KWH + 150 * KWH * 95 // 100, NEVER)


def test_a_band_ends_at_the_exact_moment() -> None:
    stand = Stand(319 * KWH, efficiency=Share.parse("100 %"))
    assert stand.draw(24 * SECOND).power_w == 150 * KW  # the last kWh below 80 % takes 24 s
    line = stand.draw(24 * SECOND + 1)
    assert line.power_w == 150 * KW - 135 * KW // 40
    assert line.energy_mj == KWH + line.power_w


def test_it_stops_at_the_target_and_says_when() -> None:
    stand = Stand(199 * KWH, target=PPM // 2, efficiency=Share.parse("100 %"))
    line = stand.draw(HOUR)
    assert line == Line(0, 0, KWH, 200 * KWH, 24 * SECOND)


def test_a_bus_above_its_target_is_done_at_once() -> None:
    line = Stand(300 * KWH, at=5, target=PPM // 2).draw(HOUR)
    assert line == Line(0, 0, 0, 300 * KWH, 5)


def test_a_full_battery_is_done_at_the_end_of_the_curve() -> None:
    line = Stand(399 * KWH).draw(HOUR)
    assert 400 * KWH <= line.battery_mj < 400 * KWH + 150 * KW
    assert line.done_at < HOUR


@pytest.mark.parametrize("dead_time", [1, 10 * SECOND, MINUTE])
def test_nothing_flows_in_the_dead_time(dead_time: int) -> None:
    stand = Stand(0, at=500, dead_time=Duration(dead_time))
    assert stand.draw(500 + dead_time) == Line(0, 0, 0, 0)
    assert stand.draw(501 + dead_time).energy_mj == 150 * KW


def test_power_rises_by_the_ramp_every_second_and_falls_at_once() -> None:
    stand = Stand(0, ramp_up=RampRate(20_000))
    powers = [stand.carry(second * SECOND).power_w for second in range(1, 10)]
    assert powers == [20_000, 40_000, 60_000, 80_000, 100_000, 120_000, 140_000, 150_000, 150_000]
    assert stand.carry(10 * SECOND, cap=30_000).power_w == 30_000
    assert stand.carry(11 * SECOND).power_w == 50_000


@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=20), st.integers(0, 3 * SECOND))
def test_the_ramp_does_not_depend_on_how_time_is_cut(cuts: list[int], dead_time: int) -> None:
    whole, pieces = (Stand(0, at=77, ramp_up=RampRate(7_000), dead_time=Duration(dead_time)) for _ in range(2))
    for cut in cuts:
        pieces.carry(pieces.at + cut)
    line = whole.draw(pieces.at)
    assert (line.power_w, line.energy_mj) == (pieces.state.power_w, pieces.state.energy_mj)


@given(
    st.sampled_from(CURVES),
    st.integers(20 * KWH, 500 * KWH),
    st.integers(0, PPM),
    st.integers(500_000, PPM),
    st.integers(1, 200 * KW),
    st.lists(st.integers(1, HOUR), min_size=1, max_size=12),
)
def test_where_a_charge_stands_does_not_depend_on_how_time_is_cut(
    points: Any, battery: int, soc: int, efficiency: int, cap: int, cuts: list[int]
) -> None:
    def stand() -> Stand:
        return Stand(
            battery * soc // PPM, battery=Energy(battery), charge_curve=points, efficiency=Share(efficiency), target=PPM
        )

    whole, pieces = stand(), stand()
    for cut in cuts:
        done = pieces.carry(pieces.at + cut, cap).done_at
        if done != NEVER:
            break
    line = whole.draw(pieces.at, cap)
    tolerance = 200 * KW  # 1 ms of power: a crossing falls on a whole ms
    assert abs(line.energy_mj - pieces.state.energy_mj) <= tolerance
    assert abs(line.battery_mj - pieces.vehicle.battery_mj) <= tolerance


@given(st.sampled_from(CURVES), st.integers(0, PPM), st.integers(0, 200 * KW), st.integers(1, 5 * HOUR))
def test_energy_into_the_battery_is_grid_energy_times_efficiency(
    points: Any, soc: int, cap: int, duration: int
) -> None:
    stored = 400 * KWH * soc // PPM
    line = Stand(stored, charge_curve=points).draw(duration, cap)
    lost = line.energy_mj * 95 // 100 - (line.battery_mj - stored)
    assert 0 <= lost <= 100  # less than 1 mJ in every band
    assert line.power_w <= cap
    assert line.battery_mj <= 400 * KWH + 200 * KW


def test_preconditioning_takes_its_power_first_and_none_of_it_is_stored() -> None:
    stand = Stand(100 * KWH)
    stand.vehicle.preconditioning = True
    line = stand.draw(HOUR)
    assert (line.power_w, line.auxiliary_w) == (150 * KW, 20 * KW)
    assert line.battery_mj - 100 * KWH == 130 * KWH * 95 // 100
    capped = stand.draw(HOUR, cap=12 * KW)
    assert (capped.power_w, capped.auxiliary_w, capped.battery_mj) == (12 * KW, 12 * KW, 100 * KWH)


def test_preconditioning_goes_on_when_the_battery_is_full() -> None:
    stand = Stand(400 * KWH)
    stand.vehicle.preconditioning = True
    assert stand.draw(HOUR) == Line(20 * KW, 20 * KW, 20 * KWH, 400 * KWH)


def test_cable_charger_and_platform_limit_bound_demand() -> None:
    stand = Stand(0, connectors=(Connector(id="1", cable_limit=Power(120 * KW)),))
    asked = stand.spec, stand.bus, stand.state, stand.vehicle, 0
    assert demand_w(*asked) == power_w(*asked) == 120 * KW
    stand.state.limit_w = 50 * KW
    assert demand_w(*asked) == power_w(*asked) == 50 * KW
    stand.state.limit_w = 0
    assert demand_w(*asked) == 0
    assert stand.draw(HOUR).energy_mj == 0


def test_demand_is_the_most_the_battery_may_take_from_here_on() -> None:
    stand = Stand(0, charge_curve=CURVES[1])
    assert power_w(stand.spec, stand.bus, stand.state, stand.vehicle, 0) < 42 * KW
    assert demand_w(stand.spec, stand.bus, stand.state, stand.vehicle, 0) == 120 * KW
    assert demand_w(stand.spec, stand.bus, stand.state, stand.vehicle, 400 * KWH) == 0


@pytest.mark.parametrize(("below_target", "into_battery"), [(0, 0), (1, 150 * KW), (-1, 0)])
def test_from_the_target_on_only_preconditioning_is_demanded(below_target: int, into_battery: int) -> None:
    """The allocation has to reserve exactly this, at the target and one millijoule before it."""
    stand = Stand(0, target=PPM // 2)
    at = stand.spec, stand.bus, stand.state, stand.vehicle, 200 * KWH - below_target
    assert demand_w(*at) == power_w(*at) == into_battery
    stand.vehicle.preconditioning = True
    assert demand_w(*at) == power_w(*at) == min(150 * KW, into_battery + 20 * KW)
    stand.state.limit_w = 7 * KW
    assert demand_w(*at) == power_w(*at) == 7 * KW


def test_a_line_bends_when_its_band_or_the_target_is_reached() -> None:
    stand = Stand(319 * KWH, efficiency=Share.parse("100 %"))
    assert bends_at(stand.spec, stand.bus, stand.state, stand.vehicle) == NEVER
    stand.carry(4 * SECOND)
    assert bends_at(stand.spec, stand.bus, stand.state, stand.vehicle) == 24 * SECOND
    stand.vehicle.target_ppm = 798_500  # 319.4 kWh
    assert stand.at < bends_at(stand.spec, stand.bus, stand.state, stand.vehicle) < 24 * SECOND
    assert target_mj(stand.bus, stand.vehicle) == 400 * KWH * 798_500 // PPM


def test_between_bends_the_battery_follows_the_line() -> None:
    stand = Stand(100 * KWH)
    stand.carry(MINUTE)
    later = plugged_battery_mj(stand.spec, stand.state, stand.vehicle, HOUR)
    assert later == 100 * KWH + 150 * KWH * 95 // 100
