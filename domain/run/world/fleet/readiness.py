"""Whether a bus can leave: energy for the duty plus the reserve, never more than the target it charges to."""

from __future__ import annotations

from depot_sim.domain.kernel.quantities import PPM
from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.run.world.state import NOBODY, World


def required_mj(depot: Depot, world: World, vehicle: int) -> int:
    """What the battery has to hold for the next departure; 0 without a duty."""
    state, spec = world.vehicles[vehicle], depot.vehicles[vehicle]
    if state.duty == NOBODY:
        return 0
    duty = spec.vehicle.duties[state.duty]
    needed = depot.duty_energy_mj(vehicle, duty, state.departs_at) + spec.type.battery * spec.type.reserve_soc // PPM
    return min(needed, spec.type.battery * state.target_ppm // PPM)
