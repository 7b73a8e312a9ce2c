"""Energy registers of storage and generation (mJ); they never fall."""

from __future__ import annotations

from msgspec import UNSET

from depot_sim.domain.kernel.quantities import PPM
from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.run.world.state import World


def bess_exported_mj(depot: Depot, world: World, bess: int) -> int:
    """What a battery has given so far: what went into its cells and is not there any more, less the way's losses."""
    spec, state = depot.bess[bess], world.bess[bess]
    begun_with = spec.capacity * spec.initial_soc // PPM
    adjusted = 0 if state.adjusted_mj is UNSET else state.adjusted_mj
    taken_ppm = state.imported_mj * spec.efficiency + (begun_with + adjusted - state.stored_mj) * PPM
    return max(0, taken_ppm * spec.efficiency // PPM**2)


def pv_generated_mj(world: World, pv: int) -> int:
    """What an array has given so far."""
    return 0 if world.generated_mj is UNSET else world.generated_mj[pv]
