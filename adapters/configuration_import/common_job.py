"""The common benchmark job for any number of buses and days: the depot on which simulators are compared.

Each bus has a 400 kWh battery and a 150 kW charger of its own, comes in around 19:00, leaves around 05:00 and drives
about 200 km; the run starts on a Monday at noon. Draws are seeded and come in a fixed order: one seed gives the same
vehicles on every Python.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from depot_sim.adapters.configuration_import.blocks import MINUTES_PER_DAY, clock
from depot_sim.adapters.configuration_import.loading import define
from depot_sim.adapters.configuration_import.site import ROOT, numbered, power_text
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.quantities import Power

START = "2026-03-02T12:00:00+00:00"
BATTERY_KWH = 400
CONSUMPTION_KWH_PER_KM = 1.2
FULL = 0.95
LIMIT_PER_BUS = Power.parse("35 kW")
CHARGERS_PER_FEEDER = 20
_LAST_RETURN = 7 * 60  # minutes after the job's end: the last trip's return lies beyond what is measured


class Stay(NamedTuple):
    """One night in the depot, in minutes since the start, and the trip that follows it."""

    arrives: int
    departs: int
    km_after: float


def common_job(buses: int, days: int, seed: int = 1, *, limits: bool = True, meters: bool = True) -> Definition:
    """The job as a definition; without `limits` the grid connection takes whatever is asked of it.

    Chargers hang on feeders of 20, without limits of their own; `meters` puts one on the site and one on every feeder.
    """
    draw = random.Random(seed)
    root: dict[str, Any] = {"id": ROOT, "kind": "GRID_CONNECTION"}
    if limits:
        root["limit"] = power_text(LIMIT_PER_BUS * buses)
    feeders = [numbered("feeder", index, _feeders(buses)) for index in range(_feeders(buses))]
    document = {
        "name": f"Common job, {buses} buses, {days} days",
        "topology": {"nodes": [root, *({"id": id, "parent": ROOT, "kind": "FEEDER"} for id in feeders)]},
        "managed_scopes": [{"id": "site", "node": ROOT}],
        "vehicle_types": [_vehicle_type()],
        "vehicles": [_vehicle(index, buses, *_timetable(draw, days)) for index in range(buses)],
        "chargers": [_charger(index, buses) for index in range(buses)],
        "sensors": [{"id": f"{node}-meter", "node": node} for node in (ROOT, *feeders)] if meters else [],
    }
    return define(document)


def _timetable(draw: random.Random, days: int) -> tuple[float, list[Stay]]:
    """State of charge at the first arrival, and the nights."""
    stays = []
    for day in range(days):
        arrives = int(day * MINUTES_PER_DAY + _clipped(draw.gauss(420, 60), 240, 600))
        departs = int(day * MINUTES_PER_DAY + _clipped(draw.gauss(1020, 45), 870, 1140))
        stays.append(Stay(arrives, departs, _km(draw)))
    return FULL - _km(draw) * CONSUMPTION_KWH_PER_KM / BATTERY_KWH, stays


def _km(draw: random.Random) -> float:
    return _clipped(draw.gauss(200, 30), 100, 260)


def _clipped(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)


def _vehicle_type() -> dict[str, Any]:
    return {
        "id": "bus",
        "battery": f"{BATTERY_KWH} kWh",
        "consumption": f"{CONSUMPTION_KWH_PER_KM} kWh/km",
        "reserve_soc": "0 %",
        "precondition_power": "0 W",
        "climate_control": False,
    }


def _vehicle(index: int, count: int, soc: float, stays: list[Stay]) -> dict[str, Any]:
    returns = [stay.arrives for stay in stays[1:]] + [len(stays) * MINUTES_PER_DAY + _LAST_RETURN]
    first = {"id": "out", "departs": "+00:00", "returns": _since_start(stays[0].arrives), "energy": "0 kWh"}
    return {
        "id": numbered("bus", index, count),
        "type": "bus",
        "initial_soc": f"{soc * 100:.4f} %",
        "target_soc": "100 %",
        "plug_in_delay": "0 s",
        "connector": f"{numbered('charger', index, count)}/1",
        "duties": [
            first,
            *(_trip(day, stay, back) for day, (stay, back) in enumerate(zip(stays, returns, strict=True))),
        ],
    }


def _trip(day: int, stay: Stay, returns: int) -> dict[str, Any]:
    times = {"departs": _since_start(stay.departs), "returns": _since_start(returns)}
    return {"id": f"day-{day + 1}", **times, "distance": f"{stay.km_after:.6f} km"}


def _feeders(chargers: int) -> int:
    return -(-chargers // CHARGERS_PER_FEEDER)


def _since_start(minutes: int) -> str:
    return f"+{clock(minutes)}"


def _charger(index: int, count: int) -> dict[str, Any]:
    return {
        "id": numbered("charger", index, count),
        "node": numbered("feeder", index // CHARGERS_PER_FEEDER, _feeders(count)),
        "rating": "150 kW",
        "standby": "0 W",
        "dead_time": "0 s",
        "ramp_up": "150000 kW/s",
    }
