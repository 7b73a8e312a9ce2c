"""Sharing what every node may draw among the connectors below it, down the whole tree, once per tick.

Grants never add up to more than any constraint on their path, so a limit is only ever overshot by load that is not
allocated here (the node's other load) or by a fault that says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from depot_sim.domain.configuration.document import AllocationPolicy
from depot_sim.domain.run.world.depot import Depot

UNLIMITED = 1 << 60


class Claim(NamedTuple):
    """A connector that wants power. Claims are served in order: higher priority first where the policy asks for it."""

    connector: int
    demand_w: int
    session: int
    priority: int


class Allocation(NamedTuple):
    """Grants by connector, and what is left at each constraint for connectors that start later in the tick."""

    granted_w: dict[int, int]
    left_w: list[int]


def allocate(depot: Depot, claims: Sequence[Claim], room_w: list[int]) -> Allocation:
    """Grant power to `claims` (in session order) within `room_w`, the budget of each constraint; room_w is used up."""
    if not depot.greedy:
        return _share(depot, claims, room_w)
    if depot.nodes[depot.root].policy is AllocationPolicy.PRIORITY:
        claims = sorted(claims, key=_by_priority)
    return Allocation(_greedy(depot, claims, room_w), room_w)


def take(left_w: list[int], constraints: Sequence[int], demand_w: int) -> int:
    """What a demand outside the allocation gets from what these constraints have left; it is taken off them."""
    granted = max(0, min([demand_w, *(left_w[constraint] for constraint in constraints)]))
    for constraint in constraints:
        left_w[constraint] -= granted
    return granted


def _by_priority(claim: Claim) -> tuple[int, int]:
    return -claim.priority, claim.session


def _greedy(depot: Depot, claims: Sequence[Claim], left_w: list[int]) -> dict[int, int]:
    granted: dict[int, int] = {}
    connectors = depot.connectors
    for connector, demand, _, _ in claims:
        path = connectors[connector].path
        for constraint in path:
            if left_w[constraint] < demand:
                demand = left_w[constraint]
        if demand > 0:
            for constraint in path:
                left_w[constraint] -= demand
            granted[connector] = demand
        else:
            granted[connector] = 0
    return granted


def _share(depot: Depot, claims: Sequence[Claim], room_w: list[int]) -> Allocation:
    """Mixed or proportional trees: grant from the root down, each node by its own policy, then take the sums off."""
    by_node: list[list[Claim]] = [[] for _ in depot.nodes]
    for claim in claims:
        for node in depot.connectors[claim.connector].nodes:
            by_node[node].append(claim)
    granted: dict[int, int] = {}
    _share_node(depot, depot.root, by_node, room_w, room_w[depot.root], granted)
    left = list(room_w)
    for connector, power in granted.items():
        for constraint in depot.connectors[connector].path:
            left[constraint] -= power
    return Allocation(granted, left)


def _share_node(
    depot: Depot, node: int, by_node: list[list[Claim]], room_w: list[int], budget_w: int, granted: dict[int, int]
) -> None:
    budget_w = max(0, min(budget_w, room_w[node]))
    spec = depot.nodes[node]
    if spec.policy is AllocationPolicy.PROPORTIONAL:
        _share_in_proportion(depot, node, by_node, room_w, budget_w, granted)
        return
    claims = by_node[node]
    if spec.policy is AllocationPolicy.PRIORITY:
        claims = sorted(claims, key=_by_priority)
    left = list(room_w)
    left[node] = budget_w
    granted.update(_greedy(depot, claims, left))
    _divide_anew(depot, node, by_node, room_w, granted)


def _divide_anew(
    depot: Depot, node: int, by_node: list[list[Claim]], room_w: list[int], granted: dict[int, int]
) -> None:
    """Subtrees with another policy than the node divide anew what their connectors got together."""
    for child in depot.nodes[node].children:
        if depot.nodes[child].policy is depot.nodes[node].policy:
            _divide_anew(depot, child, by_node, room_w, granted)
        else:
            together = sum(granted[claim.connector] for claim in by_node[child])
            _share_node(depot, child, by_node, room_w, together, granted)


def _share_in_proportion(
    depot: Depot, node: int, by_node: list[list[Claim]], room_w: list[int], budget_w: int, granted: dict[int, int]
) -> None:
    spec = depot.nodes[node]
    own = [claim for claim in by_node[node] if depot.connectors[claim.connector].nodes[-1] == node]
    own_demand = _capped_by_charger(depot, own, room_w)
    below = {child: _demand_w(depot, child, by_node, room_w) for child in spec.children}
    total = sum(own_demand.values()) + sum(below.values())
    if total == 0:
        granted.update((claim.connector, 0) for claim in by_node[node])
        return
    budget_w = min(budget_w, total)
    for connector, demand in own_demand.items():
        granted[connector] = budget_w * demand // total
    for child, demand in below.items():
        _share_node(depot, child, by_node, room_w, budget_w * demand // total, granted)


def _demand_w(depot: Depot, node: int, by_node: list[list[Claim]], room_w: list[int]) -> int:
    """What the subtree can use: its connectors' demand, cut at every limit inside it."""
    own = [claim for claim in by_node[node] if depot.connectors[claim.connector].nodes[-1] == node]
    demand = sum(_capped_by_charger(depot, own, room_w).values())
    demand += sum(_demand_w(depot, child, by_node, room_w) for child in depot.nodes[node].children)
    return max(0, min(demand, room_w[node]))


def _capped_by_charger(depot: Depot, claims: Sequence[Claim], room_w: list[int]) -> Mapping[int, int]:
    """Demands right below a node, cut in proportion where connectors share one charger's rating."""
    totals: dict[int, int] = {}
    for claim in claims:
        shared = depot.connectors[claim.connector].path[-1]
        totals[shared] = totals.get(shared, 0) + claim.demand_w
    capped = {}
    for claim in claims:
        spec = depot.connectors[claim.connector]
        shared = spec.path[-1]
        is_charger = shared >= len(depot.nodes)
        room = room_w[shared] if is_charger else UNLIMITED
        capped[claim.connector] = claim.demand_w * min(room, totals[shared]) // max(1, totals[shared])
    return capped
