"""/simulation-runs/{run_id}/…: the world now, whole or one thing of it, and at any earlier moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, SkipValidation

from depot_sim.adapters.control_api.etags import is_known, world_etag
from depot_sim.adapters.control_api.requests import ApiRequest, query_of
from depot_sim.adapters.control_api.times import from_query
from depot_sim.application.run.requests import parse_moment, time_at
from depot_sim.application.run.views import (
    BessView,
    ChargerView,
    ConnectorView,
    ControllerView,
    NodeView,
    PvView,
    SensorView,
    VehicleView,
    Viewer,
    WorldView,
)
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.world.depot import find

T = TypeVar("T")


class WorldQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`at` is an RFC 3339 time or "+90 min" since the run's start, `event` a version of the run; neither means now."""

    at: str | None = None
    event: int | None = None


@get(
    "/world",
    summary="Read the whole world",
    dependencies={"asked": query_of(WorldQuery)},
    opt={"headers": ["If-None-Match"]},
)
async def get_world(
    request: ApiRequest, run_id: FromPath[str], asked: NamedDependency[SkipValidation[WorldQuery]]
) -> Response[WorldView]:
    """Now, or as it was at an earlier moment or after one event. The ETag is the event it stands after."""
    run = await _run_as_asked(request, run_id, asked)
    etag = world_etag(run.version)
    if is_known(request.headers.get("if-none-match"), etag):
        return Response(None, status_code=304, headers={"ETag": etag})  # type: ignore[arg-type]
    return Response(Viewer(run).world(), headers={"ETag": etag})


@get("/vehicles", summary="List vehicles")
async def list_vehicles(request: ApiRequest, run_id: FromPath[str]) -> list[VehicleView]:
    """In the order of the definition."""
    return await _each(request, run_id, Viewer.vehicle, "vehicles")


@get("/vehicles/{vehicle_id:str}", summary="Read a vehicle")
async def get_vehicle(request: ApiRequest, run_id: FromPath[str], vehicle_id: FromPath[str]) -> VehicleView:
    """Where it is, what it does, what is in its battery."""
    return await _one(request, run_id, Viewer.vehicle, "vehicle", vehicle_id)


@get("/chargers", summary="List chargers with their connectors")
async def list_chargers(request: ApiRequest, run_id: FromPath[str]) -> list[ChargerView]:
    """In the order of the definition."""
    return await _each(request, run_id, Viewer.charger, "chargers")


@get("/chargers/{charger_id:str}", summary="Read a charger with its connectors")
async def get_charger(request: ApiRequest, run_id: FromPath[str], charger_id: FromPath[str]) -> ChargerView:
    """Availability, fault, and the sum of its connectors."""
    return await _one(request, run_id, Viewer.charger, "charger", charger_id)


@get("/chargers/{charger_id:str}/connectors/{connector:str}", summary="Read a connector")
async def get_connector(
    request: ApiRequest, run_id: FromPath[str], charger_id: FromPath[str], connector: FromPath[str]
) -> ConnectorView:
    """Status, session, limit, power and register; `connector` is its id within the charger."""
    return await _one(request, run_id, Viewer.connector, "connector", f"{charger_id}/{connector}")


@get("/sensors", summary="List sensors")
async def list_sensors(request: ApiRequest, run_id: FromPath[str]) -> list[SensorView]:
    """In the order of the definition."""
    return await _each(request, run_id, Viewer.sensor, "sensors")


@get("/sensors/{sensor_id:str}", summary="Read a sensor")
async def get_sensor(request: ApiRequest, run_id: FromPath[str], sensor_id: FromPath[str]) -> SensorView:
    """Its last reading, with its errors and faults."""
    return await _one(request, run_id, Viewer.sensor, "sensor", sensor_id)


@get("/nodes", summary="List nodes of the electrical tree")
async def list_nodes(request: ApiRequest, run_id: FromPath[str]) -> list[NodeView]:
    """In the order of the definition."""
    return await _each(request, run_id, Viewer.node, "nodes")


@get("/nodes/{node_id:str}", summary="Read a node")
async def get_node(request: ApiRequest, run_id: FromPath[str], node_id: FromPath[str]) -> NodeView:
    """Load, limit, headroom, breach and registers."""
    return await _one(request, run_id, Viewer.node, "node", node_id)


@get("/bess", summary="List battery storage systems")
async def list_bess(request: ApiRequest, run_id: FromPath[str]) -> list[BessView]:
    """In the order of the definition."""
    return await _each(request, run_id, Viewer.bess, "bess")


@get("/bess/{bess_id:str}", summary="Read a battery storage system")
async def get_bess(request: ApiRequest, run_id: FromPath[str], bess_id: FromPath[str]) -> BessView:
    """What it is told, what it does, what is stored in it."""
    return await _one(request, run_id, Viewer.bess, "bess", bess_id)


@get("/pv", summary="List PV arrays")
async def list_pv(request: ApiRequest, run_id: FromPath[str]) -> list[PvView]:
    """In the order of the definition."""
    return await _each(request, run_id, Viewer.pv, "pv")


@get("/pv/{pv_id:str}", summary="Read a PV array")
async def get_pv(request: ApiRequest, run_id: FromPath[str], pv_id: FromPath[str]) -> PvView:
    """What it generates and what of it is let through."""
    return await _one(request, run_id, Viewer.pv, "pv", pv_id)


@get("/controllers", summary="List microgrid controllers")
async def list_controllers(request: ApiRequest, run_id: FromPath[str]) -> list[ControllerView]:
    """In the order of the definition."""
    return await _each(request, run_id, Viewer.controller, "controllers")


@get("/controllers/{controller_id:str}", summary="Read a microgrid controller")
async def get_controller(request: ApiRequest, run_id: FromPath[str], controller_id: FromPath[str]) -> ControllerView:
    """Mode, heartbeats, and whether its node is in fail-safe."""
    return await _one(request, run_id, Viewer.controller, "controller", controller_id)


WORLD_ROUTES: list[HTTPRouteHandler] = [
    get_world,
    list_vehicles,
    get_vehicle,
    list_chargers,
    get_charger,
    get_connector,
    list_sensors,
    get_sensor,
    list_nodes,
    get_node,
    list_bess,
    get_bess,
    list_pv,
    get_pv,
    list_controllers,
    get_controller,
]


async def _each(request: ApiRequest, run_id: str, look: Callable[[Viewer, int], T], things: str) -> list[T]:
    run = await request.backend.live.get(run_id)
    viewer = Viewer(run)
    return [look(viewer, index) for index in range(len(getattr(run.world, things)))]


async def _one(request: ApiRequest, run_id: str, look: Callable[[Viewer, int], T], thing: str, id: str) -> T:
    """Raises NotFound naming some ids there are."""
    run = await request.backend.live.get(run_id)
    return look(Viewer(run), find(thing, getattr(run.depot, f"{thing}_index"), id))


async def _run_as_asked(request: ApiRequest, run_id: str, asked: WorldQuery) -> SimulationRun:
    live = request.backend.live
    now = await live.get(run_id)
    if asked.at is not None and asked.event is not None:
        raise InvalidInput([Fault("/event", f"{asked.event} beside at", "one of at and event")])
    if asked.event is not None:
        if not 1 <= asked.event <= now.version:
            raise InvalidInput([Fault("/event", str(asked.event), f"an event of the run, 1 to {now.version}")])
        return now if asked.event == now.version else await live.at_version(run_id, asked.event)
    if asked.at is None:
        return now
    at = parse_moment(now.started.start_time, from_query(asked.at), "/at")
    if not 0 <= at <= now.world.at:
        start, present = (time_at(now.started.start_time, moment) for moment in (0, now.world.at))
        raise InvalidInput(
            [Fault("/at", repr(from_query(asked.at)), f"a time from {start} to {present}, which is now")]
        )
    return await live.at_time(run_id, at)
