"""What a battery energy storage system can do in one tick."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.configuration.document import Bess
from depot_sim.domain.kernel.quantities import PPM, Energy, Power, Share, ShareRate
from depot_sim.domain.run.world.charging.allocation import UNLIMITED
from depot_sim.domain.run.world.site.dispatch import BessRange, bess_range, follows_setpoint, shave, stored_after
from depot_sim.domain.run.world.state import BessState, Control, Dispatch, PowerState
from tests.domain.run.world.depots import HOUR, KW, KWH, MINUTE, SECOND

LEICHHARDT = Bess(id="bess", node="grid")
MWH = 1_000 * KWH
FULL, EMPTY = LEICHHARDT.capacity * 95 // 100, LEICHHARDT.capacity * 10 // 100


def can(stored: int, tick: int = MINUTE, power: int = 0, spec: Bess = LEICHHARDT) -> BessRange:
    return bess_range(spec, BessState(stored_mj=stored, power_w=power), tick, energised=True)


systems = st.builds(
    Bess,
    id=st.just("bess"),
    node=st.just("grid"),
    capacity=st.integers(KWH, 5_000 * KWH).map(Energy),
    rating=st.integers(1, 2_000 * KW).map(Power),
    efficiency=st.integers(500_000, PPM).map(Share),
    min_soc=st.integers(0, 400_000).map(Share),
    max_soc=st.integers(500_000, PPM).map(Share),
    ramp=st.integers(1_000, PPM).map(ShareRate),
)


def test_in_mid_charge_it_can_do_its_rating_both_ways() -> None:
    assert can(FULL // 2) == BessRange(1_250 * KW, 1_250 * KW)


def test_power_changes_by_its_ramp_a_second() -> None:
    assert can(FULL // 2, SECOND) == BessRange(62_500, 62_500)
    assert can(FULL // 2, SECOND, power=100 * KW) == BessRange(0, 162_500)
    assert can(FULL // 2, SECOND, power=-100 * KW) == BessRange(162_500, 0)
    assert can(FULL // 2, 10 * SECOND, power=-100 * KW) == BessRange(725_000, 525_000)


def test_at_the_ends_of_its_window_it_can_go_one_way_only() -> None:
    assert can(FULL) == BessRange(1_250 * KW, 0)
    assert can(EMPTY) == BessRange(0, 1_250 * KW)


def test_energy_left_bounds_power_with_losses_on_the_battery_s_side() -> None:
    available = can(EMPTY + MWH, HOUR)
    assert available.discharge_w == 950 * KW
    available = can(FULL - 19 * MWH // 20, HOUR)
    assert available.charge_w == 1_000 * KW


def test_switched_off_or_without_power_it_does_nothing() -> None:
    off = BessState(stored_mj=FULL // 2, power_state=PowerState.OFF, power_w=50)
    assert bess_range(LEICHHARDT, off, MINUTE, energised=True) == BessRange(0, 0)
    assert bess_range(LEICHHARDT, BessState(stored_mj=FULL // 2), MINUTE, energised=False) == BessRange(0, 0)


def test_energy_set_outside_the_window_only_goes_back_into_it() -> None:
    assert can(LEICHHARDT.capacity).charge_w == 0
    assert can(0).discharge_w == 0


def test_losses_count_both_ways() -> None:
    assert stored_after(LEICHHARDT, MWH, 1_000 * KW, HOUR) == MWH + 950 * KWH
    assert stored_after(LEICHHARDT, 2 * MWH, -950 * KW, HOUR) == MWH


@given(systems, st.data())
def test_a_tick_at_any_possible_power_stays_within_the_window(spec: Bess, data: st.DataObject) -> None:
    least, most = spec.capacity * spec.min_soc // PPM, spec.capacity * spec.max_soc // PPM
    stored = data.draw(st.integers(least, most))
    power = data.draw(st.integers(-spec.rating, spec.rating))
    for tick in data.draw(st.lists(st.integers(1, HOUR), min_size=1, max_size=5)):
        available = can(stored, tick, power, spec)
        power = data.draw(st.integers(-available.discharge_w, available.charge_w))
        stored = stored_after(spec, stored, power, tick)
        assert least <= stored <= most
        assert abs(power) <= spec.rating


@given(systems, st.data())
def test_power_moves_away_from_zero_no_faster_than_the_ramp(spec: Bess, data: st.DataObject) -> None:
    stored = (spec.capacity * spec.min_soc // PPM + spec.capacity * spec.max_soc // PPM) // 2
    power = data.draw(st.integers(-spec.rating, spec.rating))
    tick = data.draw(st.integers(1, 30 * SECOND))
    step = spec.rating * spec.ramp // PPM * tick // SECOND
    available = can(stored, tick, power, spec)
    assert available.charge_w <= max(0, power + step)
    assert available.discharge_w <= max(0, step - power)


def test_a_range_clamps() -> None:
    assert [BessRange(10, 20).clamp(power) for power in (-11, -10, 0, 20, 21)] == [-10, -10, 0, 20, 20]


def test_it_follows_a_setpoint_under_local_control_or_an_active_dispatch() -> None:
    following = {
        (control, dispatch): follows_setpoint(BessState(stored_mj=0, control=control, dispatch=dispatch))
        for control in Control
        for dispatch in Dispatch
    }
    assert {key for key, follows in following.items() if follows} == {
        *((Control.LOCAL, dispatch) for dispatch in Dispatch),
        (Control.REMOTE, Dispatch.ACTIVE),
    }


def test_shaving_discharges_a_deficit_and_recharges_from_free_room() -> None:
    available = BessRange(100, 50)
    assert [shave(available, headroom) for headroom in (-300, -30, 0, 30, 300)] == [-100, -30, 0, 30, 50]


def test_shaving_recharges_nothing_without_a_limit() -> None:
    assert shave(BessRange(100, 50), UNLIMITED - 5) == 0
