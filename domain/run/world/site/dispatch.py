"""Storage for one tick: what it can do and what it is told.

A BESS under LOCAL control or an ACTIVE dispatch follows its setpoint. Otherwise it shaves peaks: it discharges what the
load is above a limit on its path, and recharges from the room that charging leaves on all of it. Efficiency counts both
ways, and energy left bounds power, so a tick never ends outside the state-of-charge window.
"""

from __future__ import annotations

from typing import NamedTuple

from depot_sim.domain.configuration.document import Bess
from depot_sim.domain.kernel.quantities import MS_PER_SECOND, PPM
from depot_sim.domain.run.world.charging.allocation import UNLIMITED
from depot_sim.domain.run.world.state import BessState, Control, Dispatch, PowerState


class BessRange(NamedTuple):
    """The powers a BESS can hold for a whole tick: -discharge_w … charge_w."""

    discharge_w: int
    charge_w: int

    def clamp(self, power_w: int) -> int:
        return max(-self.discharge_w, min(self.charge_w, power_w))


def bess_range(spec: Bess, state: BessState, tick_ms: int, *, energised: bool) -> BessRange:
    if state.power_state is not PowerState.ON or not energised:
        return BessRange(0, 0)
    above_min = max(0, state.stored_mj - spec.capacity * spec.min_soc // PPM)
    below_max = max(0, spec.capacity * spec.max_soc // PPM - state.stored_mj)
    step = spec.rating * spec.ramp // PPM * tick_ms // MS_PER_SECOND
    discharge = min(int(spec.rating), above_min * spec.efficiency // PPM // tick_ms, step - state.power_w)
    charge = min(int(spec.rating), below_max * PPM // spec.efficiency // tick_ms, step + state.power_w)
    return BessRange(max(0, discharge), max(0, charge))


def follows_setpoint(state: BessState) -> bool:
    return state.control is Control.LOCAL or state.dispatch is Dispatch.ACTIVE


def shave(available: BessRange, headroom_w: int) -> int:
    """Power of a BESS that shaves peaks: `headroom_w` is the least room on its path, below zero where load is high."""
    if headroom_w < 0:
        return -min(available.discharge_w, -headroom_w)
    return 0 if headroom_w > UNLIMITED // 2 else min(available.charge_w, headroom_w)


def stored_after(spec: Bess, stored_mj: int, power_w: int, duration_ms: int) -> int:
    """Stored energy after holding a power; losses are on the battery's side in both directions."""
    moved = power_w * duration_ms
    if power_w >= 0:
        return stored_mj + moved * spec.efficiency // PPM
    return stored_mj + moved * PPM // spec.efficiency
