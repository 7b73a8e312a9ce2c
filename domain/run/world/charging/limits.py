"""What a node may draw and give: as configured, as commanded, as the situation makes it. In W; None is unlimited."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from msgspec import UNSET

from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.run.world.state import ControllerMode, World

OFF_GRID = (ControllerMode.ISLANDED, ControllerMode.BLACK_START)


class Constraint(Enum):
    """Where the limit in force at a node comes from."""

    NONE = "NONE"
    CONFIGURED = "CONFIGURED"
    COMMANDED = "COMMANDED"
    FAIL_SAFE = "FAIL_SAFE"
    ISLANDED = "ISLANDED"
    OUTAGE = "OUTAGE"


class LimitInForce(NamedTuple):
    """`limit_w` None is unlimited."""

    limit_w: int | None
    constraint: Constraint


def limit_in_force(depot: Depot, world: World, node: int) -> LimitInForce:
    """Configured or commanded, cut by fail-safe, nothing in an outage or from a grid it is cut off from."""
    spec, state = depot.nodes[node].node, world.nodes[node]
    if state.outage:
        return LimitInForce(0, Constraint.OUTAGE)
    for controller in depot.controllers_at[node]:
        if world.controllers[controller].mode in OFF_GRID:
            return LimitInForce(0, Constraint.ISLANDED)
    commanded = state.limit_w is not None
    limit = state.limit_w if commanded else spec.limit
    fail_safe_limit = fail_safe_limit_w(depot, world, node)
    if fail_safe_limit is not None and (limit is None or fail_safe_limit < limit):
        for controller in depot.controllers_at[node]:
            if world.controllers[controller].fail_safe:
                return LimitInForce(fail_safe_limit, Constraint.FAIL_SAFE)
    if limit is None:
        return LimitInForce(None, Constraint.NONE)
    return LimitInForce(int(limit), Constraint.COMMANDED if commanded else Constraint.CONFIGURED)


def fail_safe_limit_w(depot: Depot, world: World, node: int) -> int | None:
    """What the node falls back to when its controller's heartbeats are lost; None when there is nothing to fall to."""
    commanded, configured = world.nodes[node].fail_safe_limit_w, depot.nodes[node].node.fail_safe_limit
    if commanded is not UNSET:
        return commanded
    return None if configured is None else int(configured)


def export_limit_w(depot: Depot, world: World, node: int) -> int | None:
    """What the node may give to the one above it."""
    commanded = world.nodes[node].export_limit_w
    return depot.export_limits_w[node] if commanded is UNSET else commanded


def export_limits_w(depot: Depot, world: World) -> list[int | None]:
    """Export limits by node index."""
    return [export_limit_w(depot, world, node) for node in range(len(depot.nodes))]
