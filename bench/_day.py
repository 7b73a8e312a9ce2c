"""A recorded day of a depot, as the log would hold it: real events of the real world, to fill logs with."""

from __future__ import annotations

from typing import Any

import msgspec

from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.events import EncodedEvent, encode
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.events import SimulationRunStarted

DAY_MS = 86_400_000
_BUSES_PER_FEEDER = 20


def recorded_day(run_id: str, buses: int, tick_ms: int) -> list[EncodedEvent]:
    """The whole stream of a run of one day; every bus comes home, charges and leaves once."""
    definition = Definition.of(depot(buses))
    run = SimulationRun(run_id)
    document = msgspec.Raw(definition.document_json)
    run.start(
        SimulationRunStarted(
            at=0,
            run_id=run_id,
            configuration_id="bench",
            configuration_version=1,
            document=document,
            seed=7,
            start_time="2026-01-05T12:00:00+00:00",
            tick_ms=tick_ms,
        )
    )
    while run.world.at < DAY_MS:
        run.tick()
    run.stop()
    return [encode(event) for event in run.take_pending()]


def depot(buses: int) -> dict[str, Any]:
    """One grid connection, a feeder for every twenty buses, a charger for each."""
    feeders = range(-(-buses // _BUSES_PER_FEEDER))
    nodes = [{"id": "grid", "limit": f"{35 * buses} kW"}, *({"id": f"f{i}", "parent": "grid"} for i in feeders)]
    return {
        "name": f"{buses} buses",
        "topology": {"nodes": nodes},
        "managed_scopes": [{"id": "site", "node": "grid"}],
        "vehicle_types": [{"id": "bus", "climate_control": False}],
        "vehicles": [_vehicle(i) for i in range(buses)],
        "chargers": [{"id": f"c{i}", "node": f"f{i // _BUSES_PER_FEEDER}"} for i in range(buses)],
        "sensors": [{"id": f"m-{node['id']}", "node": node["id"]} for node in nodes],
    }


def _vehicle(i: int) -> dict[str, Any]:
    """Home from the early evening to the morning, one after the other."""
    returns, departs = 17 * 60 + i * 7 % 360, 28 * 60 + i * 11 % 240
    duty = {"id": "day", "departs": _clock(departs - 1440), "returns": _clock(returns), "distance": "180 km"}
    first = {"id": "first", "departs": "+00:00", "returns": f"+{_clock(returns - 720)}", "energy": "216 kWh"}
    return {"id": f"b{i}", "type": "bus", "connector": f"c{i}/1", "duties": [first, duty]}


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
