"""The plain site around an imported fleet: a grid connection, feeders, one row of chargers, one meter, one scope."""

from __future__ import annotations

from typing import Any, NamedTuple

from depot_sim.domain.kernel.quantities import Power

ROOT = "grid"
SCOPE = "site"
Raw = dict[str, Any]


class SitePlan(NamedTuple):
    """`chargers` None gives every bus its own; `limit_per_bus` None leaves the grid connection without a limit."""

    chargers: int | None = None
    charger_rating: Power = Power.parse("150 kW")
    limit_per_bus: Power | None = Power.parse("35 kW")
    chargers_per_feeder: int = 20
    feeder_limit: Power = Power.parse("1800 kW")


def power_text(watts: int) -> str:
    return f"{watts // 1_000} kW" if watts % 1_000 == 0 else f"{watts} W"


def site(vehicles: list[Raw], plan: SitePlan) -> Raw:
    """Topology, scope, chargers, meter and the given vehicles, each at its own charger when there are enough."""
    count = len(vehicles) if plan.chargers is None else plan.chargers
    chargers = [_charger(index, count, plan) for index in range(count)]
    if plan.chargers is None:
        vehicles = [{**bus, "connector": f"{charger['id']}/1"} for bus, charger in zip(vehicles, chargers, strict=True)]
    return {
        "topology": {"nodes": [_root(len(vehicles), plan), *_feeders(count, plan)]},
        "managed_scopes": [{"id": SCOPE, "node": ROOT, "name": "Whole site"}],
        "vehicles": vehicles,
        "chargers": chargers,
        "sensors": [{"id": "site-meter", "node": ROOT}],
    }


def numbered(name: str, index: int, count: int) -> str:
    """An id such as "bus-007", as wide as the highest number, counted from 1."""
    return f"{name}-{index + 1:0{max(len(str(count)), 2)}d}"


def _root(buses: int, plan: SitePlan) -> Raw:
    root: Raw = {"id": ROOT, "kind": "GRID_CONNECTION", "name": "Grid connection"}
    if plan.limit_per_bus is not None:
        root["limit"] = power_text(plan.limit_per_bus * buses)
    return root


def _feeders(chargers: int, plan: SitePlan) -> list[Raw]:
    count = -(-chargers // plan.chargers_per_feeder)
    limit = power_text(plan.feeder_limit)
    return [
        {"id": numbered("feeder", index, count), "parent": ROOT, "kind": "FEEDER", "limit": limit}
        for index in range(count)
    ]


def _charger(index: int, count: int, plan: SitePlan) -> Raw:
    feeders = -(-count // plan.chargers_per_feeder)
    feeder = numbered("feeder", index // plan.chargers_per_feeder, feeders)
    return {"id": numbered("charger", index, count), "node": feeder, "rating": power_text(plan.charger_rating)}
