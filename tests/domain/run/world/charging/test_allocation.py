"""Sharing power among connectors over random trees of limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.configuration.document import AllocationPolicy, Connector, Node
from depot_sim.domain.run.world.charging.allocation import UNLIMITED, Allocation, Claim, allocate, take
from depot_sim.domain.run.world.depot import Depot
from tests.domain.run.world.depots import KW, MONDAY_NOON, charger, document

FIRST_COME, PRIORITY, PROPORTIONAL = AllocationPolicy


class Site:
    """A compiled tree, what each constraint may give, and who wants power."""

    def __init__(self, nodes: list[Node], chargers: dict[str, tuple[str, int]], limits: dict[str, int]) -> None:
        """`chargers`: id -> (node, connectors)."""
        made = [
            charger(id, node=node, connectors=tuple(Connector(id=str(i)) for i in range(count)))
            for id, (node, count) in chargers.items()
        ]
        self.depot = Depot(document(nodes=nodes, chargers=tuple(made)), MONDAY_NOON)
        self.room = [limits.get(node.id, UNLIMITED) for node in nodes] + [int(c.rating) for c in made]

    def share(self, claims: list[Claim]) -> Allocation:
        return allocate(self.depot, claims, list(self.room))


def one_node(limit: int, connectors: int, policy: AllocationPolicy) -> Site:
    nodes = [Node(id="grid", allocation=policy)]
    return Site(nodes, {f"c{i}": ("grid", 1) for i in range(connectors)}, {"grid": limit})


def claims_of(*demands: int, priorities: tuple[int, ...] = ()) -> list[Claim]:
    return [
        Claim(index, demand, index + 1, priorities[index] if priorities else 0) for index, demand in enumerate(demands)
    ]


@st.composite
def sites(draw: st.DrawFn, policies: list[AllocationPolicy | None] | None = None) -> tuple[Site, list[Claim]]:
    policies = policies or [None, *AllocationPolicy]
    count = draw(st.integers(1, 6))
    ids = [f"n{i}" for i in range(count)]
    nodes = [
        Node(
            id=id,
            parent=ids[draw(st.integers(0, index - 1))] if index else None,
            allocation=draw(st.sampled_from(policies)),
        )
        for index, id in enumerate(ids)
    ]
    limits = {id: draw(st.integers(-50 * KW, 400 * KW)) for id in ids if draw(st.booleans())}
    chargers = {f"c{i}": (draw(st.sampled_from(ids)), draw(st.integers(1, 2))) for i in range(draw(st.integers(1, 5)))}
    site = Site(nodes, chargers, limits)
    order = draw(st.permutations(range(len(site.depot.connectors))))
    claims = [
        Claim(connector, draw(st.integers(0, 150 * KW)), session, draw(st.integers(0, 2)))
        for session, connector in enumerate(order[: draw(st.integers(0, len(order)))])
    ]
    return site, claims


@given(sites())
def test_no_constraint_ever_gives_more_than_it_has(drawn: tuple[Site, list[Claim]]) -> None:
    site, claims = drawn
    result = site.share(claims)
    assert set(result.granted_w) == {claim.connector for claim in claims}
    assert all(0 <= result.granted_w[claim.connector] <= claim.demand_w for claim in claims)
    for constraint, room in enumerate(site.room):
        given = sum(
            power
            for connector, power in result.granted_w.items()
            if constraint in site.depot.connectors[connector].path
        )
        assert given <= max(0, room)
        assert result.left_w[constraint] == room - given


@given(sites())
def test_nobody_is_held_back_while_there_is_room_on_the_whole_path(drawn: tuple[Site, list[Claim]]) -> None:
    site, claims = drawn
    result = site.share(claims)
    rounding = len(site.room) + len(claims)  # watts lost where a proportion is not whole
    for claim in claims:
        if result.granted_w[claim.connector] < claim.demand_w:
            path = site.depot.connectors[claim.connector].path
            assert min(result.left_w[constraint] for constraint in path) <= rounding


@given(sites([FIRST_COME]))
def test_first_come_serves_each_session_what_the_earlier_ones_left(drawn: tuple[Site, list[Claim]]) -> None:
    assert_greedy(*drawn, order=drawn[1])


@given(sites([PRIORITY]))
def test_priority_serves_the_more_urgent_first_and_equals_in_order_of_arrival(drawn: tuple[Site, list[Claim]]) -> None:
    assert_greedy(*drawn, order=sorted(drawn[1], key=lambda claim: (-claim.priority, claim.session)))


def assert_greedy(site: Site, claims: list[Claim], order: list[Claim]) -> None:
    result = site.share(claims)
    left = list(site.room)
    for claim in order:
        path = site.depot.connectors[claim.connector].path
        expected = max(0, min(claim.demand_w, *(left[constraint] for constraint in path)))
        assert result.granted_w[claim.connector] == expected
        for constraint in path:
            left[constraint] -= expected


@given(st.integers(0, 400 * KW), st.lists(st.integers(0, 150 * KW), min_size=1, max_size=6))
def test_proportional_shares_are_in_proportion_to_demand(limit: int, demands: list[int]) -> None:
    result = one_node(limit, len(demands), PROPORTIONAL).share(claims_of(*demands))
    total = sum(demands)
    for connector, demand in enumerate(demands):
        fair = demand if total <= limit else limit * demand // total
        assert result.granted_w[connector] == fair


def test_proportional_counts_only_what_a_subtree_can_use() -> None:
    nodes = [Node(id="grid", allocation=PROPORTIONAL), Node(id="a", parent="grid"), Node(id="b", parent="grid")]
    site = Site(nodes, {"c0": ("a", 1), "c1": ("b", 1)}, {"grid": 120 * KW, "a": 50 * KW})
    assert site.share(claims_of(150 * KW, 100 * KW)).granted_w == {0: 40 * KW, 1: 80 * KW}


def test_connectors_of_one_charger_share_its_rating() -> None:
    greedy = Site([Node(id="grid")], {"c": ("grid", 2)}, {})
    assert greedy.share(claims_of(100 * KW, 100 * KW)).granted_w == {0: 100 * KW, 1: 50 * KW}
    fair = Site([Node(id="grid", allocation=PROPORTIONAL)], {"c": ("grid", 2)}, {})
    assert fair.share(claims_of(100 * KW, 100 * KW)).granted_w == {0: 75 * KW, 1: 75 * KW}


def test_a_feeder_by_priority_below_a_root_by_arrival_divides_its_own_part_by_priority() -> None:
    nodes = [Node(id="grid", allocation=FIRST_COME), Node(id="f", parent="grid", allocation=PRIORITY)]
    site = Site(nodes, {"c0": ("f", 1), "c1": ("f", 1)}, {"f": 100 * KW})
    claims = claims_of(100 * KW, 100 * KW, priorities=(0, 1))
    assert site.share(claims).granted_w == {0: 0, 1: 100 * KW}


def test_a_feeder_by_arrival_below_a_root_by_priority_divides_its_own_part_by_arrival() -> None:
    nodes = [Node(id="grid", allocation=PRIORITY), Node(id="f", parent="grid", allocation=FIRST_COME)]
    site = Site(nodes, {"c0": ("f", 1), "c1": ("f", 1), "c2": ("grid", 1)}, {"grid": 150 * KW, "f": 100 * KW})
    claims = claims_of(100 * KW, 100 * KW, 100 * KW, priorities=(0, 2, 1))
    assert site.share(claims).granted_w == {0: 100 * KW, 1: 0, 2: 50 * KW}


def test_a_policy_below_a_node_that_shares_like_its_parent_counts() -> None:
    nodes = [
        Node(id="grid", allocation=FIRST_COME),
        Node(id="feeder", parent="grid"),
        Node(id="circuit", parent="feeder", allocation=PROPORTIONAL),
    ]
    site = Site(nodes, {"c0": ("circuit", 1), "c1": ("circuit", 1)}, {"grid": 100 * KW})
    assert site.share(claims_of(100 * KW, 100 * KW)).granted_w == {0: 50 * KW, 1: 50 * KW}


def test_a_node_without_a_policy_shares_as_its_parent_does() -> None:
    nodes = [Node(id="grid", allocation=PROPORTIONAL), Node(id="feeder", parent="grid")]
    site = Site(nodes, {"c0": ("feeder", 1), "c1": ("feeder", 1)}, {"feeder": 100 * KW})
    assert site.share(claims_of(150 * KW, 50 * KW)).granted_w == {0: 75 * KW, 1: 25 * KW}


@pytest.mark.parametrize("policy", list(AllocationPolicy))
def test_a_node_in_deficit_gives_nothing(policy: AllocationPolicy) -> None:
    result = one_node(-10 * KW, 2, policy).share(claims_of(100 * KW, 100 * KW))
    assert result.granted_w == {0: 0, 1: 0}
    assert result.left_w[0] == -10 * KW


def test_a_late_claim_gets_what_is_left_on_its_path() -> None:
    site = one_node(120 * KW, 2, FIRST_COME)
    left = site.share([Claim(0, 100 * KW, 1, 0)]).left_w
    path = site.depot.connectors[1].path
    assert take(left, path, 150 * KW) == 20 * KW
    assert take(left, path, 150 * KW) == 0
    assert left[0] == 0
