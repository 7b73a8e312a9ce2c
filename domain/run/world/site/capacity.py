"""What a node has for charging: the least, over its path, of limit less other load plus what storage and sun can add.

The same sums as the next tick makes, so what is said here is what the allocation would hand out.
"""

from __future__ import annotations

from depot_sim.domain.kernel.quantities import MS_PER_MINUTE
from depot_sim.domain.run.world.charging.allocation import UNLIMITED
from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.run.world.site.balance import Balance
from depot_sim.domain.run.world.state import World

HORIZON = MS_PER_MINUTE
"""For so long (ms) storage has to keep up what it adds."""


def charging_capacities(depot: Depot, world: World, horizon: int = HORIZON) -> list[int | None]:
    """W for all charging at each node and below it, by node index; None where nothing limits it."""
    room = Balance(depot, world, world.at, world.at + horizon).room()
    least = [min([room[above] for above in spec.ancestors]) for spec in depot.nodes]
    return [None if power > UNLIMITED // 2 else max(0, power) for power in least]
